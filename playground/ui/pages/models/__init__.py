"""The Models page: the model files of this computer, and what each needs."""

from collections.abc import Callable
from pathlib import Path

from playground.core.targets import Target
from playground.services.fitting import free_memory
from playground.services.library import ModelLibrary
from playground.services.pool import WorkerPool
from playground.store.settings import SettingsStore
from playground.ui.bridge import Bridge
from playground.ui.pages.models.presenter import ModelsPresenter
from playground.ui.pages.models.view import ModelsPage
from playground.ui.theme import Theme
from playground.ui.widgets.show_toast import ShowToast

__all__ = ["ModelsPage", "ModelsPresenter", "make_models_page"]


def make_models_page(
    theme: Theme,
    bridge: Bridge,
    library: ModelLibrary,
    settings: SettingsStore,
    pool: WorkerPool,
    *,
    own_folder: Path,
    open_compare: Callable[[Target], object],
    toast: ShowToast,
    free_bytes: Callable[[], int] = free_memory,
) -> ModelsPage:
    """Return the page with its presenter; connect `files_dropped` to `presenter.add_paths`."""
    view = ModelsPage(theme)
    view.presenter = ModelsPresenter(
        view,
        bridge,
        library,
        settings,
        pool,
        own_folder=own_folder,
        open_compare=open_compare,
        toast=toast,
        free_bytes=free_bytes,
    )
    return view
