"""Downloads from the Hub: a queue that outlives the program, fetched a few at a time."""

import asyncio
import json
import logging
import os
import uuid
from collections.abc import AsyncGenerator, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from playground.core.codec import decode, encode
from playground.core.downloads import Download, DownloadState
from playground.core.errors import (
    ChecksumWrong,
    DiskFull,
    DownloadFailed,
    ErrorInfo,
    Offline,
    PlaygroundError,
    StorageFailed,
)
from playground.core.filenames import is_safe_path
from playground.core.gguf.naming import name_from_repository
from playground.core.hub import HubFile, HubPart, HubRepository
from playground.services.downloads.job import (
    DownloadTask,
    RateLimiter,
    TransferLimits,
    TransferStopped,
)
from playground.services.downloads.part_file import (
    InUse,
    bytes_on_disk,
    check_disk_space,
    delete_partial,
    lock_file,
)
from playground.services.hub.service import HubService
from playground.store.files import aside_path, read_file, write_atomically
from playground.store.settings import Settings, SettingsStore

log = logging.getLogger(__name__)

_PROGRESS_S = 0.25
_CLOSE_S = 1.0
_LOOK_S = 1.0
"""How often it is looked what another process does with the list, and whether it has ended."""
_RUNS = {DownloadState.RUNNING, DownloadState.WAITING, DownloadState.VERIFYING}


