"""All answers to one message side by side, with what each check says of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, QObject, QSize, Qt, Signal
from PySide6.QtWidgets import QDialog, QGridLayout, QLabel, QWidget

from playground.core.amounts import seconds
from playground.core.checks.reading import check_words
from playground.core.checks.scoring import Score, score
from playground.core.errors import PlaygroundError
from playground.core.evaluations import Evaluation
from playground.core.expected import Outcome
from playground.core.names import TargetName, target_names
from playground.core.prompt_sets import Case, filled
from playground.core.runs import Run
from playground.store.evaluations import comparison_id
from playground.store.history import ComparisonStore
from playground.ui.bridge import Bridge
from playground.ui.format import PLACE_LOOKS
from playground.ui.pages.tests.grid import CellSample
from playground.ui.pages.tests.progress import CellState
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import (
    ElidedLabel,
    make_button,
    make_card,
    make_label,
    plain_tooltip,
)
from playground.ui.widgets.layouts import make_column, make_flow, make_row, make_scroll_area
from playground.ui.widgets.markdown.view import MarkdownView

_STATES = {
    Outcome.RIGHT: CellState.RIGHT,
    Outcome.WRONG: CellState.WRONG,
    Outcome.NOT_SCORED: CellState.NOT_SCORED,
}
_NARROWEST = 230
"""Width of a column, at scale 1."""
_SHOWN = 20_000
"""Characters of an answer; the whole one is in the clipboard and in the terminal's report."""


@dataclass(frozen=True, slots=True)
class ShownAnswer:
    """A run with what is held against it."""

    run: Run
    score: Score
    repeat: int
    name: TargetName


