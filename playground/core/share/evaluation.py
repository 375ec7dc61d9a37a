"""An evaluation as a document: how each model did, what tells them apart, question by question."""

from collections.abc import Callable, Mapping, Sequence

from playground.core.amounts import UNKNOWN, moment_words, money, rate, seconds
from playground.core.evaluations import (
    Evaluation,
    ModelResult,
    UnitResult,
    pair_sentence,
    ranked,
    report,
)
from playground.core.expected import Outcome
from playground.core.prompt_sets import Case, filled
from playground.core.runs import Provenance, Run
from playground.core.share.comparison import (
    OUTCOMES,
    About,
    answer_quote,
    machine_facts,
    sampling_words,
)
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
    Quote,
    QuoteKind,
    Row,
    Section,
    Sentences,
    Table,
    counted,
    left_out,
)
from playground.core.share.names import Names

_COLUMNS = (
    Column("right_of_scored", "Right"),
    Column("interval", "95 % interval"),
    Column("not_scored", "Not scored"),
    Column("group", "Group"),
    Column("total_s", "Whole answer", "s"),
    Column("usd_per_1000", "Cost of 1,000", "USD"),
)
_MORE = (
    Column("right", "Right"),
    Column("scored", "Scored"),
    Column("share", "Share right"),
    Column("interval_low", "95 % interval from"),
    Column("interval_high", "95 % interval to"),
    Column("weighted_share", "Share right, by weight"),
    Column("always_right", "Right every time"),
    Column("answers", "Answers"),
    Column("total_low_s", "Whole answer, lower quartile", "s"),
    Column("total_high_s", "Whole answer, upper quartile", "s"),
    Column("tokens_per_s", "Tokens a second, median", "tokens/s"),
    Column("words_per_s", "Words a second, median", "words/s"),
    Column("cost_usd", "Cost of all answers", "USD"),
)
_PERCENT = 100.0


def evaluation_document(
    evaluation: Evaluation,
    results: Sequence[UnitResult],
    runs: Mapping[str, Run],
    about: About,
) -> Document:
    """Return what may leave of an evaluation; `runs` are its answers by run id, where wanted."""
    written = _Evaluation(evaluation, results, runs, about)
    moment = evaluation.created_at
    return Document(
        kind="evaluation",
        title=about.scrubber.clean_name(evaluation.prompt_set.name) or "A test",
        created_at=moment,
        when="" if moment is None else moment_words(moment, about.zone),
        facts=tuple(written.facts()),
        sections=tuple(written.sections()),
    )


