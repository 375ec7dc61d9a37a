"""Panes paint in turn: what is asked for many times is done once, and never all in one tick."""

from collections import deque
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer

_TICK_MS = 4
"""Room between two panes: other events of Qt's loop come in between."""


class FlushScheduler(QObject):
    """Calls what was asked for, one call a tick."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._queue: deque[Callable[[], None]] = deque()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._flush_next)

    def request(self, flush: Callable[[], None]) -> None:
        """Call `flush` soon; asking again before that changes nothing."""
        if flush in self._queue:
            return
        self._queue.append(flush)
        if not self._timer.isActive():
            self._timer.start(0)

    def clear(self) -> None:
        self._timer.stop()
        self._queue.clear()

    def _flush_next(self) -> None:
        if not self._queue:
            return
        flush = self._queue.popleft()
        try:
            flush()
        finally:
            if self._queue:
                self._timer.start(_TICK_MS)
