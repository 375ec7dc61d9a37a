"""The history: comparisons saved as they happen, found again, voted on and counted."""

import asyncio
import contextlib
import json
import logging
import os
import re
import sqlite3
import string
import struct
import uuid
import zlib
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import psutil

from playground.core.codec import decode, encode
from playground.core.errors import StorageFailed, UsageError
from playground.core.events import InputPrepared, StreamEvent
from playground.core.expected import Check
from playground.core.fold import RunFold, is_ideograph
from playground.core.leaderboard import Ballot, Standing, standings
from playground.core.runs import (
    INTERRUPTED,
    Comparison,
    ModelInput,
    Recorded,
    Run,
    RunOrder,
    Thumb,
    Turn,
    VoteOutcome,
)
from playground.core.targets import CloudTarget, Place
from playground.store.database import Database

log = logging.getLogger(__name__)

Change = Callable[[sqlite3.Connection], None]
RETRY_S = 5.0
"""How often it is tried to write what could not be written."""
_CLOCK_TOLERANCE_S = 2.0
"""Start times are told in whole seconds, and a clock is corrected by parts of one."""
_SINCE_BOOT = "+"
"""Before a start time that no change of the clock moves."""
_MAX_TERMS = 16
_TITLE_LETTERS = 300
"""Of a prompt's first line, whatever its length is."""
_NAMES_HIDDEN = """
    (SELECT hidden_names AND winner_run_id IS NULL AND verdict IS NULL
        AND (NOT EXISTS (SELECT 1 FROM runs WHERE turn_id = turns.id)
            OR EXISTS (SELECT 1 FROM runs WHERE turn_id = turns.id
                AND (has_answer OR status NOT IN ('finished', 'failed', 'cancelled'))))
        FROM turns WHERE comparison_id = c.id ORDER BY position DESC LIMIT 1)"""
"""Whether a vote without names is open on the comparison `c`."""
_SUMMARIES = f"""
    SELECT c.id, c.created_at, c.targets, c.recorded, count(t.id),
        sum(t.winner_run_id IS NOT NULL OR t.verdict IS NOT NULL), {_NAMES_HIDDEN},
        (SELECT substr(ltrim(prompt, char(9, 10, 13, 32)), 1, {_TITLE_LETTERS}) FROM turns
            WHERE comparison_id = c.id ORDER BY position LIMIT 1)
    FROM (
        SELECT id, created_at, targets, rowid AS number,
            CASE WHEN json_valid(body) THEN json_extract(body, '$.recorded') END AS recorded
        FROM comparisons c
        WHERE deleted_at IS NULL AND +evaluation_id IS NULL
            AND EXISTS (SELECT 1 FROM turns WHERE comparison_id = c.id)
            AND {{condition}}
        ORDER BY created_at DESC, rowid DESC LIMIT ? OFFSET ?
    ) c JOIN turns t ON t.comparison_id = c.id
    GROUP BY c.id ORDER BY c.created_at DESC, c.number DESC"""  # noqa: S608 - fixed text
"""The newest comparisons that were begun and for which a condition on `c` holds. Each is looked at
in that order until there are enough: a letter that is in all of them takes no longer. The sign
keeps SQLite from the index of evaluations, out of which it would have to sort them all."""
_IS_OF_HERE = """
    CASE WHEN json_valid(c.body) THEN json_extract(c.body, '$.recorded') END IS NULL"""
"""Whether the comparison `c` was run here, and not brought along as a recording."""
_THUMBS = f"""
    SELECT r.target_key, sum(r.thumb = '{Thumb.UP}'), sum(r.thumb = '{Thumb.DOWN}'), max(r.rowid)
    FROM runs r JOIN turns t ON t.id = r.turn_id JOIN comparisons c ON c.id = t.comparison_id
    WHERE r.thumb IS NOT NULL AND c.deleted_at IS NULL AND NOT {_NAMES_HIDDEN}
        AND {_IS_OF_HERE}
    GROUP BY r.target_key"""  # noqa: S608 - fixed text
