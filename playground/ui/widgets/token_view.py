"""An answer token by token: how sure the model was of each, and what else it weighed."""

from bisect import bisect_right
from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import (
    QColor,
    QMouseEvent,
    QResizeEvent,
    QTextCharFormat,
    QTextCursor,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QSizePolicy, QTextEdit, QToolTip, QVBoxLayout, QWidget

from playground.core.events import Token
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import make_label, plain_tooltip
from playground.ui.widgets.markdown.writer import SealedDocument

_SURE = 0.9
"""From this probability on a token has no ground: nothing else was really weighed."""


class TokenView(QWidget):
    """Tokens on a warm ground the stronger, the less likely they were."""

    def __init__(self, theme: Theme, tokens: Sequence[Token]) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.px(4))
        self._tokens = tuple(tokens)
        self._text = _TokenText(theme, self._tokens, self)
        self._about = make_label(
            self.tr("Click a word to see what could have stood there instead."),
            "caption",
            "quiet",
            wrap=True,
        )
        column.addWidget(self._text)
        column.addWidget(self._about)
        self._text.cursorPositionChanged.connect(self._on_moved)

    @property
    def about(self) -> str:
        """What is said of the token at the caret."""
        return self._about.text()

    def select(self, index: int) -> None:
        """Put the caret into a token."""
        self._text.select(index)

    def describe(self, index: int) -> str:
        """Return a token's probability and its alternatives, in words."""
        token = self._tokens[index]
        lines = [f"“{_visible(token.text)}”: {_percent(token.probability)}"]
        lines.extend(
            f"{place}. “{_visible(other.text)}”: {_percent(other.probability)}"
            for place, other in enumerate(token.alternatives, 1)
        )
        return "\n".join(lines)

    def _on_moved(self) -> None:
        index = self._text.token_at(self._text.textCursor().position())
        if index is not None:
            self._about.setText(self.describe(index).replace("\n", "   "))


class _TokenText(QTextEdit):
    """The tokens in one text, as high as they need."""

    def __init__(self, theme: Theme, tokens: Sequence[Token], owner: TokenView) -> None:
        super().__init__()
        self._theme = theme
        self._owner = owner
        self._tokens = tokens
        self._starts: list[int] = []
        self.setDocument(SealedDocument(self))
        self.setReadOnly(True)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setTabChangesFocus(True)
        self.setMouseTracking(True)
        self.viewport().setMouseTracking(True)
        self.viewport().setAutoFillBackground(False)
        self.document().setDocumentMargin(0)
        self.setAccessibleName(self.tr("The answer, token by token"))
        self.document().documentLayout().documentSizeChanged.connect(self._fit)
        theme.changed.connect(self._write)
        self._write()

    def token_at(self, position: int) -> int | None:
        """Return the number of the token at a place in the text."""
        if not self._starts:
            return None
        return max(0, bisect_right(self._starts, position) - 1)

    def select(self, index: int) -> None:
        """Put the caret into a token."""
        cursor = self.textCursor()
        cursor.setPosition(self._starts[index])
        self.setTextCursor(cursor)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt: the height follows from the width."""
        super().resizeEvent(event)
        self._fit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Qt: the pane scrolls, not the text."""
        event.ignore()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Qt: tell what else was weighed for the token below the pointer."""
        super().mouseMoveEvent(event)
        index = self.token_at(self.cursorForPosition(event.position().toPoint()).position())
        if index is not None:
            text = plain_tooltip(self._owner.describe(index))
            QToolTip.showText(event.globalPosition().toPoint(), text, self)

    def _write(self) -> None:
        self.clear()
        self._starts = []
        cursor = QTextCursor(self.document())
        cursor.beginEditBlock()
        for token in self._tokens:
            self._starts.append(cursor.position())
            cursor.insertText(token.text, self._format(token))
        cursor.endEditBlock()

    def _format(self, token: Token) -> QTextCharFormat:
        made = QTextCharFormat()
        made.setFont(self._theme.font())
        made.setForeground(self._theme.color("text"))
        doubt = 0.0 if token.probability is None else max(0.0, _SURE - token.probability) / _SURE
        if doubt > 0:
            ground = QColor(self._theme.palette.reading)
            ground.setAlphaF(0.1 + 0.45 * doubt)
            made.setBackground(ground)
        return made

    def _fit(self) -> None:
        height = int(self.document().size().height()) + 2
        if height != self.height():
            self.setFixedHeight(height)


def _percent(probability: float | None) -> str:
    if probability is None:
        return "—"
    return f"{probability:.1%}" if probability < 0.0995 else f"{probability:.0%}"


def _visible(text: str) -> str:
    return text.replace("\n", "⏎").replace("\t", "⇥")
