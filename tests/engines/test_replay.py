"""A recorded run is played back as it was."""

import math
from contextlib import aclosing

import pytest

from playground.core.chat import ChatRequest
from playground.core.errors import ErrorInfo
from playground.core.events import Failed, Finished, RequestSent, StreamEvent, TextDelta
from playground.core.runs import RunStatus, TokenUsage
from playground.engines.replay import ReplayEngine
from tests.store.history import INDIE, answer_events, folded, waiting_run

REQUEST = ChatRequest(())


async def played(engine: ReplayEngine) -> list[StreamEvent]:
    async with aclosing(engine.stream(REQUEST)) as events:
        return [event async for event in events]


async def test_every_event_comes_again_with_its_own_time() -> None:
    events = answer_events("Rivers run to the sea")
    assert await played(ReplayEngine(events, math.inf)) == events


async def test_the_figures_of_a_replay_are_those_of_the_run() -> None:
    events = answer_events("Rivers run to the sea")
    again = await played(ReplayEngine(events, speed=1000))
    run = waiting_run("r", INDIE)
    assert folded(run, again) == folded(run, events)


@pytest.mark.parametrize("speed", [1.0, 2.0, 0.5])
async def test_events_are_due_at_their_own_time_even_where_sleeps_are_late(
    monkeypatch: pytest.MonkeyPatch, speed: float
) -> None:
    now = 50.0
    shown: list[float] = []

    async def late(delay_s: float) -> None:
        nonlocal now
        now += delay_s + 0.01

    monkeypatch.setattr("playground.engines.replay.time.perf_counter", lambda: now)
    monkeypatch.setattr("playground.engines.replay.asyncio.sleep", late)
    events: list[StreamEvent] = [TextDelta(float(number), "x") for number in range(1, 100)]
    async with aclosing(ReplayEngine(events, speed).stream(REQUEST)) as stream:
        async for _ in stream:
            shown.append(now - 50.0)
    due = [event.t_s / speed + 0.01 for event in events]
    assert shown[:99] == pytest.approx(due)


async def test_a_stopped_run_ends_as_stopped_with_the_text_it_had() -> None:
    events = answer_events("Rivers run to the sea")[:3]
    again = await played(ReplayEngine(events, math.inf))
    assert again[:3] == events
    run = folded(waiting_run("r", INDIE), again)
    assert run.text == "Rivers run "
    assert (run.status, run.finish_reason) == (RunStatus.FINISHED, "cancelled")
    assert run.notices == ("The recording ends here: the run was stopped.",)
    interrupted = await played(ReplayEngine(events, math.inf, cut_reason="interrupted"))
    assert interrupted[-1] == Finished(events[-1].t_s, TokenUsage(), "interrupted")


async def test_a_failed_run_fails_again() -> None:
    failure = Failed(0.2, ErrorInfo("WorkerCrashed", "It crashed", "Again"))
    events: list[StreamEvent] = [RequestSent(0.1), failure]
    assert await played(ReplayEngine(events, math.inf)) == events


async def test_an_empty_recording_ends_at_once() -> None:
    engine = ReplayEngine([])
    assert engine.duration_s == 0
    assert isinstance((await played(engine))[-1], Finished)


@pytest.mark.parametrize("speed", [0.0, -1.0, math.nan])
def test_a_speed_that_goes_nowhere_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        ReplayEngine([], speed)
