"""Decides what the Compare page does: runs turns, shows them, takes the vote."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from typing import Protocol

from PySide6.QtCore import QObject, QTimer

from playground.core.errors import ErrorInfo, PlaygroundError
from playground.core.planning import new_comparison
from playground.core.runs import Comparison, RunOrder, Turn, Verdict
from playground.core.targets import LocalTarget, Target
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
from playground.ui.pages.compare.board import Board
from playground.ui.pages.compare.cells import details
from playground.ui.pages.compare.prompts import starter_prompts
from playground.ui.pages.compare.summary import summary
from playground.ui.pages.compare.targets import MOST, START_PRACTICE, TargetChooser
from playground.ui.pages.compare.view import ChipState, CompareView
from playground.ui.theme import Theme
from playground.ui.wording import UNKNOWN, place, shortened, translate

TICK_MS = 100
Updates = Callable[[], AsyncGenerator[TurnUpdate, None]]


class Notify(Protocol):
    """Shows a message at the window's foot."""

    def __call__(self, text: str, *, tone: str = "true") -> None:
        """Show `text`."""
        ...


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
        self._theme = theme
        self._bridge = bridge
        self._service = service
        self._chooser = chooser
        self._settings = settings
        self._notify = notify
        self._comparison: Comparison | None = None
        self._turn: Turn | None = None
        self._follower: Follower | None = None
        self._is_replay = False
        self._queued: list[str] = []
        """Prompts still to come of a comparison that is run again."""
        self._board = Board(view, theme, bridge.rota)
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._connect()
        self._load_settings()
        chooser.changed = self._on_targets_changed
        self._show_targets()
        bridge.spawn(self._restore())

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
            self._on_picker_wanted()
            return
        if not prompt:
            self._notify(translate("compare", "Type a prompt first, or take one from Ideas."))
            self._view.focus_first()
            return
        settings = self._settings.settings
        comparison = self._prepared()
        hidden = settings.hide_names
        self._is_replay = False
        self._follow(
            comparison,
            lambda: self._service.run_turn(
                comparison, prompt, settings.run_order, hidden_names=hidden
            ),
        )
        self._view.set_prompt("")

    def open_comparison(self, comparison: Comparison) -> None:
        """Show a comparison of the history, to read or to go on with."""
        if self.is_running:
            self._notify(translate("compare", "Stop what is running first."))
            return
        self._comparison = comparison
        self._turn = comparison.turns[-1] if comparison.turns else None
        self._chooser.choose(comparison.targets)
        self._comparison = comparison
        self._board.show_comparison(comparison)
        self._show_end()
        self._view.set_follow_up(follow_up=bool(comparison.turns))

    def replay(self, comparison: Comparison, updates: Updates) -> None:
        """Play a recorded turn back at its own pace; nothing is sent anywhere."""
        if self.is_running:
            self._notify(translate("compare", "Stop what is running first."))
            return
        self._chooser.choose(comparison.targets)
        self._comparison = None
        self._board.clear()
        self._is_replay = True
        self._follow(comparison, updates)

    def add_target(self, target: Target) -> None:
        """Add a target to those chosen."""
        self._chooser.choose((*self._chooser.chosen, target))

    def run_again(self, comparison: Comparison) -> None:
        """Send a stored comparison's prompts once more, one after the other."""
        if self.is_running:
            self._notify(translate("compare", "Stop what is running first."))
            return
        self._on_new()
        self._chooser.choose(comparison.targets)
        self._view.settings.set_drafts(Draft(comparison.sampling, comparison.system_prompt))
        self._queued = [turn.prompt for turn in comparison.turns]
        self._run_queued()

    def _run_queued(self) -> None:
        if self._queued:
            self._view.set_prompt(self._queued.pop(0))
            self.run()

    async def close(self) -> None:
        """End what is running; what was written is saved by the service."""
        self._timer.stop()
        if self._follower is not None:
            self._follower.cancel()
            self._follower = None

    def _connect(self) -> None:
        view = self._view
        view.run_clicked.connect(self.run)
        view.stop_all_clicked.connect(self._on_stop_all)
        view.stop_clicked.connect(self._on_stop)
        view.vote_clicked.connect(self._on_vote)
        view.details_clicked.connect(self._on_details)
        view.new_clicked.connect(self._on_new)
        view.picker_wanted.connect(self._on_picker_wanted)
        view.target_removed.connect(self._chooser.remove)
        view.order_chosen.connect(self._on_order)
        view.hide_names_toggled.connect(self._on_hide_names)
        view.empty.try_clicked.connect(self._on_try)
        view.summary.tie_clicked.connect(self._on_tie)
        view.summary.none_clicked.connect(self._on_none)
        view.settings.changed.connect(self._on_answer_settings)
        self._timer.timeout.connect(self._board.tick)
        self._theme.changed.connect(self._board.show_heads)

    def _load_settings(self) -> None:
        settings = self._settings.settings
        self._view.set_order(settings.run_order.value)
        self._view.set_hide_names(on=settings.hide_names)
        self._view.settings.set_drafts(Draft(settings.sampling, settings.system_prompt))
        self._view.set_follow_up(follow_up=False)
        self._view.empty.set_starter(available=self._chooser.has_starter)
        self._board.in_tokens = settings.show_tokens

    async def _restore(self) -> None:
        await self._chooser.restore()

    def _prepared(self) -> Comparison:
        """Return the comparison to go on with, with what the drawer says now."""
        drawer = self._view.settings
        targets = self._chooser.chosen
        overrides = []
        systems = []
        for target in targets:
            draft = drawer.override(target.key)
            if draft is not None:
                overrides.append((target.key, draft.sampling))
                if draft.system:
                    systems.append((target.key, draft.system))
        values = {
            "system_prompt": drawer.shared.system or "",
            "sampling": drawer.shared.sampling,
            "overrides": tuple(overrides),
            "system_overrides": tuple(systems),
        }
        if self._comparison is None:
            return replace(new_comparison(targets), **values)  # type: ignore[arg-type]  # by name
        return replace(self._comparison, **values)  # type: ignore[arg-type]  # by name

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
                    self._show_trouble(error)
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
        self._show_end()
        self._view.set_follow_up(follow_up=True)
        self._view.focus_first()

    def _show_end(self) -> None:
        turn = self._turn
        if turn is None:
            return
        is_open = turn.is_voted or not self._board.is_hidden
        self._view.summary.set_line(summary(turn) if is_open else "")
        self._show_vote()
        self._view.summary.show()

    def _show_vote(self) -> None:
        turn = self._turn
        if turn is None:
            return
        answers = [run for run in turn.runs if run.text.strip()]
        can_vote = len(answers) > 1 and not self._is_replay
        is_sealed = turn.is_voted and turn.hidden_names
        said = ""
        if turn.verdict is Verdict.TIE:
            said = translate("compare", "You said: a tie.")
        elif turn.verdict is Verdict.NONE_GOOD:
            said = translate("compare", "You said: none is good.")
        elif turn.is_voted:
            said = self._chosen_words(turn)
        elif can_vote and self._board.is_hidden:
            said = translate("compare", "Which is best? The names are shown after your vote:")
        offered = can_vote and not is_sealed
        self._view.summary.set_vote(offered=offered, verdict=turn.verdict, said=said)
        self._board.show_vote(turn, offered=offered)

    def _chosen_words(self, turn: Turn) -> str:
        winner = next((run for run in turn.runs if run.id == turn.winner_run_id), None)
        name = shortened(winner.target.label) if winner is not None else UNKNOWN
        return translate("compare", "You chose {name}.").format(name=name)

    def _on_vote(self, index: int) -> None:
        run = self._board.run_at(index)
        if run is not None:
            self._vote(run.id, None)

    def _on_tie(self) -> None:
        self._vote(None, Verdict.TIE)

    def _on_none(self) -> None:
        self._vote(None, Verdict.NONE_GOOD)

    def _vote(self, winner_run_id: str | None, verdict: Verdict | None) -> None:
        turn = self._turn
        if turn is None or self._comparison is None:
            return
        turn = replace(turn, winner_run_id=winner_run_id, verdict=verdict)
        turns = tuple(turn if old.id == turn.id else old for old in self._comparison.turns)
        self._comparison = replace(self._comparison, turns=turns)
        self._turn = turn
        self._bridge.spawn(self._keep_vote(turn))
        if self._board.is_hidden:
            self._board.reveal(self._comparison)
        self._show_end()

    async def _keep_vote(self, turn: Turn) -> None:
        await self._bridge.submit(
            self._service.vote(
                turn.id, turn.winner_run_id, turn.verdict, hidden_names=turn.hidden_names
            )
        )

    def _show_trouble(self, error: ErrorInfo) -> None:
        self._notify(f"{error.message} {error.hint}", tone="caution")

    def _on_stop(self, index: int) -> None:
        run = self._board.run_at(index)
        if run is not None:
            self._bridge.call(self._service.stop, run.id)

    def _on_stop_all(self) -> None:
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
        last = self._turn.prompt if self._turn is not None else ""
        self._forget()
        if not self._view.prompt and last:
            self._view.set_prompt("")
        self._view.focus_first()

    def _forget(self) -> None:
        self._comparison = None
        self._turn = None
        self._board.clear()
        self._view.summary.hide()
        self._view.set_follow_up(follow_up=False)
        self._board.show_ready(self._chooser.chosen)

    def _on_targets_changed(self) -> None:
        """Begin anew: the answers on the page belong to other targets. The prompt comes back."""
        targets = self._chooser.chosen
        is_same = self._comparison is not None and self._comparison.targets == targets
        if not is_same and not self.is_running:
            prompt = self._turn.prompt if self._turn is not None else ""
            self._forget()
            if prompt and not self._view.prompt:
                self._view.set_prompt(prompt)
        self._show_targets()

    def _show_targets(self) -> None:
        targets = self._chooser.chosen
        self._view.set_chips([_chip(target) for target in targets])
        self._view.set_pane_count(len(targets))
        self._view.set_addable(addable=len(targets) < MOST)
        self._view.settings.set_targets([(target.key, target.label) for target in targets])
        if self._comparison is None:
            self._board.show_ready(targets)

    def _on_picker_wanted(self) -> None:
        picker = self._view.picker
        picker.chosen.connect(self._on_picked)
        self._refresh_picker()
        self._view.open_picker()
        self._bridge.spawn(self._chooser.look_everywhere(self._refresh_picker))

    def _refresh_picker(self) -> None:
        self._view.picker.set_entries(self._chooser.entries())

    def _on_picked(self, key: str) -> None:
        self._view.picker.chosen.disconnect(self._on_picked)
        if key == START_PRACTICE:
            self._bridge.spawn(self._add_practice())
        else:
            self._chooser.toggle(key)

    async def _add_practice(self) -> None:
        self._notify(translate("compare", "Starting the practice cloud…"))
        target = await self._chooser.practice()
        self._chooser.choose((*self._chooser.chosen, target))
        self._notify(translate("compare", "The practice cloud is ready."))

    def _on_try(self) -> None:
        self._bridge.spawn(self._try())

    async def _try(self) -> None:
        empty = self._view.empty
        empty.set_busy(translate("compare", "Starting the practice cloud…"))
        try:
            starter, practice = await asyncio.gather(
                self._chooser.starter(), self._chooser.practice()
            )
        finally:
            empty.set_busy(None)
        if starter is None:
            raise PlaygroundError(translate("compare", "The starter model was not found."))
        self._chooser.choose((starter, practice))
        if not self._view.prompt.strip():
            self._view.set_prompt(starter_prompts()[0].text)
        self.run()

    def _on_order(self, order: str) -> None:
        self._save(run_order=RunOrder(order))

    def _on_hide_names(self, on: bool) -> None:
        self._save(hide_names=on)

    def _on_answer_settings(self) -> None:
        shared = self._view.settings.shared
        self._save(sampling=shared.sampling, system_prompt=shared.system or "")

    def _save(self, **changes: object) -> None:
        try:
            self._settings.update(**changes)
        except PlaygroundError as error:
            self._notify(f"{error.message} {error.hint}", tone="caution")


def _chip(target: Target) -> ChipState:
    is_local = isinstance(target, LocalTarget)
    text = f"{target.label} · {target.detail}" if is_local and target.detail else target.label
    if not is_local:
        text = f"{target.detail} · {target.label}"
    return ChipState(
        key=target.key,
        text=text,
        tone="here" if is_local else "cloud",
        icon="home" if is_local else "cloud",
        tooltip=translate("compare", "{name}: {place}. Click for its own answer settings.").format(
            name=text, place=place(target)
        ),
    )
