"""Checks that cannot be read are refused with a sentence."""

import pytest

from playground.core.checks.reading import check_words, read_check
from playground.core.errors import UsageError
from playground.core.expected import Check, CheckKind


@pytest.mark.parametrize(
    ("kind", "expected", "words"),
    [
        ("foo", "x", "no kind of check"),
        ("equals:foo", "x", "nothing that can count"),
        ("number:case", "4", "nothing that can count"),
        ("contains", "", "needs a text"),
        ("contains", "   ", "needs a text"),
        ("any_of", "a||b", "needs a text"),
        ("number", "many", "no number"),
        ("number", "4±-1", "no number"),
        ("regex", "(", "cannot be read"),
        ("regex", "", "empty"),
        ("regex", "x" * 3000, "longer"),
        ("regex", "(?:(?:(?:a{1000}){1000}){1000}){1000}", "repeats too often"),
        ("regex", "(" * 1900, "cannot be read"),
        ("regex", "(?:a?){9999}a{9999}[(]{9999}", "repeats too often"),
        ("regex", "(?:(?:ab|c){100}){200}", "repeats too often"),
        ("min_words", "-1", "no number"),
        ("max_words", "2.5", "no number"),
        ("max_seconds", "soon", "no number"),
        ("max_usd", "inf", "no number"),
        ("max_usd", "nan", "no number"),
        ("schema", "{", "not JSON"),
        ("schema", "[]", "not an object"),
        ("schema", '{"type": "foo"}', "wrong at type"),
        ("schema", '{"pattern": "("}', "cannot be read"),
        ("schema", '{"patternProperties": {"(": {}}}', "cannot be read"),
        ("schema", '{"$ref": "https://example.com/s.json"}', "not fetched"),
        ("schema", '{"prefixItems": [{"$ref": "file:///etc/passwd"}]}', "not fetched"),
        ("schema", '{"$dynamicRef": "https://example.com/s.json"}', "not fetched"),
        ("schema", '{"$id": "https://example.com/", "$ref": "b"}', "not fetched"),
        ("schema", '{"x": {"a": {"$ref": "https://x/"}}, "$ref": "#/x/a"}', "not fetched"),
        ("schema", '{"x": {"a": {"pattern": "("}}, "$ref": "#/x/a"}', "cannot be read"),
        ("schema", '{"$ref": "#nowhere"}', "nothing at"),
        ("schema", '{"$ref": "#/$defs/a", "$defs": {}}', "nothing at"),
        ("schema", '{"title": "x", "$ref": "#/title"}', "no schema"),
        ("schema", '{"$schema": ["x"]}', r"wrong at \$schema"),
        ("schema", '{"$schema": 5}', r"wrong at \$schema"),
        ("schema", '{"a":' * 100 + "1" + "}" * 100, "nested too deeply"),
        ("schema", '{"a":' * 9000 + "1" + "}" * 9000, "JSON"),
        ("schema", '"' + "x" * 70_000 + '"', "longer"),
        (
            "schema",
            '{"patternProperties": {"a": {}}, "unevaluatedProperties": false}',
            "not supported",
        ),
        (
            "schema",
            '{"allOf": [{"patternProperties": {"a": {}}}], "unevaluatedProperties": false}',
            "not supported",
        ),
    ],
)
def test_an_unreadable_check_is_refused(kind, expected, words):
    with pytest.raises(UsageError, match=words):
        read_check(kind, expected)


@pytest.mark.parametrize("kind", ["Contains", " contains ", "CONTAINS:Case"])
def test_kinds_are_read_in_any_case(kind):
    assert read_check(kind, "x").kind is CheckKind.CONTAINS


def test_a_check_is_written_as_it_is_read():
    check = Check(CheckKind.EQUALS, "a|b", case_counts=True, punctuation_counts=True)
    assert read_check(check.written_kind, check.expected) == check
    assert check.written_kind == "equals:case,punctuation"


@pytest.mark.parametrize(
    ("kind", "expected", "words"),
    [
        ("min_words", "1", "at least 1 word"),
        ("max_words", "2", "at most 2 words"),
        ("max_seconds", "1", "at most 1 s"),
        ("max_usd", "0.5", "at most $0.5"),
        ("contains", "words", "mentions “words”"),
    ],
)
def test_a_check_is_named_in_a_few_words(kind, expected, words):
    assert check_words(read_check(kind, expected)) == words
