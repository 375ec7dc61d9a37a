"""Decides what the Hub's card says, and puts changes into force."""

from typing import Any
from urllib.parse import urlsplit

from PySide6.QtCore import QObject

from playground.core.errors import PlaygroundError
from playground.core.urls import AddressLevel, check_url
from playground.services.hub.client import HubToken, TokenSource
from playground.services.hub.service import HubService
from playground.store.settings import Settings, SettingsStore
from playground.ui.bridge import Bridge
from playground.ui.pages.settings.hub_card import HubCard

_PROXY_SCHEMES = frozenset({"http", "https", "socks5", "socks5h"})


class HubSettings(QObject):
    """Keeps card and settings of the same mind; a token is checked before it is kept."""

    def __init__(
        self, card: HubCard, bridge: Bridge, settings: SettingsStore, hub: HubService
    ) -> None:
        super().__init__(card)
        self._card = card
        self._bridge = bridge
        self._settings = settings
        self._hub = hub
        card.changed.connect(self.change)
        card.token_entered.connect(self._on_token)
        card.forget_asked.connect(self._on_forget)
        settings.subscribe(self._on_settings)
        self._show()
        bridge.spawn(self._show_token())

    def change(self, changes: dict[str, Any]) -> None:
        """Put a change into force, or say beside its field why not."""
        for name, value in changes.items():
            problem = _problem(name, value)
            if name in {"hub_endpoint", "proxy"}:
                self._card.show_problem(name, problem)
            if problem:
                return
        try:
            self._settings.update(**changes)
        except PlaygroundError as error:
            self._bridge.report(error)
        self._show()
        if "hub_endpoint" in changes:
            # a token belongs to one address
            self._bridge.spawn(self._show_token())

    def close(self) -> None:
        """End what this has begun."""
        self._settings.unsubscribe(self._on_settings)

    def _on_settings(self, _settings: Settings) -> None:
        # called in whichever thread made the change
        self._bridge.post(self._show)

    def _show(self) -> None:
        self._card.show_settings(self._settings.settings)

    def _on_token(self, value: str) -> None:
        self._card.show_token(self.tr("Asking the Hub…"), "quiet", can_forget=False)
        # two at a time would undo each other
        self._card.show_asking(is_asking=True)
        self._bridge.spawn(self._keep(value))

    async def _keep(self, value: str) -> None:
        try:
            _, name = await self._bridge.submit(self._hub.set_token(value))
        except PlaygroundError as error:
            words = f"{error.message} {error.hint}".strip()
            self._card.show_token(words, "bad", can_forget=False)
            return
        finally:
            self._card.show_asking(is_asking=False)
        await self._show_token(name)

    def _on_forget(self) -> None:
        self._bridge.spawn(self._forget())

    async def _forget(self) -> None:
        await self._bridge.submit(self._hub.forget_token())
        await self._show_token()

    async def _show_token(self, name: str = "") -> None:
        token = await self._bridge.submit(self._hub.token())
        if token is None:
            words = self.tr("No access token is set: most models need none.")
            self._card.show_token(words, "quiet", can_forget=False)
            return
        words = self.tr("In force: {0}.").format(self._source_words(token))
        if name:
            words = f"{words} {self.tr('The Hub knows you as {0}.').format(name)}"
        can_forget = token.source in {TokenSource.KEYRING, TokenSource.SESSION}
        self._card.show_token(words, "here", can_forget=can_forget)

    def _source_words(self, token: HubToken) -> str:
        match token.source:
            case TokenSource.KEYRING:
                return self.tr("from this system's keyring")
            case TokenSource.SESSION:
                return self.tr("kept until the program ends, as there is no usable keyring")
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
        return check.message if check.level is AddressLevel.REFUSED else ""
    try:
        parts = urlsplit(value)
        is_right = parts.scheme in _PROXY_SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_right = False
    return "" if is_right else "A proxy is written as http://host:port."
