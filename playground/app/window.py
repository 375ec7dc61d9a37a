"""Opens the window: Qt's loop here, the services on the bridge's thread."""

import asyncio
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication, QWidget
from typing_extensions import override

# qasync takes the Qt that is imported already
import qasync  # isort: skip
from playground.app.pages import PageFactories
from playground.store.files import Paths, default_paths
from playground.store.settings import SettingsStore
from playground.ui.bridge import Bridge
from playground.ui.theme.theme import Theme
from playground.ui.window.main_window import MainWindow

if TYPE_CHECKING:
    from playground.app.services import Services
    from playground.ui.pages.downloads.presenter import DownloadNotifier


class _Watch(QObject):
    """Settles a future once its parent has been painted."""

    def __init__(self, widget: QWidget, future: "asyncio.Future[None]") -> None:
        super().__init__(widget)
        self._widget = widget
        self._future = future
        widget.installEventFilter(self)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # look for the first paint event; everything else goes on as it is
        if event.type() == QEvent.Type.Paint:
            watched.removeEventFilter(self)
            QTimer.singleShot(0, self._settle)
        return False

    def _settle(self) -> None:
        if not self._future.done():
            self._future.set_result(None)
        self.deleteLater()


async def painted(widget: QWidget) -> None:
    """Return when `widget` has painted itself for the first time from now on."""
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    _Watch(widget, future)
    await future


_SWITCH_S = 0.001
"""How long another thread may go on in Python while this one wants to (Python's own: 5 ms)."""
_WAIT_S = 0.02
_MOST_WAITS = 100
_LONGEST_LOOK_S = 20.0


def run_window(on_shown: Callable[[MainWindow], None] | None = None) -> int:
    """Show the window until it is closed; `on_shown` gets it once it can be used."""
    # setStyle() would build the platform's style first, and every class of styles in PySide
    application = QApplication([*sys.argv[:1], "-style", "fusion"])
    application.setApplicationName("inference-playground")
    application.setApplicationDisplayName("Inference Playground")
    application.setDesktopFileName("inference-playground")
    # the program ends when everything has ended in order, not when the window has gone
    application.setQuitOnLastWindowClosed(False)
    sys.setswitchinterval(_SWITCH_S)
    opening: list[_Opening] = []
    with asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(application)) as runner:
        try:
            runner.run(_live(application, opening, on_shown))
        except RuntimeError:
            # Qt has left its loop by itself, as it does when the screen has gone: nobody can be
            # told any more, and what was written is saved
            if not opening or opening[0].has_ended:
                raise
            opening[0].end_without_screen()
            return LOST_SCREEN
    return 0


async def _live(
    application: QApplication,
    opening: list["_Opening"],
    on_shown: Callable[[MainWindow], None] | None,
) -> None:
    closed = asyncio.Event()
    living = _Opening(application, closed)
    opening.append(living)
    sys.excepthook = living.on_exception
    await living.show()
    if on_shown is not None:
        on_shown(living.window)
    try:
        await closed.wait()
    except asyncio.CancelledError:
        # Ctrl-C in the terminal the window was started from
        living.window.close()
        await closed.wait()
    living.has_ended = True
    sys.excepthook = sys.__excepthook__


LOST_SCREEN = 1
"""The exit code where the screen went away."""


