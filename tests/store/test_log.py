"""No key reaches the log, however it gets into a message, and no log holds up the program."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from playground.core.redaction import Redactor
from playground.store.log import open_log, scrub
from tests.store.history import full_disk

KEY = "sk-proj-Zq81kdTTplantedkey00000"


@pytest.fixture
def log_file(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "playground.log"
    handler = open_log(path, Redactor())
    assert handler is not None
    yield path
    logging.getLogger().removeHandler(handler)
    handler.close()


@pytest.mark.parametrize(
    "text",
    [
        f"refused {KEY}",
        "header Authorization: Bearer abcdefghij0123456789",
        '{"api_key": "abcdefghij0123456789"}',
        "token=abcdefghij0123456789 was wrong",
    ],
)
def test_what_looks_like_a_key_is_hidden(text: str) -> None:
    assert "abcdefghij" not in scrub(text, Redactor())
    assert KEY not in scrub(text, Redactor())
    assert "[key]" in scrub(text, Redactor())


def test_a_key_the_program_knows_is_hidden_whatever_it_looks_like() -> None:
    redactor = Redactor()
    redactor.know("plain words again")
    assert scrub("it said plain words again", redactor) == "it said [key]"


def test_ordinary_sentences_stay_as_they_are() -> None:
    text = "The model reached its limit of 8192 tokens after 3 s; task-oriented keyboards are fine."
    assert scrub(text, Redactor()) == text


def test_a_key_in_the_environment_is_hidden_whatever_it_looks_like(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EXAMPLE_API_KEY", "plain words here")
    assert "plain words" not in scrub("it said plain words here", Redactor())


def test_a_traceback_carries_no_key_into_the_log(log_file: Path) -> None:
    try:
        raise RuntimeError(f"the server answered with {KEY}")
    except RuntimeError:
        logging.getLogger("playground.test").exception("a bug with %s", KEY)
    written = log_file.read_text(encoding="utf-8")
    assert "a bug with" in written
    assert "RuntimeError" in written
    assert KEY not in written


def test_a_full_disk_under_the_log_says_nothing_in_the_terminal(
    log_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with full_disk(0):
        logging.getLogger("playground.test").error("nobody can read this")
    assert capsys.readouterr().err == ""
    logging.getLogger("playground.test").error("there is room again")
    assert "there is room again" in log_file.read_text(encoding="utf-8")


@pytest.mark.parametrize("other", ["folder", "pipe"])
def test_what_lies_in_the_place_of_the_log_is_left_alone(tmp_path: Path, other: str) -> None:
    path = tmp_path / "playground.log"
    if other == "folder":
        path.mkdir()
    elif hasattr(os, "mkfifo"):
        os.mkfifo(path)
    else:
        pytest.skip("there are no pipes in folders")
    assert open_log(path, Redactor()) is None
