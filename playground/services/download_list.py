"""The list of downloads: their order, who watches it, and how it outlives the program."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from dataclasses import replace

from playground.core.downloads import Download, DownloadState
from playground.core.errors import DownloadFailed, StorageFailed
from playground.services.download_queue import QueueFile

log = logging.getLogger(__name__)


class DownloadList:
    """What is on the list; lives on the I/O loop."""

    def __init__(self, queue_file: QueueFile | None) -> None:
        self._queue_file = queue_file
        self._items: dict[str, Download] = {}
        self._changed = asyncio.Condition()
        self._saving = asyncio.Lock()
        self._is_closing = False
        self._version = 0

    @property
    def problem(self) -> str | None:
        """What was wrong with the list that was left behind, in a sentence."""
        return self._queue_file.problem if self._queue_file else None

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

    async def wait(self, download_id: str) -> Download:
        """Return the download once it is over, or paused."""
        async for items in self.follow():
            item = next((item for item in items if item.id == download_id), None)
            if item is None:
                break
            if item.state.is_over or item.state is DownloadState.PAUSED:
                return item
        raise DownloadFailed("The download was taken off the list.", "")

    async def remove(self, download_id: str) -> None:
        """Take a finished download off the list; its files stay."""
        item = self._items.get(download_id)
        if item is not None and item.state is DownloadState.DONE:
            del self._items[download_id]
            await self._changed_now()

    async def move(self, download_id: str, position: int) -> None:
        """Give a download another place in the queue, counted from 0."""
        order = [item.id for item in self.downloads()]
        if download_id not in order:
            return
        order.remove(download_id)
        order.insert(max(0, min(position, len(order))), download_id)
        for number, key in enumerate(order):
            self._items[key] = replace(self._items[key], position=number)
        await self._changed_now()

    async def _load(self) -> None:
        """Read what was left behind, unless that has been done."""
        async with self._saving:
            if self._queue_file is None or self._queue_file.is_read:
                return
            # of a list that could not be read earlier, some may have been begun anew meanwhile
            begun = {(item.folder, item.parts) for item in self._items.values()}
            for item in await asyncio.to_thread(self._queue_file.load):
                if (item.folder, item.parts) not in begun:
                    self._items[item.id] = item

    async def _put(self, item: Download) -> None:
        self._items[item.id] = item
        await self._changed_now()

    async def _changed_now(self) -> None:
        await self._save()
        await self._tell()

    async def _save(self) -> None:
        if self._queue_file is None or not self._queue_file.is_read:
            # what is on the disk and was never read must not be written over
            return
        try:
            async with self._saving:
                await asyncio.to_thread(self._queue_file.save, self.downloads())
        except StorageFailed as error:
            # the downloads themselves go on: each keeps its own journal
            log.warning("%s", error.message)

    async def _tell(self) -> None:
        async with self._changed:
            self._version += 1
            self._changed.notify_all()
