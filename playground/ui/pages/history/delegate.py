"""Draws an entry of the list: its prompt, when it was, and who was compared, a winner first."""

from typing import Any

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from playground.core.targets import Place
from playground.store.history import ComparisonSummary
from playground.ui.pages.history import words
from playground.ui.pages.history.list import ROW_ROLE, Index
from playground.ui.theme.theme import Theme

_TONES = {Place.HERE: ("here_ground", "here_ink"), Place.CLOUD: ("cloud_ground", "cloud_ink")}
_QUIET = ("chip", "chip_ink")
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class ComparisonDelegate(QStyledItemDelegate):
    """Three lines; whatever does not fit ends in “…”."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        """Qt: return the room for three lines."""
        heights = self._heights()
        return QSize(self._theme.px(160), sum(heights) + self._theme.px(11 * 2 + 5 + 7))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Qt: draw an entry and the hairline below it."""
        row = index.data(ROW_ROLE)
        state: Any = getattr(option, "state")  # noqa: B009 - missing from the stubs
        rect: QRect = getattr(option, "rect")  # noqa: B009 - missing from the stubs
        px = self._theme.px
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_ground(painter, rect, state)
        title_height, caption_height, chip_height = self._heights()
        inner = rect.adjusted(px(16), px(11), -px(12), -px(11))
        line = QRect(inner.left(), inner.top(), inner.width(), title_height)
        self._write(painter, line, row.title, "strong", "text")
        line = QRect(inner.left(), line.bottom() + px(5), inner.width(), caption_height)
        self._paint_caption(painter, line, row)
        line = QRect(inner.left(), line.bottom() + px(7), inner.width(), chip_height)
        self._paint_chips(painter, line, row)
        painter.restore()

    def _heights(self) -> tuple[int, int, int]:
        theme = self._theme
        strong, small, chip = (
            QFontMetrics(theme.font(role)).height() for role in ("strong", "caption", "chip")
        )
        return strong, small, chip + theme.px(5)

    def _paint_ground(self, painter: QPainter, rect: QRect, state: Any) -> None:
        theme = self._theme
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, theme.color("accent_ground"))
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, theme.color("hover"))
        if state & QStyle.StateFlag.State_HasFocus:
            painter.fillRect(
                QRect(rect.left(), rect.top(), theme.px(3), rect.height()), theme.color("accent")
            )
        painter.setPen(theme.color("line"))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())

    def _paint_caption(self, painter: QPainter, line: QRect, row: ComparisonSummary) -> None:
        metrics = QFontMetrics(self._theme.font("caption"))
        moment, remark = words.caption(row), words.remark(row)
        taken = metrics.horizontalAdvance(moment) + self._theme.px(10)
        self._write(painter, line, moment, "caption", "quiet")
        if remark:
            right = line.adjusted(min(taken, line.width()), 0, 0, 0)
            tone = "caution" if row.names_hidden else "quiet"
            self._write(painter, right, remark, "chip", tone, align=_RIGHT)

    def _paint_chips(self, painter: QPainter, line: QRect, row: ComparisonSummary) -> None:
        chips = [(words.names(row), _QUIET)]
        if not row.names_hidden:
            won = set(row.winner_labels)
            targets = sorted(
                zip(row.target_labels, row.places, strict=True), key=lambda t: t[0] not in won
            )
            chips = [
                (f"✓ {label}" if label in won else label, _TONES[place]) for label, place in targets
            ]
        px = self._theme.px
        metrics = QFontMetrics(self._theme.font("chip"))
        left = line.left()
        for number, (text, tones) in enumerate(chips):
            others = len(chips) - number - 1
            rest = f"+{others}" if others else ""
            reserved = metrics.horizontalAdvance(rest) + px(30) if rest else 0
            room = line.right() - left - reserved
            wanted = metrics.horizontalAdvance(text) + px(18)
            if wanted > room and number:
                self._chip(
                    painter,
                    QRect(left, line.top(), line.right() - left, line.height()),
                    f"+{others + 1}",
                    _QUIET,
                )
                return
            width = max(min(wanted, room), px(30))
            self._chip(painter, QRect(left, line.top(), width, line.height()), text, tones)
            left += width + px(5)

    def _chip(self, painter: QPainter, area: QRect, text: str, tones: tuple[str, str]) -> None:
        theme = self._theme
        font = theme.font("chip")
        wanted = QFontMetrics(font).horizontalAdvance(text) + theme.px(18)
        pill = QRect(area.left(), area.top(), min(wanted, area.width()), area.height())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color(tones[0]))
        painter.drawRoundedRect(QRectF(pill), pill.height() / 2, pill.height() / 2)
        self._write(painter, pill.adjusted(theme.px(9), 0, -theme.px(8), 0), text, "chip", tones[1])

    def _write(
        self,
        painter: QPainter,
        rect: QRect,
        text: str,
        role: str,
        tone: str,
        *,
        align: Qt.AlignmentFlag = _LEFT,
    ) -> None:
        painter.setFont(self._theme.font(role))
        painter.setPen(self._theme.color(tone))
        text = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, rect.width())
        painter.drawText(rect, align, text)
