"""The card of the opened set: its name, what is said before each message, how it is asked."""

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QFrame, QLineEdit, QVBoxLayout, QWidget
from typing_extensions import override

from playground.core.prompt_sets import PromptSet, Variables
from playground.ui.pages.tests.editor import UndoKeys
from playground.ui.pages.tests.words import (
    checks_words,
    count_words,
    form_words,
    reached_words,
)
from playground.ui.theme.theme import Theme, set_properties
from playground.ui.widgets.basics import (
    Badge,
    Disclosure,
    ElidedLabel,
    IconButton,
    clear_layout,
    make_button,
    make_label,
    plain_tooltip,
)
from playground.ui.widgets.inputs import NumberField
from playground.ui.widgets.layouts import NO_MARGINS, make_column, make_flow, make_row
from playground.ui.widgets.text_field import TextField

_MOST_TOKENS = 1_000_000
_MOST_SEED = 2**31 - 1


class VariablesTable(QWidget):
    """Names and what stands for them, a row each; unfinished rows are kept to be typed on."""

    edited = Signal(object)
    """The variables, as pairs."""

    def __init__(self, theme: Theme, undo_keys: UndoKeys) -> None:
        super().__init__()
        self._theme = theme
        self._undo_keys = undo_keys
        self._rows: list[tuple[QLineEdit, QLineEdit]] = []
        self._lines = QWidget()
        self._column = QVBoxLayout(self._lines)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(theme.px(6))
        self._explained = make_label(
            self.tr("{{name}} in a message or check is replaced by its text (variables)."),
            "caption",
            "quiet",
            wrap=True,
        )
        self._add = make_button(self.tr("Another word"), self._on_add)
        self._add.setProperty("small", True)
        make_column(
            *(self._explained, self._lines, make_flow(self._add)),
            parent=self,
            margins=NO_MARGINS,
            spacing=theme.px(6),
        )

    def show_variables(self, variables: Variables, *, is_read_only: bool) -> None:
        self._add.setVisible(not is_read_only)
        if variables == self._variables() and self._rows:
            return
        clear_layout(self._lines)
        self._rows = []
        for name, value in variables:
            self._add_row(name, value, is_read_only=is_read_only)

    def _variables(self) -> Variables:
        found = {name.text().strip(): value.text() for name, value in self._rows}
        return tuple((name, value) for name, value in found.items() if name)

    def _add_row(self, name: str, value: str, *, is_read_only: bool = False) -> QLineEdit:
        fields = (QLineEdit(name), QLineEdit(value))
        words = (self.tr("Name"), self.tr("Text"))
        for field, word in zip(fields, words, strict=True):
            field.setAccessibleName(word)
            field.setPlaceholderText(word)
            field.setReadOnly(is_read_only)
            field.installEventFilter(self._undo_keys)
            field.textEdited.connect(self._tell)
        remove = IconButton(self._theme, "trash", self.tr("Remove this word"))
        remove.setEnabled(not is_read_only)
        line = QWidget()
        remove.clicked.connect(lambda: self._remove(line, fields))
        make_row((fields[0], 1), (fields[1], 2), remove, parent=line, margins=NO_MARGINS)
        self._rows.append(fields)
        self._column.addWidget(line)
        return fields[0]

    def _on_add(self) -> None:
        self._add_row("", "").setFocus()

    def _remove(self, line: QWidget, fields: tuple[QLineEdit, QLineEdit]) -> None:
        self._rows.remove(fields)
        line.hide()
        self._column.removeWidget(line)
        line.deleteLater()
        self._add.setFocus()
        self._tell()

    def _tell(self) -> None:
        self.edited.emit(self._variables())


