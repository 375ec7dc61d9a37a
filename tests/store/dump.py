"""Writes the dump of a small history of this version: `python -m tests.store.dump`.

Run it before a version is released; a dump of a released version is never written again.
"""

import asyncio
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from playground.core.runs import Thumb
from playground.store.database import VERSION, Database
from playground.store.evaluations import EvaluationStore
from playground.store.history import ComparisonStore
from tests.store.history import rivers_evaluation, save, save_evaluation

_MADE_AT_EACH_START = "sqlite_master WHERE name IN ('comparisons_by_time') OR type = 'trigger'"


async def write(target: Path) -> None:
    """Write a comparison with all that is said of answers, a prompt set and an evaluation."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "history.sqlite3"
        database = Database(file)
        await database.open()
        store = ComparisonStore(database)
        answers = ("The Nile", "Amazon and Nile")
        await save(store, "c1", "Which rivers are long?", answers=answers)
        await store.vote("c1-turn0", "c1-run1", None, hidden_names=False)
        await store.set_thumb("c1-run0", Thumb.DOWN)
        await store.set_note("c1-turn0", "The second names both.")
        await save_evaluation(EvaluationStore(database), rivers_evaluation())
        await database.write(lambda c: c.execute("UPDATE runs SET owner = '1:0:written'"))
        await database.close()
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            made = connection.execute(f"SELECT type, name FROM {_MADE_AT_EACH_START}").fetchall()
            for kind, name in made:
                connection.execute(f"DROP {kind} {name}")
            connection.execute("DROP TABLE IF EXISTS search_index")
            lines = [
                line
                for line in connection.iterdump()
                if line not in {"BEGIN TRANSACTION;", "COMMIT;"}
            ]
    text = "\n".join([*lines, f"PRAGMA user_version = {VERSION};", ""])
    target.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(write(Path(__file__).parent / "data" / f"v{VERSION}.sql"))
