"""View of Markdown, also while it is being written; it loads nothing and runs nothing."""

from PySide6.QtCore import QByteArray, QMimeData, QPoint, QRect, QRectF, QSize, Qt, QUrl
from PySide6.QtGui import (
    QDesktopServices,
    QGuiApplication,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QTextBlockFormat,
    QTextCursor,
    QTextOption,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QSizePolicy, QTextBrowser
from typing_extensions import override

from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import IconButton
from playground.ui.widgets.markdown.splitter import Code, MarkdownSplitter, Piece, Prose
from playground.ui.widgets.markdown.writer import (
    CODE_STATE,
    MarkdownWriter,
    SealedDocument,
    is_web_address,
)

_SPECIAL = frozenset("*_`[]<>~|\\!#&$\n\r\t:@")


class MarkdownView(QTextBrowser):
    """Text as high as it needs: finished pieces are written once, only the last one again."""

    def __init__(self, theme: Theme, *, tone: str = "text") -> None:
        super().__init__()
        self._theme = theme
        self.markdown = ""
        self._splitter = MarkdownSplitter()
        self._tail_start = 0
        self._tail_state = -1
        self._tail_format = QTextBlockFormat()
        self._tail: tuple[Piece, ...] = ()
        self._tail_codes: dict[int, str] = {}
        self._held = ""
        self._is_writing = False
        self._codes: dict[int, str] = {}
        self._code_lines: dict[int, tuple[int, int]] = {}
        self._code_count = 0
        self._copy_buttons: dict[int, IconButton] = {}
        self._build()
        self._writer = MarkdownWriter(self.document(), theme, tone)
        self._connect()

    def set_text(self, text: str, *, is_writing: bool = False) -> None:
        """Show `text`; what goes on from what is shown already only adds to it."""
        had_caret, self._is_writing = self._is_writing, is_writing
        if text == self.markdown:
            if had_caret != is_writing:
                self.viewport().update()
            return
        if not text.startswith(self.markdown):
            self._reset()
        added = text[len(self.markdown) :]
        self.markdown = text
        self._append(added)

    def set_text_scale(self, scale: float) -> None:
        """Write the text smaller or larger than the theme says."""
        if scale != self._writer.text_scale:
            self._writer.text_scale = scale
            self._apply_theme()

    @override
    def createMimeDataFromSelection(self) -> QMimeData:
        data = QMimeData()
        data.setText(self.textCursor().selection().toPlainText())
        return data

    @override
    def loadResource(self, _kind: int, _name: QUrl | str) -> object:
        # refuse every file and address; for `None` Qt would go and read the file itself
        return QByteArray()

    @override
    def sizeHint(self) -> QSize:
        return QSize(200, self._height())

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()
        if event.oldSize().width() != event.size().width():
            self._place_buttons()

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        # the pane scrolls, not the text
        event.ignore()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        # draw the grounds of code below the text, and the caret while it is written
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(self._theme.color("line"))
        painter.setBrush(self._theme.color("background"))
        radius = self._theme.px(8)
        for area in map(self._code_area, self._code_lines):
            if area.intersects(QRectF(event.rect())):
                painter.drawRoundedRect(area, radius, radius)
        painter.end()
        super().paintEvent(event)
        if self._is_writing:
            end = QTextCursor(self.document())
            end.movePosition(QTextCursor.MoveOperation.End)
            caret = self.cursorRect(end)
            painter = QPainter(self.viewport())
            width = self._theme.px(7)
            painter.fillRect(
                caret.left() + 2,
                caret.top() + 1,
                width,
                caret.height() - 2,
                self._theme.color("text"),
            )

    def _build(self) -> None:
        self.setDocument(SealedDocument(self))
        self.setOpenLinks(False)
        self.setOpenExternalLinks(False)
        self.setUndoRedoEnabled(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.document().setDocumentMargin(0)
        self.viewport().setAutoFillBackground(False)
        self.setTabChangesFocus(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)

    def _connect(self) -> None:
        self.anchorClicked.connect(self._open_link)
        self.document().documentLayout().documentSizeChanged.connect(self._fit)
        self._theme.changed.connect(self._apply_theme)

    def _append(self, added: str) -> None:
        expected = self._plain_continuation(added)
        finished = self._splitter.feed(added)
        self._tail = self._splitter.rest
        # a finished piece must be written: the next rewriting of the tail begins behind it
        if expected is not None and not finished and self._tail == (expected,):
            self._append_plain(added)
        else:
            self._rewrite_tail(finished)

    def _append_plain(self, added: str) -> None:
        text = self._held + added
        shown = text.rstrip(" ")
        self._held = text[len(shown) :]
        if shown:
            cursor = QTextCursor(self.document())
            cursor.movePosition(QTextCursor.MoveOperation.End)
            # goes on in the last line just as that ends
            cursor.insertText(shown)

    def _rewrite_tail(self, finished: list[Piece]) -> None:
        start, first_code = self._tail_start, self._code_count
        cursor = QTextCursor(self.document())
        cursor.beginEditBlock()
        cursor.setPosition(start)
        cursor.movePosition(QTextCursor.MoveOperation.End, QTextCursor.MoveMode.KeepAnchor)
        cursor.removeSelectedText()
        # the block that is left takes over from those removed what it must not
        cursor.block().setUserState(self._tail_state)
        if cursor.blockFormat() != self._tail_format:
            cursor.setBlockFormat(self._tail_format)
        for piece in finished:
            self._code_count = self._write(cursor, piece, self._code_count, self._codes)
        self._tail_start = cursor.position()
        self._tail_state = cursor.block().userState()
        self._tail_format = cursor.blockFormat()
        self._held, self._tail_codes, number = "", {}, self._code_count
        for piece in self._tail:
            number = self._write(cursor, piece, number, self._tail_codes)
            text = piece.text
            self._held = text[len(text.rstrip(" ")) :] if isinstance(piece, Prose) else ""
        cursor.endEditBlock()
        self._note_code(start)
        self._place_buttons(first_code)

    def _plain_continuation(self, added: str) -> Prose | None:
        """Return the tail with `added`, where that cannot change how anything before it reads."""
        tail = self._tail[0] if len(self._tail) == 1 else None
        if not isinstance(tail, Prose) or "|" in tail.text or not added.isprintable():
            return None
        # a mark at the end of the last word may open or close something once letters follow
        word = tail.text.rstrip(" ").rpartition(" ")[2]
        if "www." in word + added or not _SPECIAL.isdisjoint(word + added):
            return None
        line = tail.text.rpartition("\n")[2]
        if tail.joins and line is tail.text:
            line = line.lstrip(" ")
        words = line.lstrip(" #>-*+0123456789.)")
        if not words[:1].isalpha() or len(words) < 2 or line[:1].isspace():
            return None
        return Prose(tail.text + added, tail.joins)

    def _write(self, cursor: QTextCursor, piece: Piece, number: int, codes: dict[int, str]) -> int:
        """Write a piece after code block `number`, remember its code; return the last number."""
        if isinstance(piece, Code):
            number += not piece.joins
            codes[number] = f"{codes[number]}\n{piece.text}" if number in codes else piece.text
        self._writer.write(cursor, piece, number)
        return number

    def _note_code(self, start: int) -> None:
        """Note which lines are code, from the line at `start` on; the others stay as they are."""
        block = self.document().findBlock(start)
        first = block.blockNumber()
        self._code_lines = {
            number: (top, min(bottom, first - 1))
            for number, (top, bottom) in self._code_lines.items()
            if top < first
        }
        while block.isValid():
            number = block.userState() - CODE_STATE
            if number > 0:
                top, _bottom = self._code_lines.get(number, (block.blockNumber(), 0))
                self._code_lines[number] = (top, block.blockNumber())
            block = block.next()

    def _code_area(self, number: int) -> QRectF:
        document = self.document()
        layout = document.documentLayout()
        first, last = (document.findBlockByNumber(line) for line in self._code_lines[number])
        area = layout.blockBoundingRect(first).united(layout.blockBoundingRect(last))
        pad = self._theme.px(8)
        # a text that begins with code has no room above it
        top = max(0.5, area.top() - pad)
        return QRectF(0.5, top, self.viewport().width() - 1, area.bottom() + pad - top)

    def _place_buttons(self, first: int = 0) -> None:
        for number in self._code_lines:
            if number < first:
                continue
            area = self._code_area(number)
            button = self._copy_buttons.get(number) or self._make_copy_button(number)
            size = button.sizeHint()
            place = QPoint(int(area.right()) - size.width() - 3, int(area.top()) + 3)
            button.setGeometry(QRect(place, size))

    def _make_copy_button(self, number: int) -> IconButton:
        button = IconButton(self._theme, "copy", self.tr("Copy this code"))
        button.setParent(self.viewport())
        button.setProperty("code", number)
        button.clicked.connect(self._copy_code)
        button.show()
        self._copy_buttons[number] = button
        return button

    def _copy_code(self) -> None:
        button = self.sender()
        if not isinstance(button, IconButton):
            return
        number = button.property("code")
        parts = (codes[number] for codes in (self._codes, self._tail_codes) if number in codes)
        QGuiApplication.clipboard().setText("\n".join(parts))
        button.set_icon("check", "local")

    def _open_link(self, address: QUrl) -> None:
        if is_web_address(address.toString()):
            QDesktopServices.openUrl(address)

    def _height(self) -> int:
        height = self.document().size().height()
        if (
            self._tail and isinstance(self._tail[-1], Code)
        ) or self.document().lastBlock().userState() >= CODE_STATE:
            height += self._theme.px(10)
        return int(height) + 1

    def _fit(self) -> None:
        height = self._height()
        if height != self.height():
            self.setFixedHeight(height)

    def _reset(self) -> None:
        self.clear()
        self.markdown = ""
        self._splitter = MarkdownSplitter()
        self._tail_start = 0
        self._tail_state = -1
        self._tail_format = QTextBlockFormat()
        self._tail = ()
        self._tail_codes = {}
        self._held = ""
        self._codes.clear()
        self._code_lines.clear()
        self._code_count = 0
        for button in self._copy_buttons.values():
            button.hide()
            button.deleteLater()
        self._copy_buttons.clear()

    def _apply_theme(self) -> None:
        text, writing = self.markdown, self._is_writing
        self._writer.apply_theme()
        self._reset()
        self.set_text(text, is_writing=writing)
