"""The parent's side of one worker: starts it, talks to it, watches it, ends it."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from time import perf_counter

from playground.core.chat import ChatRequest
from playground.core.errors import EngineError, OutOfMemory, TemplateFailed, WorkerCrashed
from playground.engines.child_process import child_command, spawn, worker_environment
from playground.engines.llama import protocol as wire
from playground.engines.llama.work_log import WorkKind, WorkLog


def exit_reason(code: int, last_words: str, *, lacked_memory: bool) -> EngineError:
    """Return what the exit `code` of a worker amounts to; negative codes are signals."""
    if lacked_memory and code == -signal.SIGKILL:
        return OutOfMemory("The system ended the model's process because memory ran out.")
    lines = last_words.strip().splitlines()
    last = f": {lines[-1][:300]}" if lines else ""
    return WorkerCrashed(f"The model's process ended unexpectedly ({_ending(code)}){last}.")


def memory_kills() -> int:
    """Return how often Linux has ended a process for want of memory; 0 elsewhere."""
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return 0
    found = (line.split()[1] for line in lines if line.startswith("oom_kill "))
    return int(next(found, "0"))


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {-code}, {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"


@dataclass(frozen=True, slots=True)
class SilenceLimits:
    """How long a worker may say nothing before it is taken for hung, in seconds."""

    load_s: float = 120.0
    template_s: float = 10.0
    """A chat format is a stranger's program, and may loop for ever."""
    prompt_s: float = 120.0
    token_s: float = 60.0
    stop_s: float = 2.0
    """Time to confirm a stop."""


