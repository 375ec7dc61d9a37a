"""The Settings page: looks, comparisons, electricity, keys, files and versions."""

from collections.abc import Generator

from PySide6.QtWidgets import QWidget

from playground.services.hub.service import HubService
from playground.store.files import Paths
from playground.store.secrets import SecretStore
from playground.store.settings import SettingsStore
from playground.ui.bridge import Bridge
from playground.ui.pages.settings.page import SettingsPage
from playground.ui.pages.settings.presenter import SettingsPresenter
from playground.ui.theme.theme import Theme

__all__ = ["SettingsPage", "SettingsPresenter", "make_settings_page"]


def make_settings_page(
    theme: Theme,
    bridge: Bridge,
    *,
    settings: SettingsStore,
    secrets: SecretStore,
    paths: Paths,
    hub: HubService | None = None,
    parent: QWidget | None = None,
) -> Generator[None, None, SettingsPage]:
    """Build the page with its presenter, in steps."""
    view = SettingsPage(theme, parent)
    yield
    view.complete()
    yield
    view.presenter = SettingsPresenter(
        theme,
        view,
        bridge,
        settings=settings,
        secrets=secrets,
        paths=paths,
        hub=hub,
    )
    return view
