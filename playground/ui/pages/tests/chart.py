"""A chart of how often each model is right against what it costs or how fast it is.

Imported when results are first shown, in a thread: pyqtgraph takes as long as half the window.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QImage, QPaintDevice, QPainter
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from playground.core.targets import Place
from playground.ui.format import PLACE_LOOKS
from playground.ui.theme.theme import Theme
from playground.ui.widgets.layouts import NO_MARGINS, make_column

PNG_WIDTH = 1600
"""Pixels of a saved picture."""


_SYMBOLS = {Place.LOCAL: "o", Place.NETWORK: "s", Place.CLOUD: "d"}
"""Circle, square and diamond: the place is not told by colour alone."""


@dataclass(frozen=True, slots=True)
class ChartPoint:
    """One model: `x` is US dollars for 1,000 messages, or words a second."""

    label: str
    place: Place
    x: float
    share: float
    low: float
    high: float


class _MoneyAxis(pg.AxisItem):  # type: ignore[misc]
    """Powers of ten of a dollar, as people write them."""

    @override
    def tickStrings(self, values: Sequence[float], _scale: float, _spacing: float) -> list[str]:
        return [_dollars(10**value) for value in values]


class RightChart(QWidget):
    """Points with their intervals; the dashed line joins those that nobody beats."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._points: tuple[ChartPoint, ...] = ()
        self._is_cost = True
        self._plot: pg.PlotWidget | None = None
        self._column = make_column(parent=self, margins=NO_MARGINS)
        self.setMinimumHeight(theme.px(90))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        theme.changed.connect(self._draw)

    def show_points(self, points: Sequence[ChartPoint], *, is_cost: bool) -> None:
        """Show them against cost, on a scale of powers of ten, or against speed."""
        usable = tuple(p for p in points if not is_cost or p.x > 0)
        if (usable, is_cost) == (self._points, self._is_cost) and self._plot is not None:
            return
        self._points, self._is_cost = usable, is_cost
        self._draw()

    def save(self, path: Path) -> None:
        """Write the chart as it is shown, as SVG or PNG by the path's ending."""
        if self._plot is None:
            return
        size = self._plot.size()
        if path.suffix.casefold() == ".svg":
            drawing = QSvgGenerator()
            drawing.setFileName(str(path))
            drawing.setSize(size)
            drawing.setViewBox(self._plot.rect())
            drawing.setTitle(self._spoken())
            self._render(drawing)
            return
        times = PNG_WIDTH / max(1, size.width())
        picture = QImage(size * times, QImage.Format.Format_RGB32)
        picture.setDevicePixelRatio(times)
        self._render(picture)
        if not picture.save(str(path)):
            raise OSError(f"nothing could be written to {path.parent}")

    def _render(self, device: QPaintDevice) -> None:
        painter = QPainter(device)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._plot is not None:
            self._plot.render(painter)
        painter.end()

    @property
    def frontier(self) -> tuple[ChartPoint, ...]:
        """The models that nobody beats: none is right as often for less, or faster."""
        best: list[ChartPoint] = []
        in_order = sorted(self._points, key=lambda p: (p.x if self._is_cost else -p.x, -p.share))
        for point in in_order:
            if not best or point.share > best[-1].share:
                best.append(point)
        return tuple(best)

    def _draw(self) -> None:
        theme = self._theme
        if self._plot is not None:
            self._column.removeWidget(self._plot)
            self._plot.close()
            self._plot.deleteLater()
        axis = {"bottom": _MoneyAxis("bottom")} if self._is_cost else {}
        self._plot = plot = pg.PlotWidget(background=theme.color("card"), axisItems=axis)
        plot.setMenuEnabled(False)
        plot.setMouseEnabled(False, False)
        plot.hideButtons()
        plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        plot.setAccessibleName(self._spoken())
        self._draw_axes(plot.getPlotItem())
        if self._points:
            self._draw_frontier(plot)
            in_order = sorted(self._points, key=lambda p: p.x)
            for place, point in enumerate(in_order):
                # names at the edges lean inwards, or they are cut
                side = place / (len(in_order) - 1) if len(in_order) > 1 else 0.5
                self._draw_point(plot, point, side, is_above=place % 2 == 1)
        self._column.addWidget(plot)

    def _draw_axes(self, item: pg.PlotItem) -> None:
        theme = self._theme
        quiet, line = theme.color("quiet"), theme.color("line")
        for name in ("left", "bottom"):
            axis = item.getAxis(name)
            axis.setPen(line)
            axis.setTextPen(quiet)
            axis.setStyle(tickFont=theme.font("caption"))
        item.getAxis("left").setTicks([[(n / 4, f"{25 * n} %") for n in range(5)]])
        words = (
            self.tr("cost of 1,000 messages →") if self._is_cost else self.tr("words a second →")
        )
        item.setLabel("bottom", words, color=quiet.name(), **{"font-size": f"{theme.px(12)}px"})
        item.showGrid(y=True, alpha=0.25)
        xs = [self._x(point) for point in self._points] or [0.0, 1.0]
        room = max(0.5 if self._is_cost else 1.0, (max(xs) - min(xs)) * 0.25)
        low = min(xs) - room
        item.setXRange(low if self._is_cost else max(0.0, low), max(xs) + room, padding=0)
        # room for a name below 0 % and above 100 %, which takes more of a small chart on stage
        room = 0.2 if theme.in_presentation_mode else 0.14
        item.setYRange(-room, 1 + room, padding=0)
        if self._is_cost:
            first, last = math.floor(min(xs) - room), math.ceil(max(xs) + room)
            ticks = [(n, _dollars(10**n)) for n in range(first, last + 1)]
            item.getAxis("bottom").setTicks([ticks])

    def _draw_frontier(self, plot: pg.PlotWidget) -> None:
        best = self.frontier
        xs, ys = [], []
        for before, point in zip([None, *best], best, strict=False):
            if before is not None:
                xs.append(self._x(point))
                ys.append(before.share)
            xs.append(self._x(point))
            ys.append(point.share)
        pen = pg.mkPen(self._theme.color("accent"), width=1.5, style=Qt.PenStyle.DashLine)
        plot.plot(xs, ys, pen=pen)

    def _draw_point(
        self, plot: pg.PlotWidget, point: ChartPoint, side: float, *, is_above: bool
    ) -> None:
        """Draw one model; names of neighbours stand above and below in turn.

        `side` is how much of its name stands left of the point, 0 … 1.
        """
        theme = self._theme
        tone = theme.color(PLACE_LOOKS[point.place][0])
        faint = QColor(tone)
        faint.setAlphaF(0.5)
        x = self._x(point)
        plot.plot([x, x], [point.low, point.high], pen=pg.mkPen(faint, width=theme.px(3)))
        plot.plot(
            [x], [point.share], pen=None, symbol=_SYMBOLS[point.place], symbolSize=theme.px(14),
            symbolBrush=tone, symbolPen=None,
        )  # fmt: skip
        label = pg.TextItem(
            point.label, color=theme.color("text"), anchor=(side, 1.4 if is_above else -0.4)
        )
        label.setFont(theme.font("chip"))
        plot.addItem(label)
        label.setPos(QPointF(x, point.share))

    def _x(self, point: ChartPoint) -> float:
        return math.log10(point.x) if self._is_cost else point.x

    def _spoken(self) -> str:
        words = self.tr("cost of 1,000 messages") if self._is_cost else self.tr("words a second")
        said = [
            f"{point.label}: {100 * point.share:.0f} %, "
            f"{_dollars(point.x) if self._is_cost else f'{point.x:.0f}'} {words}"
            for point in self._points
        ]
        return "; ".join(said) or self.tr("Nothing to show")


def _dollars(usd: float) -> str:
    return f"${usd:,.0f}" if usd >= 1 else f"${usd:.{max(0, -math.floor(math.log10(usd)))}f}"
