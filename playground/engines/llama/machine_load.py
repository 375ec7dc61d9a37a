"""Meter of what else this machine does while a worker answers: whether its speed is its own."""

from pathlib import Path
from time import perf_counter

import psutil

from playground.core.runs import MachineLoad

SHORTEST_S = 0.3
"""The system counts in steps of 10 ms: of what is shorter nothing can be said."""
_NOT_BUSY = {"idle", "iowait", "guest", "guest_nice"}
"""What guests take is counted as their host's work as well."""
_SYSTEM = Path("/sys")
_THROTTLE_COUNTS = "devices/system/cpu/cpu[0-9]*/thermal_throttle/*_throttle_count"
"""Of Intel's: `Documentation/ABI/testing/sysfs-devices-system-cpu` of Linux."""
_COOLING_DEVICES = "class/thermal/cooling_device[0-9]*"
"""`Documentation/ABI/testing/sysfs-class-thermal` of Linux."""
_SLOWS_PROCESSOR = ("processor", "cpufreq-", "thermal-cpufreq-", "idle-cpu", "thermal-idle-")
"""Beginnings of the types of those that cool by slowing the processor: ACPI's, and those of
`drivers/thermal/cpufreq_cooling.c` and `cpuidle_cooling.c`."""


class MachineLoadMeter:
    """Counts from when it is made."""

    def __init__(self, worker_pid: int, system: Path = _SYSTEM) -> None:
        """`worker_pid` is the process that answers; all but it and this one are others."""
        self._pids = (worker_pid, psutil.Process().pid)
        self._system = system
        self._began = perf_counter()
        self._others_s = self._others()
        self._throttles = self._throttle_count()
        self._was_slowed = self._is_slowed()

    def load(self) -> MachineLoad:
        """Return what others did until now."""
        wall_s = perf_counter() - self._began
        before, now = self._others_s, self._others()
        other_cores = None
        if before is not None and now is not None and wall_s >= SHORTEST_S:
            other_cores = max(0.0, now - before) / wall_s
        return MachineLoad(other_cores, self._was_throttled())

    def _others(self) -> float | None:
        """Return the processor time all others have taken so far, in seconds."""
        counts = psutil.cpu_times()._asdict()
        busy_s = sum(seconds for kind, seconds in counts.items() if kind not in _NOT_BUSY)
        try:
            own = [psutil.Process(pid).cpu_times() for pid in self._pids]
        except psutil.Error:
            return None
        return float(busy_s - sum(one.user + one.system for one in own))

    def _was_throttled(self) -> bool | None:
        """Return whether the processor slowed down for heat; `None` is unknown.

        Where nothing counts it, a processor that is not slowed now may have been, or slows down by
        itself, as AMD's do: only that it was is known.
        """
        if self._was_slowed or self._is_slowed():
            return True
        before, now = self._throttles, self._throttle_count()
        return None if before is None or now is None else now > before

    def _throttle_count(self) -> int | None:
        """Return how often processor cores have slowed down for heat; `None` is unknown."""
        counts = [_number(path) for path in self._system.glob(_THROTTLE_COUNTS)]
        known = [count for count in counts if count is not None]
        return sum(known) if known and len(known) == len(counts) else None

    def _is_slowed(self) -> bool:
        """Return True where the system slows the processor at this moment, to cool it."""
        return any(
            _text(device / "type").lower().startswith(_SLOWS_PROCESSOR)
            and (_number(device / "cur_state") or 0) > 0
            for device in self._system.glob(_COOLING_DEVICES)
        )


def _number(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text.isdecimal() else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
