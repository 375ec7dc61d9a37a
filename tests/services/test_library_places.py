"""Every program's folder on every system, with and without its environment variable."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from playground.services.library.app_folders import AppModelFolder, app_model_folders
from playground.services.library.service import ModelLibrary
from tests.services.model_files import dense, listed, ollama

USUAL = [
    ("linux", "LM Studio", ".lmstudio/models"),
    ("linux", "LM Studio", ".cache/lm-studio/models"),
    ("linux", "Jan", ".local/share/Jan/data/llamacpp/models"),
    ("linux", "Jan", ".config/Jan/data/models"),
    ("linux", "GPT4All", ".local/share/nomic.ai/GPT4All"),
    ("linux", "llama.cpp", ".cache/llama.cpp"),
    ("linux", "Ollama", ".ollama/models"),
    ("darwin", "LM Studio", ".lmstudio/models"),
    ("darwin", "Jan", "Library/Application Support/Jan/data/llamacpp/models"),
    ("darwin", "GPT4All", "Library/Application Support/nomic.ai/GPT4All"),
    ("darwin", "llama.cpp", "Library/Caches/llama.cpp"),
    ("darwin", "Ollama", ".ollama/models"),
    ("win32", "LM Studio", ".lmstudio/models"),
    ("win32", "Jan", "AppData/Roaming/Jan/data/llamacpp/models"),
    ("win32", "GPT4All", "AppData/Local/nomic.ai/GPT4All"),
    ("win32", "llama.cpp", "AppData/Local/llama.cpp"),
    ("win32", "Ollama", ".ollama/models"),
]
NAMED = [
    ("linux", "Jan", "XDG_DATA_HOME", "Jan/data"),
    ("linux", "Jan", "XDG_CONFIG_HOME", "Jan/data"),
    ("linux", "GPT4All", "XDG_DATA_HOME", "nomic.ai/GPT4All"),
    ("linux", "llama.cpp", "XDG_CACHE_HOME", "llama.cpp"),
    ("win32", "Jan", "APPDATA", "Jan/data"),
    ("win32", "GPT4All", "LOCALAPPDATA", "nomic.ai/GPT4All"),
    ("win32", "llama.cpp", "LOCALAPPDATA", "llama.cpp"),
    *(
        (platform, app, variable, below)
        for platform in ("linux", "darwin", "win32")
        for app, variable, below in (
            ("Jan", "JAN_DATA_FOLDER", "."),
            ("llama.cpp", "LLAMA_CACHE", "."),
            ("Ollama", "OLLAMA_MODELS", "."),
        )
    ),
]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A person's home."""
    path = tmp_path / "home"
    path.mkdir()
    return path


def put(app: str, folder: Path, scratch: Path) -> None:
    """Put a model into a program's folder as that program does."""
    if app == "Ollama":
        ollama(folder, "registry.ollama.ai/library/m/1b", dense(scratch / "m.gguf"))
    else:
        dense(folder / "m.gguf")


async def owners(
    home: Path, platform: str, environment: dict[str, str]
) -> list[tuple[str, str | None]]:
    """Return source and owner of what is found."""

    def apps() -> tuple[AppModelFolder, ...]:
        return app_model_folders(platform, environment, home, home / "hub")

    library = ModelLibrary(lambda: (), home / "own", apps=apps)
    return [(model.source, model.owner) for model in await listed(library)]


@pytest.mark.parametrize(("platform", "app", "below"), USUAL)
async def test_a_programs_models_are_found_where_it_usually_puts_them(
    home: Path, tmp_path: Path, platform: str, app: str, below: str
) -> None:
    put(app, home / below, tmp_path)
    assert await owners(home, platform, {}) == [(app, app)]


@pytest.mark.parametrize(("platform", "app", "variable", "below"), NAMED)
async def test_a_programs_models_are_found_where_its_variable_says(
    home: Path, tmp_path: Path, platform: str, app: str, variable: str, below: str
) -> None:
    put(app, tmp_path / "elsewhere" / below, tmp_path)
    environment = {variable: str(tmp_path / "elsewhere")}
    assert await owners(home, platform, environment) == [(app, app)]
    assert await owners(home, platform, {}) == []


