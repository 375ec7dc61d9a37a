"""What every child process of this program does first: private pipes, and no life of its own."""

import ctypes
import os
import signal
import sys
from typing import BinaryIO

from playground.engines.llama_environment import PARENT_VARIABLE

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def take_pipes() -> tuple[BinaryIO, int]:
    """Return private ends of stdin (a file) and stdout (a descriptor); 1 and 2 are the log now.

    llama-cpp-python redirects both for the whole process while it loads, and libraries print.
    """
    incoming, outgoing = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return os.fdopen(incoming, "rb"), outgoing


def die_with_parent() -> None:
    """Ask Linux to kill this process with the thread that started it.

    End of file on stdin is the rule everywhere else; here it may be noticed late, because a thread
    that holds the GIL keeps the reading one from running.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    parent = os.environ.get(PARENT_VARIABLE)
    if parent is not None and parent != str(os.getppid()):
        os._exit(0)
