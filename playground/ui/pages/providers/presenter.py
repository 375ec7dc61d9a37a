"""Decides what the Providers page shows and does."""

import asyncio
import contextlib
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QDesktopServices

from playground.core.errors import AddressRefused, ConnectionFailed, PlaygroundError, TimedOut
from playground.core.targets import (
    PRACTICE_ID,
    PRACTICE_MODEL,
    CloudTarget,
    ModelPrice,
    Provider,
    Target,
    Tier,
)
from playground.core.urls import check_url
from playground.services.providers.practice import (
    PracticeCloud,
    PracticeState,
    PracticeStatus,
)
from playground.services.providers.service import ProviderService, RemovedProvider, lacks_list
from playground.store.presets import Preset, presets
from playground.store.secrets import KeySource, SecretStore
from playground.store.settings import Settings, SettingsStore
from playground.ui.bridge import Bridge, Follower
from playground.ui.pages.providers.dialog import FormValues, ProviderDialog
from playground.ui.pages.providers.page import ProviderEntry, ProvidersPage, with_key
from playground.ui.pages.providers.prices import PriceDialog
from playground.ui.theme.theme import Theme
from playground.ui.widgets.toast import UNDO_MS, Notify


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

    def add(self) -> None:
        title = self.tr("Add a provider")
        dialog = self._opened(presets(), title, title)
        if dialog is None:
            return
        self._is_new = True
        dialog.preset_chosen.connect(self._on_preset)
        dialog.choose_first()

    def edit(self, provider: Provider, source: KeySource | None, *, is_address_wrong: bool) -> None:
        title = self.tr("Edit {0}").format(provider.name)
        dialog = self._opened((), title, self.tr("Save"))
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
                is_address_wrong=is_address_wrong,
                key_note=self.tr(
                    "{0} A key belongs to its address: on another host it is deleted."
                ).format(self._secrets.storage()),
            )
        )

    def _opened(
        self, offered: tuple[Preset, ...], title: str, action: str
    ) -> ProviderDialog | None:
        if self._dialog is not None:
            self._dialog.raise_()
            return None
        dialog = self._dialog = ProviderDialog(self._theme, offered, title, action, self._view)
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
                self.tr("Without one, this system's variable {0} is read.").format(variable)
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
            self._dialog.show_check(check_url(address) if address else None)

    def _on_confirmed(self) -> None:
        dialog = self._dialog
        if dialog is None or self._base is None or not dialog.form.is_ready:
            return
        provider = replace(self._base, name=dialog.form.name, base_url=dialog.form.base_url)
        dialog.show_working(is_working=True)
        self._bridge.spawn(self._store(provider, dialog.form.take_key()))

    async def _store(self, provider: Provider, key: str | None) -> None:
        dialog = self._dialog
        try:
            if self._is_new:
                name = provider.id or provider.name
                provider = replace(provider, id=self._service.unused_id(name))
                await self._bridge.submit(self._service.add(provider, key))
            else:
                await self._bridge.submit(self._service.update(provider, key))
        except PlaygroundError as error:
            if dialog is not None:
                dialog.show_problem(f"{error.message} {error.hint}".strip())
            return
        finally:
            if dialog is not None:
                dialog.show_working(is_working=False)
        if dialog is not None:
            dialog.accept()
        self._on_stored(provider.id)

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