class QueueFile:
    """One JSON file, written whole or not at all; a damaged one is set aside.

    One that cannot be read just now, for want of rights or because of its drive, is left as it is.
    The process that loads it first has it until `release`; to others it can only be shown.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.problem: str | None = None
        self.is_read = False
        """Whether what was left behind is known: only then may it be written over."""
        self.is_elsewhere = False
        """Whether another process has the list."""
        self._lock: int | None = None

    def load(self) -> tuple[Download, ...]:
        """Return what was left behind; what ran when the program ended waits for its turn.

        While another process has the list, that is what it has written down last.
        """
        self.problem = None
        self.is_elsewhere = not self._take()
        try:
            data: Any = json.loads(read_file(self._path))
            found = [decode(Download, item) for item in data["downloads"]]
        except OSError as error:
            # a link to a drive that is away is no list that was never written
            if isinstance(error, FileNotFoundError) and not self._path.is_symlink():
                self.is_read = not self.is_elsewhere
                return ()
            self.problem = (
                f"The list of downloads cannot be read now ({error.strerror or error}) and is left "
                "as it is: what is downloaded until it can be is not added to it."
            )
            return ()
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            if not self.is_elsewhere:
                self._set_aside()
            return ()
        if self.is_elsewhere:
            return tuple(
                item
                if item.state is DownloadState.DONE
                else replace(item, state=DownloadState.ELSEWHERE, error=None)
                for item in found
            )
        self.is_read = True
        return tuple(
            replace(item, state=DownloadState.QUEUED) if item.state in _RUNS else item
            for item in found
        )

    def save(self, downloads: Iterable[Download]) -> None:
        """Write the queue down; raises `StorageFailed`."""
        kept = [replace(item, speed_bytes_per_s=None, left_s=None) for item in downloads]
        text = json.dumps({"downloads": [encode(item) for item in kept]}, indent=1)
        try:
            write_atomically(self._path, text.encode())
        except OSError as error:
            raise StorageFailed(
                f"The list of downloads could not be saved: {error.strerror or error}."
            ) from error

    def release(self) -> None:
        """Leave the list to the next process; it is not written any more."""
        self.is_read = False
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _take(self) -> bool:
        """Take the list, unless another process has it; one that cannot be locked has no other."""
        if self._lock is not None:
            return True
        path = self._path.with_name(f"{self._path.name}.lock")
        try:
            lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            return True
        try:
            lock_file(lock, self._path)
        except InUse:
            os.close(lock)
            return False
        self._lock = lock
        return True

    def _set_aside(self) -> None:
        aside = aside_path(self._path)
        self.problem = (
            f"The list of downloads was damaged. It is kept as {aside.name}; what had arrived is "
            "used again when the same model is downloaded."
        )
        try:
            self._path.rename(aside)
        except OSError:
            self.problem = "The list of downloads is damaged and could not be moved away."
            return
        self.is_read = True


class DownloadManager:
    """The queue; lives on the I/O loop.

    Without a `queue_file` nothing is remembered but what has arrived, which the same download takes
    up again: that is how the command line uses it.
    """

    def __init__(
        self,
        folder: Path,
        queue_file: Path | None,
        hub: HubService,
        settings: SettingsStore,
        *,
        limits: TransferLimits | None = None,
    ) -> None:
        self._folder = folder
        self._queue_file = QueueFile(queue_file) if queue_file else None
        self._hub = hub
        self._settings = settings
        self._limits = limits or TransferLimits()
        self._limiter = RateLimiter()
        self._items: dict[str, Download] = {}
        self._tasks: dict[str, DownloadTask] = {}
        self._paused: dict[str, ErrorInfo | None] = {}
        """What is not to start again by itself when its transfer ends."""
        self._changed = asyncio.Condition()
        self._version = 0
        self._saving = asyncio.Lock()
        self._is_closing = False
        self._progress: asyncio.Task[None] | None = None
        self._look: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def problem(self) -> str | None:
        """What was wrong with the list that was left behind, in a sentence."""
        return self._queue_file.problem if self._queue_file else None

    async def open(self) -> None:
        """Read what was left behind, and go on with what was running.

        What another process is fetching is shown until that one ends, and then gone on with here.
        """
        self._loop = asyncio.get_running_loop()
        self._settings.subscribe(self._on_settings)
        await self._load()
        if self._is_elsewhere:
            self._look = self._loop.create_task(self._wait_for_list())
        self._start_next()

    async def close(self) -> None:
        """End every transfer; what has arrived stays, and the next start goes on."""
        if self._is_closing:
            return
        self._is_closing = True
        self._settings.unsubscribe(self._on_settings)
        for following in (self._progress, self._look):
            if following is not None:
                following.cancel()
        tasks = list(self._tasks.values())
        await self._end(tasks)
        await (self._update() if tasks else self._notify())
        if self._queue_file is not None:
            async with self._saving:
                self._queue_file.release()

    def downloads(self) -> tuple[Download, ...]:
        """Return every download in the queue's order."""
        return tuple(sorted(self._items.values(), key=lambda item: item.position))

    async def follow(self) -> AsyncGenerator[tuple[Download, ...], None]:
        """Yield all downloads, at once and after each change."""
        seen = -1
        while not self._is_closing:
            async with self._changed:
                while self._version == seen and not self._is_closing:
                    await self._changed.wait()
                seen = self._version
            yield self.downloads()

    async def add(
        self, repository: HubRepository, file: HubFile, *, projector: HubFile | None = None
    ) -> Download:
        """Queue a model with all its parts; the same again is the one that is there.

        Raises `Offline`, `DiskFull` where the disk has no room for all that is queued, and
        `DownloadFailed`, as everything here does while another process has the list.
        """
        if self._hub.is_offline:
            raise Offline("Offline mode is on: nothing is downloaded.")
        if file.problem is not None:
            raise DownloadFailed(file.problem, "Take another one.")
        parts = (*file.parts, *(projector.parts if projector else ()))
        await self._load()
        self._check_is_here()
        folder = self._folder / repository.model.repo
        for part in parts:
            if not is_safe_path(part.path):
                raise DownloadFailed(f"The Hub names a file “{part.path[:60]!r}” that is not safe.")
        for item in self._items.values():
            if (item.repo, item.parts[0].path) == (repository.model.repo, parts[0].path):
                return await self._again(item, repository.revision, parts)
        total = sum(part.size_bytes for part in parts)
        here = await asyncio.to_thread(bytes_on_disk, folder, parts)
        await self._check_disk_space(total - here)
        item = Download(
            id=uuid.uuid4().hex,
            repo=repository.model.repo,
            revision=repository.revision,
            title=name_from_repository(repository.model.repo),
            quantization=file.quantization,
            parts=parts,
            folder=folder,
            state=DownloadState.QUEUED,
            received_bytes=0,
            total_bytes=total,
            position=1 + max((item.position for item in self._items.values()), default=-1),
        )
        await self._update(item)
        self._start_next()
        return self._items[item.id]

    async def pause(self, download_id: str) -> None:
        """Stop fetching; what has arrived stays."""
        self._check_is_here()
        await self._stop(download_id)
        item = self._items.get(download_id)
        if item is not None and not item.state.is_over:
            await self._update(replace(item, state=DownloadState.PAUSED, error=None))
        self._start_next()

    async def resume(self, download_id: str) -> None:
        """Queue a paused or failed download again, a damaged one from its beginning.

        Raises `DiskFull` and `Offline`.
        """
        self._check_is_here()
        item = self._items.get(download_id)
        if item is None or item.state not in {DownloadState.PAUSED, DownloadState.FAILED}:
            return
        if self._hub.is_offline:
            raise Offline("Offline mode is on: nothing is downloaded.")
        await self._check_disk_space(item.total_bytes - item.received_bytes, item.id)
        if item.error is not None and item.error.kind == ChecksumWrong.__name__:
            await asyncio.to_thread(_delete_partials, item)
            item = replace(item, received_bytes=0)
        await self._update(replace(item, state=DownloadState.QUEUED, error=None))
        self._start_next()

    async def cancel(self, download_id: str) -> None:
        """Take a download off the list and delete what has arrived of it."""
        self._check_is_here()
        await self._stop(download_id)
        item = self._items.pop(download_id, None)
        if item is not None and item.state is not DownloadState.DONE:
            await asyncio.to_thread(_delete_partials, item)
        await self._update()
        self._start_next()

    async def remove(self, download_id: str) -> None:
        """Take a finished download off the list; its files stay."""
        self._check_is_here()
        item = self._items.get(download_id)
        if item is not None and item.state is DownloadState.DONE:
            del self._items[download_id]
            await self._update()

    async def move(self, download_id: str, position: int) -> None:
        """Give a download another place in the queue, counted from 0."""
        self._check_is_here()
        order = [item.id for item in self.downloads()]
        if download_id not in order:
            return
        order.remove(download_id)
        order.insert(max(0, min(position, len(order))), download_id)
        for number, key in enumerate(order):
            self._items[key] = replace(self._items[key], position=number)
        await self._update()

    @property
    def _is_elsewhere(self) -> bool:
        return self._queue_file is not None and self._queue_file.is_elsewhere

    def _check_is_here(self) -> None:
        if self._is_elsewhere:
            raise DownloadFailed(
                "The downloads are in the hands of another window.",
                "Do it there, or close that window: they go on here then.",
            )

    async def _wait_for_list(self) -> None:
        """Show what the other process does until it has ended, then do it here."""
        while self._is_elsewhere:
            await asyncio.sleep(_LOOK_S)
            before = self.downloads()
            await self._load()
            if self.downloads() != before:
                await self._notify()
        self._start_next()

    async def _check_disk_space(self, needed: int, but: str | None = None) -> None:
        """Raise `DiskFull` where the disk has no room for `needed` and all that is queued."""
        waiting = sum(
            item.total_bytes - item.received_bytes
            for item in self._items.values()
            if item.id != but and not item.state.is_over
        )
        await asyncio.to_thread(check_disk_space, self._folder, needed, waiting)

    async def _again(self, item: Download, revision: str, parts: tuple[HubPart, ...]) -> Download:
        """Go on with a download that is on the list, at the revision asked for now."""
        if item.state is DownloadState.DONE and item.parts == parts and item.path.is_file():
            return item
        if item.id in self._tasks:
            return item
        total = sum(part.size_bytes for part in parts)
        fresh = replace(
            item,
            revision=revision,
            parts=parts,
            total_bytes=total,
            state=DownloadState.PAUSED,
            received_bytes=min(item.received_bytes, total) if item.parts == parts else 0,
        )
        self._items[item.id] = fresh
        await self.resume(item.id)
        return self._items[item.id]

    def _on_settings(self, _: Settings) -> None:
        """Start more, or slower, at once; called in any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._start_next)

    def _start_next(self) -> None:
        self._limiter.set_limit(self._settings.settings.download_limit_bytes_per_s)
        if self._is_closing or self._hub.is_offline:
            return
        loop = asyncio.get_running_loop()
        free = self._settings.settings.parallel_downloads - len(self._tasks)
        queued = [item for item in self.downloads() if item.state is DownloadState.QUEUED]
        for item in [item for item in queued if item.id not in self._tasks][: max(0, free)]:
            task = DownloadTask(item, self._hub, self._limiter, self._limits)
            self._tasks[item.id] = task
            self._items[item.id] = replace(item, state=DownloadState.RUNNING, error=None)
            task.ending = loop.create_task(self._finish(task))
        if self._tasks and (self._progress is None or self._progress.done()):
            self._progress = loop.create_task(self._follow_progress())

    async def _finish(self, task: DownloadTask) -> None:
        """Wait for a task's end, and say what its download is then."""
        error = await task.ended
        if error is not None and not isinstance(error, PlaygroundError | TransferStopped):
            # a bug, or something the system has never said before: the rest of the queue goes on
            log.error("a download ended unexpectedly", exc_info=error)
            error = DownloadFailed("The download ended for an unknown reason.")
        self._tasks.pop(task.id, None)
        item = self._items.get(task.id)
        if item is None:
            return
        item = task.progress(item)
        info = None
        if error is None:
            state = DownloadState.DONE
            item = replace(item, received_bytes=item.total_bytes)
        elif isinstance(error, PlaygroundError):
            is_full = isinstance(error, DiskFull)
            state = DownloadState.PAUSED if is_full else DownloadState.FAILED
            info = error.info()
        else:
            # stopped: whoever stopped it says what it is now
            is_paused = task.id in self._paused
            state = DownloadState.PAUSED if is_paused else DownloadState.QUEUED
            info = self._paused.get(task.id)
        await self._update(
            replace(item, state=state, error=info, speed_bytes_per_s=None, left_s=None)
        )
        if not task.is_stopped:
            self._start_next()

    async def _follow_progress(self) -> None:
        """Tell how far each transfer is, a few times a second."""
        while self._tasks:
            self._start_next()
            if self._hub.is_offline:
                why = Offline("Offline mode is on: the download waits.").info()
                for key in list(self._tasks):
                    await self._stop(key, why)
            for key, task in self._tasks.items():
                if key in self._items:
                    self._items[key] = task.progress(self._items[key])
            await self._notify()
            await asyncio.sleep(_PROGRESS_S)

    async def _stop(self, download_id: str, why: ErrorInfo | None = None) -> None:
        """End a transfer; it is paused then, unless it was done before."""
        task = self._tasks.get(download_id)
        if task is not None:
            self._paused[download_id] = why
            try:
                await self._end([task])
            finally:
                self._paused.pop(download_id, None)

    async def _end(self, tasks: list[DownloadTask]) -> None:
        for task in tasks:
            task.stop()
        endings = [task.ending for task in tasks if task.ending is not None]
        if endings:
            _, late = await asyncio.wait(endings, timeout=_CLOSE_S)
            for ending in late:
                ending.cancel()

    async def _load(self) -> None:
        """Read what was left behind, unless that has been done."""
        async with self._saving:
            if self._queue_file is None or self._queue_file.is_read:
                return
            was_elsewhere = self._queue_file.is_elsewhere
            found = await asyncio.to_thread(self._queue_file.load)
            if was_elsewhere:
                self._items.clear()
            # of a list that could not be read earlier, some may have been begun anew meanwhile
            begun = {(item.folder, item.parts) for item in self._items.values()}
            for item in found:
                if (item.folder, item.parts) not in begun:
                    self._items[item.id] = item

    async def _update(self, item: Download | None = None) -> None:
        """Keep a changed download; save the list and tell whoever follows it."""
        if item is not None:
            self._items[item.id] = item
        # what is on the disk and was never read must not be written over
        if self._queue_file is not None and self._queue_file.is_read:
            try:
                async with self._saving:
                    await asyncio.to_thread(self._queue_file.save, self.downloads())
            except StorageFailed as error:
                # the downloads themselves go on: each keeps its own journal
                log.warning("%s", error.message)
        await self._notify()

    async def _notify(self) -> None:
        async with self._changed:
            self._version += 1
            self._changed.notify_all()


def _delete_partials(item: Download) -> None:
    for part in item.parts:
        delete_partial(item.folder / part.path)
