"""What is asked before a set runs, and the dialog that takes a pasted list."""

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QDialog, QFrame, QPlainTextEdit, QWidget

from playground.core.checks.prompt_files import FileFormat
from playground.core.evaluations import Evaluation, Plan
from playground.core.expected import CheckKind
from playground.core.names import target_names
from playground.core.targets import Target
from playground.ui.format import PLACE_LOOKS
from playground.ui.pages.tests.plan_card import PlanRow
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import clear_layout, make_button, make_card, make_label
from playground.ui.widgets.inputs import CheckBox, ComboBox, NumberField
from playground.ui.widgets.layouts import (
    NO_MARGINS,
    make_column,
    make_flow,
    make_row,
    make_scroll_area,
)
from playground.ui.widgets.segmented import Segmented
from playground.ui.widgets.target_picker import TargetChip, TargetPicker

_MOST_USD = 10_000.0
_REPEATS = ("1", "3", "5")


class RunDialog(QDialog):
    """Models, how often, a ceiling; the plan below; one button starts it."""

    changed = Signal()
    """Something was chosen that changes the plan."""
    picker_wanted = Signal()
    removed = Signal(str)
    """Key of a model that is not to be asked."""
    started = Signal()
    set_picked = Signal(str)
    """Id of the set that is to be asked."""

    def __init__(
        self, theme: Theme, name: str, parent: QWidget, sets: Sequence[tuple[str, str]] = ()
    ) -> None:
        """Offer `sets`, names with their ids, where it is not decided which one is asked."""
        super().__init__(parent)
        self._theme = theme
        self._ceiling_is_typed = False
        self.setModal(True)
        self.setWindowTitle(self.tr("Run this set"))
        self.picker = TargetPicker(theme, self)
        self._sets = ComboBox(theme, self.tr("Which questions"), sets)
        self._sets.setToolTip(self.tr("The set of questions that both are asked"))
        self._build(name)
        self.resize(self._room.boundedTo(parent.window().size() - QSize(24, 24)))

    @property
    def repeats(self) -> int:
        return int(self._repeats.selected)

    def choose_repeats(self, repeats: int) -> None:
        """Light how often each message is asked, where it is one that is offered."""
        if str(repeats) in _REPEATS:
            self._repeats.select(str(repeats))

    @property
    def max_usd(self) -> float | None:
        return self._ceiling.value() or None

    @property
    def is_anew(self) -> bool:
        """True where an unfinished evaluation is to be left as it is."""
        return self._anew.isVisibleTo(self) and self._anew.isChecked()

    def show_targets(self, targets: Sequence[Target], most: int) -> None:
        clear_layout(self._chips)
        chips = self._chips.layout()
        names = target_names(targets)
        for target in targets:
            tone, icon = PLACE_LOOKS[target.place]
            chip = TargetChip(
                self._theme, names[target.key].line, tone, icon, f"{target.label} · {target.detail}"
            )
            chip.setProperty("key", target.key)
            chip.remove_button.clicked.connect(self._on_removed)
            if chips is not None:
                chips.addWidget(chip)
        self._chips.setVisible(bool(targets))
        self.add_button.setVisible(len(targets) < most)

    def show_plan(self, evaluation: Evaluation, plan: Plan, remarks: Sequence[str]) -> None:
        """Show what it takes, and what is to be known before."""
        if not self._ceiling_is_typed and plan.usd:
            self._ceiling.blockSignals(True)
            self._ceiling.setValue(max(0.5, round(plan.usd * 2, 2)))
            self._ceiling.blockSignals(False)
        elif not self._ceiling_is_typed:
            self._ceiling.blockSignals(True)
            self._ceiling.setValue(0)
            self._ceiling.blockSignals(False)
        self._plan.show_plan(evaluation, plan, self.max_usd)
        self._plan_card.show()
        self._nothing.hide()
        self._show_remarks(remarks)
        self._start.setEnabled(plan.units > 0)

    def show_nothing(self) -> None:
        """Nothing is chosen, so there is no plan."""
        self._plan_card.hide()
        self._nothing.show()
        self._show_remarks(())
        self._start.setEnabled(False)

    def show_unfinished(self, text: str) -> None:
        """Offer to go on with what is there already; an empty text offers nothing."""
        self._anew.setVisible(bool(text))
        self._unfinished.setText(text)
        self._unfinished.setVisible(bool(text))
        goes_on = bool(text) and not self._anew.isChecked()
        self._start.setText(self.tr("Go on") if goes_on else self.tr("Start"))
        self._start.setAccessibleName(self._start.text())

    def open_picker(self) -> None:
        self.picker.open_at(self.add_button)

    def _show_remarks(self, remarks: Sequence[str]) -> None:
        self._remark.setText("\n".join(remarks))
        self._remark_card.setVisible(bool(remarks))

    def _build(self, name: str) -> None:
        px = self._theme.px
        self._chips = QWidget()
        make_flow(parent=self._chips, spacing=px(6))
        self.add_button = make_button(
            self.tr("Choose models"),
            self.picker_wanted.emit,
            tooltip=self.tr("Models on this computer and in the cloud"),
        )
        side = px(13)
        self.add_button.setIcon(self._theme.icon("plus", "text"))
        self.add_button.setIconSize(QSize(side, side))
        self._repeats = Segmented(
            (
                ("1", self.tr("Once"), self.tr("The quickest")),
                (
                    "3",
                    self.tr("3 times"),
                    self.tr("A message counts as right where most answers are"),
                ),
                (
                    "5",
                    self.tr("5 times"),
                    self.tr("A message counts as right where most answers are"),
                ),
            )
        )
        self._repeats.select("1")
        self._repeats.chosen.connect(self.changed)
        self._ceiling = NumberField(
            self._theme,
            self.tr("Ceiling in dollars"),
            self.tr("It stops before it costs more; 0 is no ceiling"),
        )
        self._ceiling.setRange(0, _MOST_USD)
        self._ceiling.setDecimals(2)
        self._ceiling.setPrefix("$ ")
        self._ceiling.setSpecialValueText(self.tr("no ceiling"))
        self._ceiling.setMinimumWidth(px(110))
        self._ceiling.valueChanged.connect(self._on_ceiling)
        often = self._labelled(self.tr("How often each message is asked"), self._repeats)
        why = make_label(
            self.tr(
                "Several times shows whether a model answers the same each time. A message counts "
                "as right where most of its answers are; more messages tell models apart, more "
                "times do not."
            ),
            "caption",
            "quiet",
            wrap=True,
        )
        ceiling = self._labelled(self.tr("Stops before it costs more than"), self._ceiling)
        self._plan = PlanRow(self._theme)
        self._plan_card = make_card()
        make_column(self._plan, parent=self._plan_card, margins=(px(16), px(12), px(16), px(12)))
        self._nothing = make_label(
            self.tr("Choose a model or two: what it takes is said here before anything is asked."),
            "control",
            "quiet",
            wrap=True,
        )
        self._remark = make_label("", "control", wrap=True)
        self._remark_card = make_card("caution")
        make_column(self._remark, parent=self._remark_card, margins=(px(12), px(8), px(12), px(8)))
        self._unfinished = make_label("", "strong", wrap=True)
        self._anew = CheckBox(
            self._theme,
            self.tr("Begin anew instead"),
            self.tr("What is answered stays with the earlier one"),
        )
        self._anew.toggled.connect(self.changed)
        body = QWidget()
        make_column(
            *self._choice(),
            make_label(self.tr("Models"), "caption", "quiet"),
            *(self._chips, make_flow(self.add_button)),
            make_flow(often, ceiling, spacing=px(22)),
            why,
            *(self._plan_card, self._nothing, self._remark_card),
            make_flow((self._unfinished, 1), self._anew),
            1,
            parent=body,
            margins=NO_MARGINS,
            spacing=px(10),
        )
        scroll = make_scroll_area(body, self.tr("What is asked"))
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._start = make_button(
            self.tr("Start"), self.started.emit, kind="primary", tooltip=self.tr("Ctrl+Enter")
        )
        start = QShortcut(QKeySequence("Ctrl+Return"), self)
        start.activated.connect(self._start.click)
        cancel = make_button(self.tr("Cancel"), self.reject, tooltip=self.tr("Ask nothing (Esc)"))
        make_column(
            make_label(self.tr("Run “{0}”").format(name), "title", wrap=True),
            (scroll, 1),
            make_row(1, cancel, self._start),
            parent=self,
            margins=(px(20), px(18), px(20), px(18)),
            spacing=px(14),
        )
        self._room = QSize(px(860), px(520))

    def _choice(self) -> tuple[QWidget, ...]:
        if not self._sets.count():
            return ()
        self._sets.picked.connect(self._on_set)
        self._sets.setMaximumWidth(self._theme.px(320))
        return (make_label(self.tr("Which questions"), "caption", "quiet"), self._sets)

    def _on_set(self, set_id: str) -> None:
        self.set_picked.emit(set_id)

    def _labelled(self, text: str, part: QWidget) -> QWidget:
        box = QWidget()
        label = make_label(text, "caption", "quiet", wrap=True)
        column = make_column(label, parent=box, margins=NO_MARGINS, spacing=self._theme.px(4))
        column.addWidget(part, 0, Qt.AlignmentFlag.AlignLeft)
        return box

    def _on_removed(self) -> None:
        button = self.sender()
        chip = button.parent() if isinstance(button, QWidget) else None
        if isinstance(chip, TargetChip):
            self.removed.emit(chip.property("key"))

    def _on_ceiling(self) -> None:
        self._ceiling_is_typed = True
        self.changed.emit()


