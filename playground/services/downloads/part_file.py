"""A file while it arrives: its bytes under another name, and a journal of which are there.

Both lie beside the final name, hidden. A piece is written into the file first and into the journal
afterwards: however the program ends, the journal never claims a byte that is not there. Each line
of it is one piece; a line that was cut off says less than was there, or nothing. Where the whole
computer ended, only lines marked as on the disk itself count.
"""

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import sys
import threading
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

from playground.core.errors import ChecksumWrong, DiskFull, DownloadFailed, PlaygroundError
from playground.core.hub import HubPart
from playground.store.files import make_folder

_LONGEST_STEM = 200
_IN_USE = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, getattr(errno, "EDEADLK", errno.EAGAIN)}


class InUse(DownloadFailed):
    """Another process writes to the file."""

    @property
    def kind(self) -> str:
        """Name of the error in the interface's contracts."""
        return DownloadFailed.__name__


def part_path(target: Path) -> Path:
    return target.with_name(f".{_stem(target.name)}.part")


def journal_path(target: Path) -> Path:
    return target.with_name(f".{_stem(target.name)}.journal")


def fresh_journal_path(target: Path) -> Path:
    """Return where a journal lies until it is complete."""
    return target.with_name(f".{_stem(target.name)}.journal.new")


def delete_partial(target: Path) -> None:
    """Delete what has arrived of `target`; the final file is not touched.

    What another process is fetching is left to it.
    """
    with translate_os_errors(target):
        try:
            file = os.open(part_path(target), os.O_RDWR | getattr(os, "O_BINARY", 0))
        except FileNotFoundError:
            pass
        else:
            try:
                lock_file(file, target)
            except InUse:
                return
            finally:
                os.close(file)
        for path in (part_path(target), journal_path(target), fresh_journal_path(target)):
            path.unlink(missing_ok=True)


def lock_file(file: int, target: Path) -> None:
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


@contextlib.contextmanager
def translate_os_errors(target: Path) -> Iterator[None]:
    """Turn what the system says of a file into an error with a sentence."""
    try:
        yield
    except OSError as error:
        name, folder = target.name, target.parent
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


class Intervals:
    """Joined, sorted intervals `[start, stop)` of whole numbers."""

    __slots__ = ("_items",)

    def __init__(self, items: Iterable[tuple[int, int]] = ()) -> None:
        self._items: list[tuple[int, int]] = []
        for start, stop in items:
            self.add(start, stop)

    @property
    def total(self) -> int:
        """How many numbers are in it."""
        return sum(stop - start for start, stop in self._items)

    @property
    def prefix(self) -> int:
        """How far it reaches from 0 without a gap."""
        return self._items[0][1] if self._items and self._items[0][0] == 0 else 0

    def items(self) -> tuple[tuple[int, int], ...]:
        """Return the intervals in order."""
        return tuple(self._items)

    def add(self, start: int, stop: int) -> None:
        """Add an interval, joining those it touches; an empty one changes nothing."""
        if stop <= start:
            return
        first = bisect_left(self._items, start, key=lambda item: item[1])
        last = first
        while last < len(self._items) and self._items[last][0] <= stop:
            start = min(start, self._items[last][0])
            stop = max(stop, self._items[last][1])
            last += 1
        self._items[first:last] = [(start, stop)]

    def first_gap(self, size: int) -> tuple[int, int] | None:
        """Return the first interval below `size` that is not in it, or `None`."""
        start = 0
        for item_start, item_stop in self._items:
            if item_start > start:
                break
            start = item_stop
        if start >= size:
            return None
        following = next((item[0] for item in self._items if item[0] > start), size)
        return start, min(following, size)


_MOST_LINES = 500_000
_SYNCED = "synced"


