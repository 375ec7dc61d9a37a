"""Where a person types; as high as the text, up to a few lines.

Qt lays out a line without spaces in a time that grows with its square: a megabyte pasted by mistake
would hold up the window for minutes. Of a long text the box holds the beginning, which can be
edited; the rest is kept and sent behind it.
"""

from math import ceil

from PySide6.QtCore import QCoreApplication, QMimeData, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QSizePolicy
from typing_extensions import override

from playground.ui.theme.theme import Theme

_MOST_LINES = 6
_LEAST_LINES = 2
_SHARE = 5
"""No more than one line of so many in the window."""
_SHORT = 60
"""So few characters never fill more than the least lines."""
SHOWN = 10_000
"""Characters in the box at most: laid out within 30 ms, whatever they are."""


def shown_part(text: str, most: int = SHOWN, *, most_lines: int | None = None) -> str:
    """Return `text`, or its beginning and how many characters there are."""
    part = text[:most]
    if most_lines is not None:
        part = "\n".join(part.split("\n", most_lines)[:most_lines])
    if len(part) == len(text):
        return text
    return f"{part}…\n{part_words(len(part), len(text))}"


def part_words(shown: int, count: int) -> str:
    """Return how much of a text is shown."""
    words = QCoreApplication.translate(
        "PromptBox", "The first {shown} of {count} characters are shown."
    )
    return words.format(shown=f"{shown:,}", count=f"{count:,}")


class PromptBox(QPlainTextEdit):
    """Enter submits, as in every chat, however many lines there are; Shift+Enter starts a line.

    Ctrl+Enter submits as well, as it does from everywhere on a page. What is pasted never submits.
    """

    submitted = Signal()
    part_shown = Signal(object, object)
    """How many characters the box shows and how many the text has, when that differs or did."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._rest = ""
        self._shown = 0
        self._invitation = ""
        self._keys = self.tr("Enter runs, Shift+Enter starts a new line")
        self.setAccessibleDescription(self._keys)
        self.setProperty("prompt", True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAccessibleName(self.tr("Prompt"))
        self.setTabChangesFocus(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.textChanged.connect(self._on_text_changed)
        theme.changed.connect(self._fit)
        self._fit()

    @property
    def text(self) -> str:
        """All of it, also what is not shown."""
        return self.toPlainText() + self._rest

    def set_text(self, text: str) -> None:
        """Put `text` in place of what is there, with the cursor behind what is shown."""
        self._split(text, len(text))

    def set_invitation(self, words: str) -> None:
        """Show `words` while there is no text, and the keys where they fit into a line."""
        self._invitation = words
        self._invite()

    def _invite(self) -> None:
        fits = self.fontMetrics().horizontalAdvance(self._keys) < self.width() - self._theme.px(16)
        self.setPlaceholderText(f"{self._invitation}\n{self._keys}" if fits else self._invitation)

    def _split(self, text: str, cursor: int) -> None:
        """Show the beginning of `text`, or all of it, with the cursor at a character of it."""
        had_rest, self._rest = bool(self._rest), ""
        head = text[:SHOWN]
        self.setPlainText(head)
        place = self.textCursor()
        # Qt counts in UTF-16 units
        place.setPosition(len(head[:cursor].encode("utf-16-le")) // 2)
        self.setTextCursor(place)
        self._rest = text[SHOWN:]
        self._shown = len(head)
        if had_rest or self._rest:
            self.part_shown.emit(self._shown, len(text))

    def _on_text_changed(self) -> None:
        if self._rest:
            before, self._shown = self._shown, len(self.toPlainText())
            if self._shown < before // 2:
                # all was selected and deleted or typed over: what nobody sees goes with it
                self._rest = ""
            self.part_shown.emit(self._shown, self._shown + len(self._rest))
        self._fit()

    @override
    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(110), self.height())

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() not in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            super().keyPressEvent(event)
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            # Qt would put a sign there that is not the end of a line
            self.insertPlainText("\n")
            self.ensureCursorVisible()
        elif not event.isAutoRepeat():
            self.submitted.emit()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._invite()

    @override
    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        # files dropped here are the window's, not text
        return source.hasText() and not source.hasUrls()

    @override
    def insertFromMimeData(self, source: QMimeData) -> None:
        if not source.hasText():
            return
        pasted = source.text()
        if len(pasted) + len(self.toPlainText()) <= SHOWN:
            self.insertPlainText(pasted)
            return
        cursor = self.textCursor()
        units = self.toPlainText().encode("utf-16-le")
        first, last = 2 * cursor.selectionStart(), 2 * cursor.selectionEnd()
        before = units[:first].decode("utf-16-le", "replace")
        after = units[last:].decode("utf-16-le", "replace")
        rest = "" if first == 0 and last == len(units) else self._rest
        self._split(before + pasted + after + rest, len(before) + len(pasted))

    def _fit(self) -> None:
        # Qt puts each line on whole pixels, and scrolls where the last one ends at the edge
        pitch = ceil(QFontMetricsF(self.font()).lineSpacing())
        self.setFixedHeight(self._lines() * pitch + self._theme.px(9))

    def _lines(self) -> int:
        if self.blockCount() <= _LEAST_LINES and len(self.toPlainText()) < _SHORT:
            # asking for the document makes PySide build every text class, 10 ms of the start
            return _LEAST_LINES
        # a plain text document counts its height in lines
        room = self.window().height() // (_SHARE * self.fontMetrics().lineSpacing())
        most = max(_LEAST_LINES, min(_MOST_LINES, room))
        return min(most, max(_LEAST_LINES, int(self.document().size().height())))
