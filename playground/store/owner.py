"""Which process a run belongs to, so that one program does not tidy up after another that lives."""

import os
import uuid

import psutil

_CLOCK_TOLERANCE_S = 2.0
"""A process's start time is reckoned from the boot time, which a corrected clock moves."""


def new_owner() -> str:
    """Return the name of one user of the database in this process."""
    started = psutil.Process().create_time()
    return f"{os.getpid()}:{started:.0f}:{uuid.uuid4().hex[:8]}"


def lives_elsewhere(owner: str) -> bool:
    """Return True where `owner` belongs to another process that is still there."""
    try:
        pid_text, started_text, _ = owner.split(":")
        pid, started = int(pid_text), float(started_text)
    except ValueError:
        return False
    if pid == os.getpid():
        return False
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return abs(process.create_time() - started) <= _CLOCK_TOLERANCE_S
    except (psutil.Error, ValueError):
        return False
