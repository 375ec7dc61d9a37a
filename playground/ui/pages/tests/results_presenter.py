"""Decides what the results say: of which messages, against what, and which answers open."""

import asyncio
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QObject

from playground.core.errors import StorageFailed
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
from playground.core.expected import CUT_OFF, Outcome
from playground.core.names import target_names
from playground.core.statistics import Verdict
from playground.core.targets import Target
from playground.store.evaluations import EvaluationStore
from playground.ui.bridge import Bridge
from playground.ui.format import as_file_name
from playground.ui.pages.tests import words
from playground.ui.pages.tests.answers_dialog import AnswersPresenter
from playground.ui.pages.tests.outcomes import OutcomeRow, outcome_rows
from playground.ui.pages.tests.results import ResultsView
from playground.ui.theme.theme import Theme
from playground.ui.widgets.toast import Notify

if TYPE_CHECKING:
    from playground.ui.pages.tests.chart import RightChart

_CHART = "playground.ui.pages.tests.chart"


class ResultsPresenter(QObject):
    """Keeps one evaluation's results on screen; everything is worked out from what is stored."""

    def __init__(
        self,
        view: ResultsView,
        theme: Theme,
        bridge: Bridge,
        store: EvaluationStore,
        answers: AnswersPresenter,
        *,
        notify: Notify,
    ) -> None:
        super().__init__(view)
        self._view = view
        self._theme = theme
        self._bridge = bridge
        self._store = store
        self._answers = answers
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
        self._chart: RightChart | None = None
        self._loading: asyncio.Task[None] | None = None
        view.filter_changed.connect(self._on_filter)
        view.axis_changed.connect(self._draw)
        view.picture_chosen.connect(self._save_chart)
        view.table.opened.connect(self._on_opened)

    @property
    def worth_asking(self) -> int:
        """How many answers were not scored; 0 where all of them would be cut off again."""
        unscored = [each for each in self.results if each.outcome is Outcome.NOT_SCORED]
        return 0 if all(CUT_OFF in each.reasons for each in unscored) else len(unscored)

    async def open(self, evaluation_id: str) -> Evaluation:
        """Show an evaluation; raises `StorageFailed`."""
        self._asked += 1
        asked = self._asked
        evaluation = await self._bridge.submit(self._store.load(evaluation_id))
        results = await self._bridge.submit(self._store.results(evaluation_id))
        if asked != self._asked:
            return evaluation
        self.show(evaluation, results)
        return evaluation

    def show(self, evaluation: Evaluation, results: Sequence[UnitResult]) -> None:
        """Show what is known of an evaluation."""
        is_other = self.evaluation is None or self.evaluation.id != evaluation.id
        self.evaluation, self.results, self._found = evaluation, tuple(results), None
        self._view.show_tags(evaluation.prompt_set.tags)
        self._work_out()
        if is_other:
            self._view.choose_messages(disputed=any(row.is_disputed for row in self._rows))
        cut_off = sum(CUT_OFF in result.reasons for result in results)
        longest = evaluation.sampling.max_tokens
        self._view.show_cut_off(words.cut_off_words(cut_off, longest) if cut_off else "")
        self._view.close_earlier()
        self._show()
        self._view.show_top()

    async def compare_with(self, earlier_id: str) -> None:
        """Say how each model did now and in an earlier evaluation."""
        now = self.evaluation
        if now is None:
            return
        before = await self._bridge.submit(self._store.load(earlier_id))
        results = await self._bridge.submit(self._store.results(earlier_id))
        pairs = against_earlier(now, self.results, before, results)
        names = target_names(now.targets)
        said = [words.earlier_sentence(names[key].whole, pair) for key, pair in pairs.items()]
        figures = [f"{names[key].whole}\n{words.pair_figures(pair)}" for key, pair in pairs.items()]
        self._view.show_earlier(
            _tr("Against the run of {0}").format(_moment(before)),
            "\n".join(said) or _tr("No model is in both."),
            "\n\n".join(figures),
        )

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
        self._view.models.show_models(self._ranking(evaluation), evaluation.repeats)
        self._show_rows(evaluation)
        self._show_sentences(evaluation, self._known)
        self._draw()

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
        names = target_names(evaluation.targets)
        labels = [names[target.key].whole for target in self._ranked(evaluation)]
        self._view.show_rows(rows, labels, said)

    def _show_sentences(self, evaluation: Evaluation, known: Report) -> None:
        names = target_names(evaluation.targets)
        labels = {key: name.whole for key, name in names.items()}
        order = {key: place for place, key in enumerate(t.key for t in self._ranked(evaluation))}
        pairs = sorted(known.pairs, key=lambda pair: sorted((order[pair.a], order[pair.b])))
        sentences = [pair_sentence(pair, labels) for pair in pairs]
        hint = ""
        if not sentences:
            sentences = [_tr("Only one model was asked: there is nothing to compare it with.")]
        elif pairs[0].verdict in {Verdict.UNDECIDED, Verdict.SAME}:
            hint = words.luck_words(pairs[0].both_scored)
        exact = words.exact_figures(known, names, evaluation.repeats)
        self._view.show_sentences(sentences[0], hint, "\n".join(sentences[1:]), exact)

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

    async def _load_chart(self) -> None:
        # pyqtgraph takes as long to import as half the window
        await self._bridge.submit(asyncio.to_thread(import_module, _CHART))
        from playground.ui.pages.tests.chart import RightChart  # noqa: PLC0415 - imported above

        self._chart = RightChart(self._theme)
        self._draw()
        self._view.place_chart(self._chart)

    def _draw(self) -> None:
        evaluation, chart = self.evaluation, self._chart
        if evaluation is None:
            return
        if chart is None:
            self._loading = self._loading or self._bridge.spawn(self._load_chart())
            return
        from playground.ui.pages.tests.chart import ChartPoint  # noqa: PLC0415 - in _load_chart

        is_cost = self._view.is_against_cost
        names = target_names(evaluation.targets)
        points = []
        left_out = []
        for target, model in self._ranking(evaluation):
            speed = None if model.words_per_s is None else model.words_per_s.median
            x = model.usd_per_1000 if is_cost else speed
            # what costs nothing has no place on a scale of powers of ten
            if not x or model.share is None or model.interval is None:
                left_out.append(names[target.key].whole)
                continue
            low, high = model.interval
            name = names[target.key]
            unscored = _tr("{0} not scored").format(model.not_scored) if model.not_scored else ""
            lines = (name.label, name.place, unscored)
            points.append(
                ChartPoint(
                    "\n".join(filter(None, lines)),
                    target.place, x, model.share, low, high,
                    f"{name.whole}\n{words.model_figures(model, evaluation.repeats)}",
                )
            )  # fmt: skip
        chart.show_points(points, is_cost=is_cost, title=evaluation.prompt_set.name)
        remark = _tr("Thin bars: where the truth may lie.")
        if len(chart.frontier) > 1:
            remark += " " + (
                _tr("Dashed: nobody does better for less.")
                if is_cost
                else _tr("Dashed: nobody is both faster and right as often.")
            )
        if left_out:
            remark += " " + _tr("Not shown, for want of a figure above 0: {0}.").format(
                ", ".join(left_out)
            )
        self._view.show_chart_remark(remark, as_file_name(chart.title, "chart"))

    def _save_chart(self, path: Path) -> None:
        if self._chart is None:
            return
        try:
            self._chart.save(path)
        except OSError as error:
            self._bridge.report(
                StorageFailed(f"The picture could not be written: {error.strerror or error}.")
            )
            return
        self._notify(_tr("The chart is saved as {0}.").format(path.name))

    def _on_opened(self, row: OutcomeRow) -> None:
        evaluation = self.evaluation
        if evaluation is None:
            return
        opened = next((n for n, other in enumerate(self._shown) if other is row), 0)
        order = [target.key for target in self._ranked(evaluation)]
        self._answers.open(evaluation, [shown.case for shown in self._shown], opened, order)


def _moment(evaluation: Evaluation) -> str:
    made = evaluation.created_at
    return "" if made is None else f"{made.astimezone():%Y-%m-%d %H:%M}"


def _tr(text: str) -> str:
    return QCoreApplication.translate("TestsPage", text)
