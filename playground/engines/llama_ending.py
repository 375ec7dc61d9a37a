"""Why a worker's process is gone, in words."""

import signal
from pathlib import Path

from playground.core.errors import EngineError, OutOfMemory, WorkerCrashed

_COUNTERS = Path("/proc/vmstat")


def explain_ending(code: int, last_words: str, *, lacked_memory: bool) -> EngineError:
    """Return what the exit `code` of a worker amounts to; negative codes are signals."""
    if lacked_memory and code == -signal.SIGKILL:
        return OutOfMemory("The system ended the model's process because memory ran out.")
    lines = last_words.strip().splitlines()
    last = f": {lines[-1][:300]}" if lines else ""
    return WorkerCrashed(f"The model's process ended unexpectedly ({_ending(code)}){last}.")


def memory_kills() -> int:
    """Return how often Linux has ended a process for want of memory; 0 elsewhere."""
    try:
        lines = _COUNTERS.read_text().splitlines()
    except OSError:
        return 0
    found = (line.split()[1] for line in lines if line.startswith("oom_kill "))
    return int(next(found, "0"))


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {-code}, {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
