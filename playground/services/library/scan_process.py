"""Process that scans folders and reads headers, as its parent sees it.

Walking through folders and vocabularies keeps Python busy, and while one thread of a process is,
the one that paints waits. Requests and answers are lines of JSON; `scan_server` answers them.
"""

import asyncio
import base64
import contextlib
import itertools
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from playground.core.codec import decode, encode
from playground.core.errors import ModelFileInvalid
from playground.engines.child_process import child_command, worker_environment
from playground.services.library.scan_server import ARGUMENT, IDLE_S, Message, Responder
from playground.services.library.scanner import ScanFolders, ScanResult

_LONGEST_READ_S = 30.0
_TRIES = 2
"""How often a request is sent to a process; what it is lost in twice is done here."""
_CHUNK = 1 << 18


@dataclass(slots=True)
class _Pending:
    request: Message
    answer: "Future[Message]" = field(default_factory=Future)
    process: "subprocess.Popen[bytes] | None" = None
    tries: int = 0


class ScanProcess:
    """The process as its parent sees it, started when it is needed. Callable from any thread."""

    def __init__(self, idle_s: float = IDLE_S) -> None:
        self._idle_s = idle_s
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._pending: dict[int, _Pending] = {}
        self._numbers = itertools.count()
        self._here = Responder()
        self._last: tuple[str, ScanResult] | None = None
        self.scan_s = 0.0
        """How long the last scan took."""

    @property
    def pid(self) -> int | None:
        process = self._process
        return None if process is None else process.pid

    async def scan(self, folders: ScanFolders) -> ScanResult:
        """Return what is in `folders`; the very same result where nothing has changed."""
        last = self._last
        request = {"folders": encode(folders), "version": last and last[0]}
        answer = await asyncio.wrap_future(self._send(_Pending(request)))
        self.scan_s = answer["seconds"]
        if last is not None and answer["version"] == last[0]:
            return last[1]
        result: ScanResult = await asyncio.to_thread(decode, ScanResult, answer["result"])
        self._last = (answer["version"], result)
        return result

    def read(self, path: Path) -> bytes:
        """Return a file's header as `core.gguf.codec` writes it.

        Raises `ModelFileInvalid` as `read_header` does; its cause is an `OSError` where trying
        again may help.
        """
        try:
            answer = self._send(_Pending({"path": str(path)})).result(_LONGEST_READ_S)
        except TimeoutError as error:
            raise ModelFileInvalid(
                "The drive it lies on does not answer.", "It is looked at again later."
            ) from error
        except OSError as error:
            raise ModelFileInvalid("The program is closing.") from error
        if "header" in answer:
            return base64.b64decode(answer["header"])
        cause = OSError(answer["errno"], "") if answer["is_out_of_reach"] else None
        raise ModelFileInvalid(str(answer["message"]), str(answer["hint"])) from cause

    def close(self) -> None:
        """End the process; what is asked of it fails. A later request starts another one."""
        with self._lock:
            process, self._process = self._process, None
            pending, self._pending = self._pending, {}
        for lost in pending.values():
            _fail(lost.answer, OSError("the library is closed"))
        if process is not None:
            process.kill()

    def _send(self, pending: _Pending) -> "Future[Message]":
        with self._lock:
            process = self._started() if pending.tries < _TRIES else None
            if process is not None and process.stdin is not None:
                number = next(self._numbers)
                pending.process = process
                pending.tries += 1
                self._pending[number] = pending
                line = json.dumps({"number": number, **pending.request}).encode() + b"\n"
                # where it has ended the request is sent again as soon as that is noticed
                with contextlib.suppress(OSError):
                    process.stdin.write(line)
                return pending.answer
        threading.Thread(target=self._answer_here, args=(pending,), daemon=True).start()
        return pending.answer

    def _answer_here(self, pending: _Pending) -> None:
        _settle(pending.answer, self._here.answer(pending.request))

    def _started(self) -> "subprocess.Popen[bytes] | None":
        if self._process is None:
            try:
                self._process = subprocess.Popen(
                    [*child_command(ARGUMENT), str(self._idle_s)],
                    bufsize=0,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env=worker_environment(os.environ),
                )
            except OSError:
                return None
            threading.Thread(target=self._receive, args=(self._process,), daemon=True).start()
        return self._process

    def _receive(self, process: "subprocess.Popen[bytes]") -> None:
        for line in _lines(process):
            try:
                answer = json.loads(line)
            except ValueError:
                # the rest of a line that was not written to its end
                continue
            with self._lock:
                pending = self._pending.pop(answer.pop("number"), None)
            if pending is not None:
                _settle(pending.answer, answer)
        with self._lock:
            if self._process is process:
                self._process = None
            lost = {n: one for n, one in self._pending.items() if one.process is process}
            for number in lost:
                del self._pending[number]
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        process.wait()
        for pending in lost.values():
            self._send(pending)


def _lines(process: "subprocess.Popen[bytes]") -> Iterator[bytes]:
    rest = b""
    while process.stdout is not None and (chunk := process.stdout.read(_CHUNK)):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines


def _settle(future: "Future[Message]", answer: Message) -> None:
    if "error" in answer:
        _fail(future, RuntimeError(answer["error"]))
    elif future.set_running_or_notify_cancel():
        future.set_result(answer)


def _fail(future: "Future[Message]", error: Exception) -> None:
    if future.set_running_or_notify_cancel():
        future.set_exception(error)
