"""The Get models page: search the Hub, see what would run here, and fetch it."""

from collections.abc import Callable, Generator
from pathlib import Path

from PySide6.QtWidgets import QWidget

from playground.services.downloads.manager import Downloads
from playground.services.hub.service import HubService
from playground.services.library.service import ModelLibrary
from playground.store.settings import SettingsStore
from playground.ui.bridge import Bridge
from playground.ui.pages.hub.advice import Assessor
from playground.ui.pages.hub.page import HubPage
from playground.ui.pages.hub.presenter import HubPresenter
from playground.ui.theme.theme import Theme
from playground.ui.widgets.show_toast import ShowToast

__all__ = ["HubPage", "HubPresenter", "make_hub_page"]


def make_hub_page(
    theme: Theme,
    bridge: Bridge,
    hub: HubService,
    downloads: Downloads,
    requirements: Assessor,
    *,
    library: ModelLibrary,
    settings: SettingsStore,
    open_downloads: Callable[[], object],
    open_compare: Callable[[Path], object],
    toast: ShowToast,
    open_settings: Callable[[], object] | None = None,
    parent: QWidget | None = None,
) -> Generator[None, None, HubPage]:
    """Build the page with its presenter, in steps; `open_compare` gets the file to compare with."""
    view = HubPage(theme, parent)
    yield
    view.complete()
    yield
    view.presenter = HubPresenter(
        view,
        bridge,
        hub=hub,
        downloads=downloads,
        requirements=requirements,
        library=library,
        settings=settings,
        open_downloads=open_downloads,
        open_compare=open_compare,
        open_settings=open_settings,
        toast=toast,
    )
    return view
