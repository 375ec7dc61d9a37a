"""Writer of pieces of Markdown into a text document, with the window's own formats.

Qt's reader parses each piece in a document nobody sees, and only text, emphasis, links, lists and
tables are taken over: an image or raw HTML never reaches a document that is laid out.
"""

import math
import re
import string

from PySide6.QtCore import QByteArray, QObject, QUrl
from PySide6.QtGui import (
    QFont,
    QFontMetrics,
    QTextBlock,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFrameFormat,
    QTextLength,
    QTextOption,
    QTextTable,
    QTextTableCellFormat,
    QTextTableFormat,
)
from typing_extensions import override

from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import plain_tooltip
from playground.ui.widgets.markdown.splitter import Code, Piece, Prose

_FEATURES = QTextDocument.MarkdownFeature(
    QTextDocument.MarkdownFeature.MarkdownNoHTML.value
    | QTextDocument.MarkdownFeature.MarkdownDialectGitHub.value
)
_HEADING_SIZE = {1: 1.3, 2: 1.18, 3: 1.08}
_LONG_BLOCK = 3000
"""Characters after which even one endless paragraph starts a new block: a block is laid
out whole."""
_RULER = QTextBlockFormat.Property.BlockTrailingHorizontalRulerWidth
_LINE_HEIGHT = 122.0
"""Percent of what the font itself asks for."""


def line_pitch(font: QFont) -> int:
    """Return how far the lines of a paragraph are apart, in pixels."""
    return math.ceil(QFontMetrics(font).lineSpacing() * _LINE_HEIGHT / 100)


PARAGRAPH_MARGIN = 5
"""Above and below each paragraph, in pixels at scale 1."""
_COPY_ROOM = 40
"""What code leaves free on its right for the button that copies it, in pixels at scale 1."""
CODE_STATE = 1000
"""User state of a block of code is this plus the number of its code block."""


