"""A field for a number that the mouse wheel does not change in passing."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QDoubleSpinBox

from playground.ui.theme.theme import Theme


class NumberField(QDoubleSpinBox):
    """Takes a number with its unit, and tells it once it has been typed to its end."""

    def __init__(self, theme: Theme, name: str, tooltip: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setToolTip(tooltip)
        self.setKeyboardTracking(False)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        margin = theme.px(7)
        # the style sheet's padding does not reach the line edit inside
        self.lineEdit().setTextMargins(margin, 0, margin, 0)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Qt: let the page scroll."""
        event.ignore()
