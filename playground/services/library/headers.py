"""The headers of model files, each read once for as long as its file stays the same."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from playground.core.errors import ModelFileInvalid
from playground.core.gguf.header import GgufHeader, merge_shards
from playground.core.gguf.reader import read_header
from playground.services.library.cache import CachedHeader, LibraryCache, Stamp
from playground.services.library.scanner import ScannedModel

_AT_HAND = 48
Read = Callable[[Path], GgufHeader]
"""Reads a header as `read_header` does, here or in another process."""


class HeaderCache:
    """Reads headers, and remembers them by path, size and time of change.

    Those of a thousand files would be large: the last ones stay at hand, the rest are in the cache.
    Callable from any thread.
    """

    def __init__(self, cache: LibraryCache, read: Read = read_header) -> None:
        self._cache = cache
        self._read_file = read
        self._reading: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()
        self._at_hand: OrderedDict[str, CachedHeader] = OrderedDict()
        self._unsaved: dict[str, CachedHeader] = {}

    def whole(self, found: ScannedModel, read: Read | None = None) -> GgufHeader:
        """Return the first part's header with the tensors of all; `read` may read what is new.

        Raises `ModelFileInvalid`, whose cause is an `OSError` where trying again may help.
        """
        headers = []
        for part in found.parts:
            try:
                headers.append(self.of(part, read))
            except ModelFileInvalid as error:
                which = f"{part.name}: " if len(found.parts) > 1 else ""
                raise ModelFileInvalid(which + error.message, error.hint) from error.__cause__
        return merge_shards(headers)

    def of(self, path: Path, read: Read | None = None) -> GgufHeader:
        """Return one file's header; raises `ModelFileInvalid`."""
        # looked at before it is read: what is written meanwhile is read again the next time
        stamp = stamp_of(path)
        known = self._remembered(str(path), stamp)
        if known is None:
            # several may want the same file at once, and those after the first find it read
            with self._turn_at(str(path)):
                known = self._remembered(str(path), stamp) or self._read(
                    path, stamp, read or self._read_file
                )
        if known.header is not None:
            return known.header
        message, hint = known.problem or ("The file cannot be read.", "")
        raise ModelFileInvalid(message, hint)

    def _turn_at(self, path: str) -> threading.Lock:
        # one for each file: a drive that does not answer must not hold up those on others
        with self._lock:
            return self._reading.setdefault(path, threading.Lock())

    def save(self) -> None:
        """Write into the cache what was read since the last time."""
        with self._lock:
            unsaved, self._unsaved = self._unsaved, {}
        self._cache.put(unsaved.items())

    def _remembered(self, path: str, stamp: Stamp | None) -> CachedHeader | None:
        with self._lock:
            known = self._at_hand.get(path)
            if known is not None and known.stamp == stamp:
                self._at_hand.move_to_end(path)
                return known
        known = self._cache.get(path)
        if known is None or known.stamp != stamp:
            return None
        self._keep(path, known)
        return known

    def _read(self, path: Path, stamp: Stamp | None, read: Read) -> CachedHeader:
        """Read a header from the file.

        What a drive or the rights on a file keep from being read is not remembered: neither
        changes the file when it changes.
        """
        try:
            header, problem = read(path), None
        except ModelFileInvalid as error:
            if stamp is None or isinstance(error.__cause__, OSError):
                raise
            header, problem = None, (error.message, error.hint)
        known = CachedHeader(stamp or Stamp(0, 0), header, problem)
        if stamp is not None:
            self._keep(str(path), known)
            with self._lock:
                self._unsaved[str(path)] = known
        return known

    def _keep(self, path: str, known: CachedHeader) -> None:
        with self._lock:
            self._at_hand[path] = known
            while len(self._at_hand) > _AT_HAND:
                self._at_hand.popitem(last=False)


def stamp_of(path: Path) -> Stamp | None:
    """Return what tells that a file is still the same; `None` where it is not there."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return Stamp(status.st_size, status.st_mtime_ns)
