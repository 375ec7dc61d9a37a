"""The Providers page: cloud services and servers of one's own."""

from collections.abc import Callable

from playground.core.targets import Target
from playground.services.providers.practice import PracticeCloud
from playground.services.providers.prices import PriceService
from playground.services.providers.service import ProviderService
from playground.store.secrets import SecretStore
from playground.store.settings import SettingsStore
from playground.ui.bridge import Bridge
from playground.ui.pages.providers.page import ProvidersPage
from playground.ui.pages.providers.presenter import ProvidersPresenter
from playground.ui.theme.theme import Theme
from playground.ui.widgets.show_toast import ShowToast

__all__ = ["ProvidersPage", "ProvidersPresenter", "make_providers_page"]


def make_providers_page(
    theme: Theme,
    bridge: Bridge,
    *,
    providers: ProviderService,
    secrets: SecretStore,
    prices: PriceService,
    practice: PracticeCloud,
    settings: SettingsStore,
    open_compare: Callable[[Target], object],
    toast: ShowToast,
) -> ProvidersPage:
    """Return the page with its presenter."""
    view = ProvidersPage(theme)
    view.presenter = ProvidersPresenter(
        theme,
        view,
        bridge,
        service=providers,
        secrets=secrets,
        prices=prices,
        practice=practice,
        settings=settings,
        open_compare=open_compare,
        toast=toast,
    )
    return view