class _Evaluation:
    """One evaluation on its way into sections."""

    def __init__(
        self,
        evaluation: Evaluation,
        results: Sequence[UnitResult],
        runs: Mapping[str, Run],
        about: About,
    ) -> None:
        self._evaluation = evaluation
        self._results = results
        self._runs = runs
        self._about = about
        self._choice = about.choice
        self._by_case: dict[str, list[UnitResult]] = {}
        for result in results:
            self._by_case.setdefault(result.unit.case, []).append(result)
        self._report = report(evaluation, results)
        self._names = Names(evaluation.targets, about.choice, about.scrubber)
        keys = [target.key for target in evaluation.targets]
        self._name = dict(zip(keys, self._names.names, strict=True))
        self._place: dict[str, Place] = dict(zip(keys, self._names.places, strict=True))

    def facts(self) -> list[tuple[str, str]]:
        evaluation = self._evaluation
        cases, targets = len(evaluation.prompt_set.cases), len(evaluation.targets)
        asked = (
            f"{counted(cases, 'question', 'questions')} to {counted(targets, 'model', 'models')}"
        )
        if evaluation.repeats > 1:
            asked += f", each asked {evaluation.repeats} times"
        facts = [("Asked", asked)]
        if len(self._results) < evaluation.unit_count:
            done = f"{len(self._results):,} of {evaluation.unit_count:,} answers are there"
            facts.append(("Not finished", done))
        facts.append(("Settings", sampling_words(evaluation.sampling)))
        if not self._names.are_told:
            facts.append(("Names", left_out(Part.NAMES).sentence))
        return [*facts, *machine_facts(self._about)]

    def sections(self) -> list[Section]:
        sections = [Section("", (*self._figures(),))]
        blocks = self._outcomes()
        if blocks:
            sections.append(Section("Question by question", tuple(blocks)))
        if not {Part.PROMPT, Part.ANSWERS} & self._choice:
            missing = (left_out(Part.PROMPT), left_out(Part.ANSWERS))
            return [*sections, Section("Questions and answers", missing)]
        cases = enumerate(self._evaluation.prompt_set.cases, 1)
        return sections + [Section(f"Question {n}", self._case(case)) for n, case in cases]

    def _figures(self) -> list[Block]:
        if Part.FIGURES not in self._choice:
            return [left_out(Part.FIGURES)]
        models = ranked(self._report.models)
        rows = tuple(
            Row(self._name[model.target], _cells(model), self._place[model.target])
            for model in models
        )
        caption = "Right answers, median times and costs"
        blocks: list[Block] = [Table("results", caption, "Model", _COLUMNS, rows)]
        said = tuple(pair_sentence(pair, self._name) for pair in self._report.pairs)
        if said:
            blocks.append(Sentences(said))
        blocks += [chart for chart in (self._shares(models), self._costs(models)) if chart]
        more = tuple(
            Row(self._name[model.target], _more_cells(model), self._place[model.target])
            for model in models
        )
        blocks.append(Table("more_results", "More figures", "Model", _MORE, more, is_turned=True))
        return blocks

    def _shares(self, models: Sequence[ModelResult]) -> Chart | None:
        points = tuple(
            Point(
                self._name[model.target],
                _PERCENT * model.share,
                f"{model.right} of {model.scored}",
                low=_PERCENT * model.interval[0],
                high=_PERCENT * model.interval[1],
                place=self._place[model.target],
            )
            for model in models
            if model.share is not None and model.interval is not None
        )
        if not points:
            return None
        caption = (
            "Share of right answers. The line is the interval in which the true share lies with "
            "95 % certainty."
        )
        return Chart("shares", ChartKind.INTERVALS, caption, "right", "%", points)

    def _costs(self, models: Sequence[ModelResult]) -> Chart | None:
        points = []
        for model in models:
            cost = model.usd_per_1000
            if cost is None or model.share is None or model.interval is None:
                continue
            points.append(
                Point(
                    self._name[model.target],
                    cost,
                    f"≈ {money(cost)}",
                    low=_PERCENT * model.interval[0],
                    high=_PERCENT * model.interval[1],
                    height=_PERCENT * model.share,
                    place=self._place[model.target],
                )
            )
        if len(points) < 2:
            return None
        caption = "Right answers against what 1,000 such questions cost, with 95 % intervals."
        axis = "US dollars for 1,000 questions, estimated"
        kind = ChartKind.SCATTER
        return Chart("right_against_cost", kind, caption, axis, "USD", tuple(points))

    def _outcomes(self) -> list[Block]:
        """Return which question each model had right, repeat by repeat."""
        if Part.FIGURES not in self._choice:
            return []
        found: dict[tuple[str, str], list[Outcome]] = {}
        for result in self._results:
            key = (result.unit.case, result.unit.target)
            found.setdefault(key, []).append(result.outcome)
        columns = tuple(
            Column(f"model_{n}", name, is_text=True) for n, name in enumerate(self._names.names, 1)
        )
        rows = tuple(
            Row(
                f"Question {number}",
                tuple(
                    _outcome(found.get((case.id, target.key), ()))
                    for target in self._evaluation.targets
                ),
            )
            for number, case in enumerate(self._evaluation.prompt_set.cases, 1)
        )
        caption = "Which answers were right"
        return [Table("questions", caption, "Question", columns, rows)] if rows else []

    def _case(self, case: Case) -> tuple[Block, ...]:
        scrubber = self._about.scrubber
        asked = filled(self._evaluation.prompt_set, case)
        blocks: list[Block] = []
        if Part.PROMPT not in self._choice:
            blocks.append(left_out(Part.PROMPT))
        else:
            if (asked.system_prompt or "").strip():
                text = scrubber.clean((asked.system_prompt or "").strip())
                blocks.append(Quote(QuoteKind.INSTRUCTIONS, "Instructions for the model", text))
            blocks.append(Quote(QuoteKind.QUESTION, "Question", scrubber.clean(asked.prompt)))
        if Part.ANSWERS not in self._choice:
            return (*blocks, left_out(Part.ANSWERS))
        blocks += [
            self._answer(result, run)
            for result in self._by_case.get(case.id, ())
            if (run := self._runs.get(result.run_id)) is not None
        ]
        return tuple(blocks)

    def _answer(self, result: UnitResult, run: Run) -> Quote:
        scrubber, key = self._about.scrubber, result.unit.target
        name = self._name.get(key, "?")
        if self._evaluation.repeats > 1:
            name += f", time {result.unit.repeat + 1}"
        told = answer_quote(run, name, self._place.get(key), (), self._about)
        sign, word = OUTCOMES[result.outcome]
        # a reason quotes what was expected, and may be an error that names its host
        tells = Part.PROMPT in self._choice and run.error is None
        reasons = " ".join(map(scrubber.clean, result.reasons)) if tells else ""
        notes = (f"{sign} {word}. {reasons}".strip(), *told.notes)
        return Quote(told.kind, told.label, told.text, told.place, notes)


