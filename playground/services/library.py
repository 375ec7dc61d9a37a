"""Finds model files in every folder that holds some, and watches them."""

import asyncio
import hashlib
import json
import os
import threading
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from playground.core import memory
from playground.core.codec import decode, encode
from playground.core.errors import ModelFileInvalid, ModelNotFound, UsageError
from playground.core.gguf import read_header
from playground.core.gguf_header import GgufHeader
from playground.core.targets import LoadSettings, ModelFile
from playground.services import library_folders as folders
from playground.services import library_names as names
from playground.services.library_cache import Known, LibraryCache, Stamp
from playground.services.library_delete import Deletion, delete, deletion
from playground.services.library_folders import FoundFile
from playground.services.library_look import Look, Places, found_at, look
from playground.services.library_model import bare_model, model_of
from playground.services.library_places import AppPlace, app_places

STARTER_NAME = "starter"
LOOK_EVERY_S = 1.2
"""Between two looks at the folders: what comes or goes shows within two seconds."""
_TELL_EVERY_S = 0.2
_KEPT_HEADERS = 48
_PROJECTOR_ARCHITECTURE = "clip"
_STILL_WRITTEN_S = 3.0
"""A file that changed so short ago and cannot be read is still being written."""


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
class LibraryPlace:
    """A place that is looked through."""

    name: str
    folder: Path
    is_there: bool
    model_count: int
    problem: str | None = None
    is_removable: bool = False


