"""What delegates draw alike: the ground of a row, a line of text that fits, a chip."""

from typing import Any

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyleOptionViewItem

from playground.ui.theme.theme import Theme

LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


def row_rect(option: QStyleOptionViewItem) -> QRect:
    """Return where a row is."""
    rect: QRect = getattr(option, "rect")  # noqa: B009 - missing from the stubs
    return rect


def paint_ground(theme: Theme, painter: QPainter, option: QStyleOptionViewItem) -> None:
    """Draw what lies below a row: selection, hover, focus, and the hairline at its foot."""
    rect = row_rect(option)
    state: Any = getattr(option, "state")  # noqa: B009 - missing from the stubs
    if state & QStyle.StateFlag.State_Selected:
        painter.fillRect(rect, theme.color("accent_ground"))
    elif state & QStyle.StateFlag.State_MouseOver:
        painter.fillRect(rect, theme.color("hover"))
    if state & QStyle.StateFlag.State_HasFocus:
        mark = QRect(rect.left(), rect.top(), theme.px(3), rect.height())
        painter.fillRect(mark, theme.color("accent"))
    painter.fillRect(QRect(rect.left(), rect.bottom(), rect.width(), 1), theme.color("line"))


def paint_text(
    theme: Theme,
    painter: QPainter,
    rect: QRect,
    text: str,
    *,
    role: str,
    tone: str = "text",
    align: Qt.AlignmentFlag = LEFT,
) -> None:
    """Draw one line that ends in “…” where it does not fit."""
    painter.setFont(theme.font(role))
    painter.setPen(theme.color(tone))
    text = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, rect.width())
    painter.drawText(rect, align, text)


def chip_width(theme: Theme, text: str) -> int:
    """Return how wide a chip is."""
    return QFontMetrics(theme.font("chip")).horizontalAdvance(text) + theme.px(18)


def paint_chip(
    theme: Theme, painter: QPainter, text: str, tone: str, *, right: int, middle: int
) -> int:
    """Draw a chip that ends at `right`, and return where it begins."""
    font = theme.font("chip")
    width, height = chip_width(theme, text), QFontMetrics(font).height() + theme.px(5)
    pill = QRectF(right - width, middle - height / 2, width, height)
    is_quiet = tone == "quiet"
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color("chip" if is_quiet else f"{tone}_ground"))
    painter.drawRoundedRect(pill, height / 2, height / 2)
    painter.setFont(font)
    painter.setPen(theme.color("chip_ink" if is_quiet else f"{tone}_ink"))
    painter.drawText(pill, int(Qt.AlignmentFlag.AlignCenter), text)
    return right - width
