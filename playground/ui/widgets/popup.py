"""What opens over the page: always whole on the screen, and gone with a click beside it."""

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QPushButton, QVBoxLayout, QWidget
from typing_extensions import override

from playground.ui.theme.theme import Theme
from playground.ui.widgets.folding_row import anchor_of
from playground.ui.widgets.layouts import make_column, make_scroll_area, round_corners

_EDGE = 8
"""Between a popup and the screen's edge, in pixels."""


_FRAME = QSize(8, 40)
"""What the desktop draws around a dialog."""


def popup_rect(anchor: QWidget, size: QSize) -> QRect:
    """Return where a popup of `size` opens: below `anchor`, or above it where there is more room.

    It is never larger than the screen, nor partly beside it.
    """
    room = anchor.screen().availableGeometry().adjusted(_EDGE, _EDGE, -_EDGE, -_EDGE)
    size = size.boundedTo(room.size())
    top = anchor.mapToGlobal(QPoint(0, 0))
    y = top.y() + anchor.height() + 4
    if y + size.height() > room.bottom() and top.y() - room.top() > room.bottom() - y:
        y = top.y() - size.height() - 4
    x = min(max(top.x(), room.left()), room.right() + 1 - size.width())
    return QRect(QPoint(x, min(max(y, room.top()), room.bottom() + 1 - size.height())), size)


def resize_dialog(theme: Theme, dialog: QWidget, width: int, height: int) -> None:
    """Give a dialog its size, in pixels at scale 1, as far as the screen has room."""
    room = dialog.screen().availableSize() - _FRAME
    dialog.resize(QSize(theme.px(width), theme.px(height)).boundedTo(room))


class Popup(QFrame):
    """Holds a widget that has no room on the page; it scrolls where the screen is too small."""

    def __init__(self, theme: Theme, title: str, content: QWidget, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self._theme = theme
        self._content = content
        self.setProperty("card", "popup")
        self.setAccessibleName(title)
        px = theme.px
        self._scroll = make_scroll_area(content, title)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.viewport().setAutoFillBackground(False)
        content.show()
        self._column = make_column(
            self._scroll, parent=self, margins=(px(12), px(12), px(12), px(12))
        )

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        round_corners(self, self._theme.px(10))

    def release(self) -> None:
        """Give the content back, to stand somewhere else."""
        self._scroll.takeWidget()

    def open_at(self, anchor: QWidget, width: int) -> None:
        """Open beside `anchor`; `width` in pixels at scale 1."""
        margins = self.contentsMargins() + self._column.contentsMargins()
        whole = popup_rect(anchor, QSize(self._theme.px(width), 1)).width()
        inside = whole - margins.left() - margins.right()
        self._content.ensurePolished()
        height = self._content.heightForWidth(inside)
        if height < 0:
            height = self._content.sizeHint().height()
        size = QSize(whole, height + margins.top() + margins.bottom() + 2)
        self.setGeometry(popup_rect(anchor, size))
        self.show()
        self._content.setFocus(Qt.FocusReason.PopupFocusReason)


class Foldable:
    """A part of a column that goes behind a button while there is no room for it."""

    def __init__(
        self,
        theme: Theme,
        content: QWidget,
        button: QPushButton,
        *,
        column: QVBoxLayout,
        width: int,
    ) -> None:
        """Fold `content`, which stands in `column`; `width` is its popup's, at scale 1."""
        self._theme = theme
        self._content = content
        self._button = button
        self._column = column
        self._place = column.indexOf(content)
        self._width = width
        self._popup: Popup | None = None
        button.clicked.connect(self._open)
        button.hide()

    @property
    def is_folded(self) -> bool:
        return self._popup is not None

    def fold(self, *, is_folded: bool) -> None:
        if is_folded == self.is_folded:
            return
        if self._popup is None:
            title = self._button.accessibleName()
            self._popup = Popup(self._theme, title, self._content, self._button)
        else:
            self._popup.release()
            self._column.insertWidget(self._place, self._content)
            self._popup.deleteLater()
            self._popup = None

    def _open(self) -> None:
        if self._popup is not None:
            self._popup.open_at(anchor_of(self._button), self._width)
