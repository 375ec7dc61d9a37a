"""Builds each page with its presenter on its first visit, and leads from one to another.

Importing this module imports every page, which takes as long as Qt itself: it is done in a thread,
behind the first page (`app/window.py`).
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

from playground.app.services import Services
from playground.core.errors import PlaygroundError
from playground.core.evaluations import Evaluation
from playground.core.runs import Comparison, Turn
from playground.core.targets import LocalTarget, Target
from playground.services.machine.memory import main_memory
from playground.ui.bridge import Bridge
from playground.ui.pages.advice.page import AdvicePage
from playground.ui.pages.advice.presenter import AdviceNavigation, AdvicePresenter
from playground.ui.pages.compare.presenter import ComparePresenter
from playground.ui.pages.compare.targets import TargetSelection
from playground.ui.pages.downloads.page import DownloadsPage
from playground.ui.pages.downloads.presenter import DownloadsPresenter
from playground.ui.pages.history.add_to_set import AddToSet
from playground.ui.pages.history.page import HistoryPage
from playground.ui.pages.history.presenter import HistoryNavigation, HistoryPresenter
from playground.ui.pages.hub.page import HubPage
from playground.ui.pages.hub.presenter import HubPresenter
from playground.ui.pages.hub.repository import RepositoryPresenter
from playground.ui.pages.meters.page import MetersPage
from playground.ui.pages.models.page import ModelsPage
from playground.ui.pages.models.presenter import ModelsPresenter
from playground.ui.pages.providers.page import ProvidersPage
from playground.ui.pages.providers.presenter import ProvidersPresenter
from playground.ui.pages.settings.page import SettingsPage
from playground.ui.pages.settings.presenter import SettingsPresenter
from playground.ui.pages.tests.page import TestsPage
from playground.ui.pages.tests.presenter import TestsPresenter
from playground.ui.pages.tests.runner import RunSurroundings
from playground.ui.share.presenter import SharePresenter
from playground.ui.theme.theme import Theme
from playground.ui.window.main_window import MainWindow
from playground.ui.window.page import Page


class Pages:
    """All pages but Compare, which is there before the services are."""

    def __init__(
        self,
        window: MainWindow,
        theme: Theme,
        bridge: Bridge,
        services: Services,
        compare: ComparePresenter,
    ) -> None:
        self._window = window
        self._theme = theme
        self._bridge = bridge
        self._services = services
        self._compare = compare
        self._sharing = SharePresenter(
            window, theme, bridge, services.sharing, notify=window.page_toast
        )
        self.factories: dict[str, Callable[[], Page]] = {
            "tests": self._make_tests,
            "advice": self._make_advice,
            "models": self._make_models,
            "hub": self._make_hub,
            "downloads": self._make_downloads,
            "providers": self._make_providers,
            "history": self._make_history,
            "settings": self._make_settings,
            "meters": self._make_meters,
        }

    def add_files(self, paths: tuple[Path, ...]) -> None:
        """List files and folders that were dropped on the window."""
        self._window.show_page("models")
        cast("ModelsPresenter", self._window.pages.page("models").presenter).add_paths(paths)

    def add_recordings(self, paths: Sequence[Path]) -> None:
        """Take recordings into the history and show the last of them there."""
        self._bridge.spawn(self._add_recordings(paths))

    async def _add_recordings(self, paths: Sequence[Path]) -> None:
        for path in paths:
            try:
                added = await self._bridge.submit(self._services.sharing.open_recording(path))
            except PlaygroundError as error:
                # the others are taken in all the same
                self._window.report(error)
                continue
            self._window.show_page("history")
            page = self._window.pages.page("history")
            cast("HistoryPresenter", page.presenter).show_comparison(added.id)

    def share_comparison(self) -> None:
        """Share what is on the Compare page."""
        if self._compare.ended is not None:
            self._sharing.share(self._compare.ended)

    def show_advice(self) -> None:
        """Lead to “Local or cloud?”."""
        self._window.show_page("advice")

    def compare_with_file(self, path: Path) -> None:
        """Put a model file on the Compare page."""
        self._bridge.spawn(self._find_and_compare(path))

    def compare_files(self, paths: Sequence[Path]) -> None:
        """Show the Compare page with these model files chosen, and nothing else."""
        self._show_compare()
        self._bridge.spawn(self._choose_files(paths))

    def show_provider(self, provider_id: str, action: str) -> None:
        """Lead to a provider's card, and do there what helps: enter its key, name a model."""
        self._window.show_page("providers")
        page = self._window.pages.page("providers")
        cast("ProvidersPresenter", page.presenter).act(provider_id, action)

    def _make_tests(self) -> Page:
        services = self._services
        view = TestsPage(self._theme, self._window.pages)
        view.presenter = presenter = TestsPresenter(
            view,
            self._theme,
            self._bridge,
            sets=services.prompt_sets,
            service=services.evaluation,
            history=services.history,
            selection=TargetSelection(
                self._bridge,
                services.library,
                services.providers,
                services.settings,
                lambda: main_memory().available_bytes,
                is_remembered=False,
            ),
            surroundings=RunSurroundings(
                notify=self._window.announce,
                set_badge=lambda text: self._window.rail.set_badge("tests", text),
                show_page=lambda: self._window.show_page("tests"),
                is_comparing=lambda: self._compare.is_running,
                show_provider=self.show_provider,
                tell_busy=self._compare.set_busy_with_test,
            ),
        )
        view.share_button.clicked.connect(lambda: self._share_test(presenter.results.evaluation))
        view.advice_button.clicked.connect(lambda: self._advise(presenter.results.evaluation))
        return view

    def _share_test(self, evaluation: Evaluation | None) -> None:
        if evaluation is not None:
            self._sharing.share(evaluation)

    def _advise(self, evaluation: Evaluation | None) -> None:
        """Show “Local or cloud?”, resting on a test."""
        self._window.show_page("advice")
        if evaluation is not None:
            page = self._window.pages.page("advice")
            cast("AdvicePresenter", page.presenter).show_test(evaluation.id)

    def _make_advice(self) -> Page:
        view = AdvicePage(self._theme, self._window.pages)
        view.presenter = AdvicePresenter(
            view,
            self._bridge,
            self._services.advice,
            AdviceNavigation(
                show_evaluation=self._show_results,
                show_comparison=self._show_kept,
                show_models=lambda: self._window.show_page("models"),
                show_compare=self._show_compare,
                run_test=self._offer_test,
                show_providers=lambda: self._window.show_page("providers"),
                show_hub=self._show_hub,
                share=self._sharing.share,
            ),
        )
        return view

    def _show_results(self, evaluation_id: str) -> None:
        self._window.show_page("tests")
        page = self._window.pages.page("tests")
        cast("TestsPresenter", page.presenter).open_results(evaluation_id)

    def _offer_test(self, targets: Sequence[Target], set_id: str) -> None:
        self._window.show_page("tests")
        page = self._window.pages.page("tests")
        cast("TestsPresenter", page.presenter).offer(targets, set_id)

    def _show_kept(self, comparison_id: str) -> None:
        self._bridge.spawn(self._open_kept(comparison_id))

    async def _open_kept(self, comparison_id: str) -> None:
        self._open_comparison(await self._bridge.submit(self._services.history.load(comparison_id)))

    def _make_models(self) -> Page:
        services = self._services
        view = ModelsPage(self._theme, self._window.pages)
        view.presenter = ModelsPresenter(
            view,
            self._bridge,
            services.library,
            services.settings,
            pool=services.pool,
            requirements=services.requirements,
            open_compare=self._compare_with,
            open_hub=self._show_hub,
            open_tests=self._compare_versions,
            toast=self._window.page_toast,
        )
        return view

    def _compare_versions(self, targets: Sequence[Target]) -> None:
        self._window.show_page("tests")
        page = self._window.pages.page("tests")
        cast("TestsPresenter", page.presenter).compare_versions(targets)

    def _make_hub(self) -> Page:
        services = self._services
        view = HubPage(self._theme, self._window.pages)
        repository = RepositoryPresenter(
            view,
            self._bridge,
            hub=services.hub,
            downloads=services.downloads,
            requirements=services.requirements,
            library=services.library,
            open_downloads=self._show_downloads,
            open_compare=self.compare_with_file,
            open_settings=self._show_settings,
            toast=self._window.page_toast,
        )
        view.presenter = HubPresenter(
            view,
            self._bridge,
            repository,
            hub=services.hub,
            requirements=services.requirements,
            settings=services.settings,
        )
        return view

    def _make_downloads(self) -> Page:
        services = self._services
        view = DownloadsPage(self._theme, self._window.pages)
        view.presenter = DownloadsPresenter(
            view,
            self._bridge,
            services.downloads,
            services.settings,
            open_compare=self.compare_with_file,
            open_hub=self._show_hub,
        )
        return view

    def _make_providers(self) -> Page:
        services = self._services
        view = ProvidersPage(self._theme, self._window.pages)
        view.presenter = ProvidersPresenter(
            self._theme,
            view,
            self._bridge,
            service=services.providers,
            secrets=services.secrets,
            practice=services.practice,
            settings=services.settings,
            open_compare=self._compare_with,
            toast=self._window.page_toast,
        )
        return view

    def _make_history(self) -> Page:
        view = HistoryPage(self._theme, self._window.pages)
        navigation = HistoryNavigation(
            self._show_compare,
            self._open_comparison,
            self._run_again,
            self._replay,
            share=self._sharing.share,
            show_advice=self.show_advice,
        )
        view.recording_chosen.connect(lambda path: self.add_recordings((path,)))
        view.presenter = presenter = HistoryPresenter(
            view,
            self._bridge,
            self._services.history,
            self._services.replayer,
            judging=self._compare.judging,
            navigation=navigation,
            notify=self._window.page_toast,
        )
        AddToSet(view, self._bridge, presenter, self._services.prompt_sets, self._window.toast)
        return view

    def _make_meters(self) -> MetersPage:
        view = MetersPage(self._theme, self._window.status_bar, self._services.pool.work)
        view.left.connect(self._show_previous)
        return view

    def _show_previous(self) -> None:
        self._window.show_page(self._window.pages.previous or "compare")

    def _make_settings(self) -> Page:
        services = self._services
        view = SettingsPage(self._theme, self._window.pages)
        view.presenter = SettingsPresenter(
            self._theme,
            view,
            self._bridge,
            settings=services.settings,
            secrets=services.secrets,
            paths=services.paths,
            hub=services.hub,
            sent=services.traffic.sent,
            backups=services.backups,
            notify=self._window.page_toast,
        )
        return view

    def _show_compare(self) -> None:
        self._window.show_page("compare")

    def _show_hub(self) -> None:
        self._window.show_page("hub")

    def _show_downloads(self) -> None:
        self._window.show_page("downloads")

    def _show_settings(self) -> None:
        self._window.show_page("settings")
        cast("SettingsPage", self._window.pages.page("settings")).hub.focus_token()

    async def _choose_files(self, paths: Sequence[Path]) -> None:
        library, settings = self._services.library, self._services.settings.settings
        targets = []
        for path in paths:
            try:
                model = await self._bridge.submit(library.find(str(path)))
            except PlaygroundError as error:
                # the others are chosen all the same
                self._window.report(error)
            else:
                targets.append(LocalTarget(model, settings.load_settings_of(model)))
        self._compare.choose_targets(targets)

    async def _find_and_compare(self, path: Path) -> None:
        model = await self._bridge.submit(self._services.library.find(str(path)))
        settings = self._services.settings.settings
        self._compare_with(LocalTarget(model, settings.load_settings_of(model)))

    def _compare_with(self, target: Target) -> None:
        self._show_compare()
        self._compare.add_target(target)

    def _open_comparison(self, comparison: Comparison) -> None:
        self._show_compare()
        self._compare.open_comparison(comparison)

    def _run_again(self, comparison: Comparison) -> None:
        self._show_compare()
        self._compare.run_again(comparison)

    def _replay(self, comparison: Comparison, turn: Turn) -> None:
        self._show_compare()
        replayer = self._services.replayer
        self._compare.replay(comparison, lambda: replayer.replay_turn(comparison.id, turn.id))
