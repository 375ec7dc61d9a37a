"""What is known of model files without opening them: a SQLite file that may be thrown away."""

import contextlib
import json
import logging
import sqlite3
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from playground.core import gguf_codec
from playground.core.gguf_header import GgufHeader

log = logging.getLogger(__name__)

_VERSION = 2
_TABLES = """
CREATE TABLE IF NOT EXISTS files (
    path TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    header BLOB,               -- core.gguf_codec; NULL where the file cannot be used
    problem TEXT               -- JSON: sentence and hint
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS listed (
    path TEXT PRIMARY KEY,
    signature TEXT NOT NULL,   -- changes with anything the listing was made from
    model TEXT NOT NULL        -- JSON of core.targets.ModelFile
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS places (
    root TEXT PRIMARY KEY,
    device INTEGER NOT NULL,   -- st_dev of the drive it was seen on
    models TEXT NOT NULL       -- JSON: what was listed there, for when the drive is away
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells that a file is still the same."""

    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one file: its header, or why it has none."""

    stamp: Stamp
    header: GgufHeader | None
    problem: tuple[str, str] | None


class LibraryCache:
    """Headers by path, size and time of change. Safe in several threads and processes.

    A cache that is damaged or cannot be written is done without: everything is read again.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._is_broken = file is None

    def get(self, path: str) -> Known | None:
        """Return what is known of a file."""
        rows = self._rows("SELECT size, mtime_ns, header, problem FROM files WHERE path = ?", path)
        return None if not rows else _known(*rows[0])

    def listed(self) -> dict[str, tuple[str, str]]:
        """Return how every model was listed last: signature and JSON by path."""
        rows = self._rows("SELECT path, signature, model FROM listed")
        return {path: (signature, model) for path, signature, model in rows}

    def put_listed(self, rows: Iterable[tuple[str, str, str]]) -> None:
        """Remember how models are listed: path, signature, JSON."""
        self._change("INSERT OR REPLACE INTO listed VALUES (?, ?, ?)", list(rows))

    def put(self, items: Iterable[tuple[str, Known]]) -> None:
        """Remember files."""
        self._change(
            "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)",
            [
                (
                    path,
                    known.stamp.size,
                    known.stamp.mtime_ns,
                    None if known.header is None else gguf_codec.dumps(known.header),
                    None if known.problem is None else json.dumps(known.problem),
                )
                for path, known in items
            ],
        )

    def forget(self, paths: Iterable[str]) -> None:
        """Forget files."""
        rows = [(path,) for path in paths]
        self._change("DELETE FROM files WHERE path = ?", rows)
        self._change("DELETE FROM listed WHERE path = ?", rows)

    def place(self, root: str) -> tuple[int, str] | None:
        """Return the drive a folder was seen on last, and what was listed there (JSON)."""
        rows = self._rows("SELECT device, models FROM places WHERE root = ?", root)
        return None if not rows else (int(rows[0][0]), str(rows[0][1]))

    def put_place(self, root: str, device: int, models: str) -> None:
        """Remember what a folder holds."""
        self._change("INSERT OR REPLACE INTO places VALUES (?, ?, ?)", [(root, device, models)])

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _rows(self, query: str, *values: object) -> list[tuple]:  # type: ignore[type-arg]  # as SQLite gives them
        with self._lock:
            connection = self._open()
            if connection is None:
                return []
            try:
                return connection.execute(query, values).fetchall()
            except sqlite3.Error as error:
                self._give_up(error)
                return []

    def _change(self, statement: str, rows: list[tuple]) -> None:  # type: ignore[type-arg]  # of any columns
        if not rows:
            return
        with self._lock:
            connection = self._open()
            if connection is None:
                return
            try:
                with connection:
                    connection.executemany(statement, rows)
            except sqlite3.Error as error:
                self._give_up(error)

    def _open(self) -> sqlite3.Connection | None:
        if self._connection is None and not self._is_broken and self._file is not None:
            try:
                self._connection = _opened(self._file)
            except (sqlite3.Error, OSError) as error:
                # once more, from nothing
                log.warning("the library's cache is made anew: %s", error)
                try:
                    _delete(self._file)
                    self._connection = _opened(self._file)
                except (sqlite3.Error, OSError) as again:
                    self._give_up(again)
        return self._connection

    def _give_up(self, error: Exception) -> None:
        log.warning("the library's cache is not used: %s", error)
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None
        if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
            # another window writes; the next question may be answered
            return
        self._is_broken = True
        if self._file is not None and isinstance(error, sqlite3.DatabaseError):
            with contextlib.suppress(OSError):
                _delete(self._file)


def _opened(file: Path) -> sqlite3.Connection:
    file.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(file, timeout=2, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version not in {0, _VERSION}:
            connection.executescript(
                "DROP TABLE IF EXISTS files; DROP TABLE IF EXISTS listed; "
                "DROP TABLE IF EXISTS places;"
            )
        connection.executescript(_TABLES)
        connection.execute(f"PRAGMA user_version = {_VERSION}")
        connection.execute("SELECT path, size, mtime_ns, header, problem FROM files LIMIT 1")
    except BaseException:
        connection.close()
        raise
    return connection


def _delete(file: Path) -> None:
    for path in (file, file.with_name(file.name + "-wal"), file.with_name(file.name + "-shm")):
        path.unlink(missing_ok=True)


def _known(size: int, mtime_ns: int, header: bytes | None, problem: str | None) -> Known | None:
    stamp = Stamp(size, mtime_ns)
    try:
        if problem is not None:
            message, hint = json.loads(problem)
            return Known(stamp, None, (str(message), str(hint)))
        found = gguf_codec.loads(header) if isinstance(header, bytes) else None
    except (ValueError, TypeError):
        return None
    return None if found is None else Known(stamp, found, None)
