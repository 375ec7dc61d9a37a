"""Decides what the Compare page does: runs turns and shows them."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import replace

from PySide6.QtCore import QObject, QTimer

from playground.core.chat import SamplingParams
from playground.core.errors import PlaygroundError
from playground.core.planning import new_comparison
from playground.core.runs import Comparison, RunOrder, Turn
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
from playground.store.settings import SettingsStore
from playground.ui.bridge import Bridge, Follower
from playground.ui.pages.compare.answer_settings import Draft
from playground.ui.pages.compare.ballot import Ballot
from playground.ui.pages.compare.board import Board
from playground.ui.pages.compare.cells import details
from playground.ui.pages.compare.notify import Notify
from playground.ui.pages.compare.picking import Picking
from playground.ui.pages.compare.targets import TargetChooser
from playground.ui.pages.compare.view import CompareView
from playground.ui.theme import Theme
from playground.ui.wording import translate

TICK_MS = 100
SETTLE_MS = 400
"""Answer settings are written once the typing has paused."""
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
        self._prompts_to_come: list[str] = []
        self._board = Board(view, theme, bridge.rota)
        self._ballot = Ballot(view, self._board, bridge, service, self._on_voted)
        self._picking = Picking(view, bridge, chooser, notify=notify, run=self.run)
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._settings_timer = QTimer(self)
        self._settings_timer.setSingleShot(True)
        self._settings_timer.setInterval(SETTLE_MS)
        self._settings_timer.timeout.connect(self._keep_answer_settings)
        theme.changed.connect(self._board.show_heads)
        self._connect()
        self._load_settings()
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
        settings = self._settings.settings
        comparison = self._prepared()
        self._is_replay = False
        self._follow(
            comparison,
            lambda: self._service.run_turn(
                comparison, prompt, settings.run_order, hidden_names=settings.hide_names
            ),
        )
        self._view.set_prompt("")

    def add_target(self, target: Target) -> None:
        """Add a target that another page offers."""
        if self._may_change():
            self._chooser.choose((*self._chooser.chosen, target))

    def open_comparison(self, comparison: Comparison) -> None:
        """Show a comparison of the history, to read or to go on with."""
        if not self._may_change():
            return
        self._comparison = comparison
        self._turn = comparison.turns[-1] if comparison.turns else None
        self._chooser.choose(comparison.targets)
        self._take_settings(comparison)
        self._board.show_comparison(comparison)
        if self._turn is not None:
            self._ballot.show_end(self._turn, can_vote=True)
        self._view.set_follow_up(follow_up=bool(comparison.turns))

    def run_again(self, comparison: Comparison) -> None:
        """Send a comparison's prompts to its targets once more, one after the other."""
        if not self._may_change():
            return
        self._chooser.choose(comparison.targets)
        self._forget()
        self._take_settings(comparison)
        self._prompts_to_come = [turn.prompt for turn in comparison.turns]
        self._run_next()

    def replay(self, comparison: Comparison, updates: Updates) -> None:
        """Play a recorded turn back at its own pace; nothing is sent anywhere."""
        if not self._may_change():
            return
        self._chooser.choose(comparison.targets)
        self._forget()
        self._is_replay = True
        self._follow(replace(comparison, turns=()), updates)

    async def close(self) -> None:
        """End what is running; what was written is saved by the service."""
        self._timer.stop()
        if self._settings_timer.isActive():
            self._settings_timer.stop()
            self._keep_answer_settings()
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
        view.order_chosen.connect(self._on_order)
        view.hide_names_toggled.connect(self._on_hide_names)
        view.settings.changed.connect(self._settings_timer.start)
        self._timer.timeout.connect(self._board.tick)

    def _load_settings(self) -> None:
        settings = self._settings.settings
        self._view.set_order(settings.run_order.value)
        self._view.set_hide_names(on=settings.hide_names)
        self._view.settings.set_drafts(Draft(settings.sampling, settings.system_prompt))
        self._board.in_tokens = settings.show_tokens

    def _take_settings(self, comparison: Comparison) -> None:
        samplings = dict(comparison.overrides)
        systems = dict(comparison.system_overrides)
        self._view.settings.set_drafts(
            Draft(comparison.sampling, comparison.system_prompt),
            {
                key: Draft(samplings.get(key, SamplingParams()), systems.get(key))
                for key in {*samplings, *systems}
            },
        )

    def _may_change(self) -> bool:
        if self.is_running:
            self._notify(translate("compare", "Stop what is running first."), tone="caution")
        return not self.is_running

    def _prepared(self) -> Comparison:
        """Return the comparison to go on with, with what the drawer says now."""
        drawer = self._view.settings
        targets = self._chooser.chosen
        drafts = [(t.key, draft) for t in targets if (draft := drawer.override(t.key)) is not None]
        comparison = self._comparison or new_comparison(targets)
        return replace(
            comparison,
            system_prompt=drawer.shared.system or "",
            sampling=drawer.shared.sampling,
            overrides=tuple((key, draft.sampling) for key, draft in drafts),
            system_overrides=tuple((key, draft.system) for key, draft in drafts if draft.system),
        )

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
        is_same = self._comparison is not None and self._comparison.targets == self._chooser.chosen
        if is_same or self.is_running:
            return
        prompt = self._turn.prompt if self._turn is not None else ""
        self._forget()
        if prompt and not self._view.prompt:
            self._view.set_prompt(prompt)

    def _on_order(self, order: str) -> None:
        self._save(run_order=RunOrder(order))

    def _on_hide_names(self, on: bool) -> None:
        self._save(hide_names=on)

    def _keep_answer_settings(self) -> None:
        shared = self._view.settings.shared
        self._save(sampling=shared.sampling, system_prompt=shared.system or "")

    def _save(self, **changes: object) -> None:
        try:
            self._settings.update(**changes)
        except PlaygroundError as error:
            self._notify(f"{error.message} {error.hint}", tone="caution")
