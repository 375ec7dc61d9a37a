"""Keeps a run in the history while it happens."""

import asyncio
from collections.abc import Callable

from playground.core.errors import PlaygroundError
from playground.core.events import StreamEvent
from playground.core.runs import Run
from playground.store.history import ComparisonStore

SAVE_INTERVAL_S = 0.25
"""How much of an answer a sudden end of the program may cost."""


class RunRecorder:
    """Writes one run's events to the history, gathered over a quarter of a second."""

    def __init__(
        self,
        store: ComparisonStore | None,
        turn_id: str,
        run_id: str,
        on_trouble: Callable[[PlaygroundError], None],
    ) -> None:
        self._store = store
        self._turn_id = turn_id
        self._run_id = run_id
        self._on_trouble = on_trouble
        self._pending: list[StreamEvent] = []
        self._flusher: asyncio.Task[None] | None = None

    def event(self, event: StreamEvent) -> None:
        """Take an event; it is on disk a moment later."""
        if self._store is None:
            return
        self._pending.append(event)
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.create_task(self._flush_soon())

    async def run(self, run: Run) -> None:
        """Write the run itself."""
        if self._store is None:
            return
        try:
            await self._store.save_run(self._turn_id, run)
        except PlaygroundError as error:
            self._on_trouble(error)

    async def close(self, run: Run) -> None:
        """Write what is left, then the finished run."""
        if self._flusher is not None:
            self._flusher.cancel()
            await asyncio.gather(self._flusher, return_exceptions=True)
        await self._flush()
        await self.run(run)

    async def _flush_soon(self) -> None:
        await asyncio.sleep(SAVE_INTERVAL_S)
        await self._flush()

    async def _flush(self) -> None:
        if self._store is None or not self._pending:
            return
        events, self._pending = self._pending, []
        try:
            await asyncio.shield(self._store.append_events(self._run_id, events))
        except PlaygroundError as error:
            self._on_trouble(error)