"""How often each target got which thumb, and the newest of those runs. What is judged without names
is not told before the vote, and what came with a recording is somebody else's."""


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
    recorded: Recorded | None = None
    """Set where it came here as a recording."""


@dataclass(frozen=True, slots=True)
class VoteCount:
    """How a target fared in the turns that were voted on and in which it answered."""

    target_key: str
    label: str
    provider: str
    """The name of the provider; empty for a model file on this computer."""
    place: Place
    standing: Standing
    """From votes alone; without any, of a target that has thumbs."""
    thumbs_up: int = 0
    thumbs_down: int = 0
    """Those given here, also to answers that were asked for again."""


def _storable(text: str) -> str:
    """Return `text` without the half characters that SQLite's UTF-8 cannot hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def decode_run(body: str) -> Run:
    """Return the run; raises `StorageFailed` where the row is damaged."""
    run: Run = decoded(Run, body)
    return run


def _load_events(connection: sqlite3.Connection, run_id: str) -> list[StreamEvent]:
    found = connection.execute("SELECT body FROM events WHERE run_id = ? ORDER BY id", (run_id,))
    return [event for (body,) in found for event in decoded(list[StreamEvent], body)]


def _load_prompt_ids(connection: sqlite3.Connection, run_id: str) -> tuple[int, ...]:
    found = connection.execute("SELECT prompt_ids FROM runs WHERE id = ?", (run_id,)).fetchone()
    if found is None or found[0] is None:
        return ()
    try:
        packed = zlib.decompress(found[0])
        return struct.unpack(f"<{len(packed) // 4}i", packed)
    except (TypeError, zlib.error, struct.error) as error:
        raise _damaged() from error


def _put_prompt_ids(connection: sqlite3.Connection, run_id: str, model_input: ModelInput) -> None:
    """Keep the ids of a run's prompt, once."""
    ids = model_input.prompt_ids
    if ids:
        connection.execute(
            "UPDATE runs SET prompt_ids = ? WHERE id = ? AND prompt_ids IS NULL",
            (zlib.compress(struct.pack(f"<{len(ids)}i", *ids)), run_id),
        )


def _without_prompt_ids(event: StreamEvent) -> StreamEvent:
    if not isinstance(event, InputPrepared):
        return event
    return replace(event, model_input=replace(event.model_input, prompt_ids=()))


def _put_events(connection: sqlite3.Connection, run_id: str, events: Sequence[StreamEvent]) -> None:
    if events:
        batch = tuple(map(_without_prompt_ids, events))
        connection.execute(
            "INSERT INTO events (run_id, body) VALUES (?, ?)",
            (run_id, json.dumps(encode(batch), separators=(",", ":"))),
        )


def _damaged() -> StorageFailed:
    return StorageFailed("An entry of the history is damaged and cannot be read.", "")


def _gone() -> StorageFailed:
    return StorageFailed("This comparison is no longer in the history.", "")


def _load_comparison(connection: sqlite3.Connection, comparison_id: str) -> Comparison:
    head = connection.execute(
        "SELECT body FROM comparisons WHERE id = ? AND deleted_at IS NULL", (comparison_id,)
    ).fetchone()
    if head is None:
        raise _gone()
    comparison = decoded(Comparison, head[0])
    turns = connection.execute(
        "SELECT id, prompt, run_order, hidden_names, winner_run_id, verdict, created_at, checks, "
        "note FROM turns WHERE comparison_id = ? ORDER BY position",
        (comparison_id,),
    ).fetchall()
    loaded: Comparison = replace(comparison, turns=tuple(_turn(connection, row) for row in turns))
    return loaded


