"""Files of the loopback Hub: bytes, real files, and generated ones of any size."""

import hashlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random

PIECE = 256 * 1024
_HASHED_UP_TO = 700_000_000
_PATTERN = Random(4).randbytes((1 << 20) + 7)
"""Its length divides no chunk size, so that a piece at the wrong place changes the checksum."""


@cache
def _tripled() -> bytes:
    return _PATTERN * 3


@dataclass(frozen=True)
class Generated:
    """A file of `size` bytes that takes neither memory nor disk."""

    size: int


Content = bytes | Path | Generated


def size_of(content: Content) -> int:
    """Return the bytes of a file."""
    if isinstance(content, Generated):
        return content.size
    return content.stat().st_size if isinstance(content, Path) else len(content)


def pieces(content: Content, start: int, stop: int) -> Iterator[bytes]:
    """Yield the bytes `start` … `stop` of a file, a piece at a time."""
    if isinstance(content, Path):
        with content.open("rb") as file:
            file.seek(start)
            while start < stop:
                data = file.read(min(PIECE, stop - start))
                if not data:
                    return
                start += len(data)
                yield data
        return
    while start < stop:
        length = min(PIECE, stop - start)
        if isinstance(content, Generated):
            offset = start % len(_PATTERN)
            yield _tripled()[offset : offset + length]
        else:
            yield content[start : start + length]
        start += length


@cache
def _digest(content: Content, size: int, algorithm: str) -> str:
    digest = hashlib.new(algorithm, usedforsecurity=False)
    if algorithm == "sha1":
        digest.update(b"blob %d\0" % size)
    for piece in pieces(content, 0, size):
        digest.update(piece)
    return digest.hexdigest()


def sha256_of(content: Content) -> str:
    """Return the checksum the Hub gives for a large file.

    That of a file on disk above 700 MB is made up: they are holes nobody fetches.
    """
    if isinstance(content, Path) and size_of(content) > _HASHED_UP_TO:
        return hashlib.sha256(content.name.encode()).hexdigest()
    return _digest(content, size_of(content), "sha256")


def blob_id_of(content: Content) -> str:
    """Return git's own name of a file, which is the ETag of a small one."""
    return _digest(content, size_of(content), "sha1")


@dataclass
class RateLimit:
    """Bytes per second that all connections share; `None` is no limit."""

    bytes_per_s: float | None = None
    _free_at: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait_for(self, count: int, ended: threading.Event) -> None:
        """Wait until `count` more bytes may be sent."""
        if self.bytes_per_s is None:
            return
        with self._lock:
            now = time.perf_counter()
            # a little unused time may be made up for: sleeping is never exact
            self._free_at = max(self._free_at, now - 0.05) + count / self.bytes_per_s
            wait_s = self._free_at - now
        if wait_s > 0:
            ended.wait(wait_s)
