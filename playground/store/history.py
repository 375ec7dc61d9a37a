"""The history: comparisons saved as they happen, found again, voted on and counted."""

import contextlib
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime

from playground.core.errors import StorageFailed, UsageError
from playground.core.events import StreamEvent
from playground.core.runs import Comparison, Run, Turn, Verdict
from playground.store import rows
from playground.store.database import Database
from playground.store.owner import lives_elsewhere, new_owner
from playground.store.recovery import interrupted
from playground.store.rows import ComparisonSummary, VoteCount
from playground.store.search import forget_for_good, matching, put_text

__all__ = ["ComparisonStore", "ComparisonSummary", "VoteCount"]


class ComparisonStore:
    """Saves, loads and searches comparisons; every method raises `StorageFailed`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._owner = new_owner()

    async def save_comparison(self, comparison: Comparison) -> None:
        """Write everything of `comparison` but its turns; saving it again replaces it."""

        def change(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO comparisons (id, created_at, targets, body) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET targets = excluded.targets, body = excluded.body",
                rows.comparison_row(comparison),
            )
            _put_names(connection, comparison.id)

        await self._database.write(change)

    async def save_turn(self, comparison_id: str, turn: Turn) -> None:
        """Write everything of `turn` but its runs; a vote that was cast is kept."""

        def change(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO turns (id, comparison_id, prompt, run_order, hidden_names, "
                "winner_run_id, verdict, created_at, position) VALUES (?, ?, ?, ?, ?, ?, ?, ?, "
                "(SELECT count(*) FROM turns WHERE comparison_id = ?)) "
                "ON CONFLICT (id) DO UPDATE SET prompt = excluded.prompt, "
                "hidden_names = excluded.hidden_names, "
                "winner_run_id = coalesce(excluded.winner_run_id, winner_run_id), "
                "verdict = coalesce(excluded.verdict, verdict)",
                (*rows.turn_row(comparison_id, turn), comparison_id),
            )
            put_text(connection, comparison_id, f"turn:{turn.id}", rows.storable(turn.prompt))
            _put_names(connection, comparison_id)

        await self._database.write(change)

    async def save_run(self, turn_id: str, run: Run) -> None:
        """Write `run` as it is now; one that is final stays as it is."""

        def change(connection: sqlite3.Connection) -> None:
            _put_run(connection, turn_id, run, self._owner)

        await self._database.write(change)

    async def append_events(self, run_id: str, events: Sequence[StreamEvent]) -> None:
        """Add `events` to the run's timeline."""
        if not events:
            return
        batch = tuple(events)
        await self._database.write(
            lambda connection: connection.execute(
                "INSERT INTO events (run_id, body) VALUES (?, ?)",
                (run_id, rows.encode_events(batch)),
            )
        )

    async def vote(
        self,
        turn_id: str,
        winner_run_id: str | None,
        verdict: Verdict | None,
        hidden_names: bool,
    ) -> None:
        """Keep what the person said of the turn; it survives a power cut.

        Both `None` takes the vote back. Raises `UsageError` for a run of another turn.
        """
        if winner_run_id is not None and verdict is not None:
            raise UsageError("A vote names a winner or a verdict, not both.")

        def change(connection: sqlite3.Connection) -> None:
            found = connection.execute(
                "SELECT comparison_id FROM turns WHERE id = ?", (turn_id,)
            ).fetchone()
            if found is None:
                raise StorageFailed("This comparison is no longer in the history.", "")
            if (
                winner_run_id is not None
                and not connection.execute(
                    "SELECT 1 FROM runs WHERE id = ? AND turn_id = ?", (winner_run_id, turn_id)
                ).fetchone()
            ):
                raise UsageError("This answer is not one of the turn's.")
            connection.execute(
                "UPDATE turns SET winner_run_id = ?, verdict = ?, hidden_names = ? WHERE id = ?",
                (winner_run_id, verdict, hidden_names, turn_id),
            )
            _put_names(connection, found[0])

        await self._database.write(change, durable=True)

    async def search(
        self, query: str = "", limit: int = 200, offset: int = 0
    ) -> list[ComparisonSummary]:
        """Return comparisons in which every word of `query` occurs, the newest first.

        Names of one whose names are still hidden are neither found nor told.
        """
        condition, arguments = matching(query, has_fts=self._database.has_fts)

        def select(connection: sqlite3.Connection) -> list[ComparisonSummary]:
            found = connection.execute(
                f"{rows.SUMMARIES} AND {condition} GROUP BY c.id "
                "ORDER BY c.created_at DESC, c.rowid DESC LIMIT ? OFFSET ?",
                (*arguments, limit, offset),
            )
            return [rows.summary(connection, row) for row in found.fetchall()]

        return await self._database.read(select)

    async def load(self, comparison_id: str) -> Comparison:
        """Return the comparison with its turns and runs, names and all."""
        return await self._database.read(
            lambda connection: rows.load_comparison(connection, comparison_id)
        )

    async def timeline(self, run_id: str) -> list[StreamEvent]:
        """Return the run's events in the order in which they came."""
        return await self._database.read(lambda connection: rows.load_events(connection, run_id))

    async def delete(self, comparison_id: str) -> None:
        """Take the comparison out of the history; `restore` brings it back until the next start."""
        now = datetime.now(UTC).isoformat()
        await self._database.write(
            lambda connection: connection.execute(
                "UPDATE comparisons SET deleted_at = ?, deleted_by = ? WHERE id = ?",
                (now, self._owner, comparison_id),
            )
        )

    async def restore(self, comparison_id: str) -> None:
        """Bring a deleted comparison back."""
        await self._database.write(
            lambda connection: connection.execute(
                "UPDATE comparisons SET deleted_at = NULL, deleted_by = NULL WHERE id = ?",
                (comparison_id,),
            )
        )

    async def purge_deleted(self) -> int:
        """Erase what was deleted before this start and return how many comparisons that were.

        What another program that still runs has deleted can still be restored there and stays.
        """
        has_fts = self._database.has_fts

        def change(connection: sqlite3.Connection) -> int:
            deleted = connection.execute(
                "SELECT id, deleted_by FROM comparisons WHERE deleted_at IS NOT NULL"
            ).fetchall()
            gone = [(key,) for key, owner in deleted if not lives_elsewhere(owner or "")]
            connection.executemany("DELETE FROM comparisons WHERE id = ?", gone)
            if gone:
                forget_for_good(connection, has_fts=has_fts)
            return len(gone)

        return await self._database.write(change)

    async def votes(self) -> list[VoteCount]:
        """Return how each target fared, the one with the most wins first."""
        return await self._database.read(rows.count_votes)

    async def recover(self) -> int:
        """End the runs that a killed program left unfinished and return how many they were.

        They become cancelled with the finish reason `interrupted`, their text made from the events
        that were saved. Runs of another program that still runs are left alone.
        """

        def change(connection: sqlite3.Connection) -> int:
            unfinished = connection.execute(
                "SELECT id, turn_id, owner, body FROM runs "
                "WHERE status NOT IN ('finished', 'failed', 'cancelled')"
            ).fetchall()
            recovered = 0
            for run_id, turn_id, owner, body in unfinished:
                if lives_elsewhere(owner):
                    continue
                with contextlib.suppress(StorageFailed):  # a damaged row holds up no other
                    run = interrupted(rows.decode_run(body), rows.load_events(connection, run_id))
                    _put_run(connection, turn_id, run, self._owner)
                    recovered += 1
            return recovered

        return await self._database.write(change)