def _turn(connection: sqlite3.Connection, row: tuple[Any, ...]) -> Turn:
    turn_id, prompt, order, hidden, winner, verdict, created, checks, note = row
    found = connection.execute(
        "SELECT body, thumb FROM runs WHERE turn_id = ? ORDER BY position", (turn_id,)
    ).fetchall()
    runs: list[Run] = []
    replaced: list[Run] = []
    thumbs = []
    for run, thumb in ((decode_run(body), thumb) for body, thumb in found):
        if thumb:
            thumbs.append((run.id, Thumb(thumb)))
        place = next((n for n, other in enumerate(runs) if other.id == run.replaces), None)
        if place is None:
            runs.append(run)
        else:
            replaced.append(runs[place])
            runs[place] = run
    return Turn(
        id=turn_id,
        prompt=prompt,
        order=RunOrder(order),
        runs=tuple(runs),
        replaced=tuple(replaced),
        hidden_names=bool(hidden),
        winner_run_id=winner,
        verdict=VoteOutcome(verdict) if verdict else None,
        created_at=datetime.fromisoformat(created) if created else None,
        checks=decoded(tuple[Check, ...], checks) if checks else (),
        note=note or "",
        thumbs=tuple(sorted(thumbs)),
    )


def _summary(connection: sqlite3.Connection, row: tuple[Any, ...]) -> ComparisonSummary:
    """Return what a row of `_SUMMARIES` says, without names where they are hidden."""
    comparison_id, created, targets_json, recorded, turns, votes, is_hidden, prompt = row
    targets = json.loads(targets_json)
    labels = _distinct_labels(targets)
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
        target_labels=tuple(string.ascii_uppercase[: len(labels)]) if is_hidden else labels,
        places=() if is_hidden else tuple(Place(target["place"]) for target in targets),
        turns=turns,
        votes=votes,
        winner_labels=winners,
        names_hidden=bool(is_hidden),
        recorded=decoded(Recorded | None, recorded or "null"),
    )


def _distinct_labels(targets: list[dict[str, str]]) -> tuple[str, ...]:
    """Return each target's label, with what tells it from a namesake where there is one."""
    times = Counter(target["label"] for target in targets)
    return tuple(
        f"{target['label']} ({target['detail']})"
        if times[target["label"]] > 1 and target["detail"]
        else target["label"]
        for target in targets
    )


@dataclass(frozen=True, slots=True)
class _Judged:
    """All that was said of answers."""

    ballots: list[Ballot]
    thumbs: dict[str, tuple[int, int]]
    """Target key → how many up and down."""
    names: dict[str, tuple[str, str, Place]]
    """Target key → its label, the name of its provider, and its place."""


def _judged(connection: sqlite3.Connection) -> _Judged:
    ballots, last = _ballots(connection)
    thumbs = {}
    for key, up, down, rowid in connection.execute(_THUMBS).fetchall():
        thumbs[key] = (up, down)
        last[key] = max(rowid, last.get(key, 0))
    names = {key: _names(connection, rowid) for key, rowid in last.items()}
    return _Judged(ballots, thumbs, names)


def _ballots(connection: sqlite3.Connection) -> tuple[list[Ballot], dict[str, int]]:
    """Return every vote, and the row of each target's newest run by its key.

    A target that gave no answer is not judged by the vote. A vote on an earlier prompt counts once
    names are told, which it would tell, and one on a recording nowhere: its models are not here.
    """
    found = connection.execute(
        "SELECT t.id, r.target_key, t.winner_run_id = r.id, t.verdict, r.rowid "  # noqa: S608 - fixed text
        "FROM runs r JOIN turns t ON t.id = r.turn_id JOIN comparisons c ON c.id = t.comparison_id "
        "WHERE c.deleted_at IS NULL AND (r.has_answer OR t.winner_run_id = r.id) "
        "AND (t.winner_run_id IS NOT NULL OR t.verdict IS NOT NULL) "
        f"AND NOT {_NAMES_HIDDEN} AND {_IS_OF_HERE} ORDER BY t.rowid, r.position",
    ).fetchall()
    answered: dict[str, list[str]] = {}
    winners: dict[str, str] = {}
    verdicts: dict[str, VoteOutcome] = {}
    last: dict[str, int] = {}
    for turn, key, is_winner, verdict, rowid in found:
        answered.setdefault(turn, []).append(key)
        last[key] = max(rowid, last.get(key, 0))
        if is_winner:
            winners[turn] = key
        elif verdict:
            verdicts[turn] = VoteOutcome(verdict)
    ballots = [
        Ballot(tuple(dict.fromkeys(keys)), winners.get(turn), verdicts.get(turn))
        for turn, keys in answered.items()
    ]
    return ballots, last


