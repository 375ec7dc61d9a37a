"""What a provider said it used, into what is believed of it."""

import math
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core.runs import Provenance, TokenUsage
from playground.core.usage import (
    MOST_TOKENS,
    ReportedUsage,
    believed_usage,
    read_count,
    read_number,
    read_usd,
)

REPORTED = Provenance.REPORTED
UNKNOWN = TokenUsage()


def counts(
    prompt: int | None, completion: int | None, reasoning: int | None = None, **more: int
) -> TokenUsage:
    return TokenUsage(prompt, completion, reasoning_tokens=reasoning, provenance=REPORTED, **more)


@pytest.mark.parametrize(
    ("said", "answer", "thinking", "believed"),
    [
        (ReportedUsage(11, 4, 15), 18, 0, counts(11, 4)),
        (ReportedUsage(11, 4), 18, 0, counts(11, 4)),
        (ReportedUsage(11, None), 18, 0, counts(11, None)),
        (ReportedUsage(None, 4), 18, 0, counts(None, 4)),
        (ReportedUsage(), 18, 0, UNKNOWN),
        (ReportedUsage(total=15), 18, 0, UNKNOWN),
        (ReportedUsage(11, None, 15), 18, 0, counts(11, 4)),
        # thinking is counted within
        (ReportedUsage(32, 104, 136, reasoning=100), 18, 0, counts(32, 104, 100)),
        (ReportedUsage(32, 104, reasoning=100), 18, 0, counts(32, 104, 100)),
        (ReportedUsage(11, 8, reasoning=8), 0, 30, counts(11, 8, 8)),
        # thinking is counted apart: total − prompt tells
        (ReportedUsage(32, 4, 136, reasoning=100), 18, 0, counts(32, 104, 100)),
        (ReportedUsage(10_120, 1_499, 14_428, reasoning=2_809), 1, 0, counts(10_120, 4_308, 2_809)),
        (ReportedUsage(20, 4, 424), 18, 0, counts(20, 404, 400)),
        (ReportedUsage(20, 4, 424), 18, 30, counts(20, 404)),
        (ReportedUsage(20, 0, 70, reasoning=50), 0, 30, counts(20, 50, 50)),
        # … or more thinking than the whole
        (ReportedUsage(11, 100, reasoning=100), 500, 500, counts(11, 200, 100)),
        (ReportedUsage(11, 4, reasoning=50), 18, 0, counts(11, 54, 50)),
        (ReportedUsage(11, 4, reasoning=50), 0, 0, counts(11, 54, 50)),
        (ReportedUsage(11, 0, reasoning=50), 0, 0, counts(11, 50, 50)),
        # zero beside a text is no count
        (ReportedUsage(0, 0, 0), 18, 0, UNKNOWN),
        (ReportedUsage(0, 0, 0), 0, 18, UNKNOWN),
        (ReportedUsage(11, 0), 18, 0, counts(11, None)),
        (ReportedUsage(11, 0), 0, 0, counts(11, 0)),
        (ReportedUsage(0, 4, 4), 18, 0, counts(None, 4)),
        (ReportedUsage(11, 8, reasoning=0), 18, 30, counts(11, 8)),
        # a text that is too long for its tokens, and more than any model writes
        (ReportedUsage(11, 1), 200, 0, counts(11, 1)),
        (ReportedUsage(11, 1), 201, 0, counts(11, None)),
        (ReportedUsage(11, 1, 12), 100, 101, counts(11, None)),
        (ReportedUsage(11, 2_000_001, reasoning=2_000_000), 18, 0, counts(11, None)),
        (ReportedUsage(11, 4, 19_000_000), 18, 0, counts(11, None)),
        # more from a cache than there is
        (ReportedUsage(2_000, 4, cached=1_920), 18, 0, counts(2_000, 4, cached_tokens=1_920)),
        (ReportedUsage(11, 4, cached=9_999), 18, 0, counts(11, 4)),
        # a total that is less than its parts
        (ReportedUsage(11, 4, 3), 18, 0, counts(11, 4)),
    ],
)
def test_a_report_is_believed_as_far_as_it_can_be_true(
    said: ReportedUsage, answer: int, thinking: int, believed: TokenUsage
) -> None:
    usage = believed_usage(said, answer_characters=answer, reasoning_characters=thinking)
    assert usage == believed


COUNTS = st.none() | st.integers(0, 9) | st.integers(0, MOST_TOKENS)
REPORTS = st.builds(ReportedUsage, *[COUNTS] * 5, st.none() | st.floats(0, 9))


@given(said=REPORTS, answer=st.integers(0, 9), thinking=st.integers(0, 9))
def test_nothing_impossible_is_believed(said: ReportedUsage, answer: int, thinking: int) -> None:
    usage = believed_usage(said, answer_characters=answer, reasoning_characters=thinking)
    prompt, completion = usage.prompt_tokens, usage.completion_tokens
    assert prompt != 0
    assert completion != 0 or not answer + thinking
    assert prompt is None or (usage.cached_tokens or 0) <= prompt
    if usage.reasoning_tokens and completion is not None:
        assert usage.reasoning_tokens + bool(answer) <= completion
    assert (usage.provenance is None) is (prompt is None and completion is None)


@given(first=REPORTS, second=REPORTS)
def test_the_richest_of_two_reports_wins_count_by_count(
    first: ReportedUsage, second: ReportedUsage
) -> None:
    both = first.merged(second)
    assert both == second.merged(first)
    for field in fields(both):
        told = {getattr(first, field.name), getattr(second, field.name)} - {None}
        assert getattr(both, field.name) == max(told, default=None)


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (4, 4),
        (0, 0),
        (4.0, 4),
        ("4", 4),
        (" 4 ", 4),
        (MOST_TOKENS, MOST_TOKENS),
        (MOST_TOKENS + 1, None),
        (10**15, None),
        (10**400, None),
        ("9" * 5_000, None),
        (-7, None),
        ("-7", None),
        (4.5, None),
        (math.nan, None),
        (math.inf, None),
        ("inf", None),
        ("", None),
        ("many", None),
        (True, None),
        (None, None),
        ([4], None),
        ({}, None),
    ],
)
def test_a_count_is_a_whole_number_that_can_be(value: object, count: int | None) -> None:
    assert read_count(value) == count


@pytest.mark.parametrize(
    ("value", "usd"),
    [
        (0.00042, 0.00042),
        ("0.00042", 0.00042),
        (0, 0.0),
        (1e300, None),
        (-0.1, None),
        (math.nan, None),
        (False, None),
        ({}, None),
    ],
)
def test_a_price_is_one_that_somebody_pays(value: object, usd: float | None) -> None:
    assert read_usd(value) == usd


@given(value=st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50))
def test_a_number_is_finite_whatever_is_sent(value: object) -> None:
    number = read_number(value)
    assert number is None or math.isfinite(number)
