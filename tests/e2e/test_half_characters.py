"""Half characters in answers and prompts, through the real command line and the real history."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.scripted_openai import ScriptedOpenAI, Stream, halves, text

ROOT = Path(__file__).resolve().parents[2]
LOST = "\ufffd"


@pytest.fixture
def cloud() -> Iterator[ScriptedOpenAI]:
    with ScriptedOpenAI() as server:
        server.script(Stream(text("Hi ", *halves("😀"), " bye")), model="split")
        server.script(Stream(text("a" + halves("😀")[0] + " b")), model="lone")
        server.script(Stream(text("fine")), model="ok")
        yield server


@pytest.fixture
def home(playground_home: Path, cloud: ScriptedOpenAI) -> Path:
    provider = {"id": "lab", "name": "Lab", "base_url": cloud.base_url}
    settings = json.dumps({"providers": [provider]})
    (playground_home / "settings.json").write_text(settings, encoding="utf-8")
    return playground_home


def compare(
    home: Path, *words: str | bytes, asked: bytes | None = None
) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [sys.executable, "-m", "playground", "compare", *words],
        capture_output=True,
        input=asked,
        cwd=ROOT,
        env={**os.environ, "PLAYGROUND_HOME": str(home), "PYTHONUTF8": "1"},
        timeout=110,
        check=False,
    )


ALL = ("--target", "lab:split", "--target", "lab:lone", "--target", "lab:ok")
ANSWERS = ["Hi 😀 bye", f"a{LOST} b", "fine"]


def test_every_answer_is_in_the_json(home: Path) -> None:
    done = compare(home, *ALL, "--prompt", "hi", "--json")
    assert done.returncode == 0, done.stderr
    assert [run["text"] for run in json.loads(done.stdout)["runs"]] == ANSWERS


def test_every_answer_is_printed(home: Path) -> None:
    done = compare(home, *ALL, "--prompt", "hi")
    assert done.returncode == 0, done.stderr
    assert all(answer in done.stdout.decode() for answer in ANSWERS)


@pytest.mark.skipif(sys.platform == "win32", reason="arguments are text there")
def test_a_name_that_is_not_utf_8_is_sent_all_the_same(home: Path, cloud: ScriptedOpenAI) -> None:
    done = compare(home, "--target", b"lab:o\xffk", "--target", "lab:ok", "--prompt", "Zürich")
    assert done.returncode == 0, done.stderr
    assert {request.body["model"] for request in cloud.requests} == {f"o{LOST}k", "ok"}