class MarkdownWriter:
    """Writer at the end of one document; `tone` is the colour of its text."""

    def __init__(self, document: QTextDocument, theme: Theme, tone: str) -> None:
        self._document = document
        self._theme = theme
        self._tone = tone
        self.text_scale = 1.0
        """Size of the text, relative to the theme's; `apply_theme` takes it."""
        self._scratch = SealedDocument()
        self.apply_theme()

    def apply_theme(self) -> None:
        """Take the theme's formats for what is written from now on."""
        self._text_format = QTextCharFormat()
        self._text_format.setFont(self._scaled(self._theme.font()))
        self._text_format.setForeground(self._theme.color(self._tone))
        self._code_format = QTextCharFormat()
        self._code_format.setFont(self._scaled(self._theme.mono_font()))
        self._code_format.setForeground(self._theme.color(self._tone))
        self._inline_code_format = QTextCharFormat(self._code_format)
        self._inline_code_format.setBackground(self._theme.color("chip"))

    def _scaled(self, font: QFont) -> QFont:
        font.setPixelSize(round(font.pixelSize() * self.text_scale))
        return font

    def write(self, cursor: QTextCursor, piece: Piece, code_number: int) -> None:
        """Write `piece` at the document's end; `code_number` marks a code block's lines."""
        if isinstance(piece, Code):
            self._write_code(cursor, piece, code_number)
        elif piece.joins:
            self._join(cursor, piece)
        else:
            self._scratch.setMarkdown(with_formulas(piece.text), _FEATURES)
            self._write_blocks(cursor, self._scratch.begin())

    def _write_blocks(self, cursor: QTextCursor, block: QTextBlock) -> None:
        while block.isValid():
            table = _table_at(block)
            if table is not None:
                self._write_table(cursor, table)
                block = table.lastCursorPosition().block().next()
                continue
            if block.text() or block.textList():
                self._write_block(cursor, block)
            block = block.next()

    def _join(self, cursor: QTextCursor, piece: Prose) -> None:
        stripped = piece.text.lstrip(" ")
        gap = " " if stripped != piece.text else ""
        self._scratch.setMarkdown(with_formulas(stripped), _FEATURES)
        block = self._scratch.begin()
        if cursor.block().length() > _LONG_BLOCK:
            self._new_block(cursor, self._paragraph(top=0))
            gap = ""
        cursor.insertText(gap, self._text_format)
        self._write_fragments(cursor, block, 0)
        self._write_blocks(cursor, block.next())

    def _write_block(self, cursor: QTextCursor, source: QTextBlock) -> None:
        level = source.blockFormat().headingLevel()
        if source.blockFormat().hasProperty(_RULER):
            self._new_block(cursor, self._paragraph())
            cursor.insertText("―" * 12, self._text_format)
            return
        formatted = self._paragraph(top=10 if level else 5)
        prefix = "" if source.textList() is None else self._indent(formatted, source)
        quotes = source.blockFormat().intProperty(QTextBlockFormat.Property.BlockQuoteLevel)
        if quotes:
            formatted.setLeftMargin(formatted.leftMargin() + self._theme.px(14) * quotes)
        self._new_block(cursor, formatted)
        if prefix:
            cursor.insertText(prefix, self._text_format)
        self._write_fragments(cursor, source, level)

    def _indent(self, formatted: QTextBlockFormat, source: QTextBlock) -> str:
        listed = source.textList()
        depth = max(1, listed.format().indent())
        hang = self._theme.px(20)
        formatted.setLeftMargin(hang * depth)
        formatted.setTextIndent(-hang)
        formatted.setTabPositions([QTextOption.Tab(hang, QTextOption.TabType.LeftTab)])
        formatted.setTopMargin(self._theme.px(1))
        formatted.setBottomMargin(self._theme.px(2))
        marker = source.blockFormat().marker()
        if marker is QTextBlockFormat.MarkerType.Checked:
            return "☑\t"
        if marker is QTextBlockFormat.MarkerType.Unchecked:
            return "☐\t"
        text = listed.itemText(source)
        return f"{text}\t" if text[:1].isalnum() else "•\t"

    def _write_fragments(self, cursor: QTextCursor, source: QTextBlock, level: int) -> None:
        iterator = source.begin()
        while not iterator.atEnd():
            fragment = iterator.fragment()
            iterator += 1
            given = fragment.charFormat()
            if given.isImageFormat():
                image = given.toImageFormat()
                words = image.property(QTextCharFormat.Property.ImageAltText) or image.name()
                cursor.insertText(
                    f"[{_shown(str(words))}]", self._char_format(QTextCharFormat(), level)
                )
            else:
                cursor.insertText(_shown(fragment.text()), self._char_format(given, level))

    def _char_format(self, given: QTextCharFormat, level: int) -> QTextCharFormat:
        made = QTextCharFormat(self._text_format)
        if given.fontFixedPitch() or given.fontFamilies():
            made = QTextCharFormat(self._inline_code_format)
        if given.fontWeight() > QFont.Weight.Normal or level:
            made.setFontWeight(QFont.Weight.DemiBold)
        if level:
            font = QFont(made.font())
            font.setPixelSize(round(font.pixelSize() * _HEADING_SIZE.get(level, 1.0)))
            font.setWeight(QFont.Weight.DemiBold)
            made.setFont(font)
        if given.fontItalic():
            made.setFontItalic(True)
        if given.fontStrikeOut():
            made.setFontStrikeOut(True)
        address = _shown(given.anchorHref())
        if given.isAnchor() and is_web_address(address):
            made.setAnchor(True)
            made.setAnchorHref(address)
            made.setForeground(self._theme.color("accent"))
            made.setFontUnderline(True)
            made.setToolTip(plain_tooltip(shown_address(address)))
        return made

    def _write_code(self, cursor: QTextCursor, piece: Code, number: int) -> None:
        for index, line in enumerate(piece.text.split("\n")):
            formatted = QTextBlockFormat()
            px = self._theme.px
            is_first = index == 0 and not piece.joins
            formatted.setLeftMargin(px(12))
            formatted.setRightMargin(px(12))
            formatted.setTopMargin(px(18) if is_first else 0)
            self._new_block(cursor, formatted)
            block, state = cursor.block(), CODE_STATE + number
            block.setUserState(state)
            before = block.previous()
            if not before.isValid() or before.previous().userState() != state:
                # beside the button that copies, which is as high as two lines
                formatted.setRightMargin(px(_COPY_ROOM))
                cursor.setBlockFormat(formatted)
            cursor.insertText(line, self._code_format)

    def _write_table(self, cursor: QTextCursor, source: QTextTable) -> None:
        made = QTextTableFormat()
        made.setCellPadding(self._theme.px(5))
        made.setCellSpacing(0)
        # of the table's own lines Qt draws only some: those of its cells are all there
        made.setBorder(0)
        made.setBorderCollapse(True)
        made.setTopMargin(self._theme.px(6))
        # for what follows as well: Qt takes no margin of that, and code has a ground around it
        made.setBottomMargin(self._theme.px(16))
        made.setWidth(QTextLength(QTextLength.Type.VariableLength, 0))
        lined = QTextTableCellFormat()
        lined.setBorder(1)
        lined.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
        lined.setBorderBrush(self._theme.color("line"))
        table = cursor.insertTable(source.rows(), source.columns(), made)
        for row in range(source.rows()):
            for column in range(source.columns()):
                table.cellAt(row, column).setFormat(lined)
                inside = table.cellAt(row, column).firstCursorPosition()
                block = source.cellAt(row, column).firstCursorPosition().block()
                self._write_fragments(inside, block, 4 if row == 0 else 0)
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.block().setUserState(_AFTER_TABLE)

    def _paragraph(self, top: float = PARAGRAPH_MARGIN) -> QTextBlockFormat:
        formatted = QTextBlockFormat()
        px = self._theme.px
        formatted.setTopMargin(px(top))
        formatted.setBottomMargin(px(PARAGRAPH_MARGIN))
        formatted.setLineHeight(
            _LINE_HEIGHT, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value
        )
        return formatted

    def _new_block(self, cursor: QTextCursor, formatted: QTextBlockFormat) -> None:
        """Start a block at the end; an empty one that is there already is used."""
        block = cursor.block()
        if block.userState() >= CODE_STATE and not formatted.rightMargin():
            # room below the ground that is painted around code
            formatted.setTopMargin(formatted.topMargin() + self._theme.px(13))
        if block.length() == 1 and (block.blockNumber() == 0 or block.userState() == _AFTER_TABLE):
            block.setUserState(-1)
            cursor.setBlockFormat(formatted)
            cursor.setBlockCharFormat(self._text_format)
        else:
            cursor.insertBlock(formatted, self._text_format)
            cursor.block().setUserState(-1)


