"""The figures are what DESIGN §5 says they are."""

from dataclasses import replace

import pytest

from playground.core.events import (
    Finished,
    ReasoningDelta,
    RequestSent,
    StreamEvent,
    TextDelta,
    Token,
)
from playground.core.metrics import (
    Figure,
    completed_usage,
    figures,
    generation_speed,
    prompt_speed,
    words_speed,
)
from playground.core.runs import Cost, Provenance, Run, TokenUsage
from tests.core.streams import cloud_run, fold, local_run, token

MEASURED, REPORTED, ESTIMATED = Provenance.MEASURED, Provenance.REPORTED, Provenance.ESTIMATED


def local(*events: StreamEvent, usage: TokenUsage | None = None, prompt_s: float = 0.5) -> Run:
    usage = usage or TokenUsage(20, 5, processed_tokens=20, provenance=MEASURED)
    return fold(
        local_run(), [RequestSent(1.0), *events, Finished(9.0, usage, "stop", prompt_s=prompt_s)]
    )


def cloud(*events: StreamEvent, usage: TokenUsage | None = None) -> Run:
    usage = usage or TokenUsage()
    return fold(cloud_run(), [RequestSent(0.0), *events, Finished(9.0, usage, "stop")])


def reported(completion: int, reasoning: int | None = None) -> TokenUsage:
    return TokenUsage(10, completion, reasoning_tokens=reasoning, provenance=REPORTED)


def test_a_local_speed_counts_the_tokens_after_the_first() -> None:
    run = local(*(token(2.0 + n / 10, "w ") for n in range(11)))
    speed = generation_speed(run)
    assert speed is not None
    assert speed.value == pytest.approx(10.0)
    assert speed.provenance is MEASURED


def test_tokens_before_the_first_shown_one_do_not_make_a_model_look_faster() -> None:
    run = local(token(1.1, ""), token(1.2, ""), *(token(2.0 + n / 10, "w ") for n in range(11)))
    speed = generation_speed(run)
    assert speed is not None
    assert speed.value == pytest.approx(10.0)


def test_a_cloud_speed_takes_the_first_chunk_off_by_its_share_of_the_characters() -> None:
    run = cloud(
        TextDelta(1.0, "x" * 20),
        TextDelta(2.0, "x" * 40),
        TextDelta(3.0, "x" * 40),
        usage=reported(50),
    )
    assert generation_speed(run) == Figure((50 - 10) / 2.0, ESTIMATED)


def test_hidden_reasoning_is_not_counted_as_speed() -> None:
    answer = [TextDelta(60.0 + n / 10, "ten words ") for n in range(11)]
    run = cloud(*answer, usage=reported(2_110, reasoning=2_000))
    speed = generation_speed(run)
    assert speed is not None
    assert speed.value == pytest.approx(100.0)


def test_reasoning_that_was_streamed_counts() -> None:
    run = cloud(
        ReasoningDelta(1.0, "x" * 50), TextDelta(3.0, "x" * 50), usage=reported(40, reasoning=20)
    )
    assert generation_speed(run) == Figure(20 / 2.0, ESTIMATED)


def test_a_provider_that_reports_nothing_gets_an_estimate_by_characters() -> None:
    run = cloud(TextDelta(1.0, "x" * 40), TextDelta(2.0, "x" * 40))
    assert completed_usage(run) == TokenUsage(10, 20, provenance=ESTIMATED)
    assert generation_speed(run) == Figure(10.0, ESTIMATED)


def test_tokens_seen_with_their_probabilities_are_counted_by_chunk() -> None:
    def chunk(t_s: float, count: int) -> TextDelta:
        return TextDelta(t_s, "w " * count, tuple(Token("w ", t_s) for _ in range(count)))

    run = cloud(chunk(1.0, 3), chunk(2.0, 4), chunk(3.0, 4))
    assert generation_speed(run) == Figure(4.0, MEASURED)
    assert completed_usage(run).completion_tokens == 11


def test_probabilities_of_the_answer_alone_do_not_count_the_reasoning_away() -> None:
    run = cloud(
        ReasoningDelta(1.0, "x" * 40),
        token(2.0, "x" * 20),
        token(3.0, "x" * 20),
        usage=reported(20, reasoning=10),
    )
    assert generation_speed(run) == Figure(5.0, ESTIMATED)


