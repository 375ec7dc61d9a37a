"""Decides what the Settings page shows, and puts changes into force."""

import asyncio
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QDesktopServices

from playground.core.errors import PlaygroundError
from playground.services.hub.service import HubService
from playground.services.providers.prices import default_watts, has_battery
from playground.store.files import Paths
from playground.store.secrets import SecretStore
from playground.store.settings import Settings, SettingsStore
from playground.ui.bridge import Bridge
from playground.ui.pages.settings.facts import about
from playground.ui.pages.settings.hub_presenter import HubSettings
from playground.ui.pages.settings.page import SettingsPage
from playground.ui.theme.theme import Theme


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
        hub: HubService | None = None,
    ) -> None:
        super().__init__(view)
        self._theme = theme
        self._view = view
        self._bridge = bridge
        self._settings = settings
        self._secrets = secrets
        self._default_watts = default_watts()
        self._machine = self._described()
        self._hub: HubSettings | None = None
        view.hub.setVisible(hub is not None)
        if hub is not None:
            self._hub = HubSettings(view.hub, bridge, settings, hub)
        self._connect()
        self._view.show_problem(settings.problem)
        self._view.show_places(
            (
                (self.tr("Settings"), paths.settings_file),
                (self.tr("History"), paths.database_file),
                (self.tr("Models"), paths.models_dir),
                (self.tr("Log"), paths.log_file),
            )
        )
        self._show()
        self._view.show_storage(secrets.storage())
        self._bridge.spawn(self._load())

    def change(self, changes: dict[str, Any]) -> None:
        """Put changed settings into force and remember them."""
        try:
            self._settings.update(**changes)
        except PlaygroundError as error:
            self._bridge.report(error)
        self._show()

    def close(self) -> None:
        """End what this page has begun."""
        self._settings.unsubscribe(self._on_settings)
        if self._hub is not None:
            self._hub.close()

    def _connect(self) -> None:
        self._view.changed.connect(self.change)
        self._view.folder_asked.connect(self._open)
        self._view.closing.connect(self.close)
        self._settings.subscribe(self._on_settings)

    def _on_settings(self, _settings: Settings) -> None:
        # called in whichever thread made the change
        self._bridge.post(self._show)

    def _show(self) -> None:
        settings = self._settings.settings
        self._theme.set_look(
            mode=settings.theme.value,
            scale=settings.text_scale,
            stage_scale=settings.stage_scale,
        )
        self._view.show_settings(settings, self._default_watts, self._machine)

    def _described(self) -> str:
        kind = self.tr("a laptop") if has_battery() else self.tr("a desktop computer")
        return self.tr(
            "Automatic takes ≈ {0:.0f} W: {1} with as many cores as this one. It is an estimate; "
            "a plug-in meter tells the truth."
        ).format(self._default_watts, kind)

    async def _load(self) -> None:
        self._view.show_about(await self._bridge.submit(asyncio.to_thread(about)))
        self._view.show_storage(await self._bridge.submit(self._secrets.probe()))

    def _open(self, folder: Path) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