class PartFile:
    """The bytes of one file that are here, open for writing by this process alone.

    Raises `DownloadFailed` where another process has it open, and `DiskFull`.
    """

    def __init__(self, target: Path, part: HubPart) -> None:
        self.target = target
        self.size_bytes = part.size_bytes
        self.sha256 = part.sha256
        self.etag: str | None = None
        self.has_more = threading.Event()
        """Set with every piece that is written."""
        self._lock = threading.RLock()
        self._claimed: dict[int, tuple[int, int]] = {}
        self._done = Intervals()
        self._synced = Intervals()
        self._journal = -1
        self._file = _open_locked(target)
        try:
            with translate_os_errors(target):
                self._read_journal()
                if os.fstat(self._file).st_size > self.size_bytes:
                    os.ftruncate(self._file, self.size_bytes)
                self._start_journal()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    @property
    def received_bytes(self) -> int:
        with self._lock:
            return self._done.total

    @property
    def prefix_bytes(self) -> int:
        """How many are here from the beginning without a gap."""
        with self._lock:
            return self._done.prefix

    @property
    def is_whole(self) -> bool:
        return self.received_bytes >= self.size_bytes

    def claim(self, worker: int, longest: int) -> tuple[int, int] | None:
        """Return the first piece nobody fetches yet, for `worker` to fetch; `None`: there is none.

        The answer is `[start, stop)`, in bytes. Raises `DownloadFailed` where the file was taken
        away meanwhile.
        """
        if os.name != "nt" and not is_linked(self._file, part_path(self.target)):
            raise DownloadFailed(
                f"{self.target.name} was deleted or moved while it arrived.", "Try again."
            )
        with self._lock:
            others = [piece for key, piece in self._claimed.items() if key != worker]
            gap = Intervals([*self._done.items(), *others]).first_gap(self.size_bytes)
            if gap is None:
                self._claimed.pop(worker, None)
                return None
            piece = (gap[0], min(gap[1], gap[0] + longest))
            self._claimed[worker] = piece
            return piece

    def release(self, worker: int) -> None:
        """Let others fetch what `worker` had claimed."""
        with self._lock:
            self._claimed.pop(worker, None)

    def write(self, start: int, data: bytes | memoryview) -> None:
        """Keep a piece; raises `DiskFull` and `DownloadFailed`."""
        with translate_os_errors(self.target):
            view, position = memoryview(data), start
            while view:
                written = _write_at(self._file, view, position)
                view, position = view[written:], position + written
            with self._lock:
                self._done.add(start, position)
                os.write(self._journal, f"{start} {position}\n".encode())
        self.has_more.set()

    def note_etag(self, etag: str | None) -> None:
        """Remember which version of the file this is."""
        with self._lock, translate_os_errors(self.target):
            self.etag = etag
            self._start_journal()

    def read(self, start: int, length: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self._file, length, start)
        with self._lock:
            os.lseek(self._file, start, os.SEEK_SET)
            return os.read(self._file, length)

    def sync(self) -> None:
        """Bring what is here onto the disk itself, and write down that it is."""
        with self._lock:
            here = self._done.items()
        with translate_os_errors(self.target):
            getattr(os, "fdatasync", os.fsync)(self._file)
            with self._lock:
                for start, stop in here:
                    self._synced.add(start, stop)
                os.write(self._journal, _lines(self._synced, _SYNCED).encode())

    def finish(self) -> None:
        """Give the file its final name; it is whole and verified. Raises where that is taken."""
        with translate_os_errors(self.target):
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
        self.etag = head.get("etag")
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


def _open_locked(target: Path) -> int:
    """Return the part file, open and locked; raises `DownloadFailed`."""
    path = part_path(target)
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    while True:
        with translate_os_errors(target):
            make_folder(target.parent)
            # a link here would have us write wherever it leads
            file = os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o644)
        try:
            lock_file(file, target)
        except BaseException:
            os.close(file)
            raise
        if os.name == "nt" or is_linked(file, path):
            return file
        # whoever had it gave it its final name between opening and locking
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

_PIECE = 1 << 20
_SYNC_EVERY = 32 << 20
_GIT_NAME = re.compile(r"[0-9a-f]{40}")


