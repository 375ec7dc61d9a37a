"""The headers of model files, each read once for as long as its file stays the same."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from playground.core.errors import ModelFileInvalid
from playground.core.gguf import codec as gguf_codec
from playground.core.gguf.header import GgufHeader, merge_shards
from playground.services.library.cache import CachedHeader, LibraryCache
from playground.services.library.folders import status_of
from playground.services.library.scanner import ScannedModel, Stamp

_MOST_UNPACKED = 48


class HeaderCache:
    """Reads headers, and remembers them by path, size and time of change.

    Those of a thousand files would be large: the last ones stay unpacked, the rest are in the
    cache. `read` returns a packed header. Callable from any thread.
    """

    def __init__(self, cache: LibraryCache, read: Callable[[Path], bytes]) -> None:
        self._cache = cache
        self._read_file = read
        self._reading: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()
        self._unpacked: OrderedDict[str, tuple[Stamp | None, GgufHeader]] = OrderedDict()
        self._unsaved: dict[str, CachedHeader] = {}

    def whole(self, model: ScannedModel) -> GgufHeader:
        """Return the first part's header with the tensors of all.

        Raises `ModelFileInvalid`, whose cause is an `OSError` where trying again may help.
        """
        if model.is_cut:
            raise ModelFileInvalid(
                "This model is cut into pieces in a way that is not supported.",
                "Join them to one .gguf file, or take another version.",
            )
        headers = []
        for part in model.parts:
            try:
                headers.append(self.of(part))
            except ModelFileInvalid as error:
                which = f"{part.name}: " if len(model.parts) > 1 else ""
                raise ModelFileInvalid(which + error.message, error.hint) from error.__cause__
        return merge_shards(headers)

    def of(self, path: Path) -> GgufHeader:
        # taken before the file is read: what is written meanwhile is read again the next time
        stamp, key = stamp_of(path), str(path)
        # several may want the same file at once, and those after the first find it read; a lock
        # for each: a drive that does not answer must not hold up the files on others
        with self._lock:
            reading = self._reading.setdefault(key, threading.Lock())
        with reading:
            header = self._known(key, stamp) or self._read(path, stamp)
        with self._lock:
            self._unpacked[key] = (stamp, header)
            self._unpacked.move_to_end(key)
            while len(self._unpacked) > _MOST_UNPACKED:
                self._unpacked.popitem(last=False)
        return header

    def save(self) -> None:
        """Write into the cache what was read since the last time."""
        with self._lock:
            unsaved, self._unsaved = self._unsaved, {}
        self._cache.put(unsaved.items())

    def _known(self, key: str, stamp: Stamp | None) -> GgufHeader | None:
        """Return a header that was read before; `None` where it is to be read."""
        with self._lock:
            unpacked = self._unpacked.get(key)
            known = self._unsaved.get(key)
        if stamp is None:
            return None
        if unpacked is not None and unpacked[0] == stamp:
            return unpacked[1]
        known = known or self._cache.get(key)
        if known is None or known.stamp != stamp:
            return None
        if known.problem is not None:
            raise ModelFileInvalid(*known.problem)
        return None if known.packed is None else gguf_codec.loads(known.packed)

    def _read(self, path: Path, stamp: Stamp | None) -> GgufHeader:
        """Read a header from the file.

        What a drive or the rights on a file keep from being read is not remembered: neither
        changes the file when it changes.
        """
        try:
            packed = self._read_file(path)
        except ModelFileInvalid as error:
            if stamp is not None and not isinstance(error.__cause__, OSError):
                self._note(path, CachedHeader(stamp, None, (error.message, error.hint)))
            raise
        if stamp is not None:
            self._note(path, CachedHeader(stamp, packed))
        header = gguf_codec.loads(packed)
        if header is None:
            raise ModelFileInvalid("The file's header is damaged.")
        return header

    def _note(self, path: Path, known: CachedHeader) -> None:
        with self._lock:
            self._unsaved[str(path)] = known


def stamp_of(path: Path) -> Stamp | None:
    """Return what tells that a file is still the same; `None` where it is not there."""
    status = status_of(path)
    return None if status is None else Stamp(status.st_size, status.st_mtime_ns)
