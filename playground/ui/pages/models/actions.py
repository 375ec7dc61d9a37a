"""What a person can do with the chosen model."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QObject, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QCheckBox, QMessageBox, QPushButton, QWidget

from playground.core.errors import PlaygroundError
from playground.core.targets import LoadSettings, LocalTarget, ModelFile, Target
from playground.services.library.delete import Deletion
from playground.services.library.service import LibraryFolder, ModelLibrary
from playground.services.worker_pool import WorkerPool
from playground.store.settings import Settings, SettingsStore
from playground.ui.bridge import Bridge, Follower
from playground.ui.format import size_words
from playground.ui.pages.models import row_store as reckoning
from playground.ui.pages.models.page import FolderEntry, ModelsPage
from playground.ui.pages.models.rows import ModelRow
from playground.ui.widgets.toast import Notify


class DeleteDialog(QObject):
    """One question at a time; `done` is called once a model has gone."""

    def __init__(
        self,
        parent: QWidget,
        bridge: Bridge,
        library: ModelLibrary,
        pool: WorkerPool,
        *,
        toast: Notify,
        done: Callable[[], None],
    ) -> None:
        super().__init__(parent)
        self._parent = parent
        self._bridge = bridge
        self._library = library
        self._pool = pool
        self._toast = toast
        self._done = done
        self._dialog: QMessageBox | None = None
        self._model: ModelFile | None = None
        self._tick: QCheckBox | None = None
        self._button: QPushButton | None = None

    def ask(self, model: ModelFile) -> None:
        """Show the question for a model, or why there is none."""
        self._bridge.spawn(self._ask(model))

    async def _ask(self, model: ModelFile) -> None:
        planned = await self._bridge.submit(self._library.deletion(model))
        if planned.why_not is not None:
            self._toast(planned.why_not, tone="caution")
            return
        if self._dialog is not None:
            self._dialog.close()
        self._model = model
        self._dialog = self._built(model, planned)
        self._dialog.open()

    def _built(self, model: ModelFile, planned: Deletion) -> QMessageBox:
        box = QMessageBox(self._parent)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setIcon(QMessageBox.Icon.NoIcon)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setWindowTitle(self.tr("Delete a model"))
        box.setText(self.tr("Put “{0}” into the bin?").format(model.name))
        box.setInformativeText(self._explained(planned))
        self._button = box.addButton(
            self.tr("Move to the bin"), QMessageBox.ButtonRole.DestructiveRole
        )
        keep = box.addButton(self.tr("Keep it"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(keep)
        box.setEscapeButton(keep)
        self._tick = None
        if planned.owner is not None:
            self._tick = QCheckBox(
                self.tr("{0} will no longer have it: delete it there too").format(planned.owner)
            )
            box.setCheckBox(self._tick)
            self._tick.toggled.connect(self._button.setEnabled)
            self._button.setEnabled(False)
        box.finished.connect(self._on_finished)
        return box

    def _explained(self, planned: Deletion) -> str:
        count = len(planned.files)
        files = self.tr("1 file") if count == 1 else self.tr("{0} files").format(count)
        if planned.frees_bytes == 0:
            said = self.tr("{0}. It frees no room: other names still hold the same file.")
            return said.format(files)
        said = self.tr("{0}. Emptying the bin frees {1} ({2} bytes).")
        return said.format(files, size_words(planned.frees_bytes), f"{planned.frees_bytes:,}")

    def _on_finished(self) -> None:
        box, model = self._dialog, self._model
        self._dialog = None
        if box is None or model is None or box.clickedButton() is not self._button:
            return
        is_confirmed = self._tick is not None and self._tick.isChecked()
        self._bridge.spawn(self._delete(model, is_confirmed=is_confirmed))

    async def _delete(self, model: ModelFile, *, is_confirmed: bool) -> None:
        # a loaded file is in use: on Windows it could not be moved
        await self._bridge.submit(reckoning.unload(self._pool, model))
        try:
            done = await self._bridge.submit(self._library.delete(model, confirmed=is_confirmed))
        except PlaygroundError as error:
            self._bridge.report(error)
            self._done()
            return
        self._toast(
            self.tr("“{0}” is in the bin ({1}).").format(model.name, size_words(done.frees_bytes))
        )
        self._done()


class ModelLoads:
    """The loads this page has begun, by the path of the model file."""

    def __init__(
        self, bridge: Bridge, pool: WorkerPool, on_change: Callable[[Collection[str]], None]
    ) -> None:
        self._bridge = bridge
        self._pool = pool
        self._on_change = on_change
        self._followers: dict[str, Follower] = {}
        self._fractions: dict[str, float] = {}

    def fraction(self, key: str) -> float | None:
        """Return how much of a model is loaded, 0 … 1; `None` where no load is on its way."""
        return self._fractions.get(key)

    def begin(self, target: LocalTarget) -> None:
        """Load a model; a second request for it changes nothing."""
        key = str(target.model.path)
        if key in self._followers:
            return

        def take(fractions: list[float]) -> None:
            self._fractions[key] = fractions[-1]
            self._on_change((key,))

        def end() -> None:
            self._forget(key)
            self._on_change((key,))

        self._fractions[key] = 0.0
        self._followers[key] = self._bridge.follow(
            lambda: reckoning.load(self._pool, target), take, done=end
        )
        self._on_change((key,))

    def stop(self, key: str) -> None:
        """Call a load off."""
        follower = self._forget(key)
        if follower is not None:
            follower.cancel()
            self._on_change((key,))

    def close(self) -> None:
        """Call every load off."""
        for key in list(self._followers):
            follower = self._forget(key)
            if follower is not None:
                follower.cancel()

    def _forget(self, key: str) -> Follower | None:
        self._fractions.pop(key, None)
        return self._followers.pop(key, None)


def folder_entries(places: Iterable[LibraryFolder]) -> tuple[FolderEntry, ...]:
    """Return the built-in places, other programs', then those a person has added."""
    return tuple(_entry(place) for place in places)


