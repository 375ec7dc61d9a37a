"""The Models page: what is on this computer, and whether it runs here."""

from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from playground.ui.format import size_words
from playground.ui.pages.models.details import ModelDetails
from playground.ui.pages.models.list import ModelList
from playground.ui.pages.models.load_settings import LoadLimits
from playground.ui.pages.models.rows import FolderEntry, ModelRow
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import (
    Badge,
    ElidedLabel,
    IconButton,
    clear_layout,
    make_button,
    make_card,
    make_label,
)
from playground.ui.widgets.flow_layout import FlowLayout
from playground.ui.widgets.folding_row import FoldingRow
from playground.ui.widgets.inputs import ComboBox
from playground.ui.widgets.layouts import make_flow, make_scroll_area
from playground.ui.widgets.segmented import Segmented
from playground.ui.window.page import SplitPage

_LINE_HEIGHT = 30
_MOST_LINES = 5


class FolderList(QFrame):
    """A card that opens to the list of places; one's own can be taken off it."""

    remove_asked = Signal(object)
    """The `Path` of a folder."""
    open_asked = Signal(object)
    """The `Path` of a folder to show in the file manager."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._entries: tuple[FolderEntry, ...] = ()
        self._was_toggled = False
        self._build()
        self._head.toggled.connect(self._open)
        self._head.clicked.connect(self._on_clicked)
        theme.changed.connect(self._resize)
        self._apply_theme()

    def show_entries(self, entries: tuple[FolderEntry, ...]) -> None:
        if entries != self._entries:
            self._entries = entries
            self._fill()

    def suggest_open(self, *, is_open: bool) -> None:
        """Open or close it, unless a person has decided."""
        if not self._was_toggled:
            self._head.setChecked(is_open)

    def _fill(self) -> None:
        entries = self._entries
        self._head.setText(
            (
                self.tr("Looked for in 1 place")
                if len(entries) == 1
                else self.tr("Looked for in {0} places")
            ).format(len(entries))
        )
        self._head.setAccessibleName(self._head.text())
        clear_layout(self._list)
        for entry in entries:
            self._rows.addWidget(self._row(entry))
        self._fit()

    def _build(self) -> None:
        px = self._theme.px
        self.setProperty("card", "true")
        column = QVBoxLayout(self)
        column.setContentsMargins(px(8), px(6), px(8), px(6))
        column.setSpacing(0)
        self._head = QToolButton()
        self._head.setProperty("flat", True)
        self._head.setCheckable(True)
        self._head.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._head.setToolTip(self.tr("The folders whose models are listed above"))
        self._head.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        column.addWidget(self._head, 0, Qt.AlignmentFlag.AlignLeft)
        self._list = QWidget()
        self._rows = QVBoxLayout(self._list)
        self._rows.setContentsMargins(px(8), 0, 0, 0)
        self._rows.setSpacing(0)
        self._scroll = make_scroll_area(self._list)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.hide()
        column.addWidget(self._scroll)

    def _row(self, entry: FolderEntry) -> QWidget:
        px = self._theme.px
        row = QWidget()
        row.setFixedHeight(px(_LINE_HEIGHT))
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, px(4), 0)
        icon = QLabel()
        side = px(15)
        icon.setPixmap(self._theme.icon("folder", "quiet").pixmap(QSize(side, side)))
        line.addWidget(icon)
        line.addWidget(
            make_label(entry.title, "control") if not entry.is_removable else _name(entry)
        )
        if not entry.is_removable and entry.path is not None:
            line.addWidget(ElidedLabel(str(entry.path), "caption", "quiet"), 1)
        else:
            line.addStretch(0)
        line.addWidget(make_label(entry.note, "caption", "bad" if entry.is_bad else "quiet"))
        if entry.path is not None and not entry.is_bad:
            show = IconButton(
                self._theme, "external", self.tr("Open {0}").format(entry.title), size=14
            )
            show.setProperty("path", entry.path)
            show.clicked.connect(self._on_open)
            line.addWidget(show)
        if entry.is_removable:
            name = self.tr("Take {0} off the list; nothing is deleted").format(entry.title)
            remove = IconButton(self._theme, "close", name, size=14)
            remove.setProperty("path", entry.path)
            remove.clicked.connect(self._on_remove)
            line.addWidget(remove)
        return row

    def _on_open(self) -> None:
        self.open_asked.emit(self.sender().property("path"))

    def _on_remove(self) -> None:
        self.remove_asked.emit(self.sender().property("path"))

    def _on_clicked(self) -> None:
        self._was_toggled = True

    def _open(self, is_open: bool) -> None:
        self._scroll.setVisible(is_open)
        self._fit()
        self._apply_theme()

    def _fit(self) -> None:
        lines = min(len(self._entries), _MOST_LINES)
        self._scroll.setFixedHeight(self._theme.px(_LINE_HEIGHT) * lines + 2)

    def _resize(self) -> None:
        self._apply_theme()
        self._fill()

    def _apply_theme(self) -> None:
        icon = "chevron-down" if self._head.isChecked() else "chevron-right"
        self._head.setIcon(self._theme.icon(icon, "quiet"))
        side = self._theme.px(14)
        self._head.setIconSize(QSize(side, side))


def _name(entry: FolderEntry) -> ElidedLabel:
    return ElidedLabel(entry.title, "control")


_SIDE_WIDTH = 390
_TALL = 640
"""Height from which the places below the list are open at first."""


class ModelsPage(SplitPage):
    """List on the left, details on the right, places below."""

    LEAST = (330, 344)

    folder_chosen = Signal(object)
    """A `Path` to look for models in."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self._wants_focus = False
        """True while the keyboard is to go into the list as soon as something is in it."""
        self._dialog: QFileDialog | None = None
        self._build()
        self._connect()
        self._apply_theme()

    def show_rows(self, rows: tuple[ModelRow, ...], chosen: str | None) -> None:
        """List model files, with `chosen` as the current one."""
        self.list.show_rows(rows, chosen)
        if self._wants_focus and self.list.focus_list():
            self._wants_focus = False
        models = [row.model for row in rows if row.model.problem is None]
        total = size_words(sum(model.size_bytes for model in models))
        count = self.tr("1 model") if len(models) == 1 else self.tr("{0} models")
        self._count.set_badge(f"{count.format(len(models))} · {total}")
        self._count.setVisible(bool(models))

    def show_details(self, row: ModelRow | None, limits: LoadLimits) -> None:
        """Show one model beside the list, or that none is chosen."""
        if row is not None:
            self.details.show_row(row, limits)
        self._beside.setCurrentIndex(0 if row is None else 1)

    def show_scanning(self, *, is_scanning: bool) -> None:
        self.rescan.setEnabled(not is_scanning)
        self._scanning.setVisible(is_scanning)

    def ask_for_folder(self) -> None:
        """Open the dialog that chooses a folder; the page goes on meanwhile."""
        if self._dialog is not None:
            self._dialog.raise_()
            return
        dialog = QFileDialog(self, self.tr("Choose a folder with models"), str(Path.home()))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self._on_folder_chosen)
        dialog.finished.connect(self._on_dialog_closed)
        self._dialog = dialog
        dialog.open()

    def _build(self) -> None:
        self._build_head()
        self._column.addLayout(self._build_choices())
        self._build_lists()
        self._build_side()

    def _build_lists(self) -> None:
        self._column.addWidget(self._splitter, 1)
        left = QWidget()
        self._listed = make_scroll_area(left)
        self._listed.setFrameShape(QFrame.Shape.NoFrame)
        self._listed.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._splitter.addWidget(self._listed)
        self._left = QVBoxLayout(left)
        self._left.setContentsMargins(0, 0, 0, 0)
        self.list = ModelList(self._theme, left)
        self.folders = FolderList(self._theme)
        self._left.addWidget(self.list, 1)
        self._left.addWidget(self.folders)
        self._side = make_card()
        self._splitter.addWidget(self._side)
        self._splitter.setStretchFactor(0, 1)
        self._splitter.setStretchFactor(1, 0)

    def _build_head(self) -> None:
        self._head.addWidget(make_label(self.tr("Models on this computer"), "title", wrap=True))
        self._count = Badge(self._theme)
        self._count.hide()
        self._head.addWidget(self._count)
        self._scanning = make_label(self.tr("Looking…"), "caption", "quiet")
        self._scanning.hide()
        self._head.addWidget(self._scanning)
        self._head.addStretch(1)
        self.rescan = IconButton(self._theme, "refresh", self.tr("Look again for models"))
        self._add = make_button(
            self.tr("Add a folder"),
            self.ask_for_folder,
            tooltip=self.tr("List the models of another folder and the folders in it"),
        )
        self.get_models = make_button(
            self.tr("Get models"),
            kind="primary",
            tooltip=self.tr("Find another model on the Hugging Face Hub"),
        )
        self._layout_choice = Segmented(
            (
                ("list", self.tr("List"), self.tr("One line for each model")),
                ("grid", self.tr("Cards"), self.tr("One card for each model")),
            ),
        )
        self._layout_choice.select("list")
        actions = FoldingRow(self._theme, self._layout_choice, self.rescan, self._add)
        self._head.addWidget(actions)
        self._head.addWidget(self.get_models)

    def _build_choices(self) -> FlowLayout:
        self._search.setPlaceholderText(self.tr("Search: a name, a maker, a folder, a verdict…"))
        self._search.setAccessibleName(self.tr("Search models"))
        self._search.setToolTip(self.tr("Part of a name, folder or format (Ctrl+F)"))
        self._kind = ComboBox(
            self._theme,
            self.tr("Which models are listed"),
            (
                (self.tr("All models"), "all"),
                (self.tr("Run well here"), "runs"),
                (self.tr("Can see pictures"), "pictures"),
                (self.tr("Think first"), "thinks"),
                (self.tr("Made to chat"), "chats"),
                (self.tr("Other programs'"), "others"),
                (self.tr("Cannot be used"), "broken"),
            ),
        )
        return make_flow((self._search, 1), self._kind)

    def _build_side(self) -> None:
        column = QVBoxLayout(self._side)
        column.setContentsMargins(2, 2, 2, 2)
        self._beside = QStackedWidget(self._side)
        column.addWidget(self._beside)
        hint = make_label(
            self.tr("Choose a model to see what it needs."), "control", "quiet", wrap=True
        )
        hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        hint.setMargin(self._theme.px(24))
        self._beside.addWidget(hint)
        self.details = ModelDetails(self._theme, self._beside)
        self._beside.addWidget(self.details)

    def _connect(self) -> None:
        self._theme.changed.connect(self._apply_theme)
        self._search.textChanged.connect(self.list.search)
        self._kind.picked.connect(self.list.keep)
        self._layout_choice.chosen.connect(self._on_layout)
        for view in self.list.views:
            self._add_list(view)
        self.list.nothing.asked.connect(self._clear)
        self.hidden.connect(self._on_hidden)

    def _apply_theme(self) -> None:
        px = self._theme.px
        self._left.setSpacing(px(10))
        self._splitter.setHandleWidth(px(14))
        self.list.setMinimumHeight(px(170))

    @override
    def _sizes(self, whole: int) -> tuple[int, int]:
        side = min(self._theme.px(_SIDE_WIDTH), whole * 2 // 5)
        return whole - side, side

    @override
    def _enter_list(self) -> None:
        self.list.focus_list()

    def _on_layout(self, key: str) -> None:
        self.list.show_as(is_grid=key == "grid")

    def _clear(self) -> None:
        self._search.clear()
        self._kind.choose("all")
        self.list.keep("all")

    def _on_folder_chosen(self, folder: str) -> None:
        self.folder_chosen.emit(Path(folder))

    def _on_dialog_closed(self) -> None:
        self._dialog = None

    def _on_hidden(self) -> None:
        self._wants_focus = False

    def set_presentation_mode(self, *, on: bool) -> None:
        super().set_presentation_mode(on=on)
        self.details.set_presentation_mode(on=on)
        self.folders.setVisible(not on)

    def focus_first(self) -> None:
        """Put the keyboard into the list, so that the arrow keys choose a model."""
        self._wants_focus = not self.list.focus_list()

    def handle_escape(self) -> bool:
        if super().handle_escape():
            return True
        if not self._search.text():
            return False
        self._search.clear()
        return True

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.folders.suggest_open(is_open=self.height() >= self._theme.px(_TALL))