def _names(connection: sqlite3.Connection, run_rowid: int) -> tuple[str, str, Place]:
    """Return the label of a run's target, the name of its provider, and its place."""
    (body,) = connection.execute("SELECT body FROM runs WHERE rowid = ?", (run_rowid,)).fetchone()
    target = decode_run(body).target
    provider = target.provider.name if isinstance(target, CloudTarget) else ""
    return target.label, provider, target.place


def decoded(kind: Any, body: str) -> Any:
    """Return the value in a row; raises `StorageFailed` where it is damaged."""
    try:
        return decode(kind, json.loads(body))
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged() from error


def matching(query: str, *, has_fts: bool) -> tuple[str, list[str]]:
    """Return a condition on comparisons `c` that holds where every word of `query` is found.

    A word is looked up as the beginning of a word, letters of any case. What is not made of plain
    letters and digits (`gpt-4o`, `C++`, Chinese, which has no gaps between words) is looked up
    anywhere in the text. Nothing in `query` has a meaning of its own.
    """
    conditions = []
    arguments = []
    for term in query.replace("\0", " ").split()[:_MAX_TERMS]:
        if has_fts and term.isalnum() and not any(is_ideograph(letter) for letter in term):
            # the sign keeps SQLite from looking up every text that has the word
            condition = (
                "EXISTS (SELECT 1 FROM search_texts s WHERE s.comparison_id = c.id AND "
                "+s.id IN (SELECT rowid FROM search_index WHERE search_index MATCH ?))"
            )
            arguments.append(f'"{term}"*')
        else:
            condition = (
                r"c.id IN (SELECT comparison_id FROM search_texts WHERE text LIKE ? ESCAPE '\')"
            )
            arguments.append("%" + re.sub(r"([\\%_])", r"\\\1", term) + "%")
        conditions.append(condition)
    return " AND ".join(conditions) or "1", arguments


def _put_text(connection: sqlite3.Connection, comparison_id: str, source: str, text: str) -> None:
    """Make `text` the one that is found for `source`; an empty one is found no more."""
    if not text:
        connection.execute("DELETE FROM search_texts WHERE source = ?", (source,))
        return
    connection.execute(
        "INSERT INTO search_texts (comparison_id, source, text) VALUES (?, ?, ?) "
        "ON CONFLICT (source) DO UPDATE SET text = excluded.text WHERE text != excluded.text",
        (comparison_id, source, text),
    )


def _interrupted(run: Run, events: Sequence[StreamEvent]) -> Run:
    """Return `run` as its saved `events` tell it, ended after the last of them."""
    fold = RunFold(replace(run, notices=()))
    for event in events:
        fold.add(event)
    if fold.run.status.is_final:
        return fold.run
    fold.cancel(events[-1].t_s if events else 0.0)
    return replace(fold.run, finish_reason=INTERRUPTED)


def new_owner() -> str:
    """Return the name of one user of the database in this process."""
    return f"{os.getpid()}:{_start_of(psutil.Process())}:{uuid.uuid4().hex[:8]}"


def lives_elsewhere(owner: str) -> bool:
    """Return True where `owner` belongs to another process that is still there."""
    try:
        pid_text, start, _ = owner.split(":")
        pid, started = int(pid_text), float(start)
    except ValueError:
        return False
    if pid == os.getpid():
        return False
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        # another version may run beside this one that tells the time of day
        now = _start_of(process) if start.startswith(_SINCE_BOOT) else process.create_time()
        return abs(float(now) - started) <= _CLOCK_TOLERANCE_S
    except (psutil.Error, ValueError):
        return False


def _start_of(process: psutil.Process) -> str:
    """Return when a process began, in seconds.

    Linux reckons it from the boot: as a time of day it would change with the clock.
    """
    began_s = process.create_time()
    if not psutil.LINUX:
        return f"{began_s:.0f}"
    return f"{_SINCE_BOOT}{max(0.0, began_s - psutil.boot_time()):.0f}"


