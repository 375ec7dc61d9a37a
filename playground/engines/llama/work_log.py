"""What a worker did when, for the charts of live use."""

from collections import deque
from dataclasses import dataclass, replace
from enum import StrEnum
from time import perf_counter

_KEPT = 2000
"""Spans: ten minutes of the shortest answers."""


class WorkKind(StrEnum):
    """What a worker can be at."""

    LOADING = "loading"
    READING = "reading"
    WRITING = "writing"


@dataclass(frozen=True, slots=True)
class WorkSpan:
    """A stretch of one kind of work; stamps are of `time.perf_counter()`."""

    kind: WorkKind
    began_s: float
    ended_s: float | None = None
    """`None` while it goes on."""
    tokens: int = 0
    """Tokens written in it."""


class WorkLog:
    """The spans of one worker, the newest last; read from any thread."""

    def __init__(self) -> None:
        self._ended: deque[WorkSpan] = deque(maxlen=_KEPT)
        self._now: WorkSpan | None = None

    def begin(self, kind: WorkKind) -> None:
        """End what goes on and begin something else."""
        self.end()
        self._now = WorkSpan(kind, perf_counter())

    def wrote(self, tokens: int) -> None:
        """Count tokens; the first of an answer end the reading."""
        if self._now is None or self._now.kind is not WorkKind.WRITING:
            self.begin(WorkKind.WRITING)
        if self._now is not None:
            self._now = replace(self._now, tokens=self._now.tokens + tokens)

    def end(self) -> None:
        now, self._now = self._now, None
        if now is not None:
            self._ended.append(replace(now, ended_s=perf_counter()))

    def spans(self, since_s: float) -> tuple[WorkSpan, ...]:
        """Return what went on at `since_s` or later."""
        now = self._now
        # copied in one step: the worker goes on meanwhile
        ended = [span for span in self._ended.copy() if (span.ended_s or 0.0) >= since_s]
        return (*ended, *(() if now is None else (now,)))
