"""Keys as people paste them."""

import pytest

from playground.core.keys import check_key

KEY = "sk-proj-Ab3/x+y=="


@pytest.mark.parametrize(
    ("pasted", "note"),
    [
        (KEY, ""),
        (f"  {KEY}\n", ""),
        (f"Bearer {KEY}", "“Bearer”"),
        (f"bearer  {KEY}", "“Bearer”"),
        (f'"{KEY}"', "signs around it"),
        (f"“{KEY}”", "signs around it"),
        (f"`{KEY}`,", "signs around it"),
        (f"OPENAI_API_KEY={KEY}", "before the “=”"),
        (f"export OPENAI_API_KEY='{KEY}'", "before the “=”"),
        (f'set KEY="{KEY}"', "before the “=”"),
        (f"$env:OPENAI_API_KEY = '{KEY}'", "before the “=”"),
        (f'api_key="{KEY}",', "before the “=”"),
        (f'client.api_key = "{KEY}"', "before the “=”"),
        (f"OPENAI_API_KEY={KEY} # mine", "before the “=”"),
        (f"setx OPENAI_API_KEY {KEY}", "in front of it"),
        (f"OPENAI_API_KEY: {KEY}", "name in front"),
        (f"Secret: {KEY}", "name in front"),
        (f"Token {KEY}", "“Token”"),
        (f"BEARER:{KEY}", "“Bearer”"),
        (f"\u202a{KEY}\u202c", "signs around it"),
        (f"Authorization: Bearer {KEY}", "name in front"),
        (f'-H "Authorization: Bearer {KEY}"', "“Bearer”"),
        (f"api-key: {KEY}", "name in front"),
        (f"API key: {KEY}", "name in front"),
        (f"Your key: {KEY}", "name in front"),
        (f'"api_key": "{KEY}",', "name in front"),
        (f"\ufeff{KEY}\u200b", "signs around it"),
        (f'KEY="Bearer {KEY}"', "“Bearer”"),
    ],
)
def test_what_was_copied_along_with_a_key_is_left_out_and_said(pasted: str, note: str) -> None:
    check = check_key(pasted)
    assert check.value == KEY
    assert check.problem == ""
    assert note in check.note
    assert bool(check.note) == bool(note)
    assert KEY not in f"{check!r}{check.note}"


@pytest.mark.parametrize("key", ["dGVzdA==", "A_B==", "abc", "a.b=c", "Bearer", "sk-1,2"])
def test_a_key_that_only_looks_like_that_stays_as_it_is(key: str) -> None:
    assert check_key(key).value == key


@pytest.mark.parametrize(
    ("pasted", "problem"),
    [
        ("https://host/v1", "an address"),
        ("sk-one sk-two", "space"),
        ("sk-one\nsk-two", "line break"),
        ("sk-schlüssel", "characters"),
    ],
)
def test_what_cannot_be_a_key_is_told(pasted: str, problem: str) -> None:
    check = check_key(pasted)
    assert problem in check.problem
    assert pasted not in f"{check!r}{check.problem}"
