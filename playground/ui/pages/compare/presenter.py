"""Decides what the Compare page does: runs turns and shows them."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import replace

from PySide6.QtCore import QObject, QTimer

from playground.core.runs import Comparison, Turn
from playground.core.targets import Target
from playground.services.comparison import (
    ComparisonService,
    RunEnded,
    RunEvent,
    RunStarted,
    StorageTrouble,
    TurnEnded,
    TurnStarted,
    TurnUpdate,
)
from playground.store.settings import Settings, SettingsStore
from playground.ui.answers.metric_cells import details
from playground.ui.bridge import Bridge, Follower
from playground.ui.format import translate
from playground.ui.pages.compare.ballot import Ballot
from playground.ui.pages.compare.choices import Choices
from playground.ui.pages.compare.notify import Notify
from playground.ui.pages.compare.page import CompareView
from playground.ui.pages.compare.panes import Board
from playground.ui.pages.compare.target_bar import Picking
from playground.ui.pages.compare.targets import MOST, TargetChooser, is_same
from playground.ui.theme.theme import Theme

TICK_MS = 100
Updates = Callable[[], AsyncGenerator[TurnUpdate, None]]


class ComparePresenter(QObject):
    """One comparison at a time; a follow-up turn goes on with it."""

    def __init__(
        self,
        view: CompareView,
        theme: Theme,
        bridge: Bridge,
        *,
        service: ComparisonService,
        chooser: TargetChooser,
        settings: SettingsStore,
        notify: Notify,
    ) -> None:
        super().__init__(view)
        self._view = view
        self._bridge = bridge
        self._service = service
        self._chooser = chooser
        self._settings = settings
        self._notify = notify
        self._comparison: Comparison | None = None
        self._turn: Turn | None = None
        self._follower: Follower | None = None
        self._is_replay = False
        self._has_tried_to_read = False
        self._prompts_to_come: list[str] = []
        self._board = Board(view, theme, bridge.rota)
        self._board.in_tokens = settings.settings.show_tokens
        self._choices = Choices(view, settings, notify)
        self._ballot = Ballot(view, self._board, bridge, service, self._on_voted)
        self._picking = Picking(view, bridge, chooser, notify=notify, run=self.run)
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        theme.changed.connect(self._board.show_heads)
        theme.changed.connect(self._board.tick)
        self._connect()
        chooser.changed = self._on_targets_changed
        self._on_targets_changed()
        bridge.spawn(chooser.restore())

    @property
    def is_running(self) -> bool:
        """True while a turn is on its way."""
        return self._follower is not None

    @property
    def comparison(self) -> Comparison | None:
        """What is on the page, with the turns that have ended."""
        return self._comparison

    def run(self) -> None:
        """Send the prompt to every target."""
        prompt = self._view.prompt.strip()
        if self.is_running:
            return
        if not self._chooser.chosen:
            self._picking.open_picker()
            return
        if not prompt:
            self._notify(translate("compare", "Type a prompt first, or take one from Ideas."))
            self._view.focus_first()
            return
        if self._chooser.has_unread and not self._has_tried_to_read:
            # what a run tells of its model is kept for good
            self._bridge.spawn(self._read_and_run())
            return
        if self._comparison is None:
            self._chooser.renew()
        settings = self._settings.settings
        # a question asked before the vote must not show who gave the answers so far
        is_hidden = settings.hide_names or self._board.is_hidden
        comparison = self._choices.prepare(self._comparison, self._chooser.chosen)
        self._is_replay = False
        self._follow(
            comparison,
            lambda: self._service.run_turn(
                comparison, prompt, settings.run_order, hidden_names=is_hidden
            ),
        )
        self._view.set_prompt("")

    def add_target(self, target: Target) -> None:
        """Add a target that another page offers."""
        if self._may_change():
            self._chooser.choose((*self._chooser.chosen, target))

    def open_comparison(self, comparison: Comparison) -> None:
        """Show a comparison of the history, to read or to go on with."""
        if not self._may_change() or not self._has_room(comparison):
            return
        self._comparison = comparison
        self._turn = comparison.turns[-1] if comparison.turns else None
        self._chooser.choose(comparison.targets)
        self._choices.take(comparison)
        self._board.show_comparison(comparison)
        if self._turn is not None:
            self._ballot.show_end(self._turn, can_vote=True)
        self._view.set_follow_up(follow_up=bool(comparison.turns))

    def run_again(self, comparison: Comparison) -> None:
        """Send a comparison's prompts to its targets once more, one after the other."""
        if not self._may_change() or not self._has_room(comparison):
            return
        self._chooser.choose(comparison.targets)
        self._forget()
        self._choices.take(comparison)
        self._prompts_to_come = [turn.prompt for turn in comparison.turns]
        self._run_next()

    def replay(self, comparison: Comparison, updates: Updates) -> None:
        """Play a recorded turn back at its own pace; nothing is sent anywhere."""
        if not self._may_change() or not self._has_room(comparison):
            return
        self._chooser.choose(comparison.targets)
        self._forget()
        self._is_replay = True
        self._follow(replace(comparison, turns=()), updates)

    async def close(self) -> None:
        """End what is running; what was written is saved by the service."""
        self._timer.stop()
        self._settings.unsubscribe(self._on_settings)
        self._choices.keep()
        if self._follower is not None:
            self._follower.cancel()
            self._follower = None

    def _connect(self) -> None:
        view = self._view
        view.run_clicked.connect(self.run)
        view.stop_all_clicked.connect(self._on_stop_all)
        view.stop_clicked.connect(self._on_stop)
        view.details_clicked.connect(self._on_details)
        view.new_clicked.connect(self._on_new)
        self._timer.timeout.connect(self._board.tick)
        self._settings.subscribe(self._on_settings)

    def _on_settings(self, _settings: Settings) -> None:
        # called in whichever thread made the change
        self._bridge.post(self._show_settings)

    def _show_settings(self) -> None:
        """Show what the Settings page changes as well."""
        settings = self._settings.settings
        self._view.set_order(settings.run_order.value)
        if self._board.in_tokens != settings.show_tokens:
            self._board.in_tokens = settings.show_tokens
            self._board.tick()

    def _may_change(self) -> bool:
        if self.is_running:
            self._notify(translate("compare", "Stop what is running first."), tone="caution")
        return not self.is_running

    def _has_room(self, comparison: Comparison) -> bool:
        """Return whether every target has a pane; a terminal takes more, and the same one twice."""
        count = len({target.key for target in comparison.targets})
        has_room = count == len(comparison.targets) <= MOST
        if not has_room:
            self._notify(
                translate(
                    "compare",
                    "This comparison has more answers than fit side by side here. Read it under "
                    "History.",
                ),
                tone="caution",
            )
        return has_room

    def _follow(self, comparison: Comparison, updates: Updates) -> None:
        self._comparison = comparison
        self._view.set_running(running=True)
        self._view.summary.hide()
        self._follower = self._bridge.follow(updates, self._on_updates, done=self._on_done)
        self._timer.start()

    def _on_updates(self, updates: list[TurnUpdate]) -> None:
        for update in updates:
            match update:
                case RunEvent(run_id=run_id, event=event):
                    self._board.add(run_id, event)
                case TurnStarted(turn=turn):
                    self._begin(turn)
                case RunStarted(run=run):
                    self._board.start(run)
                case RunEnded(run=run):
                    self._board.end(run)
                case StorageTrouble(error=error):
                    self._notify(f"{error.message} {error.hint}", tone="caution")
                case TurnEnded(comparison=comparison, turn=turn):
                    self._comparison = comparison
                    self._turn = turn

    def _begin(self, turn: Turn) -> None:
        self._turn = turn
        if self._comparison is not None:
            self._board.begin(self._comparison, turn, is_replay=self._is_replay)

    def _on_done(self) -> None:
        self._follower = None
        self._timer.stop()
        self._view.set_running(running=False)
        self._board.finish()
        if self._turn is not None:
            self._ballot.show_end(self._turn, can_vote=not self._is_replay)
        self._view.set_follow_up(follow_up=True)
        self._view.focus_first()
        if self._is_replay:
            # a recording is watched, not gone on with: the next run is a new comparison
            self._comparison = None
        self._run_next()

    async def _read_and_run(self) -> None:
        await self._chooser.read_chosen()
        self._has_tried_to_read = True
        try:
            self.run()
        finally:
            self._has_tried_to_read = False

    def _run_next(self) -> None:
        """Send what is left of a comparison that is run again."""
        if self._prompts_to_come:
            self._view.set_prompt(self._prompts_to_come.pop(0))
            self.run()

    def _on_voted(self, turn: Turn) -> None:
        self._turn = turn
        if self._comparison is None:
            return
        turns = tuple(turn if old.id == turn.id else old for old in self._comparison.turns)
        self._comparison = replace(self._comparison, turns=turns)
        if self._board.is_hidden:
            self._board.reveal(self._comparison)

    def _on_stop(self, index: int) -> None:
        run = self._board.run_at(index)
        if run is not None:
            self._bridge.call(self._service.stop, run.id)

    def _on_stop_all(self) -> None:
        self._prompts_to_come.clear()
        if self._is_replay and self._follower is not None:
            self._follower.cancel()
            self._on_done()
            return
        self._bridge.call(self._service.stop_all)

    def _on_details(self, index: int) -> None:
        run = self._board.run_at(index)
        if run is not None and not self._board.is_hidden:
            self._view.show_details(index, run.target.label, details(run))

    def _on_new(self) -> None:
        self._forget()
        self._view.focus_first()

    def _forget(self) -> None:
        self._comparison = None
        self._turn = None
        self._board.clear()
        self._view.summary.hide()
        self._view.set_follow_up(follow_up=False)
        self._board.show_ready(self._chooser.chosen)

    def _on_targets_changed(self) -> None:
        """Begin anew where the answers belong to other targets; the prompt comes back."""
        self._picking.show_targets()
        before = () if self._comparison is None else self._comparison.targets
        now = self._chooser.chosen
        is_as_before = self._comparison is not None and len(before) == len(now)
        if self.is_running or (is_as_before and all(map(is_same, before, now))):
            return
        prompt = self._turn.prompt if self._turn is not None else ""
        self._forget()
        if prompt and not self._view.prompt:
            self._view.set_prompt(prompt)
