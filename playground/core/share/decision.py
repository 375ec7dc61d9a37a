"""“Local or cloud?” as a document: the answer, why, what would change it, and what it rests on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from playground.core.advice.needs import Connection, Leave, Need, Situation, Soon
from playground.core.advice.situation import Advice, AdviceRules, Costs, Criterion, Evidence, Option
from playground.core.advice.words import advise, dollars_text, seconds_text
from playground.core.amounts import moment_words, money
from playground.core.metrics import Figure
from playground.core.runs import Provenance
from playground.core.share.comparison import About, machine_facts
from playground.core.share.document import (
    Block,
    Cell,
    Chart,
    ChartKind,
    Column,
    Document,
    Part,
    Place,
    Point,
    Row,
    Section,
    Sentences,
    Table,
    left_out,
    letter,
)
from playground.core.statistics import wilson_interval

_ANSWERED: Mapping[str, Mapping[str, str]] = {
    "May the words leave this computer?": {
        Leave.NEVER: "never",
        Leave.RATHER_NOT: "rather not",
        Leave.YES: "yes",
    },
    "How soon must the answer be there?": {
        Soon.AT_ONCE: "at once",
        Soon.SECONDS: "within seconds",
        Soon.LATER: "later will do",
    },
    "How clever must it be?": {
        Need.ONE_JOB: "for one small job",
        Need.ANYTHING: "for anything",
    },
    "Is there always a connection?": {
        Connection.MOSTLY: "mostly",
        Connection.NOT_ALWAYS: "not always",
    },
}
"""Each question → its answers in words."""
_COUNTED = {
    Criterion.PRIVACY: "that words stay here",
    Criterion.RIGHT: "right answers",
    Criterion.SPEED: "speed",
    Criterion.PRICE: "price",
}
_MONTH = (
    Column("question_usd", "A question", "USD"),
    Column("month_usd", "A month", "USD"),
)
_EVIDENCE = (
    Column("right_of_scored", "Right"),
    Column("interval", "95 % interval"),
    Column("first_word_s", "First word", "s"),
    Column("question_usd", "A question", "USD"),
    Column("fits", "Fits into memory", is_text=True),
)


@dataclass(frozen=True, slots=True)
class DecisionAsked:
    """What a person asked “Local or cloud?”, and what it is answered from."""

    situation: Situation
    evidence: Evidence
    costs: Costs
    """Of a bigger computer."""
    at: datetime
    weights: Mapping[str, float] = field(default_factory=dict)
    """The sliders that were moved, 0 … 1 by `Criterion`."""
    machine: str = ""
    """The computer that is meant, in words, where it is another one."""


def decision_document(
    asked: DecisionAsked, rules: AdviceRules, test: str, about: About
) -> Document:
    """Return what may leave of an answer; it is worked out anew, with the names that may be told.

    `test` is the name of the evaluation that shows how good the models are; empty where none does.
    """
    written = _Decision(asked, rules, test, about)
    return Document(
        kind="decision",
        title=f"Local or cloud? {written.advice.title}",
        created_at=asked.at,
        when=moment_words(asked.at, about.zone),
        facts=tuple(written.facts()),
        sections=tuple(section for section in written.sections() if section.blocks),
    )


class _Decision:
    """One answer on its way into sections."""

    def __init__(self, asked: DecisionAsked, rules: AdviceRules, test: str, about: About) -> None:
        self._asked, self._rules, self._test, self._about = asked, rules, test, about
        self._has_figures = Part.FIGURES in about.choice
        self._evidence = self._named(asked.evidence)
        self.advice: Advice = advise(
            asked.situation, self._evidence, rules, asked.weights, asked.costs
        )

    def facts(self) -> list[tuple[str, str]]:
        facts = [("Shown by", self._about.scrubber.clean_name(self._test) or "no test yet")]
        if self._asked.machine and Part.MACHINE in self._about.choice:
            facts.append(("Meant for", self._about.scrubber.clean_name(self._asked.machine)))
        if Part.NAMES not in self._about.choice:
            facts.append(("Names", left_out(Part.NAMES).sentence))
        return [*facts, *machine_facts(self._about)]

    def sections(self) -> list[Section]:
        advice = self.advice
        subtitle = advice.subtitle[:1].upper() + advice.subtitle[1:]
        steps = tuple(f"{title}. {text}" for _step, title, text in advice.steps)
        changes = tuple(
            f"{each.said}: {each.title[:1].lower()}{each.title[1:]}." for each in advice.changes
        )
        return [
            Section("", _said(f"{subtitle}." if subtitle else "")),
            Section("Why", self._reasons()),
            Section("What would settle it", _said(*steps)),
            Section("Runner-up", _said(advice.runner_up)),
            Section("What would change this", _said(*changes)),
            Section("A month of this", self._month()),
            Section("What was asked for", self._situation()),
            Section("What it rests on", self._rests_on()),
        ]

    def _named(self, evidence: Evidence) -> Evidence:
        """Return the evidence with the names that may be told."""
        scrubber, tells = self._about.scrubber, Part.NAMES in self._about.choice
        options = tuple(
            replace(
                option,
                label=scrubber.clean_name(option.label) if tells else letter(number),
                name=scrubber.clean_name(option.name) if tells else letter(number),
                host=scrubber.clean(option.host) if tells else "",
            )
            for number, option in enumerate(evidence.options)
        )
        tags = tuple(replace(each, tag=scrubber.clean_name(each.tag)) for each in evidence.tags)
        return replace(evidence, options=options, tags=tags)

    def _reasons(self) -> tuple[Block, ...]:
        if not self._has_figures:
            titles = _said(*(f"{reason.title}." for reason in self.advice.reasons))
            return (*titles, left_out(Part.FIGURES))
        return _said(*(f"{reason.title}. {reason.text}" for reason in self.advice.reasons))

    def _month(self) -> tuple[Block, ...]:
        if not self._has_figures:
            return (left_out(Part.FIGURES),)
        months, per_day = self.advice.months, self._asked.situation.per_day
        rows = []
        for name, figure, fixed, place in self._ways():
            month = None
            if figure is not None:
                usd = fixed + figure.value * per_day * months.days
                is_sum = bool(fixed)
                month = Figure(usd, Provenance.ESTIMATED if is_sum else figure.provenance)
            is_power = place is Place.HERE
            cells = (_cell(figure, partial(_paid, is_power=is_power)), _cell(month, dollars_text))
            rows.append(Row(name, cells, place))
        caption = f"What {per_day:,} questions a day cost"
        table = Table("month", caption, "Place", _MONTH, tuple(rows))
        chart = self._chart()
        return (table, *([chart] if chart else []), Sentences((self._pays(),)))

    def _ways(self) -> list[tuple[str, Figure | None, float, Place]]:
        """Return each way to have a month's questions answered: a question, and what is fixed."""
        months = self.advice.months
        here, cloud = self.advice.here, self.advice.cloud
        return [
            (f"Here{_with(here)}", months.here_usd, 0.0, Place.HERE),
            (f"In the cloud{_with(cloud)}", months.cloud_usd, 0.0, Place.CLOUD),
            ("On a bigger computer", months.here_usd, months.fixed_usd, Place.HERE),
        ]

    def _chart(self) -> Chart | None:
        months, per_day = self.advice.months, self._asked.situation.per_day
        if months.here_usd is None and months.cloud_usd is None:
            return None
        most = self.advice.most_per_day
        points = [
            Point(
                name.partition(":")[0],
                most,
                f"{money(usd)} a month at {most:,} questions a day",
                low=fixed,
                height=usd,
                # a computer that is not there yet has no place
                place=None if fixed else place,
            )
            for name, figure, fixed, place in self._ways()
            if figure is not None
            for usd in (fixed + figure.value * most * months.days,)
        ]
        points.append(Point("Asked for", per_day, f"{per_day:,} a day"))
        caption = "Dollars a month by questions a day, at the prices of these runs."
        kind = ChartKind.LINES
        return Chart("months", kind, caption, "questions a day", "USD", tuple(points))

    def _pays(self) -> str:
        months, costs = self.advice.months, self._asked.costs
        bigger = (
            f"A bigger computer for {money(costs.price_usd)}, kept {costs.years:g} years and on "
            f"{costs.hours_a_day:g} hours a day at {costs.idle_watts:g} W, costs "
            f"≈ {money(months.fixed_usd)} a month at {money(costs.usd_per_kwh)} a kWh."
        )
        if words := months.pays_from_words:
            return f"{bigger} It pays from {words}."
        if months.here_usd is not None and months.cloud_usd is not None:
            return f"{bigger} It never pays: the cloud costs less a question."
        return bigger

    def _situation(self) -> tuple[Block, ...]:
        asked = self._asked
        given = (asked.situation.leave, asked.situation.soon, asked.situation.need)
        answers = [*given, asked.situation.connection]
        rows = [
            Row(question, (Cell(words[answer], words[answer]),))
            for (question, words), answer in zip(_ANSWERED.items(), answers, strict=True)
        ]
        per_day = asked.situation.per_day
        rows.insert(2, Row("How many questions a day?", (Cell(f"{per_day:,}", per_day),)))
        weights = {**self._rules.weights, **asked.weights}
        rows += [
            Row(f"How much counts: {words}", (Cell(f"{100 * share:.0f} %", share),))
            for criterion, words in _COUNTED.items()
            for share in (weights[criterion],)
        ]
        columns = (Column("answer", "Answer", is_text=True),)
        return (Table("situation", "The questions and their answers", "Question", columns,
                      tuple(rows)),)  # fmt: skip

    def _rests_on(self) -> tuple[Block, ...]:
        if not self._has_figures:
            return (left_out(Part.FIGURES),)
        options = [each for each in self._evidence.options if not self._rules.stands_in(each)]
        if not options:
            return _said("Nothing has answered yet.")
        rows = tuple(
            Row(
                option.label,
                _evidence_cells(option),
                Place.HERE if option.place == "here" else Place.CLOUD,
            )
            for option in options
        )
        caption = "What is known of each model"
        return (Table("evidence", caption, "Model", _EVIDENCE, rows),)


