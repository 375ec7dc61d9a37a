"""A section that opens to a list of exact facts, for those who want them to the letter."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QToolButton, QVBoxLayout, QWidget

from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import IconButton, make_card

_LINES = 14


class Facts(QWidget):
    """A heading that opens and closes; below it names and values as text that can be copied."""

    def __init__(self, theme: Theme, title: str, tooltip: str) -> None:
        super().__init__()
        self._theme = theme
        self._build(title, tooltip)
        self._head.toggled.connect(self._open)
        self._copy.clicked.connect(self._on_copy)
        theme.changed.connect(self._wear)
        self._wear()

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
        self._head.setToolTip(tooltip)
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
        self._wear()

    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text)

    def _wear(self) -> None:
        icon = "chevron-down" if self._head.isChecked() else "chevron-right"
        self._head.setIcon(self._theme.icon(icon, "quiet"))
        side = self._theme.px(14)
        self._head.setIconSize(QSize(side, side))
        font = self._theme.mono_font()
        font.setPixelSize(max(8, self._theme.px(12)))
        self._text.setFont(font)
        self._text.setFixedHeight(self._theme.px(16) * _LINES)
