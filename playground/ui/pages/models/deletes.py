"""Asks before a model is deleted, says what that takes away, and puts it into the bin."""

from collections.abc import Callable

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QCheckBox, QMessageBox, QPushButton, QWidget

from playground.core.errors import PlaygroundError
from playground.core.targets import ModelFile
from playground.services.library.delete import Deletion
from playground.services.library.service import ModelLibrary
from playground.services.worker_pool import WorkerPool
from playground.ui.bridge import Bridge
from playground.ui.pages.models import reckoning
from playground.ui.widgets.amounts import size_words
from playground.ui.widgets.show_toast import ShowToast


class Deletes(QObject):
    """One question at a time; `done` is called once a model has gone."""

    def __init__(
        self,
        parent: QWidget,
        bridge: Bridge,
        library: ModelLibrary,
        pool: WorkerPool,
        *,
        toast: ShowToast,
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
