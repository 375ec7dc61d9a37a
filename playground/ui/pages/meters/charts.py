"""A chart of one figure over the last minutes, with its scale, and what ran when under it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QHelpEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QLabel, QSizePolicy, QToolTip, QWidget
from typing_extensions import override

from playground.engines.llama.work_log import WorkKind, WorkSpan
from playground.services.worker_pool import ModelWork
from playground.ui.format import UNKNOWN, seconds
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import ElidedLabel, make_card, plain_tooltip
from playground.ui.widgets.layouts import make_column, make_row

Point = tuple[float, float | None]
"""Seconds before now, and the value then; `None` is unknown and leaves a gap."""

TONES = {
    WorkKind.LOADING: "loading",
    WorkKind.READING: "reading",
    WorkKind.WRITING: "accent",
}
"""Token of `Palette` for each kind of work."""
_FIGURE = 28
"""Size of the value now, in pixels at scale 1; on stage it is as large as every figure there."""
_WIDEST_NAME = 84
"""Room for the name of a model beside its lane, in pixels at scale 1."""


@dataclass(frozen=True, slots=True)
class Series:
    """What one chart shows."""

    title: str
    remark: str
    top: float
    """The highest value of the scale."""
    words: Callable[[float], str]
    points: Sequence[Point]
    is_for_stage: bool = False
    """True where it is one of the first to be shown to a room."""

    @property
    def now(self) -> str:
        last = self.points[-1][1] if self.points else None
        return UNKNOWN if last is None else self.words(last)


@dataclass(frozen=True, slots=True)
class Lane:
    """What one model did: stretches in seconds before now, the oldest first."""

    name: str
    stretches: tuple[tuple[WorkKind, float, float], ...]
    """Kind, begin and end; the end is the smaller number."""

    def at(self, ago_s: float) -> WorkKind | None:
        """Return what the model did then."""
        return next((kind for kind, begin, end in self.stretches if end <= ago_s <= begin), None)


def lanes(work: Iterable[ModelWork], now_s: float, span_s: float) -> tuple[Lane, ...]:
    """Return a lane for each model that did anything in the last `span_s`."""
    found = []
    for model in work:
        stretches = (_stretch(span, now_s) for span in model.spans)
        shown = tuple(
            (kind, min(begin, span_s), end) for kind, begin, end in stretches if end < span_s
        )
        if shown:
            found.append(Lane(model.name, shown))
    return tuple(found)


def _stretch(span: WorkSpan, now_s: float) -> tuple[WorkKind, float, float]:
    ended_s = now_s if span.ended_s is None else span.ended_s
    return span.kind, max(0.0, now_s - span.began_s), max(0.0, now_s - ended_s)


class Chart(QWidget):
    """A title, the value now, its line over some seconds, and lanes of work under it."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._title = ElidedLabel("", "heading")
        # without a role: the style sheet would hold it to the size of other figures
        self._value = QLabel()
        self._value.setTextFormat(Qt.TextFormat.PlainText)
        self._remark = ElidedLabel("", "caption", "quiet")
        self._plot = _Plot(theme)
        card = make_card()
        names = make_column(self._title, self._remark, spacing=0)
        head = make_row((names, 1), (self._value, Qt.AlignmentFlag.AlignTop))
        make_column(head, (self._plot, 1), parent=card)
        make_column(card, parent=self, margins=(0, 0, 0, 0))
        theme.changed.connect(self._apply_theme)
        self._apply_theme()

    def show_series(self, series: Series, work: tuple[Lane, ...], span_s: float) -> None:
        self._title.set_full_text(series.title)
        self._remark.set_full_text(series.remark)
        self._value.setText(series.now)
        self.setAccessibleName(f"{series.title}: {series.now}")
        self.setAccessibleDescription("\n".join(self._told(lane) for lane in work))
        self._plot.show_series(series, work, span_s)

    def _told(self, lane: Lane) -> str:
        spent: dict[WorkKind, float] = {}
        for kind, begin, end in lane.stretches:
            spent[kind] = spent.get(kind, 0.0) + begin - end
        words = {
            WorkKind.LOADING: self.tr("loading {0}"),
            WorkKind.READING: self.tr("reading the prompt {0}"),
            WorkKind.WRITING: self.tr("writing {0}"),
        }
        parts = [words[kind].format(seconds(spent[kind])) for kind in words if kind in spent]
        return f"{lane.name}: {', '.join(parts)}"

    def _apply_theme(self) -> None:
        font = self._theme.font("figure")
        if not self._theme.in_presentation_mode:
            font.setPixelSize(self._theme.px(_FIGURE))
        self._value.setFont(font)


