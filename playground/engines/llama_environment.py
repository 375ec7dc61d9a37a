"""How a worker is started, and what of this process's environment it gets to see."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

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


def worker_command() -> tuple[str, ...]:
    """Return the command that starts a worker: this program again, or this executable if frozen."""
    if getattr(sys, "frozen", False):
        return (sys.executable, "--worker")
    return (sys.executable, "-m", "playground", "--worker")


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
