"""A chosen target: green here, blue in the cloud."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QToolButton

from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import IconButton, plain_tooltip


class TargetChip(QFrame):
    """A click opens this target's own answer settings, the cross takes it away."""

    clicked = Signal()
    remove_clicked = Signal()

    def __init__(self, theme: Theme, text: str, tone: str, icon: str, tooltip: str) -> None:
        super().__init__()
        self._theme = theme
        self._tone = tone
        self._icon = icon
        self.setProperty("chip", tone)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.px(4), 0, theme.px(3), 0)
        row.setSpacing(0)
        self._button = QToolButton()
        self._button.setProperty("chiptext", tone)
        self._button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._button.setText(text.replace("&", "&&"))
        self._button.setToolTip(plain_tooltip(tooltip))
        self._button.setCursor(Qt.CursorShape.PointingHandCursor)
        self._button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._button.setAccessibleName(self.tr("Settings for {name}").format(name=text))
        self._button.clicked.connect(self.clicked)
        self._close = IconButton(
            theme, "close", self.tr("Remove {name}").format(name=text), tone=f"{tone}_ink", size=11
        )
        self._close.clicked.connect(self.remove_clicked)
        row.addWidget(self._button)
        row.addWidget(self._close)
        theme.changed.connect(self._wear)
        self._wear()

    def set_removable(self, *, removable: bool) -> None:
        """Keep the target while it answers."""
        self._close.setEnabled(removable)

    def _wear(self) -> None:
        side = self._theme.px(13)
        self._button.setIconSize(QSize(side, side))
        self._button.setIcon(self._theme.icon(self._icon, f"{self._tone}_ink"))
