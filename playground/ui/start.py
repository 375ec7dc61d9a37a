"""Opens the window: Qt's loop here, the services on the bridge's thread."""

import asyncio
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from PySide6.QtWidgets import QApplication

# qasync takes the Qt that is imported already
import qasync  # isort: skip

from playground.core.runs import Comparison, Turn
from playground.core.targets import LoadSettings, LocalTarget, Target
from playground.store.paths import Paths, default_paths
from playground.store.settings import SettingsStore
from playground.ui.bridge import Bridge
from playground.ui.main_window import MainWindow
from playground.ui.page import Page
from playground.ui.painted import painted
from playground.ui.theme import Theme

if TYPE_CHECKING:
    from playground.app import Services
    from playground.ui.pages.compare.presenter import ComparePresenter
    from playground.ui.pages.models import ModelsPresenter


def run_window(on_shown: Callable[[MainWindow], None] | None = None) -> int:
    """Show the window until it is closed; `on_shown` gets it once it can be used."""
    # setStyle() would build the platform's style first, and every class of styles in PySide
    application = QApplication([*sys.argv[:1], "-style", "fusion"])
    application.setApplicationName("inference-playground")
    application.setApplicationDisplayName("Inference Playground")
    application.setDesktopFileName("inference-playground")
    # the program ends when everything has ended in order, not when the window has gone
    application.setQuitOnLastWindowClosed(False)
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
        self.window.files_dropped.connect(self._on_files_dropped)
        self._add_pages()

    async def show(self) -> None:
        """Show the window; the page it was left on waits for the services if it is another."""
        remembered = self._settings.settings.window.page
        self.window.open_remembered("compare")
        await painted(self.window)
        self._ready = self._bridge.spawn(self._start())
        if remembered != "compare":
            await asyncio.wait([self._ready])
            self.window.show_page(remembered)

    def end_without_screen(self) -> None:
        """End the services and the I/O thread where Qt's loop is gone."""
        self._bridge.call_and_wait(self._built.get().close())
        self._bridge.close_now()

    def on_exception(self, _kind: type[BaseException], error: BaseException, _: object) -> None:
        """Report what no one caught on Qt's thread."""
        self._report(error)

    async def _start(self) -> "Services":
        services = await self._bridge.submit(self._built.get_there())
        self._attach_compare(services)
        self.window.strip.follow(self._bridge, services.telemetry)
        problem = await self._bridge.submit(services.open())
        await self._begin_downloads(services)
        for text in (self._settings.problem, problem, services.downloads.problem):
            if text is not None:
                self.window.toast(text, tone="caution", stay_ms=0)
        return services

    async def _begin_downloads(self, services: "Services") -> None:
        """Go on with what was being fetched, and tell of it on every page."""
        from playground.ui.pages.downloads import Announcer

        await self._bridge.submit(services.downloads.open())
        announcer = Announcer(
            self.window, self._bridge, services.downloads, open_compare=self._compare_with_file
        )
        announcer.start()

    async def _shut_down(self) -> None:
        if self._ready is not None:
            # whatever failed at the start has been told; what was built still has to end
            await asyncio.wait([self._ready])
            await self._bridge.submit(self._built.get().close())
        await self._bridge.close()

    def _report(self, error: BaseException) -> None:
        self.window.report(error)

    def _add_pages(self) -> None:
        tr, add = self.window.tr, self.window.add_page
        add("compare", tr("Compare"), "compare", self._make_compare)
        add("models", tr("Models"), "models", self._make_models)
        add("hub", tr("Get models"), "download", self._make_hub)
        add("downloads", tr("Downloads"), "downloads", self._make_downloads)
        add("providers", tr("Providers"), "providers", self._make_providers)
        add("history", tr("History"), "history", self._make_history)
        add("settings", tr("Settings"), "settings", self._make_settings, at_bottom=True)

    def _make_compare(self) -> Page:
        from playground.ui.pages.compare.early import EarlyPress
        from playground.ui.pages.compare.view import CompareView

        self._compare = CompareView(self._theme)
        self._early = EarlyPress(self._compare)
        return self._compare

    def _attach_compare(self, services: "Services") -> None:
        from playground.services.fitting import free_memory
        from playground.ui.pages.compare.page import attach_compare

        attach_compare(
            self._compare,
            self._theme,
            self._bridge,
            service=services.comparison,
            library=services.library,
            providers=services.providers,
            settings=services.settings,
            free_bytes=free_memory,
            notify=self.window.toast,
        )
        self._early.hand_over()

    def _make_models(self) -> Page:
        from playground.ui.pages.models import make_models_page

        services = self._built.get()
        return make_models_page(
            self._theme,
            self._bridge,
            services.library,
            services.settings,
            pool=services.pool,
            requirements=services.requirements,
            open_compare=self._compare_with,
            open_hub=self._show_hub,
            toast=self.window.toast,
        )

    def _make_hub(self) -> Page:
        from playground.ui.pages.hub import make_hub_page

        services = self._built.get()
        return make_hub_page(
            self._theme,
            self._bridge,
            services.hub,
            services.downloads,
            services.requirements,
            library=services.library,
            settings=services.settings,
            open_downloads=self._show_downloads,
            open_compare=self._compare_with_file,
            open_settings=self._show_settings,
            toast=self.window.toast,
        )

    def _make_downloads(self) -> Page:
        from playground.ui.pages.downloads import make_downloads_page

        services = self._built.get()
        return make_downloads_page(
            self._theme,
            self._bridge,
            services.downloads,
            services.library,
            services.settings,
            open_compare=self._compare_with_file,
            open_hub=self._show_hub,
            toast=self.window.toast,
        )

    def _make_providers(self) -> Page:
        from playground.ui.pages.providers import make_providers_page

        services = self._built.get()
        return make_providers_page(
            self._theme,
            self._bridge,
            providers=services.providers,
            secrets=services.secrets,
            prices=services.prices,
            practice=services.practice,
            settings=services.settings,
            open_compare=self._compare_with,
            toast=self.window.toast,
        )

    def _make_history(self) -> Page:
        from playground.services.replay import Replayer
        from playground.ui.pages.history import make_history_page

        services = self._built.get()
        return make_history_page(
            self._theme,
            self._bridge,
            services.history,
            Replayer(services.history),
            self._open_comparison,
            self._run_again,
            self._replay,
            start_compare=self._start_compare,
        )

    def _make_settings(self) -> Page:
        from playground.ui.pages.settings import make_settings_page

        services = self._built.get()
        return make_settings_page(
            self._theme,
            self._bridge,
            settings=services.settings,
            secrets=services.secrets,
            paths=services.paths,
            hub=services.hub,
        )

    def _presenter(self) -> "ComparePresenter":
        return cast("ComparePresenter", self.window.page("compare").presenter)

    def _start_compare(self) -> None:
        self.window.show_page("compare")

    def _show_hub(self) -> None:
        self.window.show_page("hub")

    def _show_downloads(self) -> None:
        self.window.show_page("downloads")

    def _show_settings(self) -> None:
        self.window.show_page("settings")

    def _compare_with_file(self, path: Path) -> None:
        self._bridge.spawn(self._find_and_compare(path))

    async def _find_and_compare(self, path: Path) -> None:
        services = self._built.get()
        model = await self._bridge.submit(services.library.find(str(path)))
        settings = services.settings.settings.load_settings.get(str(model.path), LoadSettings())
        self._compare_with(LocalTarget(model, settings))

    def _compare_with(self, target: Target) -> None:
        self._presenter().add_target(target)
        self.window.show_page("compare")

    def _open_comparison(self, comparison: Comparison) -> None:
        self._presenter().open_comparison(comparison)
        self.window.show_page("compare")

    def _run_again(self, comparison: Comparison) -> None:
        self.window.show_page("compare")
        self._presenter().run_again(comparison)

    def _replay(self, comparison: Comparison, turn: Turn) -> None:
        self.window.show_page("compare")
        from playground.services.replay import Replayer

        replayer = Replayer(self._built.get().history)
        self._presenter().replay(comparison, lambda: replayer.replay_turn(comparison.id, turn.id))

    def _on_files_dropped(self, paths: tuple[Path, ...]) -> None:
        self.window.show_page("models")
        presenter = cast("ModelsPresenter", self.window.page("models").presenter)
        presenter.add_paths(paths)


class _Built:
    """Builds the services once, whoever asks first: the I/O thread, or a page opened before."""

    def __init__(self, paths: Paths, settings: SettingsStore) -> None:
        self._paths = paths
        self._settings = settings
        self._lock = threading.Lock()
        self._services: Services | None = None

    def get(self) -> "Services":
        """Return the services."""
        from playground.app import build

        with self._lock:
            if self._services is None:
                self._services = build(self._paths, self._settings)
            return self._services

    async def get_there(self) -> "Services":
        """Build them on the loop this is awaited on, so that the window answers meanwhile."""
        return self.get()
