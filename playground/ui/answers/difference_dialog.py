"""Two answers side by side, with the words marked that only one of them has."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QSize
from PySide6.QtGui import QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QDialog, QGridLayout, QTextEdit, QWidget

from playground.core.difference import Difference, Piece, difference
from playground.core.runs import Turn
from playground.ui.answers.summary import can_win
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import make_button, make_label
from playground.ui.widgets.inputs import ComboBox
from playground.ui.widgets.layouts import make_column, make_row

_NAME_LETTERS = 12
"""Of a name that are seen at least."""


@dataclass(frozen=True, slots=True)
class NamedAnswer:
    """An answer and what it is called."""

    name: str
    text: str


def open_difference(theme: Theme, turn: Turn, parent: QWidget) -> None:
    """Open the dialog on the answers of a turn whose names are told."""
    answers = [
        NamedAnswer(" · ".join(filter(None, (run.target.label, run.target.detail))), run.text)
        for run in turn.runs
        if can_win(run)
    ]
    if len(answers) > 1:
        dialog = DifferenceDialog(theme, answers, parent)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()


class DifferenceDialog(QDialog):
    """Compares any two of the answers of a turn."""

    def __init__(self, theme: Theme, answers: Sequence[NamedAnswer], parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self._answers = answers
        self.setModal(True)
        self.setWindowTitle(self.tr("What differs"))
        self._build()
        theme.changed.connect(self._show)
        self._show()
        room = QSize(theme.px(900), theme.px(560))
        self.resize(room.boundedTo(parent.window().size() - QSize(24, 24)))

    def _build(self) -> None:
        px = self._theme.px
        choices = [(answer.name, number) for number, answer in enumerate(self._answers)]
        self._boxes = [
            ComboBox(self._theme, name, choices)
            for name in (self.tr("The answer on the left"), self.tr("The answer on the right"))
        ]
        self._texts = [QTextEdit(), QTextEdit()]
        grid = QGridLayout()
        grid.setSpacing(px(10))
        for column, (box, text) in enumerate(zip(self._boxes, self._texts, strict=True)):
            box.choose(column)
            # both columns are as wide, however long a name is
            box.setSizeAdjustPolicy(ComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(_NAME_LETTERS)
            box.picked.connect(self._show)
            text.setReadOnly(True)
            text.setProperty("field", True)
            text.setTabChangesFocus(True)
            grid.addWidget(box, 0, column)
            grid.addWidget(text, 1, column)
            grid.setColumnStretch(column, 1)
        grid.setRowStretch(1, 1)
        self._said = make_label("", "control", "quiet", wrap=True)
        close = make_button(self.tr("Close"), self.reject, tooltip=self.tr("Esc"))
        make_column(
            make_label(self.tr("What differs"), "title"),
            (grid, 1),
            make_row((self._said, 1), close),
            parent=self,
            margins=(px(20), px(18), px(20), px(18)),
            spacing=px(12),
        )

    def _show(self) -> None:
        one, other = (self._answers[box.value] for box in self._boxes)
        found = difference(one.text, other.text)
        for box, text, pieces in zip(
            self._boxes, self._texts, (found.one, found.other), strict=True
        ):
            text.setAccessibleName(self.tr("Answer of {0}").format(box.currentText()))
            self._write(text, pieces)
        self._said.setText(self._words(found))

    def _words(self, found: Difference) -> str:
        if found.shared == 1.0:
            return self.tr("They say the same, word for word.")
        said = self.tr("{0} % of the words stand in both, in the same order.").format(
            round(100 * found.shared)
        )
        if not found.is_whole:
            said += " " + self.tr("Only the beginning of a very long answer is compared.")
        return said

    def _write(self, view: QTextEdit, pieces: Sequence[Piece]) -> None:
        """Write the pieces as plain text, on a ground where only this answer has them."""
        plain, marked = QTextCharFormat(), QTextCharFormat()
        plain.setForeground(self._theme.color("text"))
        marked.setForeground(self._theme.color("accent_ink"))
        marked.setBackground(self._theme.color("accent_ground"))
        # the colour alone would tell nothing to those who cannot see it
        marked.setFontUnderline(True)
        view.clear()
        cursor = QTextCursor(view.document())
        for piece in pieces:
            cursor.insertText(piece.text, marked if piece.differs else plain)
        view.moveCursor(QTextCursor.MoveOperation.Start)
