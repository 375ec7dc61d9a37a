"""History and settings in one file, to keep elsewhere or to take to another computer; never keys.

The file is a zip with `backup.json` (format and version of the program), `settings.json` and
`history.sqlite3`, as they are in the program's own folder.
"""

import asyncio
import json
import os
import shutil
import sqlite3
import tempfile
import zipfile
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from playground import __version__
from playground.core.codec import encode
from playground.core.errors import StorageFailed
from playground.core.prompt_sets import PromptSet
from playground.store.database import Database
from playground.store.files import make_folder
from playground.store.history import ComparisonStore, decoded
from playground.store.settings import Settings, SettingsStore

_FORMAT = 1
_ABOUT, _SETTINGS, _HISTORY = "backup.json", "settings.json", "history.sqlite3"
_PARTS = {
    "evaluations": "id IN (SELECT id FROM new_evaluations)",
    "comparisons": "id IN (SELECT id FROM new)",
    "turns": "comparison_id IN (SELECT id FROM new)",
    "runs": "turn_id IN (SELECT id FROM turns WHERE comparison_id IN (SELECT id FROM new))",
    "events": "run_id IN (SELECT r.id FROM runs r JOIN turns t ON t.id = r.turn_id "
    "WHERE t.comparison_id IN (SELECT id FROM new))",
    "search_texts": "comparison_id IN (SELECT id FROM new)",
    "evaluation_units": "evaluation_id IN (SELECT id FROM new_evaluations)",
}
"""Table → which of a backup's rows belong to what is not here, in the order in which they refer to
each other."""
_NUMBERED = frozenset({"events", "search_texts"})
"""Tables whose ids are counted anew in each file."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What came out of a backup."""

    added: int
    """Comparisons that were not here; the answers of evaluations are not counted."""
    known: int
    """Comparisons that were here and stay as they are."""
    sets: int = 0
    """Prompt sets that were not here."""
    evaluations: int = 0
    """Evaluations that were not here."""


class Backups:
    """Writes backups and takes them over; every method raises `StorageFailed`."""

    def __init__(
        self, database: Database, history: ComparisonStore, settings: SettingsStore, work_dir: Path
    ) -> None:
        """`work_dir` is where a backup is put together and taken apart."""
        self._database = database
        self._history = history
        self._settings = settings
        self._work_dir = work_dir

    async def back_up(self, target: Path) -> int:
        """Write everything into `target`, whole or not at all; return how many comparisons.

        A file that is there is replaced.
        """
        try:
            make_folder(self._work_dir)
            with tempfile.TemporaryDirectory(dir=self._work_dir) as folder:
                history = Path(folder) / _HISTORY
                count = await self._database.read(
                    lambda c: _copy(c, history, has_fts=self._database.has_fts), takes_long=True
                )
                settings = _without_keys(self._settings.settings)
                await asyncio.to_thread(_pack, target, history, settings, count)
        except OSError as error:
            raise StorageFailed(
                f"The backup could not be written: {error.strerror or error}."
            ) from error
        return count

    async def restore(self, source: Path) -> Restored:
        """Add what the backup has to what is here, and put its settings into force."""
        try:
            make_folder(self._work_dir)
            with tempfile.TemporaryDirectory(dir=self._work_dir) as name:
                folder = Path(name)
                await asyncio.to_thread(_unpack, source, folder)
                await _bring_up_to_date(folder / _HISTORY)
                loaded = await asyncio.to_thread(SettingsStore, folder / _SETTINGS)
                if loaded.problem is not None:
                    raise _damaged("its settings cannot be read")
                restored = await self._database.write(lambda c: _merge(c, folder / _HISTORY))
                # a backup made while something ran holds runs that nobody will end
                await self._history.recover()
        except OSError as error:
            raise StorageFailed(
                f"The backup could not be read: {error.strerror or error}."
            ) from error
        await asyncio.to_thread(
            self._settings.change, lambda now: _taken_over(now, loaded.settings)
        )
        return restored


def default_name(now: datetime) -> str:
    """Return what a backup made `now` is called: `inference-playground 2026-01-31.zip`."""
    return f"inference-playground {now:%Y-%m-%d}.zip"


def _copy(connection: sqlite3.Connection, target: Path, *, has_fts: bool) -> int:
    with closing(sqlite3.connect(target)) as copy:
        connection.backup(copy)
        copy.execute("PRAGMA foreign_keys = ON")
        # it could still be brought back here, but it was not meant to be kept
        copy.execute("DELETE FROM comparisons WHERE deleted_at IS NOT NULL")
        # nobody runs an evaluation in a backup
        copy.execute("UPDATE evaluations SET owner = NULL")
        if has_fts:
            # words of removed texts stay in the index's own pages until then
            copy.execute("INSERT INTO search_index (search_index) VALUES ('optimize')")
        copy.commit()
        copy.execute("PRAGMA journal_mode = DELETE")
        copy.execute("VACUUM")
        (count,) = copy.execute(
            "SELECT count(*) FROM comparisons WHERE evaluation_id IS NULL"
        ).fetchone()
    return int(count)


def _without_keys(settings: Settings) -> Settings:
    """Return the settings without what came with an address: its user name and password."""
    return replace(
        settings,
        proxy=_bare(settings.proxy),
        hub_endpoint=_bare(settings.hub_endpoint),
        providers=tuple(
            replace(provider, base_url=_bare(provider.base_url) or "")
            for provider in settings.providers
        ),
        untold_problems=(),
    )


