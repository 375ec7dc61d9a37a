"""A chart of how often each model is right against what it costs or how fast it is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from PySide6.QtCore import QBuffer, QEvent, QIODevice, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QHelpEvent,
    QImage,
    QImageWriter,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget
from typing_extensions import override

from playground.core.targets import Place
from playground.ui.format import PLACE_LOOKS
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import plain_tooltip

PNG_WIDTH = 1600
"""Pixels of a saved picture."""
_RADIUS, _GAP = 7, 12
"""Of a point, and how far a name stands from its middle, at scale 1."""
_ROWS = 16
"""Heights at which a name is tried."""
_TICKS = 6
"""Figures below the chart, at most."""


@dataclass(frozen=True, slots=True)
class ChartPoint:
    """One model: `x` is US dollars for 1,000 messages, or words a second."""

    label: str
    """Its name, and in lines below it what belongs to it."""
    place: Place
    x: float
    share: float
    low: float
    high: float
    figures: str = ""
    """What is told where the mouse rests on it."""


class RightChart(QWidget):
    """Points with their intervals; the dashed line joins those that nobody beats."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._points: tuple[ChartPoint, ...] = ()
        self._is_cost = True
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        theme.changed.connect(self._apply_theme)
        self._apply_theme()

    def show_points(self, points: Sequence[ChartPoint], *, is_cost: bool) -> None:
        """Show them against cost, on a scale of powers of ten, or against speed."""
        self._points = tuple(p for p in points if not is_cost or p.x > 0)
        self._is_cost = is_cost
        self.setAccessibleName(self._spoken())
        self.update()

    def save(self, path: Path) -> None:
        """Write the chart as it is shown, as SVG or PNG by the path's ending.

        Raises `OSError`.
        """
        written = QBuffer()
        written.open(QIODevice.OpenModeFlag.WriteOnly)
        if path.suffix.casefold() == ".svg":
            self._write_svg(written)
        else:
            self._write_png(written)
        path.write_bytes(written.data().data())

    def _write_svg(self, written: QBuffer) -> None:
        from PySide6.QtSvg import QSvgGenerator  # noqa: PLC0415 - start-up time

        drawing = QSvgGenerator()
        drawing.setOutputDevice(written)
        drawing.setSize(self.size())
        drawing.setViewBox(self.rect())
        drawing.setTitle(self._spoken())
        painter = QPainter(drawing)
        self._paint(painter)
        painter.end()

    def _write_png(self, written: QBuffer) -> None:
        times = PNG_WIDTH / max(1, self.width())
        picture = QImage(PNG_WIDTH, round(self.height() * times), QImage.Format.Format_RGB32)
        painter = QPainter(picture)
        painter.scale(times, times)
        self._paint(painter)
        painter.end()
        QImageWriter(written, b"png").write(picture)

    @property
    def frontier(self) -> tuple[ChartPoint, ...]:
        """The models that nobody beats: none is right as often for less, or faster."""
        best: list[ChartPoint] = []
        in_order = sorted(self._points, key=lambda p: (p.x if self._is_cost else -p.x, -p.share))
        for point in in_order:
            if not best or point.share > best[-1].share:
                best.append(point)
        return tuple(best)

    def name_areas(self) -> list[tuple[ChartPoint, QRectF]]:
        """Return where each name stands: near its point, and on nothing else that is drawn."""
        metrics = QFontMetricsF(self._theme.font("caption"))
        room, gap = self._room, self._theme.px(_GAP)
        taken = [self._bar(point) for point in self._points] + self._line()
        found = []
        for point in sorted(self._points, key=lambda p: p.x):
            lines = point.label.split("\n")
            width = max(map(metrics.horizontalAdvance, lines)) + 2
            height = len(lines) * metrics.lineSpacing()
            at = self._at(point)
            lefts = [at.x() + gap, at.x() - gap - width]
            lefts += [at.x() - width * part / 4 for part in range(5)]
            tops = [at.y() - height / 2]
            tops += [room.top() + (room.height() - height) * n / _ROWS for n in range(_ROWS + 1)]
            areas = [QRectF(left, top, width, height) for top in tops for left in lefts]
            best = min(areas, key=lambda area: _distance(area, at) + _covered(area, taken, room))
            taken.append(best)
            found.append((point, best))
        return found

    def figures_at(self, place: QPointF) -> str:
        """Return the figures of the points at `place`."""
        return "\n\n".join(
            point.figures
            for point in self._points
            if (self._at(point) - place).manhattanLength() <= 2 * self._theme.px(_RADIUS)
        )

    @property
    def _room(self) -> QRectF:
        """Where points and names have room: within the axes."""
        metrics = QFontMetricsF(self._theme.font("caption"))
        left = metrics.horizontalAdvance("100 %") + self._theme.px(8)
        bottom = 2 * metrics.lineSpacing() + self._theme.px(10)
        return QRectF(self.rect()).adjusted(left, 0, -1, -bottom)

    @property
    def _range(self) -> tuple[float, float]:
        """What stands at both ends of the lower axis; powers of ten for money."""
        xs = [self._scaled(point.x) for point in self._points] or [0.0, 1.0]
        room = max(0.5 if self._is_cost else 1.0, (max(xs) - min(xs)) * 0.3)
        low = min(xs) - room
        return (low if self._is_cost else max(0.0, low)), max(xs) + room

    def _scaled(self, x: float) -> float:
        return math.log10(x) if self._is_cost else x

    def _x(self, x: float) -> float:
        low, high = self._range
        room = self._room
        return room.left() + room.width() * (self._scaled(x) - low) / (high - low)

    def _y(self, share: float) -> float:
        room = self._room
        edge = room.height() * 0.1
        return room.bottom() - edge - (room.height() - 2 * edge) * share

    def _at(self, point: ChartPoint) -> QPointF:
        return QPointF(self._x(point.x), self._y(point.share))

    def _bar(self, point: ChartPoint) -> QRectF:
        """Return where a point and its interval are drawn."""
        half = self._theme.px(_RADIUS)
        x = self._x(point.x)
        top, bottom = self._y(point.high), self._y(point.low)
        return QRectF(QPointF(x - half, top - half / 2), QPointF(x + half, bottom + half / 2))

    def _corners(self) -> list[QPointF]:
        """Return the corners of the dashed line; none where it would join nothing."""
        at = [self._at(point) for point in self.frontier]
        if len(at) < 2:
            return []
        corners = [at[0]]
        for before, after in pairwise(at):
            corners += [QPointF(after.x(), before.y()), after]
        return corners

    def _line(self) -> list[QRectF]:
        """Return the area of each stretch of the dashed line."""
        return [
            QRectF(start, end).normalized().adjusted(-2, -2, 2, 2)
            for start, end in pairwise(self._corners())
        ]

    def _ticks(self) -> list[float]:
        """Return the round figures of the lower axis: 1, 2 and 5 times powers of ten."""
        low, high = self._range
        if self._is_cost:
            powers = range(math.floor(low), math.ceil(high) + 1)
            steps = (1, 2, 5) if high - low < _TICKS / 3 else (1,)
            return [n * 10.0**p for p in powers for n in steps if low <= math.log10(n) + p <= high]
        rough = (high - low) / _TICKS
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(n * power for n in (1, 2, 5, 10) if n * power >= rough)
        return [n * step for n in range(math.ceil(low / step), math.floor(high / step) + 1)]

    def _paint(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), self._theme.color("card"))
        painter.setFont(self._theme.font("caption"))
        self._paint_axes(painter)
        if corners := self._corners():
            painter.setPen(QPen(self._theme.color("accent"), 1.5, Qt.PenStyle.DashLine))
            painter.drawPolyline(QPolygonF(corners))
        for point in self._points:
            self._paint_point(painter, point)
        painter.setPen(self._theme.color("text"))
        for point, area in self.name_areas():
            painter.drawText(area, Qt.AlignmentFlag.AlignLeft, point.label)

    def _paint_axes(self, painter: QPainter) -> None:
        room, px = self._room, self._theme.px
        quiet, line = self._theme.color("quiet"), self._theme.color("line")
        height = QFontMetricsF(painter.font()).lineSpacing()
        beside = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for quarter in range(5):
            y = self._y(quarter / 4)
            painter.setPen(line)
            painter.drawLine(QPointF(room.left(), y), QPointF(room.right(), y))
            painter.setPen(quiet)
            area = QRectF(0, y - height / 2, room.left() - px(6), height)
            painter.drawText(area, beside, f"{25 * quarter} %")
        painter.setPen(line)
        painter.drawPolyline(QPolygonF([room.topLeft(), room.bottomLeft(), room.bottomRight()]))
        centre = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop
        end = room.left()
        for tick in self._ticks():
            x, text = self._x(tick), _dollars(tick) if self._is_cost else f"{tick:g}"
            width = QFontMetricsF(painter.font()).horizontalAdvance(text) + px(8)
            if x - width / 2 < end or x + width / 2 > self.width():
                continue
            end = x + width / 2
            painter.setPen(line)
            painter.drawLine(QPointF(x, room.bottom()), QPointF(x, room.bottom() + px(4)))
            painter.setPen(quiet)
            painter.drawText(
                QRectF(x - width / 2, room.bottom() + px(4), width, height), centre, text
            )
        title = self.tr("{0} →").format(self._axis_words())
        below = QRectF(room.left(), room.bottom() + px(6) + height, room.width(), height)
        painter.setPen(quiet)
        painter.drawText(below, centre, title)

    def _paint_point(self, painter: QPainter, point: ChartPoint) -> None:
        theme = self._theme
        tone = theme.color(PLACE_LOOKS[point.place][0])
        faint = QColor(tone)
        faint.setAlphaF(0.5)
        at, radius = self._at(point), theme.px(_RADIUS)
        painter.setPen(QPen(faint, theme.px(3)))
        painter.drawLine(QPointF(at.x(), self._y(point.low)), QPointF(at.x(), self._y(point.high)))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(tone)
        # circle, square and diamond: the place is not told by colour alone
        if point.place is Place.LOCAL:
            painter.drawEllipse(at, radius, radius)
        elif point.place is Place.NETWORK:
            painter.drawRect(QRectF(at.x() - radius, at.y() - radius, 2 * radius, 2 * radius))
        else:
            sides = ((0, -radius), (radius, 0), (0, radius), (-radius, 0))
            painter.drawPolygon(QPolygonF([at + QPointF(x, y) for x, y in sides]))
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _axis_words(self) -> str:
        return self.tr("cost of 1,000 messages") if self._is_cost else self.tr("words a second")

    def _spoken(self) -> str:
        said = [
            f"{', '.join(point.label.splitlines())}: {100 * point.share:.0f} %, "
            f"{_dollars(point.x) if self._is_cost else f'{point.x:.0f}'} {self._axis_words()}"
            for point in self._points
        ]
        return "; ".join(said) or self.tr("Nothing to show")

    def _apply_theme(self) -> None:
        self.setMinimumHeight(self._theme.px(90))
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(400), self._theme.px(200))

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        self._paint(QPainter(self))

    @override
    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() is QEvent.Type.ToolTip:
            text = self.figures_at(QPointF(event.pos()))
            # an empty text hides what is shown
            QToolTip.showText(event.globalPos(), plain_tooltip(text), self)
            return True
        return super().event(event)


def _distance(area: QRectF, at: QPointF) -> float:
    x = max(area.left() - at.x(), 0.0, at.x() - area.right())
    y = max(area.top() - at.y(), 0.0, at.y() - area.bottom())
    return math.hypot(x, y)


def _covered(area: QRectF, taken: Sequence[QRectF], room: QRectF) -> float:
    """Return how much of what is drawn a name at `area` would cover, or lose outside of `room`."""
    inside = area & room
    outside = area.width() * area.height() - inside.width() * inside.height()
    overlaps = (area & other for other in taken)
    return 40 * outside + 10 * sum(each.width() * each.height() for each in overlaps)


def _dollars(usd: float) -> str:
    if usd >= 1:
        return f"${usd:,.0f}"
    return f"${usd:.{max(0, -math.floor(math.log10(usd) + 1e-9))}f}"
