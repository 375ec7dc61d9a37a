"""One sampler of processor, memory, graphics and power for everybody who looks."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from playground.services.machine.gpu import AllGpus, GpuSample, open_gpus
from playground.services.telemetry_probe import Probe, ProcessSample, Sample

__all__ = ["GpuSample", "ProcessSample", "Sample", "Telemetry"]

FIRST_INTERVAL_S = 0.25
"""The processor's load is a mean over time; the first sample waits no longer than this for it."""


class Telemetry:
    """Samples while anybody listens, once for all of them; used on one asyncio loop."""

    def __init__(
        self,
        pids: Callable[[], Mapping[str, int]],
        interval_s: float = 1.0,
        *,
        gpus: Callable[[], AllGpus] = open_gpus,
    ) -> None:
        """`pids` names the processes of the program beside its own; it is called on the loop."""
        self._pids = pids
        self.interval_s = interval_s
        """Time from one sample to the next; a change holds from the next sample on."""
        self._open_gpus = gpus
        self._listeners: set[asyncio.Queue[Sample | Exception]] = set()
        self._sampler: asyncio.Task[None] | None = None
        self._latest: Sample | None = None

    @property
    def is_sampling(self) -> bool:
        """True while anybody listens."""
        return self._sampler is not None

    @property
    def gpu_note(self) -> str | None:
        """What to say where no graphics card was found; `None` before the first sample."""
        return self._latest.gpu_note if self._latest else None

    async def samples(self) -> AsyncGenerator[Sample, None]:
        """Yield samples, the newest where the listener is slow; the last to leave ends sampling."""
        queue: asyncio.Queue[Sample | Exception] = asyncio.Queue(maxsize=1)
        self._listeners.add(queue)
        if self._sampler is None:
            self._latest = None
            self._sampler = asyncio.create_task(self._sample_on(), name="telemetry")
        elif self._latest is not None:
            queue.put_nowait(self._latest)
        try:
            while True:
                item = await queue.get()
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            self._listeners.discard(queue)
            if not self._listeners:
                await self._stop()

    async def _stop(self) -> None:
        sampler, self._sampler = self._sampler, None
        if sampler is not None:
            sampler.cancel()
            await asyncio.gather(sampler, return_exceptions=True)

    async def _sample_on(self) -> None:
        loop = asyncio.get_running_loop()
        # one thread of its own: psutil keeps the counts it compares with for each thread
        thread = ThreadPoolExecutor(1, "telemetry")
        try:
            await self._sample_in(thread)
        except Exception as error:  # noqa: BLE001 - a bug: every listener raises it
            self._sampler = None
            self._tell(error)
        finally:
            await loop.run_in_executor(None, thread.shutdown)

    async def _sample_in(self, thread: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        probe = await loop.run_in_executor(thread, lambda: Probe(self._open_gpus()))
        try:
            await loop.run_in_executor(thread, probe.sample, dict(self._pids()))
            due = time.perf_counter() + min(self.interval_s, FIRST_INTERVAL_S)
            while True:
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                self._tell(await loop.run_in_executor(thread, probe.sample, dict(self._pids())))
                # after a pause (a computer that slept) missed samples are not made up for
                due = max(due + self.interval_s, time.perf_counter())
        finally:
            thread.submit(probe.close)

    def _tell(self, item: Sample | Exception) -> None:
        if isinstance(item, Sample):
            self._latest = item
        for queue in self._listeners:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(item)
