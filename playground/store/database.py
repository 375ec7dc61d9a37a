"""One SQLite file: opened with care, written by one thread, read by two others."""

import asyncio
import errno
import os
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

from playground.core.errors import HomeUnusable, StorageFailed, SystemRefused, explained
from playground.store.files import aside_path, check_handles, make_folder

T = TypeVar("T")
Step = Callable[[sqlite3.Connection], None]


def _history(connection: sqlite3.Connection) -> None:
    connection.execute("""
        CREATE TABLE comparisons (
            id TEXT PRIMARY KEY,
            created_at TEXT NOT NULL,
            targets TEXT NOT NULL,     -- JSON: key, label, detail and place of each target
            body TEXT NOT NULL,        -- JSON of core.runs.Comparison without its turns
            deleted_at TEXT,
            deleted_by TEXT            -- the process in which it can still be restored
        )""")
    connection.execute("""
        CREATE TABLE turns (
            id TEXT PRIMARY KEY,
            comparison_id TEXT NOT NULL REFERENCES comparisons ON DELETE CASCADE,
            position INTEGER NOT NULL,
            prompt TEXT NOT NULL,
            run_order TEXT NOT NULL,
            hidden_names INTEGER NOT NULL,
            winner_run_id TEXT,
            verdict TEXT,
            created_at TEXT
        )""")
    connection.execute("CREATE INDEX turns_of ON turns (comparison_id, position)")
    connection.execute("""
        CREATE TABLE runs (
            id TEXT PRIMARY KEY,
            turn_id TEXT NOT NULL REFERENCES turns ON DELETE CASCADE,
            position INTEGER NOT NULL,
            target_key TEXT NOT NULL,
            status TEXT NOT NULL,
            has_answer INTEGER NOT NULL,
            owner TEXT NOT NULL,       -- the process that runs it
            body TEXT NOT NULL         -- JSON of core.runs.Run
        )""")
    connection.execute("CREATE INDEX runs_of ON runs (turn_id, position)")
    connection.execute("""
        CREATE TABLE events (
            id INTEGER PRIMARY KEY,
            run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
            body TEXT NOT NULL         -- JSON: a list of core.events.StreamEvent
        )""")
    connection.execute("CREATE INDEX events_of ON events (run_id, id)")
    connection.execute("""
        CREATE TABLE search_texts (
            id INTEGER PRIMARY KEY,
            comparison_id TEXT NOT NULL REFERENCES comparisons ON DELETE CASCADE,
            source TEXT NOT NULL UNIQUE,   -- turn:<id>, run:<id> or names:<comparison id>
            text TEXT NOT NULL
        )""")
    connection.execute("CREATE INDEX search_texts_of ON search_texts (comparison_id)")


def _evaluations(connection: sqlite3.Connection) -> None:
    connection.execute("""
        CREATE TABLE prompt_sets (
            id TEXT PRIMARY KEY,
            name TEXT NOT NULL UNIQUE COLLATE NOCASE,
            created_at TEXT NOT NULL,
            body TEXT NOT NULL         -- JSON of core.prompt_sets.PromptSet
        )""")
    connection.execute("""
        CREATE TABLE evaluations (
            id TEXT PRIMARY KEY,
            prompt_set_id TEXT NOT NULL,   -- the set may be gone: the body holds it as it was
            set_name TEXT NOT NULL,
            units INTEGER NOT NULL,    -- how many answers it asks for
            created_at TEXT NOT NULL,
            finished_at TEXT,
            owner TEXT,                -- the process that runs it
            body TEXT NOT NULL         -- JSON of core.evaluations.Evaluation
        )""")
    connection.execute("CREATE INDEX evaluations_of ON evaluations (prompt_set_id, created_at)")
    connection.execute("""
        ALTER TABLE comparisons ADD COLUMN evaluation_id TEXT
            REFERENCES evaluations ON DELETE CASCADE""")
    connection.execute("CREATE INDEX comparisons_of ON comparisons (evaluation_id)")
    connection.execute("ALTER TABLE turns ADD COLUMN checks TEXT")  # JSON of core.expected.Check
    # ids as little-endian int32, compressed: beside the body, which is read for every list of runs
    connection.execute("ALTER TABLE runs ADD COLUMN prompt_ids BLOB")
    # of one run each; the answer itself is that run of the comparison
    connection.execute("""
        CREATE TABLE evaluation_units (
            evaluation_id TEXT NOT NULL REFERENCES evaluations ON DELETE CASCADE,
            case_id TEXT NOT NULL,
            target_key TEXT NOT NULL,
            repeat INTEGER NOT NULL,
            body TEXT NOT NULL,        -- JSON of core.evaluations.UnitResult
            PRIMARY KEY (evaluation_id, case_id, target_key, repeat)
        )""")


