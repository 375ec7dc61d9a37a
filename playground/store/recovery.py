"""What a run amounts to whose program was killed while it ran."""

from collections.abc import Sequence
from dataclasses import replace

from playground.core.events import StreamEvent
from playground.core.fold import RunFold
from playground.core.runs import Run, StreamCounts

INTERRUPTED = "interrupted"
"""Finish reason of a run that the end of the program cut off."""


def interrupted(run: Run, events: Sequence[StreamEvent]) -> Run:
    """Return `run` as its saved `events` tell it, ended after the last of them."""
    fold = RunFold(replace(run, text="", reasoning="", notices=(), counts=StreamCounts()))
    for event in events:
        fold.add(event)
    if fold.run.status.is_final:
        return fold.run
    fold.cancel(events[-1].t_s if events else 0.0)
    return replace(fold.run, finish_reason=INTERRUPTED)
