"""A file while it arrives: its bytes under another name, and a journal of which are there.

Both lie beside the final name, hidden. A piece is written into the file first and into the journal
afterwards: whatever ends the program, the journal never claims a byte that is not there. Each line
of it is one piece; a line that was cut off is passed over.
"""

import contextlib
import errno
import hashlib
import json
import os
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from playground.core.errors import ChecksumWrong, DiskFull, DownloadFailed, PlaygroundError
from playground.core.hub import HubPart
from playground.core.intervals import Intervals

_HASH_PIECE = 1 << 20
_SYNC_EVERY = 32 << 20
_MOST_LINES = 200_000


class PartFile:
    """The bytes of one file that are here, open for writing by this process alone.

    Raises `DownloadFailed` where another process has it open, and `DiskFull`.
    """

    def __init__(self, target: Path, part: HubPart, etag: str | None = None) -> None:
        self.target = target
        self.size_bytes = part.size_bytes
        self.sha256 = part.sha256
        self.etag = etag
        self.lock = threading.RLock()
        self._taken: dict[int, tuple[int, int]] = {}
        self._done = Intervals()
        with told(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
            self._file = os.open(part_path(target), flags | getattr(os, "O_CLOEXEC", 0), 0o644)
        try:
            _claim(self._file, target)
            with told(target):
                self._read_journal()
                self._start_journal()
        except BaseException:
            os.close(self._file)
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
        return self._done.total

    @property
    def prefix_bytes(self) -> int:
        """How many are here from the beginning without a gap."""
        return self._done.prefix

    @property
    def is_whole(self) -> bool:
        """True where every byte is here."""
        return self._done.total >= self.size_bytes

    def take(self, worker: int, longest: int) -> tuple[int, int] | None:
        """Return the first piece nobody fetches yet, for `worker` to fetch; `None`: all is taken.

        The answer is `[start, stop)`, in bytes.
        """
        with self.lock:
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
        with self.lock:
            self._taken.pop(worker, None)

    def write(self, start: int, data: bytes | memoryview) -> None:
        """Keep a piece; raises `DiskFull` and `DownloadFailed`."""
        with told(self.target):
            view, position = memoryview(data), start
            while view:
                written = _write_at(self._file, view, position)
                view, position = view[written:], position + written
            with self.lock:
                self._done.add(start, position)
                os.write(self._journal, f"{start} {position}\n".encode())

    def start_again(self, part: HubPart, etag: str | None) -> None:
        """Forget every byte: the file has become another one."""
        with self.lock, told(self.target):
            self.size_bytes, self.sha256, self.etag = part.size_bytes, part.sha256, etag
            self._done = Intervals()
            os.truncate(self._file, 0)
            os.close(self._journal)
            self._start_journal()

    def note_etag(self, etag: str | None) -> None:
        """Remember which version of the file this is."""
        with self.lock, told(self.target):
            self.etag = etag
            os.close(self._journal)
            self._start_journal()

    def read(self, start: int, length: int) -> bytes:
        """Return bytes that are here."""
        if hasattr(os, "pread"):
            return os.pread(self._file, length, start)
        with self.lock:
            os.lseek(self._file, start, os.SEEK_SET)
            return os.read(self._file, length)

    def sync(self) -> None:
        """Bring what is here onto the disk itself."""
        with told(self.target):
            getattr(os, "fdatasync", os.fsync)(self._file)

    def finish(self) -> None:
        """Give the file its final name; it is whole and verified."""
        with told(self.target):
            os.fsync(self._file)
            if os.name == "nt":
                # an open file cannot be renamed there
                self.close()
            part_path(self.target).replace(self.target)
            _sync_folder(self.target.parent)
            journal_path(self.target).unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the file; what is here stays."""
        for handle in (self._file, self._journal):
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
        here = os.fstat(self._file).st_size
        self.etag = self.etag or head.get("etag")
        for line in lines[1:_MOST_LINES]:
            numbers = line.split()
            if len(numbers) == 2 and all(number.isdigit() for number in numbers):
                start, stop = int(numbers[0]), int(numbers[1])
                if start < stop <= min(here, self.size_bytes):
                    self._done.add(start, stop)

    def _start_journal(self) -> None:
        """Write the journal anew, short, and keep it open for more."""
        path = journal_path(self.target)
        head = {"size": self.size_bytes, "sha256": self.sha256, "etag": self.etag}
        lines = [json.dumps(head), *(f"{start} {stop}" for start, stop in self._done.items())]
        fresh = path.with_name(path.name + ".new")
        fresh.write_text("\n".join(lines) + "\n", encoding="utf-8")
        fresh.replace(path)
        self._journal = os.open(path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_CLOEXEC", 0))


class PrefixHash:
    """Takes the SHA-256 of a file from its beginning, as far as it is there, in its own thread."""

    def __init__(self, file: PartFile) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._hashed = 0
        self._more = threading.Event()
        self._is_stopped = False
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="checksum", daemon=True)
        self._thread.start()

    @property
    def hashed_bytes(self) -> int:
        """How far it has come."""
        return self._hashed

    def wake(self) -> None:
        """Tell that more of the file may be there."""
        self._more.set()

    def stop(self) -> None:
        """End the thread."""
        self._is_stopped = True
        self._more.set()
        self._thread.join()

    def check(self, name: str, stopped: threading.Event) -> None:
        """Wait for the end of a whole file; raises `ChecksumWrong` where it is another one.

        Returns early once `stopped` is set.
        """
        self.wake()
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
        try:
            self._follow()
        except (PlaygroundError, OSError) as error:
            # told by `check`, in the thread that can do something about it
            self._error = error

    def _follow(self) -> None:
        synced = 0
        while not self._is_stopped and self._hashed < self._file.size_bytes:
            here = self._file.prefix_bytes
            if here <= self._hashed:
                self._more.wait()
                self._more.clear()
                continue
            data = self._file.read(self._hashed, min(_HASH_PIECE, here - self._hashed))
            self._digest.update(data)
            self._hashed += len(data)
            if self._hashed - synced >= _SYNC_EVERY:
                # little by little: a gigabyte at the end would keep a person waiting
                self._file.sync()
                synced = self._hashed


def part_path(target: Path) -> Path:
    """Return where the bytes of `target` gather."""
    return target.with_name(f".{target.name[:200]}.part")


def journal_path(target: Path) -> Path:
    """Return where it is written down which bytes are there."""
    return target.with_name(f".{target.name[:200]}.journal")


def discard(target: Path) -> None:
    """Delete what has arrived of `target`; the final file is not touched."""
    with told(target):
        for path in (part_path(target), journal_path(target)):
            path.unlink(missing_ok=True)


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


def _write_at(file: int, view: memoryview, position: int) -> int:
    if hasattr(os, "pwrite"):
        return os.pwrite(file, view, position)
    with _SEEKING:
        os.lseek(file, position, os.SEEK_SET)
        return os.write(file, view)


_SEEKING = threading.Lock()
"""Where a system has no `pwrite`, moving and writing must not be parted."""


def _claim(file: int, target: Path) -> None:
    """Keep other processes from the file; the system lets go of it when this one ends."""
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 - only there

            os.lseek(file, 1 << 50, os.SEEK_SET)
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415 - not on Windows

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise DownloadFailed(
            f"{target.name} is being downloaded already, by another window or in a terminal.",
            "Wait until that one has finished.",
        ) from error


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
