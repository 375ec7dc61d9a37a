"""An opened comparison: one prompt at a time, its answers, and what can be done with it."""

from collections.abc import Sequence
from typing import cast

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QScrollBar,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from playground.ui.answers.pane_grid import DETAIL_FROM
from playground.ui.answers.response_pane import ResponsePane
from playground.ui.pages.history.view_models import ShownAnswer, TurnViewModel
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import (
    ElidedLabel,
    IconButton,
    make_button,
    make_card,
    make_label,
    plain_tooltip,
)
from playground.ui.widgets.details import DetailsPopup
from playground.ui.widgets.flow_layout import FlowLayout

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
        theme.changed.connect(self._apply_theme)
        self._apply_theme()

    @property
    def panes(self) -> Sequence[ResponsePane]:
        """The panes in their order."""
        return self._panes

    def show_turn(self, turn: TurnViewModel) -> None:
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

    def _make_pane(self, answer: ShownAnswer, turn: TurnViewModel) -> ResponsePane:
        pane = ResponsePane(self._theme)
        pane.set_head(answer.head)
        shown = pane.begin_turn(None)
        shown.set_status(answer.status)
        shown.set_text(answer.text, answer.reasoning, is_writing=False)
        shown.set_notices(answer.notices)
        if answer.error is not None:
            shown.show_error(answer.error, answer.kept)
        pane.set_figures_visible(visible=answer.figures is not None)
        if answer.figures is not None:
            pane.metrics.set_cells(answer.figures)
            pane.time_bar.set_spans(answer.spans, turn.scale_s)
            pane.set_footer(*answer.footer)
        pane.set_running(running=False)
        pane.set_vote(offered=turn.can_vote, chosen=answer.is_winner, name=answer.head.label)
        for area in pane.findChildren(QScrollArea):
            area.verticalScrollBar().rangeChanged.connect(self._begin_at_top)
        pane.vote_button.clicked.connect(self._on_vote)
        pane.metrics.clicked.connect(self._on_details)
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
        _pane, answer = self._pressed()
        self.chosen.emit(answer.run_id)

    def _on_details(self) -> None:
        pane, answer = self._pressed()
        if not answer.facts:
            return
        popup = DetailsPopup(
            self._theme, self.tr("Figures of {name}").format(name=answer.head.label), pane
        )
        popup.set_rows(answer.facts)
        popup.show_at(pane)

    def _pressed(self) -> tuple[ResponsePane, ShownAnswer]:
        """Return the pane a part of which was pressed, and what it shows."""
        part = cast("QWidget", self.sender())
        shown = zip(self._panes, self._answers, strict=True)
        return next((pane, answer) for pane, answer in shown if pane.isAncestorOf(part))

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

    def _apply_theme(self) -> None:
        self._grid.setSpacing(self._theme.px(10))
        self._column.setSpacing(self._theme.px(10))
        self._columns = 0
        self._lay_out()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay_out()


_PROMPT_LINES = 4


