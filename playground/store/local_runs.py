"""What the history knows of models on this computer: when each ran last, and how fast."""

import sqlite3
from collections import defaultdict
from dataclasses import dataclass
from statistics import median

from playground.core.errors import StorageFailed
from playground.core.metrics import generation_speed
from playground.core.runs import Provenance
from playground.store.database import Database
from playground.store.rows import decode_run

_KEY = "local:"
_RECENT = 9
"""Runs of a model that its speed is the median of."""
_FEWEST_TOKENS = 16
"""Shorter answers say little of the speed."""


@dataclass(frozen=True, slots=True)
class ModelUse:
    """One model file's past on this computer."""

    path: str
    last_used_at: str | None
    """ISO 8601."""
    run_count: int
    tokens_per_s: float | None
    """Median generation speed of the last runs that had the machine to themselves."""
    quantization: str | None = None


class LocalRuns:
    """Reads the runs of local models; each is decoded once, then remembered."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen: dict[str, tuple[str, str | None, float | None, str | None]] = {}

    async def uses(self) -> dict[str, ModelUse]:
        """Return what is known by the model file's path; empty where there is no history."""
        try:
            await self._database.read(self._learn)
        except StorageFailed:
            # without a history nothing is known, and that is shown
            return {}
        grouped: dict[str, list[tuple[str | None, float | None, str | None]]] = defaultdict(list)
        for path, started, speed, quantization in list(self._seen.values()):
            grouped[path].append((started, speed, quantization))
        return {path: _use(path, runs) for path, runs in grouped.items()}

    def _learn(self, connection: sqlite3.Connection) -> None:
        rows = connection.execute(
            "SELECT id FROM runs WHERE target_key LIKE 'local:%' AND status = 'finished'"
        ).fetchall()
        known = {key for (key,) in rows}
        for gone in self._seen.keys() - known:
            del self._seen[gone]
        for key in known - self._seen.keys():
            row = connection.execute("SELECT body FROM runs WHERE id = ?", (key,)).fetchone()
            found = None if row is None else _of(row[0])
            if found is not None:
                self._seen[key] = found


def _of(body: str) -> tuple[str, str | None, float | None, str | None] | None:
    try:
        run = decode_run(body)
    except StorageFailed:
        return None
    figure = generation_speed(run)
    is_alone = not run.shared_machine and (run.counts.tokens or 0) >= _FEWEST_TOKENS
    is_measured = figure is not None and figure.provenance is Provenance.MEASURED
    speed = figure.value if figure is not None and is_alone and is_measured else None
    started = run.started_at.isoformat() if run.started_at else None
    model = getattr(run.target, "model", None)
    quantization = getattr(model, "quantization", None)
    return run.target.key.removeprefix(_KEY), started, speed, quantization


def _use(path: str, runs: list[tuple[str | None, float | None, str | None]]) -> ModelUse:
    runs = sorted(runs, key=lambda run: run[0] or "")
    speeds = [speed for _, speed, _ in runs if speed is not None][-_RECENT:]
    return ModelUse(
        path=path,
        last_used_at=runs[-1][0],
        run_count=len(runs),
        tokens_per_s=median(speeds) if speeds else None,
        quantization=runs[-1][2],
    )
