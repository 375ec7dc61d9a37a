"""A document as the page that leaves: laid out by Qt, light as on paper, text that is only text."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element, tostring

from PySide6.QtCore import (
    QBuffer,
    QByteArray,
    QIODevice,
    QSize,
    QSizeF,
    Qt,
    QTimer,
    QUrl,
)
from PySide6.QtGui import (
    QAbstractTextDocumentLayout,
    QBrush,
    QColor,
    QFont,
    QImage,
    QImageReader,
    QPainter,
    QPalette,
    QResizeEvent,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFrameFormat,
    QTextImageFormat,
    QTextLength,
    QTextTable,
    QTextTableCellFormat,
    QTextTableFormat,
)
from PySide6.QtWidgets import QTextEdit
from typing_extensions import override

from playground.core.errors import UsageError
from playground.core.runs import Provenance
from playground.core.share.charts import LIGHT, drawing, sign_drawing
from playground.core.share.document import (
    MARKS,
    Block,
    Cell,
    Chart,
    Document,
    LeftOut,
    Place,
    Quote,
    QuoteKind,
    Row,
    Sentences,
    Table,
    marked,
)
from playground.core.share.page import FOOT
from playground.ui.theme.theme import Theme

LONGEST = 60_000
"""Characters that are laid out; of longer ones the beginning is."""
PICTURE_WIDTH = 860
_PICTURE_SCALE = 2
_TALLEST = 15_000
"""Pixels of a picture: more takes more memory than a small computer has to spare."""
_MARGIN = 26
_WIDEST_CHART = 640
_SIGN = 14
_PAUSE_MS = 80
_NARROW = 560
"""Width of a page, at scale 1, below which a title of a column has a word a line."""
_SHORT_WORD = 12
_SIZES = {"title": 22, "heading": 17, "body": 14, "cell": 13, "quiet": 12, "mark": 10}
_BORDERS = {
    QuoteKind.QUESTION: LIGHT["accent"],
    QuoteKind.ANSWER: LIGHT["line"],
    QuoteKind.INSTRUCTIONS: LIGHT["line"],
    QuoteKind.NOTE: LIGHT["accent"],
}


class PageView(QTextEdit):
    """Shows a document as its page; it loads nothing and knows no HTML."""

    def __init__(self, theme: Theme, name: str) -> None:
        super().__init__()
        self._theme = theme
        self._shown: Document | None = None
        self._laid_out_for = 0
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self._lay_out)
        self.setReadOnly(True)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setAcceptRichText(False)
        self.setTabChangesFocus(True)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setProperty("paper", True)
        self.setAccessibleName(name)
        theme.changed.connect(self._lay_out)

    @property
    def is_whole(self) -> bool:
        """True where all of the document is shown."""
        return self._shown is None or not is_long(self._shown)

    def show_document(self, document: Document) -> None:
        """Show it from its top, or as far down as the one before was read."""
        self._shown = document
        self._lay_out()

    def clear_page(self) -> None:
        self._shown = None
        self.clear()

    def _lay_out(self) -> None:
        if self._shown is None:
            return
        self._laid_out_for = self.viewport().width()
        before = self.verticalScrollBar().value()
        made = _Layout(self._theme, self._theme.scale, self.devicePixelRatioF())
        page = made.page(self._shown, self._laid_out_for)
        page.setParent(self)
        # the one before goes with it, as it is this one's as well
        self.setDocument(page)
        self.verticalScrollBar().setValue(before)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._shown is not None and self.viewport().width() != self._laid_out_for:
            self._pause.start()

    @override
    def loadResource(self, _kind: int, _name: QUrl | str) -> None:
        # whatever a text may ask for: its pictures are all in the document
        return None


def is_long(document: Document) -> bool:
    """Return whether a document has more text than is laid out."""
    left = LONGEST
    for section in document.sections:
        for block in section.blocks:
            left -= _length(block)
    return left < 0


def picture(document: Document, theme: Theme) -> QImage:
    """Return the page at twice its size; raises `UsageError` where it is too long for that."""
    too_long = UsageError(
        "This is too long for a picture.", "Leave the answers out, or save the web page."
    )
    if is_long(document):
        raise too_long
    page = _Layout(theme, 1.0, _PICTURE_SCALE).page(document, PICTURE_WIDTH)
    page.setTextWidth(PICTURE_WIDTH)
    size = page.documentLayout().documentSize().toSize()
    if size.height() * _PICTURE_SCALE > _TALLEST:
        raise too_long
    image = QImage(size * _PICTURE_SCALE, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(_PICTURE_SCALE)
    image.fill(QColor(LIGHT["card"]))
    painter = QPainter(image)
    context = QAbstractTextDocumentLayout.PaintContext()
    palette = QPalette()
    palette.setColor(QPalette.ColorRole.Text, QColor(LIGHT["text"]))
    context.palette = palette
    page.documentLayout().draw(painter, context)
    painter.end()
    return image


def _length(block: Block) -> int:
    match block:
        case Quote():
            return len(block.text) + sum(map(len, block.notes))
        case Sentences(texts=texts):
            return sum(map(len, texts))
        case Table():
            return sum(len(cell.text) + 8 for row in block.rows for cell in row.cells)
        case _:
            return 200


class _Layout:
    """One document on its way into Qt's."""

    def __init__(self, theme: Theme, scale: float, ratio: float) -> None:
        self._family = theme.font().families()
        self._scale, self._ratio = scale, ratio
        self._left = LONGEST
        self._pictures = 0

    def page(self, shown: Document, width: int) -> QTextDocument:
        """Return the page for a view of `width` pixels."""
        self._made = page = QTextDocument()
        page.setUndoRedoEnabled(False)
        page.setDefaultFont(self._font("body"))
        margin = self._px(_MARGIN)
        page.setDocumentMargin(margin)
        self._room = max(self._px(160), width - 2 * margin)
        self._cursor = QTextCursor(page)
        self._cursor.beginEditBlock()
        self._head(shown)
        for section in shown.sections:
            if self._left < 0:
                break
            if section.heading:
                self._paragraph(section.heading, "heading", top=20)
            for block in section.blocks:
                if self._left < 0:
                    break
                self._left -= _length(block)
                self._block(block)
        self._paragraph(FOOT, "quiet", top=18)
        self._cursor.endEditBlock()
        return page

    def _px(self, size: float) -> int:
        return round(size * self._scale)

    def _font(self, role: str, *, is_bold: bool = False) -> QFont:
        font = QFont()
        font.setFamilies(self._family)
        font.setPixelSize(self._px(_SIZES[role]))
        is_bold = is_bold or role in {"title", "heading"}
        font.setWeight(QFont.Weight.DemiBold if is_bold else QFont.Weight.Normal)
        return font

    def _words(
        self, role: str = "body", color: str = "", *, is_bold: bool = False
    ) -> QTextCharFormat:
        words = QTextCharFormat()
        words.setFont(self._font(role, is_bold=is_bold))
        usual = LIGHT["quiet" if role in {"quiet", "mark"} else "text"]
        words.setForeground(QBrush(QColor(color or usual)))
        return words

    def _paragraph(
        self,
        text: str,
        role: str = "body",
        *,
        top: float = 8,
        color: str = "",
        is_bold: bool = False,
    ) -> None:
        """Write a paragraph at the end; what stands there empty is taken for it."""
        self._begin(top)
        self._cursor.insertText(text, self._words(role, color, is_bold=is_bold))

    def _begin(self, top: float, *, is_picture: bool = False) -> None:
        self._cursor.movePosition(QTextCursor.MoveOperation.End)
        looks = QTextBlockFormat()
        looks.setTopMargin(self._px(top))
        if not is_picture:
            looks.setLineHeight(118, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
        if self._cursor.block().length() > 1:
            self._cursor.insertBlock(looks)
        else:
            self._cursor.setBlockFormat(looks)

    def _head(self, shown: Document) -> None:
        self._paragraph(shown.title, "title", top=0)
        if shown.recorded:
            self._boxed(shown.recorded, "caution", QTextFrameFormat.BorderStyle.BorderStyle_Solid)
        elif shown.when:
            self._paragraph(shown.when, "quiet", top=2)
        if not shown.facts:
            return
        table = self._table(len(shown.facts), 2, padding=1)
        for place, (name, words) in enumerate(shown.facts):
            cells = [table.cellAt(place, column).firstCursorPosition() for column in (0, 1)]
            cells[0].insertText(f"{name}   ", self._words("quiet", is_bold=True))
            cells[1].insertText(words, self._words("quiet"))

    def _block(self, block: Block) -> None:
        match block:
            case Sentences(texts=texts):
                for text in texts:
                    self._paragraph(text)
            case LeftOut(sentence=sentence):
                dashed = QTextFrameFormat.BorderStyle.BorderStyle_Dashed
                self._boxed(sentence, "quiet", dashed)
            case Table():
                self._figures(block.as_shown())
            case Quote():
                self._quote(block)
            case Chart(caption=caption):
                self._paragraph(caption, top=14, is_bold=True)
                width = min(self._room, self._px(_WIDEST_CHART))
                family = ", ".join(self._family)
                chart = drawing(block, round(width / self._scale), family)
                self._begin(4, is_picture=True)
                self._picture(self._cursor, chart, self._scale)

    def _boxed(self, text: str, tone: str, style: QTextFrameFormat.BorderStyle) -> None:
        self._begin(2)
        looks = QTextFrameFormat()
        looks.setBorder(1)
        looks.setBorderStyle(style)
        looks.setBorderBrush(QBrush(QColor(LIGHT[tone])))
        looks.setPadding(self._px(6))
        looks.setTopMargin(self._px(8))
        # Qt leaves out the margin of a paragraph that follows
        looks.setBottomMargin(self._px(8))
        # else it is wider than the page by its border
        looks.setRightMargin(2)
        if tone == "caution":
            looks.setBackground(QBrush(QColor(LIGHT["caution-ground"])))
        self._cursor.insertFrame(looks)
        self._cursor.insertText(text, self._words(color=LIGHT[tone], is_bold=True))
        self._end_of_part()

    def _end_of_part(self) -> None:
        """Make the empty line that Qt keeps after a frame as low as it can be."""
        self._cursor.movePosition(QTextCursor.MoveOperation.End)
        low = self._words("mark")
        font = low.font()
        font.setPixelSize(1)
        low.setFont(font)
        self._cursor.setBlockCharFormat(low)

    def _table(self, rows: int, columns: int, *, padding: float, head: int = 0) -> QTextTable:
        self._begin(2)
        looks = QTextTableFormat()
        looks.setBorder(0)
        looks.setBorderCollapse(True)
        looks.setCellSpacing(0)
        looks.setCellPadding(self._px(padding))
        looks.setTopMargin(self._px(6))
        looks.setBottomMargin(self._px(8))
        looks.setHeaderRowCount(head)
        if head:
            looks.setWidth(QTextLength(QTextLength.Type.PercentageLength, 100))
        table = self._cursor.insertTable(rows, columns, looks)
        self._end_of_part()
        return table

    def _figures(self, table: Table) -> None:
        self._paragraph(table.caption, top=14, is_bold=True)
        made = self._table(len(table.rows) + 1, len(table.columns) + 1, padding=5, head=1)
        titles = (table.head, *(column.title for column in table.columns))
        for place, title in enumerate(titles):
            is_words = place == 0 or table.columns[place - 1].is_text
            cursor = self._cell(made, 0, place, is_words=is_words)
            words = title.split()
            is_narrow = self._room < self._px(_NARROW)
            if is_narrow and max(map(len, words), default=0) <= _SHORT_WORD:
                # a word a line: Qt would break within them
                _keep_lines(cursor)
            else:
                words = [title]
            cursor.insertText("\N{LINE SEPARATOR}".join(words), self._words("quiet", is_bold=True))
        for number, row in enumerate(table.rows, 1):
            self._named(self._cell(made, number, 0, is_words=True), row.name, row.place)
            for place, (column, cell) in enumerate(zip(table.columns, row.cells, strict=True), 1):
                cursor = self._cell(made, number, place, is_words=column.is_text)
                self._figure(cursor, cell)
        self._legend(table.rows)

    def _cell(self, table: QTextTable, row: int, column: int, *, is_words: bool) -> QTextCursor:
        cell = table.cellAt(row, column)
        looks = QTextTableCellFormat()
        looks.setBottomBorder(1)
        looks.setBottomBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
        looks.setBottomBorderBrush(QBrush(QColor(LIGHT["line"])))
        padding = self._px(5)
        looks.setTopPadding(padding)
        looks.setBottomPadding(padding)
        looks.setLeftPadding(0 if column == 0 else padding)
        looks.setRightPadding(padding)
        cell.setFormat(looks)
        cursor = cell.firstCursorPosition()
        block = QTextBlockFormat()
        block.setAlignment(Qt.AlignmentFlag.AlignLeft if is_words else Qt.AlignmentFlag.AlignRight)
        cursor.setBlockFormat(block)
        return cursor

    def _figure(self, cursor: QTextCursor, cell: Cell) -> None:
        if cell.provenance is not None:
            # a figure, its unit and its mark stay in one line
            _keep_lines(cursor)
        color = LIGHT["here"] if cell.is_best else "" if cell.value is not None else LIGHT["quiet"]
        cursor.insertText(marked(cell), self._words("cell", color, is_bold=cell.is_best))
        if cell.provenance is not None:
            sign = MARKS[cell.provenance][0]
            cursor.insertText(f"\N{NO-BREAK SPACE}{sign}", self._words("mark"))

    def _legend(self, rows: Sequence[Row]) -> None:
        used = {cell.provenance for row in rows for cell in row.cells}
        known = [" ".join(MARKS[mark]) for mark in Provenance if mark in used]
        if known:
            self._paragraph("    ".join(known), "quiet", top=5)

    def _quote(self, quote: Quote) -> None:
        table = self._table(1, 1, padding=0)
        cell = table.cellAt(0, 0)
        looks = QTextTableCellFormat()
        looks.setLeftBorder(3)
        looks.setLeftBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
        looks.setLeftBorderBrush(QBrush(QColor(_BORDERS[quote.kind])))
        looks.setLeftPadding(self._px(12))
        cell.setFormat(looks)
        cursor = cell.firstCursorPosition()
        self._named(cursor, quote.label, quote.place, is_beside=True)
        shown = quote.text[: max(0, len(quote.text) + min(0, self._left))]
        if shown:
            cursor.insertBlock()
            cursor.insertText(shown, self._words())
        for note in quote.notes:
            cursor.insertBlock()
            cursor.insertText(note, self._words("quiet"))

    def _named(
        self, cursor: QTextCursor, name: str, place: Place | None, *, is_beside: bool = False
    ) -> None:
        """Write a name with the sign and the word of its place."""
        if place is not None:
            self._picture(cursor, sign_drawing(place, _SIGN), self._scale)
            cursor.insertText("\N{NO-BREAK SPACE}", self._words())
        cursor.insertText(name, self._words(is_bold=True))
        if place is None:
            return
        if is_beside:
            cursor.insertText(f"  {place.value}", self._words("quiet"))
        else:
            # a column of names is never narrower than this
            cursor.insertBlock(cursor.blockFormat())
            _keep_lines(cursor)
            cursor.insertText(place.value, self._words("quiet"))

    def _picture(self, cursor: QTextCursor, svg: Element, scale: float) -> None:
        """Draw an SVG of our own where the cursor is."""
        size = QSizeF(float(svg.get("width", "0")), float(svg.get("height", "0"))) * scale
        image = _painted(svg, (size * self._ratio).toSize())
        self._pictures += 1
        name = f"picture{self._pictures}"
        self._made.addResource(QTextDocument.ResourceType.ImageResource.value, QUrl(name), image)
        looks = QTextImageFormat()
        looks.setName(name)
        looks.setWidth(size.width())
        looks.setHeight(size.height())
        looks.setVerticalAlignment(QTextCharFormat.VerticalAlignment.AlignMiddle)
        cursor.insertImage(looks)


def _keep_lines(cursor: QTextCursor) -> None:
    """Have no line of the paragraph broken."""
    block = cursor.blockFormat()
    block.setNonBreakableLines(True)
    cursor.setBlockFormat(block)


def _painted(svg: Element, size: QSize) -> QImage:
    buffer = QBuffer()
    buffer.setData(QByteArray(tostring(svg)))
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    reader = QImageReader(buffer, QByteArray(b"svg"))
    reader.setScaledSize(size)
    reader.setBackgroundColor(QColor(Qt.GlobalColor.transparent))
    return reader.read()
