"""The editor in the chosen message's row: its words, its checks, its tags and what it counts."""

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget
from typing_extensions import override

from playground.core.checks.reading import TEXTS, require_readable
from playground.core.errors import PlaygroundError
from playground.core.expected import Check, CheckKind
from playground.core.prompt_sets import Case, PromptSet, Variables, names_used
from playground.ui.pages.tests.words import WITHOUT_TEXT, expected_hint, kind_choices
from playground.ui.theme.theme import Theme, set_properties
from playground.ui.widgets.basics import (
    ElidedLabel,
    IconButton,
    clear_layout,
    make_button,
    make_label,
    plain_tooltip,
)
from playground.ui.widgets.inputs import CheckBox, ComboBox, NumberField
from playground.ui.widgets.layouts import NO_MARGINS, make_column, make_flow
from playground.ui.widgets.text_field import TextField

_KIND_WIDTH = 190
_NARROW = 420
_MOST_WEIGHT = 1000.0


class UndoKeys(QObject):
    """Leaves Ctrl+Z in a field to the page, which undoes what the field has changed."""

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            standard = QKeySequence.StandardKey
            if event.matches(standard.Undo) or event.matches(standard.Redo):
                event.ignore()
                return True
        return False


class WeightField(NumberField):
    """Shows whole numbers without their noughts."""

    @override
    def textFromValue(self, value: float) -> str:
        return f"{value:g}"


class CheckRow(QWidget):
    """One check; one that cannot be read says why, and changes nothing."""

    edited = Signal()
    removed = Signal()
    finished = Signal()
    """Enter in what is expected."""
    height_changed = Signal()

    def __init__(self, theme: Theme, check: Check, undo_keys: UndoKeys) -> None:
        super().__init__()
        self._theme = theme
        self._check = check
        self._kind = ComboBox(theme, self.tr("What is looked at"), kind_choices())
        self._kind.setFixedWidth(theme.px(_KIND_WIDTH))
        self._kind.choose(check.kind)
        self._expected = QLineEdit(check.expected)
        self._expected.setAccessibleName(self.tr("What is expected"))
        self._expected.installEventFilter(undo_keys)
        self._loose = CheckBox(
            theme,
            self.tr("ignore capitals and full stops"),
            self.tr("Off: every capital letter and every punctuation mark has to be the same"),
        )
        self._loose.setChecked(not (check.case_counts or check.punctuation_counts))
        self.remove_button = IconButton(theme, "trash", self.tr("Remove this check"))
        self._problem = make_label("", "caption", "bad", wrap=True)
        self._problem.hide()
        row = make_flow(self._kind, (self._expected, 1), self._loose, self.remove_button)
        make_column(row, self._problem, parent=self, margins=NO_MARGINS, spacing=theme.px(4))
        self._kind.picked.connect(self._on_kind)
        self._expected.textEdited.connect(self._on_edited)
        self._expected.returnPressed.connect(self.finished)
        self._loose.clicked.connect(self._on_edited)
        self.remove_button.clicked.connect(self.removed)
        self._fit_kind()

    @property
    def check(self) -> Check | None:
        """The check as it was last readable; `None` where it never was."""
        return self._check if self._is_readable(self._check) else None

    def set_read_only(self, *, is_read_only: bool) -> None:
        for part in (self._kind, self._loose, self.remove_button):
            part.setEnabled(not is_read_only)
        self._expected.setReadOnly(is_read_only)

    def focus_expected(self) -> None:
        field: QWidget = self._expected if self._expected.isVisibleTo(self) else self._kind
        field.setFocus(Qt.FocusReason.TabFocusReason)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        is_narrow = self.width() < self._theme.px(_NARROW)
        self._loose.setText(self.tr("any capitals") if is_narrow else self._loose.accessibleName())

    def _on_kind(self) -> None:
        self._fit_kind()
        self._on_edited()
        if not self._expected.text().strip():
            # nobody has typed anything yet that could be wrong
            self._show_problem("")
        self.focus_expected()

    def _on_edited(self) -> None:
        kind = self._kind.value
        counts = not self._loose.isChecked() and kind in TEXTS
        expected = "" if kind in WITHOUT_TEXT else self._expected.text()
        check = Check(kind, expected, counts, self._check.space_counts and kind in TEXTS, counts)
        problem = _problem(check)
        self._show_problem(problem)
        if not problem and check != self._check:
            self._check = check
            self.edited.emit()

    def _show_problem(self, problem: str) -> None:
        if problem == self._problem.text():
            return
        self._problem.setText(problem)
        self._problem.setVisible(bool(problem))
        set_properties(self._expected, (("invalid", bool(problem)),))
        self.height_changed.emit()

    def _fit_kind(self) -> None:
        kind = self._kind.value
        self._expected.setVisible(kind not in WITHOUT_TEXT)
        self._expected.setPlaceholderText(expected_hint(kind))
        self._loose.setVisible(kind in TEXTS)
        self.height_changed.emit()

    @staticmethod
    def _is_readable(check: Check) -> bool:
        return not _problem(check)


