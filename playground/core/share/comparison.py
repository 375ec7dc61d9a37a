"""A comparison as a document: each question with its figures, what they say, and its answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import tzinfo

from playground.core.amounts import UNKNOWN, moment_words, money, rate, seconds, whole
from playground.core.chat import SamplingParams
from playground.core.checks.reading import check_words
from playground.core.checks.scoring import CheckResult
from playground.core.expected import Outcome
from playground.core.leads import TIE, best_of
from playground.core.metrics import Figure, RunFigures, figures
from playground.core.runs import (
    CUT_SHORT_WORDS,
    Comparison,
    Provenance,
    Recorded,
    Run,
    RunOrder,
    RunStatus,
    Thumb,
    Turn,
    VoteOutcome,
)
from playground.core.share.document import (
    Block,
    Cell,
    Chart,
    ChartKind,
    Choice,
    Column,
    Document,
    LeftOut,
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
    letter,
    marked,
)
from playground.core.share.names import Names, asked_targets
from playground.core.share.scrubbing import Scrubber
from playground.core.targets import LocalTarget
from playground.core.turns import hidden_order

Checked = Mapping[str, Sequence[CheckResult]]
"""Run id → what the checks say of its answer."""

_MAIN = (
    Column("first_word_s", "First word", "s"),
    Column("total_s", "Whole answer", "s"),
    Column("words_per_s", "Words a second", "words/s"),
    Column("cost_usd", "Cost", "USD"),
    Column("checks", "Checks"),
)
_MORE = (
    Column("first_answer_s", "First word of the answer", "s"),
    Column("load_s", "Loading, not counted", "s"),
    Column("connect_s", "Connecting, not counted", "s"),
    Column("prompt_tokens", "Tokens in", "tokens"),
    Column("completion_tokens", "Tokens out", "tokens"),
    Column("tokens_per_s", "Tokens a second", "tokens/s"),
    Column("prompt_tokens_per_s", "Prompt tokens a second", "tokens/s"),
    Column("cost_kind", "Paid for", is_text=True),
    Column("seed", "Seed"),
    Column("ended", "Ended", is_text=True),
)
_HIDDEN = (
    "A vote without names is open: names, places, figures and prices follow once it is cast, "
    "as they would tell whose each answer is."
)
_STATUS = {
    RunStatus.FINISHED: "whole",
    RunStatus.FAILED: "failed",
    RunStatus.CANCELLED: "stopped",
}
OUTCOMES = {
    Outcome.RIGHT: ("✓", "right"),
    Outcome.WRONG: ("✕", "wrong"),
    Outcome.NOT_SCORED: ("–", "not scored"),
}
"""Sign and word of what checks say."""
_SETTINGS = {
    "temperature": "temperature {}",
    "top_p": "top-p {}",
    "top_k": "top-k {}",
    "min_p": "min-p {}",
    "repeat_penalty": "repeat penalty {}",
    "seed": "seed {}",
    "max_tokens": "at most {} tokens",
    "logprobs": "{} alternatives for each token",
}


@dataclass(frozen=True, slots=True)
class About:
    """What is true of the place a document is made in; handed in, so that nothing is looked up."""

    choice: Choice
    scrubber: Scrubber
    machine: str = ""
    """Kind of machine in words; empty where it is not known."""
    version: str = ""
    """Of the program."""
    zone: tzinfo | None = None
    """Time zone of moments in words; `None`: this computer's."""

    @property
    def tells_errors(self) -> bool:
        """True where errors and notices go along.

        They may name a model, quote what was asked, or say how much memory there is.
        """
        return {Part.NAMES, Part.PROMPT, Part.MACHINE} <= self.choice


def comparison_document(comparison: Comparison, checked: Checked, about: About) -> Document:
    """Return what may leave of a comparison, as `about` chooses.

    While a vote without names is open, nothing in it tells who answered.
    """
    names = Names(asked_targets(comparison), about.choice, about.scrubber)
    sections = []
    for number, turn in enumerate(comparison.turns, 1):
        heading = f"Question {number}" if len(comparison.turns) > 1 else ""
        part = _Turn(comparison, turn, checked, names, about)
        sections.append(Section(heading, part.blocks()))
    moment = comparison.created_at
    if comparison.recorded is not None and comparison.recorded.at is not None:
        moment = comparison.recorded.at
    questions = counted(len(comparison.turns), "question", "questions")
    models = counted(len(comparison.targets), "model", "models")
    return Document(
        kind="comparison",
        title=f"{questions[:1].upper()}{questions[1:]}, {models}",
        created_at=moment,
        when="" if moment is None else moment_words(moment, about.zone),
        facts=tuple(_facts(comparison, names, about)),
        sections=tuple(sections),
        recorded=recorded_words(comparison.recorded, about),
    )