class ModelLibrary:
    """The model files of this computer, wherever a program has put them.

    Without a `cache_file` every header is read again at each start. Headers are kept for as long as
    a file's size and time of change stay the same.
    """

    def __init__(
        self,
        folders: Callable[[], tuple[Path, ...]],
        own_folder: Path,
        *,
        cache_file: Path | None = None,
        apps: Callable[[], tuple[AppPlace, ...]] = app_places,
    ) -> None:
        self._user_folders = folders
        self._own_folder = own_folder
        self._apps = apps
        self._cache = LibraryCache(cache_file)
        self._lock = threading.RLock()
        self._headers: OrderedDict[str, tuple[Stamp, GgufHeader | ModelFileInvalid]] = OrderedDict()
        self._known: dict[str, tuple[FoundFile, tuple[Stamp | None, ...], ModelFile]] = {}
        self._away: dict[Path, tuple[ModelFile, ...]] = {}
        self._look = Look((), {}, {}, ())
        self._changed = asyncio.Condition()
        self._again = asyncio.Event()
        self._version = 0
        self._state: LibraryState | None = None
        self._watch: asyncio.Task[None] | None = None
        self._followers = 0

    def starter_path(self) -> Path | None:
        """Return the starter model's file, or `None` where it is not installed."""
        return folders.starter_path()

    def folder_problems(self) -> dict[Path, str]:
        """Return the user's folders that the last look could not read, each with the reason."""
        return dict(self._look.problems)

    def places(self) -> tuple[LibraryPlace, ...]:
        """Return every place that is looked through; other programs' only where they are."""
        with self._lock:
            models = self._state.models if self._state else ()
        where = self._places()
        found = [self._place("This program's folder", where.own, models)]
        if where.starter is not None:
            starter = self._place("Starter model", where.starter.parent, models)
            found.insert(0, replace(starter, model_count=1))
        found += [
            self._place(app.name, app.folder, models) for app in where.apps if app.folder.is_dir()
        ]
        for folder in where.chosen:
            place = self._place(str(folder), folder, models)
            found.append(replace(place, is_removable=True))
        return tuple(found)

    async def scan(self) -> tuple[ModelFile, ...]:
        """Return every model file, the starter first, then by name; broken ones with a problem."""
        stopped = threading.Event()
        try:
            return await asyncio.to_thread(self._scan, stopped.is_set)
        finally:
            # a cancelled scan ends at the next folder instead of going on unseen
            stopped.set()

    async def follow(self) -> AsyncGenerator[LibraryState, None]:
        """Yield what is here at once, headers as they are read, then every change.

        All followers share one watcher, which ends with the last of them.
        """
        self._followers += 1
        if self._watch is None or self._watch.done():
            self._watch = asyncio.get_running_loop().create_task(self._keep_looking())
        else:
            self.look_again()
        seen = -1
        try:
            while True:
                async with self._changed:
                    while self._version == seen or self._state is None:
                        await self._changed.wait()
                    seen, state = self._version, self._state
                yield state
        finally:
            self._followers -= 1
            if self._followers == 0 and self._watch is not None:
                self._watch.cancel()
                self._watch = None

    def look_again(self) -> None:
        """Look through the folders now; called on the I/O loop."""
        self._again.set()

    async def close(self) -> None:
        """End the watcher and close the cache."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])
            self._watch = None
        await asyncio.to_thread(self._cache.close)

    async def inspect(self, path: Path) -> tuple[ModelFile, GgufHeader]:
        """Return the model file at `path` and its header, of all parts where it was split.

        Raises `ModelFileInvalid` where the header cannot be read.
        """
        return await asyncio.to_thread(self._inspect, path)

    async def find(self, name_or_path: str) -> ModelFile:
        """Return the model file of that path or name; `starter` is the starter model.

        Raises `ModelNotFound`, or `UsageError` where a name means several.
        """
        if name_or_path.strip().casefold() == STARTER_NAME:
            return await asyncio.to_thread(self._starter)
        by_path = await asyncio.to_thread(self._at, name_or_path)
        if by_path is not None:
            return by_path
        if os.sep in name_or_path or (os.altsep and os.altsep in name_or_path):
            raise ModelNotFound(f"There is no model file at {names.clean(name_or_path)}.")
        return names.choose(await self.scan(), name_or_path)

    async def deletion(self, model: ModelFile) -> Deletion:
        """Return what deleting a model would take away, and what speaks against it."""
        return await asyncio.to_thread(deletion, model, self._others(model))

    async def delete(self, model: ModelFile, *, confirmed: bool = False) -> Deletion:
        """Put a model's files into the system's bin.

        Raises `UsageError` for another program's files unless `confirmed`, and for the starter;
        `StorageFailed` where there is no bin or it does not take them: nothing is lost then.
        """
        done = await asyncio.to_thread(delete, model, self._others(model), confirmed=confirmed)
        self.look_again()
        return done

    def need(
        self, model: ModelFile, settings: LoadSettings, free_bytes: int | None = None
    ) -> memory.MemoryNeed | None:
        """Return the memory `model` takes with `settings`; `None` for a file that is broken.

        With `free_bytes`, a context nobody chose is the longest one that fits into it.
        """
        try:
            header = self.header(model)
        except ModelFileInvalid:
            return None
        context = settings.context
        if context is None and free_bytes is not None:
            context = memory.default_context(header, settings, free_bytes)
        return memory.estimate(header, settings, context=context)

    def header(self, model: ModelFile) -> GgufHeader:
        """Return a listed model's header, of all its parts; raises `ModelFileInvalid`."""
        return self._merged(folders.with_parts(model.path, model.source))

    def header_at(self, path: Path) -> GgufHeader:
        """Return the header of the model at `path`, of all parts; raises `ModelFileInvalid`."""
        return self._merged(folders.with_parts(path, str(path.parent)))

    async def _keep_looking(self) -> None:
        while True:
            self._again.clear()
            seen = await asyncio.to_thread(self._look_through)
            unread = await asyncio.to_thread(self._take, seen, is_patient=True)
            await self._tell(len(unread))
            while unread:
                unread = await asyncio.to_thread(self._read_some, unread, is_patient=True)
                await self._tell(len(unread))
            try:
                await asyncio.wait_for(self._again.wait(), LOOK_EVERY_S)
            except TimeoutError:
                continue

    async def _tell(self, left: int) -> None:
        state = LibraryState(await asyncio.to_thread(self._listed), left)
        if state == self._state:
            return
        async with self._changed:
            self._state = state
            self._version += 1
            self._changed.notify_all()

    def _scan(self, is_stopped: Callable[[], bool]) -> tuple[ModelFile, ...]:
        unread = self._take(self._look_through(is_stopped), is_patient=False)
        while unread and not is_stopped():
            unread = self._read_some(unread, is_patient=False)
        return self._listed()

    def _look_through(self, is_stopped: Callable[[], bool] = lambda: False) -> Look:
        return look(self._places(), is_stopped)

    def _places(self) -> Places:
        chosen = tuple(Path(folder).expanduser().absolute() for folder in self._user_folders())
        return Places(folders.starter_path(), self._own_folder, chosen, self._apps())

    def _take(self, seen: Look, *, is_patient: bool) -> list[FoundFile]:
        """Take a look's result over; return what has still to be read."""
        with self._lock:
            self._look = seen
            before, self._known = self._known, {}
            listed = {} if before else self._cache.listed()
            unread = []
            for found in seen.found:
                stamps = _stamps(found, seen)
                known = before.get(str(found.path))
                if known is not None and known[:2] == (found, stamps) and known[2].is_header_read:
                    self._known[str(found.path)] = known
                    continue
                bare = bare_model(found, seen.stamps)
                model = _as_listed(found, stamps, listed) or self._from_memory(found, bare)
                if model and model.problem and is_patient and self._is_being_written(found):
                    model = None
                self._known[str(found.path)] = (found, stamps, model or bare)
                if model is None:
                    unread.append(found)
            self._note_places()
            gone = [path for path in listed if path not in seen.stamps]
        self._cache.forget(path for path in gone if self._is_really_gone(Path(path)))
        return unread

    def _from_memory(self, found: FoundFile, bare: ModelFile) -> ModelFile | None:
        """Return the model without opening a file, or `None`."""
        if any(self._remembered(part) is None for part in found.parts):
            return None
        return self._described(found, bare)

    def _read_some(self, unread: list[FoundFile], *, is_patient: bool) -> list[FoundFile]:
        """Read headers for a moment; return those that are left.

        With `is_patient` a file that cannot be read because it is still being written waits.
        """
        ends_at = time.perf_counter() + _TELL_EVERY_S
        fresh: list[tuple[str, Known]] = []
        listed: list[tuple[str, str, str]] = []
        while unread and time.perf_counter() < ends_at:
            found, unread = unread[0], unread[1:]
            for part in found.parts:
                known = None if self._remembered(part) is not None else self._read(part)
                fresh += [] if known is None else [(str(part), known)]
            with self._lock:
                entry = self._known.get(str(found.path))
                if entry is None:
                    continue
                model = self._described(found, entry[2])
                if model.problem is not None and is_patient and self._is_being_written(found):
                    continue
                self._known[str(found.path)] = (*entry[:2], model)
            signature = _signature(found, entry[1])
            listed.append((str(found.path), signature, json.dumps(encode(model))))
            # another thread may want to paint
            time.sleep(0)
        self._cache.put(fresh)
        self._cache.put_listed(listed)
        return unread

    def _described(self, found: FoundFile, bare: ModelFile) -> ModelFile:
        try:
            return model_of(found, bare, self._merged(found))
        except ModelFileInvalid as error:
            return model_of(found, bare, error)

    def _is_really_gone(self, path: Path) -> bool:
        """Return True where a file is gone, and not only the drive it lies on."""
        return not any(root in path.parents or root == path for root in self._away)

    def _is_being_written(self, found: FoundFile) -> bool:
        now = time.time_ns()
        stamps = (self._look.stamps.get(str(part)) for part in found.parts)
        return any(
            stamp is not None and 0 <= now - stamp.mtime_ns < _STILL_WRITTEN_S * 1e9
            for stamp in stamps
        )

    def _listed(self) -> tuple[ModelFile, ...]:
        with self._lock:
            here = [model for found, _, model in self._known.values() if not self._is_part(found)]
            away = [model for models in self._away.values() for model in models]
            paths = {model.path for model in here}
        models = [*here, *(model for model in away if model.path not in paths)]
        models.sort(key=lambda m: (m.source != folders.STARTER, m.name.casefold(), str(m.path)))
        return tuple(models)

    def _is_part(self, found: FoundFile) -> bool:
        """Return True for an `mmproj` that does not say so by its name."""
        known = self._known.get(str(found.path))
        return known is not None and known[2].architecture == _PROJECTOR_ARCHITECTURE

    def _note_places(self) -> None:
        """Remember what the user's folders hold, and show it greyed while they are away."""
        for root in self._places().chosen:
            key = str(root)
            held = [model for found, _, model in self._known.values() if found.root == root]
            try:
                device: int | None = root.stat().st_dev
            except OSError:
                device = None
            known = self._cache.place(key)
            is_emptied = (
                device is not None and not held and known is not None and known[0] != device
            )
            if device is None or is_emptied:
                # a drive that is not there; some systems leave an empty folder in its place
                self._away[root] = _greyed(known[1]) if known is not None else ()
                continue
            self._away.pop(root, None)
            listed = json.dumps([encode(model) for model in held])
            if known is None or known != (device, listed):
                self._cache.put_place(key, device, listed)
        chosen = set(self._places().chosen)
        for root in self._away.keys() - chosen:
            del self._away[root]

    def _place(self, name: str, folder: Path, models: Iterable[ModelFile]) -> LibraryPlace:
        inside = sum(model.path == folder or folder in model.path.parents for model in models)
        problem = self._look.problems.get(folder)
        return LibraryPlace(name, folder, folder.exists(), inside, problem)

    def _others(self, model: ModelFile) -> tuple[ModelFile, ...]:
        return tuple(other for other in self._listed() if other.path != model.path)

    def _starter(self) -> ModelFile:
        path = folders.starter_path()
        if path is None:
            raise ModelNotFound(
                "The starter model is not installed.",
                'Install it with: pip install "inference-playground[starter]"',
            )
        return self._model(FoundFile(path, folders.STARTER, (path,)))

    def _at(self, text: str) -> ModelFile | None:
        try:
            path = Path(text).expanduser().absolute()
            if path.is_dir():
                if os.sep not in text:
                    return None
                raise UsageError(f"{names.clean(text)} is a folder.", "Choose the file in it.")
            if not path.exists():
                return None
        except (OSError, ValueError, RuntimeError):
            return None
        starter = folders.starter_path()
        if starter is not None and starter.exists() and starter.samefile(path):
            return self._starter()
        with self._lock:
            listed = self._known.get(str(path))
        found = listed[0] if listed else found_at(path, self._places())
        return self._model(found)

    def _inspect(self, path: Path) -> tuple[ModelFile, GgufHeader]:
        path = path.expanduser().absolute()
        known = self._at(str(path))
        source = str(path.parent) if known is None else known.source
        found = folders.with_parts(path if known is None else known.path, source)
        header = self._merged(found)
        return known or self._model(found), header

    def _model(self, found: FoundFile) -> ModelFile:
        stamps = {
            str(path): stamp
            for path in (*found.parts, *((found.projector,) if found.projector else ()))
            if (stamp := _stamp(path)) is not None
        }
        return self._described(found, bare_model(found, stamps))

    def _merged(self, found: FoundFile) -> GgufHeader:
        """Return the first part's header with the tensors of all parts."""
        headers = []
        for part in found.parts:
            header = self._header(part)
            if isinstance(header, ModelFileInvalid):
                which = f"{part.name}: " if len(found.parts) > 1 else ""
                raise ModelFileInvalid(which + header.message, header.hint)
            headers.append(header)
        if len(headers) == 1:
            return headers[0]
        return replace(
            headers[0],
            tensors=tuple(tensor for header in headers for tensor in header.tensors),
            file_size=sum(header.file_size for header in headers),
        )

    def _header(self, path: Path) -> GgufHeader | ModelFileInvalid:
        remembered = self._remembered(path)
        if remembered is not None:
            return remembered
        known = self._read(path)
        if known is None:
            return _read(path)
        self._cache.put([(str(path), known)])
        return _entry(known)

    def _remembered(self, path: Path) -> GgufHeader | ModelFileInvalid | None:
        """Return what is known of a file that is still the same."""
        stamp = _stamp(path)
        key = str(path)
        with self._lock:
            known = self._headers.get(key)
            if known is not None and known[0] == stamp:
                self._headers.move_to_end(key)
                return known[1]
        stored = self._cache.get(key)
        if stored is None or stored.stamp != stamp:
            return None
        header = _entry(stored)
        self._keep(key, stored.stamp, header)
        return header

    def _read(self, path: Path) -> Known | None:
        """Read a header from the file, and remember it; `None` where the file is gone."""
        stamp = _stamp(path)
        if stamp is None:
            return None
        header = _read(path)
        self._keep(str(path), stamp, header)
        if isinstance(header, GgufHeader):
            return Known(stamp, header, None)
        return Known(stamp, None, (header.message, header.hint))

    def _keep(self, path: str, stamp: Stamp, header: GgufHeader | ModelFileInvalid) -> None:
        """Keep a header at hand; those of a thousand files would be large, so only the last."""
        with self._lock:
            self._headers[path] = (stamp, header)
            while len(self._headers) > _KEPT_HEADERS:
                self._headers.popitem(last=False)


