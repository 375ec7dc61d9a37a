"""Server that scans folders and reads headers: `python -m playground --scan-library`.

Each request is worked off in a thread of its own, so that a drive that does not answer holds up
nothing else. The process ends with its standard input, as when its parent ends, and by itself when
nothing was asked of it for a while. It imports little: the window waits for it at each start.
"""

import base64
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from playground.core.codec import decode, encode
from playground.core.errors import ModelFileInvalid
from playground.core.gguf import codec as gguf_codec
from playground.core.gguf.reader import read_header
from playground.services.library.scanner import ScanFolders, Scanner, ScanResult

ARGUMENT = "--scan-library"
IDLE_S = 20.0
_HEADER_NICENESS = 5

Message = dict[str, Any]


class Responder:
    """Answers requests, in whichever process; where nothing has changed no result is sent again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._scanner = Scanner()
        self._result: ScanResult | None = None
        self._count = 0

    def answer(self, request: Message) -> Message:
        try:
            if "folders" in request:
                return self._scan(decode(ScanFolders, request["folders"]), request["version"])
            return _header(Path(request["path"]))
        except Exception as error:  # noqa: BLE001 - a bug, raised where the answer is waited for
            return {"error": f"{type(error).__name__}: {error}"}

    def _scan(self, folders: ScanFolders, known_version: str | None) -> Message:
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
        return {"version": version, "seconds": seconds, "result": encode(result)}


def _header(path: Path) -> Message:
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
        self._responder = Responder()
        self._lock = threading.Lock()
        self._running = 0
        self._used_at = time.monotonic()
        threading.Thread(target=self._end_when_idle, daemon=True).start()

    def begin(self, request: Message) -> None:
        with self._lock:
            self._running += 1
        threading.Thread(target=self._work, args=(request,), daemon=True).start()

    def _work(self, request: Message) -> None:
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


def main(idle_s: float = IDLE_S) -> int:
    """Answer each line of standard input, until it ends."""
    server = _Server(idle_s)
    for line in sys.stdin.buffer:
        server.begin(json.loads(line))
    # a thread that hangs on a drive must not be waited for
    os._exit(0)