def _problem(check: Check) -> str:
    try:
        require_readable(check)
    except PlaygroundError as error:
        return f"{error.message} {error.hint}".strip()
    return ""


class MessageWords(QWidget):
    """What stands for each `{{name}}` of one message; empty: the set's word (variables)."""

    edited = Signal(object, str)
    """The message's own variables, and the name whose text was typed."""

    def __init__(self, theme: Theme, undo_keys: UndoKeys) -> None:
        super().__init__()
        self._theme = theme
        self._undo_keys = undo_keys
        self._fields: dict[str, QLineEdit] = {}
        make_flow(parent=self, spacing=theme.px(12))

    def show_words(self, case: Case, prompt_set: PromptSet, *, is_read_only: bool) -> None:
        """Show a field for each name that stands in the message, and for those it has a text for.

        The field that is being typed into stays.
        """
        own, usual = dict(case.variables), dict(prompt_set.variables)
        typed = [name for name, field in self._fields.items() if field.hasFocus()]
        names = dict.fromkeys((*names_used(case, prompt_set.system_prompt), *own, *typed))
        if names.keys() != self._fields.keys():
            clear_layout(self)
            self._fields = {name: self._add_field(name) for name in names}
        self.setVisible(bool(names))
        for name, field in self._fields.items():
            if field.text() != own.get(name, ""):
                field.setText(own.get(name, ""))
            field.setPlaceholderText(usual.get(name) or self.tr("nothing yet"))
            field.setToolTip(plain_tooltip(self._explained(usual.get(name))))
            field.setReadOnly(is_read_only)

    def _explained(self, usual: str | None) -> str:
        if usual:
            return self.tr("Empty: “{0}”, as in the other messages of this set").format(usual)
        return self.tr("Empty: the name stays as it is written")

    def _add_field(self, name: str) -> QLineEdit:
        field = QLineEdit()
        field.setAccessibleName(self.tr("Text for {0} in this message").format(name))
        field.setMinimumWidth(self._theme.px(150))
        field.installEventFilter(self._undo_keys)
        field.textEdited.connect(lambda _text: self._tell(name))
        part = QWidget()
        label = ElidedLabel(f"{{{{{name}}}}}", "caption", "quiet")
        make_column(label, field, parent=part, margins=NO_MARGINS, spacing=self._theme.px(2))
        layout = self.layout()
        if layout is not None:
            layout.addWidget(part)
        part.show()
        return field

    def _tell(self, typed: str) -> None:
        found = {name: field.text() for name, field in self._fields.items()}
        self.edited.emit(tuple((name, text) for name, text in found.items() if text), typed)


