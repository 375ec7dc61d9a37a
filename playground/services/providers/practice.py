"""The practice cloud: a server on this computer that stands in for a provider, without any key."""

import asyncio
import contextlib
import importlib.util
import json
import os
import secrets
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Any

import psutil

from playground.core.errors import ConnectionFailed, NotAvailable, PlaygroundError
from playground.core.targets import PRACTICE_ID, PRACTICE_MODEL, Provider, Tier
from playground.engines.child_process import child_command, spawn, worker_environment

PRACTICE_NAME = "Practice cloud (on this computer)"
PRACTICE_CONTEXT = 4096
"""Tokens of prompt and answer together."""

_START_LIMIT_S = 120.0
_STOP_LIMIT_S = 3.0
_LAST_WORDS = 2000
_PARTS = ("llama_cpp", "uvicorn", "fastapi", "sse_starlette", "starlette_context")
RESTART_HINT = "Run it again: the practice cloud starts by itself. What was written is kept."
_INSTALL_HINT = "Install the program with its extra “starter”."
_FOLLOW_S = 0.1
"""How often the status is compared with the one that was told last."""


class PracticeState(Enum):
    """What the practice cloud does."""

    STOPPED = auto()
    STARTING = auto()
    RUNNING = auto()
    FAILED = auto()
    """It could not be started, or has ended by itself."""


@dataclass(frozen=True, slots=True)
class PracticeStatus:
    """The practice cloud at one moment."""

    state: PracticeState = PracticeState.STOPPED
    fraction: float = 0.0
    """How far it has started, 0 … 1."""
    doing: str = ""
    """What it is doing while it starts."""
    problem: str = ""
    """Why it failed, and what to try."""


_DIED = PracticeStatus(
    PracticeState.FAILED, problem="It has ended. The next prompt starts it again."
)


