"""What is listed: every model that is here, and those on drives that are away."""

import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

from playground.core.errors import ModelFileInvalid
from playground.core.gguf.header import GgufHeader
from playground.core.targets import ModelFile
from playground.services.library.cache import Stamp
from playground.services.library.courtesy import Courtesy
from playground.services.library.headers import Headers, Read, stamp_of
from playground.services.library.scanner import Look
from playground.services.library_folders import STARTER, FoundFile
from playground.services.library_last_seen import LastSeen
from playground.services.library_model import bare_model, model_of
from playground.services.library_projectors import belong_together

_MOMENT_S = 0.2
_STILL_WRITTEN_S = 3.0
"""A file that changed so short ago and cannot be read is still being written."""
_PROJECTOR_ARCHITECTURE = "clip"


@dataclass(frozen=True, slots=True)
class LibraryState:
    """What is listed at one moment."""

    models: tuple[ModelFile, ...]
    headers_left: int
    """Files of which only name and size are known yet."""

    @property
    def is_scanning(self) -> bool:
        """True while headers are still being read."""
        return self.headers_left > 0


@dataclass(frozen=True, slots=True)
class _Entry:
    """A model that is here."""

    found: FoundFile
    stamps: dict[str, Stamp]
    drive: str
    model: ModelFile
    is_to_try_again: bool = False
    """It could not be read; the next look may find that it can."""
    is_being_written: bool = False

    @property
    def is_unread(self) -> bool:
        """True where its header is to be read, for the first time or once more."""
        return not self.model.is_header_read or self.is_to_try_again

    def is_of(self, other: "_Entry") -> bool:
        """Return True where both are of the same files, unchanged."""
        return (self.found, self.stamps) == (other.found, other.stamps)


class Listing:
    """The models of the last look, and what is known of each. Callable from any thread."""

    def __init__(self, headers: Headers, last_seen: LastSeen, courtesy: Courtesy) -> None:
        self._headers = headers
        self._courtesy = courtesy
        self._last_seen = last_seen
        self._lock = threading.Lock()
        self._reading = threading.Lock()
        self._entries: dict[str, _Entry] = {}
        self._away: tuple[ModelFile, ...] = ()

    def take(self, seen: Look) -> None:
        """Take a look's result over."""
        with self._lock:
            before = dict(self._entries)
        entries: dict[str, _Entry] = {}
        for found in seen.found:
            self._courtesy.give_way()
            path = str(found.path)
            # a link to a drive that is away is not broken
            if path in seen.stamps or not self._last_seen.is_away(path):
                entries[path] = self._entry(found, seen, before.get(path))
        away = self._last_seen.away(entries.keys(), seen)
        with self._lock:
            for path, now in self._entries.items():
                if now is not before.get(path) and path in entries and now.is_of(entries[path]):
                    # read by another thread meanwhile
                    entries[path] = now
            self._entries, self._away = entries, away

    def unread(self) -> list[FoundFile]:
        """Return the models whose headers are to be read, for the first time or once more."""
        with self._lock:
            return [entry.found for entry in self._entries.values() if entry.is_unread]

    def read_some(self, unread: list[FoundFile], read: Read | None = None) -> list[FoundFile]:
        """Read headers for a moment, with `read`; return those that are left."""
        ends_at = time.perf_counter() + _MOMENT_S
        for done, found in enumerate(unread):
            if done and time.perf_counter() >= ends_at:
                unread = unread[done:]
                break
            # two threads reading the same files would only be in each other's way
            with self._reading:
                self._read(found, read)
            self._courtesy.give_way()
        else:
            unread = []
        self._headers.save()
        self._last_seen.save()
        return unread

    def state(self, *, is_patient: bool = True) -> LibraryState:
        """Return what is listed now: the starter first, then by name.

        With `is_patient` nothing is said yet of a file that cannot be read because it is still
        being written.
        """
        with self._lock:
            entries, away = tuple(self._entries.values()), self._away
        models = [
            bare_model(entry.found, entry.stamps)
            if is_patient and entry.is_being_written
            else entry.model
            for entry in entries
        ]
        models += away
        # an `mmproj` that does not say so by its name
        models = [model for model in models if model.architecture != _PROJECTOR_ARCHITECTURE]
        models.sort(key=lambda m: (m.source != STARTER, m.name.casefold(), str(m.path)))
        left = sum(not entry.model.is_header_read for entry in entries)
        return LibraryState(tuple(models), left)

    def found_at(self, path: Path) -> FoundFile | None:
        """Return the model of that path as the last look found it."""
        with self._lock:
            entry = self._entries.get(str(path))
        return None if entry is None else entry.found

    def model(self, found: FoundFile) -> ModelFile:
        """Return what is listed of a model, read now if it was not yet."""
        stamps = {str(path): stamp for path in found.files if (stamp := stamp_of(path)) is not None}
        model, _ = self._described(found, stamps)
        self._headers.save()
        return model

    def _entry(self, found: FoundFile, seen: Look, before: _Entry | None) -> _Entry:
        paths = [str(path) for path in found.files]
        stamps = {path: seen.stamps[path] for path in paths if path in seen.stamps}
        if before is not None and (before.found, before.stamps) == (found, stamps):
            return before
        model = self._last_seen.model(found, stamps) or bare_model(found, stamps)
        return _Entry(found, stamps, seen.drives.get(str(found.path), ""), model)

    def _read(self, found: FoundFile, read: Read | None) -> None:
        path = str(found.path)
        with self._lock:
            entry = self._entries.get(path)
        if entry is None or entry.found != found or not entry.is_unread:
            # another look or another thread was quicker
            return
        model, problem = self._described(found, entry.stamps, read)
        is_written = problem is not None and _is_being_written(entry.stamps)
        is_out_of_reach = problem is not None and isinstance(problem.__cause__, OSError)
        now = replace(
            entry,
            model=model,
            is_to_try_again=is_written or is_out_of_reach,
            is_being_written=is_written,
        )
        with self._lock:
            if self._entries.get(path) is not entry:
                return
            self._entries[path] = now
        if not now.is_to_try_again:
            self._last_seen.note(found, entry.stamps, model, entry.drive)

    def _described(
        self, found: FoundFile, stamps: dict[str, Stamp], read: Read | None = None
    ) -> tuple[ModelFile, ModelFileInvalid | None]:
        """Return what the header tells of a model, and why it could not be read."""
        try:
            header = self._headers.whole(found, read)
        except ModelFileInvalid as error:
            return model_of(found, bare_model(found, stamps), error), error
        if found.projector is not None and not found.is_projector_certain:
            is_own = self._is_projector_of(found.projector, header)
            projector = found.projector if is_own else None
            found = replace(found, projector=projector, is_projector_certain=True)
        return model_of(found, bare_model(found, stamps), header), None

    def _is_projector_of(self, path: Path, header: GgufHeader) -> bool:
        try:
            return belong_together(self._headers.of(path), header)
        except ModelFileInvalid:
            return False


def _is_being_written(stamps: dict[str, Stamp]) -> bool:
    now = time.time_ns()
    return any(0 <= now - stamp.mtime_ns < _STILL_WRITTEN_S * 1e9 for stamp in stamps.values())
