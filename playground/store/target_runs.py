"""What the history knows of each target: the last answers it gave, here and in the cloud."""

import sqlite3
from collections import defaultdict
from dataclasses import dataclass

from playground.core.errors import StorageFailed
from playground.core.runs import Run
from playground.store.database import Database
from playground.store.history import decode_run

LOOKED_AT = 24
"""Answers of a target that are decoded, the last ones."""
_FINISHED = """
    SELECT comparison_id, body FROM (
        SELECT t.comparison_id, r.body, r.target_key,
            row_number() OVER (PARTITION BY r.target_key ORDER BY r.rowid DESC) AS age
        FROM runs r JOIN turns t ON t.id = r.turn_id JOIN comparisons c ON c.id = t.comparison_id
        WHERE r.status = 'finished' AND c.deleted_at IS NULL
            AND (? IS NULL OR c.evaluation_id = ?)
    ) WHERE age <= ? ORDER BY target_key, age"""


@dataclass(frozen=True, slots=True)
class KeptRun:
    """An answer and the comparison it is in."""

    comparison_id: str
    run: Run


class TargetRuns:
    """Reads the last answers of every target."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def last(self, evaluation_id: str | None = None) -> dict[str, list[KeptRun]]:
        """Return the last finished answers by the target's key, the newest first.

        Of one evaluation where it is named. Damaged rows are left out, and recordings: they tell of
        another computer. Raises `StorageFailed`.
        """

        def read(connection: sqlite3.Connection) -> dict[str, list[KeptRun]]:
            found: defaultdict[str, list[KeptRun]] = defaultdict(list)
            rows = connection.execute(_FINISHED, (evaluation_id, evaluation_id, LOOKED_AT))
            for comparison_id, body in rows.fetchall():
                try:
                    run = decode_run(body)
                except StorageFailed:
                    continue
                if run.target.is_recorded:
                    continue
                found[run.target.key].append(KeptRun(comparison_id, run))
            return found

        return await self._database.read(read, takes_long=True)
