"""Decides what the Providers page shows and does."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QObject

from playground.core.errors import PlaygroundError
from playground.core.targets import CloudTarget, ModelPrice, Provider, Target
from playground.services.providers.practice import PRACTICE_ID, PRACTICE_MODEL, PracticeCloud
from playground.services.providers.prices import PriceService
from playground.services.providers.service import ProviderService
from playground.store.secrets import SecretStore
from playground.store.settings import Settings, SettingsStore
from playground.ui.bridge import Bridge, Follower
from playground.ui.pages.providers import asks
from playground.ui.pages.providers.editing import ProviderEditor
from playground.ui.pages.providers.entries import PracticeEntry, ProviderEntry, key_words
from playground.ui.pages.providers.page import ProvidersPage
from playground.ui.pages.providers.prices import PriceDialog
from playground.ui.theme.theme import Theme
from playground.ui.widgets.show_toast import ShowToast


class ProvidersPresenter(QObject):
    """Keeps an entry for each provider, and carries out what a person asks for."""

    def __init__(
        self,
        theme: Theme,
        view: ProvidersPage,
        bridge: Bridge,
        *,
        service: ProviderService,
        secrets: SecretStore,
        prices: PriceService,
        practice: PracticeCloud,
        settings: SettingsStore,
        open_compare: Callable[[Target], object],
        toast: ShowToast,
    ) -> None:
        super().__init__(view)
        self._theme = theme
        self._view = view
        self._bridge = bridge
        self._service = service
        self._secrets = secrets
        self._prices = prices
        self._practice = practice
        self._settings = settings
        self._open_compare = open_compare
        self._toast = toast
        self._entries: dict[str, ProviderEntry] = {}
        self._state = PracticeEntry()
        self._starting: asyncio.Task[None] | None = None
        self._watcher: Follower | None = None
        self._price_dialog: PriceDialog | None = None
        self._editor = ProviderEditor(
            theme, view, bridge, service=service, secrets=secrets, on_stored=self._on_stored
        )
        self._connect()
        self._view.show_practice(self._state)
        self.refresh()

    def refresh(self) -> None:
        """Show what is set up now, and look up where the keys are."""
        providers = self._listed()
        self._entries = {
            provider.id: replace(
                self._entries.get(provider.id) or ProviderEntry(provider), provider=provider
            )
            for provider in providers
        }
        self._show()
        self._bridge.spawn(self._look_up_keys(providers))

    def test(self, provider_id: str) -> None:
        """Ask a provider what it offers."""
        entry = self._entries.get(provider_id)
        if entry is not None and not entry.is_testing:
            self._put(replace(entry, is_testing=True, problem=""))
            self._bridge.spawn(self._test(provider_id))

    def toggle_practice(self) -> None:
        """Start the practice cloud, call its start off, or stop it."""
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
        elif self._state.is_running:
            self._bridge.spawn(self._stop_practice())
        else:
            self._starting = self._bridge.spawn(self._start_practice())

    def compare_practice(self) -> None:
        """Put the practice cloud on the Compare page."""
        live = self._practice.provider
        if live is not None:
            self._open_compare(CloudTarget(live, PRACTICE_MODEL))

    def edit(self, provider_id: str) -> None:
        """Open the dialog for a provider."""
        if provider_id in self._entries:
            self._bridge.spawn(self._edit(self._entries[provider_id].provider))

    def remove(self, provider_id: str) -> None:
        """Take a provider away; it can be brought back for a while."""
        self._bridge.spawn(self._remove(provider_id))

    def open_models(self, provider_id: str) -> None:
        """Show what a provider offers, with prices."""
        entry = self._entries.get(provider_id)
        if entry is None or entry.models is None or self._price_dialog is not None:
            return
        provider = entry.provider
        dialog = PriceDialog(self._theme, provider, self._view)
        self._price_dialog = dialog

        def set_price(model: str, price: ModelPrice | None) -> None:
            self._bridge.spawn(self._set_price(provider.id, model, price))

        def compare(model: str) -> None:
            self._open_compare(CloudTarget(provider, model))

        dialog.price_set.connect(set_price)
        dialog.compare_asked.connect(compare)
        dialog.finished.connect(self._on_models_closed)
        dialog.show_models(entry.models)
        dialog.open()

    def close(self) -> None:
        """End what this page has begun."""
        self._on_hidden()
        self._settings.unsubscribe(self._on_settings)

    def _connect(self) -> None:
        view = self._view
        view.shown.connect(self._on_shown)
        view.hidden.connect(self._on_hidden)
        view.closing.connect(self.close)
        view.add_asked.connect(self._editor.add)
        view.test_asked.connect(self.test)
        view.models_asked.connect(self.open_models)
        view.edit_asked.connect(self.edit)
        view.remove_asked.connect(self.remove)
        view.practice.toggled.connect(self.toggle_practice)
        view.practice.compare_asked.connect(self.compare_practice)
        self._settings.subscribe(self._on_settings)

    def _listed(self) -> tuple[Provider, ...]:
        # the practice cloud has its own card, which is always there
        return tuple(p for p in self._service.list() if not p.is_practice)

    def _show(self) -> None:
        self._view.show_providers(tuple(self._entries.values()))

    def _put(self, entry: ProviderEntry) -> None:
        if entry.provider.id in self._entries:
            self._entries[entry.provider.id] = entry
            self._show()

    async def _look_up_keys(self, providers: tuple[Provider, ...]) -> None:
        places = await self._bridge.submit(asks.key_places(self._service, providers))
        for provider_id, place in places.items():
            entry = self._entries.get(provider_id)
            if entry is not None:
                words, tone = key_words(entry.provider, place.source, place.variable)
                self._entries[provider_id] = replace(entry, key_words=words, key_tone=tone)
        self._show()
        await self._bridge.submit(self._secrets.probe())
        self._view.show_storage(self._secrets.storage())

    async def _test(self, provider_id: str) -> None:
        models, problem = None, ""
        try:
            models = await self._bridge.submit(asks.models(self._service, provider_id))
        except PlaygroundError as error:
            problem = f"{error.message} {error.hint}".strip()
        finally:
            entry = self._entries.get(provider_id)
            if entry is not None:
                self._put(replace(entry, is_testing=False, models=models, problem=problem))

    async def _start_practice(self) -> None:
        self._show_practice(PracticeEntry(is_starting=True))
        try:
            await self._bridge.submit(self._service.start_practice(self._on_progress))
        except PlaygroundError as error:
            self._starting = None
            self._show_practice(PracticeEntry(problem=f"{error.message} {error.hint}".strip()))
            return
        except asyncio.CancelledError:
            self._starting = None
            self._show_practice(PracticeEntry())
            raise
        self._starting = None
        self._show_practice(PracticeEntry(is_running=True))

    async def _stop_practice(self) -> None:
        await self._bridge.submit(self._service.remove(PRACTICE_ID))
        self._show_practice(PracticeEntry())

    def _on_progress(self, fraction: float, doing: str) -> None:
        # called on the I/O thread
        self._bridge.post(self._show_progress, fraction, doing)

    def _show_progress(self, fraction: float, doing: str) -> None:
        if self._state.is_starting:
            self._show_practice(replace(self._state, fraction=fraction, doing=doing))

    def _show_practice(self, entry: PracticeEntry) -> None:
        self._state = entry
        self._view.show_practice(entry)

    async def _edit(self, provider: Provider) -> None:
        places = await self._bridge.submit(asks.key_places(self._service, (provider,)))
        self._editor.edit(provider, places[provider.id].source)

    async def _remove(self, provider_id: str) -> None:
        removed = await self._bridge.submit(asks.remove(self._service, self._secrets, provider_id))
        self._entries.pop(provider_id, None)
        self._show()
        words = self.tr("{0} is removed.")
        if removed.secret is not None:
            words = self.tr("{0} and its key are removed.")
        self._toast(
            words.format(removed.provider.name),
            action=self.tr("Undo"),
            on_action=lambda: self._bridge.spawn(self._restore(removed)),
        )

    async def _restore(self, removed: asks.Removed) -> None:
        await self._bridge.submit(asks.restore(self._service, removed))
        self.refresh()

    async def _set_price(self, provider_id: str, model: str, price: ModelPrice | None) -> None:
        holds = await self._bridge.submit(
            asks.set_price(self._service, self._prices, provider_id, model, price)
        )
        entry = self._entries.get(provider_id)
        if entry is not None and entry.models is not None:
            models = tuple(
                replace(known, price=holds) if known.id == model else known
                for known in entry.models
            )
            self._put(replace(entry, models=models))
        if self._price_dialog is not None:
            self._price_dialog.show_price(model, holds)

    def _on_stored(self, provider_id: str) -> None:
        self.refresh()
        if provider_id:
            self.test(provider_id)

    def _on_models_closed(self) -> None:
        dialog, self._price_dialog = self._price_dialog, None
        if dialog is not None:
            dialog.deleteLater()

    def _on_settings(self, _settings: Settings) -> None:
        # called in whichever thread made the change
        self._bridge.post(self._catch_up)

    def _catch_up(self) -> None:
        if self._listed() != tuple(entry.provider for entry in self._entries.values()):
            self.refresh()

    def _on_shown(self) -> None:
        self.refresh()
        if self._watcher is None:
            self._watcher = self._bridge.follow(
                lambda: asks.watch(self._practice), self._on_practice, hz=5
            )

    def _on_hidden(self) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
            self._watcher = None

    def _on_practice(self, states: list[PracticeEntry]) -> None:
        # a start of one's own shows its progress, and a problem stays until the next try
        if not self._state.is_starting and not (self._state.problem and not states[-1].is_running):
            self._show_practice(states[-1])
