"""The questions: what a person needs, what shows how good models are, and what counts most."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QSizePolicy, QSlider, QWidget
from typing_extensions import override

from playground.core.advice.needs import Connection, Leave, Need, Situation, Soon
from playground.core.advice.situation import Criterion
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import make_label, make_line, plain_tooltip
from playground.ui.widgets.inputs import ComboBox
from playground.ui.widgets.layouts import NO_MARGINS, make_column
from playground.ui.widgets.segmented import Segmented

PER_DAY = (10, 200, 5000)
"""What is offered; the slider beside the chart takes anything between."""
_STEPS = 100


class Slider(QSlider):
    """A slider from 0 to 1, which the mouse wheel does not move in passing."""

    moved = Signal(float)

    def __init__(self, theme: Theme, name: str, tooltip: str) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self._theme = theme
        self.setRange(0, _STEPS)
        self.setPageStep(10)
        self.setAccessibleName(name)
        self.setToolTip(plain_tooltip(tooltip))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.valueChanged.connect(self._tell)

    @property
    def share(self) -> float:
        return self.value() / _STEPS

    def show_share(self, share: float) -> None:
        """Move it there without telling."""
        with QSignalBlocker(self):
            self.setValue(round(share * _STEPS))

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(70), self._theme.px(20))

    @override
    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(140), self._theme.px(20))

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()

    def _tell(self) -> None:
        self.moved.emit(self.share)


class Questions(QFrame):
    """A card of questions; it decides nothing."""

    changed = Signal()
    """Another answer was given, or a weight moved."""
    evidence_chosen = Signal()
    """Another test shall show how good models are, or another machine is meant."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setProperty("card", "true")
        self._asked: dict[str, Segmented] = {}
        self._per_day = PER_DAY[1]
        self._sliders: dict[Criterion, Slider] = {}
        self._build()

    @property
    def situation(self) -> Situation:
        """What is chosen now."""
        return Situation(
            Leave(self._asked["leave"].selected),
            Soon(self._asked["soon"].selected),
            self._per_day,
            Need(self._asked["need"].selected),
            Connection(self._asked["connection"].selected),
        )

    @property
    def weights(self) -> dict[str, float]:
        return {str(each): slider.share for each, slider in self._sliders.items()}

    @property
    def evaluation(self) -> str:
        """Id of the test that is chosen; empty for none."""
        return str(self._tests.value or "")

    @property
    def machine(self) -> str:
        """Id of the computer that is meant; empty for this one."""
        return str(self._machine.value or "")

    @property
    def machine_words(self) -> str:
        """What the computer that is meant is called; empty for this one."""
        return self._machine.currentText() if self.machine else ""

    def show_situation(self, situation: Situation, weights: dict[str, float]) -> None:
        """Show answers and weights without telling."""
        for name in ("leave", "soon", "need", "connection"):
            self._asked[name].select(str(getattr(situation, name)))
        self.show_per_day(situation.per_day)
        for criterion, slider in self._sliders.items():
            slider.show_share(weights[criterion])

    def show_per_day(self, per_day: int) -> None:
        """Light the nearest of what is offered, and count with the number itself."""
        self._per_day = per_day
        nearest = min(PER_DAY, key=lambda each: abs(each - per_day))
        self._asked["per_day"].select(str(nearest))

    def show_machines(self, machines: Sequence[tuple[str, str]]) -> None:
        """Offer computers as (words, id); the first is this one."""
        self._machine.set_choices(machines)

    def show_tests(self, tests: Sequence[tuple[str, str]], chosen: str) -> None:
        """Offer evaluations as (words, id)."""
        none = self.tr("Nothing: no test") if tests else self.tr("No test has run yet")
        self._tests.set_choices([*tests, (none, "")])
        self._tests.choose(chosen)

    def focus_first(self) -> None:
        """Put the keyboard on the first question's choice."""
        self._asked["leave"].setFocus()

    def _build(self) -> None:
        column = make_column(parent=self, spacing=8)
        for name, question, choices in self._questions():
            asked = Segmented(choices)
            asked.setAccessibleName(question)
            asked.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            asked.chosen.connect(self._on_chosen)
            self._asked[name] = asked
            self._ask(column, question, asked)
        self._machine = ComboBox(self._theme, self.tr("Which machine?"))
        self._tests = ComboBox(self._theme, self.tr("What shows how good they are?"))
        self._machine.picked.connect(self._on_evidence)
        self._tests.picked.connect(self._on_evidence)
        self._ask(column, self.tr("Which machine?"), self._machine)
        self._ask(column, self.tr("What shows how good they are?"), self._tests)
        column.addWidget(make_line())
        column.addWidget(make_label(self.tr("What counts most?"), "strong", wrap=True))
        column.addLayout(self._weights())
        column.addStretch(1)

    def _ask(self, column: Any, question: str, field: QWidget) -> None:
        label = make_label(question, "strong", wrap=True)
        label.setBuddy(field)
        part = QWidget()
        make_column(label, field, parent=part, margins=NO_MARGINS, spacing=5)
        column.addWidget(part)

    def _weights(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setColumnStretch(1, 1)
        grid.setHorizontalSpacing(self._theme.px(10))
        grid.setVerticalSpacing(self._theme.px(4))
        for row, (criterion, words, tooltip) in enumerate(
            (
                (
                    Criterion.PRIVACY,
                    self.tr("Words stay here"),
                    self.tr("How much it counts that nothing leaves this computer"),
                ),
                (
                    Criterion.RIGHT,
                    self.tr("Right answers"),
                    self.tr("How much it counts how often the answer is right"),
                ),
                (
                    Criterion.SPEED,
                    self.tr("Speed"),
                    self.tr("How much it counts how soon the first word is there"),
                ),
                (
                    Criterion.PRICE,
                    self.tr("Price"),
                    self.tr("How much it counts what a month costs"),
                ),
            )
        ):
            slider = Slider(self._theme, words, tooltip)
            slider.moved.connect(self._on_moved)
            self._sliders[criterion] = slider
            grid.addWidget(make_label(words, wrap=True), row, 0)
            grid.addWidget(slider, row, 1)
        return grid

    def _questions(self) -> Sequence[tuple[str, str, Sequence[tuple[str, str, str]]]]:
        return (
            (
                "leave",
                self.tr("May the words leave this computer?"),
                (
                    (
                        Leave.NEVER,
                        self.tr("Never"),
                        self.tr("Nothing may leave, whatever it costs"),
                    ),
                    (
                        Leave.RATHER_NOT,
                        self.tr("Rather not"),
                        self.tr("It counts against a cloud, among other things"),
                    ),
                    (Leave.YES, self.tr("Yes"), self.tr("It does not matter who reads them")),
                ),
            ),
            (
                "soon",
                self.tr("How soon must the answer be there?"),
                (
                    (Soon.AT_ONCE, self.tr("At once"), self.tr("The first word within a second")),
                    (
                        Soon.SECONDS,
                        self.tr("Seconds"),
                        self.tr("The first word within ten seconds"),
                    ),
                    (Soon.LATER, self.tr("Later"), self.tr("Nobody waits for it")),
                ),
            ),
            (
                "per_day",
                self.tr("How many questions a day?"),
                tuple(
                    (
                        str(each),
                        f"{each:,}",
                        self.tr("About {0} questions a day").format(f"{each:,}"),
                    )
                    for each in PER_DAY
                ),
            ),
            (
                "need",
                self.tr("How clever must it be?"),
                (
                    (
                        Need.ONE_JOB,
                        self.tr("One small job"),
                        self.tr("Always the same kind of question, as in your test"),
                    ),
                    (Need.ANYTHING, self.tr("Anything"), self.tr("Whatever people come up with")),
                ),
            ),
            (
                "connection",
                self.tr("Is there always a connection?"),
                (
                    (
                        Connection.MOSTLY,
                        self.tr("Mostly"),
                        self.tr("The internet is there when it is needed"),
                    ),
                    (
                        Connection.NOT_ALWAYS,
                        self.tr("Not always"),
                        self.tr("It must also work on a train or in a cellar"),
                    ),
                ),
            ),
        )

    def _on_chosen(self) -> None:
        per_day = int(self._asked["per_day"].selected)
        nearest = min(PER_DAY, key=lambda each: abs(each - self._per_day))
        if per_day != nearest:
            self._per_day = per_day
        self.changed.emit()

    def _on_moved(self) -> None:
        self.changed.emit()

    def _on_evidence(self) -> None:
        self.evidence_chosen.emit()
