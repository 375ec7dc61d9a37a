"""Decides what the Providers page shows and does."""

import asyncio
import os
import re
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QDesktopServices

from playground.core.errors import PlaygroundError
from playground.core.targets import CloudModel, CloudTarget, ModelPrice, Provider, Target, Tier
from playground.services.providers.practice import PRACTICE_ID, PRACTICE_MODEL, PracticeCloud
from playground.services.providers.prices import PriceService
from playground.services.providers.service import ProviderService
from playground.store.presets import Preset
from playground.store.secrets import KeySource, Secret, SecretStore, key_variables
from playground.store.settings import Settings, SettingsStore
from playground.ui.bridge import Bridge, Follower
from playground.ui.pages.providers.dialog import FormValues, ProviderDialog
from playground.ui.pages.providers.page import (
    PracticeEntry,
    ProviderEntry,
    ProvidersPage,
    key_words,
)
from playground.ui.pages.providers.prices import PriceDialog
from playground.ui.theme.theme import Theme
from playground.ui.widgets.toast import Notify

WATCH_S = 0.5
_ENDED = "It has ended by itself. Start it again."


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """Where a provider's key is, never what it is."""

    source: KeySource | None
    variable: str
    """Environment variable it is read from."""


@dataclass(frozen=True, slots=True)
class Removed:
    """A provider that was taken away, with all that brings it back."""

    provider: Provider
    secret: Secret | None


async def key_places(
    service: ProviderService, providers: tuple[Provider, ...]
) -> dict[str, KeyPlace]:
    """Return where the key of each provider is, by provider id."""
    places = {}
    for provider in providers:
        source = await service.key_source(provider)
        variables = key_variables(provider)
        variable = next((name for name in variables if os.environ.get(name, "").strip()), "")
        places[provider.id] = KeyPlace(source, variable)
    return places


async def models(service: ProviderService, provider_id: str) -> tuple[CloudModel, ...]:
    """Return what a provider offers now."""
    return await service.models(service.find(provider_id))


async def remove(service: ProviderService, secrets: SecretStore, provider_id: str) -> Removed:
    """Take a provider and its key away, and return what brings both back."""
    provider = service.find(provider_id)
    secret = None if provider.is_practice else await secrets.get(provider)
    if secret is not None and secret.source is KeySource.ENVIRONMENT:
        secret = None
    await service.remove(provider_id)
    return Removed(provider, secret)


async def restore(service: ProviderService, removed: Removed) -> Provider:
    """Bring a provider back that was taken away."""
    key = None if removed.secret is None else removed.secret.value
    return await service.add(removed.provider, key)


async def set_price(
    service: ProviderService,
    prices: PriceService,
    provider_id: str,
    model: str,
    price: ModelPrice | None,
) -> ModelPrice | None:
    """Keep the person's price, or go back to the list's; return what holds now."""
    provider = service.find(provider_id)

    def work() -> ModelPrice | None:
        prices.set_price(provider, model, price)
        return prices.price(provider, model)

    return await asyncio.to_thread(work)


async def watch(practice: PracticeCloud) -> AsyncGenerator[PracticeEntry, None]:
    """Yield how the practice cloud is, at once and after each change."""
    last: PracticeEntry | None = None
    while True:
        now = PracticeEntry(
            is_running=practice.is_running, problem=_ENDED if practice.has_died else ""
        )
        if now != last:
            last = now
            yield now
        await asyncio.sleep(WATCH_S)


def free_id(service: ProviderService, wanted: str) -> str:
    """Return an id like `wanted` that no provider has."""
    base = re.sub(r"[^a-z0-9]+", "-", wanted.lower()).strip("-")[:32] or "provider"
    if base in {"local", "practice"}:
        base = f"{base}-server"
    taken = {provider.id for provider in service.list()}
    name, number = base, 2
    while name in taken:
        name, number = f"{base}-{number}", number + 1
    return name


def with_form(provider: Provider, name: str, base_url: str) -> Provider:
    """Return the provider with what was typed."""
    return replace(provider, name=name, base_url=base_url)


def with_id(provider: Provider, provider_id: str) -> Provider:
    """Return the provider under another id."""
    return replace(provider, id=provider_id)


