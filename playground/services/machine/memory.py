"""Main memory as this program may use it: the computer's, within the limit of a container.

The files: https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files and, for the
older version, https://docs.kernel.org/admin-guide/cgroup-v1/memory.html.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import psutil


@dataclass(frozen=True, slots=True)
class MainMemory:
    """Main memory at one moment."""

    total_bytes: int
    available_bytes: int
    """What programs may still take."""

    @property
    def used_bytes(self) -> int:
        return self.total_bytes - self.available_bytes


@dataclass(frozen=True, slots=True)
class _Version:
    """Where one version of control groups keeps its figures."""

    folder: str
    limits: tuple[str, ...]
    usage: str
    stat_prefix: str


_V2 = _Version("", ("memory.max", "memory.high"), "memory.current", "")
_V1 = _Version("memory", ("memory.limit_in_bytes",), "memory.usage_in_bytes", "total_")


def main_memory(
    groups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")
) -> MainMemory:
    """Return the computer's memory, or what the strictest limit around this process leaves of it.

    `groups` is where control groups are mounted, `own` says which this process is in.
    """
    system = psutil.virtual_memory()
    total, available = system.total, system.available
    version = _V2 if (groups / "cgroup.controllers").exists() else _V1
    for folder in _folders(groups / version.folder, own, version):
        limits = [_number(folder / name) for name in version.limits]
        limit = min((one for one in limits if one is not None), default=None)
        used = _number(folder / version.usage)
        if limit is None or limit >= system.total or used is None:
            continue
        held = max(0, used - _pages_of_files(folder, version))
        total = min(total, limit)
        available = min(available, max(0, limit - held))
    return MainMemory(total, available)


def _folders(root: Path, own: Path, version: _Version) -> Iterator[Path]:
    """Yield the folder of this process's group and of all around it, as far as they are seen.

    In a container the root is the container's own group, whatever the path to it says.
    """
    yield root
    for line in _lines(own):
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if controllers == "" if version is _V2 else version.folder in controllers.split(","):
            inside = PurePosixPath(path.lstrip("/"))
            yield from (root / part for part in (inside, *inside.parents) if part.name)


def _pages_of_files(folder: Path, version: _Version) -> int:
    """Return the bytes of files kept in memory: given up where programs want it.

    psutil counts them as available as well; a model's weights are among them.
    """
    wanted = {f"{version.stat_prefix}{kind}_file" for kind in ("active", "inactive")}
    counted = (line.split() for line in _lines(folder / "memory.stat"))
    return sum(int(pair[1]) for pair in counted if pair[0] in wanted and pair[1].isdigit())


def _number(path: Path) -> int | None:
    """Return what a file says; `None` for “max”, and where it is not there or not ours to read."""
    text = next(iter(_lines(path)), "").strip()
    return int(text) if text.isdigit() else None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        # no control groups, or none that limit memory
        return []