class ComparisonStore:
    """Saves, loads and searches comparisons; every method raises `StorageFailed`.

    What was to be saved and could not be, as on a full disk, is kept in memory and written in its
    order as soon as it can be: before the next change, else every `retry_s`.
    """

    def __init__(self, database: Database, *, retry_s: float = RETRY_S) -> None:
        self._database = database
        self._owner = new_owner()
        self._retry_s = retry_s
        self._waiting: deque[tuple[Change, bool]] = deque()
        """Each change, and whether it has to survive a power cut."""
        self._writing = asyncio.Lock()
        self._retry: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Try a last time to write what could not be written so far."""
        if self._retry is not None:
            self._retry.cancel()
            await asyncio.gather(self._retry, return_exceptions=True)
        try:
            await self._write_waiting()
        except StorageFailed as error:
            log.warning("not everything was kept: %s", error.message)

    async def save_comparison(self, comparison: Comparison) -> None:
        """Write everything of `comparison` but its turns; saving it again replaces it."""
        await self._keep(lambda connection: insert_comparison(connection, comparison))

    async def save_turn(self, comparison_id: str, turn: Turn) -> None:
        """Write everything of `turn` but its runs; what was said of it is kept."""
        await self._keep(lambda connection: insert_turn(connection, comparison_id, turn))

    async def save_run(self, turn_id: str, run: Run) -> None:
        """Write `run` as it is now; one that is final stays as it is."""
        await self._keep(lambda connection: put_run(connection, turn_id, run, self._owner))

    async def add_recorded(
        self, comparison: Comparison, timelines: Mapping[str, Sequence[StreamEvent]]
    ) -> None:
        """Keep a comparison that was run elsewhere, whole or not at all."""

        def change(connection: sqlite3.Connection) -> None:
            insert_comparison(connection, comparison)
            for turn in comparison.turns:
                insert_turn(connection, comparison.id, turn)
                for run in turn.runs:
                    put_run(connection, turn.id, run, self._owner)
                    _put_events(connection, run.id, timelines.get(run.id, ()))
                for run_id, thumb in turn.thumbs:
                    _put_thumb(connection, run_id, thumb)

        await self._write_waiting()
        await self._database.write(change, durable=True)

    async def append_events(self, run_id: str, events: Sequence[StreamEvent]) -> None:
        if not events:
            return
        given = [event.model_input for event in events if isinstance(event, InputPrepared)]

        def change(connection: sqlite3.Connection) -> None:
            _put_events(connection, run_id, events)
            for model_input in given:
                _put_prompt_ids(connection, run_id, model_input)

        await self._keep(change)

    async def vote(
        self,
        turn_id: str,
        winner_run_id: str | None,
        verdict: VoteOutcome | None,
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
                raise _gone()
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

        await self._write_waiting()
        await self._database.write(change, durable=True)

    async def set_thumb(self, run_id: str, thumb: Thumb | None) -> None:
        """Keep what the person said of one answer, or take it back; it survives a power cut."""
        await self._write_waiting()
        await self._database.write(
            lambda connection: _put_thumb(connection, run_id, thumb), durable=True
        )

    async def set_note(self, turn_id: str, note: str) -> None:
        """Keep the person's note on a turn; it survives a power cut. An empty one is none."""
        is_there = True

        def change(connection: sqlite3.Connection) -> None:
            nonlocal is_there
            text = _storable(note) or None
            connection.execute("UPDATE turns SET note = ? WHERE id = ?", (text, turn_id))
            is_there = _put_note(connection, turn_id)

        # where it cannot be written it waits: a person does not type it again
        await self._keep(change, durable=True)
        if not is_there:
            raise _gone()

    async def search(
        self, query: str = "", limit: int = 200, offset: int = 0
    ) -> list[ComparisonSummary]:
        """Return comparisons in which every word of `query` occurs, the newest first.

        Names of one whose names are still hidden are neither found nor told.
        """
        condition, arguments = matching(query, has_fts=self._database.has_fts)

        def select(connection: sqlite3.Connection) -> list[ComparisonSummary]:
            found = connection.execute(
                _SUMMARIES.format(condition=condition), (*arguments, limit, offset)
            )
            return [_summary(connection, row) for row in found.fetchall()]

        return await self._database.read(select)

    async def load(self, comparison_id: str) -> Comparison:
        """Return the comparison with its turns and runs, names and all, unless it is deleted.

        Its runs come without their prompts' token ids.
        """
        return await self._database.read(
            lambda connection: _load_comparison(connection, comparison_id)
        )

    async def prompt_ids(self, run_id: str) -> tuple[int, ...]:
        """Return the token ids of the run's prompt; none of a provider's, or of version 0.1."""
        return await self._database.read(lambda connection: _load_prompt_ids(connection, run_id))

    async def timeline(self, run_id: str) -> list[StreamEvent]:
        return await self._database.read(lambda connection: _load_events(connection, run_id))

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
            if gone and has_fts:
                # words of removed texts stay in the index's own pages until then
                connection.execute("INSERT INTO search_index (search_index) VALUES ('optimize')")
            return len(gone)

        return await self._database.write(change)

    async def votes(self) -> list[VoteCount]:
        """Return how each target fared, the one with the most wins first.

        Thumbs change nothing of that: who has nothing else stands at the end.
        """
        judged = await self._database.read(_judged)
        # a thousand resamples of them
        found = await asyncio.to_thread(standings, judged.ballots)
        voted = {each.target for each in found}
        others = (Standing(key) for key in sorted(judged.thumbs) if key not in voted)
        return [
            VoteCount(
                *(each.target, *judged.names[each.target], each),
                *judged.thumbs.get(each.target, (0, 0)),
            )
            for each in (*found, *others)
        ]

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
                    run = _interrupted(decode_run(body), _load_events(connection, run_id))
                    put_run(connection, turn_id, run, self._owner)
                    recovered += 1
            return recovered

        return await self._database.write(change)

    async def _keep(self, change: Change, *, durable: bool = False) -> None:
        """Write `change` after those that wait; it waits with them where that fails."""
        self._waiting.append((change, durable))
        try:
            await self._write_waiting()
        except StorageFailed:
            if not self._database.can_be_written:
                self._waiting.clear()
            elif self._retry is None or self._retry.done():
                self._retry = asyncio.create_task(self._write_later())
            raise

    async def _write_waiting(self) -> None:
        async with self._writing:
            while self._waiting:
                change, durable = self._waiting[0]
                try:
                    await self._database.write(change, durable=durable)
                except StorageFailed:
                    raise
                except BaseException:
                    # a mistake of this change, or nobody waits for it any more
                    self._waiting.popleft()
                    raise
                self._waiting.popleft()

    async def _write_later(self) -> None:
        while self._waiting:
            await asyncio.sleep(self._retry_s)
            with contextlib.suppress(StorageFailed):  # it was told, and is tried again
                await self._write_waiting()


