"""The page in a real browser: it loads nothing, runs nothing, and says what the run says."""

import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from html import unescape
from pathlib import Path

import pytest

from playground.core.share.comparison import comparison_document
from playground.core.share.page import page
from tests.core.share.hostile import FENCES, FORMULA, MARKUP, about, hostile

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed")
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-extensions"),
    *("--disable-default-apps", "--disable-client-side-phishing-detection"),
    *("--disable-domain-reliability", "--no-default-browser-check", "--no-pings"),
    "--disable-features=NetworkTimeServiceQuerying,OptimizationHints,MediaRouter,Translate",
)


class Listener:
    """A proxy that answers nothing and notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._server.close()

    def _listen(self) -> None:
        while True:
            try:
                connection, _address = self._server.accept()
            except OSError:
                return
            with closing(connection):
                connection.settimeout(5)
                try:
                    self.asked.append(connection.recv(2000).split(b"\r\n")[0])
                except OSError:
                    self.asked.append(b"")


@pytest.fixture
def listener() -> Iterator[Listener]:
    listening = Listener()
    yield listening
    listening.close()


def opened(path: Path, folder: Path, listener: Listener) -> str:
    """Return the page as the browser has it once everything in it is done."""
    assert CHROMIUM is not None
    # whatever is asked for, here or elsewhere, goes to the listener
    proxy = (f"--proxy-server=127.0.0.1:{listener.port}", "--proxy-bypass-list=<-loopback>")
    rules = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    done = subprocess.run(
        [CHROMIUM, *QUIET, *proxy, rules, f"--user-data-dir={folder}", "--dump-dom", path.as_uri()],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, "HOME": str(folder)},
    )
    return done.stdout


def test_the_page_loads_nothing_runs_nothing_and_says_what_the_run_says(
    tmp_path: Path, listener: Listener
) -> None:
    comparison, _events, checked = hostile()
    path = tmp_path / "page.html"
    path.write_text(page(comparison_document(comparison, checked, about())), "utf-8")
    shown = opened(path, tmp_path / "profile", listener)
    # the browser's own questions to its maker end at the listener as well
    assert [line for line in listener.asked if b"google" not in line] == []
    assert "<script" not in shown.replace("&lt;script", "")
    assert "<img" not in shown
    body = unescape(re.sub(r"<[^>]*>", "", shown.split("</style>", 1)[1]))
    for text in (MARKUP, FORMULA, FENCES, "A lighthouse.", "One question, three models"):
        assert text in body


def test_the_browser_would_have_loaded_what_is_no_text(tmp_path: Path, listener: Listener) -> None:
    """Holds the test above: without the writer's care the same words do ask and do run."""
    path = tmp_path / "page.html"
    script = "<script>document.body.append('it ' + 'ran')</script>"
    # nobody would close the dialogs
    markup = MARKUP.replace("alert(1)", "1")
    path.write_text(f"<!DOCTYPE html><body>{script}{markup}", "utf-8")
    shown = opened(path, tmp_path / "profile", listener)
    assert "it ran" in shown
    assert [line for line in listener.asked if b"pixel.png" in line]
