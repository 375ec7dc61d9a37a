"""Decides what the Compare page does: runs turns and shows them."""

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from enum import Enum

from PySide6.QtCore import QCoreApplication, QObject, QTimer

from playground.core.chat import SamplingParams
from playground.core.errors import ErrorInfo, PlaygroundError
from playground.core.names import name_with_place
from playground.core.runs import Comparison, RunOrder, Thumb, Turn, VoteOutcome
from playground.core.targets import Target
from playground.core.turns import new_comparison
from playground.services.comparison import (
    ComparisonService,
    RunEnded,
    RunProgress,
    RunStarted,
    StorageTrouble,
    TurnEnded,
    TurnStarted,
    TurnUpdate,
    checked,
    with_progress,
)
from playground.store.history import ComparisonStore
from playground.store.settings import Settings, SettingsStore
from playground.ui.answers.judging import Judging
from playground.ui.answers.metric_cells import details
from playground.ui.answers.view_model import turn_view_model
from playground.ui.bridge import Bridge, Follower
from playground.ui.pages.compare.answer_settings import Draft
from playground.ui.pages.compare.page import CompareView
from playground.ui.pages.compare.panes import PaneController
from playground.ui.pages.compare.target_bar import TargetBarPresenter
from playground.ui.pages.compare.targets import MOST, TargetSelection, is_same
from playground.ui.theme.theme import Theme
from playground.ui.widgets.toast import Notify


def _tr(text: str) -> str:
    return QCoreApplication.translate("ComparePage", text)


SETTLE_MS = 400
"""Answer settings are written once the typing has paused."""


class OptionsPresenter(QObject):
    """Order and the drawer: shown as remembered, remembered as chosen."""

    def __init__(self, view: CompareView, bridge: Bridge, settings: SettingsStore) -> None:
        super().__init__(view)
        self._view = view
        self._bridge = bridge
        self._settings = settings
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SETTLE_MS)
        known = settings.settings
        view.header.order.select(known.run_order.value)
        view.settings.set_drafts(Draft(known.sampling, known.system_prompt))
        self._timer.timeout.connect(self._write_drawer)
        view.header.order.chosen.connect(self._on_order)
        view.settings.changed.connect(self._timer.start)

    def prepare(
        self, comparison: Comparison | None, targets: Sequence[Target], longest: int | None
    ) -> Comparison:
        """Return the comparison to go on with, or a new one, with what the drawer says now.

        `longest` is how many tokens an answer may have where the drawer does not say.
        """
        drawer = self._view.settings
        sampling = drawer.shared.sampling
        if sampling.max_tokens is None:
            sampling = replace(sampling, max_tokens=longest)
        drafts = [(t.key, draft) for t in targets if (draft := drawer.override(t.key)) is not None]
        return replace(
            comparison or new_comparison(targets),
            system_prompt=drawer.shared.system or "",
            sampling=sampling,
            overrides=tuple((key, draft.sampling) for key, draft in drafts),
            system_overrides=tuple((key, draft.system) for key, draft in drafts if draft.system),
        )

    def show(self, comparison: Comparison) -> None:
        """Put a stored comparison's answer settings into the drawer."""
        samplings = dict(comparison.overrides)
        systems = dict(comparison.system_overrides)
        self._view.settings.set_drafts(
            Draft(comparison.sampling, comparison.system_prompt),
            {
                key: Draft(samplings.get(key, SamplingParams()), systems.get(key))
                for key in {*samplings, *systems}
            },
        )

    def write_now(self) -> None:
        """Write at once what waits for the typing to pause."""
        if self._timer.isActive():
            self._timer.stop()
            self._write_drawer()

    def _write_drawer(self) -> None:
        shared = self._view.settings.shared
        self._bridge.write(
            self._settings.update, sampling=shared.sampling, system_prompt=shared.system or ""
        )

    def _on_order(self, order: str) -> None:
        self._bridge.write(self._settings.update, run_order=RunOrder(order))