def _bare(address: str | None) -> str | None:
    if address is None or "@" not in address:
        return address
    parts = urlsplit(address if "//" in address else f"//{address}")
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return bare if "//" in address else bare.removeprefix("//")


def _pack(target: Path, history: Path, settings: Settings, count: int) -> None:
    about = {
        "format": _FORMAT,
        "version": __version__,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "comparisons": count,
    }
    # mkstemp lets nobody else read it
    handle, name = tempfile.mkstemp(prefix=f".{target.name[:40]}-", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
                packed.writestr(_ABOUT, json.dumps(about, indent=2))
                packed.writestr(_SETTINGS, json.dumps(encode(settings), indent=2))
                packed.write(history, _HISTORY)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _unpack(source: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(source) as packed:
            about = json.loads(packed.read(_ABOUT))
            if not isinstance(about, dict) or about.get("format") != _FORMAT:
                raise StorageFailed(
                    "The backup was written by a newer version of this program.",
                    "Install the newer version to take it over.",
                )
            for name in (_SETTINGS, _HISTORY):
                room = shutil.disk_usage(folder).free
                if packed.getinfo(name).file_size > room:
                    raise StorageFailed("There is not enough room on the disk for the backup.")
                with packed.open(name) as part, (folder / name).open("wb") as file:
                    shutil.copyfileobj(part, file)
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError, NotImplementedError) as error:
        raise _damaged("it is no backup of this program") from error
    except RuntimeError as error:
        # an encrypted zip
        raise _damaged("it asks for a password") from error


async def _bring_up_to_date(history: Path) -> None:
    """Check the unpacked history, and give one of an older version the tables of today."""
    database = Database(history)
    try:
        await database.open()
    finally:
        await database.close()
    if database.problem is not None:
        raise _damaged("its history cannot be read")


def _merge(connection: sqlite3.Connection, path: Path) -> Restored:
    with closing(sqlite3.connect(path)) as backup:
        sets = _merge_sets(connection, backup)
        evaluations = _note_new(connection, backup, "new_evaluations", "evaluations", "1")
        # an evaluation that is here stays as it is, with the answers that it has
        wanted = (
            "deleted_at IS NULL "
            "AND (evaluation_id IS NULL OR evaluation_id IN (SELECT id FROM new_evaluations))"
        )
        _note_new(connection, backup, "new", "comparisons", wanted)
        listed = backup.execute(
            "SELECT id, id IN (SELECT id FROM new) FROM comparisons "
            "WHERE deleted_at IS NULL AND evaluation_id IS NULL"
        ).fetchall()
        for table, condition in _PARTS.items():
            columns = [
                name
                for _, name, *_ in backup.execute(f"PRAGMA table_info({table})")
                if not (table in _NUMBERED and name == "id")
            ]
            names, places = ", ".join(columns), ", ".join("?" * len(columns))
            connection.executemany(
                f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({places})",  # noqa: S608 - names of our own tables
                backup.execute(f"SELECT {names} FROM {table} WHERE {condition} ORDER BY rowid"),  # noqa: S608 - fixed text
            )
        # what was deleted here since is wanted again
        connection.executemany(
            "UPDATE comparisons SET deleted_at = NULL, deleted_by = NULL WHERE id = ?",
            [(key,) for key, _ in listed],
        )
    added = sum(is_new for _, is_new in listed)
    return Restored(added, len(listed) - added, sets, evaluations)


def _note_new(
    connection: sqlite3.Connection, backup: sqlite3.Connection, name: str, table: str, wanted: str
) -> int:
    """Put the ids of the backup's rows that are `wanted` and not here into a table of its own."""
    here = {key for (key,) in connection.execute(f"SELECT id FROM {table}")}  # noqa: S608 - names of our own tables
    found = backup.execute(f"SELECT id FROM {table} WHERE {wanted}").fetchall()  # noqa: S608 - fixed text
    new = [(key,) for (key,) in found if key not in here]
    backup.execute(f"CREATE TEMP TABLE {name} (id TEXT PRIMARY KEY)")
    backup.executemany(f"INSERT INTO {name} VALUES (?)", new)  # noqa: S608 - as above
    return len(new)


def _merge_sets(connection: sqlite3.Connection, backup: sqlite3.Connection) -> int:
    """Add the prompt sets that are not here; one whose name is taken gets another."""
    here = {key for (key,) in connection.execute("SELECT id FROM prompt_sets")}
    found = backup.execute("SELECT id, name, created_at, body FROM prompt_sets").fetchall()
    new = [row for row in found if row[0] not in here]
    for key, name, created, body in new:
        free = _free_name(connection, name)
        kept = body
        if free != name:
            kept = json.dumps(encode(replace(decoded(PromptSet, body), name=free)))
        connection.execute(
            "INSERT INTO prompt_sets VALUES (?, ?, ?, ?)", (key, free, created, kept)
        )
    return len(new)


def _free_name(connection: sqlite3.Connection, name: str) -> str:
    number, free = 1, name
    while connection.execute("SELECT 1 FROM prompt_sets WHERE name = ?", (free,)).fetchone():
        number += 1
        free = f"{name} ({number})"
    return free


def _taken_over(now: Settings, loaded: Settings) -> Settings:
    return replace(loaded, window=now.window, untold_problems=now.untold_problems)


def _damaged(why: str) -> StorageFailed:
    return StorageFailed(f"The backup cannot be taken over: {why}.", "Nothing was changed.")