def _evidence_cells(option: Option) -> tuple[Cell, ...]:
    right, interval = Cell("not tested"), Cell("unknown")
    share = wilson_interval(option.right, option.scored)
    if share is not None:
        words = f"{option.right} of {option.scored}"
        right = Cell(words, words, Provenance.MEASURED)
        ends = " to ".join(f"{100 * end:.0f}" for end in share)
        interval = Cell(f"{ends} %", f"{ends} %", Provenance.ESTIMATED)
    fits = {None: "unknown", True: "yes", False: "no"}[option.fits]
    if option.place != "here":
        fits = "not needed"
    return (
        right,
        interval,
        _cell(option.first_s, seconds_text),
        _cell(option.usd, partial(_paid, is_power=option.place == "here")),
        Cell(fits, fits),
    )


def _cell(figure: Figure | None, shown: Callable[[Figure], str]) -> Cell:
    if figure is None:
        return Cell("unknown")
    return Cell(shown(figure), figure.value, figure.provenance)


def _paid(figure: Figure, *, is_power: bool) -> str:
    """Return what a question costs, and what for where nobody is paid but the power station."""
    return f"{money(figure.value)} electricity" if is_power else money(figure.value)


def _with(option: Option | None) -> str:
    return f": {option.label}" if option is not None else ""


def _said(*sentences: str) -> tuple[Block, ...]:
    told = tuple(sentence for sentence in sentences if sentence)
    return (Sentences(told),) if told else ()
