"""Prompt sets and evaluations: kept beside the history, whose tables hold the answers."""

import json
import sqlite3
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from playground.core.checks.scoring import Score, score
from playground.core.codec import encode
from playground.core.errors import StorageFailed, UsageError
from playground.core.evaluations import Evaluation, Unit, UnitResult, result_of
from playground.core.expected import Outcome
from playground.core.prompt_sets import Case, PromptSet, filled
from playground.core.runs import Comparison, Run, RunOrder, Turn
from playground.core.turns import new_comparison
from playground.store.database import Database
from playground.store.history import (
    decode_run,
    decoded,
    insert_comparison,
    insert_turn,
    lives_elsewhere,
    matching,
    new_owner,
    put_run,
)


@dataclass(frozen=True, slots=True)
class EvaluationSummary:
    """An evaluation as it is listed."""

    id: str
    set_id: str
    set_name: str
    created_at: datetime
    finished_at: datetime | None
    units: int
    done: int
    is_running: bool
    """In another process."""


class EvaluationStore:
    """Saves and loads prompt sets and evaluations; every method raises `StorageFailed`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._owner = new_owner()

    async def sets(self) -> list[PromptSet]:
        """Return the person's own sets, by name."""
        found = await self._database.read(
            lambda c: c.execute("SELECT body FROM prompt_sets ORDER BY name").fetchall()
        )
        return [decoded(PromptSet, body) for (body,) in found]

    async def save_set(self, prompt_set: PromptSet) -> None:
        """Keep the set as it is now; raises `UsageError` where another has its name."""
        created = prompt_set.created_at or datetime.now(UTC)

        def change(connection: sqlite3.Connection) -> None:
            # here, on the writer's thread: 10,000 cases take half a second
            body = json.dumps(encode(prompt_set))
            taken = connection.execute(
                "SELECT 1 FROM prompt_sets WHERE name = ? AND id != ?",
                (prompt_set.name, prompt_set.id),
            ).fetchone()
            if taken:
                raise UsageError(f"There is a set called “{prompt_set.name}” already.")
            connection.execute(
                "INSERT INTO prompt_sets (id, name, created_at, body) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET name = excluded.name, body = excluded.body",
                (prompt_set.id, prompt_set.name, created.isoformat(), body),
            )

        await self._database.write(change)

    async def delete_set(self, set_id: str) -> None:
        """Forget the set; its evaluations stay, with the set as it was."""
        await self._database.write(
            lambda c: c.execute("DELETE FROM prompt_sets WHERE id = ?", (set_id,))
        )

    async def save(self, evaluation: Evaluation) -> None:
        """Keep everything of the evaluation but its answers."""
        created = evaluation.created_at or datetime.now(UTC)
        finished = evaluation.finished_at.isoformat() if evaluation.finished_at else None
        row = (
            evaluation.id,
            evaluation.prompt_set.id,
            evaluation.prompt_set.name,
            evaluation.unit_count,
            created.isoformat(timespec="microseconds"),
            finished,
            json.dumps(encode(evaluation)),
        )
        await self._database.write(
            lambda c: c.execute(
                "INSERT INTO evaluations (id, prompt_set_id, set_name, units, created_at, "
                "finished_at, body) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
                "finished_at = excluded.finished_at, body = excluded.body",
                row,
            )
        )

    async def load(self, evaluation_id: str) -> Evaluation:
        return await self._database.read(lambda c: _load(c, evaluation_id))

    async def listed(
        self, set_id: str | None = None, limit: int | None = 200
    ) -> list[EvaluationSummary]:
        """Return evaluations, the newest first; of one set where it is named."""
        found = await self._database.read(
            lambda c: c.execute(
                "SELECT e.id, prompt_set_id, set_name, created_at, finished_at, units, owner, "
                "(SELECT count(*) FROM evaluation_units u WHERE u.evaluation_id = e.id) "
                "FROM evaluations e "
                "WHERE ? IS NULL OR prompt_set_id = ? ORDER BY created_at DESC LIMIT ?",
                (set_id, set_id, -1 if limit is None else limit),
            ).fetchall()
        )
        return [_summary(row) for row in found]

    async def unfinished(self, set_id: str) -> list[Evaluation]:
        """Return the set's evaluations that have not ended, the newest first."""
        found = await self._database.read(
            lambda c: c.execute(
                "SELECT body FROM evaluations WHERE prompt_set_id = ? AND finished_at IS NULL "
                "ORDER BY created_at DESC",
                (set_id,),
            ).fetchall()
        )
        return [decoded(Evaluation, body) for (body,) in found]

    async def delete(self, evaluation_id: str) -> None:
        """Erase the evaluation with its answers."""
        await self._database.write(
            lambda c: c.execute("DELETE FROM evaluations WHERE id = ?", (evaluation_id,))
        )

    async def claim(self, evaluation_id: str) -> None:
        """Take the evaluation for this process; raises `UsageError` where another runs it."""

        def change(connection: sqlite3.Connection) -> None:
            found = connection.execute(
                "SELECT owner FROM evaluations WHERE id = ?", (evaluation_id,)
            ).fetchone()
            if found is None:
                raise StorageFailed("This evaluation is no longer there.", "")
            if found[0] and found[0] != self._owner and lives_elsewhere(found[0]):
                raise UsageError("Another window or command is running this evaluation.")
            connection.execute(
                "UPDATE evaluations SET owner = ? WHERE id = ?", (self._owner, evaluation_id)
            )

        await self._database.write(change)

    async def release(self, evaluation_id: str) -> None:
        """Let another process go on with it."""
        await self._database.write(
            lambda c: c.execute(
                "UPDATE evaluations SET owner = NULL WHERE id = ? AND owner = ?",
                (evaluation_id, self._owner),
            )
        )

    async def keep(self, evaluation: Evaluation, unit: Unit, asked: Case, run: Run) -> UnitResult:
        """Store a unit whole: its answer and what the checks of `asked` say of it.

        One that is there already stays, and is returned.
        """
        comparison, turn = _place(evaluation, asked, unit.repeat)
        found = score(asked.checks, run)
        result = result_of(unit, comparison.id, run, found.outcome, found.reasons)

        def change(connection: sqlite3.Connection) -> UnitResult:
            before = connection.execute(
                "SELECT body FROM evaluation_units WHERE evaluation_id = ? AND case_id = ? "
                "AND target_key = ? AND repeat = ?",
                (evaluation.id, unit.case, unit.target, unit.repeat),
            ).fetchone()
            if before is not None:
                stored: UnitResult = decoded(UnitResult, before[0])
                return stored
            insert_comparison(connection, comparison, evaluation.id)
            insert_turn(connection, comparison.id, turn)
            put_run(connection, turn.id, run, self._owner)
            _put_result(connection, evaluation.id, result)
            return result

        return await self._database.write(change)

    async def results(self, evaluation_id: str) -> list[UnitResult]:
        """Return what came of the units that are done, in the order in which they were."""
        return await self._database.read(lambda c: _results(c, evaluation_id))

    async def forget_unscored(self, evaluation_id: str) -> int:
        """Take away the units that were not scored, so that they are asked again."""

        def change(connection: sqlite3.Connection) -> int:
            again = [
                result
                for result in _results(connection, evaluation_id)
                if result.outcome is Outcome.NOT_SCORED
            ]
            for result in again:
                unit = result.unit
                connection.execute(
                    "DELETE FROM evaluation_units WHERE evaluation_id = ? AND case_id = ? "
                    "AND target_key = ? AND repeat = ?",
                    (evaluation_id, unit.case, unit.target, unit.repeat),
                )
                connection.execute("DELETE FROM runs WHERE id = ?", (result.run_id,))
                connection.execute(
                    "DELETE FROM search_texts WHERE source = ?", (f"run:{result.run_id}",)
                )
            if again:
                _reopen(connection, evaluation_id)
            return len(again)

        return await self._database.write(change)

    async def score_again(self, evaluation: Evaluation) -> None:
        """Hold the checks that `evaluation` has now against the answers there are."""

        def change(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE evaluations SET body = ? WHERE id = ?",
                (json.dumps(encode(evaluation)), evaluation.id),
            )
            cases = {c.id: filled(evaluation.prompt_set, c) for c in evaluation.prompt_set.cases}
            for result in _results(connection, evaluation.id):
                (body,) = connection.execute(
                    "SELECT body FROM runs WHERE id = ?", (result.run_id,)
                ).fetchone()
                again: Score = score(cases[result.unit.case].checks, decode_run(body))
                changed = replace(result, outcome=again.outcome, reasons=again.reasons)
                if changed != result:
                    _put_result(connection, evaluation.id, changed)

        await self._database.write(change)

    async def scores_of(
        self, evaluation_id: str, prompt_set: PromptSet, case: Case
    ) -> list[Outcome]:
        """Return what a case's checks, as they are now, say of the answers an evaluation has.

        Nothing where the case was asked in other words then.
        """

        def read(connection: sqlite3.Connection) -> list[Outcome]:
            evaluation = _load(connection, evaluation_id)
            before = next((c for c in evaluation.prompt_set.cases if c.id == case.id), None)
            asked = filled(prompt_set, case)
            if before is None or filled(evaluation.prompt_set, before).prompt != asked.prompt:
                return []
            found = connection.execute(
                "SELECT r.body FROM evaluation_units u JOIN runs r "
                "ON r.id = json_extract(u.body, '$.run_id') "
                "WHERE u.evaluation_id = ? AND u.case_id = ?",
                (evaluation_id, case.id),
            ).fetchall()
            return [score(asked.checks, decode_run(body)).outcome for (body,) in found]

        return await self._database.read(read)

    async def cases_with(self, evaluation: Evaluation, query: str) -> set[str]:
        """Return the cases in whose prompts or answers every word of `query` occurs."""
        condition, arguments = matching(query, has_fts=self._database.has_fts)
        found = await self._database.read(
            lambda c: c.execute(
                f"SELECT c.id FROM comparisons c WHERE c.evaluation_id = ? AND {condition}",  # noqa: S608 - fixed text
                (evaluation.id, *arguments),
            ).fetchall()
        )
        ids = {comparison for (comparison,) in found}
        return {
            case.id
            for case in evaluation.prompt_set.cases
            if any(
                comparison_id(evaluation.id, case.id, n) in ids for n in range(evaluation.repeats)
            )
        }