def _cells(model: ModelResult) -> tuple[Cell, ...]:
    counts, interval = Cell("not scored"), Cell("unknown")
    if model.interval is not None:
        words = f"{model.right} of {model.scored}"
        counts = Cell(words, words, Provenance.MEASURED)
        low, high = (f"{100 * end:.0f}" for end in model.interval)
        interval = Cell(f"{low}–{high} %", f"{low}–{high} %", Provenance.ESTIMATED)
    median = None if model.seconds is None else model.seconds.median
    return (
        counts,
        interval,
        _count(model.not_scored),
        Cell(UNKNOWN) if model.tier is None else _count(model.tier + 1),
        _cell(median, seconds),
        _cell(model.usd_per_1000, money, Provenance.ESTIMATED),
    )


def _more_cells(model: ModelResult) -> tuple[Cell, ...]:
    low, high = model.interval or (None, None)
    times, speed, words = model.seconds, model.tokens_per_s, model.words_per_s
    return (
        _count(model.right),
        _count(model.scored),
        _cell(model.share, _percent),
        _cell(low, _percent, Provenance.ESTIMATED),
        _cell(high, _percent, Provenance.ESTIMATED),
        _cell(model.weighted_share, _percent),
        Cell("unknown") if model.always_right is None else _count(model.always_right),
        _count(model.answers),
        _cell(None if times is None else times.low, seconds),
        _cell(None if times is None else times.high, seconds),
        _cell(None if speed is None else speed.median, rate, model.speed_provenance),
        _cell(None if words is None else words.median, rate),
        _cell(model.usd, money, model.provenance),
    )


def _count(number: int) -> Cell:
    return Cell(f"{number:,}", number, Provenance.MEASURED)


def _cell(
    value: float | None,
    shown: Callable[[float], str],
    provenance: Provenance | None = Provenance.MEASURED,
) -> Cell:
    return Cell("unknown") if value is None else Cell(shown(value), value, provenance)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _outcome(outcomes: Sequence[Outcome]) -> Cell:
    """Return signs and words of one question's outcomes."""
    if not outcomes:
        return Cell("not asked")
    if len(outcomes) == 1:
        sign, word = OUTCOMES[outcomes[0]]
        return Cell(f"{sign} {word}", word)
    right = sum(outcome is Outcome.RIGHT for outcome in outcomes)
    scored = sum(outcome is not Outcome.NOT_SCORED for outcome in outcomes)
    words = f"{right} of {scored} right" if scored else "not scored"
    return Cell(words, words)
