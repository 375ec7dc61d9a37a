"""A virtual screen, the real program on it, and the X server's own mouse and keyboard."""

import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 110.0
METERS = re.compile(r"\d %|\d [MG]B")
"""Texts that never stop changing."""


def can_drive() -> bool:
    return bool(shutil.which("Xvfb") and shutil.which("xdotool"))


@contextmanager
def virtual_screen(size: str = "1280x800") -> Iterator[str]:
    """Yield the display of an X server of its own, ended by its process id."""
    with _server(size) as (display, _):
        yield display


@contextmanager
def _server(size: str) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    read_end, write_end = os.pipe()
    server = subprocess.Popen(
        [
            "Xvfb",
            "-displayfd",
            str(write_end),
            "-screen",
            "0",
            f"{size}x24",
            "-nolisten",
            "tcp",
            "-noreset",
        ],
        pass_fds=(write_end,),
        stderr=subprocess.DEVNULL,
    )
    os.close(write_end)
    try:
        with os.fdopen(read_end) as answer:
            yield f":{answer.readline().strip()}", server
    finally:
        server.terminate()
        server.wait(10)


class Program:
    """The program on a virtual screen."""

    def __init__(
        self, display: str, home: Path, server: "subprocess.Popen[bytes]", **environment: str
    ) -> None:
        self._server = server
        self._environment = {
            **os.environ,
            "DISPLAY": display,
            "PLAYGROUND_HOME": str(home),
            "PYTHONPATH": str(ROOT),
            **environment,
        }
        self._environment.pop("QT_QPA_PLATFORM", None)
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "tests/e2e/robot.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=self._environment,
            cwd=home,
            # a suite that runs in the background inherits an ignored Ctrl-C
            preexec_fn=_heed_interrupts,  # noqa: PLW1509 - no thread of a test holds a lock here
        )
        assert self._read() == {"shown": True}
        # there is no window manager that would do it
        self.xdotool("search", "--sync", "--onlyvisible", "--name", "Inference", "windowfocus")

    def click(self, name: str) -> None:
        """Click the control with this accessible name or text, once it can be."""
        place = self.wait_for(name)
        self.xdotool("mousemove", str(place["x"]), str(place["y"]), "click", "1")

    def type(self, text: str) -> None:
        self.xdotool("type", "--delay", "5", text)

    def press(self, keys: str) -> None:
        self.xdotool("key", keys)

    def wait_for(self, name: str) -> dict[str, Any]:
        """Return where an enabled control is, waiting for it to appear."""
        return self.until(
            lambda: next(
                (p for p in self.ask(do="where", name=name)["places"] if p["enabled"]), None
            ),
            f"a control named {name!r}",
        )

    def wait_text(self, pattern: str) -> str:
        """Return the first text on screen in which `pattern` is found, waiting for it."""
        return self.until(
            lambda: next((t for t in self.texts() if re.search(pattern, t)), None),
            f"a text like {pattern!r}",
        )

    def texts(self) -> list[str]:
        return self.ask(do="texts")["texts"]

    def grab(self, path: Path) -> None:
        self.ask(do="grab", path=str(path))

    def settle(self) -> None:
        """Wait until what is on screen has stopped changing."""
        seen: list[list[str]] = []
        while len(seen) < 3 or not seen[-1] == seen[-2] == seen[-3]:
            seen.append([text for text in self.texts() if not METERS.search(text)])
            select.select([], [], [], 0.5)

    def close(self) -> int:
        """Close the window as a person does and return the exit code."""
        if self.process.poll() is None:
            self.ask(do="close")
        return self.process.wait(30)

    def lose_screen(self) -> None:
        """End the X server under the open window."""
        self._server.kill()

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()

    def until(self, look: Callable[[], Any], what: str) -> Any:
        """Look again and again until something is seen; fail with what was on screen instead."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            seen = look()
            if seen is not None:
                return seen
            select.select([], [], [], 0.1)
        raise AssertionError(f"no {what} on screen, but {self.texts()}")

    def ask(self, **command: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        return self._read()

    def xdotool(self, *words: str) -> None:
        subprocess.run(["xdotool", *words], env=self._environment, check=True)

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the program has ended with code {self.process.wait(10)}"
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def program(home: Path, size: str = "1280x800", **environment: str) -> Iterator[Program]:
    """Yield the running program; whatever is left of it is killed at the end."""
    with _server(size) as (display, server):
        running = Program(display, home, server, **environment)
        try:
            yield running
        finally:
            running.kill()


def _heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