class PasteDialog(QDialog):
    """Takes a list: one question a line, or a table with a header."""

    pasted = Signal(str, object)
    """The text, and its `FileFormat`."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        px = theme.px
        self.setModal(True)
        self.setWindowTitle(self.tr("Paste a list"))
        self._format = Segmented(
            (
                ("text", self.tr("One question a line"), self.tr("Empty lines are left out")),
                (
                    "csv",
                    self.tr("A table (CSV)"),
                    self.tr(
                        "The first line names the columns: prompt, check, expected, tags, weight"
                    ),
                ),
            )
        )
        self._format.select("text")
        self._format.chosen.connect(self._show_example)
        self._text = QPlainTextEdit()
        self._text.setProperty("field", True)
        self._text.setTabChangesFocus(True)
        self._text.setAccessibleName(self.tr("The list"))
        self._kinds = make_label(
            self.tr("A check is one of: {0}.").format(", ".join(CheckKind)),
            "caption",
            "quiet",
            wrap=True,
        )
        self._show_example()
        self._problem = make_label("", "control", "bad", wrap=True)
        self._problem.hide()
        add = make_button(self.tr("Add them"), self._on_add, kind="primary", tooltip="Ctrl+Enter")
        shortcut = QShortcut(QKeySequence("Ctrl+Return"), self)
        shortcut.activated.connect(self._on_add)
        cancel = make_button(self.tr("Cancel"), self.reject, tooltip=self.tr("Add nothing (Esc)"))
        make_column(
            make_label(self.tr("Paste a list"), "title"),
            make_flow(self._format),
            (self._text, 1),
            self._kinds,
            self._problem,
            make_row(1, cancel, add),
            parent=self,
            margins=(px(20), px(18), px(20), px(18)),
            spacing=px(12),
        )
        self.resize(QSize(px(620), px(420)).boundedTo(parent.window().size() - QSize(24, 24)))
        self._text.setFocus()

    def show_problem(self, text: str) -> None:
        """Say why the list cannot be read; it stays to be mended."""
        self._problem.setText(text)
        self._problem.setVisible(bool(text))

    def _show_example(self) -> None:
        """Show in the empty field how such a list looks."""
        is_table = self._format.selected == "csv"
        self._kinds.setVisible(is_table)
        self._text.setPlaceholderText(
            self.tr(
                "prompt,check,expected,tags\n"
                "What is 7 × 8?,number,56,sums\n"
                "What is the capital of Peru?,contains,Lima,cities"
            )
            if is_table
            else self.tr("My parcel arrived with a broken lid.\nWhen do you open on Sunday?")
        )

    def _on_add(self) -> None:
        file_format = FileFormat.CSV if self._format.selected == "csv" else FileFormat.TEXT
        self.pasted.emit(self._text.toPlainText(), file_format)
