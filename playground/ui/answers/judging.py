"""What a person says of answers beside the vote: a thumb for each, and a note on all of them."""

import asyncio
from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from playground.core.errors import PlaygroundError
from playground.core.runs import Comparison, Thumb
from playground.store.history import ComparisonStore
from playground.ui.bridge import Bridge
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import IconButton, plain_tooltip
from playground.ui.widgets.layouts import NO_MARGINS, make_row

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