TICK_MS = 100
Updates = Callable[[], AsyncGenerator[TurnUpdate, None]]


class Phase(Enum):
    """What the page is doing."""

    IDLE = "idle"
    READING = "reading"
    """Models that were chosen before their files were read, for the run that follows."""
    RUNNING = "running"
    REPLAYING = "replaying"


class ComparePresenter(QObject):
    """One comparison at a time; a follow-up turn goes on with it."""

    def __init__(
        self,
        view: CompareView,
        theme: Theme,
        bridge: Bridge,
        *,
        service: ComparisonService,
        history: ComparisonStore,
        judging: Judging,
        selection: TargetSelection,
        settings: SettingsStore,
        notify: Notify,
    ) -> None:
        super().__init__(view)
        self._view = view
        self._bridge = bridge
        self._service = service
        self._history = history
        self.judging = judging
        """What every page tells of thumbs and notes."""
        self._selection = selection
        self._notify = notify
        self._phase = Phase.IDLE
        self._has_begun = self._is_to_stop = False
        """Whether the turn on its way is known to run, and whether it is stopped then."""
        self._comparison: Comparison | None = None
        self._turn: Turn | None = None
        """The last one, on its way or at its end."""
        self._follower: Follower | None = None
        self._turns_to_come: list[Turn] = []
        self._again: str | None = None
        """The run that was stopped to be asked again."""
        self._told_trouble: ErrorInfo | None = None
        self._is_busy_with_test = False
        self._missing: tuple[Target, ...] = ()
        """Models of a recording which are not here."""
        self.ended: Comparison | None = None
        """What is on the page with all its turns, once its answers are there."""
        self._order_chosen = RunOrder.FAIR.value
        """What the person had chosen before a recording is shown in its own order."""
        known = settings.settings
        self._run_order = known.run_order
        self._panes = PaneController(
            view, theme, in_tokens=known.show_tokens, go_on=self._on_continue
        )
        self._options = OptionsPresenter(view, bridge, settings)
        self._target_bar = TargetBarPresenter(view, bridge, selection, notify=notify, run=self.run)
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._unsubscribe = bridge.subscribe(settings, self._on_settings)
        self._connect()
        selection.changed = self._on_targets_changed
        self._on_targets_changed()
        bridge.spawn(selection.restore())
        view.presenter = self

    @property
    def is_running(self) -> bool:
        return self._phase in {Phase.RUNNING, Phase.REPLAYING}

    @property
    def comparison(self) -> Comparison | None:
        """What is on the page, with the turns that have ended."""
        return self._comparison

    @property
    def _shows_recording(self) -> bool:
        has_ended = self._comparison is None and self._turn is not None
        return has_ended or self._phase is Phase.REPLAYING

    def run(self, longest: int | None = None) -> None:
        """Send what is in the box; `longest` limits this answer where the drawer does not."""
        if self.is_running:
            self._notify(_tr("Wait until the answers are there, or stop them first."))
            return
        if self._phase is not Phase.IDLE or not self._can_run():
            return
        if self._selection.has_unread:
            # what a run tells of its model is kept for good
            self._bridge.spawn(self._read_and_run(longest))
        else:
            self._send(longest)

    def set_busy_with_test(self, on: bool) -> None:
        """Say, or say no more, that a test keeps this computer busy."""
        self._is_busy_with_test = on
        self._show_notes()

    def choose_targets(self, targets: Sequence[Target]) -> None:
        """Put these in place of what is chosen."""
        if targets and self._may_change():
            self._selection.choose(targets)

    def add_target(self, target: Target) -> None:
        if self._may_change():
            self._selection.choose((*self._selection.chosen, target))

    def open_comparison(self, comparison: Comparison) -> None:
        """Show a comparison of the history, to read or to go on with."""
        if not self._may_change() or not self._has_room(comparison):
            return
        self._comparison = comparison
        self._turn = comparison.turns[-1] if comparison.turns else None
        self._selection.choose(comparison.targets)
        self._options.show(comparison)
        self._panes.show_comparison(comparison)
        if comparison.turns:
            self._show_end(comparison)
            self._bridge.spawn(self._show_checks(comparison.turns[:-1]))
        self._view.prompt_card.set_checks(())
        self._view.prompt_card.set_follow_up(follow_up=bool(comparison.turns))

    def run_again(self, comparison: Comparison) -> None:
        """Send a comparison's prompts to its targets once more, one after the other."""
        if not self._may_change() or not self._has_room(comparison):
            return
        self._selection.choose(comparison.targets)
        self._forget()
        self._options.show(comparison)
        self._turns_to_come = [*comparison.turns]
        self._run_next()

    def replay(self, comparison: Comparison, updates: Updates) -> None:
        """Play a recorded turn back at its own pace; nothing is sent anywhere.

        What is chosen stays: the next question goes there.
        """
        if not self._may_change() or not self._has_room(comparison):
            return
        self._forget()
        self._order_chosen = self._view.header.order.selected
        self._follow(Phase.REPLAYING, replace(comparison, turns=()), updates)
        if not self._selection.chosen:
            self._bridge.spawn(self._choose_like(comparison.targets))

    async def _choose_like(self, targets: Sequence[Target]) -> None:
        self._missing = await self._selection.choose_like(targets)
        self._show_notes()

    def close(self) -> None:
        """End what is running; what was written is saved by the service."""
        self._timer.stop()
        self._unsubscribe()
        self._options.write_now()
        self._view.summary.tell_note()
        if self._follower is not None:
            self._follower.cancel()
            self._follower = None

    def _connect(self) -> None:
        view = self._view
        view.prompt_card.run_clicked.connect(self._on_run)
        view.prompt_card.stop_clicked.connect(self._on_stop_all)
        view.prompt_card.new_clicked.connect(self._on_new)
        view.grid.stop_clicked.connect(self._on_stop)
        view.grid.again_clicked.connect(self._on_again)
        view.grid.details_clicked.connect(self._on_details)
        view.grid.vote_clicked.connect(self._on_winner)
        view.grid.thumb_given.connect(self._on_thumb)
        view.summary.voted.connect(self._on_outcome)
        view.header.hide_names.toggled.connect(self._show_notes)
        view.summary.difference_wanted.connect(self._on_difference)
        view.summary.noted.connect(self.judging.set_note)
        self.judging.changed.connect(self._on_judged)
        view.closing.connect(self.close)
        self._timer.timeout.connect(self._panes.tick)

    def _on_settings(self, settings: Settings) -> None:
        """Show what the Settings page changes as well."""
        if settings.run_order is not self._run_order:
            # only then: what was chosen here meanwhile is still on its way to the file
            self._run_order = settings.run_order
            self._view.header.order.select(settings.run_order.value)
        self._panes.set_unit(in_tokens=settings.show_tokens)

    def _may_change(self) -> bool:
        if self.is_running:
            self._notify(_tr("Stop what is running first."), tone="caution")
        return not self.is_running

    def _has_room(self, comparison: Comparison) -> bool:
        """Return whether every target has a pane; a terminal takes more, and the same one twice."""
        count = len({target.key for target in comparison.targets})
        has_room = count == len(comparison.targets) <= MOST
        if not has_room:
            self._notify(
                _tr(
                    "This comparison has more answers than fit side by side here. Read it under "
                    "History."
                ),
                tone="caution",
            )
        return has_room

    def _can_run(self) -> bool:
        """Return whether there are targets and a prompt; ask for what is missing."""
        if not self._selection.chosen:
            self._target_bar.open_picker()
            return False
        if not self._view.prompt_card.text.strip():
            self._notify(_tr("Type a prompt first, or take one from Ideas."))
            self._view.focus_first()
            return False
        problem = self._view.settings.problem
        if problem is not None:
            self._notify(problem, tone="caution")
            self._view.header.drawer_button.setChecked(True)
            self._view.settings.focus_problem()
            return False
        return True

    async def _read_and_run(self, longest: int | None) -> None:
        self._phase = Phase.READING
        try:
            await self._selection.read_chosen()
        finally:
            self._phase = Phase.IDLE
        if self._can_run():
            self._send(longest)

    def _send(self, longest: int | None) -> None:
        if self._comparison is None:
            # a recording that is shown is not gone on with
            self._turn = None
            self._selection.renew()
        view, prompt = self._view, self._view.prompt_card.text.strip()
        view.summary.tell_note()
        # as it is shown: what was chosen a moment ago may not be written yet
        order = RunOrder(view.header.order.selected)
        # a question asked before the vote must not show who gave the answers so far
        is_hidden = view.header.hide_names.isChecked() or self._panes.is_hidden
        checks = view.prompt_card.checks
        comparison = self._options.prepare(self._comparison, self._selection.chosen, longest)
        self._follow(
            Phase.RUNNING,
            comparison,
            lambda: self._service.run_turn(
                comparison, prompt, order, hidden_names=is_hidden, checks=checks
            ),
        )
        view.prompt_card.set_text("")

    def _follow(self, phase: Phase, comparison: Comparison, updates: Updates) -> None:
        self._phase = phase
        self._has_begun = self._is_to_stop = False
        self._comparison = comparison
        self._set_ended(None)
        self._view.set_running(running=True)
        self._view.show_summary(is_shown=False)
        self._follower = self._bridge.follow(
            updates, self._on_updates, done=self._on_done, gather=with_progress
        )
        self._timer.start()

    def _on_updates(self, updates: list[TurnUpdate | RunProgress]) -> None:
        for update in updates:
            match update:
                case RunProgress():
                    self._panes.update(update)
                case TurnStarted(turn=turn):
                    self._begin(turn)
                case RunStarted(run=run):
                    self._panes.start(run)
                case RunEnded(run=run):
                    self._panes.end(run)
                case StorageTrouble(error=error):
                    self._tell_trouble(error)
                case TurnEnded(comparison=comparison, turn=turn):
                    self._comparison = comparison
                    self._turn = turn

    def _tell_trouble(self, error: ErrorInfo) -> None:
        """Tell once why nothing is kept, not at every prompt."""
        if error != self._told_trouble:
            self._told_trouble = error
            self._notify(f"{error.message} {error.hint}", tone="caution")

    def _show_notes(self) -> None:
        """Say beside the prompt what will happen otherwise than one may think."""
        notes = []
        if self._is_busy_with_test:
            notes.append(
                _tr("A test is running on this computer: answers here come later and slower.")
            )
        if self._panes.is_hidden or (
            self._view.header.hide_names.isChecked() and self._turn is None
        ):
            notes.append(_tr("Names are hidden: you see them after your vote."))
        elif self._view.header.hide_names.isChecked():
            notes.append(_tr("From the next question on, names are hidden until your vote."))
        if self._shows_recording:
            notes.append(self._recording_words())
        lacks_models = (
            self._shows_recording
            and not self.is_running
            and (bool(self._missing) or not self._selection.chosen)
        )
        self._view.show_notes(notes, lacks_models=lacks_models)

    def _recording_words(self) -> str:
        """Say whom the next question goes to, as it is none of the models that are shown."""
        chosen, missing = (
            ", ".join(name_with_place(target) for target in targets)
            for targets in (self._selection.chosen, self._missing)
        )
        said = _tr("This is a recording: choose the models that your own question goes to.")
        if chosen:
            said = _tr("This is a recording: your own question goes to {names}.").format(
                names=chosen
            )
        if missing:
            said = f"{said} {_tr('Not here: {names}.').format(names=missing)}"
        return said

    def _begin(self, turn: Turn) -> None:
        self._turn = turn
        self._has_begun = True
        if self._is_to_stop:
            self._bridge.call(self._service.stop_all)
        if self._comparison is not None:
            is_replay = self._phase is Phase.REPLAYING
            if is_replay:
                # how it was asked then, not how the next question will be
                self._view.header.order.select(turn.order.value)
            self._panes.begin(self._comparison, turn, is_replay=is_replay)
            self._show_notes()

    def _on_done(self) -> None:
        was_replay = self._phase is Phase.REPLAYING
        self._phase = Phase.IDLE
        self._follower = None
        self._timer.stop()
        self._view.set_running(running=False)
        self._panes.finish()
        if self._comparison is not None and self._turn is not None:
            ended = self._comparison.with_turn(self._turn)
            if self._panes.is_hidden and not ended.names_hidden:
                self._panes.reveal(ended)
            self._show_end(ended, is_replay=was_replay)
        self._view.prompt_card.set_follow_up(follow_up=True, is_recording=was_replay)
        # on stage the box stays closed until it is asked for
        self._view.prompt_card.focus_prompt()
        if was_replay:
            self._view.header.order.select(self._order_chosen)
            # a recording is watched, not gone on with: the next run is a new comparison
            self._comparison = None
            self._show_notes()
        self._run_next()

    def _run_next(self) -> None:
        """Send what is to be asked again: one answer, or the rest of a comparison."""
        again, self._again = self._again, None
        for index in range(len(self._view.panes)):
            run = self._panes.run_at(index)
            if again is not None and run is not None and run.id == again:
                self._on_again(index)
                return
        if self._turns_to_come:
            turn = self._turns_to_come.pop(0)
            self._view.prompt_card.set_text(turn.prompt)
            self._view.prompt_card.set_checks(turn.checks)
            self.run()

    def _set_ended(self, comparison: Comparison | None) -> None:
        self.ended = comparison
        self._view.header.share_button.setEnabled(comparison is not None)

    def _show_end(self, comparison: Comparison, *, is_replay: bool = False) -> None:
        """Show the line in plain words, and what is said of the last turn."""
        self._set_ended(comparison)
        turn = turn_view_model(comparison, comparison.turns[-1], is_replay=is_replay)
        self._view.summary.show_turn(turn.summary, turn.vote, turn.short_summary)
        self._view.summary.show_note(turn.note)
        self._panes.show_judged(turn)
        self._view.show_summary(is_shown=True)
        self._show_notes()
        self._bridge.spawn(self._show_checks(comparison.turns[-1:]))

    async def _show_checks(self, turns: Sequence[Turn]) -> None:
        """Put what the checks say under each answer, once it is worked out; the last turn first."""
        for turn in reversed(turns):
            self._panes.show_checks(await self._bridge.submit(checked(turn)))

    def _on_winner(self, index: int) -> None:
        run = self._panes.run_at(index)
        if run is not None and self._turn is not None:
            # the same once more takes it back
            self._vote(None if run.id == self._turn.winner_run_id else run.id, None)

    def _on_outcome(self, outcome: VoteOutcome) -> None:
        if self._turn is not None:
            self._vote(None, None if outcome is self._turn.verdict else outcome)

    def _on_difference(self) -> None:
        if self._turn is not None:
            self._view.show_difference(self._turn)

    def _on_thumb(self, index: int, thumb: Thumb | None) -> None:
        run = self._panes.run_at(index)
        if run is not None and self._turn is not None:
            self.judging.set_thumb(self._turn.id, run.id, thumb)

    def _vote(self, winner_run_id: str | None, verdict: VoteOutcome | None) -> None:
        if self._comparison is not None and self._turn is not None:
            self._bridge.spawn(self._keep_vote(self._turn, winner_run_id, verdict))

    async def _keep_vote(
        self, turn: Turn, winner_run_id: str | None, verdict: VoteOutcome | None
    ) -> None:
        """Show a vote once it is stored: one that is not would be counted nowhere."""
        try:
            await self._bridge.submit(
                self._history.vote(turn.id, winner_run_id, verdict, turn.hidden_names)
            )
        except PlaygroundError:
            # the pressed button goes back
            self._on_judged(turn.id, lambda before: before)
            raise
        self._on_judged(
            turn.id, lambda before: replace(before, winner_run_id=winner_run_id, verdict=verdict)
        )

    def _on_judged(self, turn_id: str, judged: Callable[[Turn], Turn]) -> None:
        """Take what is said of a turn on the page, here or under History."""
        if self._comparison is None or self._turn is None or self.is_running:
            return
        ended = self._comparison.with_turn(self._turn)
        turn = next((turn for turn in ended.turns if turn.id == turn_id), None)
        if turn is None:
            return
        self._comparison = ended.with_turn(judged(turn))
        self._turn = self._comparison.turns[-1]
        if self._panes.is_hidden and self._turn.is_voted:
            # what was pressed cannot be pressed again: the keyboard must not wander on
            self._view.leave_vote()
            self._panes.reveal(self._comparison)
        self._show_end(self._comparison)

    def _on_run(self) -> None:
        self.run()

    def _on_stop(self, index: int) -> None:
        run = self._panes.run_at(index)
        if run is not None:
            self._bridge.call(self._service.stop, run.id)

    def _on_again(self, index: int) -> None:
        """Ask one of the last turn's targets once more; one that is silent is stopped before."""
        run = self._panes.run_at(index)
        if run is None or self._phase not in {Phase.IDLE, Phase.RUNNING}:
            return
        if self._phase is Phase.RUNNING:
            self._again = run.id
            self._bridge.call(self._service.stop, run.id)
        else:
            self._make_anew(run.id)

    def _on_continue(self, run_id: str) -> None:
        if self._phase is Phase.IDLE:
            self._make_anew(run_id, continues=True)

    def _make_anew(self, run_id: str, *, continues: bool = False) -> None:
        self._view.summary.tell_note()
        if self._comparison is None or self._turn is None:
            return
        ended = self._comparison.with_turn(self._turn)
        self._follow(
            Phase.RUNNING,
            replace(ended, turns=ended.turns[:-1]),
            lambda: self._service.run_again(ended, run_id, continues=continues),
        )

    def _on_stop_all(self) -> None:
        self._again = None
        self._turns_to_come.clear()
        if self._phase is Phase.REPLAYING and self._follower is not None:
            self._follower.cancel()
            self._on_done()
        elif self._has_begun:
            self._bridge.call(self._service.stop_all)
        else:
            # there is nothing yet that could be stopped
            self._is_to_stop = True

    def _on_details(self, index: int) -> None:
        run = self._panes.run_at(index)
        if run is not None and not self._panes.is_hidden:
            self._view.panes[index].show_details(details(run))

    def _on_new(self) -> None:
        self._forget()
        self._view.prompt_card.set_checks(())
        self._view.focus_first()

    def _forget(self) -> None:
        self._comparison = None
        self._turn = None
        self._missing = ()
        self._set_ended(None)
        self._view.show_summary(is_shown=False)
        self._view.prompt_card.set_follow_up(follow_up=False)
        self._panes.show_ready(self._selection.chosen)
        self._show_notes()

    def _on_targets_changed(self) -> None:
        """Begin anew where the answers belong to other targets."""
        self._target_bar.show_targets()
        before = () if self._comparison is None else self._comparison.targets
        now = self._selection.chosen
        is_as_before = self._comparison is not None and len(before) == len(now)
        if self._shows_recording:
            # it stays to be read until something is asked
            self._missing = ()
            self._show_notes()
            return
        if self.is_running or (is_as_before and all(map(is_same, before, now))):
            return
        self._forget()