class _Opening:
    """Shows the window, and builds the services behind it as soon as it can be typed into.

    The Compare page's widgets are the whole page; only what answers to them comes a moment later,
    because importing every service takes as long as Qt itself.
    """

    has_ended = False
    """True once everything has ended in order."""

    def __init__(self, application: QApplication, closed: asyncio.Event) -> None:
        self._paths = default_paths()
        self._paths.create()
        self._settings = SettingsStore(self._paths.settings_file)
        self._built = _Built(self._paths, self._settings)
        self._ready: asyncio.Task[Services] | None = None
        self._announcer: DownloadNotifier | None = None
        settings = self._settings.settings
        self._theme = Theme(
            application,
            mode=settings.theme.value,
            scale=settings.text_scale,
            stage_scale=settings.stage_scale,
        )
        self._bridge = Bridge(self._report)
        self.window = MainWindow(self._theme, self._settings, self._bridge, self._shut_down)
        self.window.closed.connect(closed.set)
        self._pages = PageFactories(self.window, self._theme, self._bridge, self._built.get)
        self._pages.add_all()
        self.window.files_dropped.connect(self._pages.take_files)

    async def show(self) -> None:
        """Show the window; the page it was left on waits for the services if it is another."""
        remembered = self._settings.settings.window.page
        self.window.open_remembered("compare")
        await painted(self.window)
        # a page that is asked for meanwhile must not import them all on Qt's thread
        self.window.hold_pages()
        self._ready = self._bridge.spawn(self._start())
        if remembered != "compare":
            self.window.show_page(remembered)
            await asyncio.wait([self._ready])

    def end_without_screen(self) -> None:
        """End the services and the I/O thread where Qt's loop is gone."""
        services = self._built.get()
        self._bridge.call_and_wait(services.close())
        self._bridge.close_now()

    def on_exception(self, _kind: type[BaseException], error: BaseException, _: object) -> None:
        """Report what no one caught on Qt's thread."""
        self._report(error)

    async def _start(self) -> "Services":
        try:
            services = await self._bridge.submit(self._built.get_there())
            if self.window.is_closing():
                return services
            looking = self._bridge.submit(services.library.update())
            await self._bridge.submit(self._pages.import_page(self.window.wanted_page))
            if self.window.is_closing():
                return services
            # in pieces, so that the window answers between them
            self._pages.complete_compare()
            await asyncio.sleep(0)
            self._pages.attach_compare()
            await asyncio.sleep(0)
            self._bridge.settle()
        finally:
            self.window.release_pages()
        self._bridge.spawn(self._import_pages(looking))
        problem = await self._bridge.submit(services.open())
        await self._wait_for_page()
        if self.window.is_closing():
            return services
        self.window.strip.follow(self._bridge, services.telemetry)
        await self._begin_downloads(services)
        for text in (self._settings.problem, problem, services.downloads.problem):
            if text is not None:
                self.window.toast(text, tone="caution", stay_ms=0)
        return services

    async def _wait_for_page(self) -> None:
        """Wait until the page that is asked for is built: what nobody waits for comes after it."""
        for _ in range(_MOST_WAITS):
            if self.window.wanted_page is None or self.window.is_closing():
                return
            await asyncio.sleep(_WAIT_S)

    async def _import_pages(self, looking: "asyncio.Future[None]") -> None:
        # one after the other: the models are listed first
        await asyncio.wait([looking], timeout=_LONGEST_LOOK_S)
        await self._bridge.submit(self._pages.import_all(self.window.page_keys))

    async def _begin_downloads(self, services: "Services") -> None:
        """Go on with what was being fetched, and tell of it on every page."""
        from playground.ui.pages.downloads.presenter import DownloadNotifier

        await self._bridge.submit(services.downloads.open())
        self._announcer = DownloadNotifier(
            self.window,
            self._bridge,
            services.downloads,
            open_compare=self._pages.compare_with_file,
        )
        self._announcer.start()

    async def _shut_down(self) -> None:
        if self._ready is not None:
            # whatever failed at the start has been told; what was built still has to end
            await asyncio.wait([self._ready])
            if self._announcer is not None:
                self._announcer.stop()
            await self._bridge.submit(self._built.get().close())
        await self._bridge.close()

    def _report(self, error: BaseException) -> None:
        self.window.report(error)


class _Built:
    """Builds the services once, whoever asks first: the I/O thread, or a page opened before."""

    def __init__(self, paths: Paths, settings: SettingsStore) -> None:
        self._paths = paths
        self._settings = settings
        self._lock = threading.Lock()
        self._services: Services | None = None

    def get(self) -> "Services":
        """Return the services."""
        from playground.app.services import build

        with self._lock:
            if self._services is None:
                self._services = build(self._paths, self._settings)
            return self._services

    async def get_there(self) -> "Services":
        """Build them on the loop this is awaited on, so that the window answers meanwhile."""
        return self.get()
