"""The answers of one turn, side by side as far as there is room."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QScrollArea,
    QScrollBar,
    QVBoxLayout,
    QWidget,
)

from playground.ui.answers.pane_grid import DETAIL_FROM
from playground.ui.answers.response_pane import ResponsePane
from playground.ui.pages.history.view_models import ShownAnswer, ShownTurn
from playground.ui.theme.theme import Theme
from playground.ui.widgets.facts_popup import FactsPopup

PANE_WIDTH = 260
"""Below this a pane is too narrow to be read with ease."""
ROW_HEIGHT = 370
ONLY_ROW_HEIGHT = 330
_SETTLED_RANGE = 24
"""A pane with more to scroll than this stays where it is put."""


class AnswersView(QScrollArea):
    """A grid of panes whose columns follow from the width, and what was said of them below."""

    chosen = Signal(str)
    """Run id of the answer a person calls the better one."""

    def __init__(self, theme: Theme, foot: QWidget) -> None:
        super().__init__()
        self._theme = theme
        self._panes: list[ResponsePane] = []
        self._answers: tuple[ShownAnswer, ...] = ()
        self._columns = 0
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName(self.tr("Answers"))
        self.viewport().setAutoFillBackground(False)
        body = QWidget()
        body.setObjectName("scrolled")
        self._column = QVBoxLayout(body)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._grid = QGridLayout()
        self._column.addLayout(self._grid, 1)
        self._column.addWidget(foot)
        self.setWidget(body)
        theme.changed.connect(self._wear)
        self._wear()

    @property
    def panes(self) -> Sequence[ResponsePane]:
        """The panes in their order."""
        return self._panes

    def show_turn(self, turn: ShownTurn) -> None:
        """Show a turn's answers in fresh panes."""
        self.clear_answers()
        self._answers = turn.answers
        for answer in turn.answers:
            self._panes.append(self._make_pane(answer, turn))
        self._columns = 0
        self._lay_out()

    def clear_answers(self) -> None:
        """Take every pane away."""
        for pane in self._panes:
            self._grid.removeWidget(pane)
            pane.hide()
            pane.setParent(None)
            pane.deleteLater()
        self._panes.clear()
        self._answers = ()

    def _make_pane(self, answer: ShownAnswer, turn: ShownTurn) -> ResponsePane:
        pane = ResponsePane(self._theme)
        pane.set_head(answer.head)
        pane.begin_turn(None)
        pane.set_status(answer.status)
        pane.set_text(answer.text, answer.reasoning, is_writing=False)
        pane.set_notices(answer.notices)
        if answer.error is not None:
            pane.show_error(answer.error, answer.kept)
        pane.set_figures_visible(visible=answer.figures is not None)
        if answer.figures is not None:
            pane.set_cells(answer.figures)
            pane.set_spans(answer.spans, turn.scale_s)
            pane.set_footer(*answer.footer)
        pane.set_running(running=False)
        pane.set_vote(offered=turn.can_vote, chosen=answer.is_winner, name=answer.head.label)
        for area in pane.findChildren(QScrollArea):
            area.verticalScrollBar().rangeChanged.connect(self._begin_at_top)
        pane.vote_clicked.connect(self._on_vote)
        pane.details_clicked.connect(self._on_details)
        return pane

    def _begin_at_top(self, _low: int, high: int) -> None:
        """Undo once that a pane follows the end of its text: this one is read, not written."""
        bar = self.sender()
        if not isinstance(bar, QScrollBar):
            return
        if high > self._theme.px(_SETTLED_RANGE):
            bar.rangeChanged.disconnect(self._begin_at_top)
        bar.setValue(0)

    def _on_vote(self) -> None:
        answer = self._sender_answer()
        if answer is not None:
            self.chosen.emit(answer.run_id)

    def _on_details(self) -> None:
        answer, pane = self._sender_answer(), self.sender()
        if answer is None or not answer.facts or not isinstance(pane, QWidget):
            return
        popup = FactsPopup(
            self._theme, self.tr("Figures of {name}").format(name=answer.head.label), pane
        )
        popup.set_rows(answer.facts)
        popup.show_at(pane)

    def _sender_answer(self) -> ShownAnswer | None:
        pane = self.sender()
        for known, answer in zip(self._panes, self._answers, strict=True):
            if known is pane:
                return answer
        return None

    def _lay_out(self) -> None:
        count = len(self._panes)
        room = max(1, self.viewport().width() // self._theme.px(PANE_WIDTH))
        columns = max(1, min(count, room))
        if count > columns:
            # rows as even as can be: four go two by two rather than three and one
            rows = -(-count // columns)
            columns = -(-count // rows)
        self._fit_heads(columns)
        if columns == self._columns:
            return
        for column in range(self._grid.columnCount()):
            self._grid.setColumnStretch(column, 0)
        self._columns = columns
        height = self._theme.px(ROW_HEIGHT if count > columns else ONLY_ROW_HEIGHT)
        for number, pane in enumerate(self._panes):
            is_last = number == count - 1
            row, column = divmod(number, columns)
            self._grid.addWidget(pane, row, column, 1, columns - column if is_last else 1)
            pane.setMinimumHeight(height)
        for column in range(columns):
            self._grid.setColumnStretch(column, 1)

    def _fit_heads(self, columns: int) -> None:
        """Put every name below its place where one of them needs it."""
        gaps = self._grid.horizontalSpacing() * (columns - 1)
        width = (self.viewport().width() - gaps) // columns
        is_tight = any(pane.needed_head_width() > width for pane in self._panes)
        for pane in self._panes:
            pane.set_head_stacked(stacked=is_tight)
            pane.set_detail_shown(shown=width >= self._theme.px(DETAIL_FROM))

    def _wear(self) -> None:
        self._grid.setSpacing(self._theme.px(10))
        self._column.setSpacing(self._theme.px(10))
        self._columns = 0
        self._lay_out()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt: the number of columns follows from the width."""
        super().resizeEvent(event)
        self._lay_out()
