"""The SHA-256 of a file that is still arriving."""

import hashlib
import re
import threading

from playground.core.errors import ChecksumWrong, DownloadFailed, PlaygroundError
from playground.services.downloads.part_file import PartFile

_PIECE = 1 << 20
_SYNC_EVERY = 32 << 20
_GIT_NAME = re.compile(r"[0-9a-f]{40}")


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
            data = self._file.read(self._hashed, min(_PIECE, here - self._hashed))
            if not data:
                raise OSError("it has become shorter")
            self._digest.update(data)
            self._hashed += len(data)
            if self._hashed - synced >= _SYNC_EVERY:
                # little by little: a gigabyte at the end would keep a person waiting
                self._file.sync()
                synced = self._hashed


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