class IncrementalHash:
    """Takes the SHA-256 of a file from its beginning, as far as it is there, in its own thread."""

    def __init__(self, file: PartFile) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._hashed = 0
        self._is_stopped = False
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="checksum", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._is_stopped = True
        self._file.has_more.set()
        self._thread.join()

    def check(self, name: str, stopped: threading.Event) -> None:
        """Wait for the end of a whole file; raises `ChecksumWrong` where it is another one.

        Returns early once `stopped` is set.
        """
        while self._thread.is_alive() and not stopped.is_set():
            self._thread.join(0.1)
        if stopped.is_set():
            return
        if isinstance(self._error, PlaygroundError):
            raise self._error
        if self._error is not None:
            raise DownloadFailed(f"{name} cannot be read again: {self._error}.", "Check the disk.")
        if self._digest.hexdigest() != self._file.sha256:
            raise ChecksumWrong(f"{name} arrived damaged: its checksum is not the Hub's.")

    def _run(self) -> None:
        synced = 0
        try:
            while not self._is_stopped and self._hashed < self._file.size_bytes:
                here = self._file.prefix_bytes
                if here <= self._hashed:
                    self._file.has_more.wait()
                    self._file.has_more.clear()
                    continue
                data = self._file.read(self._hashed, min(_PIECE, here - self._hashed))
                if not data:
                    self._error = OSError("it has become shorter")
                    return
                self._digest.update(data)
                self._hashed += len(data)
                if self._hashed - synced >= _SYNC_EVERY:
                    # little by little: a gigabyte at the end would keep a person waiting
                    self._file.sync()
                    synced = self._hashed
        except (PlaygroundError, OSError) as error:
            # raised by `check`, in the thread that can do something about it
            self._error = error


def is_checked_by_git_name(file: PartFile, name: str) -> bool:
    """Check a whole file by git's name for it, which is the ETag of files that are not large.

    Returns False where the ETag is no such name; raises `ChecksumWrong`. The name is the SHA-1 of a
    header and the content: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
    """
    if file.etag is None or not _GIT_NAME.fullmatch(file.etag):
        return False
    digest = hashlib.sha1(b"blob %d\0" % file.size_bytes, usedforsecurity=False)
    done = 0
    while data := file.read(done, min(_PIECE, file.size_bytes - done)):
        digest.update(data)
        done += len(data)
    if digest.hexdigest() != file.etag:
        raise ChecksumWrong(f"{name} arrived damaged: its checksum is not the Hub's.")
    return True


RESERVE_BYTES = 64_000_000
"""Left free on the disk for everything else."""


def check_disk_space(folder: Path, needed: int, waiting: int) -> None:
    """Raise `DiskFull` where the disk has no room for `needed` bytes beside those that wait."""
    free = _free_bytes(folder) - RESERVE_BYTES
    if needed + waiting <= free:
        return
    also = f", and {_size(waiting)} are queued before it" if waiting else ""
    raise DiskFull(
        f"There is not enough room on the disk: {_size(needed)} are needed{also}, "
        f"{_size(max(0, free))} are free.",
        "Free some space, or choose a smaller version.",
    )


def bytes_on_disk(folder: Path, parts: Iterable[HubPart]) -> int:
    """Return the bytes that files of a download take on the disk already."""
    found = 0
    for part in parts:
        for path in (folder / part.path, part_path(folder / part.path)):
            try:
                status = path.stat()
            except OSError:
                continue
            # what a file with holes takes
            taken = getattr(status, "st_blocks", status.st_size // 512) * 512
            found += min(part.size_bytes, taken)
            break
    return found


def _free_bytes(folder: Path) -> int:
    try:
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        return shutil.disk_usage(folder).free
    except OSError as error:
        raise DownloadFailed(
            f"The folder {folder} cannot be reached: {error.strerror or error}.",
            "Check the disk it is on, and the folder in Settings.",
        ) from error


def _size(count: int) -> str:
    return f"{count / 10**9:.1f} GB" if count >= 10**9 else f"{count / 10**6:.0f} MB"
