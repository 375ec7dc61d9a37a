"""Opens the window: Qt's loop here, the services on the bridge's thread.

The Compare page's widgets come first. The services, what answers to Compare, and the other pages
follow in this order once the window has painted: importing them takes as long as Qt itself.
"""

import asyncio
import contextlib
import gc
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from signal import SIG_DFL, SIGINT
from signal import signal as on_signal
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, SignalInstance
from PySide6.QtWidgets import QApplication, QWidget
from typing_extensions import override

# qasync takes the Qt that is imported already
import qasync  # isort: skip
from playground.core.redaction import Redactor
from playground.store.files import Paths, check_handles, default_paths
from playground.store.settings import SettingsStore
from playground.ui.bridge import Bridge
from playground.ui.pages.compare.page import CompareView
from playground.ui.theme.theme import Theme
from playground.ui.window.main_window import MainWindow

if TYPE_CHECKING:
    from playground.app.pages import Pages
    from playground.app.services import Services
    from playground.ui.pages.compare.presenter import ComparePresenter
    from playground.ui.pages.compare.targets import TargetSelection
    from playground.ui.pages.downloads.notifier import DownloadNotifier
    from playground.ui.window.instance import WindowInstance

LOST_SCREEN = 1
"""The exit code where the screen went away."""
_HANDLES = 24
"""Files and pipes that the window opens, with a model: without the first of them Qt aborts."""
_SWITCH_S = 0.001
"""How long another thread may go on in Python while this one wants to (Python's own: 5 ms)."""


def run_window(
    on_shown: Callable[[MainWindow], None] | None = None, *, models: Sequence[str] = ()
) -> int:
    """Show the window until it is closed; `on_shown` gets it once it can be used.

    `models` are files to choose for the next comparison, in place of those of the last one.

    Raises what kept the window from opening; nothing of the program runs on then.
    """
    paths = default_paths()
    paths.create()
    check_handles(_HANDLES)
    application = _make_application()
    # the program ends when everything has ended in order, not when the window has gone
    application.setQuitOnLastWindowClosed(False)
    sys.setswitchinterval(_SWITCH_S)
    files = tuple(Path(name).absolute() for name in models)
    code = _run_program(application, paths, on_shown, files)
    # window and services are in cycles: ended after QApplication is gone, Qt would crash
    gc.unfreeze()
    gc.collect()
    return code


def show_failure(sentence: str) -> None:
    """Show what kept the window from opening until it is read, where somebody can see it."""
    from PySide6.QtWidgets import QMessageBox

    with contextlib.suppress(OSError):
        check_handles(_HANDLES)
        application = _make_application()
        if application.platformName() in {"offscreen", "minimal"}:
            return
        # Ctrl-C in a terminal, which has the sentence already
        on_signal(SIGINT, SIG_DFL)
        name = application.applicationDisplayName()
        box = QMessageBox(QMessageBox.Icon.Warning, name, sentence)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.exec()


def _make_application() -> QApplication:
    """Return Qt's application, made unless it is there."""
    made = QApplication.instance()
    if isinstance(made, QApplication):
        return made
    # threads that paint take cores from what is measured, and abort where there is no handle
    os.environ.setdefault("QT_NO_GUI_THREADPOOL", "1")
    # setStyle() would build the platform's style first, and every class of styles in PySide
    application = QApplication([*sys.argv[:1], "-style", "fusion"])
    application.setApplicationName("inference-playground")
    application.setApplicationDisplayName("Inference Playground")
    application.setDesktopFileName("inference-playground")
    return application


def _run_program(
    application: QApplication,
    paths: Paths,
    on_shown: Callable[[MainWindow], None] | None,
    models: tuple[Path, ...] = (),
) -> int:
    with asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(application)) as runner:
        program = _Program(runner.get_loop(), models)
        try:
            program.build(application, paths)
            runner.run(program.live(on_shown))
        except BaseException as error:
            if program.has_ended:
                raise
            program.end_now()
            # Qt has left its loop by itself, as it does when the screen has gone: nobody can be
            # told any more, and what was written is saved
            if isinstance(error, RuntimeError) and program.is_shown:
                return LOST_SCREEN
            raise
    return 0


