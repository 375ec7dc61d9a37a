"""Looks through the folders again and again, and tells what has changed."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import TypeVar

from playground.services.library_folders import FoundFile
from playground.services.library_listing import LibraryState

T = TypeVar("T")
LOOK_EVERY_S = 1.2
"""Between two looks at the folders: what comes or goes shows within two seconds."""
_REST = 3
"""Times as long as a look takes nothing is looked at: folders may be very large."""


class FolderWatch:
    """One watcher for all followers: it begins with the first and ends with the last of them."""

    def __init__(
        self,
        look: Callable[[Callable[[], bool]], list[FoundFile]],
        read_some: Callable[[list[FoundFile]], list[FoundFile]],
        state: Callable[[], LibraryState],
        rest: Callable[[], None] = lambda: None,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        """Make a watcher of four things it does in threads; `rest` is what it does last."""
        self._look = look
        self._read_some = read_some
        self._state_now = state
        self._rest = rest
        self._look_every_s = look_every_s
        self._state: LibraryState | None = None
        self._news = asyncio.Event()
        self._again = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._turn = threading.Lock()
        self._last: threading.Thread | None = None
        self._followers = 0

    async def follow(self) -> AsyncGenerator[LibraryState, None]:
        """Yield what is here at once, headers as they are read, then every change."""
        if self._task is None or self._task.done():
            # what was here when the last follower left may be here no longer
            self._state = None
            self._task = asyncio.get_running_loop().create_task(self._keep_looking())
            self._task.add_done_callback(self._on_end)
        else:
            self.look_again()
        task = self._task
        self._followers += 1
        seen: LibraryState | None = None
        try:
            while True:
                news = self._news
                if self._state is not None and self._state is not seen:
                    seen = self._state
                    yield seen
                elif task.done():
                    if not task.cancelled():
                        task.result()
                    return
                else:
                    await news.wait()
        finally:
            self._followers -= 1
            if self._followers == 0:
                task.cancel()
                self._task, self._ending = None, task

    def look_again(self) -> None:
        """Look through the folders now; called on the I/O loop."""
        self._again.set()

    def in_turn(self, work: Callable[[], T]) -> T:
        """Return what `work` returns; no two of them, nor a look of this watcher's, run at once."""
        with self._turn:
            return work()

    async def close(self) -> None:
        """End the watcher and what it does in threads; its followers come to an end."""
        for task in (self._task, self._ending):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        if self._last is not None:
            await asyncio.to_thread(self._last.join)

    async def _keep_looking(self) -> None:
        stopped = threading.Event()
        try:
            while True:
                self._again.clear()
                started = time.monotonic()
                unread = await self._apart(lambda: self._look(stopped.is_set))
                took = time.monotonic() - started
                await self._tell()
                ends_at = max(started + self._look_every_s, time.monotonic() + _REST * took)
                while unread and time.monotonic() < ends_at and not self._again.is_set():
                    unread = await self._apart(partial(self._read_some, unread))
                    await self._tell()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._again.wait(), ends_at - time.monotonic())
        finally:
            # a look that nobody waits for ends at the next folder
            stopped.set()
            # a thread of its own: where the whole loop ends, it gives no other any more
            self._last = threading.Thread(target=self.in_turn, args=(self._rest,))
            self._last.start()

    async def _tell(self) -> None:
        state = await self._apart(self._state_now)
        if state != self._state:
            self._state = state
            self._wake()

    async def _apart(self, work: Callable[[], T]) -> T:
        return await asyncio.to_thread(self.in_turn, work)

    def _on_end(self, _task: "asyncio.Task[None]") -> None:
        self._wake()

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()
