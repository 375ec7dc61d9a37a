"""Decides what the results say: of which messages, against what, and which answers open."""

import asyncio
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QCoreApplication, QObject

from playground.core.checks.reading import check_words
from playground.core.checks.scoring import score
from playground.core.errors import PlaygroundError, StorageFailed
from playground.core.evaluations import (
    Evaluation,
    ModelResult,
    Report,
    UnitResult,
    against_earlier,
    cases_by_tag,
    pair_sentence,
    ranked,
    report,
)
from playground.core.expected import Outcome
from playground.core.prompt_sets import filled
from playground.core.statistics import Verdict, fewest_disagreements
from playground.core.targets import Target
from playground.store.evaluations import EvaluationStore, comparison_id
from playground.store.history import ComparisonStore
from playground.ui.bridge import Bridge
from playground.ui.pages.tests.answers_dialog import AnswersDialog, ShownAnswer
from playground.ui.pages.tests.outcomes import OutcomeRow, outcome_rows
from playground.ui.pages.tests.results import ResultsView
from playground.ui.theme.theme import Theme
from playground.ui.widgets.toast import Notify

_CHART = "playground.ui.pages.tests.chart"


class ResultsPresenter(QObject):
    """Keeps one evaluation's results on screen; everything is worked out from what is stored."""

    def __init__(
        self,
        view: ResultsView,
        theme: Theme,
        bridge: Bridge,
        store: EvaluationStore,
        history: ComparisonStore,
        *,
        notify: Notify,
    ) -> None:
        super().__init__(view)
        self._view = view
        self._theme = theme
        self._bridge = bridge
        self._store = store
        self._history = history
        self._notify = notify
        self.evaluation: Evaluation | None = None
        """The one that is shown."""
        self.results: tuple[UnitResult, ...] = ()
        self._asked = 0
        self._tag = ""
        """Of the messages that are counted."""
        self._found: set[str] | None = None
        self._rows: tuple[OutcomeRow, ...] = ()
        self._shown: tuple[OutcomeRow, ...] = ()
        self._known: Report | None = None
        self._chart: Any = None
        self._chart_module: Any = None
        self._dialog: AnswersDialog | None = None
        self._opened = 0
        view.filter_changed.connect(self._on_filter)
        view.axis_changed.connect(self._draw)
        view.picture_chosen.connect(self._save_chart)
        view.table.opened.connect(self._on_opened)

    @property
    def not_scored(self) -> int:
        """How many answers were not scored."""
        return sum(result.outcome is Outcome.NOT_SCORED for result in self.results)

    async def open(self, evaluation_id: str) -> Evaluation:
        """Show an evaluation; raises `StorageFailed`."""
        self._asked += 1
        asked = self._asked
        evaluation = await self._bridge.submit(self._store.load(evaluation_id))
        results = await self._bridge.submit(self._store.results(evaluation_id))
        if asked != self._asked:
            return evaluation
        self.show(evaluation, results)
        if self._chart is None:
            await self._build_chart()
        self._draw()
        return evaluation

    def show(self, evaluation: Evaluation, results: Sequence[UnitResult]) -> None:
        """Show what is known of an evaluation; the chart follows once it is built."""
        is_other = self.evaluation is None or self.evaluation.id != evaluation.id
        self.evaluation, self.results, self._found = evaluation, tuple(results), None
        self._view.show_tags(evaluation.prompt_set.tags)
        self._work_out()
        if is_other:
            self._view.choose_messages(disputed=any(row.is_disputed for row in self._rows))
        self._show()

    async def compare_with(self, earlier_id: str) -> None:
        """Say how each model did now and in an earlier evaluation."""
        now = self.evaluation
        if now is None:
            return
        before = await self._bridge.submit(self._store.load(earlier_id))
        results = await self._bridge.submit(self._store.results(earlier_id))
        pairs = against_earlier(now, self.results, before, results)
        labels = {target.key: target.label for target in now.targets}
        sentences = []
        for key, pair in pairs.items():
            names = {"now": _tr("{0} now").format(labels[key]), "then": _tr("then")}
            sentences.append(pair_sentence(pair, names))
        first = _tr("Against the run of {0}").format(_moment(before))
        rest = "\n".join(sentences) or _tr("No model is in both.")
        self._view.show_sentences(first, rest)

    def _work_out(self) -> None:
        evaluation = self.evaluation
        if evaluation is None:
            return
        self._tag = self._view.tag
        if self._tag:
            chosen = cases_by_tag(evaluation.prompt_set, self._tag)
            evaluation = Evaluation(
                evaluation.id, chosen, evaluation.targets, evaluation.repeats, evaluation.sampling
            )
        cases = {case.id for case in evaluation.prompt_set.cases}
        results = [result for result in self.results if result.unit.case in cases]
        self._known = report(evaluation, results)
        reasons: dict[tuple[str, str], str] = {}
        for result in results:
            key = (result.unit.target, result.unit.case)
            reasons[key] = "\n".join(filter(None, (reasons.get(key, ""), *result.reasons)))
        self._rows = outcome_rows(
            evaluation.prompt_set.cases, self._ranked(evaluation), self._known.judged, reasons
        )

    def _ranked(self, evaluation: Evaluation) -> list[Target]:
        """Return the targets as they stand in the table, the best first."""
        return [target for target, _ in self._ranking(evaluation)]

    def _ranking(self, evaluation: Evaluation) -> list[tuple[Target, ModelResult]]:
        targets = {target.key: target for target in evaluation.targets}
        models = () if self._known is None else self._known.models
        return [(targets[model.target], model) for model in ranked(models)]

    def _show(self) -> None:
        evaluation = self.evaluation
        if evaluation is None or self._known is None:
            return
        self._view.show_models(self._ranking(evaluation))
        self._show_rows(evaluation)
        self._show_sentences(evaluation, self._known)

    def _show_rows(self, evaluation: Evaluation) -> None:
        rows = self._rows
        if self._view.shows_disputed:
            rows = tuple(row for row in rows if row.is_disputed)
        if self._found is not None:
            rows = tuple(row for row in rows if row.case.id in (self._found or set()))
        self._shown = rows
        if rows:
            said = _tr("Click a mark to see the answers side by side")
        elif self._view.shows_disputed and self._found is None:
            said = _tr("They never disagree. “All” shows every message.")
        else:
            said = _tr("No message has what was searched for.")
        labels = [target.label for target in self._ranked(evaluation)]
        self._view.show_rows(rows, labels, said)

    def _show_sentences(self, evaluation: Evaluation, known: Report) -> None:
        labels = {target.key: target.label for target in evaluation.targets}
        order = {key: place for place, key in enumerate(t.key for t in self._ranked(evaluation))}
        pairs = sorted(known.pairs, key=lambda pair: sorted((order[pair.a], order[pair.b])))
        sentences = [pair_sentence(pair, labels) for pair in pairs]
        if not sentences:
            self._view.show_sentences(_tr("One model alone is better than nobody."), "")
            return
        first = sentences[0]
        if pairs[0].verdict in {Verdict.UNDECIDED, Verdict.SAME}:
            least = fewest_disagreements()
            first += " " + _tr("Even if all spoke for one, it would take {0}.").format(least)
        self._view.show_sentences(first, "\n".join(sentences[1:]))

    def _on_filter(self) -> None:
        self._bridge.spawn(self._filter(self._view.query))

    async def _filter(self, query: str) -> None:
        evaluation = self.evaluation
        if evaluation is None:
            return
        found = None
        if query:
            found = await self._bridge.submit(self._store.cases_with(evaluation, query))
            if query != self._view.query:
                return
        self._found = found
        if self._view.tag == self._tag:
            self._show_rows(evaluation)
            return
        self._work_out()
        self._show()
        self._draw()

    async def _build_chart(self) -> None:
        loading = asyncio.to_thread(importlib.import_module, _CHART)
        self._chart_module = await self._bridge.submit(loading)
        if self._chart is None:
            self._chart = self._chart_module.RightChart(self._theme)
            self._view.place_chart(self._chart)

    def _draw(self) -> None:
        evaluation = self.evaluation
        if self._chart is None or evaluation is None:
            return
        is_cost = self._view.is_against_cost
        points = []
        left_out = []
        for target, model in self._ranking(evaluation):
            speed = None if model.words_per_s is None else model.words_per_s.median
            x = model.usd_per_1000 if is_cost else speed
            # what costs nothing has no place on a scale of powers of ten
            if not x or model.share is None or model.interval is None:
                left_out.append(target.label)
                continue
            low, high = model.interval
            points.append(
                self._chart_module.ChartPoint(target.label, target.place, x, model.share, low, high)
            )
        self._chart.show_points(points, is_cost=is_cost)
        remark = _tr("Dashed: nobody does better for less. Thin bars: where the truth may lie.")
        if not is_cost:
            remark = _tr("Dashed: nobody is both faster and right as often. Thin bars: where the "
                         "truth may lie.")  # fmt: skip
        if left_out:
            remark += " " + _tr("Not shown, for want of a figure above 0: {0}.").format(
                ", ".join(left_out)
            )
        self._view.show_chart_remark(remark)

    def _save_chart(self, path: Path) -> None:
        try:
            self._chart.save(path)
        except OSError as error:
            self._bridge.report(
                StorageFailed(f"The picture could not be written: {error.strerror or error}.")
            )
            return
        self._notify(_tr("The chart is saved as {0}.").format(path.name))

    def _on_opened(self, row: OutcomeRow) -> None:
        self._opened = next((n for n, other in enumerate(self._shown) if other is row), 0)
        if self._dialog is None:
            self._dialog = dialog = AnswersDialog(self._theme, self._view)
            dialog.moved.connect(self._on_moved)
            dialog.finished.connect(self._on_closed)
            dialog.open()
        self._bridge.spawn(self._show_answers())

    def _on_closed(self) -> None:
        self._dialog = None

    def _on_moved(self, by: int) -> None:
        self._opened = max(0, min(len(self._shown) - 1, self._opened + by))
        self._bridge.spawn(self._show_answers())

    async def _show_answers(self) -> None:
        evaluation, place = self.evaluation, self._opened
        if evaluation is None or place >= len(self._shown):
            return
        row = self._shown[place]
        asked = filled(evaluation.prompt_set, row.case)
        answers: list[ShownAnswer] = []
        for repeat in range(evaluation.repeats):
            key = comparison_id(evaluation.id, row.case.id, repeat)
            try:
                comparison = await self._bridge.submit(self._history.load(key))
            except PlaygroundError:
                # of this repeat nothing is answered yet
                continue
            runs = [run for turn in comparison.turns for run in turn.runs]
            answers += [ShownAnswer(run, score(asked.checks, run), repeat) for run in runs]
        if self._dialog is None or place != self._opened:
            return
        order = {target.key: n for n, target in enumerate(self._ranked(evaluation))}
        answers.sort(key=lambda answer: (order.get(answer.run.target.key, 0), answer.repeat))
        title = _tr("Message {0}").format(row.number)
        checks = [check_words(check) for check in asked.checks]
        self._dialog.show_answers(title, asked.prompt, checks, _few(answers))
        self._dialog.allow(before=place > 0, after=place < len(self._shown) - 1)


def _few(answers: Sequence[ShownAnswer]) -> Sequence[ShownAnswer]:
    """Return the answers that have room side by side: the first of each model where not all do."""
    if len(answers) <= 6:
        return answers
    return [answer for answer in answers if answer.repeat == 0] or answers[:6]


def _moment(evaluation: Evaluation) -> str:
    made = evaluation.created_at
    return "" if made is None else f"{made.astimezone():%Y-%m-%d %H:%M}"


def _tr(text: str) -> str:
    return QCoreApplication.translate("TestsPage", text)
