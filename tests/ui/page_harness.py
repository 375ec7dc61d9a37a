"""What the tests of pages share: a real bridge on a real qasync loop, around a real page."""

import asyncio
import gc
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants
from PySide6.QtCore import QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

import qasync  # isort: skip - takes the Qt that is imported already

from playground.store.backup import Backups
from playground.store.database import Database
from playground.store.history import ComparisonStore
from playground.store.settings import SettingsStore
from playground.ui.bridge import Bridge
from playground.ui.theme.theme import Theme
from playground.ui.window.page import Page


@dataclass
class Toasts:
    """Takes the messages a page would show at its foot."""

    texts: list[str] = field(default_factory=list)
    undo: Callable[[], object] | None = None
    stay_ms: int = 0

    def __call__(
        self,
        text: str,
        *,
        tone: str = "true",
        action: str | None = None,
        on_action: Callable[[], object] | None = None,
        stay_ms: int = 0,
    ) -> None:
        self.texts.append(text)
        self.undo, self.stay_ms = on_action, stay_ms


class PageHarness:
    """Runs a test's body on Qt's loop, with a page in a window of its own."""

    def __init__(self, app: QApplication, home: Path) -> None:
        self.home = home
        self.theme = Theme(app, mode="light")
        self.settings = SettingsStore(home / "settings.json")
        self.toasts = Toasts()
        self.errors: list[BaseException] = []
        self.bridge: Bridge
        self._app = app
        self._pages: list[Page] = []

    def run(self, body: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run `body` to its end, then close pages and bridge as the window would."""

        async def live() -> None:
            self.bridge = Bridge(self.errors.append)
            try:
                await body()
            finally:
                for page in self._pages:
                    page.hide()
                    page.closing.emit()
                await self.bridge.close()

        with asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(self._app)) as runner:
            runner.run(asyncio.wait_for(live(), 60))
        for page in self._pages:
            page.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        self._pages.clear()
        # loops and timers are cycles: collected by another test's I/O thread, Qt would complain
        gc.collect()
        assert self.errors == []

    def show(self, page: Page, width: int = 1200, height: int = 760) -> None:
        """Put the page on the screen."""
        self._pages.append(page)
        page.resize(width, height)
        page.show()
        page.shown.emit()


async def until(condition: Callable[[], object]) -> None:
    """Let everything go on until `condition` holds."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


def named(page: QWidget, name: str, kind: type[QWidget] = QWidget) -> Any:
    """Return the visible control with this accessible name: what a screen reader would find."""
    found = [
        widget
        for widget in page.findChildren(kind)
        if widget.accessibleName() == name and widget.isVisibleTo(page)
    ]
    assert found, f"no visible control is called {name!r}"
    return found[0]


def click(widget: QWidget) -> None:
    """Press the left mouse button on a control."""
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


@pytest.fixture
def harness(
    qapp: QApplication, playground_home: Path, monkeypatch: pytest.MonkeyPatch
) -> PageHarness:
    """A harness with settings and model caches of its own."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(playground_home / "hub"))
    monkeypatch.setenv("HF_HUB_CACHE", str(playground_home / "hub"))
    return PageHarness(qapp, playground_home)


def backups_of(harness: PageHarness) -> Backups:
    """Return backups of the harness's settings and of a history that nobody has opened."""
    database = Database(harness.home / "history.sqlite3")
    return Backups(database, ComparisonStore(database), harness.settings, harness.home / "cache")
