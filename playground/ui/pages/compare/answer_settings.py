"""The drawer: how answers are made, for all targets or for one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import (
    QFrame,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from playground.core.chat import SamplingParams
from playground.core.turns import SEED_LIMIT
from playground.ui.format import words_in
from playground.ui.pages.compare.form_editor import FormEditor
from playground.ui.theme.theme import Theme, set_properties
from playground.ui.widgets.basics import IconButton, make_button, make_label, plain_tooltip
from playground.ui.widgets.inputs import ComboBox, SwitchedNumber
from playground.ui.widgets.layouts import make_column, make_row, make_scroll_area


def _tr(text: str) -> str:
    return QCoreApplication.translate("ComparePage", text)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One field: `name` is the technical name, the rest is in plain words."""

    name: str
    label: Callable[[], str]
    explanation: Callable[[], str]
    low: float = 0
    high: float = 1
    is_whole: bool = False
    is_text: bool = False


_LENGTH = "max_tokens"

PARAMETERS: tuple[Parameter, ...] = (
    Parameter(
        "temperature",
        lambda: _tr("Variety"),
        lambda: _tr(
            "0: always the likeliest word. 1: as the model learned it. Higher: more surprising."
        ),
        high=2,
    ),
    Parameter(
        _LENGTH,
        lambda: _tr("Longest answer"),
        lambda: _tr("In tokens (pieces of words; three words are about four tokens)."),
        low=1,
        high=1_000_000,
        is_whole=True,
    ),
    Parameter(
        "seed",
        lambda: _tr("Chance number"),
        lambda: _tr(
            "The same number makes a local model answer the same way again. Empty: a new one "
            "each time, which is shown in the details."
        ),
        high=SEED_LIMIT - 1,
        is_whole=True,
    ),
    Parameter(
        "top_p",
        lambda: _tr("Only likely words"),
        lambda: _tr("Choose among the likeliest words that together reach this probability."),
    ),
    Parameter(
        "top_k",
        lambda: _tr("Words to choose from"),
        lambda: _tr("Choose among so many of the likeliest words; 0 is all."),
        high=100_000,
        is_whole=True,
    ),
    Parameter(
        "min_p",
        lambda: _tr("Leave out unlikely words"),
        lambda: _tr("Leave out words less likely than this share of the likeliest one."),
    ),
    Parameter(
        "repeat_penalty",
        lambda: _tr("Avoid repeating"),
        lambda: _tr("1: not at all. 1.1: a little. More may sound odd."),
        low=0.1,
        high=5,
    ),
    Parameter(
        "stop",
        lambda: _tr("End the answer at"),
        lambda: _tr("The answer ends where one of these texts comes; separated by | signs."),
        is_text=True,
    ),
)


_MOST_ALTERNATIVES = 20
_USUAL_ALTERNATIVES = 5


def parse(text: str, parameter: Parameter) -> float | tuple[str, ...] | None:
    """Return the value of a field; raises `ValueError` with a sentence for a person."""
    if parameter.is_text:
        return tuple(part for part in text.split("|") if part)
    cleaned = text.strip().replace(",", ".")
    if not cleaned:
        return None
    try:
        value = int(cleaned) if parameter.is_whole else float(cleaned)
    except ValueError as error:
        raise ValueError(_range(parameter)) from error
    if not parameter.low <= value <= parameter.high:
        raise ValueError(_range(parameter))
    return value


def as_text(sampling: SamplingParams, parameter: Parameter) -> str:
    value = getattr(sampling, parameter.name)
    if parameter.is_text:
        return "|".join(value)
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _range(parameter: Parameter) -> str:
    kind = (
        _tr("A whole number from {low} to {high}, or nothing.")
        if parameter.is_whole
        else _tr("A number from {low} to {high}, or nothing.")
    )
    return kind.format(low=f"{parameter.low:g}", high=f"{parameter.high:,.10g}")


@dataclass(frozen=True, slots=True)
class Draft:
    """What the drawer holds for all targets or for one; `system` is `None` where not overridden."""

    sampling: SamplingParams = SamplingParams()
    system: str | None = None


_WIDTH = 330
_UNLIMITED = 16_777_215
"""Qt's own word for no limit, QWIDGETSIZE_MAX."""