def _judging(connection: sqlite3.Connection) -> None:
    # found for searches under note:<id>
    connection.execute("ALTER TABLE turns ADD COLUMN note TEXT")
    connection.execute("ALTER TABLE runs ADD COLUMN thumb TEXT")
    # to count them without the bodies of all runs, behind which they stand
    connection.execute("CREATE INDEX runs_with_thumb ON runs (thumb) WHERE thumb IS NOT NULL")


STEPS: tuple[Step, ...] = (_history, _evaluations, _judging)
"""The numbered steps that led to the tables of today.

A step is never edited once it has been released: the next change is a new step at the end. Dumps of
databases of every released version are in `tests/store/data`.
"""
VERSION = len(STEPS)


def migrate(connection: sqlite3.Connection, steps: Sequence[Step] = STEPS) -> None:
    """Bring a database of any older version to this one, each step whole or not at all."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    for number, step in enumerate(steps[version:], version + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            # another process may have come first while this one waited for the lock
            (now,) = connection.execute("PRAGMA user_version").fetchone()
            if now < number:
                step(connection)
                connection.execute(f"PRAGMA user_version = {number}")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


_SEARCH_INDEX = """CREATE VIRTUAL TABLE search_index USING fts5 (
    text, content='search_texts', content_rowid='id', prefix='1 2',
    tokenize="unicode61 remove_diacritics 2")"""
_INDEX_TRIGGERS = {
    "search_added": """AFTER INSERT ON search_texts BEGIN
        INSERT INTO search_index (rowid, text) VALUES (new.id, new.text); END""",
    "search_removed": """AFTER DELETE ON search_texts BEGIN
        INSERT INTO search_index (search_index, rowid, text)
        VALUES ('delete', old.id, old.text); END""",
    "search_changed": """AFTER UPDATE ON search_texts BEGIN
        INSERT INTO search_index (search_index, rowid, text)
        VALUES ('delete', old.id, old.text);
        INSERT INTO search_index (rowid, text) VALUES (new.id, new.text); END""",
}


def prepare_index(connection: sqlite3.Connection, *, has_fts: bool | None = None) -> bool:
    """Make what speeds up searching: the full-text index where SQLite has FTS5, which is returned.

    Without FTS5 the triggers are taken away, so that texts can still be written; the next start
    with FTS5 finds them missing and builds the index again.
    """
    if has_fts is None:
        has_fts = _has_fts(connection)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("CREATE INDEX IF NOT EXISTS comparisons_by_time ON comparisons (created_at)")
    found = {
        name
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
    }
    if not has_fts:
        for name in found & set(_INDEX_TRIGGERS):
            connection.execute(f"DROP TRIGGER {name}")
    elif not set(_INDEX_TRIGGERS) <= found or not _is_current(connection):
        # with the index of prefixes one letter is found as fast as a word
        connection.execute("DROP TABLE IF EXISTS search_index")
        connection.execute(_SEARCH_INDEX)
        connection.execute("INSERT INTO search_index (search_index) VALUES ('rebuild')")
        for name, body in _INDEX_TRIGGERS.items():
            connection.execute(f"CREATE TRIGGER IF NOT EXISTS {name} {body}")
    connection.execute("COMMIT")
    return has_fts


def _is_current(connection: sqlite3.Connection) -> bool:
    found = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'search_index'")
    return (_SEARCH_INDEX,) in found.fetchall()


def _has_fts(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("CREATE VIRTUAL TABLE temp.fts_probe USING fts5 (text)")
    except sqlite3.OperationalError:
        return False
    connection.execute("DROP TABLE temp.fts_probe")
    return True


_NOT_OPEN = "The history is not open, so nothing is kept in it."
CHECKED_BYTES = 256 * 2**20
"""Files up to this size are read through at the start to find damage: half a second at most."""

_REASONS = {
    "SQLITE_FULL": "the disk is full",
    "SQLITE_READONLY": "the file or its folder is read-only",
    "SQLITE_PERM": "the rights on the file do not allow it",
    "SQLITE_AUTH": "the rights on the file do not allow it",
    "SQLITE_CANTOPEN": "the file cannot be opened",
    "SQLITE_BUSY": "another program keeps the file busy",
    "SQLITE_LOCKED": "another program keeps the file busy",
    "SQLITE_IOERR": "the disk reported an error",
    "SQLITE_CORRUPT": "the file is damaged",
    "SQLITE_NOTADB": "the file is damaged",
    "SQLITE_NOMEM": "there is not enough memory",
    "SQLITE_TOOBIG": "the text is too long",
}
"""What SQLite says when the environment fails, in words (https://sqlite.org/rescode.html)."""
_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")
_IMPATIENT_S = 0.05
"""How long to wait for a file that has just been waited for in vain."""
_HIDE_REASON = ("SQLITE_IOERR", "SQLITE_CANTOPEN")
"""What SQLite says where the system's own reason is lost on the way: Python does not pass it on."""
_NO_FILE = frozenset({errno.EISDIR, errno.ELOOP, errno.ENXIO, errno.ENODEV})
"""What the system says of a folder, of links that lead in a circle, and of what is connected to
nothing."""
_HANDLES = 4
"""Files that SQLite opens at once: the history, its two side files, and a journal."""
_LEAST_ROOM = 64 * 2**10
"""Bytes: with less, SQLite's shared memory (32 KiB at a time) has no room beside the history."""


class _Reader:
    """A connection that only reads, and its thread."""

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._name = name
        self._connection: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(1, name)

    async def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        return await _finish(self._thread, lambda: self._read(query))

    async def close(self) -> None:
        await _finish(self._thread, self._disconnect)
        self._thread.shutdown()
        self._thread = ThreadPoolExecutor(1, self._name)

    def _read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        with _translated_errors(self._path):
            if self._connection is None:
                self._connection = sqlite3.connect(self._path, timeout=10, isolation_level=None)
                self._connection.execute("PRAGMA query_only = ON")
            return query(self._connection)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Database:
    """The history's file.

    WAL with `synchronous=NORMAL`: what was written survives a killed program; a power cut may take
    the last moments but never damages the file. `write(..., durable=True)` survives that as well.
    """

    def __init__(self, path: Path, *, patience_s: float = 10.0) -> None:
        """`patience_s` is how long to wait for another program that writes to the file."""
        self._path = path
        self._whole_patience_s = self._patience_s = patience_s
        self._writer: sqlite3.Connection | None = None
        self._writing = ThreadPoolExecutor(1, "database-writer")
        self._reader = _Reader(path, "database-reader")
        self._slow_reader = _Reader(path, "database-slow-reader")
        self._may_open = False
        self.has_fts = False
        """Whether this SQLite has full-text search."""
        self.problem: str | None = None
        """What was wrong with the file and what was done about it, in a sentence."""

    async def open(self) -> None:
        """Open the file, make or migrate its tables.

        A damaged file is set aside beside its successor, see `problem`. What else can be wrong is
        of two kinds, and decides how the program goes on:

        - `StorageFailed`: the file cannot be used now, its disk being full, read-only or broken,
          too many files open, or another program at work in it; or a newer version of the program
          wrote it. Everything works without keeping, and says so once; a command ends with the
          exit code of what it did, and only one that is about the history fails. Each use tries to
          open the file again, but for that of a newer version.
        - `HomeUnusable`: something else has the file's name, a database of another program, a
          folder or a pipe, and only a person can move it away. It is left as it is, no window
          opens, and every command exits 2.
        """
        self._may_open = True
        await _finish(self._writing, self._open_writer)

    async def close(self) -> None:
        """Wait for what is still being written, then close the file; a second call does nothing."""
        self._may_open = False
        await self._reader.close()
        await self._slow_reader.close()
        await _finish(self._writing, self._close_writer)
        self._writing.shutdown()
        self._writing = ThreadPoolExecutor(1, "database-writer")

    @property
    def can_be_written(self) -> bool:
        """False where nothing will be kept, however much room there is later."""
        return self._may_open

    async def read(
        self, query: Callable[[sqlite3.Connection], T], *, takes_long: bool = False
    ) -> T:
        """Return what `query` reads, on a reader's thread; raises `StorageFailed`.

        One that `takes_long` holds up none of the others.
        """
        if self._writer is None:
            raise StorageFailed(_NOT_OPEN)
        return await (self._slow_reader if takes_long else self._reader).read(query)

    async def write(self, change: Callable[[sqlite3.Connection], T], *, durable: bool = False) -> T:
        """Run `change` in one transaction on the writer's thread; raises `StorageFailed`.

        A change that was asked for is made even where the one who asked is cancelled meanwhile.
        """
        return await _finish(self._writing, lambda: self._write(change, durable=durable))

    def _write(self, change: Callable[[sqlite3.Connection], T], *, durable: bool) -> T:
        if self._writer is None and self._may_open:
            self._open_writer()
        if self._writer is None:
            raise StorageFailed(_NOT_OPEN)
        with _translated_errors(self._path), self._waiting_once():
            self._writer.execute(f"PRAGMA busy_timeout = {round(self._patience_s * 1000)}")
            return _transaction(self._writer, change, durable=durable)

    def _open_writer(self) -> None:
        try:
            make_folder(self._path.parent)
            self._make_file()
        except OSError as error:
            raise _unusable(error, "cannot be written") from error
        with _translated_errors(self._path), self._waiting_once():
            try:
                self._refuse_others()
                self._writer = self._connect()
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                self._set_aside()
                self._writer = self._connect()

    @contextmanager
    def _waiting_once(self) -> Iterator[None]:
        """Wait with no change for a file that a change before has waited for in vain.

        Else each of an answer's dozen changes would hold it up for `patience_s`.
        """
        try:
            yield
        except sqlite3.DatabaseError as error:
            if _name(error).startswith(_BUSY):
                self._patience_s = min(_IMPATIENT_S, self._whole_patience_s)
            raise
        self._patience_s = self._whole_patience_s

    def _make_file(self) -> None:
        """Have an empty file where there is none; raises `HomeUnusable` for what is no file."""
        try:
            # SQLite gives its side files the rights of the main file
            handle = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:
            if error.errno not in _NO_FILE:
                raise
            is_file = False
        else:
            with os.fdopen(handle, "rb") as file:
                is_file = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
        if not is_file:
            self._may_open = False
            raise HomeUnusable(
                f"{self._path} is no file: the history would be kept there.",
                "Move it away, or set PLAYGROUND_HOME to another folder.",
            )

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=self._patience_s, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA secure_delete = ON")  # what a person deletes is gone
            if self._path.stat().st_size <= CHECKED_BYTES:
                _check(connection)
            migrate(connection)
            _check_tables(connection)
            self.has_fts = prepare_index(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _refuse_others(self) -> None:
        """Refuse what another program or a newer version wrote, before anything is written."""
        if self._path.stat().st_size == 0:
            return
        uri = f"{self._path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=self._patience_s)) as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            is_foreign = _is_foreign(connection, version)
        if is_foreign:
            self._may_open = False
            raise HomeUnusable(
                f"{self._path} is a database of another program and is left as it is.",
                "Move it away, or set PLAYGROUND_HOME to another folder.",
            )
        if version > VERSION:
            self._may_open = False
            raise StorageFailed(
                "The history was written by a newer version of this program and is left as it is.",
                "Install the newer version to see it. Until then nothing is kept.",
            )

    def _set_aside(self) -> None:
        aside = aside_path(self._path)
        try:
            for suffix in ("-wal", "-shm", ""):
                part = Path(f"{self._path}{suffix}")
                if part.exists():
                    part.rename(f"{aside}{suffix}")
        except OSError as error:
            raise StorageFailed(
                f"The history is damaged and cannot be moved away: {error.strerror or error}."
            ) from error
        self._make_file()
        self.problem = (
            f"The history was damaged. It is kept as {aside.name}, and a new one was started."
        )

    def _close_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


class _Damaged(sqlite3.DatabaseError):
    """The file is not one of ours, or no longer."""


def _check(connection: sqlite3.Connection) -> None:
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise _Damaged(verdict)


def _is_foreign(connection: sqlite3.Connection, version: int) -> bool:
    """Return True where there are tables, and none of them is ours.

    Ours come with their number in one transaction.
    """
    found = _columns(connection)
    return bool(found) and (
        version == 0
        or not any(columns <= found.get(table, set()) for table, columns in _our_columns().items())
    )


def _check_tables(connection: sqlite3.Connection) -> None:
    """Refuse a file whose number says that the tables are there, and they are not."""
    found = _columns(connection)
    for table, columns in _our_columns().items():
        if not columns <= found.get(table, set()):
            raise _Damaged(f"no table {table} as it should be")


def _our_columns() -> dict[str, set[str]]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as reference:
        migrate(reference)
        return _columns(reference)


def _columns(connection: sqlite3.Connection) -> dict[str, set[str]]:
    found = connection.execute(
        "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c "
        "WHERE m.type = 'table'"
    )
    tables: dict[str, set[str]] = {}
    for table, column in found:
        tables.setdefault(table, set()).add(column)
    return tables


async def _finish(executor: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    """Run `work` to its end on `executor`, even where the caller is cancelled."""
    future = asyncio.get_running_loop().run_in_executor(executor, work)
    future.add_done_callback(_retrieve)
    return await asyncio.shield(future)


def _retrieve(future: "asyncio.Future[T]") -> None:
    """Take the error of work whose caller has gone, so that asyncio does not report it again."""
    if not future.cancelled():
        future.exception()


def _transaction(
    connection: sqlite3.Connection,
    change: Callable[[sqlite3.Connection], T],
    *,
    durable: bool,
) -> T:
    if durable:
        connection.execute("PRAGMA synchronous = FULL")
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = change(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    finally:
        if durable:
            connection.execute("PRAGMA synchronous = NORMAL")
    return result


@contextmanager
def _translated_errors(path: Path) -> Iterator[None]:
    """Raise what SQLite says when the environment fails as `StorageFailed`; others are bugs."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if _name(error).startswith(_HIDE_REASON):
            _raise_hidden(path, error)
        for name, reason in _REASONS.items():
            if _name(error).startswith(name):
                raise StorageFailed(f"The history could not be used: {reason}.") from error
        raise


def _raise_hidden(path: Path, error: sqlite3.DatabaseError) -> None:
    """Raise `StorageFailed` with the reason behind `error`, where the system still tells it."""
    try:
        check_handles(_HANDLES)
    except OSError as refused:
        raise _unusable(refused) from error
    try:
        free_bytes = shutil.disk_usage(path.parent).free
    except OSError as refused:
        raise _unusable(refused) from error
    if free_bytes < _LEAST_ROOM:
        reason = _REASONS["SQLITE_FULL"]
        raise StorageFailed(f"The history could not be used: {reason}.") from error


def _unusable(error: OSError, what: str = "could not be used") -> StorageFailed:
    """Return what the system refused, said of the history."""
    said = explained(error)
    if isinstance(said, SystemRefused):
        return StorageFailed(f"The history {what}. {said.message}", said.hint)
    return StorageFailed(f"The history {what}: {error.strerror or error}.")


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    # SQLITE_ERROR: our own statements do not fit the tables that are there
    return isinstance(error, _Damaged) or _name(error).startswith(
        ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_ERROR")
    )


def _name(error: sqlite3.DatabaseError) -> str:
    return str(getattr(error, "sqlite_errorname", ""))
