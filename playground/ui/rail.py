"""The rail on the left: one button a page."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QToolButton, QVBoxLayout, QWidget

from playground.ui.theme import Theme

WIDTH = 80


class Rail(QWidget):
    """Buttons with an icon and a word; the chosen page's is lit."""

    chosen = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._icons: dict[str, str] = {}
        self._buttons: dict[str, QToolButton] = {}
        self.setObjectName("rail")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._group = QButtonGroup(self)
        self._column = QVBoxLayout(self)
        self._top = QVBoxLayout()
        self._bottom = QVBoxLayout()
        self._column.addLayout(self._top)
        self._column.addStretch(1)
        self._column.addLayout(self._bottom)
        theme.changed.connect(self._wear)

    def add(self, key: str, title: str, icon: str, number: int, *, at_bottom: bool) -> None:
        """Add a page's button; `number` is what Ctrl is pressed with."""
        button = QToolButton()
        button.setProperty("rail", True)
        button.setProperty("key", key)
        button.setText(title)
        button.setToolTip(self.tr("{page} (Ctrl+{number})").format(page=title, number=number))
        button.setAccessibleName(title)
        button.setCheckable(True)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        button.setCursor(Qt.CursorShape.PointingHandCursor)
        button.clicked.connect(self._on_clicked)
        button.toggled.connect(self._wear)
        self._group.addButton(button)
        self._buttons[key] = button
        self._icons[key] = icon
        (self._bottom if at_bottom else self._top).addWidget(button)
        self._wear()

    def select(self, key: str) -> None:
        """Light a page's button."""
        self._buttons[key].setChecked(True)

    def _on_clicked(self) -> None:
        button = self.sender()
        if isinstance(button, QToolButton):
            self.chosen.emit(button.property("key"))

    def _wear(self) -> None:
        px = self._theme.px
        self.setFixedWidth(px(WIDTH))
        self._column.setContentsMargins(px(8), px(14), px(8), px(14))
        for layout in (self._top, self._bottom):
            layout.setSpacing(px(6))
        for key, button in self._buttons.items():
            token = "accent_ink" if button.isChecked() else "quiet"
            button.setIcon(self._theme.icon(self._icons[key], token))
            button.setIconSize(QSize(px(20), px(20)))
            button.setFixedWidth(px(WIDTH - 17))
