"""View of live use: charts of processor, memory and graphics cards, and who uses them."""

import math
from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget
from typing_extensions import override

from playground.services.machine.telemetry import Sample
from playground.ui.format import size_words
from playground.ui.pages.meters.charts import Chart, Point, Series
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import IconButton, make_button, make_card, make_label
from playground.ui.widgets.inputs import Segmented
from playground.ui.widgets.layouts import NO_MARGINS, make_column, make_scroll_area
from playground.ui.window.page import Page
from playground.ui.window.status_bar import StatusBar

_SPANS = {"60": 60.0, "600": 600.0}
_LEAST_CHART = 290
"""Width of a chart, in units of text, from which another fits beside it."""
_LEAST_WATTS = 20.0
_MOST_DEGREES = 100.0


class MetersPage(Page):
    """Shows the samples of the strip; `left` is emitted where a person wants to go back."""

    left = Signal()

    def __init__(self, theme: Theme, strip: StatusBar) -> None:
        super().__init__(theme)
        self._strip = strip
        self._charts: list[Chart] = []
        self._users: list[tuple[QLabel, QLabel, QLabel]] = []
        self._columns = 0
        self._build()
        self._connect()

    @override
    def focus_first(self) -> None:
        self._close.setFocus()

    @override
    def handle_escape(self) -> bool:
        if self._theme.in_presentation_mode:
            # the way back from the stage comes first
            return False
        self.left.emit()
        return True

    def _build(self) -> None:
        self._span = Segmented(
            (
                ("60", self.tr("1 minute"), self.tr("The last minute")),
                ("600", self.tr("10 minutes"), self.tr("The last ten minutes")),
            )
        )
        self._span.select("60")
        self._exact = make_button(
            self.tr("Every exact figure"), tooltip=self.tr("Numbers to the byte, and processes")
        )
        self._close = IconButton(self._theme, "close", self.tr("Back to the page before"))
        self._head.addWidget(make_label(self.tr("Live use"), "title", wrap=True))
        self._head.addStretch()
        for part in (self._span, self._exact, self._close):
            self._head.addWidget(part)
        body = QWidget()
        self._grid = QGridLayout()
        self._table = QGridLayout()
        self._table.setColumnStretch(0, 1)
        self._table.setHorizontalSpacing(self._theme.px(20))
        self._card = make_card()
        make_column(self._table, parent=self._card)
        make_column((self._grid, 1), self._card, parent=body, margins=NO_MARGINS)
        self._scroll = make_scroll_area(body, self.tr("Live use"))
        self._column.addWidget(self._scroll, 1)
        for column, words in enumerate(
            (self.tr("Who uses it"), self.tr("Processor"), self.tr("Memory"))
        ):
            self._table.addWidget(make_label(words, "caption", "quiet", wrap=True), 0, column)

    def _connect(self) -> None:
        self._close.clicked.connect(self.left)
        self._exact.clicked.connect(partial(self._strip.show_details, self._exact))
        self._span.chosen.connect(self._show)
        self._strip.sampled.connect(self._show)
        self.shown.connect(self._show)
        self._theme.changed.connect(self._arrange)

    def _show(self) -> None:
        samples = self._strip.history
        if not samples or not self.isVisible():
            return
        series = _series(samples, self.tr)
        if len(series) != len(self._charts):
            self._set_count(len(series))
        for chart, one in zip(self._charts, series, strict=True):
            chart.show_series(one, _SPANS[self._span.selected])
        self._show_users(samples[-1])

    def _set_count(self, count: int) -> None:
        for chart in self._charts:
            self._grid.removeWidget(chart)
            chart.deleteLater()
        self._charts = [Chart(self._theme) for _ in range(count)]
        self._columns = 0
        self._arrange()

    def _arrange(self) -> None:
        """Put as many charts beside each other as have room."""
        room = self._scroll.viewport().width()
        columns = max(1, min(3, len(self._charts), room // self._theme.px(_LEAST_CHART)))
        if columns == self._columns or not self._charts:
            return
        for column in range(max(columns, self._columns)):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)
        self._columns = columns
        for index, chart in enumerate(self._charts):
            self._grid.addWidget(chart, index // columns, index % columns)

    def _show_users(self, sample: Sample) -> None:
        own = sample.program_cpu_percent
        rows = [(worker.name, worker.cpu_percent, worker.rss_bytes) for worker in sample.workers]
        rows.append((self.tr("This window"), own, sample.program_rss_bytes))
        used = [percent for _, percent, _ in rows if percent is not None]
        rest = None if sample.cpu_percent is None else max(0.0, sample.cpu_percent - sum(used))
        held = sum(size for _, _, size in rows)
        rows.append((self.tr("Everything else"), rest, max(0, sample.ram_used_bytes - held)))
        while len(self._users) < len(rows):
            labels = (make_label(role="control", wrap=True), make_label(), make_label())
            for column, label in enumerate(labels):
                self._table.addWidget(label, len(self._users) + 1, column)
            self._users.append(labels)
        for number, labels in enumerate(self._users):
            texts = _words(rows[number]) if number < len(rows) else ("", "", "")
            for label, text in zip(labels, texts, strict=True):
                label.setText(text)
                label.setVisible(bool(text))

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()


def _words(row: tuple[str, float | None, int]) -> tuple[str, str, str]:
    name, percent, size = row
    return name, _percent(percent) if percent is not None else "—", size_words(size)


def _series(samples: Sequence[Sample], tr: Callable[[str], str]) -> list[Series]:
    """Return what there is to show: of a card only what it tells."""
    now = samples[-1]

    def points(value: Callable[[Sample], float | None]) -> list[Point]:
        return [(now.t_s - sample.t_s, value(sample)) for sample in samples]

    total = float(now.ram_total_bytes)
    found = [
        Series(tr("Processor"), tr("all cores"), 100.0, _percent, points(lambda s: s.cpu_percent)),
        Series(
            tr("Memory"),
            tr("of {0}").format(size_words(now.ram_total_bytes)),
            total,
            _size,
            points(lambda s: float(s.ram_used_bytes)),
        ),
    ]
    watts = points(lambda s: s.power_w)
    if now.power_w is not None:
        found.append(Series(tr("Power"), tr("processor"), _top_watts(watts), _watts, watts))
    for number, card in enumerate(now.gpus):
        found += _of_card(number, card.name, samples, points, tr)
    return found


def _of_card(
    number: int,
    name: str,
    samples: Sequence[Sample],
    points: Callable[[Callable[[Sample], float | None]], list[Point]],
    tr: Callable[[str], str],
) -> list[Series]:
    def of(field: str) -> list[Point]:
        def value(sample: Sample) -> float | None:
            known: float | None = None
            if number < len(sample.gpus):
                known = getattr(sample.gpus[number], field)
            return known

        return points(value)

    card = samples[-1].gpus[number]
    found = []
    if card.load_percent is not None:
        found.append(Series(tr("Graphics card"), name, 100.0, _percent, of("load_percent")))
    if card.memory_used_bytes is not None and card.memory_total_bytes:
        remark = tr("of {0}").format(size_words(card.memory_total_bytes))
        top = float(card.memory_total_bytes)
        found.append(Series(tr("Graphics memory"), remark, top, _size, of("memory_used_bytes")))
    if card.temperature_c is not None:
        found.append(Series(tr("Temperature"), name, _MOST_DEGREES, _degrees, of("temperature_c")))
    if card.power_w is not None:
        watts = of("power_w")
        found.append(Series(tr("Power"), name, _top_watts(watts), _watts, watts))
    return found


def _top_watts(points: Sequence[Point]) -> float:
    """Return the next round number above all values."""
    most = max((value for _, value in points if value is not None), default=0.0)
    return max(_LEAST_WATTS, math.ceil(most / 20) * 20)


def _percent(value: float) -> str:
    return f"{value:.0f} %"


def _size(value: float) -> str:
    return f"{value / 1e9:.1f} GB"


def _watts(value: float) -> str:
    return f"{value:.0f} W"


def _degrees(value: float) -> str:
    return f"{value:.0f} °C"