def _hint_here(error: PlaygroundError) -> str:
    """Return what to try without sending a person to the page that is being read."""
    return re.sub(r",? on the Providers page", "", error.hint)


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
        self._practice = practice
        self._open_compare = open_compare
        self._toast = toast
        self._entries: dict[str, ProviderEntry] = {}
        self._removed: list[RemovedProvider] = []
        """What can be brought back, the last removed at the end."""
        self._status = PracticeStatus()
        self._starting: asyncio.Task[None] | None = None
        self._watcher: Follower | None = None
        self._price_dialog: PriceDialog | None = None
        self._editor = ProviderEditor(
            theme, view, bridge, service=service, secrets=secrets, on_stored=self._on_stored
        )
        self._end_subscription = bridge.subscribe(settings, self._on_settings)
        self._connect()
        view.practice.show_status(self._status)
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

    def act(self, provider_id: str, action: str) -> None:
        match action:
            case "test":
                self.test(provider_id)
            case "models":
                self.open_models(provider_id)
            case "edit" | "key":
                self.edit(provider_id)
            case "try":
                self._try(provider_id)
            case "remove":
                self._bridge.spawn(self._remove(provider_id))

    def test(self, provider_id: str) -> None:
        entry = self._entries.get(provider_id)
        if entry is not None and not entry.is_testing:
            self._put(replace(entry, is_testing=True, problem=""))
            self._bridge.spawn(self._test(provider_id))

    def _try(self, provider_id: str) -> None:
        entry = self._entries.get(provider_id)
        if entry is not None and entry.models:
            self._open_compare(CloudTarget(entry.provider, entry.models[0].id))

    def toggle_practice(self) -> None:
        """Start the practice cloud, call its start off, or stop it."""
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
        elif self._status.state is PracticeState.RUNNING:
            self._bridge.submit(self._service.remove(PRACTICE_ID))
        else:
            self._starting = self._bridge.spawn(self._start_practice())

    def compare_practice(self) -> None:
        live = self._practice.provider
        if live is not None:
            self._open_compare(CloudTarget(live, PRACTICE_MODEL))

    def edit(self, provider_id: str) -> None:
        if provider_id in self._entries:
            self._bridge.spawn(self._edit(self._entries[provider_id]))

    def open_models(self, provider_id: str) -> None:
        entry = self._entries.get(provider_id)
        if entry is None or self._price_dialog is not None:
            return
        provider = entry.provider
        dialog = PriceDialog(self._theme, provider, self._view)
        self._price_dialog = dialog

        def set_price(model: str, price: ModelPrice | None) -> None:
            self._bridge.spawn(self._set_price(provider, model, price))

        def compare(model: str) -> None:
            self._open_compare(CloudTarget(provider, model))

        def name(model: str) -> None:
            self._bridge.spawn(self._name_model(provider, model))

        dialog.price_set.connect(set_price)
        dialog.named.connect(name)
        dialog.compare_asked.connect(compare)
        dialog.finished.connect(self._on_models_closed)
        dialog.show_models(entry.models or ())
        dialog.open()

    def close(self) -> None:
        self._on_hidden()
        self._end_subscription()

    def _connect(self) -> None:
        view = self._view
        view.shown.connect(self._on_shown)
        view.hidden.connect(self._on_hidden)
        view.closing.connect(self.close)
        view.add_asked.connect(self._editor.add)
        view.empty.asked.connect(self._editor.add)
        view.asked.connect(self.act)
        view.offer_undo(self._on_undo)
        view.practice.toggled.connect(self.toggle_practice)
        view.practice.compare_asked.connect(self.compare_practice)

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
        keys = await self._bridge.submit(self._service.key_locations(providers))
        for provider_id, key in keys.items():
            entry = self._entries.get(provider_id)
            if entry is not None:
                self._entries[provider_id] = with_key(entry, key)
        self._show()
        await self._bridge.submit(self._secrets.probe())
        self._view.show_storage(self._secrets.storage())

    async def _test(self, provider_id: str) -> None:
        tested: dict[str, Any] = {"models": None, "problem": "", "lacks_list": False}
        tested |= {"has_moved": False, "is_address_wrong": False}
        try:
            found, moved = await self._bridge.submit(self._service.find_models(provider_id))
            tested["models"] = found
            if moved is not None:
                tested |= {"provider": moved, "has_moved": True}
        except PlaygroundError as error:
            tested["problem"] = f"{error.message} {_hint_here(error)}".strip()
            tested["lacks_list"] = lacks_list(error)
            tested["is_address_wrong"] = lacks_list(error) or isinstance(
                error, AddressRefused | ConnectionFailed | TimedOut
            )
        finally:
            entry = self._entries.get(provider_id)
            if entry is not None:
                self._put(replace(entry, is_testing=False, **tested))

    async def _start_practice(self) -> None:
        # what keeps it from starting is said on its card
        with contextlib.suppress(PlaygroundError):
            await self._bridge.submit(self._service.start_practice())

    async def _edit(self, entry: ProviderEntry) -> None:
        source = await self._bridge.submit(self._service.key_source(entry.provider))
        self._editor.edit(entry.provider, source, is_address_wrong=entry.is_address_wrong)

    async def _remove(self, provider_id: str) -> None:
        removed = await self._bridge.submit(self._service.remove(provider_id))
        self._removed.append(removed)
        self._entries.pop(provider_id, None)
        self._show()
        words = self.tr("{0} is removed.")
        if removed.secret is not None:
            words = self.tr("{0} and its key are removed.")
        self._toast(
            words.format(removed.provider.name),
            action=self.tr("Undo"),
            on_action=self._on_undo,
            stay_ms=UNDO_MS,
        )

    def _on_undo(self) -> None:
        if self._removed:
            self._bridge.spawn(self._restore(self._removed.pop()))

    async def _restore(self, removed: RemovedProvider) -> None:
        await self._bridge.submit(self._service.restore(removed))
        # in place of the message that offers to undo it
        self._toast(self.tr("{0} is back.").format(removed.provider.name))
        self.refresh()

    async def _set_price(self, provider: Provider, model: str, price: ModelPrice | None) -> None:
        holds = await self._bridge.submit(self._service.set_price(provider, model, price))
        entry = self._entries.get(provider.id)
        if entry is not None and entry.models is not None:
            models = tuple(
                replace(known, price=holds) if known.id == model else known
                for known in entry.models
            )
            self._put(replace(entry, models=models))
        if self._price_dialog is not None:
            self._price_dialog.show_price(model, holds)

    async def _name_model(self, provider: Provider, typed: str) -> None:
        try:
            model = await self._bridge.submit(self._service.name_model(provider.id, typed))
        except PlaygroundError as error:
            if self._price_dialog is not None:
                self._price_dialog.show_problem(f"{error.message} {_hint_here(error)}")
            return
        entry = self._entries.get(provider.id)
        if entry is not None:
            others = tuple(known for known in entry.models or () if known.id != model.id)
            self._put(replace(entry, models=(model, *others), problem="", lacks_list=False))
        if self._price_dialog is not None:
            self._price_dialog.show_named(model)

    def _on_stored(self, provider_id: str) -> None:
        self.refresh()
        if provider_id:
            self.test(provider_id)

    def _on_models_closed(self) -> None:
        dialog, self._price_dialog = self._price_dialog, None
        if dialog is not None:
            dialog.deleteLater()

    def _on_settings(self, _settings: Settings) -> None:
        if self._listed() != tuple(entry.provider for entry in self._entries.values()):
            self.refresh()

    def _on_shown(self) -> None:
        self.refresh()
        if self._watcher is None:
            self._watcher = self._bridge.follow(self._practice.follow, self._on_practice, hz=10)

    def _on_hidden(self) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
            self._watcher = None

    def _on_practice(self, statuses: list[PracticeStatus]) -> None:
        self._status = statuses[-1]
        self._view.practice.show_status(self._status)
