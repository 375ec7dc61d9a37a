"""Starts, follows, pauses and ends evaluations, whichever page is in front."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, QObject, QTimer

from playground.core.evaluations import (
    Evaluation,
    UnitResult,
    asks_the_same,
    new_evaluation,
)
from playground.core.prompt_sets import PromptSet
from playground.core.targets import CloudTarget, LocalTarget, Target
from playground.services.evaluation import (
    EvaluationEnded,
    EvaluationService,
    EvaluationStarted,
    EvaluationUpdate,
)
from playground.ui.bridge import Bridge, Follower
from playground.ui.pages.compare.targets import MOST, PROVIDER_HELP, START_PRACTICE, TargetSelection
from playground.ui.pages.tests.answers_dialog import AnswersPresenter
from playground.ui.pages.tests.dialogs import RunDialog
from playground.ui.pages.tests.page import TestsPage
from playground.ui.pages.tests.progress import Progress
from playground.ui.theme.theme import Theme
from playground.ui.widgets.toast import Notify

_HZ = 10
_TICK_MS = 500
_TOLD_MS = 20_000


@dataclass(frozen=True, slots=True)
class RunSurroundings:
    """What a running test touches outside its page."""

    notify: Notify
    set_badge: Callable[[str | None], None]
    """Shows how far it is on the rail."""
    show_page: Callable[[], None]
    is_comparing: Callable[[], bool]
    """True while Compare is answering, which makes both slower."""
    show_provider: Callable[[str, str], None]
    """Leads to a provider's card and what helps there."""
    tell_busy: Callable[[bool], object]
    """Told whether a test keeps this computer busy, which makes others slower as well."""