class SetCard(QFrame):
    """Shows a set and tells what a person makes of it; the presenter connects its buttons."""

    edited = Signal(object, str)
    """The set as it is now, and which field was typed into (empty: none)."""
    renamed = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._set: PromptSet | None = None
        self._is_narrow = self._is_renaming = False
        self._is_name_taken: Callable[[str], bool] = lambda _name: False
        self._undo_keys = UndoKeys(self)
        self.setProperty("card", "true")
        self._build()
        self._connect()
        self._apply_theme()

    def show_set(self, prompt_set: PromptSet, is_name_taken: Callable[[str], bool]) -> None:
        """Show a set; `is_name_taken` says which names others have."""
        is_other = self._set is None or self._set.id != prompt_set.id
        self._set = prompt_set
        self._is_name_taken = is_name_taken
        is_fixed = prompt_set.is_ready_made
        if is_other:
            self._end_renaming()
        self._name.set_full_text(prompt_set.name)
        said = (prompt_set.description, reached_words(prompt_set))
        self._name.setToolTip(plain_tooltip("\n".join(filter(None, said))))
        self._count.set_badge(count_words(len(prompt_set.cases)))
        words, is_whole = checks_words(prompt_set)
        self._checks.set_badge(words, "quiet" if is_whole else "caution")
        self._checks.setVisible(bool(prompt_set.cases))
        self._description.setText(prompt_set.description)
        self._reached.setText(reached_words(prompt_set))
        self.set_narrow(is_narrow=self._is_narrow)
        self._system.show_text(prompt_set.system_prompt)
        self._system.setReadOnly(is_fixed)
        self._variables.show_variables(prompt_set.variables, is_read_only=is_fixed)
        self._show_sampling(prompt_set)
        for part in (self.rename_button, self.delete_button, self.duplicate_button):
            part.setVisible(not is_fixed)
        self.copy_button.setVisible(is_fixed)
        self.run_button.setEnabled(bool(prompt_set.cases))
        self._apply_theme()

    def set_narrow(self, *, is_narrow: bool) -> None:
        """Leave out what can be done without."""
        self._is_narrow = is_narrow
        for label in (self._description, self._reached):
            label.setVisible(bool(label.text()) and not is_narrow)

    def show_results(self, *, has_results: bool, unfinished: str) -> None:
        """Offer what came out, and to go on with what has not ended; empty: all has."""
        self.results_button.setVisible(has_results)
        self.go_on_button.setVisible(bool(unfinished))
        self.go_on_button.setText(unfinished)
        self.go_on_button.setAccessibleName(unfinished)

    def rename(self) -> None:
        """Let the name be typed: Enter keeps it, Esc leaves it as it was."""
        if self._set is None or self._set.is_ready_made:
            return
        self._is_renaming = True
        self._name_field.setText(self._set.name)
        for part in (self._name, self.rename_button):
            part.hide()
        self._name_field.show()
        self._name_field.setFocus()
        self._name_field.selectAll()

    def show_length(self) -> None:
        """Lead to the longest answer that is allowed."""
        self._asked.unfold()
        self._length.setFocus()
        self._length.selectAll()

    def _show_sampling(self, prompt_set: PromptSet) -> None:
        sampling = prompt_set.sampling
        values = (
            (self._length, sampling.max_tokens or 0),
            (self._temperature, sampling.temperature or 0.0),
            (self._seed, sampling.seed or 0),
        )
        for field, value in values:
            field.blockSignals(True)
            field.setValue(value)
            field.blockSignals(False)
            field.setReadOnly(prompt_set.is_ready_made)
        self._form.setText(form_words(prompt_set))
        self._form.setVisible(bool(self._form.text()))
        count = len(prompt_set.variables)
        self._words.set_title(
            self.tr("Words to fill in: {0}").format(count) if count else self.tr("Words to fill in")
        )

    def _build(self) -> None:
        px = self._theme.px
        self._name = ElidedLabel("", "heading")
        self._name_field = QLineEdit()
        self._name_field.setAccessibleName(self.tr("Name of the set"))
        self._name_field.hide()
        self._name_field.setMaxLength(120)
        self._name_problem = make_label("", "caption", "bad", wrap=True)
        self._name_problem.hide()
        self.rename_button = IconButton(self._theme, "edit", self.tr("Rename (F2)"))
        self._count, self._checks = Badge(self._theme), Badge(self._theme)
        self.results_button = make_button(
            self.tr("Results"), tooltip=self.tr("What came out when it was run last")
        )
        self.go_on_button = make_button(
            "", tooltip=self.tr("Ask what is not answered yet; what is answered is kept")
        )
        self.go_on_button.hide()
        self.copy_button = make_button(
            self.tr("Copy to change it"), tooltip=self.tr("A set of the program stays as it is")
        )
        self.duplicate_button = IconButton(self._theme, "copy", self.tr("Duplicate this set"))
        self.delete_button = IconButton(
            self._theme, "trash", self.tr("Delete this set (can be undone)")
        )
        self.run_button = make_button(
            self.tr(" Run this set…"),
            kind="primary",
            name=self.tr("Run this set…"),
            tooltip=self.tr("Choose models, see what it takes, then start (Ctrl+Enter)"),
        )
        head = make_flow(
            *(
                (self._name, 1),
                (self._name_field, 1),
                self.rename_button,
                self._count,
                self._checks,
            ),
            *(1, self.duplicate_button, self.delete_button, self.results_button),
            self.go_on_button,
            *(self.copy_button, self.run_button),
        )
        self._description = make_label("", "caption", "quiet", wrap=True)
        self._reached = make_label("", "caption", "quiet", wrap=True)
        said = make_label(self.tr("Said before each (system prompt)"), "caption", "quiet")
        self._system = TextField(self._theme, self.tr("Said before each (system prompt)"), 3)
        self._system.setPlaceholderText(self.tr("Nothing: each model gets the message alone"))
        self._system.installEventFilter(self._undo_keys)
        self._variables = VariablesTable(self._theme, self._undo_keys)
        self._words = Disclosure(self._theme, self.tr("Words to fill in"), self._variables)
        self._asked = Disclosure(self._theme, self.tr("How they are asked"), self._build_asked())
        make_column(
            *(head, self._name_problem, self._description, self._reached, said, self._system),
            make_flow(self._asked, self._words, spacing=px(12)),
            parent=self,
            margins=(px(16), px(12), px(16), px(8)),
            spacing=px(6),
        )

    def _build_asked(self) -> QWidget:
        self._length, self._temperature, self._seed = (
            NumberField(self._theme, name, tooltip)
            for name, tooltip in (
                (
                    self.tr("Longest answer, in tokens"),
                    self.tr("A token is about three quarters of a word; longer answers are cut"),
                ),
                (
                    self.tr("Temperature"),
                    self.tr("0 answers the same each time, higher values vary more"),
                ),
                (self.tr("Seed"), self.tr("Where chance begins: the same seed, the same chances")),
            )
        )
        self._length.setRange(1, _MOST_TOKENS)
        self._temperature.setRange(0, 2)
        self._temperature.setSingleStep(0.1)
        self._seed.setRange(0, _MOST_SEED)
        for whole in (self._length, self._seed):
            whole.setDecimals(0)
        parts = []
        for field in (self._length, self._temperature, self._seed):
            part = QWidget()
            label = make_label(field.accessibleName(), "caption", "quiet")
            make_column(label, field, parent=part, margins=NO_MARGINS, spacing=self._theme.px(2))
            parts.append(part)
        self._form = make_label("", "caption", "quiet", wrap=True)
        box = QWidget()
        flow = make_flow(*parts, spacing=self._theme.px(12))
        make_column(flow, self._form, parent=box, margins=NO_MARGINS, spacing=self._theme.px(6))
        return box

    def _connect(self) -> None:
        self.rename_button.clicked.connect(self.rename)
        # Enter, or the keyboard going elsewhere
        self._name_field.editingFinished.connect(self._on_name)
        self._name_field.textEdited.connect(self._on_name_typed)
        escape = QShortcut(QKeySequence(Qt.Key.Key_Escape), self._name_field)
        escape.setContext(Qt.ShortcutContext.WidgetShortcut)
        escape.activated.connect(self._end_renaming)
        self._system.textChanged.connect(self._on_system)
        self._variables.edited.connect(self._on_variables)
        self._length.valueChanged.connect(self._on_sampling)
        self._temperature.valueChanged.connect(self._on_sampling)
        self._seed.valueChanged.connect(self._on_sampling)
        self._theme.changed.connect(self._apply_theme)

    def _on_name(self) -> None:
        if not self._is_renaming:
            return
        name = " ".join(self._name_field.text().split())
        if self._name_said(name):
            return
        self._end_renaming()
        if self._set is not None and name != self._set.name:
            self.renamed.emit(name)

    def _on_name_typed(self, text: str) -> None:
        self._show_name_problem(self._name_said(" ".join(text.split())))

    def _name_said(self, name: str) -> str:
        if not name:
            return self.tr("A set needs a name.")
        if self._is_name_taken(name):
            return self.tr("There is a set called “{0}” already.").format(name)
        return ""

    def _show_name_problem(self, problem: str) -> None:
        self._name_problem.setText(problem)
        self._name_problem.setVisible(bool(problem))
        set_properties(self._name_field, (("invalid", bool(problem)),))

    def _end_renaming(self) -> None:
        # hiding the field takes its keyboard away, which is no end of typing
        self._is_renaming = False
        had_keyboard = self._name_field.hasFocus()
        self._name_field.hide()
        self._show_name_problem("")
        self._name.show()
        self.rename_button.setVisible(self._set is not None and not self._set.is_ready_made)
        if had_keyboard:
            self.rename_button.setFocus()

    def _on_system(self) -> None:
        if self._set is not None:
            self._tell(replace(self._set, system_prompt=self._system.toPlainText()), "system")

    def _on_variables(self, variables: Variables) -> None:
        if self._set is not None:
            self._tell(replace(self._set, variables=variables), "variables")

    def _on_sampling(self) -> None:
        if self._set is not None:
            sampling = replace(
                self._set.sampling,
                max_tokens=round(self._length.value()),
                temperature=self._temperature.value(),
                seed=round(self._seed.value()),
            )
            self._tell(replace(self._set, sampling=sampling), "sampling")

    def _tell(self, prompt_set: PromptSet, field: str) -> None:
        if not prompt_set.is_ready_made and prompt_set != self._set:
            self.edited.emit(prompt_set, field)

    def _apply_theme(self) -> None:
        side = self._theme.px(15)
        is_on = self.run_button.isEnabled()
        self.run_button.setIcon(self._theme.icon("play", "on_accent" if is_on else "quiet"))
        self.run_button.setIconSize(QSize(side, side))

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_F2:
            self.rename()
            return
        super().keyPressEvent(event)
