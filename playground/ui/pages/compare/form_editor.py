"""The form an answer shall have: none, a little table, or a JSON schema of one's own."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit, QWidget

from playground.core.checks.form_table import FieldKind, FormField, rows_of, schema_of
from playground.core.checks.reading import require_readable
from playground.core.errors import UsageError
from playground.core.expected import Check, CheckKind
from playground.ui.theme.theme import Theme, set_properties
from playground.ui.widgets.basics import IconButton, make_button, make_label, plain_tooltip
from playground.ui.widgets.inputs import CheckBox, ComboBox
from playground.ui.widgets.layouts import NO_MARGINS, make_column, make_row

_NONE, _TABLE, _OWN = "none", "table", "own"


def _tr(text: str) -> str:
    return QCoreApplication.translate("ComparePage", text)


class FormEditor(QWidget):
    """Edits `SamplingParams.schema`; its line for what is wrong is kept free."""

    edited = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._lines: list[_Line] = []
        self._value: str | None = None
        self._build()

    @property
    def value(self) -> str | None:
        """The last schema that could be read."""
        return self._value

    @property
    def problem(self) -> str | None:
        return self._problem.text() or None

    def show_value(self, schema: str | None) -> None:
        """Show a schema as the table that makes it, or else as text."""
        self._value = schema
        rows = None if schema is None else rows_of(schema)
        self._kind.choose(_NONE if schema is None else _OWN if rows is None else _TABLE)
        self._set_rows(rows or ())
        self._text.blockSignals(True)
        self._text.setPlainText(schema or "")
        self._text.blockSignals(False)
        self._fit()
        self._mark(None)

    def focus_problem(self) -> None:
        if self._kind.value == _OWN:
            self._text.setFocus()
        else:
            wrong = (line for line in self._lines if not line.name.text().strip())
            first = next(wrong, self._lines[0] if self._lines else None)
            (self._kind if first is None else first.name).setFocus()

    def _build(self) -> None:
        px = self._theme.px
        choices = (
            (_tr("No: as the model likes"), _NONE),
            (_tr("Yes, from a table"), _TABLE),
            (_tr("Yes, my own description"), _OWN),
        )
        label = make_label(_tr("Answer as a form"), "control", wrap=True)
        self._kind = ComboBox(self._theme, _tr("Answer as a form"), choices)
        explanation = _tr(
            "The answer is JSON with the fields you name. Models here are held to it, those in "
            "the cloud are asked for it, and every answer is checked. (JSON schema)"
        )
        for part in (label, self._kind):
            part.setToolTip(plain_tooltip(explanation))
        label.setBuddy(self._kind)
        self._kind.currentIndexChanged.connect(self._on_kind)
        self._table = QWidget()
        self._rows = make_column(parent=self._table, margins=NO_MARGINS, spacing=px(6))
        self._add = make_button(_tr("Add a field"), self._on_add, kind="flat")
        self._rows.addWidget(self._add)
        self._text = QPlainTextEdit()
        self._text.setProperty("field", True)
        self._text.setTabChangesFocus(True)
        self._text.setFixedHeight(px(130))
        self._text.setAccessibleName(_tr("JSON schema of the answer"))
        self._text.setPlaceholderText('{"type": "object", "properties": {…}}')
        self._text.textChanged.connect(self._on_edited)
        self._problem = make_label("", "caption", "bad", wrap=True)
        self._problem.setAlignment(Qt.AlignmentFlag.AlignTop)
        parts = (label, self._kind, self._table, self._text, self._problem)
        make_column(*parts, parent=self, margins=NO_MARGINS, spacing=px(4))
        self._fit()

    def _fit(self) -> None:
        self._table.setVisible(self._kind.value == _TABLE)
        self._text.setVisible(self._kind.value == _OWN)
        # kept free: nothing jumps when something is wrong
        lines = 1 if self._kind.value == _NONE else 3
        self._problem.setMinimumHeight(lines * self._problem.fontMetrics().height())

    def _set_rows(self, rows: Sequence[FormField]) -> None:
        for line in self._lines:
            self._rows.removeWidget(line)
            line.hide()
            line.deleteLater()
        self._lines = []
        for row in rows:
            self._add_line(row)

    def _add_line(self, row: FormField) -> "_Line":
        line = _Line(self._theme, row, self._on_edited, self._on_removed)
        self._rows.insertWidget(len(self._lines), line)
        # now, not with the next layout: the keyboard may go there at once
        line.show()
        self._lines.append(line)
        return line

    def _on_kind(self) -> None:
        if self._kind.value == _TABLE and not self._lines:
            self._set_rows(rows_of(self._value or "") or (FormField(_tr("answer")),))
        elif self._kind.value == _OWN and not self._text.toPlainText() and self._value:
            self._text.setPlainText(self._value)
        self._fit()
        self._on_edited()

    def _on_add(self) -> None:
        # nothing is wrong with it before anything was typed
        self._add_line(FormField("")).name.setFocus()

    def _on_removed(self, line: "_Line") -> None:
        self._lines.remove(line)
        self._rows.removeWidget(line)
        line.hide()
        line.deleteLater()
        self._add.setFocus()
        self._on_edited()

    def _on_edited(self) -> None:
        try:
            self._value = self._read()
        except UsageError as error:
            self._mark(f"{error.message} {error.hint}".strip())
        else:
            self._mark(None)
        self.edited.emit()

    def _read(self) -> str | None:
        if self._kind.value == _NONE:
            return None
        schema = self._text.toPlainText()
        if self._kind.value == _TABLE:
            schema = schema_of([line.row for line in self._lines])
        require_readable(Check(CheckKind.SCHEMA, schema))
        return schema

    def _mark(self, problem: str | None) -> None:
        self._problem.setText(problem or "")
        set_properties(self._text, (("invalid", problem is not None),))


class _Line(QWidget):
    """One field of the form."""

    def __init__(
        self,
        theme: Theme,
        row: FormField,
        on_edited: Callable[[], None],
        on_removed: "Callable[[_Line], None]",
    ) -> None:
        super().__init__()
        self.name = QLineEdit(row.name)
        self.name.setAccessibleName(_tr("Name of the field"))
        self.name.setPlaceholderText(_tr("name"))
        choices = (
            (_tr("text"), FieldKind.TEXT),
            (_tr("number"), FieldKind.NUMBER),
            (_tr("whole number"), FieldKind.WHOLE),
            (_tr("yes or no"), FieldKind.YES_NO),
            (_tr("list of texts"), FieldKind.TEXTS),
            (_tr("one of…"), FieldKind.ONE_OF),
        )
        self._kind = ComboBox(theme, _tr("Kind of the field"), choices)
        self._kind.choose(row.kind)
        self._needed = CheckBox(theme, _tr("needed"), _tr("The answer must have this field"))
        self._needed.setChecked(row.is_needed)
        self._choices = QLineEdit("|".join(row.choices))
        self._choices.setAccessibleName(_tr("What to choose from"))
        self._choices.setPlaceholderText(_tr("good|bad|neither"))
        self._choices.setToolTip(plain_tooltip(_tr("Separated by | signs")))
        remove = IconButton(theme, "close", _tr("Remove this field"))
        remove.clicked.connect(lambda: on_removed(self))
        self._on_edited = on_edited
        lines = (
            make_row((self.name, 1), remove),
            make_row((self._kind, 1), self._needed),
            self._choices,
        )
        make_column(*lines, parent=self, margins=NO_MARGINS, spacing=theme.px(3))
        self.name.textEdited.connect(self._edited)
        self._choices.textEdited.connect(self._edited)
        self._kind.currentIndexChanged.connect(self._edited)
        self._needed.toggled.connect(self._edited)
        self._choices.setVisible(row.kind is FieldKind.ONE_OF)

    @property
    def row(self) -> FormField:
        kind = self._kind.value
        parts = (part.strip() for part in self._choices.text().split("|"))
        choices = tuple(dict.fromkeys(part for part in parts if part))
        is_choice = kind is FieldKind.ONE_OF
        return FormField(
            self.name.text().strip(),
            kind,
            self._needed.isChecked(),
            choices if is_choice else (),
        )

    def _edited(self) -> None:
        self._choices.setVisible(self._kind.value is FieldKind.ONE_OF)
        self._on_edited()
