"""What is known of model files without opening them: a SQLite file that may be thrown away."""

import contextlib
import json
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from playground.services.library.scanner import Stamp
from playground.store.files import make_folder

log = logging.getLogger(__name__)
T = TypeVar("T")

_VERSION = 3
_TABLES = """
CREATE TABLE IF NOT EXISTS files (
    path BLOB PRIMARY KEY,     -- UTF-8, in which names that are none can be written too
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    header BLOB,               -- core.gguf.codec; NULL where the file cannot be used
    problem TEXT               -- JSON: sentence and hint
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS listed (
    path BLOB PRIMARY KEY,
    signature TEXT NOT NULL,   -- changes with anything the listing was made from
    model TEXT NOT NULL,       -- JSON of core.targets.ModelFile
    root BLOB NOT NULL,        -- the folder it was found in
    drive BLOB NOT NULL        -- where the drive it lies on is mounted
) WITHOUT ROWID;
"""
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}
"""The last is what a table of other columns gives."""
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_GONE = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY}
"""What a file gives that was deleted or moved while it was open."""
_TRIES = 3


@dataclass(frozen=True, slots=True)
class CachedHeader:
    """What is known of one file: its header, or why it has none."""

    stamp: Stamp
    packed: bytes | None
    """As `core.gguf.codec` writes it."""
    problem: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class CachedListing:
    """How a model was listed last."""

    signature: str
    model: str
    """JSON."""
    root: str
    drive: str


class LibraryCache:
    """Headers by path, size and time of change. Safe in several threads and processes.

    A cache that is damaged is made anew; one that cannot be written is done without: everything is
    read again.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._tries_left = 0 if file is None else _TRIES

    def get(self, path: str) -> CachedHeader | None:
        query = "SELECT size, mtime_ns, header, problem FROM files WHERE path = ?"
        rows = self._rows(query, _key(path))
        return None if not rows else _known(*rows[0])

    def put(self, items: Iterable[tuple[str, CachedHeader]]) -> None:
        self._change(
            "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)",
            [
                (
                    _key(path),
                    known.stamp.size,
                    known.stamp.mtime_ns,
                    known.packed,
                    None if known.problem is None else json.dumps(known.problem),
                )
                for path, known in items
            ],
        )

    def listed(self) -> dict[str, CachedListing]:
        """Return how every model was listed last, by path."""
        rows = self._rows("SELECT path, signature, model, root, drive FROM listed")
        try:
            return {
                _text(path): CachedListing(str(signature), str(model), _text(root), _text(drive))
                for path, signature, model, root, drive in rows
            }
        except (AttributeError, UnicodeDecodeError):
            return {}

    def put_listed(self, rows: Iterable[tuple[str, CachedListing]]) -> None:
        self._change(
            "INSERT OR REPLACE INTO listed VALUES (?, ?, ?, ?, ?)",
            [
                (_key(path), row.signature, row.model, _key(row.root), _key(row.drive))
                for path, row in rows
            ],
        )

    def forget(self, paths: Iterable[str]) -> None:
        rows = [(_key(path),) for path in paths]
        self._change("DELETE FROM files WHERE path = ?", rows)
        self._change("DELETE FROM listed WHERE path = ?", rows)

    def close(self) -> None:
        """Close the file; what is remembered from now on is not kept."""
        with self._lock:
            self._tries_left = 0
            self._disconnect()

    def _rows(self, query: str, *values: object) -> list[tuple]:  # type: ignore[type-arg]  # as SQLite gives them
        return self._run(lambda connection: connection.execute(query, values).fetchall()) or []

    def _change(self, statement: str, rows: list[tuple]) -> None:  # type: ignore[type-arg]  # of any columns
        if rows:
            self._run(lambda connection: connection.executemany(statement, rows))

    def _run(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """Return what `work` does in one transaction; `None` where the cache cannot be used."""
        with self._lock:
            connection = self._open()
            if connection is None:
                return None
            try:
                with connection:
                    return work(connection)
            except sqlite3.Error as error:
                self._recover(error)
                return None

    def _open(self) -> sqlite3.Connection | None:
        while self._connection is None and self._tries_left > 0 and self._file is not None:
            try:
                self._connection = _opened(self._file)
            except (sqlite3.Error, OSError) as error:
                if self._recover(error):
                    return None
        return self._connection

    def _recover(self, error: sqlite3.Error | OSError) -> bool:
        """Make ready for another try; return True where it is for later: another process writes."""
        self._disconnect()
        kind = _kind(error)
        if kind in _BUSY:
            return True
        if kind in _DAMAGED and self._file is not None:
            log.warning("the library's cache is made anew: %s", error)
            with contextlib.suppress(OSError):
                for ending in ("", "-wal", "-shm"):
                    self._file.with_name(self._file.name + ending).unlink(missing_ok=True)
        elif kind not in _GONE:
            self._tries_left = 0
        self._tries_left = max(0, self._tries_left - 1)
        if self._tries_left == 0:
            log.warning("the library's cache is not used: %s", error)
        return False

    def _disconnect(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None


def _opened(file: Path) -> sqlite3.Connection:
    make_folder(file.parent)
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
        if version != _VERSION:
            connection.execute(f"PRAGMA user_version = {_VERSION}")
        connection.execute("SELECT path, size, mtime_ns, header, problem FROM files LIMIT 1")
        connection.execute("SELECT path, signature, model, root, drive FROM listed LIMIT 1")
    except BaseException:
        connection.close()
        raise
    return connection


def _kind(error: sqlite3.Error | OSError) -> int | None:
    """Return SQLite's primary result code, https://www.sqlite.org/rescode.html; `None` for none."""
    if isinstance(error, OSError):
        return None
    # without a code it is Python that could not read a text
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    return code & 0xFF


def _key(path: str) -> bytes:
    # a file name on Linux may be any bytes; Python shows those that are no text as surrogates
    return path.encode("utf-8", "surrogatepass")


def _text(key: bytes) -> str:
    return key.decode("utf-8", "surrogatepass")


def _known(
    size: int, mtime_ns: int, header: bytes | None, problem: str | None
) -> CachedHeader | None:
    stamp = Stamp(size, mtime_ns)
    if problem is None:
        return CachedHeader(stamp, header) if isinstance(header, bytes) else None
    try:
        message, hint = json.loads(problem)
    except (ValueError, TypeError):
        return None
    return CachedHeader(stamp, None, (str(message), str(hint)))
