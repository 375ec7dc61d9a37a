"""Reads the headers of many files in a process of its own, so that the window never waits for it.

Walking through a vocabulary takes Python some hundredths of a second, and while one thread of a
process does so, the one that paints waits. The process gets the path of a file in each line (JSON)
and answers each with a line: the header as `core.gguf_codec` writes it, or why there is none.
"""

import base64
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from playground.core.errors import ModelFileInvalid
from playground.core.gguf import codec as gguf_codec
from playground.core.gguf.header import GgufHeader
from playground.core.gguf.reader import read_header
from playground.engines.child_process import child_command, worker_environment

ARGUMENT = "--read-headers"
_LONGEST_S = 30.0
_IDLE_S = 5.0
_TIMED_OUT = "timed out"
_LONGEST_LINE = 64 << 20


class HeaderReader:
    """The process, started when it is first needed and ended by `rest`. Safe in several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._used_at = 0.0
        self._watch: threading.Thread | None = None

    def read(self, path: Path) -> GgufHeader:
        """Return a file's header; raises `ModelFileInvalid` as `read_header` does.

        Where the process cannot be started or has ended, the file is read here.
        """
        with self._lock:
            answer = self._ask(path)
            self._used_at = time.monotonic()
        self._end_when_idle()
        if answer is None:
            return read_header(path)
        if _TIMED_OUT in answer:
            # here it would be waited for without end
            raise ModelFileInvalid(
                "The drive it lies on does not answer.", "It is looked at again later."
            ) from TimeoutError(path)
        if "header" in answer:
            header = gguf_codec.loads(base64.b64decode(answer["header"]))
            return read_header(path) if header is None else header
        problem = ModelFileInvalid(str(answer["message"]), str(answer["hint"]))
        cause = OSError(answer["errno"], "") if answer["is_out_of_reach"] else None
        raise problem from cause

    def rest(self) -> None:
        """End the process; the next `read` starts another one."""
        if (process := self._process) is not None:
            # whoever waits for its answer goes on without it
            process.kill()
        with self._lock:
            self._end()

    def _end_when_idle(self) -> None:
        """See to it that the process ends when nothing was asked of it for a while."""
        with self._lock:
            if self._process is None or self._watch is not None:
                return
            self._watch = threading.Thread(target=self._keep_watch, daemon=True)
            self._watch.start()

    def _keep_watch(self) -> None:
        while True:
            time.sleep(_IDLE_S)
            with self._lock:
                if self._process is not None and time.monotonic() - self._used_at < _IDLE_S:
                    continue
                self._end()
                # under the lock: whoever reads next starts another watch
                self._watch = None
                return

    def _ask(self, path: Path) -> dict[str, Any] | None:
        process = self._started()
        if process is None or process.stdin is None or process.stdout is None:
            return None
        # a drive that does not answer must not hold everything up
        is_over = threading.Event()

        def give_up() -> None:
            is_over.set()
            process.kill()

        alarm = threading.Timer(_LONGEST_S, give_up)
        alarm.daemon = True
        alarm.start()
        try:
            process.stdin.write(json.dumps(str(path)).encode() + b"\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline(_LONGEST_LINE))
        except (OSError, ValueError):
            self._end()
            return {_TIMED_OUT: True} if is_over.is_set() else None
        finally:
            alarm.cancel()
        return answer if isinstance(answer, dict) else None

    def _started(self) -> "subprocess.Popen[bytes] | None":
        if self._process is None:
            try:
                self._process = subprocess.Popen(
                    child_command(ARGUMENT),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env=worker_environment(os.environ),
                )
            except OSError:
                return None
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        process.wait()


def main() -> int:
    """Answer each line of standard input; ends with it, as when this process's parent ends."""
    if hasattr(os, "nice"):
        # whatever the person does goes first
        os.nice(5)
    for line in sys.stdin.buffer:
        answer = json.dumps(_answer(Path(json.loads(line))))
        sys.stdout.write(answer + "\n")
        sys.stdout.flush()
    return 0


def _answer(path: Path) -> dict[str, Any]:
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
