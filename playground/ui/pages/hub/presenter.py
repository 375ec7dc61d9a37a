"""Decides what the Get models page lists, and what it does when the Hub does not answer."""

import asyncio
import os

from PySide6.QtCore import QObject

from playground.core.errors import HubFailed, Offline
from playground.core.hub import FeaturedModel, HubModel, HubQuery, HubReference, SearchPage
from playground.services.hub.service import HubService, featured_models
from playground.services.requirements import RequirementsService
from playground.store.settings import Settings, SettingsStore
from playground.ui.bridge import Bridge
from playground.ui.pages.hub.page import HubPage
from playground.ui.pages.hub.repository import RepositoryPresenter
from playground.ui.pages.hub.view_models import FeaturedRow, ResultRow, ResultsState


class HubPresenter(QObject):
    """Searches as one types; an answer to an older question is called off and never shown."""

    def __init__(
        self,
        view: HubPage,
        bridge: Bridge,
        repository: RepositoryPresenter,
        *,
        hub: HubService,
        requirements: RequirementsService,
        settings: SettingsStore,
    ) -> None:
        super().__init__(view)
        self._view = view
        self._bridge = bridge
        self._repository = repository
        self._hub = hub
        self._requirements = requirements
        self._settings = settings
        self._search_task: asyncio.Task[None] | None = None
        self._query: HubQuery | None = None
        """What is listed or asked for; `None`: the featured models."""
        self._cursor: str | None = None
        self._was_offline = hub.is_offline
        self._featured = featured_models()
        self._connect()
        self._show_offline()
        self._show_verdicts()

    def search(self) -> None:
        """Ask for what the page says now; nothing given shows the featured models."""
        if not self._view.is_searching and self._query is None:
            return
        if not self._view.is_searching and not self._is_browsing():
            self.clear()
            return
        self._ask(self._view.query)
        named = self._hub.reference_in(self._view.query.text)
        if named is not None and named.is_explicit and not self._hub.is_offline:
            # an address or a version was pasted: nothing has to be chosen from a list
            self._repository.open(named)

    def browse(self) -> None:
        """List everything, the most popular first."""
        self._ask(self._view.query)

    def clear(self) -> None:
        self._stop_search()
        self._query = None
        self._view.show_listing(ResultsState.FEATURED)

    def retry(self) -> None:
        """Ask again what was asked last."""
        if self._query is not None:
            self._ask(self._query)

    def go_online(self) -> None:
        self._bridge.write(self._settings.update, offline=False)

    def close(self) -> None:
        self._stop_search()
        self._unsubscribe()

    def _connect(self) -> None:
        view = self._view
        view.searched.connect(self.search)
        view.filters.changed.connect(self.search)
        view.cleared.connect(self.clear)
        view.featured.browse_all.clicked.connect(self.browse)
        view.featured.chosen.connect(self._on_repo)
        view.panel.list.chosen.connect(self._on_repo)
        view.panel.results.more_wanted.connect(self._on_more)
        view.panel.try_again.clicked.connect(self._on_more)
        view.failed.asked.connect(self.retry)
        view.offline.asked.connect(self.go_online)
        view.banner.go_online.clicked.connect(self.go_online)
        view.shown.connect(self._on_shown)
        view.closing.connect(self.close)
        self._repository.verdict_known.connect(self._show_verdicts)
        self._unsubscribe = self._bridge.subscribe(self._settings, self._on_settings)

    def _is_browsing(self) -> bool:
        """Return whether everything is listed, with no words and no filter."""
        return self._query is not None and not self._query.text and self._view.query != self._query

    def _on_shown(self) -> None:
        self._bridge.spawn(self._look_at_machine())

    def _on_repo(self, repo: str) -> None:
        rows = self._view.panel.results.rows
        model = next((row.model for row in rows if row.model.repo == repo), None)
        good_at = next((one.good_at for one in self._featured if one.repo == repo), "")
        self._repository.open(HubReference(repo), model, good_at)

    def _ask(self, query: HubQuery) -> None:
        self._stop_search()
        self._query = query
        self._cursor = None
        self._view.panel.show_more_failed("")
        if self._hub.is_offline:
            self._view.show_listing(ResultsState.OFFLINE, self._offline_words())
            return
        self._view.show_listing(ResultsState.LOADING)
        self._search_task = self._bridge.spawn(self._search(query))

    def _stop_search(self) -> None:
        if self._search_task is not None:
            # cancels the call and closes its connection
            self._search_task.cancel()
            self._search_task = None

    async def _search(self, query: HubQuery) -> None:
        try:
            found = await self._found(query, None)
        except Offline:
            self._view.show_listing(ResultsState.OFFLINE, self._offline_words())
            return
        except HubFailed as error:
            self._view.show_listing(ResultsState.FAILED, f"{error.message} {error.hint}".strip())
            return
        self._cursor = found.next_cursor
        rows = tuple(map(self._row, found.models))
        self._view.panel.show_results(rows, is_complete=found.next_cursor is None)
        self._repository.leave({row.model.repo for row in rows})
        is_empty = not rows and found.next_cursor is None
        self._view.show_listing(ResultsState.NOTHING if is_empty else ResultsState.RESULTS)

    def _on_more(self) -> None:
        if self._query is None or self._cursor is None:
            self._view.panel.results.give_up()
            return
        if self._search_task is None or self._search_task.done():
            self._search_task = self._bridge.spawn(self._more(self._query, self._cursor))

    async def _more(self, query: HubQuery, cursor: str) -> None:
        try:
            found = await self._found(query, cursor)
        except HubFailed as error:
            self._view.panel.show_more_failed(f"{error.message} {error.hint}".strip())
            return
        self._cursor = found.next_cursor
        self._view.panel.show_more_failed("")
        rows = tuple(map(self._row, found.models))
        self._view.panel.results.add_rows(rows, is_complete=found.next_cursor is None)

    async def _found(self, query: HubQuery, cursor: str | None) -> SearchPage:
        call = self._hub.search(query, cursor, runs_here=self._requirements.may_run)
        return await self._bridge.submit(call)

    def _row(self, model: HubModel) -> ResultRow:
        exact = self._repository.verdicts.get(model.repo)
        verdict = self._requirements.guess_best(model) if exact is None else exact
        return ResultRow(model, verdict, is_exact=exact is not None)

    def _featured_row(self, model: FeaturedModel) -> FeaturedRow:
        exact = self._repository.verdicts.get(model.repo)
        guess = self._requirements.guess_by_size(model.parameters, model.size_bytes)
        return FeaturedRow(model, guess if exact is None else exact, is_exact=exact is not None)

    async def _look_at_machine(self) -> None:
        await self._bridge.submit(self._requirements.refresh())
        self._show_verdicts()
        self._repository.assess()
        await self._bridge.submit(self._hub.load())

    def _show_verdicts(self) -> None:
        self._view.featured.show_entries(tuple(map(self._featured_row, self._featured)))
        results = self._view.panel.results
        results.change_rows([self._row(row.model) for row in results.rows])

    def _on_settings(self, _settings: Settings) -> None:
        is_offline = self._hub.is_offline
        if is_offline == self._was_offline:
            return
        self._was_offline = is_offline
        self._show_offline()
        if self._query is not None:
            self._ask(self._query)
        if not is_offline:
            self._repository.retry_if_failed()

    def _show_offline(self) -> None:
        is_offline = self._hub.is_offline
        words = self._offline_words() if is_offline else ""
        self._view.banner.show_words(words, can_turn_off=self._settings.settings.offline)

    def _offline_words(self) -> str:
        if self._settings.settings.offline:
            return self.tr("Offline mode is on: nothing is fetched, and nobody is asked.")
        name = "HF_HUB_OFFLINE" if os.environ.get("HF_HUB_OFFLINE") else ""
        return self.tr(
            "The variable {0} keeps this program offline. Start it without, to get models."
        ).format(name or "HF_HUB_OFFLINE")
