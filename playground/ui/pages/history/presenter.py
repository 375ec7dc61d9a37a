"""Decides what the History page shows and what its buttons do."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from PySide6.QtCore import QCoreApplication, QObject, QTimer

from playground.core.errors import PlaygroundError, StorageFailed
from playground.core.runs import Comparison, Thumb, Turn, VoteOutcome
from playground.services.comparison import checked
from playground.services.replay import Replayer
from playground.services.sharing import Shared, Votes
from playground.store.history import ComparisonStore, VoteCount
from playground.ui.answers.judging import Judging
from playground.ui.answers.view_model import turn_view_model
from playground.ui.bridge import Bridge
from playground.ui.format import one_line
from playground.ui.pages.history.page import HistoryPage
from playground.ui.pages.history.view_models import prompt_view_model
from playground.ui.widgets.toast import UNDO_MS, Notify

"""Time to change one's mind by the button; Ctrl+Z works until the program ends."""
_LONGEST_TITLE = 60
"""Characters of a title in a message."""
PIECE = 100
"""How many comparisons are read at once."""


@dataclass(frozen=True, slots=True)
class HistoryNavigation:
    """What leads from the page to others, and out of the program."""

    show_compare: Callable[[], None]
    open_comparison: Callable[[Comparison], None]
    run_again: Callable[[Comparison], None]
    replay: Callable[[Comparison, Turn], None]
    share: Callable[[Shared], object]
    show_advice: Callable[[], object]


_CLOCK_MS = 15_000
"""“2 minutes ago” is said anew so often."""


