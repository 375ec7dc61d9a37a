"""Message by message: a square for each model's answers to each message."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFontMetrics,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QToolTip, QWidget
from typing_extensions import override

from playground.core.names import TargetName, target_names
from playground.core.targets import Target
from playground.ui.format import PLACE_LOOKS
from playground.ui.pages.tests.progress import CellState
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import plain_tooltip
from playground.ui.widgets.lists import paint_text

_CELL, _STEP, _ROW, _HEAD = 26, 36, 36, 24
"""Side of a square, width of a column, height of a row and of the numbers, at scale 1."""
_NAMES = 260
_LOOKS = {
    CellState.RIGHT: ("local_ground", "check", "local_ink"),
    CellState.WRONG: ("bad_ground", "close", "bad_ink"),
    CellState.NOT_SCORED: ("chip", "", "chip_ink"),
    CellState.ANSWERING: ("accent", "", "on_accent"),
}
"""State → ground, icon and ink."""


def paint_cell(theme: Theme, painter: QPainter, area: QRect, state: CellState) -> None:
    """Paint one square; its shape tells its state without its colour."""
    radius = theme.px(6)
    if state is CellState.EMPTY:
        painter.setPen(theme.color("line"))
        painter.setBrush(theme.color("card"))
        painter.drawRoundedRect(QRectF(area).adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)
        return
    ground, icon, ink = _LOOKS[state]
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color(ground))
    painter.drawRoundedRect(QRectF(area), radius, radius)
    side = theme.px(13)
    place = QRect(0, 0, side, side)
    place.moveCenter(area.center())
    if icon:
        theme.icon(icon, ink).paint(painter, place)
    elif state is CellState.NOT_SCORED:
        width = theme.px(9)
        line = QRectF(
            area.center().x() - width / 2, area.center().y(), width, max(1, theme.px(1.6))
        )
        painter.setBrush(theme.color(ink))
        painter.drawRect(line)


class CellSample(QWidget):
    """One square of the legend."""

    def __init__(self, theme: Theme, state: CellState) -> None:
        super().__init__()
        self._theme = theme
        self._state = state
        theme.changed.connect(self._apply_theme)
        self._apply_theme()

    def _apply_theme(self) -> None:
        side = self._theme.px(20)
        self.setFixedSize(side, side)

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_cell(self._theme, painter, self.rect(), self._state)


class UnitGrid(QAbstractScrollArea):
    """Models from top to bottom, messages from left to right; names stay while it scrolls.

    A click opens a message; ← and → go through them, Enter opens the one that is framed.
    """

    opened = Signal(int)
    """Place of the message whose answers are wanted."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._targets: Sequence[Target] = ()
        self._cases: Sequence[tuple[str, str]] = ()
        self._state: Callable[[str, str], CellState] = lambda _target, _case: CellState.EMPTY
        self._current = self._newest = 0
        self._names: dict[str, TargetName] = {}
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(self.tr("Message by message"))
        theme.changed.connect(self._fit)

    def show_evaluation(
        self,
        targets: Sequence[Target],
        cases: Sequence[tuple[str, str]],
        state: Callable[[str, str], CellState],
    ) -> None:
        """Show an evaluation; `cases` are ids and messages, `state` tells that of each square."""
        self._targets, self._cases, self._state = targets, cases, state
        self._names, self._current, self._newest = target_names(targets), 0, 0
        self._fit()
        self.horizontalScrollBar().setValue(0)

    def refresh(self, newest: int) -> None:
        """Paint the squares as they are now; only those in view are asked for.

        The message at `newest` is followed as long as nobody looks at others.
        """
        if self._is_in_view(self._newest) and not self.hasFocus():
            self._bring_into_view(newest)
        self._newest = newest
        self.viewport().update()

    def _is_in_view(self, column: int) -> bool:
        bar, step = self.horizontalScrollBar(), self._theme.px(_STEP)
        return bar.value() < (column + 1) * step and column * step < bar.value() + bar.pageStep()

    def _bring_into_view(self, column: int) -> None:
        bar, step = self.horizontalScrollBar(), self._theme.px(_STEP)
        furthest = (column + 1) * step - bar.pageStep()
        bar.setValue(min(column * step, max(bar.value(), furthest)))

    @property
    def _names_width(self) -> int:
        metrics = QFontMetrics(self._theme.font("row"))
        widest = max((metrics.horizontalAdvance(t.label) for t in self._targets), default=0)
        most = max(self._theme.px(70), self.viewport().width() // 3)
        return min(widest + self._theme.px(40), self._theme.px(_NAMES), most)

    def _fit(self) -> None:
        px = self._theme.px
        bar = self.horizontalScrollBar()
        room = self.viewport().width() - self._names_width
        bar.setRange(0, max(0, len(self._cases) * px(_STEP) - room))
        bar.setPageStep(max(1, room))
        bar.setSingleStep(px(_STEP))
        # the style sheet's scroll bar
        height = px(_HEAD) + px(_ROW) * len(self._targets) + px(14)
        self.setFixedHeight(height)
        self.viewport().update()

    def _case_at(self, x: int) -> int:
        left = x - self._names_width + self.horizontalScrollBar().value()
        return left // self._theme.px(_STEP)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        px, names = self._theme.px, self._names_width
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(event.rect(), self._theme.color("card"))
        quiet = {"role": "caption", "tone": "quiet"}
        for row, target in enumerate(self._targets):
            top = px(_HEAD) + row * px(_ROW)
            tone, icon = PLACE_LOOKS[target.place]
            side = px(16)
            place = QRect(0, top + (px(_ROW) - side) // 2, side, side)
            self._theme.icon(icon, tone).paint(painter, place)
            line = QRect(side + px(9), top, names - side - px(15), px(_ROW))
            paint_text(self._theme, painter, line, target.label, "row")
        painter.setClipRect(names, 0, self.viewport().width() - names, self.height())
        first = max(0, self._case_at(names))
        last = min(len(self._cases), self._case_at(self.viewport().width()) + 1)
        for column in range(first, last):
            left = names + column * px(_STEP) - self.horizontalScrollBar().value()
            head = QRect(left, 0, px(_CELL), px(_HEAD))
            paint_text(
                self._theme,
                painter,
                head,
                f"{column + 1}",
                quiet["role"],
                tone=quiet["tone"],
                align=Qt.AlignmentFlag.AlignCenter,
                elide=Qt.TextElideMode.ElideNone,
            )
            for row, target in enumerate(self._targets):
                top = px(_HEAD) + row * px(_ROW) + (px(_ROW) - px(_CELL)) // 2
                area = QRect(left, top, px(_CELL), px(_CELL))
                state = self._state(target.key, self._cases[column][0])
                paint_cell(self._theme, painter, area, state)
            if column == self._current and self.hasFocus():
                painter.setPen(self._theme.color("accent"))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                height = px(_HEAD) + px(_ROW) * len(self._targets)
                painter.drawRoundedRect(QRect(left - 3, 0, px(_CELL) + 5, height - 1), 6, 6)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    @override
    def scrollContentsBy(self, _dx: int, _dy: int) -> None:
        self.viewport().update()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        last = len(self._cases) - 1
        steps = {
            Qt.Key.Key_Left: max(0, self._current - 1),
            Qt.Key.Key_Right: min(last, self._current + 1),
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: last,
        }
        key = Qt.Key(event.key())
        if last >= 0 and key in steps:
            self._go_to(steps[key])
        elif last >= 0 and key in {Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space}:
            self.opened.emit(self._current)
        else:
            super().keyPressEvent(event)

    def _go_to(self, column: int) -> None:
        """Frame a message, and scroll so that it is in view."""
        self._current = column
        self._bring_into_view(column)
        self.viewport().update()

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        row, column = self._square_at(event.position().toPoint())
        if event.button() is Qt.MouseButton.LeftButton and row is not None and column is not None:
            self._go_to(column)
            self.opened.emit(column)
            return
        super().mousePressEvent(event)

    @override
    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() is QEvent.Type.ToolTip:
            text = self._tooltip(event.pos())
            # an empty text hides what is shown
            QToolTip.showText(event.globalPos(), plain_tooltip(text), self)
            return True
        return super().viewportEvent(event)

    def _tooltip(self, place: QPoint) -> str:
        row, column = self._square_at(place)
        if row is None:
            return ""
        name = self._names[self._targets[row].key].line
        if column is None:
            return plain_tooltip(name if place.x() < self._names_width else "")
        case_id, message = self._cases[column]
        said = self._said(self._state(self._targets[row].key, case_id))
        return plain_tooltip(f"{name} · {column + 1}: {message}\n{said}")

    def _square_at(self, place: QPoint) -> tuple[int | None, int | None]:
        """Return which target and which message are at `place`."""
        row = (place.y() - self._theme.px(_HEAD)) // self._theme.px(_ROW)
        column = self._case_at(place.x())
        has_column = place.x() >= self._names_width and 0 <= column < len(self._cases)
        return (
            row if 0 <= row < len(self._targets) else None,
            column if has_column else None,
        )

    def _said(self, state: CellState) -> str:
        return {
            CellState.RIGHT: self.tr("right"),
            CellState.WRONG: self.tr("wrong"),
            CellState.NOT_SCORED: self.tr("not scored"),
            CellState.ANSWERING: self.tr("answering"),
            CellState.EMPTY: self.tr("not asked yet"),
        }[state]

    @override
    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(300), self.minimumHeight())
