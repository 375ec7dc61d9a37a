"""An opened comparison: one prompt at a time, its answers, and what can be done with it."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from playground.ui.pages.history.answers import AnswersView
from playground.ui.pages.history.view_models import ShownTurn
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import ElidedLabel, IconButton, make_button, make_card, make_label
from playground.ui.widgets.flow_layout import FlowLayout

_PROMPT_LINES = 4


class DetailView(QWidget):
    """Shows a `ShownTurn` and offers what can be done; it decides nothing."""

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
        self._wear()

    @property
    def answers(self) -> AnswersView:
        """The answers' panes."""
        return self._answers

    def show_turn(self, turn: ShownTurn) -> None:
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

    def _offer(self, turn: ShownTurn) -> None:
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
            button.setToolTip(locked or tooltip)
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
        self._theme.changed.connect(self._wear)

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

    def _wear(self) -> None:
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

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt: the prompt's lines follow from the width."""
        super().resizeEvent(event)
        self._fit_prompt()
