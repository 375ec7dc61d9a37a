"""Rows of the history's tables to values and back."""

import json
import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from playground.core.codec import decode, encode
from playground.core.errors import StorageFailed
from playground.core.events import StreamEvent
from playground.core.runs import Comparison, Run, RunOrder, Turn, Verdict
from playground.core.targets import Place, Target

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class ComparisonSummary:
    """A comparison as the History page lists it."""

    id: str
    title: str
    created_at: datetime
    target_labels: tuple[str, ...]
    """"A", "B" … in place of names while `names_hidden`."""
    places: tuple[Place, ...]
    """Where each target answers; empty while `names_hidden`."""
    turns: int
    votes: int
    """Turns that were voted on."""
    winner_labels: tuple[str, ...] = ()
    """The winner's label for each turn that has one; empty while `names_hidden`."""
    names_hidden: bool = False
    """True while a vote without names is open: nothing here tells who answered."""


@dataclass(frozen=True, slots=True)
class VoteCount:
    """How a target fared in the turns that were voted on and in which it answered."""

    target_key: str
    label: str
    wins: int
    ties: int
    none_good: int
    losses: int


SUMMARIES = """
    SELECT c.id, c.created_at, c.targets, count(t.id),
        sum(t.winner_run_id IS NOT NULL OR t.verdict IS NOT NULL),
        (SELECT hidden_names AND winner_run_id IS NULL AND verdict IS NULL FROM turns
            WHERE comparison_id = c.id ORDER BY position DESC LIMIT 1),
        (SELECT prompt FROM turns WHERE comparison_id = c.id ORDER BY position LIMIT 1)
    FROM comparisons c JOIN turns t ON t.comparison_id = c.id
    WHERE c.deleted_at IS NULL"""
"""Comparisons that were begun; conditions on `c` may follow, then `GROUP BY c.id`."""


def storable(text: str) -> str:
    """Return `text` without the half characters that SQLite's UTF-8 cannot hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def comparison_row(comparison: Comparison) -> tuple[str, str, str, str]:
    """Return id, created_at, targets and body."""
    created = comparison.created_at or datetime.now(UTC)
    targets = [
        {"key": t.key, "label": t.label, "detail": t.detail, "place": t.place}
        for t in comparison.targets
    ]
    head = replace(comparison, turns=(), created_at=created)
    return comparison.id, _instant(created), json.dumps(targets), json.dumps(encode(head))


def turn_row(comparison_id: str, turn: Turn) -> tuple[Any, ...]:
    """Return id, comparison_id, prompt, run_order, hidden_names, winner, verdict, created_at."""
    return (
        turn.id,
        comparison_id,
        storable(turn.prompt),
        turn.order.value,
        turn.hidden_names,
        turn.winner_run_id,
        turn.verdict.value if turn.verdict else None,
        turn.created_at.isoformat() if turn.created_at else None,
    )


def run_row(turn_id: str, run: Run) -> tuple[Any, ...]:
    """Return id, turn_id, target_key, status, has_answer and body."""
    key = storable(run.target.key)
    body = json.dumps(encode(run))
    return run.id, turn_id, key, run.status.value, bool(run.text.strip()), body


def decode_run(body: str) -> Run:
    """Return the run; raises `StorageFailed` where the row is damaged."""
    run: Run = _decoded(Run, body)
    return run


def encode_events(events: Sequence[StreamEvent]) -> str:
    """Return the body of one row of the timeline."""
    return json.dumps(encode(tuple(events)), separators=(",", ":"))


def load_events(connection: sqlite3.Connection, run_id: str) -> list[StreamEvent]:
    """Return a run's timeline."""
    found = connection.execute("SELECT body FROM events WHERE run_id = ? ORDER BY id", (run_id,))
    return [event for (body,) in found for event in _decoded(list[StreamEvent], body)]


def load_comparison(connection: sqlite3.Connection, comparison_id: str) -> Comparison:
    """Return a comparison with its turns and runs; a deleted one is not found."""
    head = connection.execute(
        "SELECT body FROM comparisons WHERE id = ? AND deleted_at IS NULL", (comparison_id,)
    ).fetchone()
    if head is None:
        raise StorageFailed("This comparison is no longer in the history.", "")
    comparison = _decoded(Comparison, head[0])
    turns = connection.execute(
        "SELECT id, prompt, run_order, hidden_names, winner_run_id, verdict, created_at "
        "FROM turns WHERE comparison_id = ? ORDER BY position",
        (comparison_id,),
    ).fetchall()
    loaded: Comparison = replace(comparison, turns=tuple(_turn(connection, row) for row in turns))
    return loaded


