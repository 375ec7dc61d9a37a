"""Where a download gathers on the disk, who may write there, and what to say where it fails."""

import contextlib
import errno
import hashlib
import os
import sys
from pathlib import Path
from types import TracebackType

from playground.core.errors import DiskFull, DownloadFailed

_LONGEST_STEM = 200
_IN_USE = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, getattr(errno, "EDEADLK", errno.EAGAIN)}


class InUse(DownloadFailed):
    """Another process writes to the file."""

    @property
    def kind(self) -> str:
        """Name of the error in the interface's contracts."""
        return DownloadFailed.__name__


def part_path(target: Path) -> Path:
    """Return where the bytes of `target` gather."""
    return target.with_name(f".{_stem(target.name)}.part")


def journal_path(target: Path) -> Path:
    """Return where it is written down which bytes are there."""
    return target.with_name(f".{_stem(target.name)}.journal")


def fresh_journal_path(target: Path) -> Path:
    """Return where a journal lies until it is complete."""
    return target.with_name(f".{_stem(target.name)}.journal.new")


def discard(target: Path) -> None:
    """Delete what has arrived of `target`; the final file is not touched.

    What another process is fetching is left to it.
    """
    with told(target):
        try:
            file = os.open(part_path(target), os.O_RDWR | getattr(os, "O_BINARY", 0))
        except FileNotFoundError:
            pass
        else:
            try:
                claim(file, target)
            except InUse:
                return
            finally:
                os.close(file)
        for path in (part_path(target), journal_path(target), fresh_journal_path(target)):
            path.unlink(missing_ok=True)


def claim(file: int, target: Path) -> None:
    """Keep other processes from an open file; the system lets go of it when it is closed.

    Raises `InUse`. A disk that knows no locks, as some on a network, is used without.
    """
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 - only there

            os.lseek(file, 1 << 50, os.SEEK_SET)
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415 - not on Windows

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in _IN_USE:
            return
        raise InUse(
            f"{target.name} is being downloaded already, by another window or in a terminal.",
            "Wait until that one has finished.",
        ) from error


def is_linked(file: int, path: Path) -> bool:
    """Return True where an open file is still the one at `path`."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except OSError:
        return False


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder onto the disk itself."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class told(contextlib.AbstractContextManager[None]):  # noqa: N801 - reads as `with told(…)`
    """Turns what the system says of a file into an error with a sentence."""

    def __init__(self, target: Path) -> None:
        self._target = target

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not isinstance(error, OSError):
            return
        name, folder = self._target.name, self._target.parent
        if error.errno in {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}:
            raise DiskFull(f"The disk is full: {name} waits. What has arrived is kept.") from error
        if error.errno == errno.EFBIG:
            raise DownloadFailed(
                f"The disk takes no file as large as {name}.",
                "Disks formatted for old systems (FAT32) end at 4 GB: use another disk.",
            ) from error
        if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
            raise DownloadFailed(
                f"Nothing may be written to {folder}.", "Check the rights on this folder."
            ) from error
        raise DownloadFailed(
            f"{name} could not be written: {error.strerror or error}.", "Check the disk."
        ) from error


def _stem(name: str) -> str:
    """Return a name with room for an ending, one of its own for each file."""
    if len(name.encode()) <= _LONGEST_STEM:
        return name
    # the ends of long names are what tells the parts of a model apart
    mark = hashlib.sha256(name.encode()).hexdigest()[:16]
    return f"{name.encode()[: _LONGEST_STEM - 20].decode(errors='ignore')}~{mark}"