def insert_comparison(
    connection: sqlite3.Connection, comparison: Comparison, evaluation_id: str | None = None
) -> None:
    """Write everything of `comparison` but its turns; saving it again replaces it."""
    created = comparison.created_at or datetime.now(UTC)
    targets = [
        {"key": t.key, "label": t.label, "detail": t.detail, "place": t.place}
        for t in comparison.targets
    ]
    head = replace(comparison, turns=(), created_at=created)
    # in UTC, so that text sorts by time
    moment = created.astimezone(UTC).isoformat(timespec="microseconds")
    connection.execute(
        "INSERT INTO comparisons (id, created_at, targets, body, evaluation_id) "
        "VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (id) DO UPDATE SET targets = excluded.targets, body = excluded.body",
        (comparison.id, moment, json.dumps(targets), json.dumps(encode(head)), evaluation_id),
    )
    _put_names(connection, comparison.id)


def insert_turn(connection: sqlite3.Connection, comparison_id: str, turn: Turn) -> None:
    """Write everything of `turn` but its runs and their thumbs.

    Of one that is there already a vote that was cast is kept, and the note.
    """
    prompt = _storable(turn.prompt)
    connection.execute(
        "INSERT INTO turns (id, comparison_id, prompt, run_order, hidden_names, "
        "winner_run_id, verdict, created_at, checks, note, position) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
        "(SELECT count(*) FROM turns WHERE comparison_id = ?)) "
        "ON CONFLICT (id) DO UPDATE SET prompt = excluded.prompt, "
        "hidden_names = excluded.hidden_names, checks = excluded.checks, "
        "winner_run_id = coalesce(excluded.winner_run_id, winner_run_id), "
        "verdict = coalesce(excluded.verdict, verdict)",
        (
            turn.id,
            comparison_id,
            prompt,
            turn.order.value,
            turn.hidden_names,
            turn.winner_run_id,
            turn.verdict.value if turn.verdict else None,
            turn.created_at.isoformat() if turn.created_at else None,
            json.dumps(encode(turn.checks)) if turn.checks else None,
            _storable(turn.note) or None,
            comparison_id,
        ),
    )
    _put_text(connection, comparison_id, f"turn:{turn.id}", prompt)
    _put_note(connection, turn.id)
    _put_names(connection, comparison_id)


