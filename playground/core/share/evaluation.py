"""An evaluation as a document: how each model did, what tells them apart, question by question."""

from collections.abc import Mapping, Sequence

from playground.core.amounts import UNKNOWN, money, rate, seconds
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
    moment_words,
)
from playground.core.share.names import Names

_COLUMNS = (
    Column("right", "Right"),
    Column("scored", "Of those scored"),
    Column("not_scored", "Not scored"),
    Column("share", "Share right"),
    Column("interval_low", "95 % from"),
    Column("interval_high", "to"),
    Column("group", "Group"),
    Column("total_s", "Whole answer, median", "s"),
    Column("tokens_per_s", "Tokens a second, median", "tokens/s"),
    Column("cost_usd", "Cost of all", "USD"),
    Column("usd_per_1000", "Cost of 1,000", "USD"),
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
            Row(self._name[model.target], self._cells(model), self._place[model.target])
            for model in models
        )
        blocks: list[Block] = [Table("results", "Right answers", "Model", _COLUMNS, rows)]
        said = tuple(pair_sentence(pair, self._name) for pair in self._report.pairs)
        if said:
            blocks.append(Sentences(said))
        blocks += [chart for chart in (self._shares(models), self._costs(models)) if chart]
        return blocks

    def _cells(self, model: ModelResult) -> tuple[Cell, ...]:
        low, high = model.interval or (None, None)
        speed, whole = model.tokens_per_s, model.seconds
        per_1000 = model.usd_per_1000
        return (
            _count(model.right),
            _count(model.scored),
            _count(model.not_scored),
            _share(model.share),
            _share(low, Provenance.ESTIMATED),
            _share(high, Provenance.ESTIMATED),
            Cell(UNKNOWN) if model.tier is None else _count(model.tier + 1),
            _unknown()
            if whole is None
            else Cell(seconds(whole.median), whole.median, Provenance.MEASURED),
            _unknown()
            if speed is None
            else Cell(rate(speed.median), speed.median, model.speed_provenance),
            _unknown()
            if model.usd is None
            else Cell(money(model.usd), model.usd, model.provenance),
            _unknown()
            if per_1000 is None
            else Cell(money(per_1000), per_1000, Provenance.ESTIMATED),
        )

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
        return Chart("shares", ChartKind.INTERVALS, caption, "% right", points)

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
        return Chart("right_against_cost", ChartKind.SCATTER, caption, axis, tuple(points))

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
        told = answer_quote(
            run,
            name,
            self._place.get(key),
            (),
            scrubber,
            tells_error=self._names.are_told,
            tells_checks=False,
        )
        sign, word = OUTCOMES[result.outcome]
        # a reason quotes what was expected, and may be an error that names its host
        tells = Part.PROMPT in self._choice and run.error is None
        reasons = " ".join(map(scrubber.clean, result.reasons)) if tells else ""
        notes = (f"{sign} {word}. {reasons}".strip(), *told.notes)
        return Quote(told.kind, told.label, told.text, told.place, notes)


def _unknown() -> Cell:
    return Cell("unknown")


def _count(number: int) -> Cell:
    return Cell(f"{number:,}", number, Provenance.MEASURED)


def _share(share: float | None, provenance: Provenance = Provenance.MEASURED) -> Cell:
    return _unknown() if share is None else Cell(f"{share:.0%}", share, provenance)


def _outcome(outcomes: Sequence[Outcome]) -> Cell:
    """Return signs and words of one question's outcomes."""
    if not outcomes:
        return Cell("not asked")
    if len(outcomes) == 1:
        sign, word = OUTCOMES[outcomes[0]]
        return Cell(f"{sign} {word}", word, Provenance.MEASURED)
    right = sum(outcome is Outcome.RIGHT for outcome in outcomes)
    scored = sum(outcome is not Outcome.NOT_SCORED for outcome in outcomes)
    words = f"{right} of {scored} right" if scored else "not scored"
    return Cell(words, words, Provenance.MEASURED)
