"""The strip that is always there: processor, memory, graphics, and what this program uses."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QWidget

from playground.ui.theme import Theme
from playground.ui.widgets.parts import make_label


class StatusStrip(QWidget):
    """One line of live meters."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setObjectName("strip")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.px(16), theme.px(6), theme.px(16), theme.px(6))
        row.addWidget(make_label(self.tr("Processor —"), "strip", "quiet"))
        row.addStretch(1)

    def set_stage(self, *, on: bool) -> None:
        """Leave out what a room need not know."""

    async def close_strip(self) -> None:
        """Stop listening to the meters."""
