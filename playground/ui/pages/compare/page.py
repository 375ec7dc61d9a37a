"""Puts the Compare page together."""

from collections.abc import Callable

from playground.services.comparison import ComparisonService
from playground.store.settings import SettingsStore
from playground.ui.bridge import Bridge
from playground.ui.pages.compare.notify import Notify
from playground.ui.pages.compare.presenter import ComparePresenter
from playground.ui.pages.compare.targets import Library, Providers, TargetChooser
from playground.ui.pages.compare.view import CompareView
from playground.ui.theme import Theme


def make_compare_page(
    theme: Theme,
    bridge: Bridge,
    *,
    service: ComparisonService,
    library: Library,
    providers: Providers,
    settings: SettingsStore,
    free_bytes: Callable[[], int],
    notify: Notify,
) -> CompareView:
    """Return the page; its presenter is `view.presenter`."""
    view = CompareView(theme)
    chooser = TargetChooser(bridge, library, providers, settings, free_bytes)
    presenter = ComparePresenter(
        view, theme, bridge, service=service, chooser=chooser, settings=settings, notify=notify
    )
    view.presenter = presenter
    view.close_hook = presenter.close
    return view
