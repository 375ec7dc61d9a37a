"""A month of questions in dollars: here, in the cloud, and on a bigger computer."""

import math
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from playground.core.advice.situation import Months
from playground.ui.theme.theme import Theme

_MONEY_TICKS = {1: 5, 2: 4, 4: 4, 5: 5, 8: 4, 10: 5}
"""Leading digits of the top of the scale → in how many steps it is divided."""
_DAY_TICKS = (5, 2)
"""In how many steps the questions a day are divided, the most first."""


@dataclass(frozen=True, slots=True)
class MonthLines:
    """What the chart shows."""

    months: Months
    per_day: int
    """Where the person stands."""
    most_per_day: int
    """The right end."""
    here: str
    cloud: str
    """Names of the lines."""
    bigger: str


def round_up(value: float) -> float:
    """Return the next of 1, 2, 4, 5, 8 or 10 times a power of ten: the top of a scale."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in _MONEY_TICKS if step * power >= value * 0.999)


class MonthChart(QWidget):
    """Three lines over the questions a day, the crossing marked."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._shown: MonthLines | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_lines(self, lines: MonthLines, spoken: str) -> None:
        self._shown = lines
        self.setAccessibleName(spoken)
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(420), self._theme.px(250))

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(240), self._theme.px(190))

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        if self._shown is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self._theme.font("caption"))
        _Drawing(painter, self._theme, self._shown, QRectF(self.rect())).draw()


class _Drawing:
    """One painting of the chart."""

    def __init__(self, painter: QPainter, theme: Theme, shown: MonthLines, room: QRectF) -> None:
        self._painter, self._theme, self._shown = painter, theme, shown
        self._line = painter.fontMetrics().height()
        months, most = shown.months, shown.most_per_day
        ends = [f(most) for f in (months.here, months.cloud, months.bigger)]
        self._top = round_up(max((end for end in ends if end is not None), default=1.0))
        px = theme.px
        metrics = painter.fontMetrics()
        left = metrics.horizontalAdvance(self._dollars(self._top)) + px(10)
        names = (shown.here, shown.cloud, shown.bigger)
        longest = max(metrics.horizontalAdvance(name) for name in names) + px(10)
        self._names_width = min(longest, room.width() * 0.3)
        self._area = QRectF(
            left,
            self._line * 1.4,
            max(1.0, room.width() - left - self._names_width),
            max(1.0, room.height() - self._line * 3.6),
        )

    def draw(self) -> None:
        self._grid()
        self._fixed()
        self._you()
        ends = []
        months = self._shown.months
        for cost, name, token, style in (
            (months.bigger, self._shown.bigger, "quiet", Qt.PenStyle.DashLine),
            (months.cloud, self._shown.cloud, "cloud", Qt.PenStyle.SolidLine),
            (months.here, self._shown.here, "local", Qt.PenStyle.SolidLine),
        ):
            start, end = cost(0), cost(self._shown.most_per_day)
            if start is None or end is None:
                continue
            self._painter.setPen(QPen(self._theme.color(token), 2 * self._theme.scale, style))
            self._painter.drawLine(
                self._point(0, start), self._point(self._shown.most_per_day, end)
            )
            ends.append((self._y(end), name, self._theme.color(token)))
        self._names(ends)
        self._crossing()

    def _point(self, per_day: float, usd: float) -> QPointF:
        x = self._area.left() + self._area.width() * per_day / self._shown.most_per_day
        return QPointF(x, self._y(usd))

    def _y(self, usd: float) -> float:
        return self._area.bottom() - self._area.height() * min(1.0, usd / self._top)

    def _dollars(self, usd: float) -> str:
        return f"${usd:,.0f}" if self._top >= max(_MONEY_TICKS.values()) else f"${usd:,.2f}"

    def _grid(self) -> None:
        painter, area = self._painter, self._area
        power = 10.0 ** math.floor(math.log10(self._top) + 1e-9)
        ticks = _MONEY_TICKS[round(self._top / power)]
        for tick in range(ticks + 1):
            usd = self._top * tick / ticks
            y = self._y(usd)
            painter.setPen(self._theme.color("line"))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(self._theme.color("quiet"))
            place = QRectF(0, y - self._line / 2, area.left() - self._theme.px(8), self._line)
            painter.drawText(place, int(Qt.AlignmentFlag.AlignRight), self._dollars(usd))
        # as many as have room beside each other
        widest = painter.fontMetrics().horizontalAdvance(f"{self._shown.most_per_day:,}  ")
        steps = next((each for each in _DAY_TICKS if each * widest <= area.width()), 1)
        for tick in range(steps + 1):
            per_day = round(self._shown.most_per_day * tick / steps)
            x = self._point(per_day, 0).x()
            place = QRectF(x - 100, area.bottom() + self._theme.px(3), 200, self._line)
            painter.drawText(place, int(Qt.AlignmentFlag.AlignHCenter), f"{per_day:,}")

    def _fixed(self) -> None:
        """Shade what a bigger computer costs although nobody asks."""
        faint = QColor(self._theme.color("quiet"))
        faint.setAlphaF(0.08)
        top = self._y(self._shown.months.fixed_usd)
        area = self._area
        self._painter.fillRect(QRectF(area.left(), top, area.width(), area.bottom() - top), faint)

    def _you(self) -> None:
        x = self._point(min(self._shown.per_day, self._shown.most_per_day), 0).x()
        self._painter.setPen(QPen(self._theme.color("accent"), 1.5 * self._theme.scale))
        self._painter.drawLine(
            QPointF(x, self._area.top() - self._line * 0.6), QPointF(x, self._area.bottom())
        )

    def _crossing(self) -> None:
        months = self._shown.months
        if months.pays_from is None or months.pays_from > self._shown.most_per_day:
            return
        cost = months.cloud(months.pays_from)
        if cost is None:
            return
        self._painter.setPen(QPen(self._theme.color("accent"), 2 * self._theme.scale))
        self._painter.setBrush(self._theme.color("card"))
        radius = 5 * self._theme.scale
        self._painter.drawEllipse(self._point(months.pays_from, cost), radius, radius)

    def _names(self, ends: list[tuple[float, str, QColor]]) -> None:
        """Write each line's name at its end, pushed apart where they would cover each other."""
        metrics = self._painter.fontMetrics()
        width = self._names_width - self._theme.px(6)
        ordered = sorted(ends, key=lambda each: each[0])
        # none may cover the numbers below
        lowest = self._area.bottom() - self._line / 2
        for place, (_y, name, color) in zip(
            self._name_places([y for y, *_ in ordered], lowest, width), ordered, strict=True
        ):
            self._painter.setPen(color)
            shown = metrics.elidedText(name, Qt.TextElideMode.ElideRight, int(width))
            self._painter.drawText(place, int(Qt.AlignmentFlag.AlignLeft), shown)

    def _name_places(self, middles: list[float], lowest: float, width: float) -> list[QRectF]:
        """Return where the names of lines that end at these heights are written, from the top."""
        found: list[float] = []
        for middle in middles:
            found.append(max([middle, *(other + self._line for other in found[-1:])]))
        for number in reversed(range(len(found))):
            found[number] = min(found[number], lowest)
            lowest = found[number] - self._line
        left = self._area.right() + self._theme.px(6)
        return [QRectF(left, middle - self._line / 2, width, self._line) for middle in found]