def _entry(place: LibraryFolder) -> FolderEntry:
    problem = place.problem
    if place.is_removable and not place.is_there:
        problem = _tr("Not connected, or gone")
    return FolderEntry(
        place.folder,
        place.name if place.is_removable else _tr(place.name),
        problem or _counted(place.model_count),
        is_bad=problem is not None,
        is_removable=place.is_removable,
    )


def _tr(text: str) -> str:
    return QCoreApplication.translate("ModelsPage", text)


def _counted(count: int) -> str:
    return _tr("1 model") if count == 1 else _tr("{0} models").format(count)


class FolderActions(QObject):
    """Keeps the list of places; `rescan` is called after each change of it."""

    def __init__(
        self,
        view: ModelsPage,
        settings: SettingsStore,
        *,
        toast: Notify,
        report: Callable[[BaseException], object],
        rescan: Callable[[], None],
    ) -> None:
        super().__init__(view)
        self._view = view
        self._settings = settings
        self._toast = toast
        self._report = report
        self._rescan = rescan
        self._wanted: tuple[Path, ...] = ()

    def show(self, places: tuple[LibraryFolder, ...]) -> None:
        """List the places, each with the number of models it has."""
        self._view.show_folders(folder_entries(places))

    def add(self, paths: tuple[Path, ...]) -> None:
        """Look into folders and at files that were dropped on the window or chosen."""
        known = self._settings.settings.model_folders
        fresh = tuple(path for path in dict.fromkeys(paths) if path not in known)
        self._wanted = paths
        self._replace((*known, *fresh))

    def remove(self, folder: Path) -> None:
        """Take a place off the list; nothing on disk is touched."""
        known = self._settings.settings.model_folders
        self._wanted = tuple(path for path in self._wanted if path != folder)
        if not self._replace(tuple(other for other in known if other != folder)):
            return
        self._toast(
            self.tr("{0} is no longer looked through. No file was deleted.").format(folder.name),
            action=self.tr("Undo"),
            on_action=lambda: self.add((folder,)),
        )

    def tell(self, rows: tuple[ModelRow, ...]) -> str | None:
        """Tell what was found in the places just added; return the key of the first model."""
        first: str | None = None
        for path in self._wanted:
            found = [row for row in rows if path in (row.model.path, *row.model.path.parents)]
            keys = [row.key for row in found]
            if not keys:
                words = self.tr("There is no .gguf file in {0}. It stays on the list of places.")
                self._toast(words.format(path.name), tone="caution")
                continue
            first = first or keys[0]
            if len(keys) == 1:
                self._toast(self.tr("{0} is listed.").format(Path(keys[0]).name))
            else:
                self._toast(self._counted(found, path))
        self._wanted = ()
        return first

    def _counted(self, found: list[ModelRow], path: Path) -> str:
        broken = sum(row.model.problem is not None for row in found)
        good = len(found) - broken
        said = self.tr("The folder “{0}” has {1} models.").format(path.name, good)
        if good == 1:
            said = self.tr("The folder “{0}” has 1 model.").format(path.name)
        if broken == 1:
            said += " " + self.tr("1 file can't be read; the list says why.")
        elif broken:
            said += " " + self.tr("{0} files can't be read; the list says why.").format(broken)
        return said

    def open(self, folder: Path) -> None:
        """Show a folder in the file manager."""
        place = folder if folder.is_dir() else folder.parent
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(place))):
            self._toast(self.tr("No file manager could be opened. The folder: {0}").format(place))

    def _replace(self, folders: tuple[Path, ...]) -> bool:
        try:
            self._settings.change(lambda settings: replace(settings, model_folders=folders))
        except PlaygroundError as error:
            self._report(error)
            return False
        self._rescan()
        return True


class ModelActions(QObject):
    """Carries out what is asked for on the page; `row` is that of the chosen model."""

    def __init__(
        self,
        view: ModelsPage,
        bridge: Bridge,
        row: Callable[[], ModelRow | None],
        *,
        pool: WorkerPool,
        loads: ModelLoads,
        deletes: DeleteDialog,
        places: FolderActions,
        open_compare: Callable[[Target], object],
        toast: Notify,
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


class LoadSettingsStore:
    """Load settings by model file; what nobody chose is not stored."""

    def __init__(self, settings: SettingsStore, report: Callable[[BaseException], object]) -> None:
        self._settings = settings
        self._report = report

    def of(self, model: ModelFile) -> LoadSettings:
        """Return how a model is loaded."""
        return self._settings.settings.load_settings_of(model)

    def keep(self, model: ModelFile, chosen: LoadSettings) -> None:
        """Remember how a model is loaded from now on."""
        key = str(model.path)

        def edit(stored: Settings) -> Settings:
            others = {path: kept for path, kept in stored.load_settings.items() if path != key}
            if chosen != LoadSettings():
                others[key] = chosen
            return replace(stored, load_settings=others)

        try:
            self._settings.change(edit)
        except PlaygroundError as error:
            self._report(error)
