"""Decides what the Models page shows and does."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication

from playground.core.errors import ModelFileInvalid, PlaygroundError
from playground.core.memory import longest_default
from playground.core.targets import LoadSettings, LocalTarget, ModelFile, Target
from playground.services.fitting import free_memory
from playground.services.library import ModelLibrary
from playground.services.pool import LoadedWorker, WorkerPool, physical_cores
from playground.store.settings import Settings, SettingsStore
from playground.ui.bridge import Bridge, Follower
from playground.ui.pages.models import reckoning
from playground.ui.pages.models.load_settings import LoadLimits
from playground.ui.pages.models.loading import Loads
from playground.ui.pages.models.place_changes import PlaceChanges
from playground.ui.pages.models.rows import LoadState, ModelRow
from playground.ui.pages.models.view import ModelsPage
from playground.ui.widgets.show_toast import ShowToast


class ModelsPresenter(QObject):
    """Keeps the rows, and carries out what a person asks for."""

    def __init__(
        self,
        view: ModelsPage,
        bridge: Bridge,
        library: ModelLibrary,
        settings: SettingsStore,
        pool: WorkerPool,
        *,
        own_folder: Path,
        open_compare: Callable[[Target], object],
        toast: ShowToast,
        free_bytes: Callable[[], int] = free_memory,
    ) -> None:
        super().__init__(view)
        self._view = view
        self._bridge = bridge
        self._library = library
        self._settings = settings
        self._pool = pool
        self._open_compare = open_compare
        self._toast = toast
        self._free_bytes = free_bytes
        self._rows: tuple[ModelRow, ...] = ()
        self._selected: str | None = None
        self._loaded: dict[str, LoadedWorker] = {}
        self._layers: dict[str, int | None] = {}
        self._automatic: dict[str, int | None] = {}
        self._scan_task: asyncio.Task[None] | None = None
        self._must_scan_again = False
        self._watcher: Follower | None = None
        self._loads = Loads(bridge, pool, self._refresh)
        self._places = PlaceChanges(
            view,
            library,
            settings,
            own_folder=own_folder,
            toast=toast,
            report=bridge.report,
            rescan=self.rescan,
        )
        self._connect()
        self._places.show(self._rows)

    def rescan(self) -> None:
        """Look through the folders; a scan that runs already is followed by another."""
        if self._scan_task is not None and not self._scan_task.done():
            self._must_scan_again = True
            return
        self._scan_task = self._bridge.spawn(self._scan())

    def add_paths(self, paths: tuple[Path, ...]) -> None:
        """List model files and folders that were dropped on the window or chosen."""
        self._places.add(paths)

    def load_selected(self) -> None:
        """Read the chosen model into memory."""
        row = self._row()
        if row is not None:
            self._loads.begin(LocalTarget(row.model, row.settings))

    def stop_loading(self) -> None:
        """Call the chosen model's load off."""
        self._loads.stop(self._selected or "")

    def unload_selected(self) -> None:
        """Give the chosen model's memory back."""
        row = self._row()
        if row is not None:
            self._bridge.spawn(self._unload(row.model))

    def compare_selected(self) -> None:
        """Put the chosen model on the Compare page."""
        row = self._row()
        if row is not None and row.model.problem is None:
            self._open_compare(LocalTarget(row.model, row.settings))

    def change_settings(self, settings: LoadSettings) -> None:
        """Remember how the chosen model is loaded, and reckon again what it needs."""
        row = self._row()
        if row is None:
            return

        def edit(stored: Settings) -> Settings:
            others = {key: kept for key, kept in stored.load_settings.items() if key != row.key}
            if settings != LoadSettings():
                others[row.key] = settings
            return replace(stored, load_settings=others)

        try:
            self._settings.change(edit)
        except PlaygroundError as error:
            self._bridge.report(error)
        self._replace(replace(row, settings=settings))
        self._bridge.spawn(self._reckon(row.key, settings))

    def close(self) -> None:
        """End what this page has begun."""
        self._on_hidden()
        self._loads.close()
        if self._scan_task is not None:
            self._scan_task.cancel()

    def _connect(self) -> None:
        view, details = self._view, self._view.details
        view.shown.connect(self._on_shown)
        view.hidden.connect(self._on_hidden)
        view.closing.connect(self.close)
        view.selected.connect(self._select)
        view.folder_chosen.connect(self._on_folder_chosen)
        view.rescan_asked.connect(self.rescan)
        view.folders.remove_asked.connect(self._places.remove)
        view.folders.open_asked.connect(self._places.open)
        details.compare_asked.connect(self.compare_selected)
        details.load_asked.connect(self.load_selected)
        details.unload_asked.connect(self.unload_selected)
        details.stop_asked.connect(self.stop_loading)
        details.folder_asked.connect(self._open_selected_folder)
        details.copy_asked.connect(self._copy_path)
        details.settings_changed.connect(self.change_settings)

    async def _scan(self) -> None:
        self._view.show_scanning(is_scanning=True)
        try:
            while True:
                self._must_scan_again = False
                found = await self._bridge.submit(
                    reckoning.scan(self._library, self._settings_of, self._free())
                )
                if not self._must_scan_again:
                    break
        finally:
            self._view.show_scanning(is_scanning=False)
        self._rows = tuple(
            self._with_state(ModelRow(model, self._settings_of(model), need))
            for model, need in found
        )
        self._choose_after_scan()
        self._view.show_rows(self._rows)
        self._places.show(self._rows)
        if self._selected is not None:
            self._select(self._selected)
        else:
            self._view.show_details(None, LoadLimits())

    def _choose_after_scan(self) -> None:
        keys = [row.key for row in self._rows]
        self._selected = self._places.tell(self._rows) or self._selected
        if self._selected not in keys:
            self._selected = keys[0] if keys else None

    def _select(self, key: str) -> None:
        self._selected = key
        row = self._row()
        if row is None:
            return
        self._view.show_details(row, self._limits(row))
        self._bridge.spawn(self._show_header(row))

    async def _show_header(self, row: ModelRow) -> None:
        try:
            header, facts = await self._bridge.submit(
                reckoning.header_facts(self._library, row.model)
            )
        except ModelFileInvalid as error:
            if self._selected == row.key:
                size = f"{row.model.size_bytes:,} bytes"
                self._view.details.show_header(
                    (("file", row.key), ("size", size), ("problem", error.message))
                )
            return
        self._layers[row.key] = header.number("block_count")
        self._automatic[row.key] = longest_default(header)
        if self._selected == row.key:
            self._view.details.show_header(facts)
            self._refresh()

    async def _reckon(self, key: str, settings: LoadSettings) -> None:
        row = self._row(key)
        if row is None:
            return
        found = await self._bridge.submit(
            reckoning.reckon_again(self._library, row.model, settings, self._free())
        )
        row = self._row(key)
        # a later choice has its own reckoning on the way
        if row is not None and row.settings == settings:
            self._replace(replace(row, reckoning=found))

    async def _unload(self, model: ModelFile) -> None:
        await self._bridge.submit(reckoning.unload(self._pool, model))

    def _on_shown(self) -> None:
        if self._watcher is None:
            self._watcher = self._bridge.follow(
                lambda: reckoning.watch(self._pool), self._on_loaded, hz=10
            )
        self.rescan()

    def _on_hidden(self) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
            self._watcher = None

    def _on_loaded(self, changes: list[tuple[LoadedWorker, ...]]) -> None:
        before = set(self._loaded)
        self._loaded = {str(worker.path): worker for worker in reversed(changes[-1])}
        self._refresh()
        if set(self._loaded) != before and self._selected is not None:
            row = self._row()
            if row is not None:
                self._bridge.spawn(self._reckon(row.key, row.settings))

    def _on_folder_chosen(self, folder: Path) -> None:
        self.add_paths((folder,))

    def _open_selected_folder(self) -> None:
        row = self._row()
        if row is not None:
            self._places.open(row.model.path.parent)

    def _copy_path(self) -> None:
        if self._selected is not None:
            QGuiApplication.clipboard().setText(self._selected)
            self._toast(self.tr("The path is copied."))

    def _refresh(self) -> None:
        self._rows = tuple(self._with_state(row) for row in self._rows)
        self._view.show_rows(self._rows)
        row = self._row()
        if row is not None:
            self._view.show_details(row, self._limits(row))

    def _replace(self, changed: ModelRow) -> None:
        self._rows = tuple(changed if row.key == changed.key else row for row in self._rows)
        self._refresh()

    def _with_state(self, row: ModelRow) -> ModelRow:
        worker = self._loaded.get(row.key)
        fraction = self._loads.fraction(row.key)
        if worker is None:
            state = LoadState.UNLOADED if fraction is None else LoadState.LOADING
            return replace(row, state=state, load_s=None, fraction=fraction)
        state = LoadState(worker.state.value)
        if state is not LoadState.LOADING:
            fraction = None
        return replace(row, state=state, load_s=worker.load_s, fraction=fraction)

    def _row(self, key: str | None = None) -> ModelRow | None:
        wanted = key or self._selected
        return next((row for row in self._rows if row.key == wanted), None)

    def _settings_of(self, model: ModelFile) -> LoadSettings:
        return self._settings.settings.load_settings.get(str(model.path), LoadSettings())

    def _limits(self, row: ModelRow) -> LoadLimits:
        import psutil  # noqa: PLC0415 - start-up time

        cores = physical_cores()
        automatic = self._automatic.get(row.key)
        if row.reckoning is not None and row.settings.context is None:
            automatic = row.reckoning.need.context
        return LoadLimits(
            context_length=row.model.context_length,
            automatic_context=automatic,
            layers=self._layers.get(row.key),
            cores=cores,
            threads=max(cores, psutil.cpu_count() or cores),
        )

    def _free(self) -> int:
        # what idle models hold is given back before another is loaded
        held = sum(worker.estimated_bytes or 0 for worker in self._loaded.values())
        return self._free_bytes() + held