class DetailView(QWidget):
    """Shows a `TurnViewModel` and offers what can be done; it decides nothing."""

    open_clicked = Signal()
    again_clicked = Signal()
    replay_clicked = Signal()
    delete_clicked = Signal()
    turn_wanted = Signal(int)
    """-1 for the prompt before, 1 for the one after."""
    winner_chosen = Signal(str)
    tie_clicked = Signal()
    none_good_clicked = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._build()
        self._connect()
        self._apply_theme()

    @property
    def answers(self) -> AnswersView:
        """The answers' panes."""
        return self._answers

    def show_turn(self, turn: TurnViewModel) -> None:
        """Show one prompt of the comparison."""
        self._caption.set_full_text(turn.caption)
        self._turn_box.setVisible(turn.count > 1)
        self._turn.setText(
            self.tr("Prompt {number} of {count}").format(number=turn.number, count=turn.count)
        )
        self._before.setEnabled(turn.number > 1)
        self._after.setEnabled(turn.number < turn.count)
        self._prompt.setPlainText(turn.prompt)
        self._fit_prompt()
        self._system.setVisible(bool(turn.system_prompt))
        self._system.set_full_text(
            self.tr("Instructions for the model: {0}").format(" ".join(turn.system_prompt.split()))
        )
        self._answers.show_turn(turn)
        self._summary.setText(turn.summary)
        self._summary.setVisible(bool(turn.summary))
        self._verdict.setText(turn.verdict)
        self._tie.setVisible(turn.can_vote)
        self._none_good.setVisible(turn.can_vote)
        self._foot.setVisible(bool(turn.summary or turn.verdict))
        self._offer(turn)

    def clear_turn(self) -> None:
        """Forget what was shown."""
        self._prompt.clear()
        self._caption.set_full_text("")
        self._system.set_full_text("")
        self._summary.clear()
        self._verdict.clear()
        self._answers.clear_answers()

    def _offer(self, turn: TurnViewModel) -> None:
        locked = ""
        if turn.names_hidden:
            locked = self.tr("Say which answer is better first: this would give the names away.")
        elif not turn.is_over:
            locked = self.tr("Wait until every answer is done.")
        for button, tooltip in (
            (self._open, self.tr("Show this comparison on the Compare page and ask on from there")),
            (
                self._again,
                self.tr("Send the same prompts to the same models again, as they are now"),
            ),
            (
                self._replay,
                self.tr(
                    "Watch these answers come again at their own pace, as recorded: "
                    "no model runs and nothing is sent"
                ),
            ),
        ):
            button.setEnabled(not locked)
            button.setToolTip(plain_tooltip(locked or tooltip))
        self._wear_actions()

    def _build(self) -> None:
        self._column = QVBoxLayout(self)
        self._column.addLayout(self._build_head())
        self._prompt = QPlainTextEdit()
        self._prompt.setReadOnly(True)
        self._prompt.setProperty("prompt", True)
        self._prompt.setTabChangesFocus(True)
        self._prompt.document().setDocumentMargin(0)
        self._prompt.setAccessibleName(self.tr("Prompt"))
        self._prompt.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._system = ElidedLabel("", "caption", "quiet")
        self._column.addWidget(self._prompt)
        self._column.addWidget(self._system)
        self._column.addWidget(self._build_actions())
        self._answers = AnswersView(self._theme, self._build_foot())
        self._column.addWidget(self._answers, 1)

    def _build_head(self) -> QHBoxLayout:
        self._caption = ElidedLabel("", "caption", "quiet")
        self._turn_box = QWidget()
        turns = QHBoxLayout(self._turn_box)
        turns.setContentsMargins(0, 0, 0, 0)
        turns.setSpacing(self._theme.px(2))
        self._before = IconButton(self._theme, "chevron-left", self.tr("The prompt before"))
        self._turn = make_label("", "caption", "quiet")
        self._after = IconButton(self._theme, "chevron-right", self.tr("The prompt after"))
        for widget in (self._before, self._turn, self._after):
            turns.addWidget(widget)
        self._delete = IconButton(
            self._theme, "trash", self.tr("Delete this comparison (can be undone)")
        )
        self._delete.setAccessibleName(self.tr("Delete"))
        row = QHBoxLayout()
        row.addWidget(self._caption, 1)
        row.addWidget(self._turn_box)
        row.addWidget(self._delete)
        return row

    def _build_actions(self) -> QWidget:
        self._open = self._action(self.tr("Open in Compare"), kind="primary")
        self._again = self._action(self.tr("Run again"))
        self._replay = self._action(self.tr("Replay"))
        self._actions = QWidget()
        flow = FlowLayout(self._actions, spacing=self._theme.px(8))
        for button in (self._open, self._again, self._replay):
            flow.addWidget(button)
        return self._actions

    def _action(self, text: str, *, kind: str | None = None) -> QPushButton:
        # the space keeps icon and text apart
        return make_button(f" {text}", kind=kind, name=text)

    def _build_foot(self) -> QWidget:
        self._foot = make_card()
        column = QVBoxLayout(self._foot)
        self._summary = make_label("", "control", wrap=True)
        # the line's own words are marked up, names in it are escaped
        self._summary.setTextFormat(Qt.TextFormat.RichText)
        self._verdict = make_label("", "control", wrap=True)
        self._tie = make_button(
            self.tr("Tie"), tooltip=self.tr("Say that the best answers are equally good")
        )
        self._none_good = make_button(
            self.tr("None is good"), tooltip=self.tr("Say that no answer is good enough")
        )
        row = QHBoxLayout()
        row.addWidget(self._verdict, 1)
        row.addWidget(self._tie)
        row.addWidget(self._none_good)
        column.addWidget(self._summary)
        column.addLayout(row)
        self._foot_column = column
        return self._foot

    def _connect(self) -> None:
        for button, signal in (
            (self._open, self.open_clicked),
            (self._again, self.again_clicked),
            (self._replay, self.replay_clicked),
            (self._delete, self.delete_clicked),
            (self._tie, self.tie_clicked),
            (self._none_good, self.none_good_clicked),
        ):
            button.clicked.connect(signal)
        self._before.clicked.connect(self._go_back)
        self._after.clicked.connect(self._go_on)
        self._answers.chosen.connect(self.winner_chosen)
        self._theme.changed.connect(self._apply_theme)

    def _go_back(self) -> None:
        self.turn_wanted.emit(-1)

    def _go_on(self) -> None:
        self.turn_wanted.emit(1)

    def _fit_prompt(self) -> None:
        lines = self._prompt.document().size().height()
        metrics = self._prompt.fontMetrics()
        shown = min(max(1, int(lines)), _PROMPT_LINES)
        margin = int(self._prompt.document().documentMargin()) * 2
        self._prompt.setFixedHeight(shown * metrics.lineSpacing() + margin + 2)

    def _apply_theme(self) -> None:
        px = self._theme.px
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(px(8))
        self._foot_column.setContentsMargins(px(16), px(10), px(16), px(10))
        self._wear_actions()
        self._fit_prompt()

    def _wear_actions(self) -> None:
        side = self._theme.px(15)
        for button, icon, tone in (
            (self._open, "compare", "on_accent"),
            (self._again, "refresh", "text"),
            (self._replay, "replay", "text"),
        ):
            button.setIcon(self._theme.icon(icon, tone if button.isEnabled() else "quiet"))
            button.setIconSize(QSize(side, side))

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_prompt()
