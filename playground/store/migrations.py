"""The database's tables, as the numbered steps that led to them.

A step is never edited once it has been released: the next change is a new step at the end. Dumps of
databases of every released version are in `tests/store/data`.
"""

import sqlite3
from collections.abc import Callable, Sequence

Step = Callable[[sqlite3.Connection], None]


def _history(connection: sqlite3.Connection) -> None:
    """Make comparisons, turns, runs, events and what is searched; other values are JSON."""
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


STEPS: tuple[Step, ...] = (_history,)
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
    """Make the full-text index where SQLite has FTS5, and return whether it does.

    Without FTS5 the triggers are taken away, so that texts can still be written; the next start
    with FTS5 finds them missing and builds the index again.
    """
    if has_fts is None:
        has_fts = _has_fts(connection)
    connection.execute("BEGIN IMMEDIATE")
    found = {
        name
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
    }
    if not has_fts:
        for name in found & set(_INDEX_TRIGGERS):
            connection.execute(f"DROP TRIGGER {name}")
    elif not set(_INDEX_TRIGGERS) <= found:
        connection.execute("""CREATE VIRTUAL TABLE IF NOT EXISTS search_index USING fts5 (
            text, content='search_texts', content_rowid='id',
            tokenize="unicode61 remove_diacritics 2")""")
        connection.execute("INSERT INTO search_index (search_index) VALUES ('rebuild')")
        for name, body in _INDEX_TRIGGERS.items():
            connection.execute(f"CREATE TRIGGER IF NOT EXISTS {name} {body}")
    connection.execute("COMMIT")
    return has_fts


def _has_fts(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("CREATE VIRTUAL TABLE temp.fts_probe USING fts5 (text)")
    except sqlite3.OperationalError:
        return False
    connection.execute("DROP TABLE temp.fts_probe")
    return True
