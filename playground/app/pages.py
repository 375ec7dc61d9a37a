"""Builds each page on its first visit, and leads from one to another."""

import asyncio
import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QObject

from playground.core.runs import Comparison, Turn
from playground.core.targets import LocalTarget, Target
from playground.ui.bridge import Bridge
from playground.ui.pages.compare.page import CompareView
from playground.ui.theme.theme import Theme
from playground.ui.window.main_window import MainWindow
from playground.ui.window.page import Page, Steps

if TYPE_CHECKING:
    from playground.app.services import Services
    from playground.ui.pages.compare.presenter import ComparePresenter
    from playground.ui.pages.models.presenter import ModelsPresenter
    from playground.ui.pages.settings.presenter import SettingsPage

_PAUSE_S = 0.2


class PageFactories:
    """The pages of the window; `services` builds them all where nobody has yet."""

    def __init__(
        self,
        window: MainWindow,
        theme: Theme,
        bridge: Bridge,
        services: "Callable[[], Services]",
    ) -> None:
        self._window = window
        self._theme = theme
        self._bridge = bridge
        self._services = services

    def add_all(self) -> None:
        """Give every page its place on the rail, in the rail's order."""
        tr, add = self._window.tr, self._window.add_page
        add("compare", tr("Compare"), "compare", self._make_compare)
        add("models", tr("Models"), "models", self._make_models)
        add("hub", tr("Get models"), "download", self._make_hub)
        add("downloads", tr("Downloads"), "downloads", self._make_downloads)
        add("providers", tr("Providers"), "providers", self._make_providers)
        add("history", tr("History"), "history", self._make_history)
        add("settings", tr("Settings"), "settings", self._make_settings, at_bottom=True)

    def _make_compare(self) -> Page:
        from playground.ui.pages.compare.page import CompareView

        self._compare = CompareView(self._theme)
        self._early = EarlyPress(self._compare)
        return self._compare

    async def import_page(self, key: str | None) -> None:
        """Import what answers on the first page, and all of another, on the loop this runs on."""
        for part in ("page", "presenter", "answer_settings"):
            await _import("compare", part)
        if key is not None:
            await _import(key, "presenter")

    async def import_all(self, keys: Sequence[str]) -> None:
        """Import every page in peace, so that none is when it is asked for."""
        for key in keys:
            await asyncio.sleep(_PAUSE_S)
            await _import(key, "presenter")

    def complete_compare(self) -> None:
        """Build what the first page needs from the moment it answers."""
        self._compare.complete()

    def attach_compare(self) -> None:
        """Let the services answer to the Compare page, which is shown before they are there."""
        from playground.services.memory_plan import free_memory
        from playground.ui.pages.compare.presenter import ComparePresenter
        from playground.ui.pages.compare.targets import TargetSelection

        services = self._services()
        ComparePresenter(
            self._compare,
            self._theme,
            self._bridge,
            service=services.comparison,
            history=services.history,
            selection=TargetSelection(
                self._bridge,
                services.library,
                services.providers,
                services.settings,
                free_memory,
            ),
            settings=services.settings,
            notify=self._window.toast,
        )
        self._early.hand_over()

    def _make_models(self) -> Steps:
        from playground.ui.pages.models.presenter import make_models_page

        services = self._services()
        return make_models_page(
            self._theme,
            self._bridge,
            services.library,
            services.settings,
            pool=services.pool,
            requirements=services.requirements,
            open_compare=self._compare_with,
            open_hub=self._show_hub,
            toast=self._window.toast,
            parent=self._window.place_of_pages,
        )

    def _make_hub(self) -> Steps:
        from playground.ui.pages.hub.presenter import make_hub_page

        services = self._services()
        return make_hub_page(
            self._theme,
            self._bridge,
            services.hub,
            services.downloads,
            services.requirements,
            library=services.library,
            settings=services.settings,
            open_downloads=self._show_downloads,
            open_compare=self.compare_with_file,
            open_settings=self._show_settings,
            toast=self._window.toast,
            parent=self._window.place_of_pages,
        )

    def _make_downloads(self) -> Page:
        from playground.ui.pages.downloads.presenter import make_downloads_page

        services = self._services()
        return make_downloads_page(
            self._theme,
            self._bridge,
            services.downloads,
            services.library,
            services.settings,
            open_compare=self.compare_with_file,
            open_hub=self._show_hub,
            toast=self._window.toast,
        )

    def _make_providers(self) -> Page:
        from playground.ui.pages.providers.presenter import make_providers_page

        services = self._services()
        return make_providers_page(
            self._theme,
            self._bridge,
            providers=services.providers,
            secrets=services.secrets,
            prices=services.prices,
            practice=services.practice,
            settings=services.settings,
            open_compare=self._compare_with,
            toast=self._window.toast,
        )

    def _make_history(self) -> Page:
        from playground.services.replay import Replayer
        from playground.ui.pages.history.presenter import make_history_page

        services = self._services()
        return make_history_page(
            self._theme,
            self._bridge,
            services.history,
            Replayer(services.history),
            self._open_comparison,
            self._run_again,
            self._replay,
            start_compare=self._start_compare,
            parent=self._window.place_of_pages,
        )

    def _make_settings(self) -> Steps:
        from playground.ui.pages.settings.presenter import make_settings_page

        services = self._services()
        return make_settings_page(
            self._theme,
            self._bridge,
            settings=services.settings,
            secrets=services.secrets,
            paths=services.paths,
            hub=services.hub,
            parent=self._window.place_of_pages,
        )

    def _presenter(self) -> "ComparePresenter":
        return cast("ComparePresenter", self._window.page("compare").presenter)

    def _start_compare(self) -> None:
        self._window.show_page("compare")

    def _show_hub(self) -> None:
        self._window.show_page("hub")

    def _show_downloads(self) -> None:
        self._window.show_page("downloads")

    def _show_settings(self) -> None:
        self._window.show_page("settings")
        cast("SettingsPage", self._window.page("settings")).hub.focus_token()

    def compare_with_file(self, path: Path) -> None:
        """Put a model file on the Compare page."""
        self._bridge.spawn(self._find_and_compare(path))

    async def _find_and_compare(self, path: Path) -> None:
        services = self._services()
        model = await self._bridge.submit(services.library.find(str(path)))
        settings = services.settings.settings
        self._compare_with(LocalTarget(model, settings.load_settings_of(model)))

    def _compare_with(self, target: Target) -> None:
        self._presenter().add_target(target)
        self._window.show_page("compare")

    def _open_comparison(self, comparison: Comparison) -> None:
        self._presenter().open_comparison(comparison)
        self._window.show_page("compare")

    def _run_again(self, comparison: Comparison) -> None:
        self._window.show_page("compare")
        self._presenter().run_again(comparison)

    def _replay(self, comparison: Comparison, turn: Turn) -> None:
        self._window.show_page("compare")
        from playground.services.replay import Replayer

        replayer = Replayer(self._services().history)
        self._presenter().replay(comparison, lambda: replayer.replay_turn(comparison.id, turn.id))

    def take_files(self, paths: tuple[Path, ...]) -> None:
        """List files and folders that were dropped on the window."""
        self._window.show_page("models")
        presenter = cast("ModelsPresenter", self._window.page("models").presenter)
        presenter.add_paths(paths)


async def _import(key: str, module: str) -> None:
    # in a thread: the loop this runs on stamps what answers say
    await asyncio.to_thread(importlib.import_module, f"playground.ui.pages.{key}.{module}")


class EarlyPress(QObject):
    """Lives from the page's first moment until its presenter is there; the last press counts."""

    def __init__(self, view: CompareView) -> None:
        super().__init__(view)
        self._view = view
        self._again: Callable[[], None] | None = None
        view.prompt_card.run_clicked.connect(self._on_run)
        view.empty.choose_button.clicked.connect(self._on_picker)
        view.empty.try_button.clicked.connect(self._on_try)

    def hand_over(self) -> None:
        """Stop listening and repeat the last press."""
        view = self._view
        view.prompt_card.run_clicked.disconnect(self._on_run)
        view.empty.choose_button.clicked.disconnect(self._on_picker)
        view.empty.try_button.clicked.disconnect(self._on_try)
        if self._again is not None:
            self._again()
        self.deleteLater()

    def _on_run(self) -> None:
        self._again = self._view.prompt_card.submit

    def _on_picker(self) -> None:
        self._again = self._view.empty.choose_button.click

    def _on_try(self) -> None:
        self._again = self._view.empty.try_button.click
