"""The dialog that shares: as what, what goes along, and the very thing that leaves."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QButtonGroup,
    QDialog,
    QFrame,
    QGridLayout,
    QLabel,
    QPlainTextEdit,
    QSizePolicy,
    QStackedWidget,
    QToolButton,
    QWidget,
)
from typing_extensions import override

from playground.core.share.document import Choice, Document, Part
from playground.ui.share.page_view import PageView
from playground.ui.theme.theme import Theme, set_role
from playground.ui.widgets.basics import (
    ElidedLabel,
    IconButton,
    make_button,
    make_label,
    make_line,
    plain_tooltip,
)
from playground.ui.widgets.inputs import CheckBox
from playground.ui.widgets.layouts import (
    NO_MARGINS,
    make_column,
    make_flow,
    make_row,
    make_scroll_area,
)
from playground.ui.widgets.segmented import Segmented

LONGEST_SOURCE = 60_000
"""Characters of a file that its source shows."""
_PAGE, _SOURCE = "page", "source"
_STACKS_BELOW = 760
"""Width of the dialog in units of text below which what leaves stands under what is chosen."""
_LEFT = 344
_LARGEST = QSize(1060, 760)
_ACROSS = 3
"""Formats in a row."""


class Form(StrEnum):
    """As what something leaves; the values but the last are those of `ShareFormat`."""

    HTML = "html"
    MARKDOWN = "md"
    CSV = "csv"
    JSON = "json"
    RECORDING = "recording"
    PICTURE = "png"


_ICONS = {
    Form.HTML: "page",
    Form.MARKDOWN: "text",
    Form.CSV: "table",
    Form.JSON: "braces",
    Form.RECORDING: "replay",
    Form.PICTURE: "picture",
}
_ENDINGS = {form: "jsonl" if form is Form.RECORDING else str(form) for form in Form}
_IS_PAGE = frozenset({Form.HTML, Form.MARKDOWN})
"""Those that are read as a page and have a source as well."""


class ShareDialog(QDialog):
    """Shows what is chosen and what leaves; it decides nothing."""

    changed = Signal()
    """Another format was chosen, or other parts."""
    copy_wanted = Signal()
    save_wanted = Signal()

    def __init__(
        self,
        theme: Theme,
        title: str,
        parts: Sequence[tuple[Part, str, str, str]],
        parent: QWidget,
        *,
        has_recording: bool,
        left_out: Choice = frozenset(),
    ) -> None:
        """Take of each part its name, and what is said of it while it goes along and while not.

        `left_out` is what does not go along at first.
        """
        super().__init__(parent)
        self._theme = theme
        self._boxes: dict[Part, CheckBox] = {}
        self._captions: dict[Part, tuple[QLabel, str, str]] = {}
        self._tiles: dict[Form, QToolButton] = {}
        self._is_stacked = False
        self._shown: tuple[Document | None, str] = (None, "")
        self.setModal(True)
        self.setWindowTitle(title)
        self._build(title, parts, has_recording=has_recording)
        for part, box in self._boxes.items():
            box.setChecked(part not in left_out)
        self._connect()
        self._show_choice()
        window = parent.window().size()
        px = theme.px
        largest = QSize(px(_LARGEST.width()), px(_LARGEST.height()))
        self.resize(largest.boundedTo(window - QSize(24, 24)))
        self._arrange()

    @property
    def form(self) -> Form:
        """As what it leaves."""
        return next(form for form, tile in self._tiles.items() if tile.isChecked())

    @property
    def ending(self) -> str:
        """Of the file's name."""
        return _ENDINGS[self.form]

    @property
    def left_out(self) -> Choice:
        """What was taken out, of what could be."""
        return frozenset(part for part, box in self._boxes.items() if not box.isChecked())

    @property
    def choice(self) -> Choice:
        """What goes along: of a recording its answers and their times in any case."""
        chosen = {part for part, box in self._boxes.items() if box.isChecked()}
        # what a document has not is not left out of it either
        return frozenset(chosen | (set(Part) - set(self._boxes)) | self._kept)

    def show_file(self, document: Document, source: str, size_bytes: int) -> None:
        """Show what leaves; `source` is empty for a picture."""
        self._shown = document, source
        self._show_look()
        kilobytes = max(1, round(size_bytes / 1000))
        self._size.set_full_text(
            self.tr("{0} KB · made of what is kept, nothing is asked again").format(
                f"{kilobytes:,}"
            )
        )
        self._problem.hide()
        self._offer(is_ready=True)

    def show_problem(self, text: str) -> None:
        """Say why nothing can leave so, or why it could not be written."""
        set_role(self._problem, "body", "bad")
        self._problem.setText(text)
        self._problem.show()

    def show_nothing(self) -> None:
        """Nothing can leave as it is chosen."""
        self._shown = None, ""
        self._size.set_full_text("")
        self._show_look()
        self._offer(is_ready=False)

    def show_copied(self) -> None:
        set_role(self._problem, "body", "local")
        self._problem.setText(self.tr("Copied."))
        self._problem.show()

    def focus_first(self) -> None:
        """Put the keyboard on the format."""
        self._tiles[self.form].setFocus()

    def set_waiting(self) -> None:
        """Offer nothing until what leaves is there: what is shown is not what is chosen yet."""
        self._offer(is_ready=False)

    @property
    def _kept(self) -> set[Part]:
        return {Part.FIGURES, Part.ANSWERS} if self.form is Form.RECORDING else set()

    def _build(
        self, title: str, parts: Sequence[tuple[Part, str, str, str]], *, has_recording: bool
    ) -> None:
        px = self._theme.px
        self.close_button = IconButton(self._theme, "close", self.tr("Close (Esc)"))
        self.close_button.setAutoRaise(True)
        head = make_row((ElidedLabel(title, "title"), 1), self.close_button)
        body = QWidget()
        self._left = self._build_left(parts, has_recording=has_recording)
        self._right = self._build_right()
        self._beside = make_scroll_area(self._left, self.tr("What goes along"))
        self._beside.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._row = make_row(
            self._beside, (self._right, 1), parent=body, margins=NO_MARGINS, spacing=px(18)
        )
        self._scroll = make_scroll_area(body, title)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        make_column(
            head,
            (self._scroll, 1),
            make_line(),
            self._build_foot(),
            parent=self,
            margins=(px(18), px(14), px(18), px(14)),
            spacing=px(10),
        )

    def _build_left(
        self, parts: Sequence[tuple[Part, str, str, str]], *, has_recording: bool
    ) -> QWidget:
        px = self._theme.px
        left = QWidget()
        column = make_column(
            make_label(self.tr("As"), "caption", "quiet"),
            self._build_tiles(has_recording=has_recording),
            parent=left,
            margins=NO_MARGINS,
            spacing=px(6),
        )
        self._about = make_label("", "caption", "quiet", wrap=True)
        column.addWidget(self._about)
        column.addWidget(make_line())
        column.addWidget(make_label(self.tr("What goes along"), "caption", "quiet"))
        for part, name, along, not_along in parts:
            box = CheckBox(self._theme, name, "")
            caption = make_label(along, "caption", "quiet", wrap=True)
            caption.setContentsMargins(px(27), 0, 0, 0)
            self._boxes[part] = box
            self._captions[part] = caption, along, not_along
            pair = QWidget()
            make_column(box, caption, parent=pair, margins=NO_MARGINS, spacing=0)
            column.addWidget(pair)
        column.addStretch(1)
        column.addWidget(self._build_never())
        return left

    def _build_tiles(self, *, has_recording: bool) -> QGridLayout:
        grid = QGridLayout()
        grid.setSpacing(self._theme.px(6))
        group = QButtonGroup(self)
        for place, (form, name, field) in enumerate(
            (
                (Form.HTML, self.tr("Web page"), "HTML"),
                (Form.MARKDOWN, self.tr("Text"), "Markdown"),
                (Form.CSV, self.tr("Table"), "CSV"),
                (Form.JSON, self.tr("Data"), "JSON"),
                (Form.PICTURE, self.tr("Picture"), "PNG"),
                (Form.RECORDING, self.tr("Recording"), "JSONL"),
            )
        ):
            if form is Form.RECORDING and not has_recording:
                continue
            tile = QToolButton()
            tile.setText(f"{name}\n{field}")
            tile.setAccessibleName(f"{name}, {field}")
            tile.setToolTip(plain_tooltip(self._words(form)))
            tile.setProperty("button", True)
            tile.setProperty("tile", True)
            tile.setCheckable(True)
            tile.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
            tile.setCursor(Qt.CursorShape.PointingHandCursor)
            tile.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            tile.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            group.addButton(tile)
            self._tiles[form] = tile
            grid.addWidget(tile, place // _ACROSS, place % _ACROSS)
        for column in range(_ACROSS):
            grid.setColumnStretch(column, 1)
        self._tiles[Form.HTML].setChecked(True)
        return grid

    def _build_never(self) -> QFrame:
        px = self._theme.px
        frame = QFrame()
        frame.setProperty("chip", "local")
        self._shield = QLabel()
        words = make_label(
            self.tr("Never goes along: keys, your name, this computer's name, folders."),
            "caption",
            wrap=True,
        )
        make_row(
            (self._shield, Qt.AlignmentFlag.AlignTop),
            (words, 1),
            parent=frame,
            margins=(px(12), px(10), px(12), px(10)),
            spacing=px(8),
        )
        return frame

    def _build_right(self) -> QWidget:
        px = self._theme.px
        self._caption = make_label(
            self.tr("This is exactly what leaves"), "caption", "quiet", wrap=True
        )
        self._look = Segmented(
            (
                (_PAGE, self.tr("Page"), self.tr("As it is read")),
                (_SOURCE, self.tr("Source"), self.tr("The text of the file itself")),
            )
        )
        self._look.select(_PAGE)
        self.page = PageView(self._theme, self.tr("The page that leaves"))
        self.source = QPlainTextEdit()
        self.source.setReadOnly(True)
        self.source.setProperty("field", True)
        self.source.setTabChangesFocus(True)
        self.source.setAccessibleName(self.tr("The text that leaves"))
        self._pages = QStackedWidget()
        self._pages.addWidget(self.page)
        self._pages.addWidget(self.source)
        self._more = make_label("", "caption", "quiet", wrap=True)
        self._more.hide()
        right = QWidget()
        make_column(
            make_flow((self._caption, 1), self._look),
            (self._pages, 1),
            self._more,
            parent=right,
            margins=NO_MARGINS,
            spacing=px(8),
        )
        return right

    def _build_foot(self) -> QWidget:
        self._size = ElidedLabel("", "caption", "quiet")
        self._problem = make_label("", "body", "bad", wrap=True)
        self._problem.hide()
        self.copy_button = make_button(
            self.tr("Copy"), tooltip=self.tr("Put what leaves into the clipboard")
        )
        self.save_button = make_button("", kind="primary")
        foot = QWidget()
        make_column(
            self._problem,
            make_flow((self._size, 1), self.copy_button, self.save_button),
            parent=foot,
            margins=NO_MARGINS,
            spacing=self._theme.px(6),
        )
        return foot

    def _connect(self) -> None:
        self.close_button.clicked.connect(self.reject)
        self.copy_button.clicked.connect(self.copy_wanted)
        self.save_button.clicked.connect(self.save_wanted)
        self._look.chosen.connect(self._show_look)
        for tile in self._tiles.values():
            tile.clicked.connect(self._on_changed)
        for box in self._boxes.values():
            box.toggled.connect(self._on_changed)
        self._theme.changed.connect(self._apply_theme)
        self._apply_theme()

    def _on_changed(self) -> None:
        self._show_choice()
        self.changed.emit()

    def _show_choice(self) -> None:
        """Say what the format is, and of each part whether it goes along."""
        form, kept = self.form, self._kept
        self._about.setText(self._words(form))
        for part, (caption, along, not_along) in self._captions.items():
            box = self._boxes[part]
            is_along = box.isChecked() or part in kept
            said = self.tr("a recording is made of them") if part in kept else along
            caption.setText(said if is_along else not_along)
            box.setEnabled(part not in kept)
            box.setAccessibleDescription(caption.text())
        save = self._saves()[form]
        self.save_button.setText(save)
        self.save_button.setAccessibleName(save)
        self._look.setVisible(form in _IS_PAGE)
        self._problem.hide()

    def _show_look(self) -> None:
        """Show the page or the source, as far as it is laid out."""
        document, source = self._shown
        is_page = self.form is Form.PICTURE or (
            self.form in _IS_PAGE and self._look.selected == _PAGE
        )
        self._pages.setCurrentWidget(self.page if is_page else self.source)
        self._pages.setEnabled(document is not None)
        more = ""
        if document is None:
            self.page.clear_page()
            self.source.clear()
        elif is_page:
            self.page.show_document(document)
            if not self.page.is_whole:
                more = self.tr("The preview ends here: the file has all of it.")
        else:
            self.source.setPlainText(source[:LONGEST_SOURCE])
            if len(source) > LONGEST_SOURCE:
                more = self.tr("The file goes on: {0} more characters.").format(
                    f"{len(source) - LONGEST_SOURCE:,}"
                )
        self._more.setText(more)
        self._more.setVisible(bool(more))

    def _offer(self, *, is_ready: bool) -> None:
        self.copy_button.setEnabled(is_ready)
        self.save_button.setEnabled(is_ready)

    def _words(self, form: Form) -> str:
        return {
            Form.HTML: self.tr(
                "One file that opens in any browser, without scripts. It asks the internet for "
                "nothing and prints well."
            ),
            Form.MARKDOWN: self.tr("Text with tables, for notes, wikis and chats."),
            Form.CSV: self.tr(
                "Figures and texts in rows, for a spreadsheet; no cell is a formula."
            ),
            Form.JSON: self.tr("Everything with its exact figures, for programs."),
            Form.PICTURE: self.tr("The page as a picture, for slides."),
            Form.RECORDING: self.tr(
                "Opens in this program on another computer and replays at its own pace."
            ),
        }[form]

    def _saves(self) -> Mapping[Form, str]:
        return {
            Form.HTML: self.tr("Save the page…"),
            Form.MARKDOWN: self.tr("Save the text…"),
            Form.CSV: self.tr("Save the table…"),
            Form.JSON: self.tr("Save the data…"),
            Form.PICTURE: self.tr("Save the picture…"),
            Form.RECORDING: self.tr("Save the recording…"),
        }

    def _arrange(self) -> None:
        """Put what leaves beside what is chosen, or under it."""
        px = self._theme.px
        is_stacked = self.width() < px(_STACKS_BELOW)
        self._beside.setFixedWidth(px(_LEFT))
        self._pages.setMinimumHeight(px(240))
        if is_stacked == self._is_stacked:
            return
        self._is_stacked = is_stacked
        direction = QBoxLayout.Direction
        self._row.setDirection(direction.TopToBottom if is_stacked else direction.LeftToRight)
        if is_stacked:
            # all of it scrolls together
            self._beside.takeWidget()
            self._row.insertWidget(0, self._left)
        else:
            self._row.removeWidget(self._left)
            self._beside.setWidget(self._left)
        self._beside.setVisible(not is_stacked)
        self._left.show()

    def _apply_theme(self) -> None:
        px = self._theme.px
        side = px(18)
        for form, tile in self._tiles.items():
            tile.setIcon(self._theme.icon(_ICONS[form], "text"))
            tile.setIconSize(QSize(side, side))
        self._shield.setPixmap(
            self._theme.icon("shield", "local_ink").pixmap(
                QSize(side, side), self.devicePixelRatioF()
            )
        )
        self.source.setFont(self._theme.mono_font())
        self._arrange()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()
