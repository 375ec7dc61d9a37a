"""What a person can do with the chosen model."""

from collections.abc import Callable

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication

from playground.core.targets import LocalTarget, Target
from playground.services.worker_pool import WorkerPool
from playground.ui.bridge import Bridge
from playground.ui.pages.models import reckoning
from playground.ui.pages.models.deletes import Deletes
from playground.ui.pages.models.loading import Loads
from playground.ui.pages.models.page import ModelsPage
from playground.ui.pages.models.place_changes import PlaceChanges
from playground.ui.pages.models.rows import ModelRow
from playground.ui.widgets.show_toast import ShowToast


class ModelActions(QObject):
    """Carries out what is asked for on the page; `row` is that of the chosen model."""

    def __init__(
        self,
        view: ModelsPage,
        bridge: Bridge,
        row: Callable[[], ModelRow | None],
        *,
        pool: WorkerPool,
        loads: Loads,
        deletes: Deletes,
        places: PlaceChanges,
        open_compare: Callable[[Target], object],
        toast: ShowToast,
    ) -> None:
        super().__init__(view)
        self._bridge = bridge
        self._row = row
        self._pool = pool
        self._loads = loads
        self._deletes = deletes
        self._places = places
        self._open_compare = open_compare
        self._toast = toast
        self._connect(view)

    def _connect(self, view: ModelsPage) -> None:
        details = view.details
        details.compare_asked.connect(self._compare)
        details.load_asked.connect(self._load)
        details.unload_asked.connect(self._unload)
        details.stop_asked.connect(self._stop_loading)
        details.folder_asked.connect(self._open_folder)
        details.copy_asked.connect(self._copy_path)
        details.delete_asked.connect(self._delete)
        view.delete_asked.connect(self._delete)

    def _load(self) -> None:
        row = self._row()
        if row is not None:
            self._loads.begin(LocalTarget(row.model, row.settings))

    def _stop_loading(self) -> None:
        row = self._row()
        if row is not None:
            self._loads.stop(row.key)

    def _unload(self) -> None:
        row = self._row()
        if row is not None:
            self._bridge.submit(reckoning.unload(self._pool, row.model))

    def _compare(self) -> None:
        row = self._row()
        if row is not None and row.is_usable:
            self._open_compare(LocalTarget(row.model, row.settings))

    def _delete(self) -> None:
        row = self._row()
        if row is not None:
            self._deletes.ask(row.model)

    def _open_folder(self) -> None:
        row = self._row()
        if row is not None:
            self._places.open(row.model.path.parent)

    def _copy_path(self) -> None:
        row = self._row()
        if row is not None:
            QGuiApplication.clipboard().setText(row.key)
            self._toast(self.tr("The path is copied."))
