"""File names from a server."""

import pytest

from playground.core.filenames import is_safe_path


@pytest.mark.parametrize(
    "path",
    ["model.gguf", "Q4_K_M/model-00001-of-00002.gguf", "мodel 模型.gguf", "a/b/c.gguf", ".x"],
)
def test_usual_names_are_taken(path: str) -> None:
    assert is_safe_path(path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../x.gguf",
        "a/../../x.gguf",
        "a/./x.gguf",
        "a//x.gguf",
        "a/",
        "C:x.gguf",
        "C:/x.gguf",
        "//host/share/x.gguf",
        "..\\x.gguf",
        "a\\b.gguf",
        "nul",
        "NUL.gguf",
        "a/COM1.gguf",
        "x.gguf.",
        "x ",
        "x\x00.gguf",
        "x\n.gguf",
        "x\ud83d.gguf",
        "x?.gguf",
        "x:stream.gguf",
        "x" * 300,
        "a/" * 600 + "x",
    ],
)
def test_names_that_could_leave_the_folder_or_break_a_system_are_refused(path: str) -> None:
    assert not is_safe_path(path)
