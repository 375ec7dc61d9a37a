"""A file while it arrives: its bytes under another name, and a journal of which are there.

Both lie beside the final name, hidden. A piece is written into the file first and into the journal
afterwards: however the program ends, the journal never claims a byte that is not there. Each line
of it is one piece; a line that was cut off says less than was there, or nothing. Where the whole
computer ended, only lines marked as on the disk itself count.
"""

import contextlib
import json
import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from playground.core.errors import DownloadFailed
from playground.core.hub import HubPart
from playground.core.intervals import Intervals
from playground.services.download_places import (
    claim,
    fresh_journal_path,
    is_linked,
    journal_path,
    part_path,
    sync_folder,
    told,
)

_MOST_LINES = 500_000
_SYNCED = "synced"


class PartFile:
    """The bytes of one file that are here, open for writing by this process alone.

    Raises `DownloadFailed` where another process has it open, and `DiskFull`.
    """

    def __init__(self, target: Path, part: HubPart, etag: str | None = None) -> None:
        self.target = target
        self.size_bytes = part.size_bytes
        self.sha256 = part.sha256
        self.etag = etag
        self._lock = threading.RLock()
        self._taken: dict[int, tuple[int, int]] = {}
        self._done = Intervals()
        self._synced = Intervals()
        self._journal = -1
        self._file = _opened(target)
        try:
            with told(target):
                self._read_journal()
                if os.fstat(self._file).st_size > self.size_bytes:
                    os.ftruncate(self._file, self.size_bytes)
                self._start_journal()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def received_bytes(self) -> int:
        """How many bytes are here."""
        with self._lock:
            return self._done.total

    @property
    def prefix_bytes(self) -> int:
        """How many are here from the beginning without a gap."""
        with self._lock:
            return self._done.prefix

    @property
    def is_whole(self) -> bool:
        """True where every byte is here."""
        return self.received_bytes >= self.size_bytes

    def take(self, worker: int, longest: int) -> tuple[int, int] | None:
        """Return the first piece nobody fetches yet, for `worker` to fetch; `None`: all is taken.

        The answer is `[start, stop)`, in bytes. Raises `DownloadFailed` where the file was taken
        away meanwhile.
        """
        if os.name != "nt" and not is_linked(self._file, part_path(self.target)):
            raise DownloadFailed(
                f"{self.target.name} was deleted or moved while it arrived.", "Try again."
            )
        with self._lock:
            others = [piece for key, piece in self._taken.items() if key != worker]
            gap = Intervals([*self._done.items(), *others]).first_gap(self.size_bytes)
            if gap is None:
                self._taken.pop(worker, None)
                return None
            piece = (gap[0], min(gap[1], gap[0] + longest))
            self._taken[worker] = piece
            return piece

    def release(self, worker: int) -> None:
        """Let others fetch what `worker` had taken."""
        with self._lock:
            self._taken.pop(worker, None)

    def write(self, start: int, data: bytes | memoryview) -> None:
        """Keep a piece; raises `DiskFull` and `DownloadFailed`."""
        with told(self.target):
            view, position = memoryview(data), start
            while view:
                written = _write_at(self._file, view, position)
                view, position = view[written:], position + written
            with self._lock:
                self._done.add(start, position)
                os.write(self._journal, f"{start} {position}\n".encode())

    def note_etag(self, etag: str | None) -> None:
        """Remember which version of the file this is."""
        with self._lock, told(self.target):
            self.etag = etag
            self._start_journal()

    def read(self, start: int, length: int) -> bytes:
        """Return bytes that are here."""
        if hasattr(os, "pread"):
            return os.pread(self._file, length, start)
        with self._lock:
            os.lseek(self._file, start, os.SEEK_SET)
            return os.read(self._file, length)

    def sync(self) -> None:
        """Bring what is here onto the disk itself, and write down that it is."""
        with self._lock:
            here = self._done.items()
        with told(self.target):
            getattr(os, "fdatasync", os.fsync)(self._file)
            with self._lock:
                for start, stop in here:
                    self._synced.add(start, stop)
                os.write(self._journal, _lines(self._synced, _SYNCED).encode())

    def finish(self) -> None:
        """Give the file its final name; it is whole and verified. Raises where that is taken."""
        with told(self.target):
            os.fsync(self._file)
            if self.target.exists():
                raise DownloadFailed(
                    f"Another file called {self.target.name} has come to {self.target.parent}.",
                    "Rename or delete it, then try again.",
                )
            if os.name == "nt":
                # an open file cannot be renamed there
                self.close()
            part_path(self.target).replace(self.target)
            sync_folder(self.target.parent)
            journal_path(self.target).unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the file; what is here stays."""
        with self._lock:
            handles = (self._file, self._journal)
            # the system gives a number out again: it must never be closed twice
            self._file = self._journal = -1
        for handle in handles:
            if handle >= 0:
                with contextlib.suppress(OSError):
                    os.close(handle)

    def _read_journal(self) -> None:
        try:
            lines = journal_path(self.target).read_text("utf-8", "replace").splitlines()
            head = json.loads(lines[0])
        except (FileNotFoundError, ValueError, IndexError):
            return
        if not isinstance(head, dict) or head.get("size") != self.size_bytes:
            return
        if self.sha256 and head.get("sha256") not in {None, self.sha256}:
            return
        here = min(os.fstat(self._file).st_size, self.size_bytes)
        self.etag = self.etag or head.get("etag")
        is_same_start = head.get("system_start") in {None, _system_start()}
        for line in lines[1:_MOST_LINES]:
            start, stop, is_synced = _piece(line)
            if start < stop <= here and (is_synced or is_same_start):
                self._done.add(start, stop)
            if start < stop <= here and is_synced:
                self._synced.add(start, stop)

    def _start_journal(self) -> None:
        """Write the journal anew, short, and keep it open for more."""
        path, fresh = journal_path(self.target), fresh_journal_path(self.target)
        head = {
            "size": self.size_bytes,
            "sha256": self.sha256,
            "etag": self.etag,
            "system_start": _system_start(),
        }
        text = f"{json.dumps(head)}\n{_lines(self._done)}{_lines(self._synced, _SYNCED)}"
        try:
            fresh.write_text(text, encoding="utf-8")
            if self._journal >= 0 and os.name == "nt":
                # an open file cannot be replaced there
                os.close(self._journal)
                self._journal = -1
            fresh.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                fresh.unlink(missing_ok=True)
            raise
        before = self._journal
        self._journal = os.open(path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_CLOEXEC", 0))
        if before >= 0:
            os.close(before)


def _opened(target: Path) -> int:
    """Return the part file, open and claimed; raises `DownloadFailed`."""
    path = part_path(target)
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    while True:
        with told(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            # a link here would have us write wherever it leads
            file = os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o644)
        try:
            claim(file, target)
        except BaseException:
            os.close(file)
            raise
        if os.name == "nt" or is_linked(file, path):
            return file
        # whoever had it gave it its final name between opening and claiming
        os.close(file)


def _lines(intervals: Intervals, mark: str = "") -> str:
    return "".join(f"{start} {stop} {mark}".rstrip() + "\n" for start, stop in intervals.items())


def _piece(line: str) -> tuple[int, int, bool]:
    """Return start, stop and whether it is on the disk itself; an empty piece for no such line."""
    words = line.split()
    if len(words) < 2 or words[2:] not in ([], [_SYNCED]):
        return 0, 0, False
    if not all(word.isdecimal() for word in words[:2]):
        return 0, 0, False
    return int(words[0]), int(words[1]), len(words) == 3


def _system_start() -> str | None:
    """Return what tells one start of the computer from another; `None` where nothing does."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None


def _write_at(file: int, view: memoryview, position: int) -> int:
    if hasattr(os, "pwrite"):
        return os.pwrite(file, view, position)
    with _SEEKING:
        os.lseek(file, position, os.SEEK_SET)
        return os.write(file, view)


_SEEKING = threading.Lock()
"""Where a system has no `pwrite`, moving and writing must not be parted."""