def comparison_id(evaluation_id: str, case_id: str, repeat: int) -> str:
    """Return the id of the comparison that holds all answers to one case's repeat."""
    return uuid.uuid5(uuid.UUID(hex=evaluation_id), f"{case_id}:{repeat}").hex


def _place(evaluation: Evaluation, asked: Case, repeat: int) -> tuple[Comparison, Turn]:
    """Return the comparison and the turn that a unit's answer goes into."""
    key = comparison_id(evaluation.id, asked.id, repeat)
    comparison = replace(
        new_comparison(
            evaluation.targets,
            system_prompt=asked.system_prompt or "",
            sampling=evaluation.sampling,
        ),
        id=key,
        created_at=evaluation.created_at,
    )
    turn = Turn(
        id=f"{key}-0",
        prompt=asked.prompt,
        order=RunOrder.FAIR,
        created_at=datetime.now(UTC),
        checks=asked.checks,
    )
    return comparison, turn


def _load(connection: sqlite3.Connection, evaluation_id: str) -> Evaluation:
    found = connection.execute(
        "SELECT body FROM evaluations WHERE id = ?", (evaluation_id,)
    ).fetchone()
    if found is None:
        raise StorageFailed("This evaluation is no longer there.", "")
    evaluation: Evaluation = decoded(Evaluation, found[0])
    return evaluation


