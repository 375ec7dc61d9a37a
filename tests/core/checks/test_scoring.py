"""Answers against checks: one table a kind, and what is never scored."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.core.chat import ChatRequest, SamplingParams
from playground.core.checks.reading import last_number_readings, read_check
from playground.core.checks.scoring import check_results, score
from playground.core.errors import ErrorInfo, UsageError
from playground.core.expected import Check, CheckKind, Outcome
from playground.core.runs import Cost, Provenance, Run, RunStatus, Timings
from playground.core.targets import CloudTarget, Provider

RIGHT, WRONG, NOT_SCORED = Outcome.RIGHT, Outcome.WRONG, Outcome.NOT_SCORED


def run_of(text, **changes):
    target = CloudTarget(Provider("p", "P", "https://api.example.com/v1"), "m")
    known = {"status": RunStatus.FINISHED, "finish_reason": "stop", "text": text, **changes}
    return Run("r", target, ChatRequest(()), 0, **known)


def outcome(kind, expected, text, **changes):
    return score([read_check(kind, expected)], run_of(text, **changes)).outcome


@pytest.mark.parametrize(
    ("kind", "expected", "text", "wanted"),
    [
        ("contains", "paris", "It is **Paris**.", RIGHT),
        ("contains", "Paris", "London", WRONG),
        ("contains:case", "paris", "Paris", WRONG),
        ("contains", "new york", "New\n  York", RIGHT),
        ("contains:space", "new york", "New\nYork", WRONG),
        ("contains", "don't", "I don’t know", RIGHT),
        ("contains:punctuation", "don't", "I don’t know", WRONG),
        ("contains", "café", "cafe\u0301", RIGHT),
        ("contains", "STRASSE", "die Straße", RIGHT),
        ("contains", "istanbul", "In İstanbul.", RIGHT),
        ("contains", "e-mail", "an e‑mail", RIGHT),
        ("equals", "1990-2000", "1990–2000", RIGHT),
        ("contains:punctuation", "e-mail", "an e‑mail", WRONG),
        ("contains", "Paris", "Pa\u00adris", RIGHT),
        ("equals", "שלום", "\u200fשלום\u200f", RIGHT),
        ("equals:space", "a", "a\u200b", WRONG),
        ("not_contains", "x", "\u200b\ufeff", WRONG),
        ("not_contains", "sorry", "Here it is", RIGHT),
        ("not_contains", "sorry", "I am Sorry", WRONG),
        ("any_of", "red|blue", "It is blue.", RIGHT),
        ("any_of", "red|blue", "It is green.", WRONG),
        ("any_of", r"a\|b|c", "a|b", RIGHT),
        ("any_of", r"a\|b|c", "a", WRONG),
        ("all_of", "red|blue", "blue and red", RIGHT),
        ("all_of", "red|blue", "blue", WRONG),
        ("begins_with", "yes", "**Yes**, it is.", RIGHT),
        ("begins_with", "yes", "Well, yes.", WRONG),
        ("equals", "complaint", "“Complaint.”", RIGHT),
        ("equals", "complaint", "A complaint", WRONG),
        ("equals:case", "complaint", "Complaint", WRONG),
        ("equals:punctuation", "complaint", "complaint.", WRONG),
        ("equals", "Hello, world", "hello world!", RIGHT),
        ("equals:punctuation", "Hello, world", "Hello world", WRONG),
        ("equals", "don't", "dont", WRONG),
        ("equals", "3.5", "35", WRONG),
        ("equals", ".5", "5", WRONG),
        ("equals", "snake_case", "`snake_case`", RIGHT),
        ("equals", "!", "!", RIGHT),
        ("equals", "-5", "5", WRONG),
        ("regex", r"^\d{4}-\d\d$", "2026-11", RIGHT),
        ("regex", r"^\d{4}-\d\d$", "Nov 2026", WRONG),
        ("regex", "paris", "Paris", WRONG),
        ("regex", "(?i)paris", "Paris", RIGHT),
        ("regex", r"^.{1,40}\n.{1,40}\n.{1,40}$", "one\ntwo\nthree", RIGHT),
        ("regex", r"\p{Lu}\p{Ll}+", "Österreich", RIGHT),
        ("regex", r"(?<=a+)b", "aab", RIGHT),
        ("number", "42", "6 × 7 = 42.", RIGHT),
        ("number", "42", "42 is not it, 43 is", WRONG),
        ("number", "42±0.5", "41.5", RIGHT),
        ("number", "42±0.5", "41.4", WRONG),
        ("number", "42+-0.5", "42.5", RIGHT),
        ("number", "1234567.5", "1,234,567.5", RIGHT),
        ("number", "1234567", "1.234.567", RIGHT),
        ("number", "1234", "1’234", RIGHT),
        ("number", "12.5", "12,5", RIGHT),
        ("number", "0.125", "0,125", RIGHT),
        ("number", "-5", "It is −5 °C", RIGHT),
        ("number", "5", "the range 3-5", RIGHT),
        ("number", "1e6", "1000000", RIGHT),
        ("number", "4", "four", WRONG),
        ("number", "3.1415", "3,1415", RIGHT),
        ("number", "3141", "3,1415", WRONG),
        ("number", "1234.5", "1.234,5", RIGHT),
        ("number", "1234567", "₹12,34,567", RIGHT),
        ("number", "1234.5", "1 234,5 km", RIGHT),
        ("number", "234.5", "1 234,5 km", RIGHT),
        ("number", "12345", "von 12 345", RIGHT),
        ("number", "1234", "41 1234", RIGHT),
        ("number", "411234", "41 1234", WRONG),
        ("number", "-5", "-$5", RIGHT),
        ("number", "-5", "It is –5 °C", RIGHT),
        ("number", "-5", "‑5", RIGHT),
        ("number", "5", "3–5", RIGHT),
        ("number", "12", "１２", RIGHT),
        ("number", "12", "١٢", RIGHT),
        ("number", "0", "-0", RIGHT),
        ("number", "1099511627776", "1099511627775", WRONG),
        ("number", "121932631112635269", "121,932,631,112,635,269", RIGHT),
        ("number", "121932631112635269", "121932631112635268", WRONG),
        ("number", "1e-10", "0", WRONG),
        ("number", "0.3", "0.30000000000000004", RIGHT),
        ("number", "42±0.1", "42.1", RIGHT),
        ("number", "9" * 30, "9" * 30, RIGHT),
        ("number", "1", "9" * 5_000, WRONG),
        ("json", "", ' {"a": [1, null]} ', RIGHT),
        ("json", "", '```json\n{"a": 1}\n```', WRONG),
        ("json", "", '{"a": NaN}', WRONG),
        ("json", "", "{'a': 1}", WRONG),
        ("schema", '{"type": "object", "required": ["a"]}', '{"a": 1}', RIGHT),
        ("schema", '{"type": "object", "required": ["a"]}', '{"b": 1}', WRONG),
        ("schema", '{"type": "object", "required": ["a"]}', "a: 1", WRONG),
        ("schema", r'{"pattern": "^\\p{L}+$"}', '"é"', RIGHT),
        ("schema", '{"enum": [{"$ref": "http://x"}]}', '{"$ref": "http://x"}', RIGHT),
        (
            "schema",
            '{"$ref": "https://x/a", "$defs": {"a": {"$id": "https://x/a", "type": "null"}}}',
            "1",
            WRONG,
        ),
        ("schema", '{"multipleOf": 0.5}', "1" + "0" * 400, NOT_SCORED),
        ("schema", '{"type": "integer"}', "1" * 5_000, NOT_SCORED),
        ("json", "", "1" * 5_000, NOT_SCORED),
        ("min_words", "3", "one two three", RIGHT),
        ("min_words", "4", "one two three", WRONG),
        ("max_words", "3", "one two — three!", RIGHT),
        ("max_words", "3", "日本語です", WRONG),
        ("contains", "x", "  ", WRONG),
        ("not_contains", "x", "", WRONG),
        ("max_words", "5", "", WRONG),
    ],
)
def test_an_answer_is_right_or_wrong(kind, expected, text, wanted):
    assert outcome(kind, expected, text) is wanted


@pytest.mark.parametrize("kind", list(CheckKind))
@pytest.mark.parametrize(
    "changes",
    [
        {"status": RunStatus.FAILED, "error": ErrorInfo("ConnectionFailed", "No way.", "")},
        {"status": RunStatus.CANCELLED},
        {"status": RunStatus.WRITING},
        {"finish_reason": "length"},
        {"finish_reason": "content_filter"},
        {"finish_reason": "tool_calls"},
        {
            "status": RunStatus.FAILED,
            "error": ErrorInfo("ConnectionFailed", "No way.", ""),
            "text": "",
        },
    ],
)
def test_what_is_not_whole_is_not_scored_whatever_it_says(kind, changes):
    expected = {"schema": "{}", "json": "", "number": "1"}.get(kind, "1")
    found = score([read_check(kind, expected)], run_of(changes.get("text", "1"), **_rest(changes)))
    assert found.outcome is NOT_SCORED
    assert found.reasons


@pytest.mark.parametrize(
    ("kind", "expected", "text", "reason"),
    [
        ("min_words", "2", "one", "It has 1 word; at least 2 were wanted."),
        ("max_words", "1", "one two", "It has 2 words; at most 1 was wanted."),
    ],
)
def test_words_are_counted_in_the_right_number(kind, expected, text, reason):
    assert score([read_check(kind, expected)], run_of(text)).reasons == (reason,)


def _rest(changes):
    return {name: value for name, value in changes.items() if name != "text"}


def test_a_finished_answer_without_a_finish_reason_is_scored():
    assert outcome("contains", "a", "a", finish_reason=None) is RIGHT


def test_seconds_and_dollars_are_held_to_where_they_are_known():
    quick = run_of("a", timings=Timings(total_s=2.0), cost=Cost(0.01, "api", Provenance.REPORTED))
    for kind, expected, wanted in (
        ("max_seconds", "2", RIGHT),
        ("max_seconds", "1.9", WRONG),
        ("max_usd", "0.01", RIGHT),
        ("max_usd", "0.009", WRONG),
    ):
        assert score([read_check(kind, expected)], quick).outcome is wanted
    assert outcome("max_seconds", "2", "a") is NOT_SCORED
    assert outcome("max_usd", "2", "a") is NOT_SCORED
    assert outcome("max_usd", "2", "a", cost=Cost(None, "api", None)) is NOT_SCORED


def test_every_check_must_be_right_and_one_wrong_one_decides():
    checks = [read_check("contains", "a"), read_check("max_usd", "1")]
    assert score(checks, run_of("a")).outcome is NOT_SCORED
    assert score(checks, run_of("b")).outcome is WRONG
    assert score([], run_of("a")).outcome is NOT_SCORED
    (reason,) = score(checks, run_of("b")).reasons
    assert "“a”" in reason


NESTED = "(a+)+$"


@pytest.mark.parametrize(
    ("kind", "expected", "text"),
    [
        ("regex", "^(a|aa)+$", "a" * 60 + "!"),
        ("schema", '{"type": "string", "pattern": "^(a|aa)+$"}', '"' + "a" * 60 + '!"'),
        (
            "schema",
            '{"patternProperties": {"^(a|aa)+$": {}}, "additionalProperties": false}',
            '{"' + "a" * 60 + '!": 1}',
        ),
        ("schema", '{"$ref": "#"}', "1"),
        ("schema", '{"$defs": {' + ", ".join(
            f'"a{n}": {{"allOf": [{{"$ref": "#/$defs/a{n + 1}"}}, {{"$ref": "#/$defs/a{n + 1}"}}]}}'
            for n in range(30)
        ) + ', "a30": {"type": "string"}}, "$ref": "#/$defs/a0"}', '"x"'),
        ("schema", '{"type": "array"}', "[" * 100_000),
        ("json", "", "[" * 100_000),
        ("schema", '{"uniqueItems": true}', json.dumps([{"a": n} for n in range(9000)])),
    ],
)  # fmt: skip
@pytest.mark.timeout(20)
def test_what_would_take_for_ever_ends(kind, expected, text):
    # given up where it led nowhere, which is never called wrong
    wanted = RIGHT if "uniqueItems" in expected else NOT_SCORED
    assert outcome(kind, expected, text) is wanted


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("contains", " "), ("regex", "("), ("schema", "{"), ("number", "x"), ("max_words", "x")],
)
def test_a_check_that_its_names_made_unreadable_is_not_scored(kind, expected):
    # read before its {{names}} were filled
    found = score([Check(CheckKind(kind), expected)], run_of("a"))
    assert found.outcome is NOT_SCORED
    assert found.reasons


def test_a_schema_fetches_nothing(monkeypatch):
    import socket

    def refuse(*_):
        raise AssertionError("something was looked up")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    schema = '{"$id": "https://example.com/a", "$ref": "b", "$defs": {"b": {"$id": "b"}}}'
    assert outcome("schema", schema, "1") is RIGHT
    for elsewhere in ("c", "file:///etc/passwd", "https://example.com/c"):
        with pytest.raises(UsageError, match="not fetched"):
            read_check("schema", schema.replace('"$ref": "b"', f'"$ref": "{elsewhere}"'))


@given(
    st.text(max_size=60), st.sampled_from([k for k in CheckKind if k not in ("schema", "regex")])
)
@settings(max_examples=300, deadline=timedelta(seconds=5))
def test_no_answer_breaks_a_check(text, kind):
    expected = {"json": "", "number": "7±1"}.get(kind, "3")
    assert outcome(kind, expected, text) in Outcome


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_a_written_number_is_read_as_it_is(value):
    (found,) = last_number_readings(f"so {value:.6f}.")
    assert float(found.value) == float(f"{value:.6f}")


def test_the_form_an_answer_was_asked_for_is_held_against_it_first() -> None:
    asked = replace(run_of("no"), request=ChatRequest((), SamplingParams(schema='{"enum": [1]}')))
    found = check_results((Check(CheckKind.CONTAINS, "no"),), asked)
    assert [(r.check.kind, r.outcome) for r in found] == [
        (CheckKind.SCHEMA, Outcome.WRONG),
        (CheckKind.CONTAINS, Outcome.RIGHT),
    ]
    assert score((), asked).outcome is Outcome.WRONG
    stopped = replace(asked, status=RunStatus.CANCELLED)
    assert {r.outcome for r in check_results((), stopped)} == {Outcome.NOT_SCORED}
