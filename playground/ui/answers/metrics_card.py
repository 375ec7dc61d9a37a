"""The figures under an answer, as large as headlines."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QFont,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QFrame, QSizePolicy, QWidget
from typing_extensions import override

from playground.ui.answers.pane_shape import FIGURES_WIDTH, PaneShape
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import plain_tooltip

_SHRINK = (1.0, 0.92, 0.84, 0.76, 0.68)
"""Figures get a little smaller before one of them would have to be cut."""
_TWO_ROWS_BELOW = 270
_STAGE_ROW_FROM = 390
"""Width, in pixels at scale 1, that has room for three figures on stage."""


@dataclass(frozen=True, slots=True)
class MetricCell:
    """One figure as it is shown."""

    value: str
    caption: str
    explanation: str
    """Tooltip in plain words, with the exact number and where it comes from."""
    is_best: bool = False


class _Figure(QWidget):
    """A value and its caption, painted; both are also its accessible name."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self.cell = MetricCell("", "", "")
        self.shrink = 1.0

    def set_cell(self, cell: MetricCell) -> None:
        if cell == self.cell:
            return
        self.cell = cell
        self.setToolTip(plain_tooltip(cell.explanation))
        self.setAccessibleName(f"{cell.caption}: {cell.value}")
        self.setAccessibleDescription(cell.explanation)
        self.update()

    def font_at(self, shrink: float) -> QFont:
        font = self._theme.font("figure")
        font.setPixelSize(round(font.pixelSize() * shrink))
        return font

    @property
    def caption_width(self) -> int:
        """What the caption takes in one line."""
        metrics = QFontMetrics(self._theme.font("caption"))
        return metrics.horizontalAdvance(self.cell.caption)

    def needed_width(self, shrink: float, *, in_one_line: bool) -> int:
        """Return what value and caption take, or the caption's longest word."""
        value = QFontMetrics(self.font_at(shrink)).horizontalAdvance(self.cell.value)
        if in_one_line:
            return max(value, self.caption_width)
        metrics = QFontMetrics(self._theme.font("caption"))
        words = self.cell.caption.split() or [""]
        return max(value, *(metrics.horizontalAdvance(word) for word in words))

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        theme = self._theme
        px = theme.px
        painter = QPainter(self)
        painter.setFont(self.font_at(self.shrink))
        painter.setPen(theme.color("local" if self.cell.is_best else "text"))
        high = value_height(theme)
        area = QRect(px(11), px(_ABOVE_VALUE), self.width() - px(13), high)
        painter.drawText(
            area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, self.cell.value
        )
        painter.setFont(theme.font("caption"))
        painter.setPen(theme.color("quiet"))
        below = QRect(px(11), area.bottom() + px(3), area.width(), self.height() - area.bottom())
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
        painter.drawText(below, int(flags), self.cell.caption)


_ABOVE_VALUE = 10
_BELOW_VALUE = 14


def value_height(theme: Theme) -> int:
    """Return how high a value is; digits as large as on stage need nothing below their line."""
    font = theme.font("figure")
    return font.pixelSize() if theme.in_presentation_mode else QFontMetrics(font).height()