@pytest.mark.parametrize(
    "run",
    [
        local(),
        local(token(2.0, "one chunk")),
        cloud(),
        cloud(TextDelta(1.0, "one chunk"), usage=reported(5)),
        cloud(TextDelta(1.0, "two at"), TextDelta(1.0, " once"), usage=reported(5)),
        cloud(TextDelta(1.0, "a"), TextDelta(2.0, "b"), usage=reported(7, reasoning=7)),
        cloud(TextDelta(1.0, "One"), TextDelta(1.001, " two"), usage=reported(2)),
    ],
    ids=[
        *("local none", "local one", "cloud none", "cloud one", "no time between", "all hidden"),
        "all with the first",
    ],
)
def test_there_is_no_speed_where_there_is_nothing_to_measure(run: Run) -> None:
    assert generation_speed(run) is None


def test_words_are_measured_wherever_the_answer_comes_from() -> None:
    run = cloud(TextDelta(1.0, "one two "), TextDelta(3.0, "three four five"))
    assert words_speed(run) == Figure(1.5, MEASURED)
    assert words_speed(cloud(TextDelta(1.0, "one two"))) is None


@pytest.mark.parametrize(
    ("usage", "speed"),
    [
        (TokenUsage(100, 1, processed_tokens=100), 200.0),
        (TokenUsage(100, 1, cached_tokens=20, processed_tokens=80), 160.0),
        (TokenUsage(100, 1, cached_tokens=99, processed_tokens=1), None),
        (TokenUsage(100, 1, processed_tokens=0), None),
        (TokenUsage(100, 1), None),
    ],
    ids=["all read", "some kept", "from the cache", "none read", "unknown"],
)
def test_prompt_speed_counts_what_was_really_read(usage: TokenUsage, speed: float | None) -> None:
    figure = prompt_speed(local(token(2.0, "a"), usage=usage))
    assert (figure.value if figure else None) == speed


def test_a_stopped_local_run_has_counted_tokens_and_a_providers_estimated_ones() -> None:
    here = fold(local_run(), [RequestSent(0.0), token(1.0, "a"), token(2.0, "b")])
    assert completed_usage(here) == TokenUsage(None, 2, provenance=MEASURED)
    there = fold(cloud_run(), [RequestSent(0.0), TextDelta(1.0, "x" * 10)])
    assert completed_usage(there) == TokenUsage(10, 2, provenance=ESTIMATED)
    nothing = fold(cloud_run(), [RequestSent(0.0)])
    assert completed_usage(nothing) == TokenUsage()


def test_what_is_unknown_is_none_and_what_is_known_has_a_provenance() -> None:
    empty = figures(cloud_run())
    assert all(getattr(empty, name) is None for name in empty.__dataclass_fields__)
    run = cloud(TextDelta(1.0, "Hi "), TextDelta(2.0, "you"), usage=reported(2))
    shown = figures(run)
    assert shown.ttft_s == shown.first_answer_s == Figure(1.0, MEASURED)
    assert shown.total_s == Figure(9.0, MEASURED)
    assert shown.completion_tokens == Figure(2, REPORTED)
    assert (shown.load_s, shown.cost_usd, shown.prompt_tokens_per_s) == (None, None, None)


@pytest.mark.parametrize(
    ("cost", "figure"),
    [
        (Cost(0.002, "api", REPORTED), Figure(0.002, REPORTED)),
        (Cost(0.0, "electricity", ESTIMATED), Figure(0.0, ESTIMATED)),
        (Cost(None, "api", None), None),
        (None, None),
    ],
)
def test_an_unknown_cost_is_not_zero(cost: Cost | None, figure: Figure | None) -> None:
    assert figures(replace(cloud_run(), cost=cost)).cost_usd == figure


def test_loading_is_no_part_of_the_time_to_the_first_word() -> None:
    run = fold(local_run(), [RequestSent(5.0, was_loaded=False, load_s=4.9), token(5.5, "a")])
    shown = figures(run)
    assert shown.ttft_s == Figure(0.5, MEASURED)
    assert shown.load_s == Figure(4.9, MEASURED)
