"""The page “Local or cloud?”: questions on one side, the answer and a month's cost on the other."""

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QWidget
from typing_extensions import override

from playground.core.advice.situation import Advice
from playground.services.advice import advice_rules
from playground.ui.pages.advice.answer import AnswerView
from playground.ui.pages.advice.month_card import MonthCard
from playground.ui.pages.advice.questions import Questions
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import make_label
from playground.ui.widgets.layouts import NO_MARGINS, make_column, make_row, make_scroll_area
from playground.ui.widgets.share_button import ShareButton
from playground.ui.window.page import Page

_STACKS_BELOW = 820
"""Width in units of text below which the answer stands above the questions."""
_QUESTIONS_WIDTH = 316
_NARROW, _NARROW_MARGIN = 700, 12
"""Width in units of text below which the page's edges are narrower, and how wide they are then."""


class AdvicePage(Page):
    """Lays out the page; it decides nothing."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self._build()
        self._theme.changed.connect(self._arrange)

    def show_advice(self, advice: Advice, per_day: int, loading: str = "") -> None:
        self.answer.show_advice(advice, loading)
        self.month.show_months(advice, per_day)

    @override
    def focus_first(self) -> None:
        self.questions.focus_first()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def _build(self) -> None:
        self._head.addWidget(make_label(self.tr("Local or cloud?"), "title", wrap=True))
        self._caption = make_label(
            self.tr("Worked out on this computer from your own runs; it follows each change"),
            "caption",
            "quiet",
            wrap=True,
        )
        self._head.addWidget(self._caption)
        self._head.addStretch()
        self.share_button = ShareButton(
            self._theme, self.tr("Save this answer with its reasons as a page to send on")
        )
        self._head.addWidget(self.share_button)
        self.questions = Questions(self._theme)
        self.answer = AnswerView(self._theme)
        costs = advice_rules().costs
        self.month = MonthCard(
            self._theme,
            most_per_day=int(costs["most_per_day"]),
            most_usd=costs["most_usd"],
        )
        self._right = QWidget()
        make_column(
            self.answer, (self.month, 1), parent=self._right, margins=NO_MARGINS, spacing=12
        )
        body = QWidget()
        self._row = make_row(
            self.questions, (self._right, 1), parent=body, margins=NO_MARGINS, spacing=12
        )
        self._scroll = make_scroll_area(body, self.tr("Local or cloud?"))
        self._column.addWidget(self._scroll, 1)

    def _arrange(self) -> None:
        px = self._theme.px
        least = self.questions.minimumSizeHint().width()
        # in a language of longer words both sides need more room
        is_stacked = self._units < _STACKS_BELOW * max(1.0, least / px(_QUESTIONS_WIDTH))
        if is_stacked:
            self.questions.setMinimumWidth(0)
            self.questions.setMaximumWidth(16_777_215)
        else:
            self.questions.setFixedWidth(max(px(_QUESTIONS_WIDTH), least))
        side = px(_NARROW_MARGIN if self._units < _NARROW else self.MARGINS[0])
        margins = self._column.contentsMargins()
        self._column.setContentsMargins(side, margins.top(), side, margins.bottom())
        self._row.setDirection(
            QBoxLayout.Direction.BottomToTop if is_stacked else QBoxLayout.Direction.LeftToRight
        )
