"""A line that folds something away behind a word."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QToolButton, QVBoxLayout, QWidget

from playground.ui.theme.theme import Theme


class Disclosure(QWidget):
    """Folded at first; what is folded is not laid out until it is opened."""

    opened = Signal()

    def __init__(self, theme: Theme, title: str, content: QWidget) -> None:
        super().__init__()
        self._theme = theme
        self._content = content
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.px(4))
        self._button = QToolButton()
        self._button.setProperty("flat", True)
        self._button.setCheckable(True)
        self._button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._button.setCursor(Qt.CursorShape.PointingHandCursor)
        self._button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._button.toggled.connect(self._on_toggled)
        column.addWidget(self._button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(content)
        content.hide()
        self.set_title(title)
        theme.changed.connect(self._wear)
        self._wear()

    @property
    def is_open(self) -> bool:
        """True while the content is shown."""
        return self._button.isChecked()

    def set_title(self, title: str) -> None:
        """Say what is folded away."""
        self._button.setText(title)
        self._button.setAccessibleName(title)

    def close_it(self) -> None:
        """Fold the content away."""
        self._button.setChecked(False)

    def _on_toggled(self, _on: bool) -> None:
        self._content.setVisible(self.is_open)
        self._wear()
        if self.is_open:
            self.opened.emit()

    def _wear(self) -> None:
        icon = "chevron-down" if self.is_open else "chevron-right"
        self._button.setIcon(self._theme.icon(icon, "quiet"))
