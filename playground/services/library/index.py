"""Index of the models that are listed: all that are here, and those on drives that are away."""

import hashlib
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from playground import __version__
from playground.core.codec import decode, encode
from playground.core.errors import ModelFileInvalid, ModelLoadFailed, NotAChatModel
from playground.core.gguf import chat_model
from playground.core.gguf import naming as names
from playground.core.gguf.header import GgufHeader
from playground.core.targets import ModelFile
from playground.core.threads import with_pauses
from playground.services.library.cache import CachedListing, LibraryCache
from playground.services.library.folders import is_drive
from playground.services.library.headers import HeaderCache
from playground.services.library.scanner import (
    STARTER,
    Pairing,
    ScannedModel,
    ScanResult,
    belong_together,
    stamped,
)


class ListingCache:
    """How models were listed before, here or away; kept over restarts. Callable from any thread."""

    def __init__(self, cache: LibraryCache) -> None:
        self._cache = cache
        self._lock = threading.Lock()
        self._listed: dict[str, CachedListing] | None = None
        self._unsaved: dict[str, CachedListing] = {}
        self._away: dict[str, tuple[CachedListing, ModelFile | None]] = {}

    def model(self, found: ScannedModel) -> ModelFile | None:
        """Return how a model was listed, if nothing about it has changed since."""
        with self._lock:
            listed = self._known().get(str(found.path))
        if listed is None or listed.signature != _signature(found):
            return None
        return _decoded(listed)

    def note(self, found: ScannedModel, model: ModelFile) -> None:
        listed = CachedListing(
            _signature(found), json.dumps(encode(model)), str(found.root or ""), found.drive
        )
        with self._lock:
            self._known()[str(found.path)] = listed
            self._unsaved[str(found.path)] = listed

    def save(self) -> None:
        """Write into the cache what was noted since the last time."""
        with self._lock:
            unsaved, self._unsaved = self._unsaved, {}
        self._cache.put_listed(unsaved.items())

    def is_away(self, path: str) -> bool:
        """Return True where a model was listed before on a drive that is not there now."""
        with self._lock:
            listed = self._known().get(path)
        return listed is not None and _is_gone(listed.drive)

    def away(self, here: Collection[str], scan: ScanResult) -> tuple[ModelFile, ...]:
        """Return the models that are not `here` because their drive or folder is not.

        Those that are simply gone are forgotten.
        """
        with self._lock:
            others = [item for item in self._known().items() if item[0] not in here]
        away, gone = {}, []
        for path, listed in others:
            if _is_gone(listed.drive) or listed.root in scan.missing:
                # of a folder that is no longer scanned nothing is shown; it may be once more
                if listed.root in scan.roots:
                    known = self._away.get(path)
                    is_same = known is not None and known[0] is listed
                    away[path] = known if known and is_same else (listed, _decoded(listed))
            elif _is_deleted(path):
                gone.append(path)
        self._away = away
        with self._lock:
            for path in gone:
                self._known().pop(path, None)
                self._unsaved.pop(path, None)
        self._cache.forget(gone)
        models = (model for _, model in away.values() if model is not None)
        return tuple(replace(model, is_present=False) for model in models)

    def _known(self) -> dict[str, CachedListing]:
        if self._listed is None:
            self._listed = self._cache.listed()
        return self._listed


def _is_gone(drive: str) -> bool:
    return bool(drive) and not is_drive(drive)