def _turn(connection: sqlite3.Connection, row: tuple[Any, ...]) -> Turn:
    turn_id, prompt, order, hidden, winner, verdict, created = row
    runs = connection.execute(
        "SELECT body FROM runs WHERE turn_id = ? ORDER BY position", (turn_id,)
    )
    return Turn(
        id=turn_id,
        prompt=prompt,
        order=RunOrder(order),
        runs=tuple(decode_run(body) for (body,) in runs),
        hidden_names=bool(hidden),
        winner_run_id=winner,
        verdict=Verdict(verdict) if verdict else None,
        created_at=datetime.fromisoformat(created) if created else None,
    )


def summary(connection: sqlite3.Connection, row: tuple[Any, ...]) -> ComparisonSummary:
    """Return what a row of `SUMMARIES` says, without names where they are hidden."""
    comparison_id, created, targets_json, turns, votes, is_hidden, prompt = row
    targets = json.loads(targets_json)
    labels = distinct_labels(targets)
    winners: tuple[str, ...] = ()
    if not is_hidden:
        by_key = {target["key"]: label for target, label in zip(targets, labels, strict=True)}
        found = connection.execute(
            "SELECT target_key FROM turns t JOIN runs r ON r.id = t.winner_run_id "
            "WHERE t.comparison_id = ? ORDER BY t.position",
            (comparison_id,),
        )
        winners = tuple(by_key.get(key, key) for (key,) in found)
    return ComparisonSummary(
        id=comparison_id,
        title=prompt.strip().split("\n", 1)[0],
        created_at=datetime.fromisoformat(created),
        target_labels=tuple(_LETTERS[: len(labels)]) if is_hidden else labels,
        places=() if is_hidden else tuple(Place(target["place"]) for target in targets),
        turns=turns,
        votes=votes,
        winner_labels=winners,
        names_hidden=bool(is_hidden),
    )


def distinct_labels(targets: list[dict[str, str]]) -> tuple[str, ...]:
    """Return each target's label, with what tells it from a namesake where there is one."""
    times = Counter(target["label"] for target in targets)
    return tuple(
        f"{target['label']} ({target['detail']})"
        if times[target["label"]] > 1 and target["detail"]
        else target["label"]
        for target in targets
    )


def searchable_names(connection: sqlite3.Connection, comparison_id: str) -> str:
    """Return the names by which a comparison may be found; none while a blind vote is open."""
    (targets, is_hidden) = connection.execute(
        "SELECT targets, (SELECT hidden_names AND winner_run_id IS NULL AND verdict IS NULL "
        "FROM turns WHERE comparison_id = comparisons.id ORDER BY position DESC LIMIT 1) "
        "FROM comparisons WHERE id = ?",
        (comparison_id,),
    ).fetchone()
    if is_hidden:
        return ""
    return "\n".join(storable(f"{t['label']} {t['detail']}") for t in json.loads(targets))


def count_votes(connection: sqlite3.Connection) -> list[VoteCount]:
    """Return the count for each target; a target that gave no answer is not judged by the vote."""
    found = connection.execute(
        "SELECT r.target_key, sum(t.winner_run_id = r.id), sum(t.verdict = ?), sum(t.verdict = ?), "
        "sum(t.winner_run_id != r.id), max(r.rowid) "
        "FROM runs r JOIN turns t ON t.id = r.turn_id JOIN comparisons c ON c.id = t.comparison_id "
        "WHERE c.deleted_at IS NULL AND (r.has_answer OR t.winner_run_id = r.id) "
        "AND (t.winner_run_id IS NOT NULL OR t.verdict IS NOT NULL) GROUP BY r.target_key",
        (Verdict.TIE.value, Verdict.NONE_GOOD.value),
    ).fetchall()
    counts = [
        VoteCount(key, _label(connection, rowid), wins or 0, ties or 0, none or 0, losses or 0)
        for key, wins, ties, none, losses, rowid in found
    ]
    return sorted(counts, key=lambda c: (-c.wins, c.losses, c.label))


def _label(connection: sqlite3.Connection, run_rowid: int) -> str:
    (body,) = connection.execute("SELECT body FROM runs WHERE rowid = ?", (run_rowid,)).fetchone()
    target: Target = decode_run(body).target
    return target.label


def _decoded(kind: Any, body: str) -> Any:
    try:
        return decode(kind, json.loads(body))
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise StorageFailed("An entry of the history is damaged and cannot be read.", "") from error


def _instant(moment: datetime) -> str:
    """Return `moment` in UTC, so that text sorts by time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
