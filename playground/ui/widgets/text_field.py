"""A field for a few lines of text."""

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QPlainTextEdit
from typing_extensions import override

from playground.ui.theme.theme import Theme

_MOST_LINES = 6


class TextField(QPlainTextEdit):
    """A field as high as its text, up to some lines; Tab leads on."""

    height_changed = Signal()

    def __init__(self, theme: Theme, name: str, most_lines: int = _MOST_LINES) -> None:
        super().__init__()
        self._theme = theme
        self._most_lines = most_lines
        self.setProperty("field", True)
        self.setAccessibleName(name)
        self.setTabChangesFocus(True)
        self.setUndoRedoEnabled(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.document().setDocumentMargin(0)
        self._late_fit = QTimer(self)
        self._late_fit.setSingleShot(True)
        self._late_fit.setInterval(0)
        self._late_fit.timeout.connect(self._fit)
        self.textChanged.connect(self._fit)
        theme.changed.connect(self._fit)
        self._fit()

    def show_text(self, text: str) -> None:
        """Show `text` without telling; the cursor stays where it is if nothing is new."""
        if text != self.toPlainText():
            self.blockSignals(True)
            self.setPlainText(text)
            self.blockSignals(False)
            self._fit()

    def _fit(self) -> None:
        lines = min(self._most_lines, max(1, int(self.document().size().height())))
        around = 2 * self.frameWidth() + 4
        height = lines * self.fontMetrics().lineSpacing() + around
        if height != self.minimumHeight():
            self.setFixedHeight(height)
            self.height_changed.emit()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # not now: Qt lays out what is inside once, and not again for a size it gets meanwhile
        self._late_fit.start()