class AnswerSettings(QFrame):
    """Edits a shared draft and one for each target that differs."""

    changed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._scope = ""
        self._drafts: dict[str, Draft] = {"": Draft(system="")}
        self._fields: dict[str, QLineEdit] = {}
        self._problems: dict[str, QLabel] = {}
        self._is_loading = False
        self._build()
        self._load()

    @property
    def shared(self) -> Draft:
        return self._drafts[""]

    def override(self, key: str) -> Draft | None:
        draft = self._drafts.get(key)
        return draft if draft is not None and draft != Draft() else None

    def set_drafts(self, shared: Draft, overrides: dict[str, Draft] | None = None) -> None:
        self._drafts = {"": shared, **(overrides or {})}
        self._load()

    def set_targets(self, targets: Sequence[tuple[str, str]]) -> None:
        """Offer these targets (key, name) beside “all models”."""
        choices = [(name, key) for key, name in targets]
        self._scopes.set_choices([(self.tr("All models"), ""), *choices])
        self.set_scope(self._scope if self._scope in dict(targets) else "")

    def set_alone(self, *, is_alone: bool) -> None:
        """Take the whole page, or only the width of a drawer."""
        width = self._theme.px(_WIDTH)
        self.setMinimumWidth(width)
        self.setMaximumWidth(_UNLIMITED if is_alone else width)

    def set_scope(self, key: str) -> None:
        """Edit what differs for one target; the empty key is all targets."""
        self._scope = key
        self._scopes.choose(key)
        self._load()

    def _build(self) -> None:
        self.setObjectName("drawer")
        px = self._theme.px
        self.close_button = IconButton(self._theme, "close", self.tr("Close the answer settings"))
        title = make_label(self.tr("Answer settings"), "heading", wrap=True)
        head = make_row((title, 1), self.close_button)
        self._scopes = ComboBox(self._theme, self.tr("Settings are for"))
        self._scopes.setToolTip(self.tr("For all models, or only for the one chosen here"))
        self._scopes.set_choices([(self.tr("All models"), "")])
        self._scopes.picked.connect(self._on_scope)
        body = QWidget()
        # while it is empty: a filled one would be styled now, and again at every change of parent
        scroll = make_scroll_area(body)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.viewport().setAutoFillBackground(False)
        make_column(
            *(head, self._scopes, (scroll, 1)),
            parent=self,
            margins=(px(18), px(16), px(10), px(10)),
            spacing=px(10),
        )
        form = make_column(parent=body, margins=(0, 0, px(8), 0), spacing=px(4))
        self._build_system(form)
        self._build_thinking(form)
        self._form = FormEditor(self._theme)
        self._form.edited.connect(self._on_edited)
        form.addWidget(self._form)
        for parameter in PARAMETERS:
            self._build_field(form, parameter)
        self._probabilities = SwitchedNumber(
            self._theme,
            _tr("Show probabilities"),
            _tr("How many words that could have come instead to show for each"),
            word="logprobs",
            highest=_MOST_ALTERNATIVES,
            usual=_USUAL_ALTERNATIVES,
        )
        self._probabilities.edited.connect(self._on_edited)
        form.addWidget(self._probabilities)
        form.addWidget(
            make_button(
                self.tr("Back to the defaults"),
                self._reset,
                kind="flat",
                tooltip=self.tr("Leave every choice to the models again"),
            )
        )
        form.addStretch(1)

    def _build_system(self, form: QVBoxLayout) -> None:
        form.addWidget(make_label(self.tr("Instructions for the model"), "control", wrap=True))
        form.addWidget(make_label(self.tr("system prompt"), "caption", "quiet"))
        self._system = QPlainTextEdit()
        self._system.setProperty("field", True)
        self._system.setTabChangesFocus(True)
        self._system.setFixedHeight(self._theme.px(86))
        self._system.setAccessibleName(self.tr("Instructions for the model"))
        self._system.setToolTip(
            self.tr("Said to the model before your prompt, for example: answer like a pirate.")
        )
        self._system.textChanged.connect(self._on_edited)
        form.addWidget(self._system)

    def _build_thinking(self, form: QVBoxLayout) -> None:
        form.addSpacing(self._theme.px(6))
        label = make_label(self.tr("Think first"), "control")
        form.addLayout(make_row((label, 1), make_label("reasoning", "caption", "quiet")))
        choices = (
            (self.tr("As the model likes"), None),
            (self.tr("Yes"), True),
            (self.tr("No"), False),
        )
        self._thinking = ComboBox(self._theme, self.tr("Think first"), choices)
        self._thinking.setToolTip(
            self.tr("Some models write down their thoughts before they answer. It takes longer.")
        )
        self._thinking.currentIndexChanged.connect(self._on_edited)
        label.setBuddy(self._thinking)
        form.addWidget(self._thinking)
        # as far from the next as the fields, which keep room for what is wrong with them
        form.addSpacing(self._theme.px(18))

    def _build_field(self, form: QVBoxLayout, parameter: Parameter) -> None:
        label = make_label(parameter.label(), "control", wrap=True)
        word = make_label(parameter.name, "caption", "quiet")
        form.addLayout(make_row((label, 1), word))
        field = QLineEdit()
        field.setAccessibleName(parameter.label())
        explanation = f"{parameter.explanation()} ({parameter.name})"
        for part in (label, field):
            part.setToolTip(plain_tooltip(explanation))
        field.setProperty("parameter", parameter.name)
        field.textEdited.connect(self._on_edited)
        label.setBuddy(field)
        if parameter.name == _LENGTH:
            self._length_words = make_label("", "caption", "quiet")
            form.addLayout(make_row((field, 1), self._length_words))
        else:
            form.addWidget(field)
        problem = make_label("", "caption", "bad", wrap=True)
        # its line is kept free: nothing jumps when something is wrong
        policy = problem.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        problem.setSizePolicy(policy)
        problem.setMinimumHeight(problem.fontMetrics().height())
        problem.hide()
        form.addWidget(problem)
        self._fields[parameter.name] = field
        self._problems[parameter.name] = problem

    def _on_scope(self, key: str) -> None:
        self._scope = key
        self._load()

    def _load(self) -> None:
        self._is_loading = True
        draft = self._drafts.get(self._scope, Draft())
        self._system.setPlainText(draft.system or "")
        self._system.setPlaceholderText(
            (self.shared.system or self.tr("as for all models"))
            if self._scope
            else self.tr("Nothing: the model answers as it was made")
        )
        self._thinking.choose(draft.sampling.think)
        self._form.show_value(draft.sampling.schema)
        for parameter in PARAMETERS:
            field = self._fields[parameter.name]
            field.setText(as_text(draft.sampling, parameter))
            inherited = as_text(self.shared.sampling, parameter) if self._scope else ""
            field.setPlaceholderText(inherited or _tr("up to the model"))
            self._mark(parameter.name, None)
        self._probabilities.show_value(draft.sampling.logprobs)
        self._show_length(draft.sampling.max_tokens or self.shared.sampling.max_tokens)
        self._is_loading = False

    def _on_edited(self) -> None:
        if self._is_loading:
            return
        sampling = SamplingParams(
            think=self._thinking.value,
            logprobs=self._probabilities.value,
            schema=self._form.value,
        )
        for parameter in PARAMETERS:
            text = self._fields[parameter.name].text()
            problem = None
            try:
                value = parse(text, parameter)
            except ValueError as error:
                problem = str(error)
                value = getattr(self._drafts.get(self._scope, Draft()).sampling, parameter.name)
            self._mark(parameter.name, problem)
            sampling = replace(sampling, **{parameter.name: value})  # type: ignore[arg-type]  # by name
        system: str | None = self._system.toPlainText()
        if self._scope and not system:
            system = None
        self._drafts[self._scope] = Draft(sampling, system)
        self._show_length(sampling.max_tokens or self.shared.sampling.max_tokens)
        self.changed.emit()

    def _show_length(self, tokens: int | None) -> None:
        """Say in which unit the longest answer is, and about how many words that are."""
        unit = _tr("tokens")
        words = words_in(tokens)
        self._length_words.setText(unit if tokens is None else f"{unit}, ≈ {words}")

    @property
    def problem(self) -> str | None:
        """What is wrong with a field, as a sentence with its name; `None` where nothing is."""
        if self._form.problem is not None:
            return _tr("Answer as a form: {0}").format(self._form.problem)
        for parameter in PARAMETERS:
            sentence = self._problems[parameter.name].text()
            if sentence:
                return f"{parameter.label()}: {sentence}"
        return None

    def focus_problem(self) -> None:
        """Put the keyboard where something is wrong."""
        if self._form.problem is not None:
            self._form.focus_problem()
            return
        for name, label in self._problems.items():
            if label.text():
                self._fields[name].setFocus()
                self._fields[name].selectAll()
                return

    def _mark(self, name: str, problem: str | None) -> None:
        label = self._problems[name]
        label.setVisible(problem is not None)
        label.setText(problem or "")
        set_properties(self._fields[name], (("invalid", problem is not None),))

    def _reset(self) -> None:
        self._drafts[self._scope] = Draft() if self._scope else Draft(system="")
        self._load()
        self.changed.emit()
