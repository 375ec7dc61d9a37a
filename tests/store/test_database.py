"""The history's file: damage, newer versions, full disks, migrations."""

import asyncio
import os
import sqlite3
import stat
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from playground.core.chat import ChatRequest, Message, Role
from playground.core.errors import HomeUnusable, StorageFailed
from playground.core.events import TextDelta
from playground.core.expected import Outcome
from playground.core.runs import Comparison, Run, RunOrder, RunStatus, Thumb, Turn
from playground.store import history
from playground.store.database import STEPS, VERSION, Database, migrate, prepare_index
from playground.store.evaluations import EvaluationStore
from playground.store.history import ComparisonStore
from tests.store.history import (
    GIVEN,
    INDIE,
    few_handles,
    full_disk,
    rivers_evaluation,
    save,
    small_disk,
)

DATA = Path(__file__).parent / "data"


async def saved_history(path: Path, count: int = 3) -> None:
    """Write a history of some comparisons and close it."""
    database = Database(path)
    await database.open()
    for number in range(count):
        await save(ComparisonStore(database), f"c{number}", f"Question {number} about rivers")
    await database.close()


async def titles(path: Path) -> list[str]:
    database = Database(path)
    await database.open()
    try:
        return sorted(found.title for found in await ComparisonStore(database).search())
    finally:
        await database.close()


async def test_what_was_saved_is_there_after_a_restart(history_file: Path) -> None:
    await saved_history(history_file, 2)
    assert await titles(history_file) == ["Question 0 about rivers", "Question 1 about rivers"]


async def test_the_file_is_readable_by_its_owner_only(history_file: Path) -> None:
    database = Database(history_file)
    await database.open()
    await save(ComparisonStore(database), "c", "secret plans")
    modes = {stat.S_IMODE(part.stat().st_mode) for part in history_file.parent.iterdir()}
    await database.close()
    assert modes == {0o600}