class HistoryPresenter(QObject):
    """Keeps list, opened comparison and votes as the history has them."""

    def __init__(
        self,
        view: HistoryPage,
        bridge: Bridge,
        history: ComparisonStore,
        replayer: Replayer,
        *,
        judging: Judging,
        navigation: HistoryNavigation,
        notify: Notify,
    ) -> None:
        super().__init__(view)
        self._view = view
        self._bridge = bridge
        self._history = history
        self._replayer = replayer
        self._judging = judging
        self._navigation = navigation
        self._notify = notify
        self._query = ""
        self._list_asked = 0
        self._opening_asked = 0
        self.opened: Comparison | None = None
        """The comparison on the right."""
        self._turn = 0
        self._votes: tuple[VoteCount, ...] = ()
        self._deleted: list[tuple[str, str]] = []
        """Id and title of what can be brought back."""
        self._connect()

    @property
    def turn(self) -> Turn | None:
        """The turn that is shown of what is opened."""
        return None if self.opened is None else self.opened.turns[self._turn]

    def show_comparison(self, comparison_id: str) -> None:
        """Choose a comparison of the list, whatever was searched for."""
        self._query = ""
        self._view.show_comparisons()
        self._bridge.spawn(self._refresh(comparison_id))

    def refresh(self) -> None:
        self._bridge.spawn(self._refresh())

    def _connect(self) -> None:
        view, detail = self._view, self._view.detail
        self._clock = QTimer(view)
        self._clock.setInterval(_CLOCK_MS)
        self._clock.timeout.connect(self._tell_time)
        view.shown.connect(self._clock.start)
        view.hidden.connect(self._clock.stop)
        view.closing.connect(self._clock.stop)
        view.closing.connect(detail.summary.tell_note)
        view.shown.connect(self.refresh)
        view.search_changed.connect(self._on_search)
        view.empty.asked.connect(self._navigation.show_compare)
        view.undo_wanted.connect(self._on_undo)
        view.comparisons.more_wanted.connect(self._on_more)
        view.list.chosen.connect(self._on_chosen)
        view.list.opened.connect(self._on_open)
        view.list.delete_wanted.connect(self._on_delete)
        detail.open_button.clicked.connect(self._on_open)
        detail.again_button.clicked.connect(self._on_again)
        detail.replay_button.clicked.connect(self._on_replay)
        detail.delete_button.clicked.connect(self._on_delete)
        detail.before_button.clicked.connect(self._on_before)
        detail.after_button.clicked.connect(self._on_after)
        detail.winner_chosen.connect(self._on_winner)
        detail.thumb_given.connect(self._on_thumb)
        detail.summary.voted.connect(self._on_outcome)
        detail.summary.difference_wanted.connect(self._on_difference)
        detail.summary.advice_wanted.connect(self._navigation.show_advice)
        detail.summary.noted.connect(self._judging.set_note)
        self._judging.changed.connect(self._on_judged)
        view.share_button.clicked.connect(self._on_share)

    async def _refresh(self, choose: str | None = None) -> None:
        if self._view.is_showing_votes:
            self._votes = tuple(await self._bridge.submit(self._history.votes()))
            self._view.votes.show_votes(self._votes)
            self._offer_share()
            return
        self._list_asked += 1
        asked, query = self._list_asked, self._query
        limit = max(PIECE, self._view.comparisons.rowCount())
        rows = await self._bridge.submit(self._history.search(query, limit))
        if asked != self._list_asked:
            return
        comparisons = self._view.comparisons
        before = self._view.list.chosen_key
        wanted = choose or before or (self.opened.id if self.opened else None)
        comparisons.show_rows(rows, is_complete=len(rows) < limit)
        self._tell_state()
        self._offer_share()
        if not self._view.list.choose(wanted):
            self._view.list.choose_row(0)
        chosen = self._view.list.chosen_key
        if chosen is None:
            self._close()
        elif chosen == before:
            # no change of the current entry has told it: it may have been voted on meanwhile
            await self._open(chosen)

    def _tell_state(self) -> None:
        comparisons = self._view.comparisons
        count = comparisons.rowCount()
        self._view.show_count(count, is_complete=comparisons.is_complete)
        if not count and not self._query:
            self._view.show_empty()
            return
        if not self._view.is_showing_votes:
            self._view.show_list()
        self._view.show_nothing_found(nothing=not count, query=self._query)

    def _on_search(self, text: str) -> None:
        query = " ".join(text.split())
        if query == self._query:
            return
        self._query = query
        # a new search begins at the top, not with as many as were scrolled through
        self._view.comparisons.show_rows([], is_complete=True)
        self.refresh()

    def _on_more(self) -> None:
        self._bridge.spawn(self._read_more())

    async def _read_more(self) -> None:
        comparisons = self._view.comparisons
        asked = self._list_asked
        try:
            rows = await self._bridge.submit(
                self._history.search(self._query, PIECE, comparisons.rowCount())
            )
        except StorageFailed:
            comparisons.give_up()
            raise
        if asked != self._list_asked:
            comparisons.give_up()
            return
        comparisons.add_rows(rows, is_complete=len(rows) < PIECE)
        self._tell_state()

    def _on_chosen(self, comparison_id: str) -> None:
        self._bridge.spawn(self._open(comparison_id))

    async def _open(self, comparison_id: str) -> None:
        self._opening_asked += 1
        asked = self._opening_asked
        try:
            kept = await self._bridge.submit(self._history.load(comparison_id))
        except StorageFailed:
            if asked == self._opening_asked:
                self._close()
            raise
        if asked != self._opening_asked or not kept.turns:
            return
        comparison = self._judging.as_noted(kept)
        if comparison == self.opened:
            self._tell_time()
            return
        if self.opened is None or self.opened.id != comparison.id:
            self._turn = 0
        self.opened = comparison
        self._show_turn()

    def _show_turn(self) -> None:
        if self.opened is None:
            return
        self._turn = min(self._turn, len(self.opened.turns) - 1)
        turn = self.opened.turns[self._turn]
        self._view.detail.show_turn(
            prompt_view_model(self.opened, self._turn),
            turn_view_model(self.opened, turn),
        )
        self._view.detail.show()
        self._offer_share()
        if not self.opened.names_hidden:
            self._bridge.spawn(self._show_checks(turn))

    async def _show_checks(self, turn: Turn) -> None:
        results = await self._bridge.submit(checked(turn))
        if self.opened is not None and self.opened.turns[self._turn : self._turn + 1] == (turn,):
            self._view.detail.show_checks(results)

    def _tell_time(self) -> None:
        """Say anew how long ago things were, on the left and on the right."""
        self._view.list.viewport().update()
        if self.opened is not None:
            prompt = prompt_view_model(self.opened, self._turn)
            self._view.detail.show_caption(prompt.caption)

    def _close(self) -> None:
        self._opening_asked += 1
        self.opened = None
        self._offer_share()
        self._view.detail.hide()
        self._view.detail.clear_turn()

    def _offer_share(self) -> None:
        opened = self.opened
        is_votes = self._view.is_showing_votes
        is_over = opened is not None and all(
            run.status.is_final for turn in opened.turns for run in turn.runs
        )
        self._view.share_button.setEnabled(bool(self._votes) if is_votes else is_over)

    def _on_share(self) -> None:
        if self._view.is_showing_votes:
            self._navigation.share(Votes(self._votes, datetime.now(UTC)))
        elif self.opened is not None:
            self._navigation.share(self.opened)

    def _on_before(self) -> None:
        self._turn = max(0, self._turn - 1)
        self._show_turn()

    def _on_after(self) -> None:
        self._turn += 1
        self._show_turn()

    def _usable(self) -> Comparison | None:
        """Return the opened comparison where nothing of it must be withheld any more."""
        opened = self.opened
        if opened is None or opened.id != self._view.list.chosen_key or opened.names_hidden:
            return None
        is_over = all(run.status.is_final for turn in opened.turns for run in turn.runs)
        return opened if is_over else None

    def _on_open(self) -> None:
        if (opened := self._usable()) and self._may_run(opened):
            self._navigation.open_comparison(opened)

    def _on_again(self) -> None:
        if (opened := self._usable()) and self._may_run(opened):
            self._navigation.run_again(opened)

    def _may_run(self, opened: Comparison) -> bool:
        if opened.recorded is not None:
            self._notify(_tr("It was recorded on another computer: replay it."))
        return opened.recorded is None

    def _on_replay(self) -> None:
        if opened := self._usable():
            self._bridge.spawn(self._replay(opened, opened.turns[self._turn]))

    async def _replay(self, comparison: Comparison, turn: Turn) -> None:
        if await self._bridge.submit(self._replayer.has_recording(turn)):
            self._navigation.replay(comparison, turn)
            return
        self._notify(_tr("Nothing was recorded of these answers: they ended before a word."))

    def _on_delete(self) -> None:
        chosen = self._view.list.chosen_key
        if chosen is not None:
            self._bridge.spawn(self._delete(chosen))

    async def _delete(self, comparison_id: str) -> None:
        row = self._view.comparisons.index_of(comparison_id)
        title = str(row.data()) if row.isValid() else ""
        await self._bridge.submit(self._history.delete(comparison_id))
        self._deleted.append((comparison_id, one_line(title, _LONGEST_TITLE)))
        # what is being read now may still hold it
        self._list_asked += 1
        if self.opened is not None and self.opened.id == comparison_id:
            self._close()
        self._view.comparisons.remove_row(comparison_id)
        self._tell_state()
        self._notify(
            _tr("Deleted “{0}”.").format(one_line(title, _LONGEST_TITLE)),
            action=_tr("Undo"),
            on_action=self._on_undo,
            stay_ms=UNDO_MS,
        )
        await self._refresh()

    def _on_undo(self) -> None:
        if self._deleted:
            self._bridge.spawn(self._restore(*self._deleted.pop()))

    async def _restore(self, comparison_id: str, title: str) -> None:
        await self._bridge.submit(self._history.restore(comparison_id))
        # in place of the message that offers to undo it
        self._notify(_tr("“{0}” is back.").format(title))
        await self._refresh(comparison_id)

    def _on_winner(self, run_id: str) -> None:
        if (turn := self.turn) is not None:
            # the same once more takes it back
            self._vote(None if run_id == turn.winner_run_id else run_id, None)

    def _on_outcome(self, outcome: VoteOutcome) -> None:
        if (turn := self.turn) is not None:
            self._vote(None, None if outcome is turn.verdict else outcome)

    def _on_difference(self) -> None:
        if self.opened is not None:
            self._view.show_difference(self.opened.turns[self._turn])

    def _on_thumb(self, run_id: str, thumb: Thumb | None) -> None:
        if (turn := self.turn) is not None:
            self._judging.set_thumb(turn.id, run_id, thumb)

    def _on_judged(self, turn_id: str, judged: Callable[[Turn], Turn]) -> None:
        """Take what is said of a turn that is opened, here or on the Compare page."""
        opened = self.opened
        turn = next((t for t in opened.turns if t.id == turn_id), None) if opened else None
        if opened is None or turn is None:
            return
        self.opened = opened.with_turn(judged(turn))
        shown = self.opened.turns[self._turn]
        if shown.id == turn_id:
            self._view.detail.show_judged(turn_view_model(self.opened, shown))

    def _vote(self, winner_run_id: str | None, verdict: VoteOutcome | None) -> None:
        if self.opened is not None:
            turn = self.opened.turns[self._turn]
            # an earlier prompt's vote knows the names that a later one's has told
            is_blind = turn.hidden_names and self.opened.names_hidden
            turn = replace(
                turn, winner_run_id=winner_run_id, verdict=verdict, hidden_names=is_blind
            )
            self._bridge.spawn(self._keep_vote(self.opened.id, turn))

    async def _keep_vote(self, comparison_id: str, turn: Turn) -> None:
        try:
            await self._bridge.submit(
                self._history.vote(turn.id, turn.winner_run_id, turn.verdict, turn.hidden_names)
            )
        except PlaygroundError:
            # the pressed button goes back
            self._show_turn()
            raise
        if self.opened is not None and self.opened.id == comparison_id:
            await self._refresh()


def _tr(text: str) -> str:
    return QCoreApplication.translate("HistoryPage", text)