def _put_run(connection: sqlite3.Connection, turn_id: str, run: Run, owner: str) -> None:
    connection.execute(
        "INSERT INTO runs (id, turn_id, target_key, status, has_answer, body, owner, position) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, (SELECT count(*) FROM runs WHERE turn_id = ?)) "
        "ON CONFLICT (id) DO UPDATE SET status = excluded.status, body = excluded.body, "
        "has_answer = excluded.has_answer, owner = excluded.owner "
        "WHERE status NOT IN ('finished', 'failed', 'cancelled') "
        "OR excluded.status IN ('finished', 'failed', 'cancelled')",
        (*rows.run_row(turn_id, run), owner, turn_id),
    )
    if run.status.is_final:
        (comparison_id,) = connection.execute(
            "SELECT comparison_id FROM turns WHERE id = ?", (turn_id,)
        ).fetchone()
        text = "\n".join(part for part in (run.text, run.reasoning) if part)
        put_text(connection, comparison_id, f"run:{run.id}", rows.storable(text))


def _put_names(connection: sqlite3.Connection, comparison_id: str) -> None:
    """Let the comparison be found by its targets' names, unless a vote without them is open."""
    names = rows.searchable_names(connection, comparison_id)
    put_text(connection, comparison_id, f"names:{comparison_id}", names)
