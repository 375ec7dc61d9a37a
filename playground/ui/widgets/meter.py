"""One figure of the strip: its name, its value, and its last minute."""

from PySide6.QtWidgets import QHBoxLayout, QWidget

from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import make_label
from playground.ui.widgets.sparkline import Sparkline


class Meter(QWidget):
    """Name and value in small type beside a sparkline."""

    def __init__(self, theme: Theme, name: str) -> None:
        super().__init__()
        self._theme = theme
        self._name = name
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.px(5))
        self._value = make_label("—", "strip")
        self._value.setFont(theme.font("strip"))
        self._line = Sparkline(theme)
        row.addWidget(make_label(name, "strip", "quiet"))
        row.addWidget(self._value)
        row.addWidget(self._line)

    def show_value(self, text: str, share: float | None) -> None:
        """Show `text` and add `share` (0 … 1) to the line."""
        self._value.setText(text)
        self.setAccessibleName(f"{self._name} {text}")
        self._line.add(share)

    def set_line_visible(self, *, visible: bool) -> None:
        """Leave the line out where there is no room for it."""
        self._line.setVisible(visible)
