"""Decides what the Settings page shows, and puts changes into force."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QDesktopServices

from playground.core.errors import PlaygroundError
from playground.core.keys import check_key
from playground.core.runs import HostContact
from playground.core.urls import AddressLevel, check_url
from playground.network.routes import SETTINGS, NetworkFailed, parse_proxy
from playground.services.hub.service import HubService
from playground.services.hub.tokens import HubToken, TokenSource
from playground.services.providers.prices import default_watts, has_battery
from playground.store.backup import Backups
from playground.store.files import Paths
from playground.store.secrets import SecretStore
from playground.store.settings import Settings, SettingsStore
from playground.ui.bridge import Bridge
from playground.ui.format import sent_words
from playground.ui.pages.settings.hub_card import HubCard
from playground.ui.pages.settings.page import SettingsPage, about
from playground.ui.theme.theme import Theme
from playground.ui.widgets.toast import Notify


class HubTokenPresenter(QObject):
    """Shows which token is in force; a token is checked before it is kept."""

    def __init__(self, card: HubCard, bridge: Bridge, hub: HubService) -> None:
        super().__init__(card)
        self._card = card
        self._bridge = bridge
        self._hub = hub
        self._name = ""
        """Who the Hub says the token belongs to; empty where it was not asked."""
        self._note = ""
        """What was left out of what was pasted."""
        card.token_entered.connect(self._on_token)
        card.forget_asked.connect(self._on_forget)
        self.show_token()

    def show_token(self) -> None:
        self._bridge.spawn(self._show_token())

    def _on_token(self, value: str) -> None:
        self._card.show_token(self.tr("Asking the Hub…"), "quiet", can_forget=False)
        # two at a time would undo each other
        self._card.show_asking(is_asking=True)
        self._bridge.spawn(self._keep(value))

    async def _keep(self, value: str) -> None:
        try:
            _, self._name = await self._bridge.submit(self._hub.set_token(value))
        except PlaygroundError as error:
            words = f"{error.message} {error.hint}".strip()
            self._card.show_token(words, "bad", can_forget=False)
            return
        finally:
            self._card.show_asking(is_asking=False)
        self._note = check_key(value).note
        await self._show_token()

    def _on_forget(self) -> None:
        self._bridge.spawn(self._forget())

    async def _forget(self) -> None:
        await self._bridge.submit(self._hub.forget_token())
        self._name = self._note = ""
        await self._show_token()

    async def _show_token(self) -> None:
        token = await self._bridge.submit(self._hub.token())
        if token is None:
            words = self.tr("No access token is set: most models need none.")
            self._card.show_token(words, "quiet", can_forget=False)
            return
        words = self.tr("In force: {0}.").format(self._source_words(token))
        if self._name:
            words = f"{words} {self.tr('The Hub knows you as {0}.').format(self._name)}"
        words = f"{words} {self._note}".strip()
        can_forget = token.source in {TokenSource.KEYRING, TokenSource.SESSION}
        self._card.show_token(words, "local", can_forget=can_forget)

    def _source_words(self, token: HubToken) -> str:
        match token.source:
            case TokenSource.KEYRING:
                return self.tr("from this computer's password store")
            case TokenSource.SESSION:
                return self.tr("kept until the program ends, as there is no password store")
            case TokenSource.ENVIRONMENT:
                return self.tr("from the variable {0}").format(token.detail)
            case TokenSource.LOGIN:
                return self.tr("from the login of huggingface_hub ({0})").format(token.detail)


def _problem(name: str, value: Any) -> str:
    """Return what is wrong with an address, empty where nothing is."""
    if value is None or name not in {"hub_endpoint", "proxy"}:
        return ""
    if name == "hub_endpoint":
        check = check_url(value)
        return f"{check.message} {check.hint}" if check.level is AddressLevel.REFUSED else ""
    try:
        parse_proxy(value, SETTINGS)
    except NetworkFailed as error:
        return f"{error.message} {error.hint}"
    return ""


class SettingsPresenter(QObject):
    """Keeps page, window and file of the same mind, whoever made a change."""

    def __init__(
        self,
        theme: Theme,
        view: SettingsPage,
        bridge: Bridge,
        *,
        settings: SettingsStore,
        secrets: SecretStore,
        paths: Paths,
        hub: HubService,
        sent: Callable[[], Sequence[HostContact]],
        backups: Backups,
        notify: Notify,
    ) -> None:
        """`sent` tells what has left this computer."""
        super().__init__(view)
        self._sent = sent
        self._theme = theme
        self._view = view
        self._bridge = bridge
        self._settings = settings
        self._secrets = secrets
        self._backups = backups
        self._notify = notify
        self._writes = 0
        """Changes that are not written yet: what was entered since must not be shown as before."""
        self._default_watts = default_watts()
        self._machine = self._described()
        self._token = HubTokenPresenter(view.hub, bridge, hub)
        self._end_subscription = bridge.subscribe(settings, self._show)
        self._connect()
        self._view.show_problem(settings.problem)
        self._view.show_places(
            (
                (self.tr("Settings"), paths.settings_file),
                (self.tr("History"), paths.database_file),
                (self.tr("Models"), paths.models_dir),
                # it is begun with the first thing that goes wrong
                (self.tr("Log"), paths.log_file if paths.log_file.exists() else paths.log_dir),
            )
        )
        self._show(settings.settings)
        self._view.show_storage(secrets.storage(), secrets.backend)
        self._show_sent()
        self._bridge.spawn(self._load())

    def change(self, changes: dict[str, Any]) -> None:
        """Put changed settings into force and remember them, or say beside a field why not."""
        for name, value in changes.items():
            problem = _problem(name, value)
            if name in {"hub_endpoint", "proxy"}:
                self._view.hub.show_problem(name, problem)
            if problem:
                return
        self._bridge.spawn(self._write(changes))

    async def _write(self, changes: dict[str, Any]) -> None:
        self._writes += 1
        try:
            await self._bridge.write(self._settings.update, **changes)
        finally:
            self._writes -= 1
            self._show(self._settings.settings)
        if "hub_endpoint" in changes:
            # a token belongs to one address
            self._token.show_token()

    def _connect(self) -> None:
        self._view.changed.connect(self.change)
        self._view.hub.changed.connect(self.change)
        self._view.folder_asked.connect(self._open)
        self._view.backup_chosen.connect(self._on_backup)
        self._view.restore_chosen.connect(self._on_restore)
        self._view.closing.connect(self._end_subscription)
        self._view.shown.connect(self._show_sent)

    def _show(self, settings: Settings) -> None:
        if self._writes:
            return
        self._theme.set_appearance(
            mode=settings.theme.value,
            scale=settings.text_scale,
            presentation_scale=settings.stage_scale,
        )
        self._view.show_settings(settings, self._default_watts, self._machine)
        self._view.hub.show_settings(settings)

    def _show_sent(self) -> None:
        self._view.show_sent(sent_words(self._sent()))

    def _described(self) -> str:
        kind = self.tr("a laptop") if has_battery() else self.tr("a desktop computer")
        return self.tr(
            "Automatic takes ≈ {0:.0f} W: {1} with as many cores as this one. It is an estimate; "
            "a plug-in meter tells the truth."
        ).format(self._default_watts, kind)

    async def _load(self) -> None:
        self._view.show_about(await self._bridge.submit(asyncio.to_thread(about)))
        sentence = await self._bridge.submit(self._secrets.probe())
        self._view.show_storage(sentence, self._secrets.backend)

    def _on_backup(self, target: Path) -> None:
        self._bridge.spawn(self._back_up(target))

    async def _back_up(self, target: Path) -> None:
        self._view.show_backup_running(running=True)
        try:
            count = await self._bridge.submit(self._backups.back_up(target))
        finally:
            self._view.show_backup_running(running=False)
        self._notify(
            self.tr(
                "Kept in {name}: the settings and {count} comparisons. No key is in it."
            ).format(name=target.name, count=f"{count:,}")
        )

    def _on_restore(self, source: Path) -> None:
        self._bridge.spawn(self._restore(source))

    async def _restore(self, source: Path) -> None:
        self._view.show_backup_running(running=True)
        try:
            restored = await self._bridge.submit(self._backups.restore(source))
        finally:
            self._view.show_backup_running(running=False)
        said = self.tr("Comparisons added: {added}; here already: {known}.").format(
            added=f"{restored.added:,}", known=f"{restored.known:,}"
        )
        if restored.sets or restored.evaluations:
            said += " " + self.tr("Prompt sets added: {sets}; evaluations: {evaluations}.").format(
                sets=f"{restored.sets:,}", evaluations=f"{restored.evaluations:,}"
            )
        self._notify(
            f"{said} "
            + self.tr("The settings are those of the backup. Keys have to be entered again."),
            stay_ms=0,
        )

    def _open(self, folder: Path) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
