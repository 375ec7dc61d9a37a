"""Keeps Python's cycle collector on Qt's thread.

The collector runs in whichever thread makes the object that is one too many. On the I/O thread it
would end widgets and timers there, which Qt forbids, and a full collection in the middle of an
answer would hold up the window: so it is called here, small steps often, the rest while all is
quiet.
"""

import gc
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer

_INTERVAL_MS = 1000
_FULL_EVERY = 30


class Collector(QObject):
    """Collects once a second; a full collection is left for when `is_quiet` says so."""

    def __init__(self, is_quiet: Callable[[], bool], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._is_quiet = is_quiet
        self._ticks = 0
        self._was_enabled = gc.isenabled()
        self._timer = QTimer(self)
        self._timer.setInterval(_INTERVAL_MS)
        self._timer.timeout.connect(self._tick)

    def start(self) -> None:
        """Take over from the automatic collector."""
        gc.disable()
        self._timer.start()

    def settle(self) -> None:
        """Leave out what is there now: modules and pages stay as long as the program.

        Looking through them again at each collection would take 30 ms and more.
        """
        gc.freeze()

    def stop(self) -> None:
        """Give it back."""
        self._timer.stop()
        gc.unfreeze()
        if self._was_enabled:
            gc.enable()

    def _tick(self) -> None:
        self._ticks += 1
        is_quiet = self._is_quiet()
        if self._ticks >= _FULL_EVERY and is_quiet:
            self._ticks = 0
            gc.collect()
        else:
            gc.collect(1)
