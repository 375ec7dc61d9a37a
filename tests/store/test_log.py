"""No key reaches the log, however it gets into a message."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from playground.core.redaction import Redactor
from playground.store.log import open_log, scrub

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