def _is_deleted(path: str) -> bool:
    """Return False too for what cannot be looked at now: rights or a drive keep it away."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):
        return False
    return False


_LISTED_AS = 2
"""Changes with what is listed of a file that stays the same."""


def _signature(found: ScannedModel) -> str:
    """Return what changes with anything a listing is made from."""
    made_from = repr((__version__, _LISTED_AS, found))
    return hashlib.sha256(made_from.encode("utf-8", "surrogatepass")).hexdigest()


def _decoded(listed: CachedListing) -> ModelFile | None:
    try:
        model: ModelFile = decode(ModelFile, json.loads(listed.model))
    except (ValueError, TypeError, AttributeError):
        return None
    return model


def bare_model(found: ScannedModel) -> ModelFile:
    """Return what the folder tells: name and size."""
    has_projector = found.projector is not None and found.pairing is Pairing.NAME
    if found.repository is not None:
        usual = names.name_from_repository(found.repository)
    else:
        usual = names.name_from_file(found.path)
    return ModelFile(
        found.path,
        names.clean(found.name or "") or usual,
        found.size_bytes,
        found.source,
        publisher=names.clean(found.publisher or "") or None,
        repository=found.repository,
        projector=found.projector if has_projector else None,
        projector_bytes=found.projector_bytes if has_projector else 0,
        part_count=found.part_count,
        missing_parts=found.missing,
        owner=found.owner,
        is_header_read=False,
    )


def model_of(found: ScannedModel, header: GgufHeader | ModelFileInvalid) -> ModelFile:
    """Return everything that is listed of a model file."""
    bare = bare_model(found)
    if isinstance(header, ModelFileInvalid):
        problem = _missing(found) if found.missing else header.message
        return replace(bare, problem=problem, is_header_read=True)
    # the name inside is often that of a training run; people know the repository's, or Ollama's
    unusable = problem_of(header, found)
    has_own_name = bool(found.source == STARTER or found.manifest or found.repository)
    own = None if has_own_name else names.clean(header.name or "")
    publisher = names.clean(header.publisher or "")
    return replace(
        bare,
        name=own or bare.name,
        architecture=header.architecture and names.clean(header.architecture),
        quantization=header.quantization,
        parameters=header.parameters or None,
        context_length=header.context_length,
        has_chat_template=header.has_chat_template,
        publisher=publisher or bare.publisher,
        licence=names.clean(header.licence or "") or None,
        repository=bare.repository or header.repository,
        is_reasoning=header.is_reasoning,
        problem=None if unusable is None else unusable.message,
        is_chat_model=not isinstance(unusable, NotAChatModel),
        is_header_read=True,
    )


def problem_of(header: GgufHeader, found: ScannedModel) -> ModelLoadFailed | None:
    """Return why a file with a whole header cannot be used."""
    if found.missing:
        return ModelFileInvalid(_missing(found))
    if header.shards > max(1, found.part_count):
        return ModelFileInvalid(
            f"This is one of {header.shards} parts of a model, and it was renamed."
        )
    return chat_model.problem_of(header)


def _missing(found: ScannedModel) -> str:
    shown = ", ".join(str(number) for number in found.missing[:5])
    more = "" if len(found.missing) <= 5 else ", …"
    which = "number" if len(found.missing) == 1 else "numbers"
    return f"{len(found.missing):,} of {found.part_count:,} parts missing ({which} {shown}{more})."


_STILL_WRITTEN_S = 3.0
"""A file that changed so short ago and cannot be read is still being written."""


@dataclass(frozen=True, slots=True)
class _Entry:
    found: ScannedModel
    model: ModelFile
    is_to_try_again: bool = False
    """It could not be read; after the next scan it may be."""
    is_being_written: bool = False

    @property
    def is_unread(self) -> bool:
        """True where its header is to be read, for the first time or once more."""
        return not self.model.is_header_read or self.is_to_try_again


class LibraryIndex:
    """The models of the last scan, and what is known of each. Callable from any thread."""

    def __init__(self, headers: HeaderCache, listings: ListingCache) -> None:
        self._headers = headers
        self._listings = listings
        self._updating = threading.Lock()
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}
        self._away: tuple[ModelFile, ...] = ()
        self.scan: ScanResult | None = None

    def update(self, scan: ScanResult) -> None:
        """List what was found; what is known of files that have not changed is kept."""
        with self._updating:
            if scan is self.scan:
                return
            with self._lock:
                before = dict(self._entries)
            entries: dict[str, _Entry] = {}
            for found in with_pauses(scan.models, every=20):
                path = str(found.path)
                # a link to a drive that is away is not broken
                if found.is_there or not self._listings.is_away(path):
                    entries[path] = self._entry(found, before.get(path))
            away = self._listings.away(entries.keys(), scan)
            with self._lock:
                for path, now in self._entries.items():
                    if now is not before.get(path) and path in entries:
                        # read by another thread meanwhile
                        entries[path] = now if now.found == entries[path].found else entries[path]
                self._entries, self._away, self.scan = entries, away, scan

    def unread(self) -> list[ScannedModel]:
        """Return the models whose headers are to be read, those last that were tried before."""
        with self._lock:
            unread = [entry for entry in self._entries.values() if entry.is_unread]
        return [entry.found for entry in sorted(unread, key=lambda entry: entry.is_to_try_again)]

    def read(self, found: ScannedModel) -> None:
        """Read the header of a listed model, unless that has been done meanwhile."""
        path = str(found.path)
        with self._lock:
            entry = self._entries.get(path)
        if entry is None or entry.found != found or not entry.is_unread:
            return
        model, problem = self._described(found)
        is_written = problem is not None and _is_being_written(found)
        is_out_of_reach = problem is not None and isinstance(problem.__cause__, OSError)
        now = _Entry(found, model, is_written or is_out_of_reach, is_written)
        with self._lock:
            if self._entries.get(path) is not entry:
                return
            self._entries[path] = now
        if not now.is_to_try_again:
            self._listings.note(found, model)

    def save(self) -> None:
        """Write what was read since the last time into the cache."""
        self._headers.save()
        self._listings.save()

    def unread_count(self) -> int:
        with self._lock:
            return sum(not entry.model.is_header_read for entry in self._entries.values())

    def models(self, *, is_patient: bool = True) -> tuple[ModelFile, ...]:
        """Return what is listed now: the starter first, then by name.

        With `is_patient` nothing is said yet of a file that cannot be read because it is still
        being written.
        """
        with self._lock:
            entries, away = tuple(self._entries.values()), self._away
        models = [
            bare_model(entry.found) if is_patient and entry.is_being_written else entry.model
            for entry in entries
        ]
        models += away
        # an `mmproj` that does not say so by its name
        models = [model for model in models if model.architecture != "clip"]
        models.sort(key=lambda m: (m.source != STARTER, m.name.casefold(), str(m.path)))
        return tuple(models)

    def found_at(self, path: Path) -> ScannedModel | None:
        """Return the model of that path as the last scan found it."""
        with self._lock:
            entry = self._entries.get(str(path))
        return None if entry is None else entry.found

    def model(self, found: ScannedModel) -> ModelFile:
        """Return what is listed of a model, read now if it was not yet."""
        model, _ = self._described(stamped(found))
        self._headers.save()
        return model

    def _entry(self, found: ScannedModel, before: _Entry | None) -> _Entry:
        if before is not None and before.found == found:
            return before
        return _Entry(found, self._listings.model(found) or bare_model(found))

    def _described(self, found: ScannedModel) -> tuple[ModelFile, ModelFileInvalid | None]:
        """Return what the header tells of a model, and why it or its projector cannot be read."""
        try:
            header = self._headers.whole(found)
        except ModelFileInvalid as error:
            return model_of(found, error), error
        problem = None
        if found.projector is not None:
            try:
                theirs = self._headers.of(found.projector)
                is_own = belong_together(theirs, header, found.pairing)
            except ModelFileInvalid as error:
                is_own, problem = False, error
            projector = found.projector if is_own else None
            found = replace(found, projector=projector, pairing=Pairing.NAME)
        is_out_of_reach = problem is not None and isinstance(problem.__cause__, OSError)
        return model_of(found, header), problem if is_out_of_reach else None


def _is_being_written(found: ScannedModel) -> bool:
    now = time.time_ns()
    return any(
        stamp is not None and 0 <= now - stamp.mtime_ns < _STILL_WRITTEN_S * 1e9
        for stamp in found.stamps
    )


def disambiguate(models: Sequence[ModelFile]) -> tuple[ModelFile, ...]:
    """Return `models`, namesakes by their file's name, and by their folder where that is one too.

    The name inside a file is often that of its training: copies and fine-tunes all carry it.
    """
    by_file = _renamed(models, lambda model: names.name_from_file(model.path))
    return _renamed(by_file, lambda model: f"{model.name} ({_origin(model)})")


def _origin(model: ModelFile) -> str:
    return STARTER if model.source == STARTER else model.owner or model.path.parent.name


def _renamed(
    models: Sequence[ModelFile], name: Callable[[ModelFile], str]
) -> tuple[ModelFile, ...]:
    # the quantization stands beside the name wherever a model is chosen
    count = Counter(_name_and_quantization(model) for model in models)
    return tuple(
        replace(model, name=name(model)) if count[_name_and_quantization(model)] > 1 else model
        for model in models
    )


def _name_and_quantization(model: ModelFile) -> tuple[str, str | None]:
    return model.name.casefold(), model.quantization