def recorded_words(recorded: Recorded | None, about: About) -> str:
    """Return “Recorded on …”; empty for what was run here."""
    if recorded is None:
        return ""
    words = "Recorded on another computer"
    if recorded.at is not None:
        words = f"Recorded on {moment_words(recorded.at, about.zone)}"
    has_machine = recorded.machine and Part.MACHINE in about.choice
    return f"{words}, {about.scrubber.clean_name(recorded.machine)}" if has_machine else words


def machine_facts(about: About) -> list[tuple[str, str]]:
    """Return the kind of machine and the program's version, or that it was left out."""
    facts = []
    if Part.MACHINE not in about.choice:
        facts.append(("Machine", left_out(Part.MACHINE).sentence))
    elif about.machine:
        facts.append(("Machine", about.scrubber.clean_name(about.machine)))
    if about.version:
        facts.append(("Made with", f"Inference Playground {about.version}"))
    return facts


def sampling_words(sampling: SamplingParams) -> str:
    """Return the settings that were chosen, in words; what was left alone is not told."""
    parts = [
        words.format(f"{value:g}" if isinstance(value, float) else value)
        for f in fields(sampling)
        if (value := getattr(sampling, f.name)) is not None
        and (words := _SETTINGS.get(f.name)) is not None
    ]
    if sampling.think is not None:
        parts.append("thinks first" if sampling.think else "does not think first")
    if sampling.schema is not None:
        parts.append("answers in a fixed form (JSON schema)")
    if sampling.stop:
        parts.append(f"{len(sampling.stop)} stop words")
    return ", ".join(parts) or "as each place has them"


def _facts(comparison: Comparison, names: Names, about: About) -> list[tuple[str, str]]:
    orders = {turn.order for turn in comparison.turns}
    facts = []
    if len(comparison.targets) > 1 and not comparison.names_hidden:
        words = {RunOrder.FAIR: "fair: one at a time", RunOrder.RACE: "race: all at once"}
        facts.append(("Order", " and ".join(words[order] for order in sorted(orders))))
    facts.append(("Settings", sampling_words(comparison.sampling)))
    if not comparison.names_hidden:
        overrides = dict(comparison.overrides)
        for target, name in zip(comparison.targets, names.names, strict=False):
            own = []
            if target.key in overrides:
                own.append(sampling_words(overrides[target.key]))
            if isinstance(target, LocalTarget) and target.settings.context:
                own.append(f"context {target.settings.context:,} tokens")
            if own:
                facts.append((f"Settings of {name}", ", ".join(own)))
    if not names.are_told and not comparison.names_hidden:
        facts.append(("Names", left_out(Part.NAMES).sentence))
    recorded = comparison.recorded
    # of a recording its own machine is told beside its date
    return facts + [f for f in machine_facts(about) if recorded is None or f[0] != "Machine"]


