"""What a person can do with the chosen model."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QCheckBox, QMessageBox, QWidget

from playground.core.errors import PlaygroundError
from playground.core.gguf.naming import other_version
from playground.core.targets import KvType, LoadSettings, LocalTarget, ModelFile, Target
from playground.services.library.delete import Deletion
from playground.services.library.service import ModelLibrary
from playground.services.worker_pool import WorkerPool
from playground.store.settings import Settings, SettingsStore
from playground.ui.bridge import Bridge, Follower
from playground.ui.format import size_words
from playground.ui.pages.models.page import ModelsPage
from playground.ui.pages.models.row_store import RowStore
from playground.ui.widgets.toast import Notify


class DeleteDialog(QMessageBox):
    """Asks whether a model goes into the bin; another program's only where that is ticked."""

    def __init__(self, parent: QWidget, model: ModelFile, planned: Deletion) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setIcon(QMessageBox.Icon.NoIcon)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWindowTitle(self.tr("Delete a model"))
        self.setText(self.tr("Put “{0}” into the bin?").format(model.name))
        self.setInformativeText(self._explained(planned))
        self._delete = self.addButton(
            self.tr("Move to the bin"), QMessageBox.ButtonRole.DestructiveRole
        )
        keep = self.addButton(self.tr("Keep it"), QMessageBox.ButtonRole.RejectRole)
        self.setDefaultButton(keep)
        self.setEscapeButton(keep)
        if planned.owner is not None:
            tick = QCheckBox(
                self.tr("{0} will no longer have it: delete it there too").format(planned.owner)
            )
            self.setCheckBox(tick)
            tick.toggled.connect(self._delete.setEnabled)
            self._delete.setEnabled(False)

    @property
    def is_accepted(self) -> bool:
        """True once the button that deletes was pressed."""
        return self.clickedButton() is self._delete

    def _explained(self, planned: Deletion) -> str:
        count = len(planned.files)
        files = self.tr("1 file") if count == 1 else self.tr("{0} files").format(count)
        if planned.frees_bytes == 0:
            said = self.tr("{0}. It frees no room: other names still hold the same file.")
            return said.format(files)
        said = self.tr("{0}. Emptying the bin frees {1} ({2} bytes).")
        return said.format(files, size_words(planned.frees_bytes), f"{planned.frees_bytes:,}")