def _put_note(connection: sqlite3.Connection, turn_id: str) -> bool:
    """Let a turn be found by its note, and by no other; return whether the turn is there."""
    found = connection.execute(
        "SELECT comparison_id, note FROM turns WHERE id = ?", (turn_id,)
    ).fetchone()
    if found is not None:
        _put_text(connection, found[0], f"note:{turn_id}", found[1] or "")
    return found is not None


def _put_thumb(connection: sqlite3.Connection, run_id: str, thumb: Thumb | None) -> None:
    changed = connection.execute("UPDATE runs SET thumb = ? WHERE id = ?", (thumb, run_id))
    if not changed.rowcount:
        raise _gone()


def put_run(connection: sqlite3.Connection, turn_id: str, run: Run, owner: str) -> None:
    """Write `run` as it is now; one that is final stays as it is."""
    model_input = run.model_input
    if model_input is not None:
        run = replace(run, model_input=replace(model_input, prompt_ids=()))
    key, body = _storable(run.target.key), json.dumps(encode(run))
    has_answer = bool(run.text.strip())
    connection.execute(
        "INSERT INTO runs (id, turn_id, target_key, status, has_answer, body, owner, position) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, (SELECT count(*) FROM runs WHERE turn_id = ?)) "
        "ON CONFLICT (id) DO UPDATE SET status = excluded.status, body = excluded.body, "
        "has_answer = excluded.has_answer, owner = excluded.owner "
        "WHERE status NOT IN ('finished', 'failed', 'cancelled') "
        "OR excluded.status IN ('finished', 'failed', 'cancelled')",
        (run.id, turn_id, key, run.status.value, has_answer, body, owner, turn_id),
    )
    if model_input is not None:
        _put_prompt_ids(connection, run.id, model_input)
    if run.status.is_final:
        (comparison_id,) = connection.execute(
            "SELECT comparison_id FROM turns WHERE id = ?", (turn_id,)
        ).fetchone()
        text = "\n".join(part for part in (run.text, run.reasoning) if part)
        _put_text(connection, comparison_id, f"run:{run.id}", _storable(text))


def _put_names(connection: sqlite3.Connection, comparison_id: str) -> None:
    """Let the comparison be found by its targets' names, unless a vote without them is open."""
    targets, is_hidden = connection.execute(
        f"SELECT targets, {_NAMES_HIDDEN} FROM comparisons c WHERE id = ?",  # noqa: S608 - fixed text
        (comparison_id,),
    ).fetchone()
    names = [_storable(f"{t['label']} {t['detail']}") for t in json.loads(targets)]
    text = "" if is_hidden else "\n".join(names)
    _put_text(connection, comparison_id, f"names:{comparison_id}", text)