class _Turn:
    """One question on its way into a section."""

    def __init__(
        self,
        comparison: Comparison,
        turn: Turn,
        checked: Checked,
        names: Names,
        about: About,
    ) -> None:
        self._comparison = comparison
        self._turn = turn
        self._checked = checked
        self._choice = about.choice
        self._about = about
        self._clean = about.scrubber
        self._is_hidden = comparison.names_hidden
        self._names = names
        count = len(turn.runs)
        self._parts: list[tuple[Run, str, Place | None]]
        """Each run with its name and place, in the order in which they are shown."""
        if self._is_hidden:
            order = hidden_order(comparison.turns, count)
            self._parts = [(turn.runs[n], letter(at), None) for at, n in enumerate(order)]
        else:
            places = [names.position(run, column) for column, run in enumerate(turn.runs)]
            self._parts = [
                (run, names.names[n], names.places[n])
                for run, n in zip(turn.runs, places, strict=True)
            ]

    def blocks(self) -> tuple[Block, ...]:
        return (
            *self._instructions(),
            self._question(),
            *self._figures(),
            *self._judged(),
            *self._answers(),
            *self._more(),
        )

    def _instructions(self) -> list[Block]:
        comparison = self._comparison
        if Part.PROMPT not in self._choice or self._turn is not comparison.turns[0]:
            return []
        given = [("Instructions for the model", comparison.system_prompt)]
        if not self._is_hidden:
            own = dict(comparison.system_overrides)
            for target, name in zip(comparison.targets, self._names.names, strict=False):
                given.append((f"Instructions for {name}", own.get(target.key, "")))
        return [
            Quote(QuoteKind.INSTRUCTIONS, label, self._clean.clean(text.strip()))
            for label, text in given
            if text.strip()
        ]

    def _question(self) -> Block:
        if Part.PROMPT not in self._choice:
            return left_out(Part.PROMPT)
        return Quote(QuoteKind.QUESTION, "Question", self._clean.clean(self._turn.prompt))

    def _figures(self) -> list[Block]:
        if self._is_hidden:
            return [Sentences((_HIDDEN,))]
        if Part.FIGURES not in self._choice:
            return [left_out(Part.FIGURES)]
        known = [(run, figures(run)) for run, _name, _place in self._parts]
        rows = [
            Row(name, self._main_cells(run, of), place)
            for (run, name, place), (_run, of) in zip(self._parts, known, strict=True)
        ]
        has_checks = any(self._checked.get(run.id) for run, _name, _place in self._parts)
        columns = _MAIN if has_checks else _MAIN[:-1]
        cut = tuple(Row(row.name, row.cells[: len(columns)], row.place) for row in rows)
        table = Table("figures", "Figures of each answer", "Model", columns, cut)
        said = self._said()
        chart = self._chart(known)
        return [table, *([Sentences(said)] if said else []), *([chart] if chart else [])]

    def _main_cells(self, run: Run, known: RunFigures) -> tuple[Cell, ...]:
        best = best_of([(other, figures(other)) for other in self._turn.runs])
        is_power = run.cost is not None and run.cost.kind == "electricity"
        return (
            _cell(known.ttft_s, seconds, is_best=best.first == run.id),
            _cell(known.total_s, seconds, is_best=best.total == run.id),
            _cell(known.words_per_s, rate, is_best=best.speed == run.id),
            _cell(
                known.cost_usd,
                lambda usd: f"{money(usd)} electricity" if is_power else money(usd),
                is_best=best.cost == run.id,
            ),
            self._check_cell(run),
        )

    def _check_cell(self, run: Run) -> Cell:
        results = self._checked.get(run.id, ())
        scored = [r for r in results if r.outcome is not Outcome.NOT_SCORED]
        if not scored:
            return Cell("not scored" if results else UNKNOWN)
        right = sum(r.outcome is Outcome.RIGHT for r in scored)
        return Cell(f"{right} of {len(scored)}", f"{right} of {len(scored)}", Provenance.MEASURED)

    def _more(self) -> list[Block]:
        if self._is_hidden or Part.FIGURES not in self._choice:
            return []
        rows = []
        for run, name, place in self._parts:
            known = figures(run)
            cost = run.cost
            ended = self._ended(run)
            kind = None if cost is None or cost.usd is None else cost.kind
            paid = {"api": "the provider's price", "electricity": "electricity"}.get(kind or "")
            cells = (
                _cell(known.first_answer_s, seconds),
                _cell(known.load_s, seconds),
                _cell(known.connect_s, seconds),
                _cell(known.prompt_tokens, whole),
                _cell(known.completion_tokens, whole),
                _cell(known.generation_tokens_per_s, rate),
                _cell(known.prompt_tokens_per_s, rate),
                Cell(paid or UNKNOWN, paid),
                Cell(UNKNOWN if run.seed is None else str(run.seed), run.seed),
                Cell(ended, ended),
            )
            rows.append(Row(name, cells, place))
        return [Table("more_figures", "More figures", "Model", _MORE, tuple(rows), is_turned=True)]

    def _said(self) -> tuple[str, ...]:
        """Return what the figures say, ties as ties."""
        runs = [run for run in self._turn.runs if run.status is RunStatus.FINISHED]
        best = best_of([(run, figures(run)) for run in runs if run.cut_short is None])
        by_id = {run.id: name for run, name, _place in self._parts}
        quick: dict[str, list[str]] = {}
        ties = []
        for holder, what in ((best.total, "the whole answer"), (best.first, "the first word")):
            if holder == TIE:
                ties.append(what)
            elif holder is not None:
                quick.setdefault(holder, []).append(what)
        more, least = ("quicker", "less") if len(runs) == 2 else ("quickest", "least")
        sentences = [
            f"{by_id[run_id]} was {more} with {_listed(w)}." for run_id, w in quick.items()
        ]
        if best.cost == TIE:
            ties.append("the cost")
        elif best.cost is not None:
            sentences.append(f"{by_id[best.cost]} cost {least}.")
        if ties:
            sentences.append(f"For {_listed(ties)} there is no real difference.")
        if sentences:
            sentences.append("Each was asked once: another time may come out differently.")
        if self._turn.order is RunOrder.RACE and any(run.shared_machine for run in runs):
            sentences.append(
                "They shared one computer: one at a time, the local ones would be faster."
            )
        busy = [
            by_id[run.id]
            for run in runs
            if not run.shared_machine and run.machine_load is not None and run.machine_load.is_busy
        ]
        if busy:
            named = ", ".join(busy)
            sentences.append(f"Other work kept the computer busy: {named} may be faster.")
        return (" ".join(sentences),) if sentences else ()

    def _chart(self, known: Sequence[tuple[Run, RunFigures]]) -> Chart | None:
        points = [
            Point(
                name,
                of.total_s.value,
                marked(_cell(of.total_s, seconds)),
                place=place,
            )
            for (run, name, place), (_run, of) in zip(self._parts, known, strict=True)
            if of.total_s is not None and run.status is RunStatus.FINISHED
        ]
        if len(points) < 2:
            return None
        caption = "Time of the whole answer, measured. Shorter is quicker."
        return Chart("whole_answers", ChartKind.BARS, caption, "whole answer", "s", tuple(points))

    def _judged(self) -> list[Block]:
        said = tuple(sentence for sentence in (self._vote(), self._thumbs()) if sentence)
        return [*([Sentences(said)] if said else []), *self._note()]

    def _vote(self) -> str:
        turn = self._turn
        if turn.verdict is VoteOutcome.TIE:
            return "The author called it a tie."
        if turn.verdict is VoteOutcome.NONE_GOOD:
            return "The author said: none is good."
        names = {run.id: name for run, name, _place in self._parts}
        if self._is_hidden or turn.winner_run_id not in names:
            return ""
        without = " without seeing the names" if turn.hidden_names else ""
        return f"The author chose {names[turn.winner_run_id]}{without}."

    def _thumbs(self) -> str:
        said = []
        for thumb in Thumb:
            names = [n for run, n, _place in self._parts if self._turn.thumb_of(run.id) is thumb]
            if names:
                said.append(f"a thumb {thumb.value} to {_listed(names)}")
        return f"The author gave {', and '.join(said)}." if said else ""

    def _note(self) -> list[Block]:
        if not self._turn.note:
            return []
        if not tells_note(self._choice):
            part = Part.NAMES if Part.PROMPT in self._choice else Part.PROMPT
            return [LeftOut(part, "The note was left out by the author")]
        return [Quote(QuoteKind.NOTE, "Note", self._clean.clean(self._turn.note))]

    def _answers(self) -> list[Block]:
        if Part.ANSWERS not in self._choice:
            return [left_out(Part.ANSWERS)]
        if self._is_hidden and not all(run.status.is_final for run in self._turn.runs):
            return [Sentences(("The answers appear when all are done.",))]
        return [
            answer_quote(
                run,
                name,
                place,
                () if self._is_hidden else self._checked.get(run.id, ()),
                self._about,
            )
            if not self._is_hidden
            else Quote(QuoteKind.ANSWER, name, self._clean.clean(run.text.strip()))
            for run, name, place in self._parts
        ]

    def _ended(self, run: Run) -> str:
        if run.cut_short is not None:
            return CUT_SHORT_WORDS[run.cut_short]
        return _STATUS.get(run.status, "not finished")


