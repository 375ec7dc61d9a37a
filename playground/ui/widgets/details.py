"""A section that opens to a list of exact facts, for those who want them to the letter."""

from collections.abc import Sequence
from itertools import chain

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QPlainTextEdit, QToolButton, QWidget

from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import IconButton, make_card, make_label, plain_tooltip
from playground.ui.widgets.layouts import (
    NO_MARGINS,
    make_column,
    make_row,
    make_scroll_area,
    round_corners,
)
from playground.ui.widgets.popup import popup_rect

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
        self._text.setPlainText("\n".join(f"{name} = {value}" for name, value in facts))

    def _build(self, title: str, tooltip: str) -> None:
        self._head = QToolButton()
        self._head.setText(title)
        self._head.setToolTip(plain_tooltip(tooltip))
        self._head.setAccessibleName(title)
        self._head.setCheckable(True)
        self._head.setProperty("flat", True)
        self._head.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._head.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._copy = IconButton(self._theme, "copy", self.tr("Copy these facts"))
        self._text = QPlainTextEdit()
        self._text.setReadOnly(True)
        self._text.setTabChangesFocus(True)
        self._text.setFrameShape(QPlainTextEdit.Shape.NoFrame)
        self._text.setAccessibleName(title)
        self._text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._frame = make_card("quiet")
        make_column(self._text, parent=self._frame)
        # its ground is the frame's
        self._text.viewport().setAutoFillBackground(False)
        head = make_row(self._head, 1, self._copy)
        make_column(head, self._frame, parent=self, margins=NO_MARGINS)
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
        self._labels: list[tuple[QLabel, QLabel, QLabel]] = []
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setProperty("card", "popup")
        self.setAccessibleName(title)
        px = theme.px
        self._body = QWidget()
        self._grid = QGridLayout(self._body)
        self._grid.setContentsMargins(0, px(6), px(8), 0)
        self._grid.setHorizontalSpacing(px(18))
        self._grid.setVerticalSpacing(px(5))
        self._grid.setColumnStretch(2, 1)
        scroll = make_scroll_area(self._body)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.viewport().setAutoFillBackground(False)
        make_column(
            make_label(title, "heading"),
            scroll,
            parent=self,
            margins=(px(16), px(14), px(10), px(12)),
        )

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Show `rows`; labels that are there already only change their text."""
        if len(rows) != len(self._labels):
            for label in chain.from_iterable(self._labels):
                self._grid.removeWidget(label)
                label.deleteLater()
            self._labels = [self._new_labels(index) for index in range(len(rows))]
        for labels, row in zip(self._labels, rows, strict=True):
            for label, text in zip(labels, row, strict=True):
                if label.text() != text:
                    label.setText(text)

    def _new_labels(self, row: int) -> tuple[QLabel, QLabel, QLabel]:
        value = make_label(role="control", wrap=True)
        value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        remark = make_label(role="caption", tone="quiet", wrap=True)
        labels = (make_label(role="control", tone="quiet", wrap=True), value, remark)
        for column, label in enumerate(labels):
            self._grid.addWidget(label, row, column, Qt.AlignmentFlag.AlignTop)
        return labels

    def show_at(self, anchor: QWidget) -> None:
        """Open beside `anchor`, whole on the screen."""
        px = self._theme.px
        width = popup_rect(anchor, QSize(px(560), 1)).width()
        self._body.setFixedWidth(width - px(40))
        wanted = self._body.heightForWidth(width - px(40)) + px(70)
        self.setGeometry(popup_rect(anchor, QSize(width, wanted)))
        round_corners(self, px(10))
        self.show()
        self.setFocus()
