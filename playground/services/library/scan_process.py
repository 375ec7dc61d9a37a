"""Process that scans folders and reads headers (`python -m playground --scan-library`).

Walking through folders and vocabularies keeps Python busy, and while one thread of a process is,
the one that paints waits. Requests and answers are lines of JSON; each request is worked off in a
thread of its own, so that a drive that does not answer holds up nothing else. The process ends with
its standard input, as when its parent ends, and by itself when nothing was asked of it for a while.
"""

import asyncio
import base64
import contextlib
import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playground.core.errors import ModelFileInvalid
from playground.core.gguf import codec as gguf_codec
from playground.core.gguf.reader import read_header
from playground.engines.child_process import child_command, worker_environment
from playground.services.library.scanner import ScanFolders, Scanner, ScanResult

ARGUMENT = "--scan-library"
_IDLE_S = 20.0
_LONGEST_READ_S = 30.0
_TRIES = 2
"""How often a request is sent to a process; what it is lost in twice is done here."""
_CHUNK = 1 << 18
_HEADER_NICENESS = 5

_Message = dict[str, Any]


@dataclass(slots=True)
class _Pending:
    """A request that has not been answered yet."""

    request: _Message
    answer: "Future[_Message]"
    process: "subprocess.Popen[bytes] | None" = None
    tries: int = 0


class ScanProcess:
    """The process as its parent sees it, started when it is needed. Callable from any thread."""

    def __init__(self, idle_s: float = _IDLE_S) -> None:
        self._idle_s = idle_s
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._pending: dict[int, _Pending] = {}
        self._numbers = itertools.count()
        self._here = _Responder()
        self._last: tuple[str, ScanResult] | None = None
        self.scan_s = 0.0
        """How long the last scan took."""

    @property
    def pid(self) -> int | None:
        """The running process's."""
        process = self._process
        return None if process is None else process.pid

    async def scan(self, folders: ScanFolders) -> ScanResult:
        """Return what is in `folders`; the very same result where nothing has changed."""
        last = self._last
        request = {"folders": folders.to_json(), "version": last and last[0]}
        answer = await asyncio.wrap_future(self._ask(request))
        self.scan_s = answer["seconds"]
        if last is not None and answer["version"] == last[0]:
            return last[1]
        result = await asyncio.to_thread(ScanResult.from_json, answer["result"])
        self._last = (answer["version"], result)
        return result

    def read(self, path: Path) -> bytes:
        """Return a file's header as `core.gguf.codec` writes it.

        Raises `ModelFileInvalid` as `read_header` does; its cause is an `OSError` where trying
        again may help.
        """
        try:
            answer = self._ask({"path": str(path)}).result(_LONGEST_READ_S)
        except TimeoutError as error:
            raise ModelFileInvalid(
                "The drive it lies on does not answer.", "It is looked at again later."
            ) from error
        except OSError as error:
            raise ModelFileInvalid("The program is closing.") from error
        if "header" in answer:
            return base64.b64decode(answer["header"])
        problem = ModelFileInvalid(str(answer["message"]), str(answer["hint"]))
        cause = OSError(answer["errno"], "") if answer["is_out_of_reach"] else None
        raise problem from cause

    def close(self) -> None:
        """End the process; what is asked of it fails. A later request starts another one."""
        with self._lock:
            process, self._process = self._process, None
            pending, self._pending = self._pending, {}
        for lost in pending.values():
            _fail(lost.answer, OSError("the library is closed"))
        if process is not None:
            process.kill()

    def _ask(self, request: _Message) -> "Future[_Message]":
        pending = _Pending(request, Future())
        self._send(pending)
        return pending.answer

    def _send(self, pending: _Pending) -> None:
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
                return
        threading.Thread(target=self._answer_here, args=(pending,), daemon=True).start()

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
        """Take the process's answers until it has ended."""
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


def _settle(future: "Future[_Message]", answer: _Message) -> None:
    if "error" in answer:
        _fail(future, RuntimeError(answer["error"]))
    elif future.set_running_or_notify_cancel():
        future.set_result(answer)


def _fail(future: "Future[_Message]", error: Exception) -> None:
    if future.set_running_or_notify_cancel():
        future.set_exception(error)


class _Responder:
    """Answers requests, in whichever process; where nothing has changed no result is sent again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._scanner = Scanner()
        self._result: ScanResult | None = None
        self._count = 0

    def answer(self, request: _Message) -> _Message:
        try:
            if "folders" in request:
                return self._scan(ScanFolders.from_json(request["folders"]), request["version"])
            return _header(Path(request["path"]))
        except Exception as error:  # noqa: BLE001 - a bug, raised where the answer is waited for
            return {"error": f"{type(error).__name__}: {error}"}

    def _scan(self, folders: ScanFolders, known_version: str | None) -> _Message:
        with self._lock:
            began = time.monotonic()
            result = self._scanner.scan(folders)
            seconds = time.monotonic() - began
            if result is not self._result:
                self._result = result
                self._count += 1
            version = f"{os.getpid()}-{self._count}"
        if version == known_version:
            return {"version": version, "seconds": seconds}
        return {"version": version, "seconds": seconds, "result": result.to_json()}


def _header(path: Path) -> _Message:
    try:
        packed = gguf_codec.dumps(read_header(path))
    except ModelFileInvalid as error:
        cause = error.__cause__
        return {
            "message": error.message,
            "hint": error.hint,
            "is_out_of_reach": isinstance(cause, OSError),
            "errno": getattr(cause, "errno", None),
        }
    return {"header": base64.b64encode(packed).decode("ascii")}


class _Server:
    """Works requests off in threads, and ends the process when none has come for a while."""

    def __init__(self, idle_s: float) -> None:
        self._idle_s = idle_s
        self._responder = _Responder()
        self._lock = threading.Lock()
        self._running = 0
        self._used_at = time.monotonic()
        threading.Thread(target=self._end_when_idle, daemon=True).start()

    def begin(self, request: _Message) -> None:
        """Work a request off and write its answer."""
        with self._lock:
            self._running += 1
        threading.Thread(target=self._work, args=(request,), daemon=True).start()

    def _work(self, request: _Message) -> None:
        if sys.platform == "linux" and "path" in request:
            # of this thread alone: whatever the person does goes before headers
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _HEADER_NICENESS)
        answer = {"number": request["number"], **self._responder.answer(request)}
        line = memoryview(json.dumps(answer).encode() + b"\n")
        with self._lock:
            while line:
                line = line[os.write(sys.stdout.fileno(), line) :]
            self._running -= 1
            self._used_at = time.monotonic()

    def _end_when_idle(self) -> None:
        while True:
            time.sleep(self._idle_s / 4)
            with self._lock:
                if self._running == 0 and time.monotonic() - self._used_at > self._idle_s:
                    os._exit(0)


def main(idle_s: float = _IDLE_S) -> int:
    """Answer each line of standard input, until it ends."""
    server = _Server(idle_s)
    for line in sys.stdin.buffer:
        server.begin(json.loads(line))
    # a thread that hangs on a drive must not be waited for
    os._exit(0)
