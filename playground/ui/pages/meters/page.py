"""View of live use: charts of processor, memory and graphics cards, and who uses them."""

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QWidget
from typing_extensions import override

from playground.core.amounts import rate
from playground.engines.llama.work_log import WorkKind
from playground.services.worker_pool import ModelWork
from playground.ui.pages.meters.charts import TONES, Chart, Lane, Series, lanes
from playground.ui.pages.meters.series import all_series, for_stage, rest_words
from playground.ui.pages.meters.users import UserTable, words_per_s
from playground.ui.theme.theme import Theme, set_properties
from playground.ui.widgets.basics import ElidedLabel, IconButton, make_button, make_label
from playground.ui.widgets.layouts import (
    NO_MARGINS,
    make_column,
    make_flow,
    make_row,
    make_scroll_area,
)
from playground.ui.widgets.segmented import Segmented
from playground.ui.window.page import Page
from playground.ui.window.status_bar import StatusBar

Work = Callable[[float], Sequence[ModelWork]]
"""What each model on this computer did from a moment on."""

_SPANS = {"60": 60.0, "600": 600.0}
_LEAST_CHART = 290
"""Width of a chart, in units of text, from which another fits beside it."""
_LEGEND_FROM = {False: 1000, True: 800}
"""Width of the window, in units of text, from which the head explains the colours, off and on
stage."""


class MetersPage(Page):
    """Shows the samples of the strip; `left` is emitted where a person wants to go back."""

    left = Signal()

    def __init__(self, theme: Theme, strip: StatusBar, work: Work) -> None:
        super().__init__(theme)
        self._strip = strip
        self._work = work
        self._charts: list[Chart] = []
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

    @override
    def set_presentation_mode(self, *, on: bool) -> None:
        super().set_presentation_mode(on=on)
        for part in (self._span, self._exact, self._close, self._users):
            part.setVisible(not on)
        self._foot.setVisible(on)
        self._legend.show_words(is_whole=not on)
        # it has the keyboard there, alone: nothing to tell apart
        set_properties(self._scroll, [("ring", not on)])
        self._show_title()
        self._show()

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
        self._title = make_label("", "title", wrap=True)
        self._legend = _Legend(self._theme)
        self._head.addWidget(self._title)
        self._head.addWidget(self._legend)
        self._head.addStretch()
        for part in (self._span, self._exact, self._close):
            self._head.addWidget(part)
        body = QWidget()
        self._grid = QGridLayout()
        self._users = UserTable(self._theme)
        make_column((self._grid, 1), self._users, parent=body, margins=NO_MARGINS)
        self._scroll = make_scroll_area(body, self.tr("Live use"))
        set_properties(self._scroll, [("ring", True)])
        self._doing = ElidedLabel("", "heading")
        self._rest = ElidedLabel("", "body", "quiet")
        self._foot = QWidget()
        make_flow(self._doing, 1, self._rest, parent=self._foot)
        self._foot.hide()
        self._column.addWidget(self._scroll, 1)
        self._column.addWidget(self._foot)
        self._show_title()

    def _connect(self) -> None:
        self._close.clicked.connect(self.left)
        self._exact.clicked.connect(partial(self._strip.show_details, self._exact))
        self._span.chosen.connect(self._show)
        self._strip.sampled.connect(self._show)
        self.shown.connect(self._show)
        self._theme.changed.connect(self._arrange)

    def _show_title(self) -> None:
        words = self.tr("Live use")
        if self._theme.in_presentation_mode:
            minute, minutes = self.tr("the last minute"), self.tr("the last 10 minutes")
            words += f", {minute if self._span.selected == '60' else minutes}"
        self._title.setText(words)

    def _show(self) -> None:
        samples = self._strip.history
        if not samples or not self.isVisible():
            return
        now_s, span_s = samples[-1].t_s, _SPANS[self._span.selected]
        work = self._work(now_s - span_s)
        shown = lanes(work, now_s, span_s)
        series = all_series(samples, self.tr)
        if self._theme.in_presentation_mode:
            self._show_charts(for_stage(series), shown, span_s)
            self._doing.set_full_text(self._doing_words(work, now_s))
            self._rest.set_full_text(rest_words(series))
        else:
            self._show_charts(series, shown, span_s)
            self._users.show_sample(samples[-1], work, self._units)

    def _show_charts(
        self, series: Sequence[Series], shown: tuple[Lane, ...], span_s: float
    ) -> None:
        if len(series) != len(self._charts):
            self._set_count(len(series))
        for chart, one in zip(self._charts, series, strict=True):
            chart.show_series(one, shown, span_s)

    def _doing_words(self, work: Sequence[ModelWork], now_s: float) -> str:
        words = {
            WorkKind.LOADING: self.tr("{0} is being loaded"),
            WorkKind.READING: self.tr("{0} is reading the prompt"),
            WorkKind.WRITING: self.tr("{0} is writing"),
        }
        said = []
        for model in work:
            span = model.spans[-1] if model.spans else None
            if span is None or span.ended_s is not None:
                continue
            speed = words_per_s(span, now_s)
            fast = self.tr(", ≈ {0} words a second").format(rate(speed)) if speed else ""
            said.append(words[span.kind].format(model.name) + fast)
        return " · ".join(said) or self.tr("No model is at work")

    def _set_count(self, count: int) -> None:
        for chart in self._charts:
            self._grid.removeWidget(chart)
            chart.deleteLater()
        self._charts = [Chart(self._theme) for _ in range(count)]
        self._columns = 0
        self._arrange()

    def _arrange(self) -> None:
        """Put as many charts beside each other as have room, two on stage."""
        on_stage = self._theme.in_presentation_mode
        self._legend.setVisible(self._units >= _LEGEND_FROM[on_stage])
        room = self._scroll.viewport().width()
        most = 2 if on_stage else 3
        columns = max(1, min(most, len(self._charts), room // self._theme.px(_LEAST_CHART)))
        if columns == self._columns or not self._charts:
            return
        for column in range(max(columns, self._columns)):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)
        self._columns = columns
        for index, chart in enumerate(self._charts):
            self._grid.addWidget(chart, index // columns, index % columns)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()
        self._show()


class _Legend(QWidget):
    """The colours of the lanes under each chart, in words."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        words = {
            WorkKind.LOADING: self.tr("loading"),
            WorkKind.READING: self.tr("reading the prompt"),
            WorkKind.WRITING: self.tr("writing"),
        }
        self._where = make_label(self.tr("Under each chart:"), "caption", "quiet")
        row = make_row(self._where, parent=self, margins=NO_MARGINS, spacing=theme.px(8))
        for kind, text in words.items():
            row.addWidget(_Swatch(theme, TONES[kind]))
            row.addWidget(make_label(text, "caption", "quiet"))

    def show_words(self, *, is_whole: bool) -> None:
        """Say where the colours are as well, or only what they are."""
        self._where.setVisible(is_whole)


class _Swatch(QWidget):
    """A short bar of one colour."""

    def __init__(self, theme: Theme, tone: str) -> None:
        super().__init__()
        self._theme = theme
        self._tone = tone
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    @override
    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(14), self._theme.px(4))

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), self._theme.color(self._tone))
