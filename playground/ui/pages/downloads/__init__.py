"""The Downloads page: what is being fetched, how far it is, and what is ready to run."""

from collections.abc import Callable
from pathlib import Path

from playground.services.downloads.manager import Downloads
from playground.services.library.service import ModelLibrary
from playground.store.settings import SettingsStore
from playground.ui.bridge import Bridge
from playground.ui.pages.downloads.notifier import Announcer
from playground.ui.pages.downloads.page import DownloadsPage
from playground.ui.pages.downloads.presenter import DownloadsPresenter
from playground.ui.theme.theme import Theme
from playground.ui.widgets.show_toast import ShowToast

__all__ = ["Announcer", "DownloadsPage", "DownloadsPresenter", "make_downloads_page"]


def make_downloads_page(
    theme: Theme,
    bridge: Bridge,
    downloads: Downloads,
    library: ModelLibrary,
    settings: SettingsStore,
    *,
    open_compare: Callable[[Path], object],
    open_hub: Callable[[], object],
    toast: ShowToast,
) -> DownloadsPage:
    """Return the page with its presenter; `open_compare` gets the file to compare with."""
    view = DownloadsPage(theme)
    view.presenter = DownloadsPresenter(
        view,
        bridge,
        downloads,
        library,
        settings,
        open_compare=open_compare,
        open_hub=open_hub,
        toast=toast,
    )
    return view
