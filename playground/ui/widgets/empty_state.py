"""What an empty page says: what to do next, and the button that does it."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import make_button, make_label, plain_tooltip


class EmptyState(QWidget):
    """An icon, a heading, a sentence and one button."""

    asked = Signal()

    def __init__(self, theme: Theme, icon: str, title: str, text: str, action: str) -> None:
        super().__init__()
        self._theme = theme
        self._icon_name = icon
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.px(32), 0, theme.px(32), 0)
        column.addStretch(1)
        self._icon = QLabel()
        self._title = make_label(title, "heading", wrap=True)
        self._text = make_label(text, "control", "quiet", wrap=True)
        for label in (self._icon, self._title, self._text):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._button = make_button(action, kind="primary", tooltip=text)
        self._button.clicked.connect(self.asked)
        center = Qt.AlignmentFlag.AlignHCenter
        column.addWidget(self._icon, 0, center)
        column.addWidget(self._title)
        column.addWidget(self._text)
        column.addSpacing(theme.px(8))
        column.addWidget(self._button, 0, center)
        column.addStretch(2)
        theme.changed.connect(self._apply_theme)
        self._apply_theme()

    def show_words(self, title: str, text: str) -> None:
        self._title.setText(title)
        self._text.setText(text)
        self._button.setToolTip(plain_tooltip(text))

    def _apply_theme(self) -> None:
        side = self._theme.px(34)
        icon = self._theme.icon(self._icon_name, "quiet")
        self._icon.setPixmap(icon.pixmap(QSize(side, side)))