class _Program:
    """Shows the window, and builds everything behind it as soon as it can be typed into."""

    is_shown = False
    has_ended = False
    """True once everything has ended in order."""

    def __init__(self, loop: asyncio.AbstractEventLoop, models: tuple[Path, ...]) -> None:
        self._models = models
        self._services: Services | None = None
        self._start_task: asyncio.Task[None] | None = None
        self._notifier: DownloadNotifier | None = None
        self._pressed: Callable[[], object] | None = None
        self._instance: WindowInstance | None = None
        self._bridge = Bridge(self._report, qt_loop=loop)
        self._redactor = Redactor()
        self._failure: Exception | None = None

    def build(self, application: QApplication, paths: Paths) -> None:
        """Build the window and its first page."""
        self._paths = paths
        self._settings = SettingsStore(paths.settings_file)
        settings = self._settings.settings
        self._theme = Theme(
            application,
            mode=settings.theme.value,
            scale=settings.text_scale,
            presentation_scale=settings.stage_scale,
        )
        self._settings.on_unsaved = lambda error: self._bridge.post(self._report, error)
        self._window = MainWindow(
            self._theme,
            self._settings,
            self._bridge,
            self._shut_down,
            redactor=self._redactor,
        )
        self._add_pages()

    async def live(self, on_shown: Callable[[MainWindow], None] | None) -> None:
        """Show the window, and return when everything behind it has ended.

        Raises what kept the services from starting, after everything has ended.
        """
        closed = asyncio.Event()
        self._window.closed.connect(closed.set)
        sys.excepthook = lambda _kind, error, _trace: self._report(error)
        await self._show()
        self.is_shown = True
        if on_shown is not None:
            on_shown(self._window)
        try:
            await closed.wait()
        except asyncio.CancelledError:
            # Ctrl-C in the terminal the window was started from
            self._window.close()
            await closed.wait()
        self.has_ended = True
        sys.excepthook = sys.__excepthook__
        if self._failure is not None:
            raise self._failure

    def end_now(self) -> None:
        """End the services and the I/O thread where Qt's loop does not run."""
        if self._services is not None:
            self._bridge.call_and_wait(self._services.close())
        self._bridge.close_now()

    def _report(self, error: BaseException) -> None:
        self._window.report(error)

    def _add_pages(self) -> None:
        """Give every page its place on the rail, in the rail's order; only Compare is built."""
        tr, add = self._window.tr, self._window.add_page
        self._view = CompareView(self._theme)
        add("compare", tr("Compare"), "compare", lambda: self._view)
        add("tests", tr("Tests"), "tests")
        add("advice", tr("Local or cloud?"), "fork")
        add("models", tr("Models"), "models")
        add("hub", tr("Get models"), "download")
        add("downloads", tr("Downloads"), "downloads")
        add("providers", tr("Providers"), "providers")
        add("history", tr("History"), "history")
        add("settings", tr("Settings"), "settings", at_bottom=True)
        # led to by the strip of meters, not by the rail
        self._window.pages.add("meters", tr("Live use"))
        self._window.status_bar.opened.connect(partial(self._window.show_page, "meters"))
        for signal, keep in self._early_presses():
            signal.connect(keep)

    def _early_presses(self) -> tuple[tuple[SignalInstance, Callable[[], None]], ...]:
        """Return what keeps each press until the presenter is there: the last one counts."""
        return (
            (self._view.prompt_card.run_clicked, self._keep_run),
            (self._view.empty.choose_button.clicked, self._keep_choose),
            (self._view.empty.try_button.clicked, self._keep_try),
        )

    def _keep_run(self) -> None:
        self._pressed = self._view.prompt_card.submit

    def _keep_choose(self) -> None:
        self._pressed = self._view.empty.choose_button.click

    def _keep_try(self) -> None:
        self._pressed = self._view.empty.try_button.click

    async def _show(self) -> None:
        """Show the window; the page it was left on waits for the services if it is another."""
        remembered = self._settings.settings.window.page
        self._window.open_remembered("compare")
        await painted(self._window)
        self._start_task = self._bridge.spawn(self._start_or_end())
        if remembered != "compare":
            self._window.show_page(remembered)
            await asyncio.wait([self._start_task])

    async def _start_or_end(self) -> None:
        """Start what is behind the window; a window with nothing behind it is closed."""
        try:
            await self._start()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told after the end
            if not self._window.is_closing():
                self._failure = error
                self._window.close()

    async def _start(self) -> None:
        self._services = services = await self._bridge.submit(
            _build(self._paths, self._settings, self._redactor)
        )
        if self._window.is_closing():
            return
        self._bridge.submit(services.library.update())
        presenter, selection = await self._bridge.submit(asyncio.to_thread(_import_compare))
        if self._window.is_closing():
            return
        compare = self._answer_compare(services, presenter, selection)
        # while the pages are imported; they read the history as soon as they are shown
        opening = self._bridge.submit(services.open())
        all_pages = await self._bridge.submit(asyncio.to_thread(_import_pages))
        problems = await opening
        if self._window.is_closing():
            return
        # what was imported stays: looking through it at every full collection stalls the window
        gc.freeze()
        pages = all_pages(self._window, self._theme, self._bridge, services, compare)
        self._window.add_factories(pages.factories)
        self._window.files_dropped.connect(pages.add_files)
        self._window.recordings_dropped.connect(pages.add_recordings)
        self._view.header.share_button.clicked.connect(pages.share_comparison)
        self._view.summary.advice_wanted.connect(pages.show_advice)
        if self._models:
            pages.compare_files(self._models)
        self._view.provider_asked.connect(pages.show_provider)
        self._window.status_bar.follow(
            self._bridge, services.telemetry.samples, services.traffic.sent
        )
        await self._begin_downloads(services, pages)
        if services.downloads.problem is not None:
            problems.append(services.downloads.problem)
        self._tell_problems(problems)

    def _tell_problems(self, problems: list[str]) -> None:
        """Tell what was wrong with the files, and of another window that uses them.

        What a command found to be wrong and set aside is told as well, once.
        """
        from playground.ui.window.instance import WindowInstance

        tr = self._window.tr
        untold = self._settings.settings.untold_problems
        texts = list(dict.fromkeys([*untold, *problems]))
        if untold:
            self._bridge.write(self._settings.update, untold_problems=())
        self._instance = WindowInstance(self._paths.data_dir, self._window)
        self._instance.show_wanted.connect(self._window.come_to_front)
        action = None
        if not self._instance.is_first():
            action = tr("Show the other window")
            texts.append(
                tr(
                    "The playground is open in another window already, which does the downloads. "
                    "Both use the same history and settings, and both keep models in memory."
                )
            )
        if texts:
            self._window.toast(
                "\n".join(texts),
                tone="caution",
                action=action,
                on_action=self._show_other,
                stay_ms=0,
            )

    def _show_other(self) -> None:
        """Leave the work to the window that was there first."""
        if self._instance is not None and self._instance.show_other():
            self._window.close()
            return
        tr = self._window.tr
        self._window.toast(tr("The other window does not answer. It may be on another computer."))

    def _answer_compare(
        self,
        services: "Services",
        presenter_class: "type[ComparePresenter]",
        selection_class: "type[TargetSelection]",
    ) -> "ComparePresenter":
        """Give the Compare page its presenter, and that the last press."""
        from playground.services.machine.memory import main_memory
        from playground.ui.answers.judging import Judging

        selection = selection_class(
            self._bridge,
            services.library,
            services.providers,
            services.settings,
            lambda: main_memory().available_bytes,
        )
        presenter = presenter_class(
            self._view,
            self._theme,
            self._bridge,
            service=services.comparison,
            history=services.history,
            judging=Judging(self._bridge, services.history),
            selection=selection,
            settings=services.settings,
            notify=self._window.page_toast,
        )
        for signal, keep in self._early_presses():
            signal.disconnect(keep)
        if self._pressed is not None:
            self._pressed()
        return presenter

    async def _begin_downloads(self, services: "Services", pages: "Pages") -> None:
        """Go on with what was being fetched, and tell of it on every page."""
        from playground.ui.pages.downloads.notifier import DownloadNotifier

        await self._bridge.submit(services.downloads.open())
        self._notifier = DownloadNotifier(
            self._window,
            self._bridge,
            services.downloads,
            open_compare=pages.compare_with_file,
        )
        self._notifier.start()

    async def _shut_down(self) -> None:
        if self._start_task is not None:
            # whatever failed at the start has been told; what was built still has to end
            await asyncio.wait([self._start_task])
        if self._notifier is not None:
            self._notifier.stop()
        if self._services is not None:
            await self._bridge.submit(self._services.close())
        if self._instance is not None:
            self._instance.close()
        await self._bridge.close()


async def _build(paths: Paths, settings: SettingsStore, redactor: Redactor) -> "Services":
    """Import and build the services on the I/O loop, so that the window answers meanwhile."""
    from playground.app.services import Services

    return Services(paths, settings, redactor)


def _import_compare() -> "tuple[type[ComparePresenter], type[TargetSelection]]":
    from playground.ui.pages.compare.presenter import ComparePresenter
    from playground.ui.pages.compare.targets import TargetSelection

    return ComparePresenter, TargetSelection


def _import_pages() -> "type[Pages]":
    from playground.app.pages import Pages

    return Pages


class _FirstPaint(QObject):
    """Settles a future once its parent has been painted."""

    def __init__(self, widget: QWidget, future: "asyncio.Future[None]") -> None:
        super().__init__(widget)
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
    _FirstPaint(widget, future)
    await future