class EvaluationRunner(QObject):
    """One evaluation at a time; `ended` of the presenter is told when nothing runs any more."""

    def __init__(
        self,
        view: TestsPage,
        theme: Theme,
        bridge: Bridge,
        service: EvaluationService,
        selection: TargetSelection,
        *,
        surroundings: RunSurroundings,
        answers: AnswersPresenter,
        open_results: Callable[[str], None],
        ended: Callable[[], None],
        progressed: Callable[[], None],
        stopped: Callable[[str], None],
    ) -> None:
        super().__init__(view)
        self._view = view
        self._theme = theme
        self._bridge = bridge
        self._service = service
        self._selection = selection
        self._around = surroundings
        self._answers = answers
        self._open_results = open_results
        self._tell_ended = ended
        self._tell_progress = progressed
        self._tell_stopped = stopped
        self._dialog: RunDialog | None = None
        self._set: PromptSet | None = None
        self._sets: dict[str, PromptSet] = {}
        self._asked = 0
        self._follower: Follower | None = None
        self._evaluation: Evaluation | None = None
        self._max_usd: float | None = None
        self._progress: Progress | None = None
        self._end: EvaluationEnded | None = None
        self._was_slowed = False
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self._on_tick)
        view.pause_wanted.connect(self._on_pause)
        view.stop_wanted.connect(self.stop)
        view.running.grid.opened.connect(self._on_opened)
        view.back_to_run.clicked.connect(self.show)
        selection.changed = self._on_targets

    @property
    def is_running(self) -> bool:
        return self._follower is not None

    @property
    def evaluation(self) -> Evaluation | None:
        """The one that is shown."""
        return self._evaluation

    def progress_of(self, set_id: str) -> str:
        """Return how far the test of a set is that runs now; empty where none does."""
        progress, evaluation = self._progress, self._evaluation
        if not self.is_running or progress is None or evaluation is None:
            return ""
        if evaluation.prompt_set.id != set_id:
            return ""
        return _tr("running: {0} of {1}").format(f"{progress.done:,}", f"{progress.units:,}")

    def choose(
        self,
        prompt_set: PromptSet,
        targets: Sequence[Target] = (),
        sets: Sequence[PromptSet] = (),
        repeats: int = 1,
    ) -> None:
        """Ask which models, how often and up to which price; the plan is shown before the start.

        `targets` and `repeats` are chosen already; `sets` are offered in place of `prompt_set`.
        """
        if self.is_running:
            self._around.notify(
                _tr("A test is running: stop it first, or wait for its end."), tone="caution"
            )
            self.show()
            return
        self._set = prompt_set
        self._sets = {each.id: each for each in sets}
        title = _tr("two versions of a model") if sets else prompt_set.name
        choices = [(each.name, each.id) for each in sets]
        self._dialog = dialog = RunDialog(self._theme, title, self._view, choices)
        dialog.choose_repeats(repeats)
        dialog.set_picked.connect(self._on_set)
        dialog.picker_wanted.connect(self._open_picker)
        dialog.picker.chosen.connect(self._on_picked)
        dialog.removed.connect(self._selection.remove)
        dialog.changed.connect(self._on_targets)
        dialog.started.connect(self._on_start)
        dialog.finished.connect(self._on_dialog_closed)
        self._selection.renew()
        self._on_targets()
        dialog.open()
        self._bridge.spawn(self._offer(targets))

    async def _offer(self, targets: Sequence[Target]) -> None:
        await self._selection.restore()
        if targets:
            self._selection.choose(targets)

    def _on_set(self, set_id: str) -> None:
        self._set = self._sets[set_id]
        self._on_targets()

    def show(self) -> None:
        """Bring the test that runs, or ran last, to the front."""
        if self._evaluation is not None:
            self._view.bring_running(self._evaluation.prompt_set.name)

    def go_on(self, evaluation: Evaluation) -> None:
        """Ask what is not answered yet."""
        if not self.is_running:
            self._bridge.spawn(self._start(evaluation, self._max_usd))

    def stop(self) -> None:
        """End what runs; what is whole is kept."""
        evaluation, progress = self._evaluation, self._progress
        if self._follower is None or evaluation is None or progress is None:
            return
        self._follower.cancel()
        self._settle()
        self._tell_stopped(evaluation.prompt_set.id)
        self._around.notify(
            _tr("Stopped: {0} of {1} answers are kept.").format(progress.done, progress.units),
            action=_tr("Go on"),
            on_action=lambda: self.go_on(evaluation),
            stay_ms=_TOLD_MS,
        )

    def close(self) -> None:
        """Stop without a word, as the program ends."""
        self._timer.stop()
        if self._follower is not None:
            self._follower.cancel()
            self._follower = None

    # the dialog

    def _open_picker(self) -> None:
        if self._dialog is not None:
            self._show_entries()
            self._dialog.open_picker()
            self._bridge.spawn(self._selection.look_everywhere(self._show_entries))

    def _show_entries(self) -> None:
        if self._dialog is not None:
            self._dialog.picker.set_entries(self._selection.entries())

    def _on_picked(self, key: str) -> None:
        if self._dialog is None:
            return
        if key == START_PRACTICE:
            self._dialog.picker.close()
            self._bridge.spawn(self._add_practice())
        elif key.startswith(PROVIDER_HELP):
            self._dialog.reject()
            action, provider_id = key.removeprefix(PROVIDER_HELP).split(" ", maxsplit=1)
            self._around.show_provider(provider_id, action)
        else:
            self._selection.toggle(key)
            self._show_entries()

    async def _add_practice(self) -> None:
        self._around.notify(_tr("Starting the practice cloud…"))
        target = await self._selection.practice()
        self._selection.choose((*self._selection.chosen, target))
        self._around.notify(_tr("The practice cloud is ready."))

    def _on_targets(self) -> None:
        if self._dialog is not None:
            self._dialog.show_targets(self._selection.chosen, MOST)
            self._bridge.spawn(self._show_plan())

    async def _show_plan(self) -> None:
        dialog, prompt_set = self._dialog, self._set
        if dialog is None or prompt_set is None:
            return
        self._asked += 1
        asked = self._asked
        targets = self._selection.chosen
        if not targets:
            dialog.show_unfinished("")
            dialog.show_nothing()
            return
        wanted = new_evaluation(prompt_set, targets, dialog.repeats, prompt_set.sampling)
        before, results = await self._unfinished(wanted)
        if self._is_outdated(asked, dialog):
            return
        said = ""
        if before is not None:
            said = _tr("Go on: {0} of {1} answers are there.").format(
                len(results), len(before.units)
            )
        dialog.show_unfinished(said)
        is_new = before is None or dialog.is_anew
        planning = self._service.plan(
            wanted if is_new else before or wanted, () if is_new else results
        )
        plan = await self._bridge.submit(planning)
        if not self._is_outdated(asked, dialog):
            dialog.show_plan(wanted, plan, self._remarks(prompt_set))

    def _is_outdated(self, asked: int, dialog: RunDialog) -> bool:
        """Return True where another plan is wanted by now, or none any more."""
        return asked != self._asked or dialog is not self._dialog

    async def _unfinished(
        self, wanted: Evaluation
    ) -> tuple[Evaluation | None, Sequence[UnitResult]]:
        """Return an evaluation that asks the same and has not ended, with what is answered."""
        store = self._service.store
        for before in await self._bridge.submit(store.unfinished(wanted.prompt_set.id)):
            if asks_the_same(before, wanted):
                results = await self._bridge.submit(store.results(before.id))
                if results:
                    return before, results
        return None, ()

    def _remarks(self, prompt_set: PromptSet) -> list[str]:
        remarks = []
        unchecked = sum(not case.checks for case in prompt_set.cases)
        if unchecked:
            remarks.append(
                _tr("{0} of {1} messages have no check: their answers are not scored.").format(
                    unchecked, len(prompt_set.cases)
                )
            )
        if _is_one_model(self._selection.chosen):
            remarks.append(
                _tr(
                    "The practice cloud runs the model that is here as well: only speed can differ."
                )
            )
        if self._around.is_comparing():
            remarks.append(_slowed())
        return remarks

    def _on_dialog_closed(self) -> None:
        if self._dialog is not None:
            self._dialog.deleteLater()
        self._dialog = None

    def _on_start(self) -> None:
        dialog, prompt_set = self._dialog, self._set
        if dialog is None or prompt_set is None or not self._selection.chosen:
            return
        repeats, anew, max_usd = dialog.repeats, dialog.is_anew, dialog.max_usd
        dialog.accept()
        self._bridge.spawn(self._begin(prompt_set, repeats, anew=anew, max_usd=max_usd))

    async def _begin(
        self, prompt_set: PromptSet, repeats: int, *, anew: bool, max_usd: float | None
    ) -> None:
        if self._selection.has_unread:
            # what an answer tells of its model is kept for good
            await self._selection.read_chosen()
        evaluation = await self._bridge.submit(
            self._service.begin(prompt_set, self._selection.chosen, repeats, anew=anew)
        )
        await self._start(evaluation, max_usd)

    # the run

    async def _start(self, evaluation: Evaluation, max_usd: float | None) -> None:
        results = await self._bridge.submit(self._service.store.results(evaluation.id))
        plan = await self._bridge.submit(self._service.plan(evaluation, results))
        if self.is_running:
            return
        self._evaluation, self._max_usd, self._end = evaluation, max_usd, None
        self._was_slowed = False
        self._progress = Progress(evaluation, results)
        self._view.show_running(self._progress, evaluation, plan, max_usd)
        self._follower = self._bridge.follow(
            lambda: self._service.run(evaluation, max_usd),
            self._on_updates,
            hz=_HZ,
            done=self._on_done,
        )
        self._timer.start()
        self._show_state()
        self._on_tick()

    def _on_updates(self, updates: list[EvaluationUpdate]) -> None:
        progress = self._progress
        if progress is None:
            return
        for update in updates:
            if isinstance(update, EvaluationEnded):
                self._end = update
                self._evaluation = update.evaluation
            if not isinstance(update, EvaluationStarted):
                progress.add(update)
        self._refresh()

    def _on_opened(self, place: int) -> None:
        """Show the answers to a message that are there so far."""
        evaluation = self._evaluation
        if evaluation is not None:
            order = [target.key for target in evaluation.targets]
            self._answers.open(evaluation, evaluation.prompt_set.cases, place, order)

    def _on_tick(self) -> None:
        """Count waits down, and notice what makes it slow."""
        if self._around.is_comparing():
            self._was_slowed = True
        self._view.running.show_remark(_slowed() if self._was_slowed else "")
        self._refresh()

    def _refresh(self) -> None:
        progress = self._progress
        if progress is None:
            return
        if self._view.isVisible() and self._view.is_showing_run:
            self._view.running.refresh()
        self._tell_progress()
        if self.is_running:
            share = 100 * progress.done // max(1, progress.units)
            self._around.set_badge(f"{share} %")
            self._view.offer_running(
                _tr("Running: {0} of {1}").format(f"{progress.done:,}", f"{progress.units:,}")
            )

    def _on_pause(self) -> None:
        progress, evaluation = self._progress, self._evaluation
        if progress is None or evaluation is None:
            return
        if not self.is_running:
            self.go_on(evaluation)
            return
        progress.is_paused = not progress.is_paused
        act = self._service.pause if progress.is_paused else self._service.go_on
        self._bridge.call(act, evaluation.id)
        self._show_state()
        self._refresh()

    def _show_state(self) -> None:
        is_paused = self._progress is not None and self._progress.is_paused
        is_finished = not self.is_running and self._end is not None and self._end.is_finished
        if not self.is_running:
            text, tone = _tr("Not finished"), "caution"
            if is_finished:
                text, tone = _tr("Finished"), "local"
        else:
            text, tone = (_tr("Paused"), "caution") if is_paused else (_tr("Running"), "accent")
        self._view.show_state(
            text,
            tone,
            is_running=self.is_running,
            is_paused=is_paused,
            is_finished=is_finished,
        )
        targets = () if self._evaluation is None else self._evaluation.targets
        is_here = any(target.uses_this_machine for target in targets)
        self._around.tell_busy(self.is_running and not is_paused and is_here)

    def _settle(self) -> None:
        self._follower = None
        self._timer.stop()
        self._around.set_badge(None)
        self._view.offer_running("")
        if self._progress is not None:
            self._progress.stop()
        self._show_state()
        self._tell_ended()

    def _on_done(self) -> None:
        """Tell the end wherever the person is, and put the results in the place of the progress."""
        self._settle()
        end, evaluation = self._end, self._evaluation
        if end is None or evaluation is None:
            # it has failed, which is told already
            self._view.show_sets()
            return
        name = evaluation.prompt_set.name
        self._view.running.refresh()
        if not end.is_finished:
            self._view.running.show_remark(
                _tr("It ended before all was asked. {0} What is answered is kept.").format(
                    end.reason
                )
            )
            self._around.notify(
                _tr("“{0}” is not finished. {1}").format(name, end.reason).strip(),
                tone="caution",
                action=_tr("Show it"),
                on_action=self._show_from_anywhere,
                stay_ms=_TOLD_MS,
            )
            return
        is_seen = self._view.isVisible() and self._view.window().isActiveWindow()
        if self._view.is_showing_run:
            self._open_results(evaluation.id)
            if is_seen:
                # nothing has to be told over the results themselves
                return
        self._around.notify(
            _tr("“{0}” is finished: {1} answers.").format(name, f"{len(evaluation.units):,}"),
            action=_tr("Show the results"),
            on_action=lambda: self._show_results(evaluation.id),
            stay_ms=_TOLD_MS,
        )

    def _show_from_anywhere(self) -> None:
        self._around.show_page()
        self.show()

    def _show_results(self, evaluation_id: str) -> None:
        self._around.show_page()
        self._open_results(evaluation_id)


def _is_one_model(targets: Sequence[Target]) -> bool:
    """Return whether the practice cloud is chosen beside its own model."""
    here = {target.label for target in targets if isinstance(target, LocalTarget)}
    return any(
        isinstance(target, CloudTarget) and target.provider.is_practice and target.label in here
        for target in targets
    )


def _slowed() -> str:
    return _tr(
        "Compare is answering at the same time: both become slower, so the speeds that are "
        "measured now are too low."
    )


def _tr(text: str) -> str:
    return QCoreApplication.translate("TestsPage", text)
