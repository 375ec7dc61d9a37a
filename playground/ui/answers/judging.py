"""What a person says of answers beside the vote: a thumb for each, and a note on all of them."""

import asyncio
from dataclasses import dataclass, replace

from PySide6.QtCore import QCoreApplication, QMimeData, QObject, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QHideEvent
from PySide6.QtWidgets import QScrollArea, QWidget
from typing_extensions import override

from playground.core.errors import PlaygroundError
from playground.core.runs import Comparison, Thumb
from playground.store.history import ComparisonStore
from playground.ui.bridge import Bridge
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import IconButton, plain_tooltip
from playground.ui.widgets.inputs import TextField
from playground.ui.widgets.layouts import NO_MARGINS, make_row
from playground.ui.widgets.prompt_box import SHOWN

_PAUSE_MS = 500
"""A note is kept once the typing has paused so long."""
_MOST_LINES = 3
_SIDE = 17
_TONES = {Thumb.UP: "local_ink", Thumb.DOWN: "bad_ink"}


class Judging(QObject):
    """Keeps thumbs and notes, and tells every page that shows their turn."""

    changed = Signal(str, object)
    """Id of a turn, and the function that makes of it the turn as it is judged now."""

    def __init__(self, bridge: Bridge, history: ComparisonStore) -> None:
        super().__init__()
        self._bridge = bridge
        self._history = history
        self._unkept: dict[str, str] = {}
        """Id of a turn → a note that is not stored yet."""

    def set_thumb(self, turn_id: str, run_id: str, thumb: Thumb | None) -> None:
        """Keep a thumb; it is told once it is stored, as one that is not would count nowhere."""
        self._bridge.spawn(self._keep_thumb(turn_id, run_id, thumb))

    def set_note(self, turn_id: str, note: str) -> None:
        """Keep a note; it is told at once, as it stands in its field and stays there."""
        self._unkept[turn_id] = note
        self.changed.emit(turn_id, lambda turn: replace(turn, note=note))
        # asked for at once, so that closing the window finds it on its way
        writing = self._bridge.submit(self._history.set_note(turn_id, note))
        self._bridge.spawn(self._keep_note(turn_id, note, writing))

    def as_noted(self, comparison: Comparison) -> Comparison:
        """Return what was read from the history with notes that are not stored yet."""
        for turn in comparison.turns:
            if (note := self._unkept.get(turn.id)) is not None:
                comparison = comparison.with_turn(replace(turn, note=note))
        return comparison

    async def _keep_thumb(self, turn_id: str, run_id: str, thumb: Thumb | None) -> None:
        try:
            await self._bridge.submit(self._history.set_thumb(run_id, thumb))
        except PlaygroundError:
            # the pressed button goes back
            self.changed.emit(turn_id, lambda turn: turn)
            raise
        self.changed.emit(turn_id, lambda turn: turn.with_thumb(run_id, thumb))

    async def _keep_note(self, turn_id: str, note: str, writing: "asyncio.Future[None]") -> None:
        await asyncio.shield(writing)
        if self._unkept.get(turn_id) == note:
            del self._unkept[turn_id]


class ThumbButtons(QWidget):
    """A thumb up and a thumb down for one answer; the same pressed again takes it back."""

    given = Signal(object)
    """A `Thumb`, or `None` for one taken back."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._buttons = {
            thumb: IconButton(theme, f"thumb-{thumb}", "", size=_SIDE) for thumb in Thumb
        }
        for thumb, button in self._buttons.items():
            button.setCheckable(True)
            button.setProperty("thumb", thumb.value)
            button.clicked.connect(self._on_clicked)
        make_row(*self._buttons.values(), parent=self, margins=NO_MARGINS, spacing=theme.px(2))

    def set_name(self, name: str) -> None:
        """Say whose answer it is, to who does not see it."""
        words = {Thumb.UP: self.tr("Good answer: {0}"), Thumb.DOWN: self.tr("Bad answer: {0}")}
        for thumb, button in self._buttons.items():
            button.setAccessibleName(words[thumb].format(name))

    def show_thumb(self, given: Thumb | None, *, offered: bool) -> None:
        """Mark the thumb that was given; one that is not `offered` any more stays as it is."""
        words = {Thumb.UP: self.tr("Good answer"), Thumb.DOWN: self.tr("Bad answer")}
        for thumb, button in self._buttons.items():
            is_given = thumb is given
            button.setChecked(is_given)
            button.setEnabled(offered)
            button.setVisible(offered or is_given)
            button.set_icon(f"thumb-{thumb}", _TONES[thumb] if is_given else "quiet")
            said = words[thumb]
            if is_given and offered:
                said = self.tr("{0}: press again to take it back").format(said)
            button.setToolTip(plain_tooltip(said))

    def _on_clicked(self) -> None:
        pressed = self.sender()
        thumb = next(thumb for thumb, button in self._buttons.items() if button is pressed)
        self.given.emit(thumb if self._buttons[thumb].isChecked() else None)


@dataclass(frozen=True, slots=True)
class NoteViewModel:
    """The note on a turn; an empty one can be begun."""

    turn_id: str
    text: str
    can_edit: bool


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
        room = max(0, SHOWN - len(self.toPlainText()))
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

    @override
    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.tell()