@pytest.mark.parametrize("damage", ["header", "a page", "other file", "cut in the middle"])
async def test_a_damaged_history_is_kept_aside_and_a_new_one_started(
    history_file: Path, damage: str
) -> None:
    await saved_history(history_file, 30)
    content = bytearray(history_file.read_bytes())
    if damage == "header":
        content[:100] = os.urandom(100)
    elif damage == "a page":
        content[4096 : len(content) // 2] = b"\xff" * (len(content) // 2 - 4096)
    elif damage == "cut in the middle":
        content = content[: len(content) // 2]
    else:
        content = bytearray(b"This is a letter to my aunt.\n" * 500)
    history_file.write_bytes(content)
    database = Database(history_file)
    await database.open()
    aside = history_file.with_name("history.sqlite3.damaged-1")
    assert aside.read_bytes() == bytes(content)
    assert database.problem is not None
    assert aside.name in database.problem
    await save(ComparisonStore(database), "new", "A new start")
    await database.close()
    assert await titles(history_file) == ["A new start"]


@pytest.mark.parametrize("journal", ["DELETE", "WAL"])
@pytest.mark.parametrize(
    "statements",
    [
        "CREATE TABLE moz_places (url)",
        "CREATE TABLE comparisons (made_by_somebody_else)",
        "CREATE TABLE moz_places (url); PRAGMA user_version = 1",
        "CREATE TABLE search_index (x); PRAGMA user_version = 1",
        "CREATE TABLE moz_places (url); PRAGMA user_version = 84",
    ],
)
async def test_a_database_of_another_program_is_refused_and_left_as_it_is(
    history_file: Path, statements: str, journal: str
) -> None:
    with closing(sqlite3.connect(history_file)) as connection:
        connection.executescript(f"PRAGMA journal_mode = {journal}; {statements}")
    before = history_file.read_bytes()
    database = Database(history_file)
    with pytest.raises(HomeUnusable, match="another program"):
        await database.open()
    with pytest.raises(StorageFailed, match="not open"):
        await save(ComparisonStore(database), "new", "Not kept")
    await database.close()
    assert history_file.read_bytes() == before
    assert not list(history_file.parent.glob("*damaged*"))


async def test_a_history_that_lacks_a_table_is_kept_aside(history_file: Path) -> None:
    await saved_history(history_file)
    with closing(sqlite3.connect(history_file)) as connection:
        connection.execute("DROP TABLE events")
    assert await titles(history_file) == []
    assert history_file.with_name("history.sqlite3.damaged-1").exists()


async def test_an_empty_file_becomes_a_history_without_complaint(history_file: Path) -> None:
    history_file.touch()
    database = Database(history_file)
    await database.open()
    assert database.problem is None
    await database.close()


async def test_a_history_of_a_newer_version_is_refused_and_left_as_it_is(
    history_file: Path,
) -> None:
    await saved_history(history_file)
    with closing(sqlite3.connect(history_file)) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    before = history_file.read_bytes()
    database = Database(history_file)
    with pytest.raises(StorageFailed, match="newer version"):
        await database.open()
    with pytest.raises(StorageFailed, match="not open"):
        await ComparisonStore(database).search()
    await database.close()
    assert history_file.read_bytes() == before
    assert not list(history_file.parent.glob("*damaged*"))


async def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    database = Database(tmp_path / "data" / "history.sqlite3")
    with pytest.raises(StorageFailed, match="cannot be written"):
        await database.open()
    await database.close()


async def test_a_full_disk_is_told_and_what_was_saved_stays(
    store: ComparisonStore, history_file: Path
) -> None:
    await save(store, "before", "Before the disk was full")
    written = Path(f"{history_file}-wal").stat().st_size
    with full_disk(written), pytest.raises(StorageFailed):
        await save(store, "during", "While the disk was full", answers=("x " * 5000, "y"))
    await save(store, "after", "After there was room again")
    found = {summary.title for summary in await store.search()}
    assert {"Before the disk was full", "After there was room again"} <= found


async def test_a_disk_that_is_full_around_an_existing_history_is_called_full(
    tmp_path: Path,
) -> None:
    with small_disk(tmp_path / "disk") as disk:
        path = disk.folder / "history.sqlite3"
        await saved_history(path, 1)
        disk.fill()
        database = Database(path)
        for _ in range(2):
            with pytest.raises(StorageFailed, match="the disk is full"):
                await database.open()
        disk.make_room()
        await database.open()
        assert len(await ComparisonStore(database).search()) == 1
        await database.close()


@pytest.mark.parametrize("left", [0, 1, 2])
async def test_too_few_file_handles_are_told_as_that_and_nothing_is_lost(
    history_file: Path, left: int
) -> None:
    await saved_history(history_file, 1)
    database = Database(history_file)

    async def read() -> None:
        await database.open()
        await database.read(lambda connection: connection.execute("SELECT 1 FROM runs"))

    with few_handles(left), pytest.raises(StorageFailed, match="Too many files are open") as told:
        await read()
    assert "ulimit" in told.value.hint
    await database.open()
    assert len(await ComparisonStore(database).search()) == 1
    await database.close()


@pytest.mark.parametrize("kind", ["folder", "pipe", "circle", "device"])
async def test_what_is_no_file_is_refused_and_left_where_it_is(
    history_file: Path, kind: str
) -> None:
    if kind == "folder":
        history_file.mkdir()
    elif kind == "circle":
        history_file.symlink_to(history_file.name)
    elif not hasattr(os, "mkfifo"):
        pytest.skip("there are no pipes and devices in folders")
    elif kind == "pipe":
        os.mkfifo(history_file)
    else:
        history_file.symlink_to(os.devnull)
    before = history_file.lstat()
    database = Database(history_file)
    with pytest.raises(HomeUnusable, match="is no file"):
        await database.open()
    with pytest.raises(StorageFailed, match="not open"):
        await save(ComparisonStore(database), "new", "Not kept")
    await database.close()
    assert history_file.lstat() == before
    assert list(history_file.parent.iterdir()) == [history_file]


async def test_another_program_at_work_in_the_file_is_waited_for_once(history_file: Path) -> None:
    database = Database(history_file, patience_s=0.3)
    await database.open()
    store = ComparisonStore(database)
    waits = []
    with closing(sqlite3.connect(history_file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for number in range(3):
            waits.append(database._patience_s)
            with pytest.raises(StorageFailed, match="another program"):
                await store.save_comparison(Comparison(f"c{number}", (INDIE,)))
        other.execute("ROLLBACK")
    await store.save_comparison(Comparison("last", (INDIE,)))
    assert waits == [0.3, 0.05, 0.05]
    assert database._patience_s == 0.3
    assert len([await store.load(key) for key in ("c0", "c1", "c2", "last")]) == 4
    await store.close()
    await database.close()


async def test_a_history_that_could_not_be_opened_is_opened_when_there_is_room(
    history_file: Path,
) -> None:
    database = Database(history_file)
    with full_disk(0):
        with pytest.raises(StorageFailed):
            await database.open()
        with pytest.raises(StorageFailed):
            await ComparisonStore(database).search()
    await save(ComparisonStore(database), "c", "Now there is room")
    assert [found.title for found in await ComparisonStore(database).search()] == [
        "Now there is room"
    ]
    await database.close()


async def test_what_could_not_be_saved_is_saved_in_its_order_when_there_is_room(
    database: Database, history_file: Path
) -> None:
    store = ComparisonStore(database, retry_s=0.01)
    await save(store, "before", "Before the disk was full")
    comparison = Comparison("during", (INDIE,))
    run = Run("r", INDIE, ChatRequest((Message(Role.USER, "x " * 5000),)), order=0)
    turn = Turn("t", "While the disk was full", RunOrder.FAIR, (run,))
    finished = replace(run, status=RunStatus.FINISHED, text="kept")
    with full_disk(Path(f"{history_file}-wal").stat().st_size):
        for saving in (
            store.save_comparison(comparison),
            store.save_turn("during", turn),
            store.save_run("t", run),
            store.save_run("t", finished),
            store.vote("t", "r", None, False),
        ):
            with pytest.raises(StorageFailed):
                await saving
    while not (found := await store.search("While")):
        await asyncio.sleep(0.01)
    assert found[0].votes == 0
    await store.close()
    assert (await store.load("during")).turns[0].runs[0].status is RunStatus.FINISHED


async def test_a_note_that_could_not_be_kept_waits_for_room_and_a_thumb_does_not(
    database: Database, history_file: Path
) -> None:
    store = ComparisonStore(database, retry_s=0.01)
    await save(store, "c", "Before the disk was full")
    with full_disk(Path(f"{history_file}-wal").stat().st_size):
        for saving in (
            store.set_thumb("c-run0", Thumb.UP),
            store.set_note("c-turn0", "Typed while it was full"),
        ):
            with pytest.raises(StorageFailed):
                await saving
    while not await store.search("typed"):
        await asyncio.sleep(0.01)
    await store.close()
    turn = (await store.load("c")).turns[0]
    assert (turn.note, turn.thumbs) == ("Typed while it was full", ())


async def test_what_a_person_says_of_answers_survives_a_power_cut(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ComparisonStore(database)
    await save(store, "c", "hi")
    asked: list[bool] = []
    write = database.write

    async def noting(change: Any, *, durable: bool = False) -> Any:
        asked.append(durable)
        return await write(change, durable=durable)

    monkeypatch.setattr(database, "write", noting)
    await store.vote("c-turn0", "c-run0", None, False)
    await store.set_thumb("c-run0", Thumb.UP)
    await store.set_note("c-turn0", "Good")
    assert asked == [True, True, True]


async def test_a_change_whose_caller_is_cancelled_is_still_made(database: Database) -> None:
    release = threading.Event()

    def wait_and_make(connection: sqlite3.Connection) -> None:
        release.wait()
        connection.execute("CREATE TABLE kept (x)")

    first = asyncio.create_task(database.write(wait_and_make))
    second = asyncio.create_task(database.write(lambda c: c.execute("INSERT INTO kept VALUES (1)")))
    await asyncio.sleep(0)  # both are asked for, the second waits in the queue
    first.cancel()
    second.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    release.set()
    await database.write(lambda _: None)
    rows = await database.read(lambda c: c.execute("SELECT x FROM kept").fetchall())
    assert rows == [(1,)]


async def test_a_change_that_fails_half_way_leaves_nothing(database: Database) -> None:
    def change(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE half (x)")
        raise StorageFailed("no")

    with pytest.raises(StorageFailed, match="no"):
        await database.write(change)
    tables = await database.read(
        lambda c: c.execute("SELECT name FROM sqlite_master WHERE name = 'half'").fetchall()
    )
    assert tables == []


async def test_reading_cannot_change_the_history(database: Database) -> None:
    with pytest.raises(StorageFailed):
        await database.read(lambda c: c.execute("CREATE TABLE sly (x)"))


async def test_a_history_can_be_opened_again_after_closing(database: Database) -> None:
    await database.close()
    await database.close()
    await database.open()
    await save(ComparisonStore(database), "again", "Once more")
    assert len(await ComparisonStore(database).search()) == 1


async def test_two_programs_write_the_same_history(history_file: Path) -> None:
    first, second = Database(history_file), Database(history_file)
    await first.open()
    await second.open()
    await asyncio.gather(
        *(save(ComparisonStore(first), f"a{n}", f"a{n}") for n in range(5)),
        *(save(ComparisonStore(second), f"b{n}", f"b{n}") for n in range(5)),
    )
    found = await ComparisonStore(first).search()
    await first.close()
    await second.close()
    assert len(found) == 10


@pytest.mark.parametrize("dump", sorted(DATA.glob("*.sql")), ids=lambda path: path.stem)
async def test_histories_of_every_released_version_can_be_read(
    history_file: Path, dump: Path
) -> None:
    with closing(sqlite3.connect(history_file)) as connection:
        connection.executescript(dump.read_text(encoding="utf-8"))
    database = Database(history_file)
    await database.open()
    store = ComparisonStore(database)
    (found,) = await store.search("rivers")
    comparison = await store.load(found.id)
    timeline = await store.timeline(comparison.turns[0].runs[0].id)
    votes = await store.votes()
    await database.close()
    assert database.problem is None
    assert found.title == "Which rivers are long?"
    assert [run.text for run in comparison.turns[0].runs] == ["The Nile", "Amazon and Nile"]
    deltas = [event for event in timeline if isinstance(event, TextDelta)]
    assert "".join(delta.text for delta in deltas) == "The Nile"
    assert [token.probability for delta in deltas for token in delta.tokens] == [0.5, 0.5]
    assert (votes[0].target_key, votes[0].standing.wins) == ("acme:gpt-large-2", 1)


async def test_a_run_of_version_1_has_neither_ids_nor_bytes(history_file: Path) -> None:
    with closing(sqlite3.connect(history_file)) as connection:
        connection.executescript((DATA / "v1.sql").read_text(encoding="utf-8"))
    database = Database(history_file)
    await database.open()
    store = ComparisonStore(database)
    runs = (await store.load("c1")).turns[0].runs
    tokens = [
        token
        for event in await store.timeline(runs[1].id)
        if isinstance(event, TextDelta)
        for token in event.tokens
    ]
    prompt_ids = await store.prompt_ids(runs[0].id)
    await database.close()
    assert [run.model_input for run in runs] == [None, None]
    assert prompt_ids == ()
    assert [(t.text, t.id, t.raw, t.alternatives[0].raw) for t in tokens] == [
        ("Amazon ", None, None, None),
        ("and ", None, None, None),
        ("Nile", None, None, None),
    ]


async def test_answers_of_version_2_can_be_judged_and_those_of_version_3_are(
    history_file: Path,
) -> None:
    found = []
    for version in (2, 3):
        path = history_file.with_name(f"v{version}.sqlite3")
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript((DATA / f"v{version}.sql").read_text(encoding="utf-8"))
        database = Database(path)
        await database.open()
        store = ComparisonStore(database)
        found.append((await store.load("c1")).turns[0])
        await store.set_thumb("c1-run1", Thumb.UP)
        await store.set_note("c1-turn0", "Seen again")
        found.append((await store.load("c1")).turns[0])
        assert await store.search("seen")
        await database.close()
    down, up = ("c1-run0", Thumb.DOWN), ("c1-run1", Thumb.UP)
    assert [(turn.note, turn.thumbs) for turn in found] == [
        ("", ()),
        ("Seen again", (up,)),
        ("The second names both.", (down,)),
        ("Seen again", (down, up)),
    ]


async def test_an_evaluation_of_version_2_can_be_read(history_file: Path) -> None:
    with closing(sqlite3.connect(history_file)) as connection:
        connection.executescript((DATA / "v2.sql").read_text(encoding="utf-8"))
    database = Database(history_file)
    await database.open()
    store, evaluations = ComparisonStore(database), EvaluationStore(database)
    (prompt_set,) = await evaluations.sets()
    (listed,) = await evaluations.listed()
    (result,) = await evaluations.results(listed.id)
    evaluation = await evaluations.load(listed.id)
    answer = (await store.load(result.comparison_id)).turns[0].runs[0]
    prompt_ids = await store.prompt_ids(answer.id)
    (*_, last, _) = await store.timeline("c1-run0")
    await database.close()
    assert evaluation == rivers_evaluation()
    assert prompt_set == evaluation.prompt_set
    assert (listed.set_name, listed.units, listed.done) == ("Rivers", 2, 1)
    assert (result.unit.case, result.outcome) == ("k1", Outcome.RIGHT)
    assert (answer.model_input, prompt_ids) == (GIVEN, GIVEN.prompt_ids)
    assert isinstance(last, TextDelta)
    assert [(token.id, token.raw, token.rank) for token in last.tokens] == [(1, b"Nile", 1)]


def test_the_newest_dump_has_the_tables_of_today() -> None:
    with (
        closing(sqlite3.connect(":memory:")) as written,
        closing(sqlite3.connect(":memory:", isolation_level=None)) as today,
    ):
        written.executescript((DATA / f"v{VERSION}.sql").read_text(encoding="utf-8"))
        migrate(today)
        schema = "SELECT name, sql FROM sqlite_master WHERE sql NOT NULL ORDER BY name"
        found, wanted = (c.execute(schema).fetchall() for c in (written, today))
    assert found == wanted, "a version that is not released yet: python -m tests.store.dump"


def test_a_step_that_fails_changes_nothing_and_is_tried_again(tmp_path: Path) -> None:
    def add_colour(connection: sqlite3.Connection) -> None:
        connection.execute("ALTER TABLE runs ADD COLUMN colour TEXT")

    def fail(connection: sqlite3.Connection) -> None:
        connection.execute("ALTER TABLE runs ADD COLUMN smell TEXT")
        raise OSError("power cut")

    with closing(sqlite3.connect(tmp_path / "x", isolation_level=None)) as connection:
        migrate(connection)
        with pytest.raises(OSError, match="power cut"):
            migrate(connection, (*STEPS, add_colour, fail))
        columns = {row[1] for row in connection.execute("PRAGMA table_info(runs)")}
        version = connection.execute("PRAGMA user_version").fetchone()
        assert version == (VERSION + 1,)
        assert "colour" in columns
        assert "smell" not in columns
        migrate(connection, (*STEPS, add_colour))


async def test_what_takes_long_to_read_holds_up_no_search(
    database: Database, store: ComparisonStore
) -> None:
    await save(store, "c", "Found meanwhile")
    release = threading.Event()
    long = asyncio.create_task(database.read(lambda _: release.wait(10), takes_long=True))
    # it is asked for before the search is
    await asyncio.sleep(0)
    assert [found.title for found in await store.search("f")] == ["Found meanwhile"]
    assert not long.done()
    release.set()
    assert await long


async def test_a_letter_that_is_everywhere_is_looked_for_in_the_newest_alone(
    database: Database,
) -> None:
    """Each comparison has its texts looked at in the order of the list, until there are enough."""
    condition, words = history.matching("a", has_fts=True)
    statement = history._SUMMARIES.format(condition=condition)
    plan = await database.read(
        lambda c: c.execute(f"EXPLAIN QUERY PLAN {statement}", (*words, 50, 0)).fetchall()
    )
    steps = [detail for *_, detail in plan]
    assert "SCAN c USING INDEX comparisons_by_time" in steps
    (texts,) = [step for step in steps if step.startswith(("SCAN s ", "SEARCH s "))]
    assert texts.endswith("INDEX search_texts_of (comparison_id=?)")


async def test_an_index_without_prefixes_is_made_anew(history_file: Path) -> None:
    await saved_history(history_file)
    with closing(sqlite3.connect(history_file)) as connection:
        connection.execute("DROP TABLE search_index")
        connection.execute(
            "CREATE VIRTUAL TABLE search_index USING fts5 (text, content='search_texts', "
            "content_rowid='id', tokenize=\"unicode61 remove_diacritics 2\")"
        )
        connection.commit()
    database = Database(history_file)
    await database.open()
    assert await ComparisonStore(database).search("a")
    (made,) = await database.read(
        lambda c: c.execute("SELECT sql FROM sqlite_master WHERE name = 'search_index'").fetchone()
    )
    assert "prefix=" in made
    await database.close()


def test_texts_written_without_full_text_search_are_found_once_it_is_there(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "x", isolation_level=None)) as connection:
        migrate(connection)
        assert prepare_index(connection)
        assert not prepare_index(connection, has_fts=False)
        connection.execute(
            "INSERT INTO comparisons (id, created_at, targets, body) VALUES ('c', '', '[]', '{}')"
        )
        connection.execute(
            "INSERT INTO search_texts (comparison_id, source, text) VALUES ('c', 's', 'whales')"
        )
        assert prepare_index(connection)
        found = connection.execute(
            "SELECT rowid FROM search_index WHERE search_index MATCH 'whal*'"
        )
        assert found.fetchall() == [(1,)]
