"""A chart of one figure over the last minutes, with its scale."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from playground.core.amounts import UNKNOWN
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import ElidedLabel, make_card, make_label
from playground.ui.widgets.layouts import make_column, make_row

Point = tuple[float, float | None]
"""Seconds before now, and the value then; `None` is unknown and leaves a gap."""


@dataclass(frozen=True, slots=True)
class Series:
    """What one chart shows."""

    title: str
    remark: str
    top: float
    """The highest value of the scale."""
    words: Callable[[float], str]
    points: Sequence[Point]

    @property
    def now(self) -> str:
        last = self.points[-1][1] if self.points else None
        return UNKNOWN if last is None else self.words(last)


class Chart(QWidget):
    """A title, the value now, and its line over `span_s` seconds."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._title = ElidedLabel("", "heading")
        self._value = make_label(role="figure")
        self._remark = ElidedLabel("", "caption", "quiet")
        self._plot = _Plot(theme)
        card = make_card()
        head = make_row((self._title, 1), self._value)
        make_column(head, self._remark, (self._plot, 1), parent=card)
        make_column(card, parent=self, margins=(0, 0, 0, 0))

    def show_series(self, series: Series, span_s: float) -> None:
        self._title.set_full_text(series.title)
        self._remark.set_full_text(series.remark)
        self._value.setText(series.now)
        self.setAccessibleName(f"{series.title}: {series.now}")
        self._plot.show_series(series, span_s)


class _Plot(QWidget):
    """The line, its ground, and the scale beside it."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._series: Series | None = None
        self._span_s = 60.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_series(self, series: Series, span_s: float) -> None:
        self._series, self._span_s = series, span_s
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(220), self._theme.px(130))

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(180), self._theme.px(110))

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        series = self._series
        if series is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self._theme.font("caption"))
        metrics = painter.fontMetrics()
        scale = [series.words(series.top * share) for share in (1.0, 0.5, 0.0)]
        left = max(metrics.horizontalAdvance(words) for words in scale) + self._theme.px(8)
        line = metrics.height()
        area = QRectF(left, line / 2, self.width() - left - 1, self.height() - 2 * line)
        for words, share in zip(scale, (0.0, 0.5, 1.0), strict=True):
            y = area.top() + share * area.height()
            painter.setPen(self._theme.color("line"))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(self._theme.color("quiet"))
            place = QRectF(0, y - line / 2, left - self._theme.px(8), line)
            painter.drawText(place, Qt.AlignmentFlag.AlignRight, words)
        below = QRectF(area.left(), self.height() - line, area.width(), line)
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft, self._ago())
        painter.drawText(below, Qt.AlignmentFlag.AlignRight, self.tr("now"))
        for stretch in self._stretches(series, area):
            self._draw(painter, stretch, area)

    def _ago(self) -> str:
        minutes = round(self._span_s / 60)
        one, several = self.tr("1 minute ago"), self.tr("{0} minutes ago")
        return one if minutes == 1 else several.format(minutes)

    def _stretches(self, series: Series, area: QRectF) -> list[QPolygonF]:
        """Return the line, in pieces where values are missing."""
        stretches = [QPolygonF()]
        for ago_s, value in series.points:
            if value is None:
                stretches.append(QPolygonF())
            elif ago_s <= self._span_s:
                share = min(1.0, max(0.0, value / series.top)) if series.top else 0.0
                x = area.right() - area.width() * ago_s / self._span_s
                stretches[-1].append(QPointF(x, area.bottom() - share * area.height()))
        return [stretch for stretch in stretches if stretch.count() > 1]

    def _draw(self, painter: QPainter, line: QPolygonF, area: QRectF) -> None:
        ground = QPolygonF(line)
        ground.append(QPointF(line.last().x(), area.bottom()))
        ground.append(QPointF(line.first().x(), area.bottom()))
        color = self._theme.color("accent")
        faint = self._theme.color("accent")
        faint.setAlphaF(0.14)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(faint)
        painter.drawPolygon(ground)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(color, self._theme.scale * 1.8))
        painter.drawPolyline(line)
