"""Decides what the dialog that shares shows, and writes what leaves."""

import asyncio
import secrets
from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QCoreApplication, QIODevice, QObject
from PySide6.QtGui import QGuiApplication, QImage, QImageWriter
from PySide6.QtWidgets import QFileDialog, QWidget

from playground.core.errors import PlaygroundError
from playground.core.evaluations import Evaluation
from playground.core.runs import Comparison
from playground.core.share.decision import DecisionAsked
from playground.core.share.document import Choice, Part
from playground.services.sharing import Shared, SharedFile, ShareFormat, SharingService
from playground.ui.bridge import Bridge
from playground.ui.format import as_file_name
from playground.ui.share.dialog import Form, ShareDialog
from playground.ui.share.page_view import picture
from playground.ui.theme.theme import Theme
from playground.ui.widgets.toast import Notify


class SharePresenter(QObject):
    """Opens the dialog for whatever a page wants to share; one at a time."""

    def __init__(
        self,
        window: QWidget,
        theme: Theme,
        bridge: Bridge,
        service: SharingService,
        notify: Notify,
    ) -> None:
        super().__init__(window)
        self._window = window
        self._theme = theme
        self._bridge = bridge
        self._service = service
        self._notify = notify
        self._dialog: ShareDialog | None = None
        self._shared: Shared | None = None
        self._asked = 0
        self._file: SharedFile | None = None
        self._picture: QImage | None = None
        self._content = b""
        self._left_out: Choice = frozenset()
        """What was left out last: it is not to go along because somebody shares again."""

    def share(self, shared: Shared) -> None:
        """Open the dialog on a comparison, an evaluation, an answer or the votes."""
        if self._dialog is not None:
            return
        self._shared = shared
        is_comparison = isinstance(shared, Comparison)
        self._dialog = dialog = ShareDialog(
            self._theme,
            _title(shared),
            [part for part in _parts(shared) if part[0] in _parts_of(shared)],
            self._window,
            has_recording=is_comparison,
            left_out=self._left_out,
        )
        dialog.changed.connect(self._refresh)
        dialog.copy_wanted.connect(self._copy)
        dialog.save_wanted.connect(self._choose_file)
        dialog.finished.connect(self._on_closed)
        dialog.open()
        dialog.focus_first()
        self._refresh()

    def _refresh(self) -> None:
        if self._dialog is not None:
            self._dialog.set_waiting()
            self._bridge.spawn(self._show())

    async def _show(self) -> None:
        dialog, shared = self._dialog, self._shared
        if dialog is None or shared is None:
            return
        self._asked += 1
        asked, form = self._asked, dialog.form
        is_picture = form is Form.PICTURE
        file_format = ShareFormat.HTML if is_picture else ShareFormat(form)
        image: QImage | None = None
        try:
            file = await self._bridge.submit(self._service.file(shared, file_format, dialog.choice))
            content = file.content
            if is_picture and asked == self._asked:
                image = picture(file.document, self._theme)
                content = await self._bridge.submit(asyncio.to_thread(_png, image))
        except PlaygroundError as error:
            if asked == self._asked and self._dialog is dialog:
                dialog.show_nothing()
                dialog.show_problem(f"{error.message} {error.hint}".strip())
            return
        if asked != self._asked or self._dialog is not dialog:
            return
        self._file, self._picture, self._content = file, image, content
        dialog.show_file(file.document, "" if is_picture else file.text, len(content))

    def _copy(self) -> None:
        if self._dialog is None or self._file is None:
            return
        clipboard = QGuiApplication.clipboard()
        if self._picture is not None:
            clipboard.setImage(self._picture)
        else:
            clipboard.setText(self._file.text)
        self._dialog.show_copied()

    def _choose_file(self) -> None:
        if self._dialog is None or self._file is None:
            return
        ending = self._dialog.ending
        name = str(Path.home() / f"{as_file_name(self._file.document.title, 'shared')}.{ending}")
        # it asks before another file is written over
        dialog = QFileDialog(self._dialog, self._dialog.save_button.text(), name)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(ending)
        dialog.selectFile(name)
        dialog.finished.connect(dialog.deleteLater)
        dialog.fileSelected.connect(self._on_file)
        dialog.open()

    def _on_file(self, name: str) -> None:
        self._bridge.spawn(self._save(Path(name), self._content))

    async def _save(self, path: Path, content: bytes) -> None:
        try:
            await self._bridge.submit(asyncio.to_thread(_write, path, content))
        except OSError as error:
            if self._dialog is not None:
                self._dialog.show_problem(
                    _tr("{0} cannot be written: {1}.").format(path.name, error.strerror or error)
                )
            return
        if self._dialog is not None:
            self._dialog.accept()
        folder = path.parent.name or str(path.parent)
        self._notify(_tr("Saved as {0}, in {1}.").format(path.name, folder))

    def _on_closed(self) -> None:
        if self._dialog is not None:
            # what this one did not offer stays as it was
            offered = frozenset() if self._shared is None else _parts_of(self._shared)
            self._left_out = self._left_out - offered | self._dialog.left_out
            self._dialog.deleteLater()
        self._dialog = self._shared = self._file = self._picture = None
        self._content = b""
        self._asked += 1


def _title(shared: Shared) -> str:
    if isinstance(shared, Comparison):
        return _tr("Share this comparison")
    if isinstance(shared, Evaluation):
        return _tr("Share this test")
    return (
        _tr("Share this answer") if isinstance(shared, DecisionAsked) else _tr("Share your votes")
    )


def _parts_of(shared: Shared) -> frozenset[Part]:
    """Return the parts that there are to leave out."""
    if isinstance(shared, Comparison | Evaluation):
        return frozenset(Part)
    return frozenset({Part.FIGURES, Part.NAMES, Part.MACHINE})


def _parts(shared: Shared) -> list[tuple[Part, str, str, str]]:
    left_out = _tr("left out")
    is_one = isinstance(shared, Comparison) and len(shared.turns) == 1
    is_hidden = isinstance(shared, Comparison) and shared.names_hidden
    has_note = isinstance(shared, Comparison) and any(turn.note for turn in shared.turns)
    return [
        (
            Part.FIGURES,
            _tr("Figures, each with its mark"),
            _tr("hidden until you have voted")
            if is_hidden
            else _tr("measured, reported or estimated"),
            left_out,
        ),
        (
            Part.PROMPT,
            _tr("Your question") if is_one else _tr("Your questions"),
            _tr("as you wrote it, with the instructions and your note")
            if has_note
            else _tr("as you wrote it, with the instructions"),
            left_out,
        ),
        (
            Part.ANSWERS,
            _tr("The answers"),
            _tr("as plain text, nothing in them can run"),
            left_out,
        ),
        (
            Part.NAMES,
            _tr("Names of the models"),
            _tr("hidden until you have voted") if is_hidden else _tr("and of their providers"),
            _tr("A, B and C in their place, and no note, as it may name them")
            if has_note
            else _tr("A, B and C in their place"),
        ),
        (
            Part.MACHINE,
            _tr("Kind of machine"),
            _tr("memory, cores and graphics card"),
            left_out,
        ),
    ]


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, readable as any other of the person's."""
    temporary = path.with_name(f".{secrets.token_hex(6)}.part")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _png(image: QImage) -> bytes:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    QImageWriter(buffer, QByteArray(b"png")).write(image)
    return bytes(buffer.data().data())


def _tr(text: str) -> str:
    return QCoreApplication.translate("ShareDialog", text)