@pytest.mark.parametrize(
    ("variable", "value", "below"),
    [
        ("HF_HUB_CACHE", "$BASE/there", "there"),
        ("HUGGINGFACE_HUB_CACHE", "~/there", "there"),
        ("HF_HOME", "$BASE/there", "there/hub"),
        ("XDG_CACHE_HOME", "$BASE/there", "there/huggingface/hub"),
        ("HF_HUB_CACHE", "", ".cache/huggingface/hub"),
        ("BASE", "unused", ".cache/huggingface/hub"),
    ],
)
def test_the_hubs_cache_is_where_its_own_library_puts_it(
    home: Path, variable: str, value: str, below: str
) -> None:
    # the library reads its variables when it is imported
    program = (
        "from playground.services.library.app_folders import app_model_folders\n"
        "print(*(one.folder for one in app_model_folders() if one.name == 'Hugging Face'))"
    )
    found = subprocess.run(
        [sys.executable, "-c", program],
        env={"PATH": os.environ["PATH"], "HOME": str(home), "BASE": str(home), variable: value},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == str(home / below)


@pytest.mark.parametrize("value", ["~/there", "$BASE/there", "${BASE}/there"])
async def test_a_variable_may_start_at_the_home_or_at_another_variable(
    home: Path, value: str
) -> None:
    dense(home / "there" / "m.gguf")
    environment = {"LLAMA_CACHE": value, "BASE": str(home)}
    assert await owners(home, "linux", environment) == [("llama.cpp", "llama.cpp")]


async def test_a_variable_that_is_empty_counts_as_none(home: Path) -> None:
    dense(home / ".cache" / "llama.cpp" / "m.gguf")
    assert await owners(home, "linux", {"LLAMA_CACHE": " "}) == [("llama.cpp", "llama.cpp")]


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
async def test_lm_studios_pointer_and_settings_lead_to_its_models(
    home: Path, tmp_path: Path, platform: str
) -> None:
    moved = tmp_path / "moved"
    (home / ".lmstudio-home-pointer").write_text(f"{moved}\n")
    dense(moved / "models" / "first.gguf")
    (moved / "settings.json").write_text('{"downloadsFolder": "' + str(tmp_path / "more") + '"}')
    dense(tmp_path / "more" / "second.gguf")
    assert await owners(home, platform, {}) == [("LM Studio", "LM Studio")] * 2


@pytest.mark.parametrize("settings", ["", "[", "[1]", '{"downloadsFolder": 7}', "\0" * 9, "{" * 99])
async def test_settings_of_lm_studio_that_make_no_sense_are_passed_over(
    home: Path, settings: str
) -> None:
    dense(home / ".lmstudio" / "models" / "m.gguf")
    (home / ".lmstudio" / "settings.json").write_text(settings)
    assert await owners(home, "linux", {}) == [("LM Studio", "LM Studio")]


async def test_publisher_and_name_come_from_the_folders_a_program_gives_a_meaning(
    home: Path,
) -> None:
    below = {
        ".lmstudio/models/acme/Thing-1B-GGUF/thing-1b-Q4_0.gguf": ("Thing 1B", "acme"),
        ".local/share/Jan/data/llamacpp/models/Jan-nano/model.gguf": ("Inner", None),
        ".local/share/Jan/data/models/huggingface.co/org/Other-GGUF/o.gguf": ("Other", "org"),
        "hub/models--lab--Last-7B/snapshots/1/last.gguf": ("Last 7B", "lab"),
        "own/any/depth/mine.gguf": ("Inner", None),
        "own/someone/Mine-2B-GGUF/mine.gguf": ("Mine 2B", "someone"),
    }
    for path in below:
        dense(home / path, "Inner")
    library = ModelLibrary(
        lambda: (), home / "own", apps=lambda: app_model_folders("linux", {}, home, home / "hub")
    )
    found = {
        str(model.path.relative_to(home)): (model.name, model.publisher)
        for model in await listed(library)
    }
    assert found == below


async def test_what_the_hubs_cache_holds_beside_models_is_not_walked_through(home: Path) -> None:
    cache = home / "hub"
    dense(cache / "datasets--org--texts" / "snapshots" / "1" / "sample.gguf")
    dense(cache / "models--org--thing" / "snapshots" / "1" / "thing.gguf")
    assert await owners(home, "linux", {}) == [("Hugging Face", "Hugging Face")]


async def test_only_programs_that_are_here_are_named_as_places(home: Path) -> None:
    dense(home / ".cache" / "llama.cpp" / "m.gguf")
    library = ModelLibrary(
        lambda: (), home / "own", apps=lambda: app_model_folders("darwin", {}, home, home / "hub")
    )
    assert "llama.cpp" not in {folder.name for folder in (await library.rescan()).folders}
    library = ModelLibrary(
        lambda: (), home / "own", apps=lambda: app_model_folders("linux", {}, home, home / "hub")
    )
    assert "llama.cpp" in {folder.name for folder in (await library.rescan()).folders}
