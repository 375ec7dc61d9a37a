"""What every child process of this program does first: private pipes, and no life of its own."""

import asyncio
import asyncio.subprocess
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import playground

PARENT_VARIABLE = "PLAYGROUND_PARENT_PID"

_NEEDED = frozenset(
    {
        "APPDATA",
        "HOME",
        "LANG",
        "LOCALAPPDATA",
        "PATH",
        "PLAYGROUND_HOME",
        "SYSTEMROOT",
        "TEMP",
        "TMP",
        "TMPDIR",
        "TZ",
        "USERPROFILE",
        "VIRTUAL_ENV",
        "WINDIR",
    }
)
_NEEDED_PREFIXES = (
    "CUDA_",
    "DYLD_",
    "GGML_",
    "GOMP_",
    "HIP_",
    "HSA_",
    "KMP_",
    "LC_",
    "LD_",
    "MTL_",
    "NVIDIA_",
    "OMP_",
    "PYTHON",
    "ROCR_",
    "VK_",
    "XDG_",
)
_SECRET_WORDS = ("KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "AUTH")


def child_command(argument: str) -> tuple[str, ...]:
    """Return the command that starts this program again with `argument`, frozen or not."""
    if getattr(sys, "frozen", False):
        return (sys.executable, argument)
    return (sys.executable, "-m", "playground", argument)


def worker_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what a process that opens strangers' files needs of `environment`: no keys."""
    kept = {name: value for name, value in environment.items() if _is_needed(name)}
    # found wherever the program was started from, and never in the folder it was started in
    root = str(Path(playground.__file__).parent.parent)
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, (root, kept.get("PYTHONPATH"))))
    kept["PYTHONSAFEPATH"] = "1"
    # a failed assertion would start a debugger to print where it happened
    kept["GGML_NO_BACKTRACE"] = "1"
    kept[PARENT_VARIABLE] = str(os.getpid())
    return kept


def _is_needed(name: str) -> bool:
    upper = name.upper()
    if any(word in upper for word in _SECRET_WORDS):
        return False
    return upper in _NEEDED or upper.startswith(_NEEDED_PREFIXES)


def claim_pipes() -> tuple[BinaryIO, int]:
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
    pr_set_pdeathsig = 1  # linux/prctl.h
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL, 0, 0, 0)
    parent = os.environ.get(PARENT_VARIABLE)
    if parent is not None and parent != str(os.getppid()):
        os._exit(0)


async def spawn(
    command: Sequence[str], environment: Mapping[str, str], limit: int = 65_536
) -> asyncio.subprocess.Process:
    """Return a running child with pipes to stdin, stdout and stderr.

    `limit` is the longest line that can be read, in bytes. Cancelled while the child is being
    started, even twice, this ends it first: `create_subprocess_exec` leaves it unreaped then.
    Raises `OSError` where it cannot be started.
    """
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
            limit=limit,
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        ending = asyncio.ensure_future(_end(starting))
        while not ending.done():
            # called off a second time, as a closing program does: it still has to be waited for
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.shield(ending)
        raise


async def _end(starting: "asyncio.Future[asyncio.subprocess.Process]") -> None:
    process = await starting
    if process.returncode is None:
        process.kill()
    await process.communicate()
