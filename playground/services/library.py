"""Finds model files in every folder that holds some, and watches them."""

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path

from playground.core import memory
from playground.core.errors import ModelFileInvalid, ModelNotFound, UsageError
from playground.core.gguf import read_header
from playground.core.gguf_header import GgufHeader
from playground.core.targets import LoadSettings, ModelFile
from playground.services import library_folders as folders
from playground.services import library_names as names
from playground.services.courtesy import Courtesy
from playground.services.daemon import in_daemon
from playground.services.library_cache import LibraryCache
from playground.services.library_delete import Deletion, delete, deletion
from playground.services.library_folders import FoundFile
from playground.services.library_headers import Headers
from playground.services.library_last_seen import LastSeen
from playground.services.library_listing import LibraryState, Listing
from playground.services.library_look import Look, Lookout, Places, found_at
from playground.services.library_places import AppPlace, app_places
from playground.services.library_reader import HeaderReader
from playground.services.library_watch import LOOK_EVERY_S, FolderWatch

__all__ = ["LOOK_EVERY_S", "LibraryPlace", "LibraryState", "ModelLibrary"]

STARTER_NAME = "starter"


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
        courtesy: Courtesy | None = None,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        courtesy = courtesy or Courtesy()
        self._courtesy = courtesy
        self._reader = HeaderReader()
        self._user_folders = folders
        self._own_folder = own_folder
        self._apps = apps
        self._cache = LibraryCache(cache_file)
        self._headers = Headers(self._cache, self._read)
        self._listing = Listing(self._headers, LastSeen(self._cache), courtesy)
        self._lookout = Lookout(courtesy)
        self._last_look: Look | None = None
        self._watch = FolderWatch(
            self._look, self._read_apart, self._listing.state, self._reader.rest, look_every_s
        )

    def starter_path(self) -> Path | None:
        """Return the starter model's file, or `None` where it is not installed."""
        return folders.starter_path()

    def folder_problems(self) -> dict[Path, str]:
        """Return the user's folders that the last look could not read, each with the reason."""
        return {} if self._last_look is None else dict(self._last_look.problems)

    def places(self) -> tuple[LibraryPlace, ...]:
        """Return every place that is looked through; other programs' only where they are."""
        models = self._listing.state().models
        where = self._places()
        found = [self._place("This program's folder", where.own, models)]
        if where.starter is not None:
            starter = self._place("Starter model", where.starter.parent, models)
            found.insert(0, replace(starter, model_count=1))
        found += [
            self._place(app.name, app.folder, models)
            for app in where.apps
            if folders.is_folder(app.folder)
        ]
        for folder in where.chosen:
            self._courtesy.give_way()
            place = self._place(str(folder), folder, models)
            found.append(replace(place, is_removable=True))
        return tuple(found)

    async def listed(self) -> tuple[ModelFile, ...]:
        """Return what `scan` does, but of files not seen before only name and size, at once."""
        await self.look_ahead()
        return self._listing.state(is_patient=False).models

    async def scan(self) -> tuple[ModelFile, ...]:
        """Return every model file, the starter first, then by name; broken ones with a problem."""
        stopped = threading.Event()
        try:
            return await asyncio.to_thread(self._scan, stopped.is_set)
        finally:
            # a cancelled scan ends at the next folder instead of going on unseen
            stopped.set()

    async def look_ahead(self) -> None:
        """Look through the folders once, so that whoever follows next is told at once."""
        stopped = threading.Event()
        try:
            await in_daemon(lambda: self._watch.in_turn(lambda: self._look(stopped.is_set)))
        finally:
            stopped.set()

    async def follow(self) -> AsyncGenerator[LibraryState, None]:
        """Yield what is here at once, headers as they are read, then every change.

        All followers share one watcher, which ends with the last of them.
        """
        async with aclosing(self._watch.follow()) as states:
            async for state in states:
                yield state

    def look_again(self) -> None:
        """Look through the folders now; called on the I/O loop."""
        self._watch.look_again()

    async def close(self) -> None:
        """End the watcher and close the cache."""
        await self._watch.close()
        await asyncio.to_thread(self._reader.rest)
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
        return await asyncio.to_thread(lambda: deletion(model, self._others(model)))

    async def delete(self, model: ModelFile, *, confirmed: bool = False) -> Deletion:
        """Put a model's files into the system's bin.

        Raises `UsageError` for another program's files unless `confirmed`, and for the starter;
        `StorageFailed` where there is no bin or it does not take them: nothing is lost then.
        """
        try:
            return await asyncio.to_thread(
                lambda: delete(model, self._others(model), confirmed=confirmed)
            )
        finally:
            self.look_again()

    def need(
        self, model: ModelFile, settings: LoadSettings, free_bytes: int | None = None
    ) -> memory.MemoryNeed | None:
        """Return the memory `model` takes with `settings`; `None` for a file that is broken.

        With `free_bytes`, a context nobody chose is the longest one that fits into it.
        """
        self._courtesy.give_way()
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
        return self._whole(folders.with_parts(model.path, model.source))

    def header_at(self, path: Path) -> GgufHeader:
        """Return the header of the model at `path`, of all parts; raises `ModelFileInvalid`."""
        return self._whole(folders.with_parts(path, str(path.parent)))

    def _look(self, is_stopped: Callable[[], bool]) -> list[FoundFile]:
        """Look through all folders; return what has still to be read."""
        seen = self._lookout.look(self._places(), is_stopped)
        if is_stopped():
            # what was not reached is not gone
            return []
        if seen is not self._last_look:
            self._listing.take(seen)
            self._last_look = seen
        return self._listing.unread()

    def _read_apart(self, unread: list[FoundFile]) -> list[FoundFile]:
        """Read some headers in a process of their own: a window is open that has to be painted."""
        left = self._listing.read_some(unread, self._reader.read)
        if not left:
            self._reader.rest()
        return left

    def _read(self, path: Path) -> GgufHeader:
        """Read a header; where a window is open, not in its process."""
        return self._reader.read(path) if self._courtesy.has_painter else read_header(path)

    def _scan(self, is_stopped: Callable[[], bool]) -> tuple[ModelFile, ...]:
        unread = self._look(is_stopped)
        while unread and not is_stopped():
            unread = self._listing.read_some(unread)
        return self._listing.state(is_patient=False).models

    def _places(self) -> Places:
        chosen = tuple(folders.absolute(folder) for folder in self._user_folders())
        return Places(folders.starter_path(), self._own_folder, chosen, self._apps())

    def _place(self, name: str, folder: Path, models: Iterable[ModelFile]) -> LibraryPlace:
        below = str(folder) + os.sep
        inside = sum(model.path == folder or str(model.path).startswith(below) for model in models)
        problem = self.folder_problems().get(folder)
        return LibraryPlace(name, folder, folders.exists(folder), inside, problem)

    def _others(self, model: ModelFile) -> tuple[ModelFile, ...]:
        if self._last_look is None:
            # only who knows all models knows which files others need as well
            self._look(lambda: False)
        return tuple(
            other
            for other in self._listing.state().models
            if other.path != model.path and folders.exists(other.path)
        )

    def _whole(self, found: FoundFile) -> GgufHeader:
        try:
            return self._headers.whole(found)
        finally:
            self._headers.save()

    def _starter(self) -> ModelFile:
        path = folders.starter_path()
        if path is None:
            raise ModelNotFound(
                "The starter model is not installed.",
                'Install it with: pip install "inference-playground[starter]"',
            )
        return self._listing.model(FoundFile(path, folders.STARTER, (path,)))

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
        return self._listing.model(self._listing.found_at(path) or found_at(path, self._places()))

    def _inspect(self, path: Path) -> tuple[ModelFile, GgufHeader]:
        path = folders.absolute(path)
        known = self._at(str(path))
        source = str(path.parent) if known is None else known.source
        found = folders.with_parts(path if known is None else known.path, source)
        header = self._whole(found)
        return known or self._listing.model(found), header
