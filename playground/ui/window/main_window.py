"""The window: the navigation rail, the page in front, and the status bar below."""

import base64
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QByteArray, QMimeData, QPoint, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QAction,
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QKeySequence,
)
from PySide6.QtWidgets import QApplication, QMainWindow, QWidget
from typing_extensions import override

from playground.core.errors import PlaygroundError, explained
from playground.core.redaction import Redactor
from playground.store.settings import SettingsStore
from playground.ui.bridge import Bridge
from playground.ui.theme.theme import Theme
from playground.ui.widgets.layouts import NO_MARGINS, make_column, make_row
from playground.ui.widgets.toast import STAY_MS, Notify, Toast
from playground.ui.window.navigation_rail import NavigationRail
from playground.ui.window.page import Factory, Page, PageStack
from playground.ui.window.status_bar import StatusBar

log = logging.getLogger(__name__)

_DEFAULT_SIZE = QSize(1280, 800)
_PRESENTATION_ROOM = 545
"""Height, in pixels, that answers with their figures and the summary take at plain size."""
_SETTLE_MS = 50
"""A message finds its place anew once what is below it has come to rest."""
_FRAME = QSize(8, 40)
"""Room for what the desktop draws around a window."""


class MainWindow(QMainWindow):
    """Shows one page at a time; each is built on its first visit."""

    files_dropped = Signal(object)
    """A tuple of paths: .gguf files and folders a person has dropped on the window."""
    recordings_dropped = Signal(object)
    """A tuple of paths: recordings a person has dropped on the window."""
    closed = Signal()
    """Everything has ended; the program may leave its loop."""

    def __init__(
        self,
        theme: Theme,
        settings: SettingsStore,
        bridge: Bridge,
        shutdown: Callable[[], Awaitable[None]] | None = None,
        *,
        redactor: Redactor | None = None,
    ) -> None:
        """`redactor` keeps the keys of the program out of the report of a bug."""
        super().__init__()
        self._redactor = redactor or Redactor()
        self._theme = theme
        self._settings = settings
        self._bridge = bridge
        self._shutdown = shutdown
        self._is_closing = False
        self._was_maximized = False
        self._build()
        self._connect()

    def is_closing(self) -> bool:
        """Return whether the window was closed; what is open behind it is being ended."""
        return self._is_closing

    def add_page(
        self,
        key: str,
        title: str,
        icon: str,
        factory: Factory | None = None,
        *,
        at_bottom: bool = False,
    ) -> None:
        """Give a page its place on the rail and the next Ctrl+number.

        `factory` runs on the first visit; a page without one is shown after `add_factories`.
        """
        self.pages.add(key, title, factory)
        number = len(self.pages.keys)
        self.rail.add(key, title, icon, number, at_bottom=at_bottom)
        action = QAction(title, self)
        action.setShortcut(QKeySequence(f"Ctrl+{number}"))
        action.setData(key)
        action.triggered.connect(self._on_page_action)
        self.addAction(action)

    def show_page(self, key: str) -> None:
        """Bring a page to the front, as soon as it has a factory; an unknown key the first one."""
        try:
            self.pages.show_page(key)
        finally:
            lit = self.pages.wanted or self.pages.current
            if lit is not None:
                self.rail.select(lit)

    def add_factories(self, factories: Mapping[str, Factory]) -> None:
        """Say how the pages are built that had to wait; one that was asked for is shown now."""
        if self._is_closing:
            # it would begin what nobody ends
            return
        self.pages.add_factories(factories)
        if self.pages.wanted is not None:
            self.show_page(self.pages.wanted)

    def open_remembered(self, page: str | None = None) -> None:
        """Show the window as it was left, or with another `page` in front."""
        state = self._settings.settings.window
        if not self._restore_geometry(state.geometry):
            room = QGuiApplication.primaryScreen().availableSize()
            self.resize(_DEFAULT_SIZE.boundedTo(room - _FRAME))
        self.show_page(page or state.page)
        self.show()

    def come_to_front(self) -> None:
        """Show the window before others, as another that was opened after it asks for."""
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    def report(self, failure: BaseException) -> None:
        """Tell what failed: the environment in a toast, a bug in the one dialog for bugs."""
        error = explained(failure)
        if isinstance(error, PlaygroundError):
            self.toast(f"{error.message} {error.hint}".strip(), tone="bad", stay_ms=0)
            return
        from playground.ui.window.bug_report import show_bug  # noqa: PLC0415 - not on the way to the first prompt

        show_bug(self, error, self._redactor)

    def page_toast(
        self,
        text: str,
        *,
        tone: str = "true",
        action: str | None = None,
        on_action: Callable[[], object] | None = None,
        stay_ms: int = STAY_MS,
    ) -> None:
        """Show a message of the page in front, which goes with it; see `Toast.show_message`."""
        self.toast(text, tone=tone, action=action, on_action=on_action, stay_ms=stay_ms)
        self._toast.is_of_page = True

    def announce(
        self,
        text: str,
        *,
        tone: str = "true",
        action: str | None = None,
        on_action: Callable[[], object] | None = None,
        stay_ms: int = STAY_MS,
    ) -> None:
        """Tell the end of what takes long; behind other windows the desktop is asked to show it."""
        self.toast(text, tone=tone, action=action, on_action=on_action, stay_ms=stay_ms)
        QApplication.alert(self)

    def set_presentation_mode(self, *, on: bool) -> None:
        """Large type for a room, rail and technical words away; or back again."""
        if on == self._theme.in_presentation_mode:
            return
        if on:
            self._was_maximized = self.isMaximized()
        self.rail.setVisible(not on)
        self._theme.set_appearance(
            presentation_mode=on, presentation_scale=self._presentation_scale()
        )
        self.pages.set_presentation_mode(on=on)
        self.status_bar.setVisible(not on)
        if on:
            self.showFullScreen()
        elif self._was_maximized:
            self.showMaximized()
        else:
            self.showNormal()

    def _restore_geometry(self, geometry: str | None) -> bool:
        """Return whether the window could be put where it was."""
        try:
            return self.restoreGeometry(QByteArray(base64.b64decode(geometry or "")))
        except ValueError:
            # somebody has edited the settings
            return False

    def _presentation_scale(self) -> float:
        # answers and figures have to fit on this screen as well, whatever a person likes to read
        room = self.screen().size().height() / _PRESENTATION_ROOM
        wanted = self._settings.settings
        return min(max(wanted.stage_scale, wanted.text_scale), max(1.0, room))

    def _build(self) -> None:
        self.setWindowTitle(self.tr("Inference Playground"))
        self.setAcceptDrops(True)
        self.setMinimumSize(720, 480)
        self.rail = NavigationRail(self._theme)
        self.pages = PageStack(self._leave_stage)
        self._toast = Toast(self._theme, self, self._toast_bottom, self._toast_room)
        self.toast: Notify = self._toast.show_message
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self.status_bar = StatusBar(self._theme)
        row = make_row(self.rail, (self.pages, 1), spacing=0)
        center = QWidget()
        make_column((row, 1), self.status_bar, parent=center, margins=NO_MARGINS, spacing=0)
        self.setCentralWidget(center)

    def _toast_bottom(self) -> int:
        page = self.pages.currentWidget()
        if not isinstance(page, Page):
            return self.status_bar.mapTo(self, QPoint(0, 0)).y()
        return page.mapTo(self, QPoint(0, page.foot_top)).y()

    def _toast_room(self) -> QRect | None:
        page = self.pages.currentWidget()
        if not isinstance(page, Page) or page.message_room is None:
            return None
        return page.message_room.translated(page.mapTo(self, QPoint(0, 0)))

    def _on_page_changed(self) -> None:
        if self._toast.is_of_page:
            self._toast.hide()
        # once the page is laid out
        QTimer.singleShot(0, self._toast.place)

    def _connect(self) -> None:
        self.rail.chosen.connect(self.show_page)
        self.rail.stage_wanted.connect(self._toggle_presentation_mode)
        self.pages.currentChanged.connect(self._on_page_changed)
        self.pages.foot_moved.connect(self._settle.start)
        self._settle.timeout.connect(self._toast.place)
        for keys, slot in (
            ("F11", self._toggle_presentation_mode),
            ("Esc", self._on_escape),
            ("Ctrl+L", self._focus_prompt),
            ("Ctrl+Q", self.close),
        ):
            action = QAction(self)
            action.setShortcut(QKeySequence(keys))
            action.triggered.connect(slot)
            self.addAction(action)

    def _on_page_action(self) -> None:
        action = self.sender()
        if isinstance(action, QAction) and not self._theme.in_presentation_mode:
            self.show_page(action.data())

    def _focus_prompt(self) -> None:
        first = self.pages.keys[0]
        self.show_page(first)
        self.pages.page(first).focus_first()

    def _toggle_presentation_mode(self) -> None:
        self.set_presentation_mode(on=not self._theme.in_presentation_mode)

    def _on_escape(self) -> None:
        front = self.pages.current
        if front is not None and self.pages.page(front).handle_escape():
            return
        self._leave_stage()

    def _leave_stage(self) -> None:
        self.set_presentation_mode(on=False)

    def _remember(self) -> None:
        geometry = base64.b64encode(self.saveGeometry().data()).decode()
        page = self.pages.wanted or self.pages.current or "compare"
        window = replace(self._settings.settings.window, geometry=geometry, page=page)
        self._bridge.write(self._settings.update, window=window)

    async def _close_in_order(self) -> None:
        """End every part of the program; one that fails keeps no other from ending."""
        for page in self.pages.built:
            page.closing.emit()
        self.status_bar.stop()
        try:
            if self._shutdown is not None:
                await self._shutdown()
        except Exception:
            log.exception("closing failed")
            # its thread would keep a program alive that nobody sees any more
            await self._bridge.close()
        finally:
            self.closed.emit()

    @override
    def closeEvent(self, event: QCloseEvent) -> None:
        # hide at once, and end everything in order before the program leaves
        event.ignore()
        if self._is_closing:
            return
        self._is_closing = True
        self.set_presentation_mode(on=False)
        self._remember()
        self.hide()
        self._bridge.spawn(self._close_in_order())

    @override
    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dropped_models(event.mimeData()) or dropped_recordings(event.mimeData()):
            event.acceptProposedAction()

    @override
    def dropEvent(self, event: QDropEvent) -> None:
        for paths, told in (
            (dropped_models(event.mimeData()), self.files_dropped),
            (dropped_recordings(event.mimeData()), self.recordings_dropped),
        ):
            if paths:
                event.setDropAction(Qt.DropAction.CopyAction)
                event.accept()
                told.emit(paths)


def dropped_models(data: QMimeData) -> tuple[Path, ...]:
    """Return the model files and folders among what is dragged."""
    paths = _dragged(data)
    return tuple(path for path in paths if path.suffix.lower() == ".gguf" or path.is_dir())


def dropped_recordings(data: QMimeData) -> tuple[Path, ...]:
    """Return the recordings among what is dragged, by the ending of their names."""
    paths = _dragged(data)
    return tuple(path for path in paths if path.suffix.lower() == ".jsonl" and not path.is_dir())


def _dragged(data: QMimeData) -> list[Path]:
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