class ProviderEditor(QObject):
    """One dialog at a time; `on_stored` gets the id of what was stored."""

    def __init__(
        self,
        theme: Theme,
        view: ProvidersPage,
        bridge: Bridge,
        *,
        service: ProviderService,
        secrets: SecretStore,
        on_stored: Callable[[str], None],
    ) -> None:
        super().__init__(view)
        self._theme = theme
        self._view = view
        self._bridge = bridge
        self._service = service
        self._secrets = secrets
        self._on_stored = on_stored
        self._dialog: ProviderDialog | None = None
        self._base: Provider | None = None
        self._is_new = True
        self._last_name = ""

    def add(self) -> None:
        """Open the dialog for a new provider."""
        presets = self._service.presets()
        title = self.tr("Add a provider")
        dialog = self._opened(ProviderDialog(self._theme, presets, title, title, self._view))
        if dialog is None:
            return
        self._is_new = True
        dialog.preset_chosen.connect(self._on_preset)
        dialog.choose_first()

    def edit(self, provider: Provider, source: KeySource | None) -> None:
        """Open the dialog for a provider that is set up."""
        title = self.tr("Edit {0}").format(provider.name)
        dialog = self._opened(ProviderDialog(self._theme, (), title, self.tr("Save"), self._view))
        if dialog is None:
            return
        self._is_new = False
        self._base = provider
        has_own = source in {KeySource.KEYRING, KeySource.SESSION}
        hint = self.tr("Leave empty to keep the key there is") if has_own else ""
        dialog.show_forget(is_possible=has_own)
        dialog.key_forgotten.connect(self._on_forget)
        dialog.show_values(
            FormValues(
                name=provider.name,
                base_url=provider.base_url,
                key_url=_safe(provider.key_url),
                key_hint=hint,
                key_note=self.tr(
                    "{0} A key belongs to its address: on another host it is deleted."
                ).format(self._secrets.storage()),
            )
        )

    def _opened(self, dialog: ProviderDialog) -> ProviderDialog | None:
        if self._dialog is not None:
            dialog.deleteLater()
            self._dialog.raise_()
            return None
        self._dialog = dialog
        dialog.checked.connect(self._on_checked)
        dialog.confirmed.connect(self._on_confirmed)
        dialog.form.key_page_asked.connect(self._open_page)
        dialog.finished.connect(self._on_finished)
        dialog.open()
        return dialog

    def _on_preset(self, preset: Preset | None) -> None:
        if self._dialog is None:
            return
        if preset is None:
            self._base = Provider(id="", name="", base_url="", tier=Tier.OWN_SERVER)
            note = self.tr("Anything that speaks OpenAI's chat protocol will do.")
            self._dialog.show_values(FormValues(note=note, key_note=self._secrets.storage()))
            return
        self._base = preset.provider
        variable = preset.provider.key_env
        notes = [self._secrets.storage()]
        if variable and preset.needs_key:
            notes.append(
                self.tr("Without one, the environment variable {0} is read.").format(variable)
            )
        self._dialog.show_values(
            FormValues(
                name=preset.name,
                base_url=preset.provider.base_url,
                note=preset.note,
                key_url=_safe(preset.provider.key_url),
                key_note=" ".join(notes),
                key_hint="" if preset.needs_key else self.tr("Usually none is needed"),
            )
        )

    def _on_checked(self, address: str) -> None:
        if self._dialog is not None:
            self._dialog.show_check(self._service.check_url(address) if address else None)

    def _on_confirmed(self) -> None:
        dialog = self._dialog
        if dialog is None or self._base is None or not dialog.form.is_ready:
            return
        provider = with_form(self._base, dialog.form.name, dialog.form.base_url)
        dialog.show_working(is_working=True)
        self._bridge.spawn(self._store(provider, dialog.form.take_key()))

    async def _store(self, provider: Provider, key: str | None) -> None:
        dialog = self._dialog
        try:
            if self._is_new:
                name = provider.id or provider.name
                fresh = with_id(provider, free_id(self._service, name))
                stored = await self._bridge.submit(self._service.add(fresh, key))
            else:
                await self._bridge.submit(self._service.update(provider, key))
                stored = provider
        except PlaygroundError as error:
            if dialog is not None:
                dialog.show_problem(f"{error.message} {error.hint}".strip())
            return
        finally:
            if dialog is not None:
                dialog.show_working(is_working=False)
        if dialog is not None:
            dialog.accept()
        self._on_stored(stored.id)

    def _on_forget(self) -> None:
        if self._base is not None:
            self._bridge.spawn(self._forget(self._base.id))

    async def _forget(self, provider_id: str) -> None:
        await self._bridge.submit(self._service.delete_key(provider_id))
        if self._dialog is not None:
            self._dialog.accept()
        self._on_stored("")

    def _open_page(self, address: str) -> None:
        if _safe(address):
            QDesktopServices.openUrl(QUrl(address))

    def _on_finished(self) -> None:
        dialog, self._dialog = self._dialog, None
        if dialog is not None:
            dialog.deleteLater()


def _safe(address: str | None) -> str | None:
    """Return an address a browser may be sent to."""
    return address if address and address.startswith(("https://", "http://")) else None


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
        toast: Notify,
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
        places = await self._bridge.submit(key_places(self._service, providers))
        for provider_id, place in places.items():
            entry = self._entries.get(provider_id)
            if entry is not None:
                words, tone = key_words(entry.provider, place.source, place.variable)
                self._entries[provider_id] = replace(entry, key_words=words, key_tone=tone)
        self._show()
        await self._bridge.submit(self._secrets.probe())
        self._view.show_storage(self._secrets.storage())

    async def _test(self, provider_id: str) -> None:
        found, problem = None, ""
        try:
            found = await self._bridge.submit(models(self._service, provider_id))
        except PlaygroundError as error:
            problem = f"{error.message} {error.hint}".strip()
        finally:
            entry = self._entries.get(provider_id)
            if entry is not None:
                self._put(replace(entry, is_testing=False, models=found, problem=problem))

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
        places = await self._bridge.submit(key_places(self._service, (provider,)))
        self._editor.edit(provider, places[provider.id].source)

    async def _remove(self, provider_id: str) -> None:
        removed = await self._bridge.submit(remove(self._service, self._secrets, provider_id))
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

    async def _restore(self, removed: Removed) -> None:
        await self._bridge.submit(restore(self._service, removed))
        self.refresh()

    async def _set_price(self, provider_id: str, model: str, price: ModelPrice | None) -> None:
        holds = await self._bridge.submit(
            set_price(self._service, self._prices, provider_id, model, price)
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
                lambda: watch(self._practice), self._on_practice, hz=5
            )

    def _on_hidden(self) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
            self._watcher = None

    def _on_practice(self, states: list[PracticeEntry]) -> None:
        # a start of one's own shows its progress, and a problem stays until the next try
        if not self._state.is_starting and not (self._state.problem and not states[-1].is_running):
            self._show_practice(states[-1])
