"""The sets on the left, the opened one on the right with the table of its messages."""

from PySide6.QtCore import QPoint, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QFrame, QLineEdit, QMenu, QStackedWidget, QWidget
from typing_extensions import override

from playground.core.prompt_sets import Case, PromptSet
from playground.ui.pages.tests.cases import CaseTable, CaseTableModel
from playground.ui.pages.tests.editor import CaseEditor
from playground.ui.pages.tests.list import SetDelegate, SetListModel
from playground.ui.pages.tests.set_card import SetCard
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import make_button, make_card, make_label, make_line
from playground.ui.widgets.empty_state import EmptyState
from playground.ui.widgets.inputs import ComboBox
from playground.ui.widgets.layouts import (
    NO_MARGINS,
    make_column,
    make_flow,
    make_row,
    make_scroll_area,
)
from playground.ui.widgets.lists import ListView

_LIST_WIDTH = 232
_LEAST_TABLE = 150
_SEARCH_PAUSE_MS = 120


class SetsView(QWidget):
    """Shows sets and messages, and tells what a person does; it decides nothing."""

    case_chosen = Signal(object)
    """Id of the message whose row is open now, or `None`."""
    case_action = Signal(str)
    """`add`, `paste`, `duplicate`, `delete`, `up` or `down`; what is done to the open message."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._set: PromptSet | None = None
        self._is_read_only = False
        self._build()
        self._connect()
        self._apply_theme()

    def show_list(self, *, is_shown: bool, is_narrow: bool) -> None:
        """Show the list beside the set, or leave all the room to the set.

        Where that is narrow, nothing is explained that can be done without.
        """
        self.list_card.setVisible(is_shown)
        for label in self._explanations:
            label.setVisible(not is_narrow)
        self.card.set_narrow(is_narrow=is_narrow)

    def show_set(self, prompt_set: PromptSet | None, case_id: str | None = None) -> None:
        """Show a set's messages, with one of them open; nothing where there is no set."""
        self._pages.setCurrentIndex(1 if prompt_set is not None else 2)
        if prompt_set is None:
            return
        self._set, self._is_read_only = prompt_set, prompt_set.is_ready_made
        chosen = case_id or self.table.chosen_id
        self._show_tags(prompt_set)
        self.cases.show_cases(prompt_set.cases)
        if case_id is not None and self.cases.row_of(case_id) < 0:
            self._search.clear()
            self._tag.choose("")
            self._find()
        if chosen != self.table.chosen_id or case_id is not None:
            self.table.choose(chosen)
        self._show_case()
        for button in (self.add_button, self.paste_button):
            button.setVisible(not self._is_read_only)
        self._empty.setVisible(not prompt_set.cases)
        self.table.setVisible(bool(prompt_set.cases))

    def close_case(self) -> None:
        self.table.choose(None)

    def focus_editor(self) -> None:
        if self.editor.case is not None:
            self.table.scrollTo(self.table.currentIndex())
            self.editor.focus_first()
            focused = self.editor.focusWidget()
            if focused is not None:
                self._scroll.ensureWidgetVisible(focused)

    def focus_search(self) -> None:
        self._search.setFocus()
        self._search.selectAll()

    def focus_first(self) -> None:
        if self.list_card.isVisibleTo(self) and self.sets.rowCount():
            self.list.setFocus()
        else:
            self.table.setFocus()

    def handle_escape(self) -> bool:
        """Close the open row, or end the search; return False where there was neither."""
        if self._search.text():
            self._search.clear()
            return True
        if self.table.chosen_id is not None:
            self.close_case()
            return True
        return False

    def _show_tags(self, prompt_set: PromptSet) -> None:
        tags = prompt_set.tags
        self._tag.set_choices([(self.tr("All tags"), ""), *((tag, tag) for tag in tags)])
        if self._tag.value is None or self._tag.currentIndex() < 0:
            self._tag.choose("")
        self._tag.setVisible(bool(tags))
        self._find()

    def _show_case(self) -> None:
        case = self.cases.case_at(self.table.currentIndex().row())
        shown = case if case is not None and case.id == self.table.chosen_id else None
        if self._set is not None:
            self.editor.show_case(shown, self._set, is_read_only=self._is_read_only)
        self.table.fit_editor()

    def _build(self) -> None:
        px = self._theme.px
        self.sets = SetListModel()
        self.list = ListView(self._theme, SetDelegate(self._theme), self.sets, self.tr("Sets"))
        self.list.setUniformItemSizes(False)
        self.list_card = make_card()
        make_column(self.list, parent=self.list_card, margins=(1, px(6), 1, px(6)))
        self.card = SetCard(self._theme)
        body = QWidget()
        make_column(
            *(self.card, (self._build_table(), 1)), parent=body, margins=NO_MARGINS, spacing=px(12)
        )
        self._scroll = scroll = make_scroll_area(body, self.tr("The opened set"))
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.empty = EmptyState(
            self._theme,
            "tests",
            self.tr("Which model is good enough? Ask all of them"),
            self.tr(
                "A set is a list of your own questions, each with a check that says when its "
                "answer counts as right. Run it on several models at once, and see how often each "
                "is right."
            ),
            self.tr("Make a set"),
        )
        empty_card = make_card()
        make_column(self.empty, parent=empty_card)
        self._pages = QStackedWidget()
        # nothing at all until it is known what there is
        self._pages.addWidget(QWidget())
        self._pages.addWidget(scroll)
        self._pages.addWidget(empty_card)
        make_row(self.list_card, (self._pages, 1), parent=self, margins=NO_MARGINS, spacing=px(12))

    def _build_table(self) -> QFrame:
        px = self._theme.px
        self._search = QLineEdit()
        self._search.setClearButtonEnabled(True)
        self._search.setPlaceholderText(self.tr("Search in messages"))
        self._search.setAccessibleName(self.tr("Search in messages"))
        self._search.setToolTip(self.tr("Finds words as you type (Ctrl+F)"))
        self._search_timer = QTimer(self)
        self._search_timer.setSingleShot(True)
        self._search_timer.setInterval(_SEARCH_PAUSE_MS)
        self._tag = ComboBox(self._theme, self.tr("Tags"), [(self.tr("All tags"), "")])
        hint = make_label(
            self.tr("One row is one question. A check says when its answer counts as right."),
            "caption",
            "quiet",
            wrap=True,
        )
        self.editor = CaseEditor(self._theme)
        self.cases = CaseTableModel()
        self.table = CaseTable(self._theme, self.cases, self.editor, self.tr("Messages"))
        self._empty = make_label(
            self.tr("No message yet. Add one, or paste a list: one question a line."),
            "control",
            "quiet",
            wrap=True,
        )
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.add_button = make_button(self.tr("Add a message"), tooltip=self.tr("Ctrl+N"))
        self.paste_button = make_button(
            self.tr("Paste a list"),
            tooltip=self.tr("One question a line, or what a spreadsheet copies"),
        )
        for button in (self.add_button, self.paste_button):
            button.setProperty("small", True)
        saved = make_label(
            self.tr("Reads CSV, JSONL and plain text, one question a line · saved as you type"),
            "caption",
            "quiet",
            wrap=True,
        )
        self._explanations = (hint, saved)
        head, foot, card = QWidget(), QWidget(), make_card()
        self.foot = foot
        """What stands below the table, and stays in reach under messages."""
        make_column(
            make_flow((self._search, 2), (self._tag, 1), 1, hint),
            parent=head,
            margins=(px(16), px(10), px(16), px(10)),
        )
        make_column(
            make_flow(self.add_button, self.paste_button, 1, saved),
            parent=foot,
            margins=(px(16), px(10), px(16), px(10)),
        )
        column = make_column(parent=card, margins=(1, 1, 1, 1), spacing=0)
        for part in (head, make_line()):
            column.addWidget(part)
        column.addWidget(self._empty, 1)
        column.addWidget(self.table, 1)
        column.addWidget(make_line())
        column.addWidget(foot)
        return card

    def _connect(self) -> None:
        self._search.textChanged.connect(self._on_typed)
        self._search.returnPressed.connect(self._find)
        self._search_timer.timeout.connect(self._find)
        self._tag.picked.connect(self._find)
        self.table.chosen.connect(self._on_chosen)
        self.table.edit_wanted.connect(self.focus_editor)
        self.table.delete_wanted.connect(self._on_delete)
        self.table.menu_wanted.connect(self._open_menu)
        self.table.move_wanted.connect(self._on_move)
        self.editor.left.connect(self.table.setFocus)
        self.editor.next_wanted.connect(self._on_next)
        self.editor.height_changed.connect(self.table.fit_editor)
        self.add_button.clicked.connect(self._on_add)
        self.paste_button.clicked.connect(self._on_paste)
        for keys, slot in (("Ctrl+N", self._on_add), ("Ctrl+D", self._on_duplicate)):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(slot)
        self._theme.changed.connect(self._apply_theme)

    def _on_typed(self) -> None:
        self._search_timer.start()

    def _find(self) -> None:
        self._search_timer.stop()
        self.cases.search(self._search.text(), self._tag.value or "")

    def _on_chosen(self, case_id: str | None) -> None:
        self._show_case()
        self.case_chosen.emit(case_id)

    def _on_add(self) -> None:
        self.case_action.emit("add")

    def _on_next(self) -> None:
        """Go to the next message; after the last one, to a new one."""
        chosen = self.table.chosen_id
        row = -1 if chosen is None else self.cases.row_of(chosen)
        following = self.cases.case_at(row + 1)
        if following is None:
            self.case_action.emit("add")
            return
        self.table.choose(following.id)
        self.editor.focus_message()

    def _on_paste(self) -> None:
        self.case_action.emit("paste")

    def _on_duplicate(self) -> None:
        self.case_action.emit("duplicate")

    def _on_delete(self) -> None:
        self.case_action.emit("delete")

    def _on_move(self, by: int) -> None:
        self.case_action.emit("up" if by < 0 else "down")

    def _open_menu(self, place: QPoint) -> None:
        menu = QMenu(self)
        menu.aboutToHide.connect(menu.deleteLater)
        for action, text, keys in (
            ("duplicate", self.tr("Duplicate"), "Ctrl+D"),
            ("up", self.tr("Move up"), "Alt+Up"),
            ("down", self.tr("Move down"), "Alt+Down"),
            ("delete", self.tr("Delete"), "Del"),
        ):
            entry = menu.addAction(f"{text}\t{keys}")
            entry.setData(action)
            entry.setEnabled(not self._is_read_only)
            entry.triggered.connect(self._on_menu)
        menu.popup(place)

    def _on_menu(self) -> None:
        action = self.sender()
        if action is not None:
            self.case_action.emit(action.data())  # type: ignore[attr-defined]  # a QAction

    def _apply_theme(self) -> None:
        px, side = self._theme.px, self._theme.px(13)
        self.list_card.setFixedWidth(px(_LIST_WIDTH))
        self._search.setMinimumWidth(px(150))
        self._search.setMaximumWidth(px(260))
        self._tag.setMaximumWidth(px(170))
        self.table.setMinimumHeight(px(_LEAST_TABLE))
        self.add_button.setIcon(self._theme.icon("plus", "text"))
        self.add_button.setIconSize(QSize(side, side))

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(0, 0)

    def case_beside(self, case_id: str) -> Case | None:
        """Return the message that is shown after one, or before the last one."""
        row = self.cases.row_of(case_id)
        return self.cases.case_at(row + 1) or self.cases.case_at(row - 1)
