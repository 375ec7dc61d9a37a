"""A section that opens to a list of exact facts, for those who want them to the letter."""

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QPlainTextEdit,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import IconButton, make_card, make_label, plain_tooltip

_LINES = 14


class DetailsTable(QWidget):
    """A heading that opens and closes; below it names and values as text that can be copied."""

    def __init__(self, theme: Theme, title: str, tooltip: str) -> None:
        super().__init__()
        self._theme = theme
        self._build(title, tooltip)
        self._head.toggled.connect(self._open)
        self._copy.clicked.connect(self._on_copy)
        theme.changed.connect(self._apply_theme)
        self._apply_theme()

    @property
    def text(self) -> str:
        """The facts, one a line."""
        return self._text.toPlainText()

    def show_facts(self, facts: tuple[tuple[str, str], ...]) -> None:
        """Show names and values."""
        self._text.setPlainText("\n".join(f"{name} = {value}" for name, value in facts))

    def _build(self, title: str, tooltip: str) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        self._head = QToolButton()
        self._head.setText(title)
        self._head.setToolTip(plain_tooltip(tooltip))
        self._head.setAccessibleName(title)
        self._head.setCheckable(True)
        self._head.setProperty("flat", True)
        self._head.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._head.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._copy = IconButton(self._theme, "copy", self.tr("Copy these facts"))
        row = QHBoxLayout()
        row.addWidget(self._head)
        row.addStretch(1)
        row.addWidget(self._copy)
        column.addLayout(row)
        self._text = QPlainTextEdit()
        self._text.setReadOnly(True)
        self._text.setTabChangesFocus(True)
        self._text.setFrameShape(QPlainTextEdit.Shape.NoFrame)
        self._text.setAccessibleName(title)
        self._text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._frame = make_card("quiet")
        inside = QVBoxLayout(self._frame)
        inside.addWidget(self._text)
        # its ground is the frame's
        self._text.viewport().setAutoFillBackground(False)
        column.addWidget(self._frame)
        self._frame.hide()
        self._copy.hide()

    def _open(self, is_open: bool) -> None:
        self._frame.setVisible(is_open)
        self._copy.setVisible(is_open)
        self._apply_theme()

    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text)

    def _apply_theme(self) -> None:
        icon = "chevron-down" if self._head.isChecked() else "chevron-right"
        self._head.setIcon(self._theme.icon(icon, "quiet"))
        side = self._theme.px(14)
        self._head.setIconSize(QSize(side, side))
        font = self._theme.mono_font()
        font.setPixelSize(max(8, self._theme.px(12)))
        self._text.setFont(font)
        self._text.setFixedHeight(self._theme.px(16) * _LINES)


Row = tuple[str, str, str]
"""Label, value, remark."""


class DetailsPopup(QFrame):
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

    def show_at(self, anchor: QWidget) -> None:
        """Open above `anchor`, inside the screen."""
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
        y = corner.y() - height - 6
        self.move(x, min(max(y, room.top() + 8), room.bottom() - height - 8))
        self.show()
        self.setFocus()
