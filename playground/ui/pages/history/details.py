"""An opened comparison: one prompt at a time, its answers, and what can be done with it."""

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QWidget
from typing_extensions import override

from playground.core.checks.scoring import CheckResult
from playground.core.runs import Thumb
from playground.ui.answers.pane_grid import PaneGrid
from playground.ui.answers.response_pane import ResponsePane
from playground.ui.answers.summary import SummaryCard
from playground.ui.answers.view_model import PaneViewModel, TurnViewModel
from playground.ui.format import one_line
from playground.ui.pages.history.view_models import PromptViewModel
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import (
    ElidedLabel,
    IconButton,
    make_button,
    make_label,
    plain_tooltip,
)
from playground.ui.widgets.flow_layout import FlowLayout
from playground.ui.widgets.folding_row import FoldingRow
from playground.ui.widgets.layouts import NO_MARGINS, make_column, make_flow, make_row
from playground.ui.widgets.prompt_box import shown_part

_PROMPT_LINES = 4
_SYSTEM_LETTERS = 500
"""Of the instructions, which are one line."""
_TALL = 300
"""Height, in pixels at scale 1, that has room for so many lines of the prompt."""


class DetailView(QWidget):
    """Shows one prompt with its answers and offers what can be done; it decides nothing.

    The presenter connects its buttons.
    """

    winner_chosen = Signal(str)
    """Run id of the answer a person calls the better one."""
    thumb_given = Signal(str, object)
    """Run id, and the `Thumb`; `None` takes it back."""
    changed = Signal()
    """Another turn is shown, or the same anew."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._shown: tuple[PaneViewModel, ...] = ()
        self._build()
        theme.changed.connect(self._apply_theme)
        self._apply_theme()

    def show_turn(self, prompt: PromptViewModel, turn: TurnViewModel) -> None:
        judged = self._judged
        self.show_caption(prompt.caption)
        self._turn_box.setVisible(prompt.count > 1)
        self._turn.setText(
            self.tr("Prompt {number} of {count}").format(number=prompt.number, count=prompt.count)
        )
        self.before_button.setEnabled(prompt.number > 1)
        self.after_button.setEnabled(prompt.number < prompt.count)
        self._prompt.setPlainText(shown_part(prompt.text))
        self._fit_prompt()
        self._system.setVisible(bool(prompt.system_prompt))
        self._system.set_full_text(
            self.tr("Instructions for the model: {0}").format(
                one_line(prompt.system_prompt, _SYSTEM_LETTERS)
            )
        )
        self._shown = turn.panes
        self.answers.set_panes([self._make_pane(answer, turn) for answer in turn.panes])
        self.answers.fit_heads()
        self.show_judged(turn)
        self._offer(turn, is_recorded=bool(prompt.recorded))
        if judged is not None:
            self._keep_focus(judged)
        self.changed.emit()

    @property
    def _judged(self) -> str | None:
        """Run id of the answer whose vote has the keyboard, empty for a vote on all of them."""
        for answer, pane in zip(self._shown, self.answers.panes, strict=True):
            if pane.vote_button.hasFocus():
                return answer.run_id
        buttons = (self.summary.tie_button, self.summary.none_button)
        return "" if any(button.hasFocus() for button in buttons) else None

    def _keep_focus(self, judged: str) -> None:
        """Have the keyboard stay at the vote, or go to what one does after one that stays."""
        for answer, pane in zip(self._shown, self.answers.panes, strict=True):
            if answer.run_id == judged and pane.vote_button.isEnabled():
                pane.vote_button.setFocus()
                return
        if judged or not self.summary.tie_button.isVisibleTo(self):
            self.open_button.setFocus()

    def show_judged(self, turn: TurnViewModel) -> None:
        """Show what is said of the answers that are there."""
        for answer, pane in zip(turn.panes, self.answers.panes, strict=True):
            pane.set_vote(offered=turn.vote.can_vote and answer.can_win, chosen=answer.is_winner)
            pane.set_thumb(answer.thumb, offered=turn.takes_thumbs and answer.can_win)
        self.summary.show_turn(turn.summary, turn.vote)
        self.summary.show_note(turn.note)
        self.summary.setVisible(bool(turn.summary or turn.vote.text or turn.note))

    def show_checks(self, results: Mapping[str, Sequence[CheckResult]]) -> None:
        """Mark the answers that are shown, by run id."""
        for answer, pane in zip(self._shown, self.answers.panes, strict=True):
            pane.show_checks(results.get(answer.run_id, ()))

    def show_caption(self, caption: str) -> None:
        """Say when it was asked, and in which order."""
        self._caption.set_full_text(caption)

    def clear_turn(self) -> None:
        self._prompt.clear()
        self._caption.set_full_text("")
        self._system.set_full_text("")
        self.summary.clear()
        self._shown = ()
        self.answers.set_panes(())

    def _make_pane(self, answer: PaneViewModel, turn: TurnViewModel) -> ResponsePane:
        pane = ResponsePane(self._theme)
        pane.set_head(answer.head)
        pane.begin_turn(None, follows_end=False).show_answer(answer.answer)
        pane.set_figures_visible(visible=answer.cells is not None)
        if answer.cells is not None:
            pane.metrics.set_cells(answer.cells)
            pane.time_bar.set_spans(answer.spans, turn.scale_s)
            pane.set_footer(*answer.footer)
        pane.set_running(running=False)
        return pane

    def _on_vote(self, position: int) -> None:
        self.winner_chosen.emit(self._shown[position].run_id)

    def _on_thumb(self, position: int, thumb: Thumb | None) -> None:
        self.thumb_given.emit(self._shown[position].run_id, thumb)

    def _on_details(self, position: int) -> None:
        if rows := self._shown[position].details:
            self.answers.panes[position].show_details(rows)

    def _offer(self, turn: TurnViewModel, *, is_recorded: bool) -> None:
        locked = ""
        if turn.names_hidden:
            locked = self.tr("Say which answer is better first: this would give the names away.")
        elif not turn.is_over:
            locked = self.tr("Wait until every answer is done.")
        for button, tooltip in (
            (
                self.open_button,
                self.tr("Show this comparison on the Compare page and ask on from there"),
            ),
            (
                self.again_button,
                self.tr("Send the same prompts to the same models again, as they are now"),
            ),
            (
                self.replay_button,
                self.tr(
                    "Watch these answers come again at their own pace, as recorded: "
                    "no model runs and nothing is sent"
                ),
            ),
        ):
            why = locked
            if is_recorded and button is not self.replay_button:
                why = self.tr("Its models are on another computer: it can be replayed and read.")
            button.setEnabled(not why)
            button.setToolTip(plain_tooltip(why or tooltip))
        self._color_actions()

    def _build(self) -> None:
        self._prompt = QPlainTextEdit()
        self._prompt.setReadOnly(True)
        self._prompt.setProperty("prompt", True)
        self._prompt.setTabChangesFocus(True)
        self._prompt.document().setDocumentMargin(0)
        self._prompt.setAccessibleName(self.tr("Prompt"))
        self._prompt.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._system = ElidedLabel("", "caption", "quiet")
        self.summary = SummaryCard(self._theme)
        self.answers = PaneGrid(self._theme, row_limit=6, foot=self.summary)
        self.answers.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.answers.setAccessibleName(self.tr("Answers"))
        self.answers.vote_clicked.connect(self._on_vote)
        self.answers.thumb_given.connect(self._on_thumb)
        self.answers.details_clicked.connect(self._on_details)
        self._column = make_column(
            self._build_head(),
            self._prompt,
            self._system,
            self._build_actions(),
            (self.answers, 1),
            parent=self,
            margins=NO_MARGINS,
        )

    def _build_head(self) -> QHBoxLayout:
        self._caption = ElidedLabel("", "caption", "quiet")
        self.before_button = IconButton(self._theme, "chevron-left", self.tr("The prompt before"))
        self._turn = make_label("", "caption", "quiet")
        self.after_button = IconButton(self._theme, "chevron-right", self.tr("The prompt after"))
        self._turn_box = QWidget()
        turns = (self.before_button, self._turn, self.after_button)
        make_row(*turns, parent=self._turn_box, margins=NO_MARGINS, spacing=self._theme.px(2))
        self.delete_button = IconButton(
            self._theme, "trash", self.tr("Delete this comparison (can be undone)")
        )
        self.delete_button.setAccessibleName(self.tr("Delete"))
        self.test_button = IconButton(
            self._theme,
            "tests",
            self.tr("Make a message of this prompt, to ask many models at once (Tests)"),
        )
        self.test_button.setAccessibleName(self.tr("Add to a test…"))
        return make_row((self._caption, 1), self._turn_box, self.test_button)

    def _build_actions(self) -> FlowLayout:
        self.open_button = make_button(self.tr("Open in Compare"), kind="primary")
        self.again_button = make_button(self.tr("Run again"))
        self.replay_button = make_button(self.tr("Replay"))
        for button in (self.open_button, self.again_button, self.replay_button):
            button.setText(f" {button.text()}")  # the space keeps icon and text apart
        rarer = FoldingRow(self._theme, self.again_button, self.replay_button, self.delete_button)
        return make_flow(self.open_button, rarer)

    def _fit_prompt(self) -> None:
        document = self._prompt.document()
        most = _PROMPT_LINES if self.height() >= self._theme.px(_TALL) else 1
        shown = min(max(1, int(document.size().height())), most)
        margin = int(document.documentMargin()) * 2
        self._prompt.setFixedHeight(shown * self._prompt.fontMetrics().lineSpacing() + margin + 2)

    def _apply_theme(self) -> None:
        self._column.setSpacing(self._theme.px(6))
        self._color_actions()
        self._fit_prompt()

    def _color_actions(self) -> None:
        side = self._theme.px(15)
        for button, icon, tone in (
            (self.open_button, "compare", "on_accent"),
            (self.again_button, "refresh", "text"),
            (self.replay_button, "replay", "text"),
        ):
            button.setIcon(self._theme.icon(icon, tone if button.isEnabled() else "quiet"))
            button.setIconSize(QSize(side, side))

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_prompt()
