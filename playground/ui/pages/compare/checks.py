"""What makes an answer right, as chips under the prompt."""

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QLineEdit, QWidget

from playground.core.checks.reading import check_words, read_check
from playground.core.errors import UsageError
from playground.core.expected import Check, CheckKind
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import make_button, make_label, plain_tooltip
from playground.ui.widgets.flow_layout import FlowLayout
from playground.ui.widgets.inputs import ComboBox
from playground.ui.widgets.layouts import NO_MARGINS, make_column, make_row
from playground.ui.widgets.popup import Popup
from playground.ui.widgets.target_picker import TargetChip


def _tr(text: str) -> str:
    return QCoreApplication.translate("ComparePage", text)


_WIDTH = 380


class CheckBar(QWidget):
    """Chips of the checks, hidden while there are none; Delete on a chip removes it."""

    changed = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._checks: list[Check] = []
        self._chips: list[TargetChip] = []
        self._row = FlowLayout(self, spacing=theme.px(8))
        self._row.setContentsMargins(0, theme.px(8), 0, 0)
        self._row.addWidget(make_label(_tr("Right when the answer…"), "caption", "quiet"))
        self._popup: Popup | None = None
        self.hide()

    @property
    def checks(self) -> tuple[Check, ...]:
        return tuple(self._checks)

    def set_checks(self, checks: tuple[Check, ...]) -> None:
        self._checks = [*checks]
        self._show()

    def open_editor(self, anchor: QWidget) -> None:
        """Ask for one more check beside `anchor`."""
        if self._popup is not None:
            self._popup.deleteLater()
        editor = CheckEditor(self._theme)
        self._popup = Popup(self._theme, _tr("Add a check"), editor, anchor)
        editor.added.connect(self._on_added)
        self._popup.open_at(anchor, _WIDTH)
        editor.value.setFocus(Qt.FocusReason.PopupFocusReason)

    def _on_added(self, check: Check) -> None:
        if check not in self._checks:
            self._checks.append(check)
        self._show()
        if self._popup is not None:
            self._popup.close()

    def _show(self) -> None:
        for chip in self._chips:
            self._row.removeWidget(chip)
            chip.hide()
            chip.deleteLater()
        self._chips = []
        for check in self._checks:
            words = check_words(check)
            chip = TargetChip(self._theme, words, "chip", "check", f"{words}\n{check.expected}")
            chip.button.setAccessibleName(_tr("Check: {words}").format(words=words))
            chip.remove_button.clicked.connect(self._on_removed)
            self._row.addWidget(chip)
            self._chips.append(chip)
        self.setVisible(bool(self._checks))
        self.changed.emit()

    def _on_removed(self) -> None:
        removed = self.sender()
        number = next(
            (n for n, chip in enumerate(self._chips) if chip.remove_button is removed), None
        )
        if number is not None:
            del self._checks[number]
            self._show()


class CheckEditor(QWidget):
    """Kind and value of one check, and what is wrong with it."""

    added = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        kinds = (
            (_tr("mentions"), CheckKind.CONTAINS),
            (_tr("does not mention"), CheckKind.NOT_CONTAINS),
            (_tr("mentions one of (split by |)"), CheckKind.ANY_OF),
            (_tr("mentions all of (split by |)"), CheckKind.ALL_OF),
            (_tr("begins with"), CheckKind.BEGINS_WITH),
            (_tr("is exactly"), CheckKind.EQUALS),
            (_tr("ends with the number (42±0.5)"), CheckKind.NUMBER),
            (_tr("has at most so many words"), CheckKind.MAX_WORDS),
            (_tr("has at least so many words"), CheckKind.MIN_WORDS),
            (_tr("takes at most so many seconds"), CheckKind.MAX_SECONDS),
            (_tr("costs at most so many dollars"), CheckKind.MAX_USD),
            (_tr("matches a pattern (regex)"), CheckKind.REGEX),
            (_tr("is JSON"), CheckKind.JSON),
        )
        title = make_label(_tr("Right when the answer…"), "heading", wrap=True)
        self._kind = ComboBox(theme, _tr("Kind of check"), kinds)
        self._kind.choose(CheckKind.CONTAINS)
        self._kind.currentIndexChanged.connect(self._fit)
        self.value = QLineEdit()
        self.value.setAccessibleName(_tr("What the check looks for"))
        self.value.returnPressed.connect(self._on_add)
        self.value.textEdited.connect(self._unmark)
        self._problem = make_label("", "caption", "bad", wrap=True)
        self._problem.setMinimumHeight(2 * self._problem.fontMetrics().height())
        self.add_button = make_button(
            _tr("Add"),
            self._on_add,
            kind="primary",
            tooltip=_tr("Every answer gets a ✓ or ✕ for it, here on this computer"),
            name=_tr("Add this check"),
        )
        parts = (title, self._kind, self.value, self._problem, make_row(1, self.add_button))
        make_column(*parts, parent=self, margins=NO_MARGINS, spacing=theme.px(8))

    def _fit(self) -> None:
        self.value.setEnabled(self._kind.value is not CheckKind.JSON)
        self._unmark()

    def _unmark(self) -> None:
        self._problem.setText("")

    def _on_add(self) -> None:
        if self.value.isEnabled() and not self.value.text().strip():
            self._problem.setText(_tr("Type what to look for first."))
            self.value.setFocus()
            return
        try:
            check = read_check(self._kind.value, self.value.text())
        except UsageError as error:
            self._problem.setText(error.message)
            self._problem.setToolTip(plain_tooltip(error.hint))
            self.value.setFocus()
            return
        self.added.emit(check)
