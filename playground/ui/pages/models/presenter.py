"""Decides what the Models page shows of the library, and which folders belong to it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import psutil
from PySide6.QtCore import QObject, QTimer

from playground.core.errors import ModelFileInvalid
from playground.core.requirements.memory import longest_default
from playground.core.targets import Target
from playground.services.library.service import LibraryFolder, LibraryState, ModelLibrary
from playground.services.machine.machine import physical_cores
from playground.services.requirements import RequirementsService
from playground.services.worker_pool import LoadedWorker, WorkerPool
from playground.store.settings import Settings, SettingsStore
from playground.ui.bridge import Bridge, Follower
from playground.ui.pages.models.actions import ModelActions
from playground.ui.pages.models.load_settings import LoadLimits
from playground.ui.pages.models.page import ModelsPage
from playground.ui.pages.models.row_store import RowStore
from playground.ui.pages.models.rows import ModelRow, folder_entry, header_facts
from playground.ui.widgets.toast import Notify

_AT_ONCE = 20
"""Models whose requirements are shown together."""


class ModelsPresenter(QObject):
    """Follows the library and the loaded models, and shows the chosen one's details."""

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
        open_tests: Callable[[Sequence[Target]], object],
        open_hub: Callable[[], object],
        toast: Notify,
    ) -> None:
        super().__init__(view)
        self._view = view
        self._bridge = bridge
        self._library = library
        self._settings = settings
        self._pool = pool
        self._requirements = requirements
        self._toast = toast
        self._rows = RowStore(requirements, settings, self)
        self._actions = ModelActions(
            view,
            bridge,
            self._rows,
            library=library,
            pool=pool,
            settings=settings,
            open_compare=open_compare,
            open_tests=open_tests,
            open_hub=open_hub,
            toast=toast,
            rescan=self.rescan,
        )
        self._described: str | None = None
        """The model whose header was asked for last."""
        self._folders: tuple[LibraryFolder, ...] = ()
        self._layers: dict[str, int] = {}
        self._automatic_context: dict[str, int | None] = {}
        self._added: tuple[Path, ...] = ()
        """Files and folders just added, of which is still to be told what was found there."""
        self._has_refreshed = False
        self._followers: tuple[Follower, ...] = ()
        self._scan_task: asyncio.Task[None] | None = None
        self._must_scan_again = False
        self._assess_task: asyncio.Task[None] | None = None
        self._connect(open_hub)

    def rescan(self) -> None:
        """Scan the folders; a scan that runs already is followed by another."""
        if self._scan_task is not None and not self._scan_task.done():
            self._must_scan_again = True
            return
        self._scan_task = self._bridge.spawn(self._scan())

    def add_paths(self, paths: tuple[Path, ...]) -> None:
        """List model files and folders that were dropped on the window or chosen."""
        self._added = paths
        self._bridge.spawn(self._add(paths))

    def remove_folder(self, folder: Path) -> None:
        """Take a folder off the list; nothing on disk is touched."""
        self._added = tuple(path for path in self._added if path != folder)
        self._bridge.spawn(self._remove(folder))

    def close(self) -> None:
        self._on_hidden()
        for task in (self._scan_task, self._assess_task):
            if task is not None:
                task.cancel()

    def _connect(self, open_hub: Callable[[], object]) -> None:
        view = self._view
        view.shown.connect(self._on_shown)
        view.hidden.connect(self._on_hidden)
        view.closing.connect(self.close)
        view.rescan.clicked.connect(self.rescan)
        view.folder_chosen.connect(self._on_folder_chosen)
        view.list.selected.connect(self._rows.choose)
        view.folders.remove_asked.connect(self.remove_folder)
        view.folders.open_asked.connect(self._actions.show_folder)
        for asked in (
            view.get_models.clicked,
            view.list.empty.asked,
            view.details.requirements.hub_asked,
        ):
            asked.connect(open_hub)
        self._rows.changed.connect(self._on_rows)

    def _on_rows(self) -> None:
        chosen = self._rows.chosen
        self._view.show_rows(self._rows.rows, None if chosen is None else chosen.key)
        self._show_details(chosen)
        if self._assess_task is None or self._assess_task.done():
            self._assess_task = self._bridge.spawn(self._assess_rows())

    def _show_details(self, row: ModelRow | None) -> None:
        """Show the chosen model; what the list has not is asked for when it is another one."""
        if row is None:
            self._described = None
            self._view.show_details(None, LoadLimits())
            return
        self._view.show_details(row, self._limits(row))
        if row.key != self._described:
            self._described = row.key
            self._bridge.spawn(self._show_header(row))
            self._bridge.spawn(self._show_other_devices(row))

    def _limits(self, row: ModelRow) -> LoadLimits:
        cores = physical_cores()
        automatic = self._automatic_context.get(row.key)
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
        details = self._view.details
        try:
            call = self._library.inspect(row.model.path)
            model, header = await self._bridge.submit(call)
        except ModelFileInvalid as error:
            if self._described == row.key:
                size = f"{row.model.size_bytes:,} bytes"
                details.show_header((("file", row.key), ("size", size), ("problem", error.message)))
            return
        layers = header.number("block_count")
        if layers is not None:
            self._layers[row.key] = layers
        self._automatic_context[row.key] = longest_default(header)
        if self._described == row.key:
            details.show_header(header_facts(model, header))
            self._show_details(self._rows.chosen)

    async def _show_other_devices(self, row: ModelRow) -> None:
        if not row.is_usable:
            return
        call = self._requirements.assess_elsewhere(row.model, row.settings)
        found = await self._bridge.submit(call)
        if self._described == row.key:
            self._view.details.show_other_devices(found)

    async def _assess_rows(self) -> None:
        """Work out what is not known yet, the chosen model first."""
        while wanted := self._rows.unassessed(_AT_ONCE):
            age = self._rows.age
            needs = await self._bridge.submit(self._requirements.assess_models(wanted))
            self._rows.set_needs(wanted, needs, age)

    async def _refresh(self) -> None:
        """Look at this computer's memory and at what has run here since the last time."""
        await self._bridge.submit(self._requirements.refresh())
        self._rows.refresh_uses()

    async def _scan(self) -> None:
        self._view.show_scanning(is_scanning=True)
        try:
            while True:
                self._must_scan_again = False
                state = await self._bridge.submit(self._library.rescan())
                if not self._must_scan_again:
                    break
        finally:
            self._view.show_scanning(is_scanning=False)
        # the file of the chosen model may be another one
        self._described = None
        self._on_states([state])
        first = self._tell_what_was_added()
        if first is not None:
            self._rows.choose(first)

    def _on_states(self, states: list[LibraryState]) -> None:
        state = states[-1]
        self._view.show_scanning(is_scanning=state.is_scanning)
        self._rows.set_models(state.models)
        self._folders = state.folders
        # after the list: with a thousand models both at once stall the window for over 100 ms
        # (tests.bench.models_window)
        QTimer.singleShot(0, self, self._show_folders)
        if state.models and not self._has_refreshed:
            # measuring how fast memory is takes every core: the list comes before it
            self._has_refreshed = True
            self._bridge.spawn(self._refresh())

    def _show_folders(self) -> None:
        self._view.folders.show_entries(tuple(map(folder_entry, self._folders)))

    def _on_loaded(self, changes: list[tuple[LoadedWorker, ...]]) -> None:
        if self._rows.set_loaded(changes[-1]) and self._rows.rows:
            self._bridge.spawn(self._refresh())

    def _on_shown(self) -> None:
        if not self._followers:
            self._followers = (
                self._bridge.follow(self._pool.follow, self._on_loaded, hz=10),
                self._bridge.follow(self._library.follow, self._on_states, hz=5),
            )
        if self._rows.rows:
            self._bridge.spawn(self._refresh())

    def _on_hidden(self) -> None:
        for follower in self._followers:
            follower.cancel()
        self._followers = ()

    def _on_folder_chosen(self, folder: Path) -> None:
        self.add_paths((folder,))

    async def _add(self, paths: tuple[Path, ...]) -> None:
        await self._change_folders(lambda known: tuple(dict.fromkeys((*known, *paths))))

    async def _remove(self, folder: Path) -> None:
        await self._change_folders(lambda known: tuple(one for one in known if one != folder))
        self._toast(
            self.tr("{0} is no longer looked through. No file was deleted.").format(folder.name),
            action=self.tr("Undo"),
            on_action=lambda: self.add_paths((folder,)),
        )

    async def _change_folders(self, edit: Callable[[tuple[Path, ...]], tuple[Path, ...]]) -> None:
        def change(settings: Settings) -> Settings:
            return replace(settings, model_folders=edit(settings.model_folders))

        await self._bridge.write(self._settings.change, change)
        self.rescan()

    def _tell_what_was_added(self) -> str | None:
        """Tell what was found in the folders just added; return the key of the first model."""
        first: str | None = None
        for path in self._added:
            found = [
                row for row in self._rows.rows if path in (row.model.path, *row.model.path.parents)
            ]
            if not found:
                words = self.tr("There is no .gguf file in {0}. It stays on the list of places.")
                self._toast(words.format(path.name), tone="caution")
                continue
            first = first or found[0].key
            if len(found) == 1:
                self._toast(self.tr("{0} is listed.").format(found[0].model.path.name))
            else:
                self._toast(self._counted(found, path))
        self._added = ()
        return first

    def _counted(self, found: list[ModelRow], path: Path) -> str:
        broken = sum(row.is_broken for row in found)
        others = sum(not row.model.is_chat_model for row in found)
        good = len(found) - broken - others
        said = self.tr("The folder “{0}” has {1} models.").format(path.name, good)
        if good == 1:
            said = self.tr("The folder “{0}” has 1 model.").format(path.name)
        if broken == 1:
            said += " " + self.tr("1 file can't be read; the list says why.")
        elif broken:
            said += " " + self.tr("{0} files can't be read; the list says why.").format(broken)
        if others == 1:
            said += " " + self.tr("1 file is not a chat model; the list says what it is.")
        elif others:
            words = self.tr("{0} files are not chat models; the list says what they are.")
            said += " " + words.format(others)
        return said
