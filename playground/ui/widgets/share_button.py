"""The button that shares what a page shows: the last of its head, and not on stage."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QWidget

from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import Button, plain_tooltip


class ShareButton(Button):
    """Offered, and hidden while a room looks on; disabled while there is nothing to share."""

    def __init__(self, theme: Theme, tooltip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._is_offered = True
        # the space keeps icon and text apart
        self.setText(f" {self.tr('Share')}")
        self.setAccessibleName(self.tr("Share"))
        self.setToolTip(plain_tooltip(tooltip))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAutoDefault(False)
        theme.changed.connect(self._apply_theme)
        self._apply_theme()

    def offer(self, *, is_offered: bool) -> None:
        """Show it, except on stage."""
        self._is_offered = is_offered
        self._apply_theme()

    def _apply_theme(self) -> None:
        side = self._theme.px(15)
        self.setIcon(self._theme.icon("share", "text"))
        self.setIconSize(QSize(side, side))
        is_hidden = self._theme.in_presentation_mode or not self._is_offered
        # one that has no parent yet would become a window of its own
        if is_hidden or self.parentWidget() is not None:
            self.setVisible(not is_hidden)