class _Plot(QWidget):
    """The line, its ground, the scale beside it, and the lanes below."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._series: Series | None = None
        self._lanes: tuple[Lane, ...] = ()
        self._span_s = 60.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_series(self, series: Series, work: tuple[Lane, ...], span_s: float) -> None:
        has_grown = len(work) != len(self._lanes)
        self._series, self._lanes, self._span_s = series, work, span_s
        if has_grown:
            self.updateGeometry()
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(220), self._theme.px(130) + self._lanes_height())

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(180), self._theme.px(100) + self._lanes_height())

    @override
    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            told = self._told_at(event.pos().x())
            QToolTip.showText(event.globalPos(), plain_tooltip(told), self)
            return True
        return super().event(event)

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        series = self._series
        if series is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self._theme.font("caption"))
        line = painter.fontMetrics().height()
        area = self._area()
        gap = self._theme.px(8)
        for share in (0.0, 0.5, 1.0):
            y = area.bottom() - share * area.height()
            painter.setPen(self._theme.color("line"))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(self._theme.color("quiet"))
            place = QRectF(0, y - line / 2, area.left() - gap, line)
            painter.drawText(place, Qt.AlignmentFlag.AlignRight, series.words(series.top * share))
        below = QRectF(area.left(), self.height() - line, area.width(), line)
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft, self._ago())
        painter.drawText(below, Qt.AlignmentFlag.AlignRight, self.tr("now"))
        for stretch in self._stretches(series, area):
            self._draw(painter, stretch, area)
        for number, lane in enumerate(self._lanes):
            top = area.bottom() + line / 2 + number * self._lane_height()
            self._draw_lane(painter, lane, QRectF(0, top, area.left() - gap, line), area)

    def _area(self) -> QRectF:
        """Return where the line is drawn."""
        metrics = self._metrics()
        gap = self._theme.px(8)
        words = (
            [self._series.words(self._series.top * s) for s in (1.0, 0.5)] if self._series else []
        )
        names = [metrics.horizontalAdvance(lane.name) for lane in self._lanes]
        left = max(
            *(metrics.horizontalAdvance(text) for text in words),
            min(self._theme.px(_WIDEST_NAME), max(names, default=0)),
            0,
        )
        line = metrics.height()
        height = self.height() - 2 * line - self._lanes_height()
        return QRectF(left + gap, line / 2, self.width() - left - gap - 1, height)

    def _lane_height(self) -> int:
        return self._metrics().height()

    def _lanes_height(self) -> int:
        return self._lane_height() * len(self._lanes)

    def _metrics(self) -> QFontMetrics:
        return QFontMetrics(self._theme.font("caption"))

    def _ago(self) -> str:
        minutes = round(self._span_s / 60)
        one, several = self.tr("1 minute ago"), self.tr("{0} minutes ago")
        return one if minutes == 1 else several.format(minutes)

    def _told_at(self, x: int) -> str:
        """Return what there is to say about the moment at `x`: the value, and who did what."""
        area, series = self._area(), self._series
        if series is None or not area.left() <= x <= area.right():
            return ""
        ago_s = self._span_s * (area.right() - x) / area.width()
        value = min(series.points, key=lambda point: abs(point[0] - ago_s), default=(0.0, None))[1]
        words = UNKNOWN if value is None else series.words(value)
        lines = [self.tr("{0} ago: {1}").format(seconds(round(ago_s)), words)]
        told = {
            WorkKind.LOADING: self.tr("{0}: loading"),
            WorkKind.READING: self.tr("{0}: reading the prompt"),
            WorkKind.WRITING: self.tr("{0}: writing"),
        }
        for lane in self._lanes:
            kind = lane.at(ago_s)
            if kind is not None:
                lines.append(told[kind].format(lane.name))
        return "\n".join(lines)

    def _stretches(self, series: Series, area: QRectF) -> list[QPolygonF]:
        """Return the line, in pieces where values are missing."""
        stretches = [QPolygonF()]
        for ago_s, value in series.points:
            if value is None:
                stretches.append(QPolygonF())
            elif ago_s <= self._span_s:
                share = min(1.0, max(0.0, value / series.top)) if series.top else 0.0
                x = self._x(ago_s, area)
                stretches[-1].append(QPointF(x, area.bottom() - share * area.height()))
        return [stretch for stretch in stretches if stretch.count() > 1]

    def _x(self, ago_s: float, area: QRectF) -> float:
        return area.right() - area.width() * ago_s / self._span_s

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

    def _draw_lane(self, painter: QPainter, lane: Lane, place: QRectF, area: QRectF) -> None:
        painter.setPen(self._theme.color("quiet"))
        name = painter.fontMetrics().elidedText(
            lane.name, Qt.TextElideMode.ElideRight, int(place.width())
        )
        painter.drawText(place, Qt.AlignmentFlag.AlignRight, name)
        thick = self._theme.px(4)
        top = place.center().y() - thick / 2
        for kind, begin, end in lane.stretches:
            left, right = self._x(begin, area), self._x(end, area)
            # what took a moment is seen as well
            bar = QRectF(left, top, max(2.0, right - left), thick)
            painter.fillRect(bar, self._theme.color(TONES[kind]))
