"""What an empty page says: what to do next, and the button that does it."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QLabel, QWidget

from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import make_button, make_label, plain_tooltip
from playground.ui.widgets.layouts import NO_MARGINS, make_column, make_flow, make_scroll_area


class EmptyState(QWidget):
    """An icon, a heading, a sentence and one button."""

    asked = Signal()

    def __init__(self, theme: Theme, icon: str, title: str, text: str, action: str) -> None:
        super().__init__()
        self._theme = theme
        self._icon_name = icon
        self._icon = QLabel()
        self._title = make_label(title, "heading", wrap=True)
        self._text = make_label(text, "control", "quiet", wrap=True)
        for label in (self._icon, self._title, self._text):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._button = make_button(action, wrap=True, kind="primary", tooltip=text)
        self._button.clicked.connect(self.asked)
        self._build()
        theme.changed.connect(self._apply_theme)
        self._apply_theme()

    def show_words(self, title: str, text: str) -> None:
        self._title.setText(title)
        self._text.setText(text)
        self._button.setToolTip(plain_tooltip(text))

    def _build(self) -> None:
        px = self._theme.px
        inside = QWidget()
        button = make_flow(self._button)
        button.set_centred()
        make_column(
            *(1, self._icon, self._title, self._text, button, 2),
            parent=inside,
            margins=(px(24), 0, px(24), 0),
        )
        scroll = make_scroll_area(inside, self._title.text())
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        make_column(scroll, parent=self, margins=NO_MARGINS)

    def _apply_theme(self) -> None:
        side = self._theme.px(34)
        icon = self._theme.icon(self._icon_name, "quiet")
        self._icon.setPixmap(icon.pixmap(QSize(side, side)))
