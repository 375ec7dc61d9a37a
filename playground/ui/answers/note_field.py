"""The field in which a person writes what the answers to a question were like."""

from dataclasses import replace

from PySide6.QtCore import QCoreApplication, QMimeData, QTimer, Signal
from PySide6.QtGui import QFocusEvent
from PySide6.QtWidgets import QScrollArea
from typing_extensions import override

from playground.ui.answers.judging import NoteViewModel
from playground.ui.theme.theme import Theme
from playground.ui.widgets.prompt_box import SHOWN
from playground.ui.widgets.text_field import TextField

_PAUSE_MS = 500
"""A note is kept once the typing has paused so long."""
_MOST_LINES = 3


class NoteField(TextField):
    """The note on a turn: tells it after a pause in the typing, and when it is left."""

    noted = Signal(str, str)
    """Id of the turn, and its note now."""
    overflowed = Signal()
    """What was pasted had no room."""

    def __init__(self, theme: Theme) -> None:
        name = QCoreApplication.translate("NoteField", "Note")
        super().__init__(theme, name, _MOST_LINES)
        self.setUndoRedoEnabled(True)
        self.setPlaceholderText(self.tr("What you think of these answers"))
        # setting it up counts as a change
        self.document().setModified(False)
        self._shown = NoteViewModel("", "", can_edit=False)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self.tell)
        self.textChanged.connect(self._pause.start)
        self.height_changed.connect(self._come_into_view)

    def show_note(self, note: NoteViewModel) -> None:
        """Show a note; what is typed on the one before is told first."""
        self.setReadOnly(not note.can_edit)
        if (note.turn_id, note.text) == (self._shown.turn_id, self._shown.text):
            # what is typed meanwhile stays
            return
        self.tell()
        self._shown = note
        self.show_text(note.text)
        self._pause.stop()

    def tell(self) -> None:
        """Tell what was typed and is not told yet."""
        self._pause.stop()
        if not self.document().isModified():
            return
        self.document().setModified(False)
        text = self.toPlainText()
        self._shown = replace(self._shown, text=text if text.strip() else "")
        self.noted.emit(self._shown.turn_id, self._shown.text)

    def _come_into_view(self) -> None:
        """Have what scrolls this show it, where a person types."""
        around = self.parentWidget()
        while around is not None and not isinstance(around, QScrollArea):
            around = around.parentWidget()
        if around is not None and self.hasFocus():
            QTimer.singleShot(0, self, lambda: around.ensureWidgetVisible(self))

    @override
    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        # files dropped here are the window's, not text
        return source.hasText() and not source.hasUrls()

    @override
    def insertFromMimeData(self, source: QMimeData) -> None:
        # a megabyte without spaces would hold up the window for minutes
        replaced = len(self.textCursor().selectedText())
        room = max(0, SHOWN - len(self.toPlainText()) + replaced)
        pasted = source.text()
        self.insertPlainText(pasted[:room])
        if len(pasted) > room:
            self.overflowed.emit()

    @override
    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._come_into_view()

    @override
    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.tell()
