"""Puts the Compare page's widgets together with what answers to them."""

from collections.abc import Callable

from playground.services.comparison import ComparisonService
from playground.store.settings import SettingsStore
from playground.ui.bridge import Bridge
from playground.ui.pages.compare.notify import Notify
from playground.ui.pages.compare.page import CompareView
from playground.ui.pages.compare.presenter import ComparePresenter
from playground.ui.pages.compare.targets import Library, Providers, TargetChooser
from playground.ui.theme.theme import Theme


def attach_compare(
    view: CompareView,
    theme: Theme,
    bridge: Bridge,
    *,
    service: ComparisonService,
    library: Library,
    providers: Providers,
    settings: SettingsStore,
    free_bytes: Callable[[], int],
    notify: Notify,
) -> None:
    """Give the page what answers to it: its presenter, kept as `view.presenter`."""
    chooser = TargetChooser(bridge, library, providers, settings, free_bytes)
    presenter = ComparePresenter(
        view, theme, bridge, service=service, chooser=chooser, settings=settings, notify=notify
    )
    view.presenter = presenter
    view.close_hook = presenter.close


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
    """Return the whole page at once."""
    view = CompareView(theme)
    attach_compare(
        view,
        theme,
        bridge,
        service=service,
        library=library,
        providers=providers,
        settings=settings,
        free_bytes=free_bytes,
        notify=notify,
    )
    return view
