"""Where a person types; as high as the text, up to a few lines."""

from PySide6.QtCore import QMimeData, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QSizePolicy
from typing_extensions import override

from playground.ui.theme.theme import Theme

_MOST_LINES = 6
_LEAST_LINES = 2
_SHARE = 5
"""No more than one line of so many in the window."""
_SHORT = 60
"""So few characters never fill more than the least lines."""


class PromptBox(QPlainTextEdit):
    """Ctrl+Enter submits; Enter starts a new line."""

    submitted = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setProperty("prompt", True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAccessibleName(self.tr("Prompt"))
        self.setTabChangesFocus(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.textChanged.connect(self._fit)
        theme.changed.connect(self._fit)
        self._fit()

    @override
    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(110), self.height())

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        is_enter = event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}
        if is_enter and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.submitted.emit()
            return
        super().keyPressEvent(event)

    @override
    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        # files dropped here are the window's, not text
        return source.hasText() and not source.hasUrls()

    @override
    def insertFromMimeData(self, source: QMimeData) -> None:
        if source.hasText():
            self.insertPlainText(source.text())

    def _fit(self) -> None:
        self.setFixedHeight(self._lines() * self.fontMetrics().lineSpacing() + self._theme.px(8))

    def _lines(self) -> int:
        if self.blockCount() <= _LEAST_LINES and len(self.toPlainText()) < _SHORT:
            # asking for the document makes PySide build every text class, 10 ms of the start
            return _LEAST_LINES
        # a plain text document counts its height in lines
        room = self.window().height() // (_SHARE * self.fontMetrics().lineSpacing())
        most = max(_LEAST_LINES, min(_MOST_LINES, room))
        return min(most, max(_LEAST_LINES, int(self.document().size().height())))
