"""The Models page: the model files of this computer, and what each needs."""

from collections.abc import Callable, Generator

from PySide6.QtWidgets import QWidget

from playground.core.targets import Target
from playground.services.library.service import ModelLibrary
from playground.services.requirements import RequirementsService
from playground.services.worker_pool import WorkerPool
from playground.store.settings import SettingsStore
from playground.ui.bridge import Bridge
from playground.ui.pages.models.page import ModelsPage
from playground.ui.pages.models.presenter import ModelsPresenter
from playground.ui.theme.theme import Theme
from playground.ui.widgets.show_toast import ShowToast

__all__ = ["ModelsPage", "ModelsPresenter", "make_models_page"]


def make_models_page(
    theme: Theme,
    bridge: Bridge,
    library: ModelLibrary,
    settings: SettingsStore,
    *,
    pool: WorkerPool,
    requirements: RequirementsService,
    open_compare: Callable[[Target], object],
    open_hub: Callable[[], object],
    toast: ShowToast,
    parent: QWidget | None = None,
) -> Generator[None, None, ModelsPage]:
    """Build the page with its presenter, in steps; dropped files go to `presenter.add_paths`."""
    view = ModelsPage(theme, parent)
    yield
    yield from view.complete()
    yield
    view.presenter = ModelsPresenter(
        view,
        bridge,
        library,
        settings,
        pool=pool,
        requirements=requirements,
        open_compare=open_compare,
        open_hub=open_hub,
        toast=toast,
    )
    return view
