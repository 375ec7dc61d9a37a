"""`playground export` and `playground import` in real homes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.store.old_home import copy_old_home

KEY = "sekrit-5150-walrus"


def playground(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "playground", *words],
        env={**os.environ, "PLAYGROUND_HOME": str(home), "OPENAI_API_KEY": KEY},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=100,
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home that version 0.1 wrote: its runs are exported without being run."""
    home = tmp_path / "old"
    copy_old_home(home)
    return home


@pytest.mark.parametrize(
    ("ending", "beginning"),
    [
        ("html", "<!DOCTYPE html>"),
        ("md", "# "),
        ("csv", "part,model,place,"),
        ("json", '{\n  "format": "inference-playground/document"'),
    ],
)
def test_the_ending_of_the_file_chooses_the_format(
    home: Path, tmp_path: Path, ending: str, beginning: str
) -> None:
    target = tmp_path / f"result.{ending}"
    done = playground(home, "export", "last", "-o", str(target))
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"Written to {target}. No key, folder or name of yours is in it.\n"
    text = target.read_text("utf-8")
    assert text.startswith(beginning)
    assert str(home) not in text


@pytest.mark.parametrize(
    ("which", "title"), [("decision", "# Local or cloud? "), ("votes", "# Votes on ")]
)
def test_the_decision_and_the_votes_are_written_too(
    home: Path, tmp_path: Path, which: str, title: str
) -> None:
    target = tmp_path / "result.md"
    done = playground(home, "export", which, "--json", "-o", str(target))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["id"] == which
    text = target.read_text("utf-8")
    assert text.startswith(title)
    assert str(home) not in text
    done = playground(home, "export", which, "--format", "recording", "-o", "-")
    assert "Only a comparison can be a recording." in done.stderr


def test_parts_are_left_out_and_a_file_that_is_there_is_not_written_over(
    home: Path, tmp_path: Path
) -> None:
    target = tmp_path / "result.md"
    words = ("export", "last", "-o", str(target), "--without", "prompt", "--without", "names")
    assert playground(home, *words).returncode == 0
    text = target.read_text("utf-8")
    assert "The question was left out by the author" in text
    assert "The names were left out by the author" in text
    again = playground(home, *words)
    assert again.returncode == 2
    assert "is there already" in again.stderr
    assert target.read_text("utf-8") == text


def test_a_recording_goes_to_another_home_and_says_where_it_is_from(
    home: Path, tmp_path: Path
) -> None:
    recording, other = tmp_path / "result.jsonl", tmp_path / "other"
    done = playground(home, "export", "last", "-o", str(recording), "--json")
    told: dict[str, Any] = json.loads(done.stdout)
    assert (told["format"], told["path"]) == ("recording", str(recording))
    assert told["bytes"] == recording.stat().st_size
    added = playground(other, "import", str(recording))
    assert added.returncode == 0, added.stderr
    assert added.stdout.startswith("Recorded on ")
    shown = playground(other, "export", "last", "--format", "json", "-o", "-")
    whole = json.loads(shown.stdout)
    assert whole["recorded"].startswith("Recorded on ")
    assert whole["kind"] == "comparison"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("export", "nothing-like-it", "-o", "x.html"), "There is no comparison or evaluation"),
        (("export", "last", "-o", "result"), "tells no format"),
        (("export", "last", "--format", "html", "-o", "/nowhere/x"), "cannot be written"),
        (("import", "/nowhere/x.jsonl"), "cannot be read"),
        (("import", __file__), "Line 1 of the recording cannot be read"),
        (("export", "last", "-o", "x.html", "--without", "everything"), "invalid choice"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exits_2(
    home: Path, words: tuple[str, ...], said: str
) -> None:
    done = playground(home, *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
