"""How fast downloads are, and how fast they may be."""

import math
import threading
import time

_SETTLES_S = 4.0
_LEFT_SETTLES_S = 6.0
_BURST_S = 0.25


class RateLimiter:
    """Bytes per second that all downloads share; may be changed while they run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._limit: float | None = None
        self._free_at = 0.0

    def set_limit(self, bytes_per_s: float | None) -> None:
        """Take another limit at once; `None` is no limit."""
        with self._lock:
            if bytes_per_s != self._limit:
                self._limit = bytes_per_s
                self._free_at = time.perf_counter()

    def spend(self, count: int, stopped: threading.Event) -> None:
        """Wait until `count` bytes may have arrived; returns early once `stopped` is set."""
        with self._lock:
            if self._limit is None:
                return
            now = time.perf_counter()
            self._free_at = max(self._free_at, now - _BURST_S) + count / self._limit
            ready_at = self._free_at
        while not stopped.is_set():
            with self._lock:
                # a limit that was changed meanwhile counts from now on
                ready_at = min(ready_at, self._free_at) if self._limit is not None else 0.0
            left = ready_at - time.perf_counter()
            if left <= 0 or stopped.wait(min(left, 0.2)):
                return


class Pace:
    """Smoothed speed and time left of one download."""

    def __init__(self) -> None:
        self._last: tuple[float, int] | None = None
        self._speed: float | None = None
        self._left: float | None = None

    def look(self, now_s: float, received_bytes: int, total_bytes: int) -> None:
        """Take a look at how much is here."""
        if self._last is None or received_bytes < self._last[1]:
            self._last = (now_s, received_bytes)
            return
        passed = now_s - self._last[0]
        if passed <= 0:
            return
        speed = (received_bytes - self._last[1]) / passed
        self._last = (now_s, received_bytes)
        self._speed = _mixed(self._speed, speed, passed, _SETTLES_S)
        if self._speed < 1:
            self._left = None
            return
        left = (total_bytes - received_bytes) / self._speed
        before = None if self._left is None else max(0.0, self._left - passed)
        self._left = _mixed(before, left, passed, _LEFT_SETTLES_S)

    @property
    def bytes_per_s(self) -> float | None:
        """Speed over the last seconds; `None` where nothing arrives or nothing is known yet."""
        return self._speed if self._speed is not None and self._speed >= 1 else None

    @property
    def left_s(self) -> float | None:
        """Seconds left; `None` where nothing is known yet."""
        return self._left


def _mixed(before: float | None, now: float, passed_s: float, settles_s: float) -> float:
    if before is None:
        return now
    share = 1 - math.exp(-passed_s / settles_s)
    return before + (now - before) * share
