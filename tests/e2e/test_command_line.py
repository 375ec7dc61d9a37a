"""The real command line as a process of its own, with the real starter model."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.servers.provider_scenarios import ANSWER, THOUGHT, ScenarioServer

ROOT = Path(__file__).resolve().parents[2]


def environment(home: Path, **more: str) -> dict[str, str]:
    return {**os.environ, "PLAYGROUND_HOME": str(home), "PYTHONPATH": str(ROOT), **more}


def playground(home: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "playground", *words],
        capture_output=True,
        text=True,
        env=environment(home, **more),
        timeout=110,
        check=False,
    )


def runs_of(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = json.loads(done.stdout)["runs"]
    return runs


def test_compare_prints_one_object_with_every_figure_of_the_contract(playground_home: Path) -> None:
    done = playground(
        playground_home, "compare", "--target", "local:starter", "--prompt", "Name a colour.",
        "--max-tokens", "12", "--temperature", "0", "--seed", "7", "--logprobs", "3", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (run,) = runs_of(done)
    assert run["status"] == "finished"
    assert run["text"].strip()
    # it is exported by the id that is printed
    key = json.loads(done.stdout)["comparison"]
    exported = playground(playground_home, "export", key, "--format", "md", "-o", "-")
    assert run["text"].strip() in exported.stdout
    assert run["seed"] == 7
    assert run["usage"]["provenance"] == "measured"
    assert 0 < run["usage"]["completion_tokens"] <= 12
    assert run["usage"]["processed_tokens"] == run["usage"]["prompt_tokens"]
    timings = run["timings"]
    assert timings["load_s"] > 0
    assert 0 < timings["prompt_s"] <= timings["ttft_s"] <= timings["total_s"]
    assert timings["first_answer_s"] == timings["ttft_s"]
    assert run["speeds"]["generation_tokens_per_s"] > 0
    assert run["speeds"]["provenance"] == {
        "prompt_tokens_per_s": "measured",
        "generation_tokens_per_s": "measured",
    }
    assert run["cost"]["kind"] == "electricity"
    assert run["cost"]["provenance"] == "estimated"
    assert run["was_loaded"] is False
    assert run["hosts"] == []
    assert run["error"] is None
    assert "".join(token["text"] for token in run["tokens"]).strip() == run["text"].strip()
    for token in run["tokens"]:
        assert 0 < token["probability"] <= 1
        assert len(token["alternatives"]) == 3
        assert token.keys() == {"text", "t_s", "probability", "alternatives", "id", "bytes"}
        for known in (token, *token["alternatives"]):
            assert known["id"] >= 0
            assert all(0 <= byte < 256 for byte in known["bytes"])
    written = b"".join(bytes(token["bytes"]) for token in run["tokens"])
    assert written.decode().strip() == run["text"].strip()


def test_the_same_request_gives_the_same_answer_and_processes_the_same_prompt(
    playground_home: Path,
) -> None:
    words = (
        "compare", "--target", "local:starter", "--target", "local:starter",
        "--prompt", "Tell me about rain.", "--max-tokens", "16", "--seed", "3", "--json",
    )  # fmt: skip
    first, second = runs_of(playground(playground_home, *words))
    assert first["text"] == second["text"]
    assert first["usage"] == second["usage"]
    assert (first["was_loaded"], second["was_loaded"]) == (False, True)
    assert second["timings"]["load_s"] is None
    assert (first["order"], second["order"]) == (0, 1)


def test_what_is_streamed_to_the_terminal_names_its_place(playground_home: Path) -> None:
    done = playground(
        playground_home, "compare", "--target", "local:starter", "--prompt", "Say hello.",
        "--max-tokens", "8",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "on this computer" in done.stdout
    assert "tokens/s" in done.stdout


def test_thinking_and_answer_stay_apart_in_the_terminal(playground_home: Path) -> None:
    names = ("reasoning_content", "think_closing_tag_alone", "ok")
    targets = [word for name in names for word in ("--target", f"lab:{name}")]
    with ScenarioServer() as server:
        playground(playground_home, "providers", "add", "lab", "--base-url", server.base_url)
        done = playground(playground_home, "compare", *targets, "--prompt", "Hi")
    assert done.returncode == 0, done.stderr
    assert f"[thinking]\n{THOUGHT}\n[answer]\n{ANSWER}\n" in done.stdout
    assert f"{THOUGHT}\n[all above was thinking]\n[answer]\n{ANSWER}\n" in done.stdout
    assert f"── ok (lab), on this computer\n{ANSWER}\n" in done.stdout


@pytest.mark.parametrize(
    ("target", "code", "sentence"),
    [
        ("local:no-such-model", 1, "no-such-model"),
        ("nowhere:model", 2, "nowhere"),
        ("starter", 2, "not a target"),
    ],
)
def test_a_target_that_is_not_there_is_one_line_without_a_traceback(
    playground_home: Path, target: str, code: int, sentence: str
) -> None:
    done = playground(playground_home, "compare", "--target", target, "--prompt", "hi", "--json")
    assert done.returncode == code
    assert done.stderr.count("\n") == 1
    assert sentence in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("words", [["compare"], ["compare", "--target"], ["nonsense"]])
def test_wrong_usage_exits_2(playground_home: Path, words: list[str]) -> None:
    done = playground(playground_home, *words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_without_a_screen_the_window_says_so_and_points_to_compare(playground_home: Path) -> None:
    done = playground(playground_home, QT_QPA_PLATFORM="", DISPLAY="", WAYLAND_DISPLAY="")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "playground compare" in done.stderr


def test_help_and_version_load_neither_qt_nor_any_engine(playground_home: Path) -> None:
    probe = (
        "import sys\nfrom playground.__main__ import main\n"
        "try:\n    main([sys.argv[1]])\nexcept SystemExit: pass\n"
        "heavy = {'PySide6', 'openai', 'llama_cpp', 'numpy', 'genai_prices', 'huggingface_hub'}\n"
        "print('LOADED', sorted(heavy & set(sys.modules)))"
    )
    for flag in ("--help", "--version"):
        done = subprocess.run(
            [sys.executable, "-c", probe, flag],
            capture_output=True,
            text=True,
            env=environment(playground_home),
            check=True,
        )
        assert "LOADED []" in done.stdout
        assert "playground" in done.stdout


def test_ctrl_c_keeps_what_was_written_and_leaves_nothing_running(playground_home: Path) -> None:
    process = subprocess.Popen(
        [
            sys.executable, "-m", "playground", "compare", "--target", "local:starter",
            "--prompt", "Write a very long story about the sea.", "--max-tokens", "4000",
        ],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment(playground_home), start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    heard = ""
    while len(heard) < 80:
        heard += process.stdout.read(20)
    children = psutil.Process(process.pid).children(recursive=True)
    # as a terminal does it: to the whole group, workers included
    os.killpg(process.pid, signal.SIGINT)
    rest, complaints = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "cancelled" in rest
    assert "Traceback" not in complaints
    assert children
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no file that is always full")
def test_a_full_disk_under_what_it_writes_to_is_no_bug(playground_home: Path) -> None:
    (playground_home / "settings.json").write_text("{damaged")
    words = [sys.executable, "-m", "playground", "monitor", "--json"]
    with Path("/dev/full").open("w") as full:
        told = subprocess.run(
            words,
            stdout=subprocess.PIPE,
            stderr=full,
            env=environment(playground_home),
            timeout=60,
            check=True,
        )
        refused = subprocess.run(
            words,
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment(playground_home),
            timeout=60,
            check=False,
        )
    assert json.loads(told.stdout)
    assert refused.returncode == 1
    assert refused.stderr == b"playground: The disk is full. Make room and try again.\n"


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
@pytest.mark.parametrize("handles", [12, 18])
def test_too_few_file_handles_are_a_sentence(playground_home: Path, handles: int) -> None:
    program = (
        "import resource, sys; from playground.__main__ import main;"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, ({handles}, {handles}));"
        "sys.exit(main(['compare', '--target', 'local:starter', '--prompt', 'hi', "
        "'--max-tokens', '2']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env=environment(playground_home),
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "Too many" in done.stderr
    assert "Traceback" not in done.stderr
    assert "mistake" not in done.stderr


def test_a_form_and_checks_are_held_against_every_answer(
    playground_home: Path, tmp_path: Path
) -> None:
    form = tmp_path / "form.json"
    form.write_text(
        '{"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"]}'
    )
    words = ("compare", "--target", "local:starter", "--prompt", "Say hello.", "--max-tokens", "30")
    checks = ("--schema", str(form), "--check", "contains=zebra", "--check", "max_words=90")
    done = playground(playground_home, *words, *checks, "--json")
    assert done.returncode == 0, done.stderr
    (run,) = runs_of(done)
    assert set(json.loads(run["text"])) == {"a"}
    assert [(c["kind"], c["outcome"]) for c in run["checks"]] == [
        ("schema", "right"),
        ("contains", "wrong"),
        ("max_words", "right"),
    ]
    assert all(check["reason"] for check in run["checks"])
    plain = playground(playground_home, *words, *checks, PYTHONIOENCODING="ascii")
    assert plain.returncode == 0, plain.stderr
    assert [line.split(":")[0].split()[-1] for line in plain.stdout.splitlines()[-3:]] == [
        "right",
        "wrong",
        "right",
    ]


@pytest.mark.parametrize(
    "words",
    [
        ("--schema", "nowhere.json"),
        ("--schema", str(ROOT)),
        ("--schema", str(ROOT / "pyproject.toml")),
        ("--check", "contains"),
        ("--check", "tastes=good"),
        ("--check", "number=many"),
    ],
)
def test_a_form_or_check_that_cannot_be_read_is_refused(
    playground_home: Path, words: tuple[str, str]
) -> None:
    done = playground(
        playground_home, "compare", "--target", "local:starter", "--prompt", "Hi", *words
    )
    assert done.returncode == 2
    assert done.stderr.startswith("playground: ")
    assert len(done.stderr.splitlines()) == 1
