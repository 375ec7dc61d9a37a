"""Decides what the Models page shows and does."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, QTimer

from playground.core.errors import ModelFileInvalid
from playground.core.requirements.memory import longest_default
from playground.core.targets import KvType, LoadSettings, Target
from playground.services.library.service import LibraryFolder, ModelLibrary
from playground.services.machine.machine import physical_cores
from playground.services.requirements import RequirementsService
from playground.services.worker_pool import LoadedWorker, WorkerPool
from playground.store.settings import SettingsStore
from playground.ui.bridge import Bridge, Follower
from playground.ui.pages.models import row_store as reckoning
from playground.ui.pages.models.actions import (
    DeleteDialog,
    FolderActions,
    LoadSettingsStore,
    ModelActions,
    ModelLoads,
)
from playground.ui.pages.models.details import ModelDetails
from playground.ui.pages.models.load_settings import LoadLimits
from playground.ui.pages.models.page import ModelsPage
from playground.ui.pages.models.row_store import CompatibilityQueue, Found, RowStore
from playground.ui.pages.models.rows import ModelRow
from playground.ui.widgets.toast import Notify


class DetailsPresenter:
    """Asks for what the list has not; what comes too late for another choice is not shown."""

    def __init__(
        self,
        details: ModelDetails,
        bridge: Bridge,
        library: ModelLibrary,
        requirements: RequirementsService,
        changed: Callable[[], None],
    ) -> None:
        self._details = details
        self._bridge = bridge
        self._library = library
        self._requirements = requirements
        self._changed = changed
        self._key: str | None = None
        self._layers: dict[str, int | None] = {}
        self._automatic: dict[str, int | None] = {}

    def show(self, row: ModelRow) -> None:
        """Ask for everything about a model that has just been chosen."""
        self._key = row.key
        self._bridge.spawn(self._show_header(row))
        self._bridge.spawn(self._show_elsewhere(row))

    def limits(self, row: ModelRow) -> LoadLimits:
        """Return what the choices of a model's load settings go up to."""
        import psutil  # noqa: PLC0415 - start-up time

        cores = physical_cores()
        automatic = self._automatic.get(row.key)
        if row.needs is not None and row.settings.context is None:
            automatic = row.needs.need.context
        return LoadLimits(
            context_length=row.model.context_length,
            automatic_context=automatic,
            layers=self._layers.get(row.key),
            cores=cores,
            threads=max(cores, psutil.cpu_count() or cores),
        )

    async def _show_header(self, row: ModelRow) -> None:
        try:
            header, facts = await self._bridge.submit(
                reckoning.header_facts(self._library, row.model)
            )
        except ModelFileInvalid as error:
            if self._key == row.key:
                size = f"{row.model.size_bytes:,} bytes"
                self._details.show_header(
                    (("file", row.key), ("size", size), ("problem", error.message))
                )
            return
        self._layers[row.key] = header.number("block_count")
        self._automatic[row.key] = longest_default(header)
        if self._key == row.key:
            self._details.show_header(facts)
            self._changed()

    async def _show_elsewhere(self, row: ModelRow) -> None:
        if not row.is_usable:
            return
        found = await self._bridge.submit(
            reckoning.elsewhere(self._requirements, self._library, row.model, row.settings)
        )
        if self._key == row.key:
            self._details.show_elsewhere(found)


_REST_MS = 10
"""After the list: what is beside and below it. Time for what a person has pressed meanwhile."""


