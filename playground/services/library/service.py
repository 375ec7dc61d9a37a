"""Finds model files in every folder that holds some, and tells what has changed."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path

from playground.core.errors import ModelLoadFailed, ModelNotFound, UsageError
from playground.core.gguf import naming as names
from playground.core.gguf.chat_model import check_chat_model
from playground.core.gguf.header import GgufHeader
from playground.core.requirements import memory
from playground.core.targets import LoadSettings, ModelFile
from playground.services.library.app_folders import AppModelFolder, app_model_folders
from playground.services.library.cache import LibraryCache
from playground.services.library.delete import Deletion, delete, deletion
from playground.services.library.folders import absolute, exists
from playground.services.library.headers import HeaderCache
from playground.services.library.index import LibraryIndex, ListingCache, disambiguate
from playground.services.library.scan_process import ScanProcess
from playground.services.library.scanner import (
    STARTER,
    ScanFolders,
    ScannedModel,
    found_at,
    starter_path,
    with_parts,
)

SCAN_EVERY_S = 1.2
"""Between two scans: what comes or goes shows within two seconds."""
_REST = 3
"""Times as long as a scan takes none is begun: folders may be very large."""
_PUBLISH_EVERY_S = 0.2
"""Between two states while headers are read."""


@dataclass(frozen=True, slots=True)
class LibraryFolder:
    """A folder that is scanned."""

    name: str
    folder: Path
    is_there: bool
    model_count: int
    problem: str | None = None
    is_removable: bool = False


@dataclass(frozen=True, slots=True)
class LibraryState:
    """What is listed at one moment."""

    models: tuple[ModelFile, ...]
    """The starter first, then by name; no two of the same name and quantization."""
    folders: tuple[LibraryFolder, ...]
    headers_left: int
    """Files of which only name and size are known yet."""

    @property
    def is_scanning(self) -> bool:
        return self.headers_left > 0


class ModelLibrary:
    """The model files of this computer, wherever a program has put them.

    Without a `cache_file` every header is read again at each start. Headers are kept for as long as
    a file's size and time of change stay the same. All who follow share one task that scans again
    and again, which begins with the first and ends with the last of them.
    """

    starter_path = staticmethod(starter_path)

    def __init__(
        self,
        folders: Callable[[], tuple[Path, ...]],
        own_folder: Path,
        *,
        cache_file: Path | None = None,
        apps: Callable[[], tuple[AppModelFolder, ...]] = app_model_folders,
        scan_every_s: float = SCAN_EVERY_S,
    ) -> None:
        self._user_folders = folders
        self._own_folder = own_folder
        self._apps = apps
        self._process = ScanProcess()
        self._cache = LibraryCache(cache_file)
        self._scan_every_s = scan_every_s
        self._headers = HeaderCache(self._cache, self._process.read)
        self._index = LibraryIndex(self._headers, ListingCache(self._cache))
        self._scanned: ScanFolders | None = None
        self._state: LibraryState | None = None
        self._changed = asyncio.Event()
        self._scan_now = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._followers = 0

    def folder_problems(self) -> dict[Path, str]:
        """Return the user's folders that the last scan could not read, each with the reason."""
        scan = self._index.scan
        return {} if scan is None else dict(scan.problems)

    async def listed(self) -> tuple[ModelFile, ...]:
        """Return what `scan` does, but of files not seen before only name and size, at once."""
        await self.update()
        return self._index.models(is_patient=False)

    async def scan(self) -> tuple[ModelFile, ...]:
        """Return every model file, the starter first, then by name; broken ones with a problem."""
        await self.update()
        for found in self._index.unread():
            await asyncio.to_thread(self._index.read, found)
        await asyncio.to_thread(self._index.save)
        return self._index.models(is_patient=False)

    async def rescan(self) -> LibraryState:
        """Return everything there is, scanned and read just now; followers are told as well."""
        await self.scan()
        self._scan_now.set()
        return await asyncio.to_thread(self._state_now, is_patient=False)

    async def update(self) -> None:
        """Scan the folders once, so that whoever follows next is told at once."""
        scan_folders = await asyncio.to_thread(self._scan_folders)
        scan = await self._process.scan(scan_folders)
        await asyncio.to_thread(self._index.update, scan)
        self._scanned = scan_folders

    async def follow(self) -> AsyncGenerator[LibraryState, None]:
        """Yield what is here at once, headers as they are read, then every change."""
        if self._task is None or self._task.done():
            # what was here when the last follower left may be here no longer
            self._state = None
            self._task = asyncio.get_running_loop().create_task(self._watch())
            self._task.add_done_callback(lambda _: self._tell())
        else:
            self._scan_now.set()
        task = self._task
        self._followers += 1
        last: LibraryState | None = None
        try:
            while True:
                changed = self._changed
                if self._state is not None and self._state is not last:
                    last = self._state
                    yield last
                elif task.done():
                    if not task.cancelled():
                        task.result()
                    return
                else:
                    await changed.wait()
        finally:
            self._followers -= 1
            if self._followers == 0:
                task.cancel()
                self._task, self._ending = None, task

    async def close(self) -> None:
        """End whoever follows, the process and the cache."""
        for task in (self._task, self._ending):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        self._process.close()
        await asyncio.to_thread(self._cache.close)

    async def inspect(self, path: Path) -> tuple[ModelFile, GgufHeader]:
        """Return the model file at `path` and its header, of all parts where it was split.

        Raises `ModelFileInvalid` where the header cannot be read.
        """
        return await asyncio.to_thread(self._inspect, path)

    async def find(self, name_or_path: str) -> ModelFile:
        """Return the model file of that path, name or repository; `starter` is the starter model.

        Raises `ModelNotFound`, or `UsageError` where a name means several.
        """
        if name_or_path.strip().casefold() == "starter":
            return await asyncio.to_thread(self._starter)
        by_path = await asyncio.to_thread(self._at, name_or_path)
        if by_path is not None:
            return by_path
        is_path = os.sep in name_or_path or (os.altsep and os.altsep in name_or_path)
        if is_path and not names.is_hub_name(name_or_path):
            raise ModelNotFound(f"There is no model file at {names.clean(name_or_path)}.")
        return names.choose(await self.scan(), name_or_path)

    async def deletion(self, model: ModelFile) -> Deletion:
        """Return what deleting a model would take away, and what speaks against it."""
        others = await self._others(model)
        return await asyncio.to_thread(deletion, model, others)

    async def delete(self, model: ModelFile, *, confirmed: bool = False) -> Deletion:
        """Put a model's files into the system's bin.

        Raises `UsageError` for another program's files unless `confirmed`, and for the starter;
        `StorageFailed` where there is no bin or it does not take them: nothing is lost then.
        """
        others = await self._others(model)
        try:
            return await asyncio.to_thread(delete, model, others, confirmed=confirmed)
        finally:
            self._scan_now.set()

    def need(
        self, model: ModelFile, settings: LoadSettings, free_bytes: int | None = None
    ) -> memory.MemoryNeed | None:
        """Return the memory `model` takes with `settings`; `None` for one that is unusable.

        With `free_bytes`, a context nobody chose is the longest one that fits into it.
        """
        try:
            header = self.header(model.path)
            check_chat_model(header)
        except ModelLoadFailed:
            return None
        context = settings.context
        if context is None and free_bytes is not None:
            context = memory.default_context(header, settings, free_bytes)
        return memory.estimate(header, settings, context=context)

    def header(self, path: Path) -> GgufHeader:
        """Return the header of the model at `path`, of all parts; raises `ModelFileInvalid`."""
        try:
            return self._headers.whole(with_parts(path, str(path.parent)))
        finally:
            self._headers.save()

    async def _watch(self) -> None:
        while True:
            self._scan_now.clear()
            await self.update()
            await self._publish()
            ends_at = time.monotonic() + max(self._scan_every_s, _REST * self._process.scan_s)
            await self._read_headers(ends_at)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._scan_now.wait(), ends_at - time.monotonic())

    async def _read_headers(self, ends_at: float) -> None:
        """Read headers until it is time for the next scan."""
        unread = self._index.unread()
        published_at = time.monotonic()
        for found in unread:
            await asyncio.to_thread(self._index.read, found)
            if self._scan_now.is_set() or time.monotonic() >= ends_at:
                break
            if time.monotonic() - published_at >= _PUBLISH_EVERY_S:
                await self._publish()
                published_at = time.monotonic()
        if unread:
            await self._publish()

    async def _publish(self) -> None:
        """Save what was read, and tell followers of what has changed."""
        await asyncio.to_thread(self._index.save)
        state = await asyncio.to_thread(self._state_now)
        if state != self._state:
            self._state = state
            self._tell()

    def _tell(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _state_now(self, *, is_patient: bool = True) -> LibraryState:
        models = self._index.models(is_patient=is_patient)
        return LibraryState(disambiguate(models), self._folders(models), self._index.unread_count())

    def _folders(self, models: tuple[ModelFile, ...]) -> tuple[LibraryFolder, ...]:
        """Return every folder that was scanned; other programs' only where they are."""
        scan, where = self._index.scan, self._scanned
        if scan is None or where is None:
            return ()
        paths = [str(model.path) for model in models]

        def entry(name: str, folder: Path, *, is_removable: bool = False) -> LibraryFolder:
            own, below = str(folder), str(folder) + os.sep
            count = sum(path == own or path.startswith(below) for path in paths)
            is_there, problem = own in scan.present, scan.problems.get(folder)
            return LibraryFolder(name, folder, is_there, count, problem, is_removable)

        found = [entry("This program's folder", where.own)]
        if where.starter is not None:
            found.insert(0, LibraryFolder("Starter model", where.starter.parent, True, 1))
        found += [
            entry(app.name, app.folder) for app in where.apps if str(app.folder) in scan.present
        ]
        found += [entry(str(folder), folder, is_removable=True) for folder in where.chosen]
        return tuple(found)

    def _scan_folders(self) -> ScanFolders:
        chosen = tuple(absolute(folder) for folder in self._user_folders())
        return ScanFolders(starter_path(), self._own_folder, chosen, self._apps())

    async def _others(self, model: ModelFile) -> tuple[ModelFile, ...]:
        if self._index.scan is None:
            # only who knows all models knows which files others need as well
            await self.update()

        def others() -> tuple[ModelFile, ...]:
            for found in self._index.unread():
                if found.projector is not None:
                    # whether it needs that as well its header tells
                    self._index.read(found)
            models = self._index.models()
            return tuple(m for m in models if m.path != model.path and exists(m.path))

        return await asyncio.to_thread(others)

    def _starter(self) -> ModelFile:
        path = starter_path()
        if path is None:
            raise ModelNotFound(
                "The starter model is not installed.",
                'Install it with: pip install "inference-playground[starter]"',
            )
        return self._index.model(ScannedModel(path, STARTER, (path,)))

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
        starter = starter_path()
        if starter is not None and starter.exists() and starter.samefile(path):
            return self._starter()
        return self._index.model(self._index.found_at(path) or found_at(path, self._scan_folders()))

    def _inspect(self, path: Path) -> tuple[ModelFile, GgufHeader]:
        path = absolute(path)
        known = self._at(str(path))
        header = self.header(path if known is None else known.path)
        return known or self._index.model(with_parts(path, str(path.parent))), header