class AnswersDialog(QDialog):
    """A column for each answer; ← and → go to the message before and after."""

    moved = Signal(int)
    """-1 or 1: the message before or after is wanted."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setWindowTitle(self.tr("Answers"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._title = ElidedLabel("", "title")
        self._prompt = make_label("", "control", wrap=True)
        self._prompt.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._checks = make_label("", "caption", "quiet", wrap=True)
        self._before = make_button(
            self.tr("Before"), tooltip=self.tr("The message before this one")
        )
        self._after = make_button(self.tr("Next"), tooltip=self.tr("The message after this one"))
        self._close = make_button(self.tr("Close"), self.reject, tooltip=self.tr("Close (Esc)"))
        body = QWidget()
        self._answers = QGridLayout(body)
        self._answers.setContentsMargins(0, 0, 0, 0)
        self._body = make_scroll_area(body, self.tr("Answers"))
        self._before.clicked.connect(self._go_before)
        self._after.clicked.connect(self._go_after)
        px = theme.px
        top = QWidget()
        make_column(self._prompt, self._checks, parent=top)
        scrolled = make_scroll_area(top, self.tr("The message"))
        scrolled.setMaximumHeight(px(150))
        make_column(
            make_row((self._title, 1), self._before, self._after),
            scrolled,
            (self._body, 1),
            make_flow(1, self._close),
            parent=self,
            margins=(px(20), px(16), px(20), px(16)),
        )
        window = parent.window().size()
        self.resize(QSize(min(px(1100), window.width() - 60), window.height() - 60))

    def show_answers(
        self, title: str, prompt: str, checks: Sequence[str], answers: Sequence[ShownAnswer]
    ) -> None:
        self._title.set_full_text(title)
        self._prompt.setText(prompt[:_SHOWN])
        said = ", ".join(checks) or self.tr("nothing is checked")
        self._checks.setText(self.tr("Right when the answer {0}").format(said))
        while (item := self._answers.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.setParent(None)
                widget.deleteLater()
        # as many side by side as there is room for, the others below
        beside = max(1, (self.width() - self._theme.px(60)) // self._theme.px(_NARROWEST + 10))
        if not answers:
            self._answers.addWidget(make_label(self.tr("No answer yet."), "body", "quiet"), 0, 0)
        for place, answer in enumerate(answers):
            self._answers.addWidget(self._column(answer), place // beside, place % beside)

    def allow(self, *, before: bool, after: bool) -> None:
        self._before.setEnabled(before)
        self._after.setEnabled(after)

    def _column(self, answer: ShownAnswer) -> QWidget:
        px = self._theme.px
        run, score = answer.run, answer.score
        icon = QLabel()
        tone, name = PLACE_LOOKS[run.target.place]
        icon.setPixmap(self._theme.icon(name, tone).pixmap(QSize(px(16), px(16))))
        label = answer.name.label
        if answer.repeat:
            label += " · " + self.tr("time {0}").format(answer.repeat + 1)
        text = MarkdownView(self._theme)
        text.setAccessibleName(self.tr("Answer of {0}").format(run.target.label))
        text.set_text(run.text[:_SHOWN] or self.tr("(nothing)"))
        inside = QWidget()
        words = {
            Outcome.RIGHT: self.tr("Right"),
            Outcome.WRONG: self.tr("Wrong"),
            Outcome.NOT_SCORED: self.tr("Not scored"),
        }[score.outcome]
        reason = make_label(" ".join((f"{words}.", *score.reasons)), "caption", wrap=True)
        results = "\n".join(f"{check_words(r.check)}: {r.reason}" for r in score.results)
        reason.setToolTip(plain_tooltip(results))
        took = make_label(seconds(run.timings.total_s), "caption", "quiet")
        place = make_label(answer.name.place, "caption", "quiet", wrap=True)
        place.setVisible(bool(answer.name.place))
        mark = make_row(CellSample(self._theme, _STATES[score.outcome]), (reason, 1))
        make_column(mark, text, 1, parent=inside)
        card = make_card()
        make_column(
            make_row(icon, (ElidedLabel(label, "row"), 1), took),
            place,
            (make_scroll_area(inside, label), 1),
            parent=card,
            margins=(px(12), px(10), px(12), px(10)),
        )
        card.setMinimumSize(px(_NARROWEST), px(170))
        return card

    def _go_before(self) -> None:
        self.moved.emit(-1)

    def _go_after(self) -> None:
        self.moved.emit(1)


class AnswersPresenter(QObject):
    """Opens what was answered to a message, and goes from one message to the next."""

    def __init__(
        self, view: QWidget, theme: Theme, bridge: Bridge, history: ComparisonStore
    ) -> None:
        super().__init__(view)
        self._view = view
        self._theme = theme
        self._bridge = bridge
        self._history = history
        self._dialog: AnswersDialog | None = None
        self._evaluation: Evaluation | None = None
        self._cases: Sequence[Case] = ()
        self._order: Sequence[str] = ()
        self._opened = 0

    def open(
        self, evaluation: Evaluation, cases: Sequence[Case], opened: int, order: Sequence[str]
    ) -> None:
        """Show the answers to `cases[opened]` that are there; `order` is that of the targets."""
        self._evaluation, self._cases, self._order = evaluation, cases, order
        self._opened = opened
        if self._dialog is None:
            self._dialog = dialog = AnswersDialog(self._theme, self._view)
            dialog.moved.connect(self._on_moved)
            dialog.finished.connect(self._on_closed)
            dialog.open()
        self._bridge.spawn(self._show())

    def _on_closed(self) -> None:
        self._dialog = None

    def _on_moved(self, by: int) -> None:
        self._opened = max(0, min(len(self._cases) - 1, self._opened + by))
        self._bridge.spawn(self._show())

    async def _show(self) -> None:
        evaluation, place = self._evaluation, self._opened
        if evaluation is None or place >= len(self._cases):
            return
        case = self._cases[place]
        asked = filled(evaluation.prompt_set, case)
        names = target_names(evaluation.targets)
        answers: list[ShownAnswer] = []
        for repeat in range(evaluation.repeats):
            key = comparison_id(evaluation.id, case.id, repeat)
            try:
                comparison = await self._bridge.submit(self._history.load(key))
            except PlaygroundError:
                # of this repeat nothing is answered yet
                continue
            answers += [
                ShownAnswer(run, score(asked.checks, run), repeat, names[run.target.key])
                for turn in comparison.turns
                for run in turn.runs
                if run.target.key in names
            ]
        if self._dialog is None or (evaluation, place) != (self._evaluation, self._opened):
            return
        order = {key: n for n, key in enumerate(self._order)}
        answers.sort(key=lambda answer: (order.get(answer.run.target.key, 0), answer.repeat))
        number = evaluation.prompt_set.cases.index(case) + 1
        checks = [check_words(check) for check in asked.checks]
        title = QCoreApplication.translate("TestsPage", "Message {0}").format(number)
        self._dialog.show_answers(title, asked.prompt, checks, _few(answers))
        self._dialog.allow(before=place > 0, after=place < len(self._cases) - 1)


def _few(answers: Sequence[ShownAnswer]) -> Sequence[ShownAnswer]:
    """Return the answers that have room side by side: the first of each model where not all do."""
    if len(answers) <= 6:
        return answers
    return [answer for answer in answers if answer.repeat == 0] or answers[:6]