def _summary(row: tuple[Any, ...]) -> EvaluationSummary:
    evaluation_id, set_id, set_name, created, finished, units, owner, done = row
    return EvaluationSummary(
        evaluation_id,
        set_id,
        set_name,
        datetime.fromisoformat(created),
        datetime.fromisoformat(finished) if finished else None,
        units,
        done,
        bool(owner) and lives_elsewhere(owner),
    )


def _results(connection: sqlite3.Connection, evaluation_id: str) -> list[UnitResult]:
    found = connection.execute(
        "SELECT body FROM evaluation_units WHERE evaluation_id = ? ORDER BY rowid",
        (evaluation_id,),
    )
    return [decoded(UnitResult, body) for (body,) in found]


def _put_result(connection: sqlite3.Connection, evaluation_id: str, result: UnitResult) -> None:
    unit = result.unit
    connection.execute(
        "INSERT INTO evaluation_units (evaluation_id, case_id, target_key, repeat, body) "
        "VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body",
        (evaluation_id, unit.case, unit.target, unit.repeat, json.dumps(encode(result))),
    )


def _reopen(connection: sqlite3.Connection, evaluation_id: str) -> None:
    evaluation = replace(_load(connection, evaluation_id), finished_at=None)
    connection.execute(
        "UPDATE evaluations SET finished_at = NULL, body = ? WHERE id = ?",
        (json.dumps(encode(evaluation)), evaluation_id),
    )