class PracticeCloud:
    """Starts and ends the child process that serves the starter model."""

    def __init__(self, model_path: Callable[[], Path | None]) -> None:
        self._model_path = model_path
        self._process: asyncio.subprocess.Process | None = None
        self._log: asyncio.Task[None] | None = None
        self._last_words = b""
        self._key = ""
        self._port = 0
        self._starting = asyncio.Lock()
        self._status = PracticeStatus()

    @property
    def status(self) -> PracticeStatus:
        return _DIED if self.has_died and not self._starting.locked() else self._status

    @property
    def is_running(self) -> bool:
        """True while the server answers."""
        return self._port != 0 and self.pid is not None

    @property
    def has_died(self) -> bool:
        """True where the server ended without having been told to."""
        return self._process is not None and self._process.returncode is not None

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    @property
    def provider(self) -> Provider | None:
        """The server as a provider, at its present address; `None` while it is not running."""
        return practice_provider(self._port) if self.is_running else None

    @property
    def key(self) -> str | None:
        """The key of the running server; a new one at every start, kept in memory only."""
        return self._key if self.is_running else None

    async def follow(self) -> AsyncGenerator[PracticeStatus, None]:
        """Yield the status, at once and after each change."""
        last: PracticeStatus | None = None
        while True:
            if (now := self.status) != last:
                last = now
                yield now
            await asyncio.sleep(_FOLLOW_S)

    async def start(self) -> Provider:
        """Start the server, or return the one that runs; a second call waits for the first.

        Raises `NotAvailable` where a part or the model is not installed, and `ConnectionFailed`
        where the server ended before it answered.
        """
        async with self._starting:
            if self.is_running and await self._answers():
                return practice_provider(self._port)
            await self._end()
            self._status = PracticeStatus(PracticeState.STARTING)
            try:
                model = await asyncio.to_thread(self._check_parts)
                self._port = await self._launch_in_time(model)
            except PlaygroundError as error:
                await self._end()
                problem = f"{error.message} {error.hint}".strip()
                self._status = PracticeStatus(PracticeState.FAILED, problem=problem)
                raise
            except BaseException:
                await self._end()
                raise
            self._status = PracticeStatus(PracticeState.RUNNING)
            return practice_provider(self._port)

    async def stop(self) -> None:
        """End the server; nothing happens where none runs."""
        async with self._starting:
            await self._end()

    def _check_parts(self) -> Path:
        missing = ", ".join(name for name in _PARTS if importlib.util.find_spec(name) is None)
        if missing:
            what = f"parts that are not installed: {missing}"
            raise NotAvailable(f"The practice cloud needs {what}.", _INSTALL_HINT)
        path = self._model_path()
        if path is None:
            what = "the starter model, which is not installed"
            raise NotAvailable(f"The practice cloud needs {what}.", _INSTALL_HINT)
        return path

    async def _launch_in_time(self, model: Path) -> int:
        try:
            async with asyncio.timeout(_START_LIMIT_S):
                return await self._launch(model)
        except TimeoutError as error:
            raise ConnectionFailed(
                f"The practice cloud did not answer within {_START_LIMIT_S:g} seconds.",
                "Close other programs and start it again.",
            ) from error

    async def _launch(self, model: Path) -> int:
        self._key = secrets.token_urlsafe(32)
        self._last_words = b""
        process = await spawn(child_command("--practice-cloud"), worker_environment(os.environ))
        self._process = process
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise ConnectionFailed("The practice cloud could not be started.")
        self._log = asyncio.create_task(self._keep_last_words(process.stderr))
        order = {
            "key": self._key,
            "model": str(model),
            "alias": PRACTICE_MODEL,
            "context": PRACTICE_CONTEXT,
        }
        # neither on the command line nor in the environment, where others could read the key
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            process.stdin.write(json.dumps(order).encode() + b"\n")
            await process.stdin.drain()
        while line := await process.stdout.readline():
            message = _message(line)
            if isinstance(message.get("port"), int):
                return int(message["port"])
            if "error" in message:
                raise ConnectionFailed(
                    f"The practice cloud could not start: {message['error']}.", _INSTALL_HINT
                )
            fraction, doing = float(message.get("fraction", 0)), str(message.get("doing", ""))
            self._status = PracticeStatus(PracticeState.STARTING, fraction, doing)
        await process.wait()
        await self._log
        words = self._last_words.decode("utf-8", "replace").strip().splitlines()
        why = f": {words[-1][:300]}" if words else ""
        raise ConnectionFailed(
            f"The practice cloud ended while it was starting{why}.", "Start it again."
        )

    async def _keep_last_words(self, log: asyncio.StreamReader) -> None:
        while piece := await log.read(4096):
            self._last_words = (self._last_words + piece)[-_LAST_WORDS:]

    async def _answers(self) -> bool:
        """Return False for a server whose end has not been noticed yet."""
        if self.pid is None or _is_ending(self.pid):
            return False
        try:
            async with asyncio.timeout(_STOP_LIMIT_S):
                _, writer = await asyncio.open_connection("127.0.0.1", self._port)
                writer.close()
                await writer.wait_closed()
        except (OSError, TimeoutError):
            return False
        return True

    async def _end(self) -> None:
        process, self._process, self._port = self._process, None, 0
        self._status = PracticeStatus()
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _STOP_LIMIT_S)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if self._log is not None:
            await self._log
            self._log = None


def practice_provider(port: int) -> Provider:
    """Return the practice cloud as a provider, answering at `port`."""
    return Provider(
        id=PRACTICE_ID,
        name=PRACTICE_NAME,
        base_url=f"http://127.0.0.1:{port}/v1",
        tier=Tier.OWN_SERVER,
        # it counts nothing while streaming, and probabilities would take 800 MB
        rejects=frozenset({"stream_options", "logprobs"}),
        is_practice=True,
    )


def _is_ending(pid: int) -> bool:
    """Return True for a process that was killed; its other threads may still hold its port."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def _message(line: bytes) -> dict[str, Any]:
    try:
        message = json.loads(line)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}