_AFTER_TABLE = 1


def _table_at(block: QTextBlock) -> QTextTable | None:
    return QTextCursor(block).currentTable()


_CODE_OR_FORMULA = re.compile(
    r"""
    (?P<code> (?P<ticks>`+) .+? (?P=ticks) (?!`) )
    # where one is not closed it goes as far as its paragraph
    | \\begin\{ (?P<name>[A-Za-z]+\*?) \} (?: .+? \\end\{ (?P=name) \} | .+? (?=\n[ \t]*\n|\Z) )
    | \\\[ (?: .+? \\\] | .+? (?=\n[ \t]*\n|\Z) )
    | \\\( (?: .+? \\\) | .+? (?=\n[ \t]*\n|\Z) )
    | \$\$ .+? \$\$
    | ^[ \t]* \$\$ .+? (?=\n[ \t]*\n|\Z)
    | \$ (?![\s\d]) (?: \\. | [^$\\\n] )*? (?<!\s) \$ (?!\d)
    # prices begin with a digit or a space as well: in a formula, words are commands or in braces
    | \$ (?=\d) (?> \\[A-Za-z]+ | \{[^{}$\n]*\} | (?![A-Za-z]{3}) (?: \\[^A-Za-z\n] | [^$\\\n] ) )*?
        (?<![\s(\[]) \$ (?![\dA-Za-z])
    | \$[ ] (?=[^$\n]*[\\^_*={+])
        (?> \\[A-Za-z]+ | \{[^{}$\n]*\} | (?![A-Za-z]{2}) (?: \\[^A-Za-z\n] | [^$\\\n] ) )+?
        [ ]\$ (?![\dA-Za-z])
    | \\[()\[\]]
    """,
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)
_HIDDEN_FROM = 0x10F000
"""Of the last plane for private use, where no font has signs."""
_HIDE = {ord(mark): _HIDDEN_FROM + ord(mark) for mark in string.punctuation}
_SHOW = {hidden: mark for mark, hidden in _HIDE.items()}


def with_formulas(text: str) -> str:
    r"""Return Markdown whose formulas (LaTeX) come out as they were written, by `_shown`.

    What stands between `\( \)`, `\[ \]`, `$ $` and `$$ $$`, or in an environment, is no Markdown:
    backslashes would be eaten and underscores would make letters slant. Its marks are hidden from
    Qt's reader, which would show a backslash before each where it takes the line for code.
    """
    if "\\" not in text and "$" not in text:
        return text
    return _CODE_OR_FORMULA.sub(
        lambda found: found[0] if found["code"] else found[0].translate(_HIDE), text
    )


def _shown(text: str) -> str:
    return text.translate(_SHOW)


class SealedDocument(QTextDocument):
    """A document that loads nothing, whatever its text says."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setUndoRedoEnabled(False)

    @override
    def loadResource(self, _kind: int, _name: object) -> object:
        return QByteArray()


def shown_address(address: str) -> str:
    """Return an address as the browser gets it: no letter in it hides or imitates others."""
    return QUrl(address).toEncoded().toStdString() or address


def is_web_address(address: str) -> bool:
    """Return whether an address may be opened in the browser after a click."""
    return address.lower().startswith(("https://", "http://"))
