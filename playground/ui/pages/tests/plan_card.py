"""What an evaluation takes, in five figures: before its start, and while it runs."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from playground.core.evaluations import Evaluation, Plan
from playground.core.targets import Place
from playground.core.urls import is_private_host
from playground.ui.format import PLACE_LOOKS
from playground.ui.pages.tests import words
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import Badge, clear_layout, make_label
from playground.ui.widgets.layouts import NO_MARGINS, make_column, make_flow


class _Part(QWidget):
    """A caption, a figure, and a sentence below it."""

    def __init__(self, theme: Theme, title: str) -> None:
        super().__init__()
        self.figure = make_label("", "figure", wrap=True)
        self.below = make_label("", "caption", "quiet", wrap=True)
        self.setMinimumWidth(theme.px(120))
        make_column(
            *(make_label(title, "caption", "quiet"), self.figure, self.below, 1),
            parent=self,
            margins=NO_MARGINS,
            spacing=theme.px(2),
        )

    def show_words(self, figure: str, below: str) -> None:
        self.figure.setText(figure)
        self.below.setText(below)
        self.below.setVisible(bool(below))


class PlanRow(QWidget):
    """Answers, time, price, where the messages go, and whether models can be told apart."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        tr = self.tr
        self._answers = _Part(theme, tr("Answers"))
        self._time = _Part(theme, tr("Time"))
        self._price = _Part(theme, tr("Price"))
        self._hosts = _Part(theme, tr("The messages go to"))
        self._outcome = _Part(theme, tr("Can they be told apart?"))
        self._chips = QWidget()
        make_flow(parent=self._chips, spacing=theme.px(6))
        layout = self._hosts.layout()
        if layout is not None:
            layout.insertWidget(2, self._chips)  # type: ignore[attr-defined]  # a column
        parts = (self._answers, self._time, self._price, self._hosts, self._outcome)
        flow = make_flow(*((part, 1) for part in parts), parent=self, spacing=theme.px(22))
        for part in parts:
            flow.setAlignment(part, Qt.AlignmentFlag.AlignTop)

    def show_plan(self, evaluation: Evaluation, plan: Plan, max_usd: float | None) -> None:
        """Show what the answers that are left take; `max_usd` is the ceiling."""
        self._answers.show_words(f"{plan.units:,}", words.answers_words(evaluation, plan))
        self._time.show_words(words.duration_words(plan.seconds), words.time_words(plan))
        self._price.show_words(words.price_words(plan), words.ceiling_words(plan, max_usd))
        cases = len(evaluation.prompt_set.cases)
        self._outcome.show_words(*words.outcome_words(plan, cases))
        self._outcome.setVisible(len(evaluation.targets) > 1)
        clear_layout(self._chips)
        chips = self._chips.layout()
        for host in plan.hosts:
            place = Place.NETWORK if is_private_host(host) else Place.CLOUD
            chip = Badge(self._theme, host, *PLACE_LOOKS[place])
            if chips is not None:
                chips.addWidget(chip)
        self._chips.setVisible(bool(plan.hosts))
        self._hosts.figure.setVisible(not plan.hosts)
        figure = "" if plan.hosts else self.tr("No other computer")
        self._hosts.show_words(figure, words.kept_words(plan))
        self.updateGeometry()
