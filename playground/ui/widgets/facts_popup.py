"""A small window with exact figures that goes away at a click beside it or Esc."""

from collections.abc import Sequence

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QScrollArea, QVBoxLayout, QWidget

from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import make_label

Row = tuple[str, str, str]
"""Label, value, remark."""


class FactsPopup(QFrame):
    """Rows of label, value and remark; `set_rows` may be called while it is open."""

    def __init__(self, theme: Theme, title: str, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self._theme = theme
        self._rows: tuple[Row, ...] = ()
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setProperty("card", "popup")
        self.setAccessibleName(title)
        column = QVBoxLayout(self)
        px = theme.px
        column.setContentsMargins(px(16), px(14), px(10), px(12))
        column.addWidget(make_label(title, "heading"))
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.viewport().setAutoFillBackground(False)
        body = self._body = QWidget()
        body.setObjectName("scrolled")
        self._grid = QGridLayout(body)
        self._grid.setContentsMargins(0, px(6), px(8), 0)
        self._grid.setHorizontalSpacing(px(18))
        self._grid.setVerticalSpacing(px(5))
        self._scroll.setWidget(body)
        column.addWidget(self._scroll)

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Show `rows`; labels that are there already only change their text."""
        if len(rows) != len(self._rows):
            while self._grid.count():
                item = self._grid.takeAt(0)
                widget = item.widget() if item is not None else None
                if widget is not None:
                    widget.deleteLater()
            for index in range(len(rows)):
                for column, tone in enumerate(("quiet", None, "quiet")):
                    label = make_label("", "control" if column < 2 else "caption", tone)
                    label.setWordWrap(column == 2)
                    if column == 1:
                        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
                    self._grid.addWidget(label, index, column, Qt.AlignmentFlag.AlignTop)
            self._grid.setColumnStretch(2, 1)
        for index, row in enumerate(rows):
            for column, text in enumerate(row):
                item = self._grid.itemAtPosition(index, column)
                shown = item.widget() if item is not None else None
                if shown is not None and shown.property("text") != text:
                    shown.setProperty("text", text)
        self._rows = tuple(rows)

    def show_at(self, anchor: QWidget, *, above: bool = True) -> None:
        """Open beside `anchor`, inside the screen."""
        width = self._theme.px(560)
        body = self._body
        body.setFixedWidth(width - self._theme.px(40))
        height = min(
            body.sizeHint().height() + self._theme.px(70),
            anchor.screen().availableSize().height() - 40,
        )
        self.resize(width, height)
        corner = anchor.mapToGlobal(QPoint(0, 0))
        room = anchor.screen().availableGeometry()
        x = min(max(corner.x(), room.left() + 8), room.right() - width - 8)
        y = corner.y() - height - 6 if above else corner.y() + anchor.height() + 6
        self.move(x, min(max(y, room.top() + 8), room.bottom() - height - 8))
        self.show()
        self.setFocus()
