"""Much of everything: how long the window stalls, and how fast the history is searched.

    python -m tests.bench.scale [PART ...]

`history`: 10,000 comparisons, searched while the Models page reads them. `files`: 3,000 model
files. `providers`: 60 with 2,000 models each, in the picker and on their page. `prompt`: texts of a
megabyte typed, sent and opened in History. `turns`: a comparison of 200, opened and scaled. Stalls
are how much later than due a 1 ms timer of Qt's loop fires, on Qt's offscreen platform.
"""

import asyncio
import json
import os
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from playground.core.codec import encode
from playground.core.runs import Comparison
from playground.core.targets import LocalTarget, ModelFile
from playground.store.database import Database
from playground.store.history import ComparisonStore, _put_run
from playground.store.local_runs import LocalRuns
from tests.store.history import START, STUDIO, answer_events, folded, waiting_run

STALL_BAR_MS = 100.0
SEARCH_BAR_MS = 50.0
COMPARISONS = 10_000
ROUNDS = 5
VOCABULARY = [
    "".join(random.Random(seed).choices("abcdefghijklmnopqrstuvwxyz", k=3 + seed % 8))
    for seed in range(4000)
]


async def fill_history(database: Database, count: int = COMPARISONS) -> None:
    """Write finished comparisons of a local and a cloud target, as the store does, in one go."""
    store = ComparisonStore(database)
    chance = random.Random(7)
    small = LocalTarget(ModelFile(Path("/models/a.gguf"), "Small", 94_000_000, "Starter"))
    large = LocalTarget(ModelFile(Path("/models/b.gguf"), "Large", 4_000_000_000, "Downloads"))
    template = folded(waiting_run("r", small), answer_events("word " * 40))

    def write(connection: sqlite3.Connection) -> None:
        for number in range(count):
            name = f"c{number:05}"
            prompt = " ".join(chance.choices(VOCABULARY, k=20))
            targets = (small if number % 2 else large, STUDIO)
            created = START + timedelta(minutes=number)
            comparison = Comparison(name, targets, created_at=created)
            listed = [
                {"key": t.key, "label": t.label, "detail": t.detail, "place": t.place}
                for t in targets
            ]
            connection.execute(
                "INSERT INTO comparisons (id, created_at, targets, body) VALUES (?, ?, ?, ?)",
                (
                    name,
                    created.isoformat(timespec="microseconds"),
                    json.dumps(listed),
                    json.dumps(encode(comparison)),
                ),
            )
            connection.execute(
                "INSERT INTO turns (id, comparison_id, prompt, run_order, hidden_names, position) "
                "VALUES (?, ?, ?, 'fair', 0, 0)",
                (f"t{name}", name, prompt),
            )
            connection.execute(
                "INSERT INTO search_texts (comparison_id, source, text) VALUES (?, ?, ?)",
                (name, f"turn:t{name}", prompt),
            )
            for place, target in enumerate(targets):
                answer = " ".join(chance.choices(VOCABULARY, k=400))
                run = replace(template, id=f"r{name}{place}", target=target, text=answer)
                _put_run(connection, f"t{name}", run, store._owner)

    await database.write(write)


async def bench_history() -> bool:
    """Search while the Models page learns what ran here; print and judge the times."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(Path(folder) / "history.sqlite3")
        await database.open()
        began = time.perf_counter()
        await fill_history(database)
        print(f"  {COMPARISONS} comparisons written in {time.perf_counter() - began:.1f} s")
        store = ComparisonStore(database)
        good = True
        for query in ("", "a", "q", "ab", VOCABULARY[5], "small", "a b c", "-", "nothingofthekind"):
            times = []
            for _ in range(ROUNDS):
                began = time.perf_counter()
                found = await store.search(query, 100)
                times.append((time.perf_counter() - began) * 1000)
            good &= statistics.median(times) < SEARCH_BAR_MS
            print(
                f"  search {query!r}: {statistics.median(times):.0f} ms, "
                f"worst {max(times):.0f}, {len(found)} found"
            )
        began = time.perf_counter()
        learning = asyncio.create_task(LocalRuns(database).uses())
        await asyncio.sleep(0)
        asked = time.perf_counter()
        await store.search("small", 100)
        waited_ms = (time.perf_counter() - asked) * 1000
        await learning
        total_ms = (time.perf_counter() - began) * 1000
        print(f"  search beside the Models page: {waited_ms:.0f} ms of its {total_ms:.0f}")
        await database.close()
        return good and waited_ms < SEARCH_BAR_MS


PARTS = {"history": lambda: asyncio.run(bench_history())}


def main() -> int:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    wanted = sys.argv[1:] or list(PARTS)
    failed = []
    for name in wanted:
        print(name, flush=True)
        if not PARTS[name]():
            failed.append(name)
    print("beyond the bar:", ", ".join(failed) or "nothing")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
