"""What each event means for what is kept of a run."""

import pytest

from playground.core.errors import ErrorInfo
from playground.core.events import (
    Failed,
    Finished,
    InputPrepared,
    LoadProgress,
    Notice,
    PromptProgress,
    ReasoningDelta,
    RequestSent,
    StreamEvent,
    TextDelta,
    Token,
)
from playground.core.fold import RunFold
from playground.core.runs import HostContact, ModelInput, Provenance, RunStatus, TokenUsage
from tests.core.streams import cloud_run, fold, local_run, token

USAGE = TokenUsage(10, 3, provenance=Provenance.MEASURED)
ERROR = ErrorInfo("WorkerCrashed", "It crashed", "Again")
HOSTS = (HostContact("acme.example", 321),)


def test_a_whole_run_is_kept_with_its_times() -> None:
    run = fold(
        local_run(),
        [
            LoadProgress(0.5, 0.5),
            RequestSent(2.0, was_loaded=False, load_s=1.9),
            PromptProgress(2.1, 5, 10),
            token(2.5, "One"),
            token(2.6, " two"),
            token(2.8, " three"),
            Finished(3.0, USAGE, "stop", prompt_s=0.4),
        ],
    )
    assert (run.status, run.finish_reason, run.text) == (
        RunStatus.FINISHED,
        "stop",
        "One two three",
    )
    assert run.was_loaded is False
    assert run.usage == USAGE
    timings = run.timings
    assert timings.load_s == 1.9
    assert timings.ttft_s == timings.first_answer_s == pytest.approx(0.5)
    assert timings.generation_s == pytest.approx(0.3)
    assert timings.total_s == pytest.approx(1.0)
    assert timings.prompt_s == 0.4


def test_the_status_tells_how_far_a_run_has_come() -> None:
    folding = RunFold(local_run())
    seen = [folding.run.status]
    folding.start(shared_machine=True)
    seen.append(folding.run.status)
    for event in (RequestSent(0.1), token(0.2, "a"), Finished(0.3, USAGE, "stop")):
        folding.add(event)
        seen.append(folding.run.status)
    assert seen == ["waiting", "loading", "reading", "writing", "finished"]
    assert folding.run.shared_machine
    assert folding.run.started_at is not None


def test_progress_is_there_to_look_at() -> None:
    folding = RunFold(local_run())
    folding.add(LoadProgress(0.1, 0.25))
    folding.add(PromptProgress(0.2, 128, 512, kept=64))
    assert folding.load_fraction == 0.25
    assert folding.prompt_progress == PromptProgress(0.2, 128, 512, kept=64)


def test_reasoning_is_kept_apart_and_the_first_answer_has_its_own_time() -> None:
    run = fold(
        cloud_run(),
        [
            RequestSent(0.0),
            ReasoningDelta(1.0, "Let me"),
            ReasoningDelta(2.0, " think"),
            TextDelta(5.0, "Forty"),
            TextDelta(6.0, "-two"),
            Finished(6.5, USAGE, "stop"),
        ],
    )
    assert (run.reasoning, run.text) == ("Let me think", "Forty-two")
    assert (run.timings.ttft_s, run.timings.first_answer_s) == (1.0, 5.0)
    assert run.timings.generation_s == 5.0
    assert (run.counts.characters, run.counts.reasoning_characters) == (9, 12)


def test_an_empty_chunk_is_not_the_first_word() -> None:
    run = fold(cloud_run(), [RequestSent(0.0), TextDelta(0.1, ""), TextDelta(0.5, "Hi")])
    assert run.timings.ttft_s == 0.5
    assert run.counts.chunks == 1


def test_tokens_that_show_nothing_yet_do_not_start_the_answer() -> None:
    events: list[StreamEvent] = [
        RequestSent(0.0),
        token(0.1, ""),  # the first half of an emoji, or a tag that is not shown
        token(0.2, ""),
        token(0.3, "🦉"),
        token(0.4, "!"),
    ]
    run = fold(local_run(), events)
    assert run.timings.ttft_s == 0.3
    assert (run.counts.tokens, run.counts.first_tokens) == (4, 3)


def test_the_first_word_is_stamped_by_the_token_that_shows_it() -> None:
    held = TextDelta(0.4, "<b", (Token("", 0.2), Token("<", 0.3), Token("b", 0.4)))
    run = fold(local_run(), [RequestSent(0.1), held, token(0.5, ">")])
    assert run.timings.ttft_s == pytest.approx(0.2)
    assert run.timings.generation_s == pytest.approx(0.2)
    assert (run.counts.tokens, run.counts.first_tokens) == (4, 2)


def test_a_stopped_run_keeps_its_text_and_says_so() -> None:
    folding = RunFold(local_run())
    for event in (
        RequestSent(1.0, was_loaded=True, hosts=HOSTS),
        token(1.5, "So"),
        token(2, " far"),
    ):
        folding.add(event)
    folding.cancel(3.0)
    run = folding.run
    assert (run.status, run.finish_reason) == (RunStatus.CANCELLED, "cancelled")
    assert run.text == "So far"
    assert (run.timings.ttft_s, run.timings.total_s) == (0.5, 2.0)
    assert run.usage == TokenUsage()
    assert run.hosts == HOSTS