def _entry(known: Known) -> GgufHeader | ModelFileInvalid:
    if known.header is not None:
        return known.header
    message, hint = known.problem or ("The file cannot be read.", "")
    return ModelFileInvalid(message, hint)


def _signature(found: FoundFile, stamps: tuple[Stamp | None, ...]) -> str:
    """Return what changes with anything a listing is made from."""
    return hashlib.sha256(repr((found, stamps)).encode()).hexdigest()


def _as_listed(
    found: FoundFile, stamps: tuple[Stamp | None, ...], listed: dict[str, tuple[str, str]]
) -> ModelFile | None:
    """Return the model as the cache lists it, or `None`."""
    known = listed.get(str(found.path))
    if known is None or known[0] != _signature(found, stamps):
        return None
    try:
        model: ModelFile = decode(ModelFile, json.loads(known[1]))
    except (ValueError, TypeError, AttributeError):
        return None
    return model


def _stamps(found: FoundFile, seen: Look) -> tuple[Stamp | None, ...]:
    projector = (found.projector,) if found.projector else ()
    return tuple(seen.stamps.get(str(path)) for path in (*found.parts, *projector))


def _stamp(path: Path) -> Stamp | None:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return Stamp(status.st_size, status.st_mtime_ns)


def _read(path: Path) -> GgufHeader | ModelFileInvalid:
    try:
        return read_header(path)
    except ModelFileInvalid as error:
        return error.with_traceback(None)


def _greyed(listed: str) -> tuple[ModelFile, ...]:
    try:
        models: list[ModelFile] = [decode(ModelFile, item) for item in json.loads(listed)]
    except (ValueError, TypeError, AttributeError):
        return ()
    return tuple(replace(model, is_present=False) for model in models)
