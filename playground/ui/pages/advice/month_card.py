"""What a month costs: the chart, two sliders, and from how many questions a day buying pays."""

import math
from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QFrame, QWidget
from typing_extensions import override

from playground.core.advice.situation import Advice, Costs
from playground.core.advice.words import dollars_text
from playground.core.metrics import Figure
from playground.ui.pages.advice.month_chart import MonthChart, MonthLines, round_up
from playground.ui.pages.advice.questions import Slider
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import ElidedLabel, breakable, make_label
from playground.ui.widgets.layouts import NO_MARGINS, make_column, make_row

_STACKS_BELOW = 640
_LEAST_USD = 50
"""What a bigger computer costs at the slider's left end."""


def eased(share: float, most: float, least: float = 1) -> int:
    """Return a number of two digits and noughts: each step of a slider is as many times more."""
    value = least * math.pow(most / least, share)
    return int(round(value, min(0, 1 - math.floor(math.log10(value)))))


def share_of(value: float, most: float, least: float = 1) -> float:
    """Return where on the slider `value` stands."""
    return math.log(min(max(value, least), most) / least) / math.log(most / least)


class MonthCard(QFrame):
    """Shows months and takes two numbers; it decides nothing."""

    per_day_moved = Signal(int)
    costs_changed = Signal()

    def __init__(self, theme: Theme, *, most_per_day: int, most_usd: float) -> None:
        super().__init__()
        self._theme = theme
        self._most_per_day, self._most_usd = most_per_day, most_usd
        self._costs: Costs | None = None
        self.setProperty("card", "true")
        self._build()

    @property
    def costs(self) -> Costs | None:
        return self._costs

    def show_costs(self, costs: Costs) -> None:
        self._costs = costs
        self._price.show_share(share_of(costs.price_usd, self._most_usd, _LEAST_USD))
        self._show_words()

    def show_months(self, advice: Advice, per_day: int) -> None:
        """Show the lines, and what they say."""
        months = advice.months
        self._per_day.show_share(share_of(per_day, self._most_per_day))
        self._per_day_value.setText(f"{per_day:,}")
        lines = MonthLines(
            months,
            per_day,
            round(round_up(advice.most_per_day)),
            self.tr("here"),
            self.tr("in the cloud"),
            self.tr("bigger computer"),
        )
        said = self._said(advice, per_day)
        self._verdict.setText(breakable(said))
        self._chart.show_lines(lines, said)
        is_known = months.here_usd is not None or months.cloud_usd is not None
        self._chart.setVisible(is_known)
        self._unknown.setVisible(not is_known)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        is_stacked = self.width() < self._theme.px(_STACKS_BELOW)
        self._row.setDirection(
            QBoxLayout.Direction.TopToBottom if is_stacked else QBoxLayout.Direction.LeftToRight
        )

    def _build(self) -> None:
        tr = self.tr
        self._chart = MonthChart(self._theme)
        self._unknown = make_label(
            tr("What a question costs is known once both have answered one."),
            tone="quiet",
            wrap=True,
        )
        self._per_day = Slider(
            self._theme, tr("Questions a day"), tr("How many questions are asked on a day")
        )
        self._price = Slider(
            self._theme,
            tr("A bigger computer costs"),
            tr("What you would pay for a computer that is bought for this"),
        )
        self._per_day_value = make_label(role="numbers")
        self._price_value = make_label(role="numbers")
        self._verdict = make_label(wrap=True)
        self._fixed = make_label(role="caption", tone="quiet", wrap=True)
        side = QWidget()
        side.setMinimumWidth(self._theme.px(200))
        make_column(
            self._titled(tr("Questions a day"), self._per_day_value, self._per_day),
            self._titled(tr("A bigger computer costs"), self._price_value, self._price),
            self._verdict,
            1,
            self._fixed,
            parent=side,
            margins=NO_MARGINS,
            spacing=10,
        )
        self._row = make_row((self._chart, 2), (side, 1), spacing=18)
        head = make_row(
            make_label(tr("A month of this"), "heading"),
            (
                ElidedLabel(
                    tr("dollars by questions a day, at the prices of your runs"), "caption", "quiet"
                ),
                1,
            ),
        )
        make_column(head, self._unknown, (self._row, 1), parent=self)
        self._per_day.moved.connect(self._on_per_day)
        self._price.moved.connect(self._on_price)

    def _titled(self, words: str, value: QWidget, slider: Slider) -> QWidget:
        part = QWidget()
        head = make_row((make_label(words, wrap=True), 1), value)
        make_column(head, slider, parent=part, margins=NO_MARGINS, spacing=3)
        return part

    def _show_words(self) -> None:
        if self._costs is None:
            return
        costs = self._costs
        self._price_value.setText(f"${costs.price_usd:,.0f}")
        self._fixed.setText(
            self.tr("Kept {0} years, {1} hours a day at {2} W idle, ${3} a kWh.").format(
                f"{costs.years:g}",
                f"{costs.hours_a_day:g}",
                f"{costs.idle_watts:g}",
                f"{costs.usd_per_kwh:.2f}",
            )
        )

    def _said(self, advice: Advice, per_day: int) -> str:
        months = advice.months
        here, cloud = months.here(per_day), months.cloud(per_day)
        parts = []
        for cost, figure, words in (
            (here, months.here_usd, self.tr("Here: {0} a month.")),
            (cloud, months.cloud_usd, self.tr("In the cloud: {0} a month.")),
        ):
            if cost is not None and figure is not None:
                parts.append(words.format(dollars_text(Figure(cost, figure.provenance))))
        if months.pays_from is not None:
            parts.append(self.tr("A bigger computer pays from {0}.").format(months.pays_from_words))
        elif here is not None and cloud is not None:
            parts.append(self.tr("A bigger computer never pays: the cloud costs less a question."))
        elif here is not None:
            parts.append(self.tr("What a cloud costs is known once a provider has answered."))
        return " ".join(parts)

    def _on_per_day(self, share: float) -> None:
        self.per_day_moved.emit(eased(share, self._most_per_day))

    def _on_price(self, share: float) -> None:
        if self._costs is None:
            return
        price_usd = eased(share, self._most_usd, _LEAST_USD)
        self._costs = replace(self._costs, price_usd=price_usd)
        self._show_words()
        self.costs_changed.emit()