class ModelsPresenter(QObject):
    """Keeps the rows, and carries out what a person asks for."""

    def __init__(
        self,
        view: ModelsPage,
        bridge: Bridge,
        library: ModelLibrary,
        settings: SettingsStore,
        *,
        pool: WorkerPool,
        requirements: RequirementsService,
        open_compare: Callable[[Target], object],
        open_hub: Callable[[], object],
        toast: Notify,
    ) -> None:
        super().__init__(view)
        self._view = view
        self._bridge = bridge
        self._library = library
        self._load_choices = LoadSettingsStore(settings, bridge.report)
        self._pool = pool
        self._requirements = requirements
        self._open_hub = open_hub
        self._selected: str | None = None
        self._described: str | None = None
        """The model whose header was asked for last."""
        self._found_places: tuple[LibraryFolder, ...] = ()
        self._is_taking = False
        self._rest = _timer(self, self._show_places)
        self._last = _timer(self, self._show_rest)
        self._has_looked_at_memory = False
        self._scan_task: asyncio.Task[None] | None = None
        self._must_scan_again = False
        self._watcher: Follower | None = None
        self._finder: Follower | None = None
        self._assessments = CompatibilityQueue(bridge, requirements, self._refresh)
        self._chosen = DetailsPresenter(view.details, bridge, library, requirements, self._show)
        deletes = DeleteDialog(view, bridge, library, pool, toast=toast, done=self.rescan)
        self._loads = ModelLoads(bridge, pool, self._refresh)
        self._known = RowStore(
            settings_of=self._load_choices.of,
            needs_of=self._assessments.of,
            use_of=lambda model: requirements.use_of(model.path),
            fraction_of=self._loads.fraction,
        )
        self._places = FolderActions(
            view,
            settings,
            toast=toast,
            report=bridge.report,
            rescan=self.rescan,
        )
        ModelActions(
            view,
            bridge,
            self._row,
            pool=pool,
            loads=self._loads,
            deletes=deletes,
            places=self._places,
            open_compare=open_compare,
            toast=toast,
        )
        self._connect()

    def rescan(self) -> None:
        """Look through the folders; a scan that runs already is followed by another."""
        if self._scan_task is not None and not self._scan_task.done():
            self._must_scan_again = True
            return
        self._scan_task = self._bridge.spawn(self._scan())

    def add_paths(self, paths: tuple[Path, ...]) -> None:
        """List model files and folders that were dropped on the window or chosen."""
        self._places.add(paths)

    def change_settings(self, settings: LoadSettings) -> None:
        """Remember how the chosen model is loaded, and reckon again what it needs."""
        row = self._row()
        if row is not None:
            self._load_choices.keep(row.model, settings)
            self._known.change_settings(row.key, settings)
            self._show()
            self._assess()

    def close(self) -> None:
        """End what this page has begun."""
        self._on_hidden()
        self._rest.stop()
        self._last.stop()
        self._loads.close()
        self._assessments.close()
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
        details.settings_changed.connect(self.change_settings)
        details.context_asked.connect(self._on_context_asked)
        details.kv_type_asked.connect(self._on_kv_type_asked)
        details.hub_asked.connect(self._open_hub)
        view.hub_asked.connect(self._open_hub)

    async def _scan(self) -> None:
        self._view.show_scanning(is_scanning=True)
        try:
            while True:
                self._must_scan_again = False
                found = await self._bridge.submit(reckoning.scan(self._library))
                if not self._must_scan_again:
                    break
        finally:
            self._view.show_scanning(is_scanning=False)
        self._take(found)
        self._selected = self._places.tell(self._known.rows) or self._selected
        if self._selected is not None:
            self._select(self._selected)

    def _on_found(self, states: list[Found]) -> None:
        self._view.show_scanning(is_scanning=states[-1].is_scanning)
        self._take(states[-1])

    def _take(self, found: Found) -> None:
        """List what was found; what is known of it stays, the rest is worked out."""
        self._known.take(found.models)
        self._choose_after_scan()
        self._is_taking = True
        try:
            self._view.show_rows(self._known.rows)
        finally:
            self._is_taking = False
        self._found_places = found.places
        if self._described is not None and self._selected != self._described:
            # what is shown is gone, and must not be what a button means meanwhile
            self._show_rest()
        # of a thousand models the list alone takes a moment: the window answers before the rest
        self._rest.start()

    def _show_rest(self) -> None:
        if self._selected is None:
            self._view.show_details(None, LoadLimits())
        elif self._selected != self._described:
            self._select(self._selected)
        else:
            self._show_selected()
        self._assess()
        if self._known.rows and not self._has_looked_at_memory:
            # measuring how fast memory is takes every core: the list comes before it
            self._has_looked_at_memory = True
            self._bridge.spawn(self._look_at_memory())

    def _show_places(self) -> None:
        self._places.show(self._found_places)
        self._last.start()

    def _show_selected(self) -> None:
        row = self._row()
        if row is not None:
            self._view.show_details(row, self._chosen.limits(row))

    def _choose_after_scan(self) -> None:
        if self._row() is None:
            rows = self._known.rows
            self._selected = rows[0].key if rows else None

    def _select(self, key: str) -> None:
        self._selected = key
        if self._is_taking:
            # the list chooses its first row as it gets the keyboard
            return
        self._described = key
        row = self._row()
        if row is None:
            return
        self._view.show_details(row, self._chosen.limits(row))
        self._chosen.show(row)

    def _assess(self) -> None:
        """Work out what is not known yet, the chosen model first."""
        chosen = self._row()
        first = () if chosen is None else (chosen,)
        others = (row for row in self._known.rows if row is not chosen)
        self._assessments.ask(
            [
                (row.model, row.settings)
                for row in (*first, *others)
                if row.is_usable and row.model.is_header_read
            ]
        )

    async def _look_at_memory(self) -> None:
        await self._bridge.submit(reckoning.refresh(self._requirements))
        self._assessments.age()
        self._known.refresh_uses()
        self._show()
        self._assess()

    def _on_shown(self) -> None:
        if self._watcher is None:
            self._watcher = self._bridge.follow(
                lambda: reckoning.watch(self._pool), self._on_loaded, hz=10
            )
        if self._finder is None:
            self._finder = self._bridge.follow(
                lambda: reckoning.found(self._library), self._on_found, hz=5
            )
        if self._known.rows:
            self._bridge.spawn(self._look_at_memory())

    def _on_hidden(self) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
            self._watcher = None
        if self._finder is not None:
            self._finder.cancel()
            self._finder = None

    def _on_loaded(self, changes: list[tuple[LoadedWorker, ...]]) -> None:
        loaded = {str(worker.path): worker for worker in reversed(changes[-1])}
        come_or_gone = self._known.note_loaded(loaded)
        self._show()
        if come_or_gone and self._selected is not None:
            self._bridge.spawn(self._look_at_memory())

    def _on_folder_chosen(self, folder: Path) -> None:
        self.add_paths((folder,))

    def _on_context_asked(self, context: int) -> None:
        row = self._row()
        if row is not None:
            self.change_settings(replace(row.settings, context=context))

    def _on_kv_type_asked(self, kv_type: str) -> None:
        row = self._row()
        if row is not None:
            self.change_settings(replace(row.settings, kv_type=KvType(kv_type)))

    def _refresh(self, keys: Collection[str]) -> None:
        """Show what has become known of some models."""
        self._known.refresh(keys)
        self._show()

    def _show(self) -> None:
        self._view.show_rows(self._known.rows)
        self._show_selected()

    def _row(self) -> ModelRow | None:
        return self._known.row(self._selected)


def _timer(parent: QObject, slot: Callable[[], None]) -> QTimer:
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(_REST_MS)
    timer.timeout.connect(slot)
    return timer
