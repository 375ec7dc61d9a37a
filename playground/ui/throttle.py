"""Panes take turns: what is asked for many times is done once, and never all in one tick."""

from collections import deque
from typing import Protocol

from PySide6.QtCore import QElapsedTimer, QObject, QTimer

DEFAULT_HZ = 30
_TICK_MS = 4
"""Room between two turns: other events of Qt's loop come in between."""


class Flushes(Protocol):
    """Something that shows what has gathered since it was last asked."""

    def flush(self) -> None:
        """Show what has gathered."""
        ...


class FlushScheduler(QObject):
    """Calls `flush` of those that asked, one a tick, each at most so many times a second."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._queue: deque[Flushes] = deque()
        self._waiting: set[int] = set()
        self._last_ms: dict[int, int] = {}
        self._interval_ms: dict[int, int] = {}
        self.turns = 0
        """Turns given so far."""
        self._clock = QElapsedTimer()
        self._clock.start()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._turn)

    def set_pace(self, who: Flushes, hz: int) -> None:
        """Let `who` have at most `hz` turns a second."""
        self._interval_ms[id(who)] = max(1, 1000 // hz)

    def ask(self, who: Flushes) -> None:
        """Give `who` a turn soon; asking again before it came changes nothing."""
        if id(who) in self._waiting:
            return
        self._waiting.add(id(who))
        self._queue.append(who)
        if not self._timer.isActive():
            self._timer.start(self._due_in(who))

    def forget(self, who: Flushes) -> None:
        """Take back what `who` asked for."""
        self._waiting.discard(id(who))
        self._last_ms.pop(id(who), None)
        self._interval_ms.pop(id(who), None)
        self._queue = deque(waiting for waiting in self._queue if waiting is not who)

    def stop(self) -> None:
        """Give no more turns."""
        self._timer.stop()
        self._queue.clear()
        self._waiting.clear()

    def _due_in(self, who: Flushes) -> int:
        interval = self._interval_ms.get(id(who), 1000 // DEFAULT_HZ)
        last = self._last_ms.get(id(who))
        if last is None:
            return 0
        return max(0, last + interval - self._clock.elapsed())

    def _turn(self) -> None:
        if not self._queue:
            return
        who = min(self._queue, key=self._due_in)
        wait = self._due_in(who)
        if wait > 0:
            self._timer.start(wait)
            return
        self._queue.remove(who)
        self._waiting.discard(id(who))
        self.turns += 1
        self._last_ms[id(who)] = self._clock.elapsed()
        try:
            who.flush()
        finally:
            if self._queue:
                self._timer.start(max(_TICK_MS, min(self._due_in(w) for w in self._queue)))