def test_a_run_stopped_before_it_was_sent_has_no_times() -> None:
    folding = RunFold(local_run())
    folding.cancel(0.5)
    assert folding.run.status is RunStatus.CANCELLED
    assert folding.run.timings.total_s is None
    assert folding.run.timings.ttft_s is None


def test_a_failed_run_keeps_text_hosts_and_usage() -> None:
    run = fold(
        cloud_run(),
        [RequestSent(0.0), TextDelta(1.0, "Half an"), Failed(2.0, ERROR, USAGE, HOSTS)],
    )
    assert (run.status, run.error, run.text) == (RunStatus.FAILED, ERROR, "Half an")
    assert (run.usage, run.hosts, run.timings.total_s) == (USAGE, HOSTS, 2.0)
    assert run.finish_reason is None


def test_a_failure_to_load_has_no_total() -> None:
    run = fold(local_run(), [LoadProgress(0.1, 0.3), Failed(0.5, ERROR)])
    assert run.status is RunStatus.FAILED
    assert run.timings.total_s is None


def test_an_error_from_outside_ends_the_run_as_one_from_inside() -> None:
    folding = RunFold(cloud_run())
    folding.add(TextDelta(0.5, "Half"))
    folding.fail(ERROR, 1.0)
    assert (folding.run.status, folding.run.error, folding.run.text) == ("failed", ERROR, "Half")


def test_an_error_from_outside_does_not_deny_where_the_words_went() -> None:
    folding = RunFold(cloud_run())
    folding.add(RequestSent(0.1, hosts=HOSTS))
    folding.fail(ERROR, 1.0)
    assert folding.run.hosts == HOSTS


def test_a_second_request_starts_the_clock_again() -> None:
    run = fold(
        cloud_run(),
        [
            RequestSent(0.0),
            Notice(1.0, "dropped", "Asked again without a seed."),
            RequestSent(1.0),
            TextDelta(1.25, "Hi"),
            Finished(2.0, USAGE, "stop", hosts=HOSTS),
        ],
    )
    assert (run.timings.ttft_s, run.timings.total_s) == (0.25, 1.0)
    assert run.notices == ("Asked again without a seed.",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Three plain words", 3),
        ("  spaces\n\n and\ttabs ", 3),
        ("富士山", 3),
        ("富士山は高い。山、川!", 8),
        ("GPT は 模型", 4),
        ("GPT、AI", 2),
        ("안녕", 2),
        ("", 0),
        ("…", 0),
        ("a - (b)", 2),
        ("हिन्दी में", 2),
        ("don't stop", 2),
    ],
)
def test_words_are_counted_in_scripts_with_and_without_spaces(text: str, words: int) -> None:
    whole = fold(cloud_run(), [TextDelta(0.0, "a "), TextDelta(1.0, text)])
    assert whole.counts.words - whole.counts.first_chunk_words == words
    by_character = [TextDelta(float(n), letter) for n, letter in enumerate(text)]
    assert fold(cloud_run(), by_character).counts.words == words


def test_the_last_thought_and_the_first_word_of_the_answer_are_two_words() -> None:
    run = fold(cloud_run(), [ReasoningDelta(0.0, "hm"), TextDelta(1.0, "Yes")])
    assert run.counts.words == 2


def test_a_local_answer_that_was_stopped_says_what_of_its_prompt_was_processed_and_kept() -> None:
    stopped = RunFold(local_run())
    stopped.start()
    stopped.add(RequestSent(0.0, was_loaded=True))
    stopped.add(PromptProgress(0.1, 30, 40, 10))
    stopped.add(PromptProgress(0.2, 40, 40, 10))
    stopped.add(TextDelta(0.3, "one", (Token("one", 0.3),)))
    stopped.cancel(0.4)
    usage = stopped.run.usage
    assert (usage.prompt_tokens, usage.processed_tokens, usage.cached_tokens) == (40, 30, 10)
    assert usage.completion_tokens == 1
    assert usage.provenance is Provenance.MEASURED


def test_a_stopped_run_keeps_what_the_model_was_given_last() -> None:
    refused = ModelInput((("seed", 4), ("top_k", 2)), seed=4)
    taken = ModelInput((("top_k", 2),))
    stopped = RunFold(cloud_run())
    stopped.add(RequestSent(0.1))
    stopped.add(InputPrepared(0.1, refused))
    assert stopped.run.seed == 4
    stopped.add(RequestSent(0.2))
    stopped.add(InputPrepared(0.2, taken))
    stopped.cancel(0.3)
    assert stopped.run.model_input == taken
    assert stopped.run.seed is None


def test_a_run_is_described_once_for_each_event() -> None:
    folding = RunFold(local_run())
    folding.start()
    folding.add(RequestSent(0.1))
    folding.add(token(0.2, "a"))
    before = folding.run
    assert folding.run is before
    folding.add(token(0.3, "b"))
    assert (before.text, folding.run.text) == ("a", "ab")
    folding.cancel(0.4)
    assert folding.run.status is RunStatus.CANCELLED
