"""A chart of how often each model is right against what it costs or how fast it is.

Imported when results are first shown, in a thread: pyqtgraph takes as long as half the window.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyqtgraph as pg
from pyqtgraph.exporters import ImageExporter
from PySide6.QtCore import QBuffer, QEvent, QIODevice, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontInfo, QFontMetricsF, QHelpEvent, QPainter, QPen, QWheelEvent
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QToolTip
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
_SYMBOLS = {Place.LOCAL: "o", Place.NETWORK: "s"}
"""Circle and square, else a diamond: the place is not told by colour alone."""


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


class _LowerAxis(pg.AxisItem):  # type: ignore[misc]
    """Figures as people write them; on a scale of powers of ten they are dollars."""

    @override
    def logTickValues(
        self, low: float, high: float, _size: float, _plain: object
    ) -> list[tuple[None, list[float]]]:
        powers = range(math.floor(low), math.ceil(high) + 1)
        levels = [[p + math.log10(n) for p in powers for n in steps] for steps in ((1,), (2, 5))]
        return [(None, [at for at in level if low <= at <= high]) for level in levels]

    @override
    def logTickStrings(self, values: Sequence[float], _scale: float, _spacing: object) -> list[str]:
        return [_dollars(10**value) for value in values]


class RightChart(pg.PlotWidget):  # type: ignore[misc]
    """Points with their intervals; the dashed line joins those that nobody beats."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(axisItems={"bottom": _LowerAxis("bottom")})
        self._theme = theme
        self._points: tuple[ChartPoint, ...] = ()
        self._is_cost = True
        self._name = ""
        self.setMenuEnabled(False)
        self.setMouseEnabled(False, False)
        self.hideButtons()
        # in pixels: pyqtgraph's pens for other units keep their width in a larger picture
        self._marks = pg.ViewBox(
            self.plotItem, enableMouse=False, enableMenu=False, invertY=True, defaultPadding=0
        )
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAntialiasing(True)
        self.plotItem.vb.sigResized.connect(self._draw_marks)
        theme.changed.connect(self._draw)
        self._draw()

    def show_points(self, points: Sequence[ChartPoint], *, is_cost: bool, title: str = "") -> None:
        """Show them against cost, on a scale of powers of ten, or against speed.

        A picture carries `title` with what both axes say.
        """
        self._name = title
        self._points = tuple(p for p in points if not is_cost or p.x > 0)
        self._is_cost = is_cost
        self.setAccessibleName(self._spoken())
        self._draw()

    def save(self, path: Path) -> None:
        """Write the chart under its title, as SVG or PNG by the path's ending.

        Raises `OSError`.
        """
        written = QBuffer()
        written.open(QIODevice.OpenModeFlag.WriteOnly)
        with self.titled():
            if path.suffix.casefold() == ".svg":
                self._write_svg(written)
            else:
                self._write_png(written)
        path.write_bytes(written.data().data())

    @property
    def title(self) -> str:
        """What a picture shows: of which set, and against what."""
        shown = (
            self.tr("right answers, by what 1,000 messages cost")
            if self._is_cost
            else self.tr("right answers, by words a second")
        )
        return f"{self._name}: {shown}" if self._name else f"{shown[:1].upper()}{shown[1:]}"

    @contextmanager
    def titled(self) -> Iterator[None]:
        """Draw the chart as a picture has it: alone it must say what it shows."""
        size = f"{QFontInfo(self._theme.font('body')).pixelSize()}px"
        color = self._theme.color("text").name()
        self.plotItem.setTitle(escape(self.title), size=size, color=color)
        self._draw_marks()
        try:
            yield
        finally:
            self.plotItem.setTitle(None)
            self._draw_marks()

    def _write_svg(self, written: QBuffer) -> None:
        # pyqtgraph's own exporter cannot read what Qt 6.11 writes (pyqtgraph issue 3485)
        drawing = QSvgGenerator()
        drawing.setOutputDevice(written)
        drawing.setSize(self.size())
        drawing.setViewBox(self.rect())
        # else what an axis has recorded for the screen is drawn smaller
        drawing.setResolution(self.logicalDpiX())
        drawing.setTitle(self._spoken())
        painter = QPainter(drawing)
        self.render(painter)
        painter.end()

    def _write_png(self, written: QBuffer) -> None:
        exporter = ImageExporter(self.scene())
        exporter.parameters()["width"] = PNG_WIDTH
        exporter.export(toBytes=True).save(written, "png")

    @property
    def frontier(self) -> tuple[ChartPoint, ...]:
        """The models that nobody beats: none is right as often for less, or faster."""
        best: list[ChartPoint] = []
        in_order = sorted(self._points, key=lambda p: (p.x if self._is_cost else -p.x, -p.share))
        for point in in_order:
            if not best or point.share > best[-1].share:
                best.append(point)
        return tuple(best)

    @property
    def name_areas(self) -> tuple[QRectF, ...]:
        """Where names stand, in pixels: near their points, and on nothing else that is drawn."""
        names = [item for item in self._marks.addedItems if isinstance(item, pg.TextItem)]
        return tuple(item.mapRectToScene(item.boundingRect()) for item in names)

    def figures_at(self, place: QPointF) -> str:
        """Return the figures of the points at `place`, in pixels."""
        found: list[ChartPoint] = [spot.data() for spot in self._dots.pointsAt(place)]
        return "\n\n".join(point.figures for point in found)

    @property
    def _room(self) -> QRectF:
        """Where points and names have room: within the axes."""
        room: QRectF = self.plotItem.vb.sceneBoundingRect()
        return room

    def _scaled(self, x: float) -> float:
        return math.log10(x) if self._is_cost else x

    def _at(self, point: ChartPoint, share: float | None = None) -> QPointF:
        """Return where a point stands, or where it would with another share, in pixels."""
        y = point.share if share is None else share
        at: QPointF = self.plotItem.vb.mapViewToScene(QPointF(self._scaled(point.x), y))
        return at

    def _bar(self, point: ChartPoint) -> QRectF:
        """Return where a point and its interval are drawn."""
        half = self._theme.px(_RADIUS)
        ends = QRectF(self._at(point, point.high), self._at(point, point.low))
        return ends.adjusted(-half, -half / 2, half, half / 2)

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

    def _draw(self) -> None:
        self.setMinimumHeight(self._theme.px(90))
        self.setBackground(self._theme.color("card"))
        self._draw_axes()
        self._draw_marks()

    def _draw_axes(self) -> None:
        theme, item = self._theme, self.plotItem
        font = theme.font("caption")
        height = QFontMetricsF(font).lineSpacing()
        for name in ("left", "bottom"):
            axis = item.getAxis(name)
            axis.setPen(QPen(theme.color("line"), 1))
            axis.setTextPen(theme.color("quiet"))
            axis.setStyle(tickFont=font, tickTextOffset=theme.px(6), tickLength=theme.px(-4))
        left, bottom = item.getAxis("left"), item.getAxis("bottom")
        left.setTicks([[(n / 4, f"{25 * n} %") for n in range(5)]])
        left.setWidth(QFontMetricsF(font).horizontalAdvance("100 %") + theme.px(8))
        left.setGrid(255)
        left.setZValue(-1)
        bottom.setLogMode(self._is_cost)
        bottom.enableAutoSIPrefix(False)
        bottom.setLabel(self.tr("{0} →").format(self._axis_words()))
        bottom.label.setFont(font)
        bottom.label.setDefaultTextColor(theme.color("quiet"))
        bottom.setHeight(2 * height + theme.px(14))
        self.setXRange(*self._range, padding=0)
        # names have room above and below
        self.setYRange(-0.125, 1.125, padding=0)

    @property
    def _range(self) -> tuple[float, float]:
        """What stands at both ends of the lower axis; powers of ten for money."""
        xs = [self._scaled(point.x) for point in self._points] or [0.0, 1.0]
        room = max(0.5 if self._is_cost else 1.0, (max(xs) - min(xs)) * 0.3)
        low = min(xs) - room
        return (low if self._is_cost else max(0.0, low)), max(xs) + room

    def _draw_marks(self) -> None:
        """Draw the line, bars, points and names anew, where they belong at this size."""
        # axes that have changed their size leave another room
        self.plotItem.layout.activate()
        self._marks.clear()
        self._marks.setGeometry(self.plotItem.rect())
        self._marks.setRange(self.plotItem.rect(), padding=0)
        if corners := self._corners():
            pen = QPen(self._theme.color("accent"), 1.5, Qt.PenStyle.DashLine)
            xs, ys = np.array([at.toTuple() for at in corners]).T
            self._marks.addItem(pg.PlotCurveItem(xs, ys, pen=pen))
        self._draw_points()
        self._draw_names()

    def _draw_points(self) -> None:
        theme = self._theme
        spots = []
        for point in self._points:
            tone, at = theme.color(PLACE_LOOKS[point.place][0]), self._at(point)
            faint = QColor(tone)
            faint.setAlphaF(0.5)
            top, bottom = self._at(point, point.high).y(), self._at(point, point.low).y()
            bar = pg.ErrorBarItem(
                x=np.array([at.x()]), y=np.array([at.y()]), pen=QPen(faint, theme.px(3)),
                top=bottom - at.y(), bottom=at.y() - top,
            )  # fmt: skip
            self._marks.addItem(bar)
            symbol = _SYMBOLS.get(point.place, "d")
            spots.append({"pos": at, "symbol": symbol, "brush": tone, "data": point})
        # from its cache a symbol would be drawn as a picture of the screen's size
        self._dots = pg.ScatterPlotItem(
            spots, size=theme.px(2 * _RADIUS), pen=None, useCache=False, antialias=True
        )
        self._marks.addItem(self._dots)

    def _draw_names(self) -> None:
        """Put each name near its point, and on nothing else that is drawn."""
        room, gap = self._room, self._theme.px(_GAP)
        taken = [self._bar(point) for point in self._points] + self._line()
        for point in sorted(self._points, key=lambda p: p.x):
            name = pg.TextItem(point.label, color=self._theme.color("text"))
            name.textItem.document().setDocumentMargin(1)
            name.setFont(self._theme.font("caption"))
            size, at = name.boundingRect().size(), self._at(point)
            width, height = size.width(), size.height()
            lefts = [at.x() + gap, at.x() - gap - width]
            lefts += [at.x() - width * part / 4 for part in range(5)]
            tops = [at.y() - height / 2]
            tops += [room.top() + (room.height() - height) * n / _ROWS for n in range(_ROWS + 1)]
            areas = [QRectF(left, top, width, height) for top in tops for left in lefts]
            costs = [_distance(area, at) + _covered(area, taken, room) for area in areas]
            best = areas[costs.index(min(costs))]
            taken.append(best)
            self._marks.addItem(name)
            name.setPos(best.topLeft())

    def _axis_words(self) -> str:
        words = self.tr("cost of 1,000 messages") if self._is_cost else self.tr("words a second")
        return str(words)

    def _spoken(self) -> str:
        said = [
            f"{', '.join(point.label.splitlines())}: {100 * point.share:.0f} %, "
            f"{_dollars(point.x) if self._is_cost else f'{point.x:.0f}'} {self._axis_words()}"
            for point in self._points
        ]
        return "; ".join(said) or self.tr("Nothing to show")

    @override
    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(400), self._theme.px(200))

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        # axes would take it: it is for the page around
        event.ignore()

    @override
    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() is QEvent.Type.ToolTip:
            # of moves of the mouse pyqtgraph leaves out some; an empty text hides what is shown
            text = self.figures_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), plain_tooltip(text), self.viewport())
            return True
        return bool(super().viewportEvent(event))


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
