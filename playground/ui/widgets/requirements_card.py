"""System requirements as on a game's box: minimum, recommended, yours."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from playground.core.requirements.model import (
    Change,
    ChangeKind,
    Compatibility,
    Requirements,
    Speed,
)
from playground.ui.format import (
    WORDS_PER_TOKEN,
    exact_bytes,
    exact_speed,
    size_words,
    speed_words,
    words_in,
)
from playground.ui.theme.theme import Theme, set_role
from playground.ui.widgets.basics import (
    ElidedLabel,
    clear_layout,
    make_button,
    make_label,
    plain_tooltip,
)
from playground.ui.widgets.layouts import NO_MARGINS, make_column, make_flow

_TONES = {
    Compatibility.RUNS_GREAT: "local",
    Compatibility.RUNS: "local",
    Compatibility.SLOW: "caution",
    Compatibility.WONT_FIT: "bad",
}

_SHORT = 9
_YOURS = 3
"""The last column."""


class RequirementBox(QWidget):
    """The table of figures, and below it what would change the verdict."""

    context_asked = Signal(int)
    kv_type_asked = Signal(str)
    hub_asked = Signal()
    version_asked = Signal(str)
    """The quantization of another version."""

    def __init__(self, theme: Theme, *, has_versions: bool = False) -> None:
        """Take whether other versions can be chosen here, for a model that is not here yet."""
        super().__init__()
        self._theme = theme
        self._has_versions = has_versions
        self._cells: dict[tuple[int, int], QLabel] = {}
        self._shown: Requirements | None = None
        self._build()

    def show_needs(self, needs: Requirements | None) -> None:
        """Show the figures; `None` shows that they are being worked out, in the same room."""
        if needs == self._shown:
            return
        if needs is None:
            self._shown = None
            for row, column in self._cells:
                self._say(row, column, "…")
                set_role(self._cells[row, column], "control", None)
            self._changes_box.hide()
            return
        self._shown = needs
        for column, box in ((1, needs.minimum), (2, needs.recommended)):
            self._say(1, column, "≈ " + size_words(box.memory_bytes), exact_bytes(box.memory_bytes))
            self._say(2, column, _least(box.speed))
            self._say_context(column, box.context)
        fits = needs.verdict is not Compatibility.WONT_FIT
        has_plenty = needs.free_bytes >= needs.recommended.memory_bytes
        self._say(1, _YOURS, size_words(needs.free_bytes), exact_bytes(needs.free_bytes))
        tone = "bad" if not fits else "local" if has_plenty else "caution"
        set_role(self._cells[1, _YOURS], "control", tone)
        # a line may end before the unit, not in the middle of it
        speed = speed_words(needs.speed).replace("/", "\N{WORD JOINER}/\N{WORD JOINER}")
        self._say(2, _YOURS, speed if fits else "—", exact_speed(needs.speed))
        set_role(self._cells[2, _YOURS], "control", _TONES[needs.verdict] if needs.speed else None)
        self._say_context(_YOURS, needs.need.context)
        self._show_changes(needs.changes)

    def _say(self, row: int, column: int, text: str, tooltip: str = "") -> None:
        # a figure stays with its unit where a line is long enough for both
        shown = text.replace(" ", "\N{NO-BREAK SPACE}") if len(text) <= _SHORT else text
        self._cells[row, column].setText(shown)
        self._cells[row, column].setToolTip(plain_tooltip(tooltip))

    def _say_context(self, column: int, tokens: int) -> None:
        self._say(3, column, words_in(tokens), self.tr("{0} tokens").format(f"{tokens:,}"))

    def _show_changes(self, changes: tuple[Change, ...]) -> None:
        clear_layout(self._changes_box)
        for change in changes[:3]:
            line = QWidget()
            label = make_label(self._sentence(change), "control", wrap=True)
            row = make_flow((label, 1), parent=line)
            button = self._button(change)
            if button is not None:
                row.addWidget(button)
            self._changes.addWidget(line)
        self._changes_box.setVisible(bool(changes))

    def _sentence(self, change: Change) -> str:
        leads = {
            Compatibility.RUNS_GREAT: self.tr("it would run great"),
            Compatibility.RUNS: self.tr("it would run"),
            Compatibility.SLOW: self.tr("it would run, slowly"),
            Compatibility.WONT_FIT: "",
        }[change.verdict]
        freed = size_words(change.frees_bytes)
        match change.kind:
            case ChangeKind.CLOSE_PROGRAMS:
                said = self.tr("Close {0} ({1} of memory) and {2}.")
                return said.format(change.detail, freed, leads)
            case ChangeKind.SHORTER_CONTEXT:
                said = self.tr("Let it keep only {0} in mind and {1}.")
                return said.format(words_in(change.context), leads)
            case ChangeKind.SMALLER_KV_TYPE:
                return self.tr("Keep the conversation less exactly and {0}.").format(leads)
            case ChangeKind.SMALLER_QUANTIZATION:
                said = self.tr("Take a smaller version ({0}) and {1}.")
                return said.format(change.detail, leads)
            case ChangeKind.SMALLER_MODEL:
                return self.tr("A smaller model would run better on this computer.")

    def _button(self, change: Change) -> QWidget | None:
        if self._has_versions:
            if change.kind is not ChangeKind.SMALLER_QUANTIZATION:
                return None
            return make_button(
                self.tr("Choose it"),
                lambda: self.version_asked.emit(change.detail),
                tooltip=self.tr("Offer this version instead"),
            )
        match change.kind:
            case ChangeKind.SHORTER_CONTEXT if change.context is not None:
                context = change.context
                return make_button(
                    self.tr("Do it"),
                    lambda: self.context_asked.emit(context),
                    tooltip=self.tr("Keep {0} tokens").format(f"{context:,}"),
                )
            case ChangeKind.SMALLER_KV_TYPE:
                return make_button(
                    self.tr("Do it"),
                    lambda: self.kv_type_asked.emit(change.detail),
                    tooltip=self.tr("KV cache type {0}").format(change.detail),
                )
            case ChangeKind.SMALLER_MODEL | ChangeKind.SMALLER_QUANTIZATION:
                return make_button(
                    self.tr("Get models"),
                    self.hub_asked.emit,
                    tooltip=self.tr("Find one on the Hugging Face Hub"),
                )
            case _:
                return None

    def _build(self) -> None:
        px = self._theme.px
        grid = QGridLayout()
        grid.setHorizontalSpacing(px(6))
        grid.setVerticalSpacing(px(7))
        heads = (
            ("", ""),
            (
                self.tr("Minimum"),
                self.tr("With the shortest conversation that makes sense, at a reader's pace"),
            ),
            (
                self.tr("Recommended"),
                self.tr("With a usual conversation and room for other programs"),
            ),
            (self.tr("Yours"), self.tr("This computer, now")),
        )
        for place, (text, why) in enumerate(heads):
            # as wide as a long word: figures wrap, a head does not
            head = ElidedLabel(text, "caption", "quiet", least=11)
            head.setToolTip(plain_tooltip(why))
            grid.addWidget(head, 0, place)
            # what is expected here is often a range, and takes the room the others leave
            grid.setColumnStretch(place, int(place == _YOURS))
        names = (self.tr("Memory"), self.tr("Speed"), self.tr("Keeps in mind"))
        for row, name in enumerate(names, 1):
            grid.addWidget(make_label(name, "caption", "quiet", wrap=True), row, 0)
            for place in range(1, 4):
                cell = make_label(role="control", wrap=True)
                cell.setAccessibleName(f"{heads[place][0]}: {name}")
                self._cells[row, place] = cell
                grid.addWidget(cell, row, place)
        box = self._changes_box = QWidget()
        self._changes = make_column(parent=box, margins=NO_MARGINS, spacing=px(6))
        make_column(grid, box, parent=self, margins=NO_MARGINS, spacing=px(8))


def _least(speed: Speed | None) -> str:
    return "—" if speed is None else f"{round(speed.low_tokens_per_s * WORDS_PER_TOKEN)} words/s"
