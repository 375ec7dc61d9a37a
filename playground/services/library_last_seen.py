"""How every model was listed last: nothing is read twice, and nothing forgotten with its drive."""

import hashlib
import json
import os
import threading
from collections.abc import Collection
from dataclasses import replace

from playground import __version__
from playground.core.codec import decode, encode
from playground.core.targets import ModelFile
from playground.services.library.cache import LibraryCache, Listed, Stamp
from playground.services.library.scanner import Look, is_drive
from playground.services.library_folders import FoundFile


class LastSeen:
    """The models that were listed before, here or away; kept over restarts.

    Callable from any thread.
    """

    def __init__(self, cache: LibraryCache) -> None:
        self._cache = cache
        self._lock = threading.Lock()
        self._listed: dict[str, Listed] | None = None
        self._unsaved: dict[str, Listed] = {}
        self._away: dict[str, tuple[Listed, ModelFile | None]] = {}

    def model(self, found: FoundFile, stamps: dict[str, Stamp]) -> ModelFile | None:
        """Return how a model was listed, if nothing about it has changed since."""
        with self._lock:
            listed = self._known().get(str(found.path))
        if listed is None or listed.signature != _signature(found, stamps):
            return None
        return _decoded(listed)

    def note(
        self, found: FoundFile, stamps: dict[str, Stamp], model: ModelFile, drive: str
    ) -> None:
        """Remember how a model is listed, and where the drive it lies on is mounted."""
        listed = Listed(
            _signature(found, stamps), json.dumps(encode(model)), str(found.root or ""), drive
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

    def away(self, here: Collection[str], seen: Look) -> tuple[ModelFile, ...]:
        """Return the models that are not `here` because their drive or folder is not.

        Those that are simply gone are forgotten.
        """
        with self._lock:
            others = [item for item in self._known().items() if item[0] not in here]
        away, gone = {}, []
        for path, listed in others:
            if _is_gone(listed.drive) or listed.root in seen.missing:
                # a place that is no longer looked through is not shown; it may be once more
                if listed.root in seen.roots:
                    known = self._away.get(path)
                    is_same = known is not None and known[0] is listed
                    away[path] = known if known and is_same else (listed, _decoded(listed))
            elif not os.path.lexists(path):
                gone.append(path)
        self._away = away
        self._forget(gone)
        models = (model for _, model in away.values() if model is not None)
        return tuple(replace(model, is_present=False) for model in models)

    def _forget(self, paths: list[str]) -> None:
        with self._lock:
            for path in paths:
                self._known().pop(path, None)
                self._unsaved.pop(path, None)
        self._cache.forget(paths)

    def _known(self) -> dict[str, Listed]:
        if self._listed is None:
            self._listed = self._cache.listed()
        return self._listed


def _is_gone(drive: str) -> bool:
    return bool(drive) and not is_drive(drive)


def _signature(found: FoundFile, stamps: dict[str, Stamp]) -> str:
    """Return what changes with anything a listing is made from."""
    made_from = (__version__, found, stamps)
    return hashlib.sha256(repr(made_from).encode("utf-8", "surrogatepass")).hexdigest()


def _decoded(listed: Listed) -> ModelFile | None:
    try:
        model: ModelFile = decode(ModelFile, json.loads(listed.model))
    except (ValueError, TypeError, AttributeError):
        return None
    return model