class CaseEditor(QWidget):
    """Shows a message and tells what a person makes of it."""

    edited = Signal(object, str)
    """The case as it is now, and which field was typed into (empty: none)."""
    left = Signal()
    """Esc: the keyboard goes back to the table."""
    next_wanted = Signal()
    """Enter in a check: the next message is to be written."""
    height_changed = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._case: Case | None = None
        self._rows: list[CheckRow] = []
        self._is_read_only = False
        self._undo_keys = UndoKeys(self)
        self._build()
        self._connect()

    @property
    def case(self) -> Case | None:
        return self._case

    def show_case(self, case: Case | None, prompt_set: PromptSet, *, is_read_only: bool) -> None:
        """Show a message of a set; one that is shown already is left as it is being typed."""
        if case is not None:
            self._words.show_words(case, prompt_set, is_read_only=is_read_only)
        if case == self._case and is_read_only == self._is_read_only:
            return
        same = case is not None and self._case is not None and case.id == self._case.id
        checks_before = self._case.checks if same and self._case is not None else None
        self._case, self._is_read_only = case, is_read_only
        if case is None:
            return
        self._prompt.show_text(case.prompt)
        self._system.show_text(case.system_prompt or "")
        self._system_row.setVisible(case.system_prompt is not None)
        if not same or _tags(self._tags.text()) != case.tags:
            self._tags.setText(", ".join(case.tags))
        self._weight.blockSignals(True)
        self._weight.setValue(case.weight)
        self._weight.blockSignals(False)
        if not same or checks_before != case.checks:
            self._show_checks(case.checks)
        for field in (self._prompt, self._system, self._tags, self._weight):
            field.setReadOnly(is_read_only)
        self.add_button.setVisible(not is_read_only)
        self.show_tried("")

    def show_tried(self, text: str) -> None:
        """Say how the last answers do with the checks as they are now."""
        self._tried.setText(text)
        self._tried.setVisible(bool(text))

    def focus_message(self) -> None:
        """Put the keyboard into the words of the message."""
        self._prompt.setFocus(Qt.FocusReason.TabFocusReason)

    def focus_first(self) -> None:
        """Put the keyboard into the first check, or into the words of a new message."""
        if self._rows and self._prompt.toPlainText().strip():
            self._rows[0].focus_expected()
        else:
            self.focus_message()

    def _build(self) -> None:
        px = self._theme.px
        self._prompt = TextField(self._theme, self.tr("Message"))
        self._prompt.setPlaceholderText(self.tr("What each model is asked"))
        self._system = TextField(self._theme, self.tr("Said before this one (system prompt)"), 3)
        self._system_row = QWidget()
        said = make_label(self.tr("Said before this one (system prompt)"), "caption", "quiet")
        make_column(said, self._system, parent=self._system_row, margins=NO_MARGINS, spacing=px(4))
        self._words = MessageWords(self._theme, self._undo_keys)
        self._checks = QWidget()
        self._checks_column = QVBoxLayout(self._checks)
        self._checks_column.setContentsMargins(0, 0, 0, 0)
        self._checks_column.setSpacing(px(8))
        self.add_button = make_button(
            self.tr("Add a check"),
            tooltip=self.tr("All checks of a message have to hold"),
        )
        self.add_button.setProperty("small", True)
        self._tags = QLineEdit()
        self._tags.setAccessibleName(self.tr("Tags"))
        self._tags.setPlaceholderText(self.tr("tags, with commas between"))
        self._tags.setMinimumWidth(px(150))
        self._weight = WeightField(
            self._theme,
            self.tr("Counts"),
            self.tr("How much this message weighs in the weighted share; 1 is usual"),
        )
        self._weight.setRange(0.01, _MOST_WEIGHT)
        self._weight.setDecimals(2)
        self._weight.setPrefix("× ")
        self._tried = make_label("", "caption", "quiet", wrap=True)
        self._tried.hide()
        foot = make_flow(self.add_button, (self._tags, 1), self._weight, 1, self._tried)
        make_column(
            *(self._prompt, self._system_row, self._words, self._checks, foot),
            parent=self,
            margins=(px(16), px(2), px(16), px(12)),
            spacing=px(8),
        )
        for field in (self._prompt, self._system, self._tags):
            field.installEventFilter(self._undo_keys)
        self._weight.lineEdit().installEventFilter(self._undo_keys)

    def _connect(self) -> None:
        self._prompt.textChanged.connect(self._on_prompt)
        self._system.textChanged.connect(self._on_system)
        self._words.edited.connect(self._on_words)
        self._tags.textEdited.connect(self._on_tags)
        self._weight.valueChanged.connect(self._on_weight)
        self.add_button.clicked.connect(self._on_add)
        self._prompt.height_changed.connect(self.height_changed)
        self._system.height_changed.connect(self.height_changed)
        self._theme.changed.connect(self._apply_theme)
        self._apply_theme()

    def _apply_theme(self) -> None:
        side = self._theme.px(13)
        self.add_button.setIcon(self._theme.icon("plus", "text"))
        self.add_button.setIconSize(QSize(side, side))

    def _show_checks(self, checks: Sequence[Check]) -> None:
        clear_layout(self._checks)
        self._rows = []
        for check in checks:
            self._add_row(check)
        self._fit_checks()

    def _fit_checks(self) -> None:
        """Take no room for checks that are not there, and say what the button adds."""
        self._checks.setVisible(bool(self._rows))
        words = self.tr("Another check") if self._rows else self.tr("Add a check")
        self.add_button.setText(words)
        self.add_button.setAccessibleName(words)
        self.height_changed.emit()

    def _add_row(self, check: Check) -> CheckRow:
        row = CheckRow(self._theme, check, self._undo_keys)
        row.set_read_only(is_read_only=self._is_read_only)
        row.edited.connect(self._tell_checks_typed)
        row.removed.connect(self._on_removed)
        row.finished.connect(self.next_wanted)
        row.height_changed.connect(self.height_changed)
        self._rows.append(row)
        self._checks_column.addWidget(row)
        # at once: what is not shown yet takes no room
        row.show()
        return row

    def _on_add(self) -> None:
        row = self._add_row(Check(CheckKind.CONTAINS))
        self._fit_checks()
        row.focus_expected()

    def _on_removed(self) -> None:
        row = self.sender()
        if isinstance(row, CheckRow) and row in self._rows:
            self._rows.remove(row)
            row.hide()
            self._checks_column.removeWidget(row)
            row.deleteLater()
            self.add_button.setFocus()
            self._tell_checks("")
            self._fit_checks()

    def _tell_checks_typed(self) -> None:
        row = self.sender()
        place = self._rows.index(row) if isinstance(row, CheckRow) else 0
        self._tell_checks(f"check {place}")

    def _tell_checks(self, field: str) -> None:
        if self._case is not None:
            checks = tuple(row.check for row in self._rows if row.check is not None)
            self._tell(replace(self._case, checks=checks), field)

    def _on_prompt(self) -> None:
        if self._case is not None:
            self._tell(replace(self._case, prompt=self._prompt.toPlainText()), "prompt")

    def _on_system(self) -> None:
        if self._case is not None:
            self._tell(replace(self._case, system_prompt=self._system.toPlainText()), "system")

    def _on_words(self, variables: Variables, typed: str) -> None:
        if self._case is not None:
            self._tell(replace(self._case, variables=variables), f"word {typed}")

    def _on_tags(self, text: str) -> None:
        if self._case is not None:
            self._tell(replace(self._case, tags=_tags(text)), "tags")

    def _on_weight(self, value: float) -> None:
        if self._case is not None:
            self._tell(replace(self._case, weight=value), "weight")

    def _tell(self, case: Case, field: str) -> None:
        if not self._is_read_only and case != self._case:
            self._case = case
            self.edited.emit(case, field)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and not event.modifiers():
            self.left.emit()
            return
        # what no field wants is not the table's either
        event.accept()

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), self._theme.color("accent_ground"))


def _tags(text: str) -> tuple[str, ...]:
    parts = (" ".join(part.split()) for part in text.split(","))
    return tuple(dict.fromkeys(part for part in parts if part))
