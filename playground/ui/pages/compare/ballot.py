"""The vote: which answer of a turn is better."""

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QObject

from playground.core.runs import Turn, Verdict
from playground.services.comparison import ComparisonService
from playground.ui.answers.summary import summary
from playground.ui.bridge import Bridge
from playground.ui.format import UNKNOWN, shortened, translate
from playground.ui.pages.compare.page import CompareView
from playground.ui.pages.compare.panes import Board


class Ballot(QObject):
    """Shows a turn's end and takes the vote; `voted` gets the turn with it."""

    def __init__(
        self,
        view: CompareView,
        board: Board,
        bridge: Bridge,
        service: ComparisonService,
        voted: Callable[[Turn], None],
    ) -> None:
        super().__init__(view)
        self._view = view
        self._board = board
        self._bridge = bridge
        self._service = service
        self._voted = voted
        self._turn: Turn | None = None
        view.vote_clicked.connect(self._on_vote)
        view.summary.tie_clicked.connect(self._on_tie)
        view.summary.none_clicked.connect(self._on_none)

    def show_end(self, turn: Turn, *, can_vote: bool) -> None:
        """Show the line in plain words and offer the vote."""
        self._turn = turn
        is_open = turn.is_voted or not self._board.is_hidden
        answers = [run for run in turn.runs if run.text.strip()]
        is_sealed = turn.is_voted and turn.hidden_names
        # with hidden names the vote is the way to them, however many answers there are
        offered = can_vote and (len(answers) > 1 or not is_open) and not is_sealed
        self._view.summary.set_line(summary(turn) if is_open else "")
        self._view.summary.set_vote(
            offered=offered, verdict=turn.verdict, said=self._said(turn, offered=offered)
        )
        self._board.show_vote(turn, offered=offered)
        self._view.summary.show()

    def _said(self, turn: Turn, *, offered: bool) -> str:
        if turn.verdict is Verdict.TIE:
            return translate("ballot", "You said: a tie.")
        if turn.verdict is Verdict.NONE_GOOD:
            return translate("ballot", "You said: none is good.")
        if turn.is_voted:
            winner = next((run for run in turn.runs if run.id == turn.winner_run_id), None)
            name = shortened(winner.target.label) if winner is not None else UNKNOWN
            return translate("ballot", "You chose {name}.").format(name=name)
        if offered and self._board.is_hidden:
            return translate("ballot", "Which is best? The names are shown after your vote:")
        return ""

    def _on_vote(self, index: int) -> None:
        run = self._board.run_at(index)
        if run is not None:
            self._vote(run.id, None)

    def _on_tie(self) -> None:
        self._vote(None, Verdict.TIE)

    def _on_none(self) -> None:
        self._vote(None, Verdict.NONE_GOOD)

    def _vote(self, winner_run_id: str | None, verdict: Verdict | None) -> None:
        if self._turn is None:
            return
        turn = replace(self._turn, winner_run_id=winner_run_id, verdict=verdict)
        self._bridge.spawn(self._keep(turn))
        self._voted(turn)
        self.show_end(turn, can_vote=True)

    async def _keep(self, turn: Turn) -> None:
        await self._bridge.submit(
            self._service.vote(
                turn.id, turn.winner_run_id, turn.verdict, hidden_names=turn.hidden_names
            )
        )