class ModelActions(QObject):
    """Carries out what is asked for with the chosen model; `rescan` follows a deletion."""

    def __init__(
        self,
        view: ModelsPage,
        bridge: Bridge,
        rows: RowStore,
        *,
        library: ModelLibrary,
        pool: WorkerPool,
        settings: SettingsStore,
        open_compare: Callable[[Target], object],
        open_tests: Callable[[Sequence[Target]], object],
        open_hub: Callable[[], object],
        toast: Notify,
        rescan: Callable[[], None],
    ) -> None:
        super().__init__(view)
        self._view = view
        self._bridge = bridge
        self._rows = rows
        self._library = library
        self._pool = pool
        self._settings = settings
        self._open_compare = open_compare
        self._open_tests = open_tests
        self._open_hub = open_hub
        self._toast = toast
        self._rescan = rescan
        self._loads: dict[str, Follower] = {}
        """The loads this page has begun, by the path of the model file."""
        self._dialog: DeleteDialog | None = None
        self._connect()

    def show_folder(self, path: Path) -> None:
        """Show a folder, or the one a file is in, in the file manager."""
        folder = path if path.is_dir() else path.parent
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
            self._toast(self.tr("No file manager could be opened. The folder: {0}").format(folder))

    def _connect(self) -> None:
        view, details = self._view, self._view.details
        details.compare.clicked.connect(self._compare)
        details.load.clicked.connect(self._load)
        details.unload.clicked.connect(self._unload)
        details.stop.clicked.connect(self._stop_loading)
        details.versions.clicked.connect(self._compare_versions)
        details.folder_action.triggered.connect(self._show_in_folder)
        details.copy_action.triggered.connect(self._copy_path)
        details.delete_action.triggered.connect(self._ask_to_delete)
        details.editor.changed.connect(self._change_settings)
        details.requirements.context_asked.connect(self._on_context)
        details.requirements.kv_type_asked.connect(self._on_kv_type)
        view.list.activated.connect(self._compare)
        view.list.delete_asked.connect(self._ask_to_delete)
        view.closing.connect(self._stop_all)

    def _compare(self) -> None:
        row = self._rows.chosen
        if row is not None and row.is_usable:
            self._open_compare(LocalTarget(row.model, row.settings))

    def _compare_versions(self) -> None:
        """Lead to a test of the chosen file and the next larger version of its model."""
        row = self._rows.chosen
        if row is None or not row.is_usable:
            return
        other = other_version(row.model, [each.model for each in self._rows.rows])
        if other is None:
            self._toast(
                self.tr(
                    "There is no other version of this model here. Download one, then ask both "
                    "the same questions."
                ),
                action=self.tr("Get models"),
                on_action=self._open_hub,
            )
            return
        settings = self._settings.settings.load_settings_of(other)
        self._open_tests((LocalTarget(row.model, row.settings), LocalTarget(other, settings)))

    def _load(self) -> None:
        row = self._rows.chosen
        if row is None or row.key in self._loads:
            return
        key, target = row.key, LocalTarget(row.model, row.settings)

        def show(fractions: list[float]) -> None:
            self._rows.set_fraction(key, fractions[-1])

        def end() -> None:
            self._loads.pop(key, None)
            self._rows.set_fraction(key, None)

        self._loads[key] = self._bridge.follow(lambda: self._pool.load(target), show, done=end)
        self._rows.set_fraction(key, 0.0)

    def _stop_loading(self) -> None:
        row = self._rows.chosen
        follower = None if row is None else self._loads.pop(row.key, None)
        if row is not None and follower is not None:
            follower.cancel()
            self._rows.set_fraction(row.key, None)

    def _stop_all(self) -> None:
        for follower in self._loads.values():
            follower.cancel()
        self._loads.clear()

    def _unload(self) -> None:
        row = self._rows.chosen
        if row is not None:
            self._bridge.submit(self._pool.unload(row.model.path))

    def _on_context(self, context: int) -> None:
        row = self._rows.chosen
        if row is not None:
            self._change_settings(replace(row.settings, context=context))

    def _on_kv_type(self, kv_type: str) -> None:
        row = self._rows.chosen
        if row is not None:
            self._change_settings(replace(row.settings, kv_type=KvType(kv_type)))

    def _change_settings(self, chosen: LoadSettings) -> None:
        """Remember how the chosen model is loaded; what nobody chose is not stored."""
        row = self._rows.chosen
        if row is None:
            return
        key = row.key

        def edit(stored: Settings) -> Settings:
            kept = {path: one for path, one in stored.load_settings.items() if path != key}
            if chosen != LoadSettings():
                kept[key] = chosen
            return replace(stored, load_settings=kept)

        self._bridge.write(self._settings.change, edit)
        self._rows.set_load_settings(key, chosen)

    def _show_in_folder(self) -> None:
        row = self._rows.chosen
        if row is not None:
            self.show_folder(row.model.path.parent)

    def _copy_path(self) -> None:
        row = self._rows.chosen
        if row is not None:
            QGuiApplication.clipboard().setText(row.key)
            self._toast(self.tr("The path is copied."))

    def _ask_to_delete(self) -> None:
        row = self._rows.chosen
        if row is not None:
            self._bridge.spawn(self._show_dialog(row.model))

    async def _show_dialog(self, model: ModelFile) -> None:
        """Ask whether to delete, or say why that cannot be; one question at a time."""
        planned = await self._bridge.submit(self._library.deletion(model))
        if planned.why_not is not None:
            self._toast(planned.why_not, tone="caution")
            return
        if self._dialog is not None:
            self._dialog.close()
        dialog = self._dialog = DeleteDialog(self._view, model, planned)

        def on_finished() -> None:
            self._dialog = None
            if dialog.is_accepted:
                is_confirmed = planned.owner is not None
                self._bridge.spawn(self._delete(model, is_confirmed=is_confirmed))

        dialog.finished.connect(on_finished)
        dialog.open()

    async def _delete(self, model: ModelFile, *, is_confirmed: bool) -> None:
        # a loaded file is in use: on Windows it could not be moved
        await self._bridge.submit(self._pool.unload(model.path))
        try:
            done = await self._bridge.submit(self._library.delete(model, confirmed=is_confirmed))
        except PlaygroundError as error:
            self._bridge.report(error)
        else:
            said = self.tr("“{0}” is in the bin ({1}).")
            self._toast(said.format(model.name, size_words(done.frees_bytes)))
        self._rescan()
