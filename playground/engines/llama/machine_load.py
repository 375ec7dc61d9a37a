"""Meter of what else this machine does while a worker answers: whether its speed is its own."""

from pathlib import Path
from time import perf_counter

import psutil

from playground.core.runs import MachineLoad

SHORTEST_S = 0.3
"""The system counts in steps of 10 ms: of what is shorter nothing can be said."""
_NOT_BUSY = {"idle", "iowait", "guest", "guest_nice"}
"""What guests take is counted as their host's work as well."""
_CPUS = Path("/sys/devices/system/cpu")
_THROTTLE_COUNTS = "cpu[0-9]*/thermal_throttle/*_throttle_count"


class MachineLoadMeter:
    """Counts from when it is made."""

    def __init__(self, worker_pid: int, cpus: Path = _CPUS) -> None:
        """`worker_pid` is the process that answers; all but it and this one are others."""
        self._pids = (worker_pid, psutil.Process().pid)
        self._cpus = cpus
        self._began = perf_counter()
        self._others_s = self._others()
        self._throttled = self._throttle_count()

    def load(self) -> MachineLoad:
        """Return what others did until now."""
        wall_s = perf_counter() - self._began
        before, now = self._others_s, self._others()
        other_cores = None
        if before is not None and now is not None and wall_s >= SHORTEST_S:
            other_cores = max(0.0, now - before) / wall_s
        throttled = self._throttle_count()
        was_throttled = None
        if throttled is not None and self._throttled is not None:
            was_throttled = throttled > self._throttled
        return MachineLoad(other_cores, was_throttled)

    def _others(self) -> float | None:
        """Return the processor time all others have taken so far, in seconds."""
        counts = psutil.cpu_times()._asdict()
        busy_s = sum(seconds for kind, seconds in counts.items() if kind not in _NOT_BUSY)
        try:
            own = [psutil.Process(pid).cpu_times() for pid in self._pids]
        except psutil.Error:
            return None
        return float(busy_s - sum(one.user + one.system for one in own))

    def _throttle_count(self) -> int | None:
        """Return how often processor cores have slowed down for heat; `None` is unknown.

        Linux tells it of Intel's: `Documentation/ABI/testing/sysfs-devices-system-cpu`.
        """
        counts = []
        for path in self._cpus.glob(_THROTTLE_COUNTS):
            try:
                counts.append(int(path.read_text(encoding="ascii")))
            except (OSError, ValueError):
                return None
        return sum(counts) if counts else None
