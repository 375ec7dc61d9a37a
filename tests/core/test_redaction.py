"""No key of the program is shown or stored, whoever says it."""

import json
from urllib.parse import quote

import pytest

from playground.core.redaction import Redactor

ONE, OTHER = "sk-one-0123456789", "gsk_other/+=0123456789"


@pytest.fixture
def redactor() -> Redactor:
    made = Redactor()
    made.know(ONE)
    made.know(f" {OTHER}\n")
    return made


@pytest.mark.parametrize("key", [ONE, OTHER])
def test_every_key_is_hidden_however_it_is_quoted(redactor: Redactor, key: str) -> None:
    for form in (key, quote(key, safe=""), json.dumps(key)):
        assert key not in redactor.clean(f"before {form} after")
        assert redactor.clean(f"before {form} after").replace('"', "") == "before [key] after"


def test_a_key_that_another_one_begins_with_is_hidden_as_a_whole(redactor: Redactor) -> None:
    redactor.know(f"{ONE}-longer")
    assert redactor.clean(f"{ONE}-longer, {ONE}") == "[key], [key]"


@pytest.mark.parametrize("word", ["ollama", "lm-studio", "EMPTY", "none", "", None])
def test_words_that_stand_in_for_a_key_stay_in_answers(
    redactor: Redactor, word: str | None
) -> None:
    redactor.know(word)
    assert redactor.clean("Use ollama or lm-studio; EMPTY, none.") == (
        "Use ollama or lm-studio; EMPTY, none."
    )


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("it is sk-one-01", 9),
        ("it is gsk_other/+=012345678", 21),
        ("sk", 2),
        ("gs", 2),
        ("s sk-on sk-o", 4),
        ("a task", 2),
        ("a task.", 0),
        ("nothing", 1),
        ("", 0),
        (ONE, 0),
    ],
)
def test_the_beginning_of_any_key_at_the_end_of_a_text_is_found(
    redactor: Redactor, text: str, count: int
) -> None:
    assert redactor.unfinished(text) == count