def tells_note(choice: Choice) -> bool:
    """Return whether notes go along: they are a person's own words, and may name models."""
    return {Part.PROMPT, Part.NAMES} <= choice


def answer_quote(
    run: Run,
    name: str,
    place: Place | None,
    results: Sequence[CheckResult],
    about: About,
) -> Quote:
    """Return an answer with what a reader should know of it.

    A check says what was asked: it is told only where that is.
    """
    scrubber, tells_checks = about.scrubber, Part.PROMPT in about.choice
    notes = []
    if run.error is not None:
        said = f" {scrubber.clean_message(run.error.message)}" if about.tells_errors else ""
        notes.append(f"It failed.{said}")
    elif run.status is RunStatus.CANCELLED:
        notes.append("It was stopped.")
    elif run.cut_short is not None:
        notes.append(f"It was {CUT_SHORT_WORDS[run.cut_short]}.")
    elif run.status is RunStatus.FINISHED and not run.text.strip():
        notes.append("The model ended without writing an answer.")
    if run.continues:
        notes.append("Continued: the figures are those of the second part.")
    if run.reasoning:
        notes.append("What it thought before is not shown.")
    if about.tells_errors:
        notes += [scrubber.clean_message(notice) for notice in run.notices]
    for result in results:
        sign, word = OUTCOMES[result.outcome]
        told = f": {scrubber.clean(check_words(result.check))}. " if tells_checks else "."
        reason = scrubber.clean(result.reason) if tells_checks and run.error is None else ""
        notes.append(f"{sign} {word}{told}{reason}".strip())
    text = scrubber.clean(run.text.strip())
    return Quote(QuoteKind.ANSWER, name, text, place, tuple(notes))


def _cell(figure: Figure | None, shown: Callable[[float], str], *, is_best: bool = False) -> Cell:
    if figure is None:
        return Cell("unknown")
    return Cell(shown(figure.value), figure.value, figure.provenance, is_best)


def _listed(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))
