"""Measures how fast this computer reads memory, and remembers it.

It is measured in a process of its own (`python -m playground --memory-speed`), so that neither the
memory it takes nor its load stays.
"""

import asyncio
import contextlib
import json
import math
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from playground.engines.child_process import worker_command, worker_environment

_BUFFER_BYTES = 192 << 20
"""Larger than any cache."""
_LONGEST_S = 0.6
_WAIT_S = 20.0
_LOOK_S = 0.15
_BUSY_PERCENT = 30.0


class Bandwidth:
    """The memory bandwidth of this computer, measured once.

    What was measured while other programs were at work is too low: it is measured again at the next
    start, and the better figure counts.
    """

    def __init__(
        self,
        file: Path,
        measure: Callable[[], float | None] | None = None,
        *,
        is_busy: Callable[[], bool] | None = None,
    ) -> None:
        self._file = file
        self._measure = measure or measure_in_child
        self._is_busy = is_busy or others_are_at_work
        self._value: float | None = None
        self._lock = asyncio.Lock()
        self._has_failed = False

    @property
    def bytes_per_s(self) -> float | None:
        """What is known without measuring."""
        return self._value

    async def get(self) -> float | None:
        """Return bytes per second; measured at the first call on this computer."""
        async with self._lock:
            if self._value is None and not self._has_failed:
                self._value = await asyncio.to_thread(self._load_or_measure)
                self._has_failed = self._value is None
            return self._value

    def _load_or_measure(self) -> float | None:
        processor = platform.processor() or platform.machine()
        name = f"{platform.node()} {processor}"
        before: float | None = None
        try:
            known = json.loads(self._file.read_text(encoding="utf-8"))
            if known["machine"] == name and _is_speed(float(known["bytes_per_s"])):
                before = float(known["bytes_per_s"])
                if not known.get("is_busy"):
                    return before
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            pass
        is_busy = self._is_busy()
        value = self._measure()
        if value is None or not _is_speed(value):
            return before
        value = max(value, before or 0.0)
        text = json.dumps({"machine": name, "bytes_per_s": value, "is_busy": is_busy})
        with contextlib.suppress(OSError):
            # it is measured again at the next start
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(text, encoding="utf-8")
        return value


def others_are_at_work() -> bool:
    """Return True where other programs than this one keep the processor busy."""
    before = _own_seconds()
    busy_percent = psutil.cpu_percent(_LOOK_S)
    own = max(0.0, _own_seconds() - before) / (_LOOK_S * (psutil.cpu_count() or 1))
    return busy_percent - 100 * own > _BUSY_PERCENT


def _own_seconds() -> float:
    """Return the processor time this program and its children have taken so far."""
    own = psutil.Process()
    spent = 0.0
    for process in (own, *own.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            # one that has just ended takes nothing any more
            times = process.cpu_times()
            spent += times.user + times.system
    return spent


def _is_speed(bytes_per_s: float) -> bool:
    return math.isfinite(bytes_per_s) and bytes_per_s > 0


def measure_in_child() -> float | None:
    """Return bytes per second, measured by a child process; `None` where it fails."""
    command = [*worker_command()[:-1], "--memory-speed"]
    try:
        done = subprocess.run(
            command,
            env=worker_environment(os.environ),
            capture_output=True,
            text=True,
            timeout=_WAIT_S,
            check=False,
        )
        return float(done.stdout.split()[-1])
    except (OSError, ValueError, IndexError, subprocess.TimeoutExpired):
        return None


def measure(threads: int) -> float:
    """Return the bytes per second that `threads` threads together read from memory."""
    import numpy as np  # noqa: PLC0415 - only in the child

    buffers = [np.ones(_BUFFER_BYTES // threads // 8, dtype=np.int64) for _ in range(threads)]
    best = 0.0
    ends_at = time.perf_counter() + _LONGEST_S
    while time.perf_counter() < ends_at:
        readers = [threading.Thread(target=np.bitwise_or.reduce, args=(b,)) for b in buffers]
        began = time.perf_counter()
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        read = sum(buffer.nbytes for buffer in buffers)
        best = max(best, read / (time.perf_counter() - began))
    return best


def main() -> int:
    """Print the memory bandwidth in bytes per second."""
    if hasattr(os, "nice"):
        # the window that is opening meanwhile goes first
        os.nice(5)
    from playground.services.worker_pool import physical_cores  # noqa: PLC0415 - only in the child

    sys.stdout.write(f"{measure(physical_cores()):.0f}\n")
    return 0