class Watchdog:
    """Calls back when something expected does not come; one timer, moved lazily."""

    def __init__(self, on_broken: Callable[[], None]) -> None:
        self._on_broken = on_broken
        self._deadline: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._was_warned = False
        self.was_broken = False

    def expect(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._deadline = loop.time() + seconds
        self._was_warned = False
        if self._timer is None or self._timer.when() > self._deadline:
            self._arm(self._deadline)

    def stop(self) -> None:
        self._deadline = None

    def _arm(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(when, self._check)

    def _check(self) -> None:
        self._timer = None
        if self._deadline is None:
            return
        now = asyncio.get_running_loop().time()
        if now < self._deadline:
            self._arm(self._deadline)
        elif not self._was_warned:
            # this loop itself may have been held up: what came meanwhile is read first
            self._was_warned = True
            self._arm(now + 0.05)
        else:
            self.was_broken = True
            self._on_broken()


log = logging.getLogger(__name__)

_LAST_MESSAGES = {"finished", "failed", "stopped"}
_LOAD_ID = 0
_TERMINATE_S = 1.0
_LOG_CHARACTERS = 4000


class WorkerState(StrEnum):
    """What a worker is doing."""

    UNLOADED = "unloaded"
    LOADING = "loading"
    READY = "ready"
    BUSY = "busy"


_WORK = {WorkerState.LOADING: WorkKind.LOADING, WorkerState.BUSY: WorkKind.READING}
"""What a worker begins with in each state; in the others it does nothing."""


class LlamaWorker:
    """One model with its settings, and the process that holds it while it is loaded."""

    def __init__(
        self, limits: SilenceLimits | None = None, on_change: Callable[[], None] = lambda: None
    ) -> None:
        self.load_s: float | None = None
        self.state = WorkerState.UNLOADED
        self.work = WorkLog()
        self._limits = limits or SilenceLimits()
        self._on_change = on_change
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._settling: asyncio.Task[None] | None = None
        self._last_words = ""
        self._memory_kills = 0
        self._next_id = _LOAD_ID + 1
        self._watchdog = Watchdog(self._kill)
        self._was_closed = False
        self._is_reading = False

    @property
    def pid(self) -> int | None:
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    @property
    def is_loaded(self) -> bool:
        """True while a living process holds the model."""
        return self.pid is not None and self.state in {WorkerState.READY, WorkerState.BUSY}

    @property
    def is_idle(self) -> bool:
        """True where nobody uses the worker or waits for it."""
        return not self._turn.locked() and self._settling is None

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until the worker is free, and keep it."""
        try:
            async with self._turn:
                if self._settling is not None:
                    await asyncio.shield(self._settling)
                yield
        finally:
            self._on_change()

    async def load(self, request: wire.LoadRequest) -> AsyncGenerator[float, None]:
        """Start a process, load the model, and yield how much of it is there, 0 … 1.

        Raises `ModelLoadFailed`, `OutOfMemory` or `WorkerCrashed`. Leaving it early calls the load
        off. Needs the turn.
        """
        await self._end()
        begun = perf_counter()
        self._change(WorkerState.LOADING)
        is_over = False
        try:
            await self._start()
            self._send(wire.load(request))
            while (message := await self._next(self._limits.load_s))["type"] != "loaded":
                if message["type"] == "failed":
                    raise wire.read_failed(message)
                if message["type"] == "load_progress":
                    yield wire.read_fraction(message)
            self.load_s = perf_counter() - begun
            self._change(WorkerState.READY)
            is_over = True
        except EngineError:
            is_over = True
            await self._end()
            raise
        finally:
            if not is_over:
                self._abandon(_LOAD_ID)

    async def answer(self, request: ChatRequest) -> AsyncGenerator[wire.JsonObject, None]:
        """Yield what the worker says about `request`, `finished` or `failed` last.

        Raises `WorkerCrashed`, `OutOfMemory` and `TemplateFailed`. Leaving it early stops the work;
        the worker is usable right after. Needs the turn.
        """
        request_id = self._next_id
        self._next_id += 1
        self._change(WorkerState.BUSY)
        is_over = False
        limit_s = self._limits.template_s
        is_rendering = False
        try:
            self._send(wire.generate(request_id, request))
            while not is_over:
                message = await self._next(limit_s)
                kind = message["type"]
                is_rendering = kind == "phase"
                limit_s = self._limit_after(kind)
                is_over = kind in _LAST_MESSAGES
                if kind == "delta":
                    tokens = message.get("tokens")
                    self.work.wrote(len(tokens) if isinstance(tokens, list) else 0)
                if is_over:
                    self._change(WorkerState.READY)
                yield message
        except EngineError as error:
            is_over = True
            has_hung = self._watchdog.was_broken
            await self._end()
            if has_hung and is_rendering:
                raise TemplateFailed("The model's chat format does not come to an end.") from error
            raise
        finally:
            if not is_over:
                self._abandon(request_id)

    async def close(self) -> None:
        """End the process, at the latest by force, and give the memory back."""
        await self._end()
        if self._settling is not None:
            await asyncio.wait([self._settling])

    async def _end(self) -> None:
        process = self._process
        if process is None:
            self._change(WorkerState.UNLOADED)
            return
        self._was_closed = True
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), _TERMINATE_S)
            except TimeoutError:
                self._kill()
                await process.wait()
        await self._tidy(process)
        self._change(WorkerState.UNLOADED)

    def _limit_after(self, kind: str) -> float:
        if kind == "phase":
            return self._limits.template_s
        return self._limits.token_s if kind == "delta" else self._limits.prompt_s

    async def _start(self) -> None:
        self._last_words = ""
        self._memory_kills = memory_kills()
        self._was_closed = False
        self._watchdog.was_broken = False
        self._process = await spawn(
            child_command("--worker"), worker_environment(os.environ), wire.LINE_LIMIT
        )
        self._tasks = [
            asyncio.create_task(self._keep_last_words(self._process)),
            asyncio.create_task(self._notice_end(self._process)),
        ]

    def _send(self, message: wire.JsonObject) -> None:
        process = self._process
        if process is not None and process.stdin is not None and not process.stdin.is_closing():
            process.stdin.write(wire.pack(message))

    async def _next(self, limit_s: float) -> wire.JsonObject:
        """Return the worker's next message; raises `WorkerCrashed` where there is none."""
        process = self._process
        if process is None or process.stdout is None:
            raise WorkerCrashed("The model was unloaded.")
        self._watchdog.expect(limit_s)
        self._is_reading = True
        try:
            line = await process.stdout.readline()
            if line:
                return wire.unpack(line)
        except ValueError as error:  # too long, or no message: WireError is one
            self._kill()
            raise WorkerCrashed("The model's process said something unreadable.") from error
        finally:
            self._is_reading = False
            self._watchdog.stop()
        raise await self._crash(process, limit_s)

    async def _crash(self, process: asyncio.subprocess.Process, limit_s: float) -> EngineError:
        if self._was_closed:
            return WorkerCrashed("The model was unloaded while it was at work.")
        code = await process.wait()
        if self._watchdog.was_broken:
            return WorkerCrashed(
                f"The model's process said nothing for {limit_s:g} seconds and was ended."
            )
        lacked_memory = memory_kills() > self._memory_kills
        return exit_reason(code, self._last_words, lacked_memory=lacked_memory)

    def _abandon(self, request_id: int) -> None:
        """Tell the worker to stop, and let it confirm while others go on."""
        self._send(wire.stop(request_id))
        self._settling = asyncio.create_task(self._settle(is_load=request_id == _LOAD_ID))

    async def _settle(self, *, is_load: bool) -> None:
        try:
            async with asyncio.timeout(self._limits.stop_s):
                while (await self._next(self._limits.load_s))["type"] not in _LAST_MESSAGES:
                    pass
            if not is_load:
                self._change(WorkerState.READY)
        except (EngineError, TimeoutError):
            is_load = True
        finally:
            if is_load:
                self._kill()
                await self._end()
            self._settling = None
            self._on_change()

    def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()

    async def _keep_last_words(self, process: asyncio.subprocess.Process) -> None:
        if process.stderr is None:
            return
        while chunk := await process.stderr.read(4096):
            words = chunk.decode("utf-8", "replace")
            self._last_words = (self._last_words + words)[-_LOG_CHARACTERS:]
            log.debug("worker %s: %s", process.pid, words.rstrip())

    async def _notice_end(self, process: asyncio.subprocess.Process) -> None:
        """Show an idle worker that has died as unloaded."""
        await process.wait()
        if self._process is process and self.is_idle:
            self._change(WorkerState.UNLOADED)

    async def _tidy(self, process: asyncio.subprocess.Process) -> None:
        """Read the pipes to their end and close them, so that nothing is left behind."""
        if process.stdin is not None:
            process.stdin.close()
        # whoever waits for a message meets the end of the pipe by itself
        if process.stdout is not None and not self._is_reading:
            while await process.stdout.read(1 << 16):
                pass
        tasks, self._tasks = self._tasks, []
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._process is process:
            self._process = None

    def _change(self, state: WorkerState) -> None:
        if state is not self.state:
            self.state = state
            kind = _WORK.get(state)
            if kind is None:
                self.work.end()
            else:
                self.work.begin(kind)
            self._on_change()