class MetricsCard(QFrame):
    """Figures side by side, or in two rows where it is narrow; a click shows every exact number."""

    clicked = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._figures = [_Figure(theme, self) for _ in range(4)]
        self._lines: list[QRect] = []
        self._shape = PaneShape.COLUMN
        self._largest = 1.0
        self._has_two_lines = False
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip(self.tr("Click for every exact number"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self._apply_theme)

    def set_cells(self, cells: Sequence[MetricCell]) -> None:
        """Show figures; those that have not changed are left alone."""
        for figure, cell in zip(self._figures, cells, strict=True):
            figure.set_cell(cell)
        self._arrange()

    def set_shape(self, shape: PaneShape) -> None:
        """Stand beside the answer, one below the other, or below or above it."""
        self._shape = shape
        is_beside = self._is_beside
        tall = QSizePolicy.Policy.Expanding if is_beside else QSizePolicy.Policy.Fixed
        wide = QSizePolicy.Policy.Fixed if is_beside else QSizePolicy.Policy.Expanding
        self.setSizePolicy(wide, tall)
        self._apply_theme()

    @property
    def needed_shrink(self) -> float:
        """How much smaller its figures have to be for none to be cut, 1 where they need not."""
        return min(self._shrink_of(rows) for rows in self._aligned(self._rows()))

    @property
    def needs_two_lines(self) -> bool:
        """True where a caption goes on in a second line."""
        return not all(map(self._has_room_for_lines, self._rows()))

    def fit_beside_others(self, largest: float, *, has_two_lines: bool) -> None:
        """Be as high as the cards beside it, with no figure larger than theirs.

        Sizes that differ would tell what is not so.
        """
        if (largest, has_two_lines) != (self._largest, self._has_two_lines):
            self._largest, self._has_two_lines = largest, has_two_lines
            self._apply_theme()

    @override
    def sizeHint(self) -> QSize:
        width = self._theme.px(FIGURES_WIDTH) if self._is_beside else 200
        return QSize(width, sum(map(self._height_of, self._rows())))

    @override
    def minimumSizeHint(self) -> QSize:
        hint = self.sizeHint()
        return QSize(hint.width() if self._is_beside else 100, hint.height())

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self.updateGeometry()
        self._arrange()

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        # draw the lines between the figures, and where the keyboard is
        painter = QPainter(self)
        for line in self._lines:
            painter.fillRect(line, self._theme.color("line"))
        if self.hasFocus():
            painter.setPen(self._theme.color("accent"))
            painter.drawRect(self.rect().adjusted(1, 1, -2, -2))

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton and self.rect().contains(event.pos()):
            self.clicked.emit()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space}:
            self.clicked.emit()
        else:
            super().keyPressEvent(event)

    @property
    def _is_beside(self) -> bool:
        return self._shape is PaneShape.BESIDE

    def _height_of(self, figures: Sequence[_Figure]) -> int:
        caption_lines = 1 if self._is_in_one_line(figures) else 2
        is_tight = self._is_beside or self._shape.is_on_stage
        return (
            value_height(self._theme)
            + QFontMetrics(self._theme.font("caption")).lineSpacing() * caption_lines
            + self._theme.px(_ABOVE_VALUE + _BELOW_VALUE // (2 if is_tight else 1))
        )

    def _rows(self) -> list[list[_Figure]]:
        if self._shape.is_on_stage:
            # what a room asks first: how long, how fast, what does it cost
            _first, speed, total, cost = self._figures
            if self.width() >= self._theme.px(_STAGE_ROW_FROM):
                return [[total, speed, cost]]
            rows = [[total, speed], [cost]]
            return rows if self._shape is PaneShape.STAGE else rows[:1]
        if self._is_beside:
            return [[figure] for figure in self._figures]
        if self.width() >= self._theme.px(_TWO_ROWS_BELOW):
            return [self._figures]
        half = (len(self._figures) + 1) // 2
        return [self._figures[:half], self._figures[half:]]

    def _is_in_one_line(self, figures: Sequence[_Figure]) -> bool:
        """Return whether the captions of a row stand in one line."""
        return not self._has_two_lines and self._has_room_for_lines(figures)

    def _has_room_for_lines(self, figures: Sequence[_Figure]) -> bool:
        if self._shape.is_on_stage:
            # not by the values: they differ from pane to pane, and rows stay on one height
            around = self._theme.px(18)
            return sum(one.caption_width + around for one in figures) <= self.width()
        return sum(self._needs(figures, _SHRINK[0], in_one_line=True)) <= self.width()

    def _needs(self, figures: Sequence[_Figure], shrink: float, *, in_one_line: bool) -> list[int]:
        around = self._theme.px(18)
        return [one.needed_width(shrink, in_one_line=in_one_line) + around for one in figures]

    def _arrange(self) -> None:
        self._lines = [QRect(0, 0, 1, self.height())] if self._is_beside else []
        top = 0
        rows = self._rows()
        shown = [figure for figures in rows for figure in figures]
        for figure in self._figures:
            figure.setVisible(figure in shown)
        columns = [self._columns(group) for group in self._aligned(rows)]
        for number, figures in enumerate(rows):
            needed = self._height_of(figures)
            height = max(needed, self.height() // len(rows)) if self._is_beside else needed
            widths = columns[min(number, len(columns) - 1)]
            self._place_row(figures, widths, top, height, (height - needed) // 2)
            if number:
                self._lines.append(QRect(0, top, self.width(), 1))
            top += height
        if self._shape.is_on_stage:
            self._lines.append(QRect(0, top - 1, self.width(), 1))
        self.update()

    def _aligned(self, rows: list[list[_Figure]]) -> list[list[list[_Figure]]]:
        """Return groups of rows that share their columns, so that the lines between them meet."""
        is_grid = len({len(figures) for figures in rows}) == 1
        return [rows] if is_grid else [[figures] for figures in rows]

    def _columns(self, rows: Sequence[Sequence[_Figure]]) -> list[int]:
        """Return widths that hold every row's figures, which shrink where they must."""
        shrink = min(self._largest, self._shrink_of(rows))
        for figure in (figure for figures in rows for figure in figures):
            if figure.shrink != shrink:
                figure.shrink = shrink
                figure.update()
        needs = self._column_needs(rows, shrink)
        spare = max(0, self.width() - sum(needs)) // len(needs)
        return [need + spare for need in needs]

    def _shrink_of(self, rows: Sequence[Sequence[_Figure]]) -> float:
        fitting = (s for s in _SHRINK if sum(self._column_needs(rows, s)) <= self.width())
        return next(fitting, _SHRINK[-1])

    def _column_needs(self, rows: Sequence[Sequence[_Figure]], shrink: float) -> list[int]:
        needs = (
            self._needs(figures, shrink, in_one_line=self._is_in_one_line(figures))
            for figures in rows
        )
        return [max(column) for column in zip(*needs, strict=True)]

    def _place_row(
        self, figures: Sequence[_Figure], widths: Sequence[int], top: int, height: int, above: int
    ) -> None:
        """Lay a row out, with so much room `above` what is painted."""
        left = 0
        for index, (figure, wide) in enumerate(zip(figures, widths, strict=True)):
            width = wide if index < len(widths) - 1 else self.width() - left
            figure.setGeometry(left, top + above, max(1, width), height - above)
            if index:
                self._lines.append(QRect(left, top, 1, height))
            left += width

    def _apply_theme(self) -> None:
        self.updateGeometry()
        self._arrange()
