"""What the history knows of models on this computer: when each ran last, and how fast."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from playground.core.errors import StorageFailed
from playground.core.metrics import generation_speed
from playground.core.runs import Provenance, Run
from playground.core.targets import LoadSettings, LocalTarget
from playground.store.database import Database
from playground.store.history import decode_run

_RECENT = 9
"""Runs of a model that its speed is the median of."""
_FEWEST_TOKENS = 16
"""Shorter answers say little of the speed."""
_LOOKED_AT = 32
"""Runs of a model that are decoded, the last ones: enough for `_RECENT` of the same setup."""
_FINISHED = """
    SELECT target_key, id, number FROM (
        SELECT r.target_key, r.id, count(*) OVER (PARTITION BY r.target_key) AS number,
            row_number() OVER (PARTITION BY r.target_key ORDER BY r.rowid DESC) AS age
        FROM runs r JOIN turns t ON t.id = r.turn_id JOIN comparisons c ON c.id = t.comparison_id
        WHERE r.target_key LIKE 'local:%' AND r.status = 'finished' AND c.deleted_at IS NULL
    ) WHERE age <= ?"""
_BODIES = "SELECT id, body FROM runs WHERE id IN (SELECT value FROM json_each(?))"


@dataclass(frozen=True, slots=True)
class ModelUse:
    """Runs of one model file on this computer, summed up."""

    path: str
    last_used_at: str | None
    """ISO 8601."""
    run_count: int
    tokens_per_s: float | None
    """Median generation speed of the last runs known to have had the machine to themselves."""
    speed_run_count: int = 0
    """How many runs that is of."""
    name: str = ""
    """The model's, when it ran last."""
    size_bytes: int = 0
    quantization: str | None = None
    gpu_layers: int | None = None
    """Layers on the graphics card when it ran last, as `LoadSettings` counts them."""
    threads: int | None = None
    """Threads when it ran last; `None`: as many as there are cores."""

    @property
    def file(self) -> tuple[int, str | None]:
        """What all copies of one file share, wherever they lie."""
        return self.size_bytes, self.quantization

    def is_of(self, settings: LoadSettings) -> bool:
        """Return True where it ran in the way `settings` ask for, as far as speed goes."""
        return (self.gpu_layers, self.threads) == (settings.gpu_layers, settings.threads)


@dataclass(frozen=True, slots=True)
class _LocalRun:
    """What is kept of a run."""

    path: str
    name: str
    started: str | None
    speed: float | None
    quantization: str | None
    size_bytes: int
    gpu_layers: int | None
    threads: int | None

    @property
    def setup(self) -> tuple[object, ...]:
        """What the speeds of two runs must share to be of the same thing."""
        return self.quantization, self.size_bytes, self.gpu_layers, self.threads


class LocalRuns:
    """Reads the last runs of each local model; each is decoded once, then remembered."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen: dict[str, _LocalRun | None] = {}

    async def uses(self) -> dict[str, ModelUse]:
        """Return what is known by the model file's path; empty where there is no history."""
        try:
            numbers = await self._database.read(self._learn, takes_long=True)
        except StorageFailed:
            # without a history nothing is known, and that is shown
            return {}
        grouped: defaultdict[str, list[_LocalRun]] = defaultdict(list)
        for run in list(self._seen.values()):
            if run is not None:
                grouped[run.path].append(run)
        return {path: _use(runs, numbers[path]) for path, runs in grouped.items()}

    def _learn(self, connection: sqlite3.Connection) -> dict[str, int]:
        """Decode what is new and return how many runs each model file has."""
        found = connection.execute(_FINISHED, (_LOOKED_AT,)).fetchall()
        known = {run_id for _, run_id, _ in found}
        for gone in self._seen.keys() - known:
            del self._seen[gone]
        new = json.dumps(list(known - self._seen.keys()))
        for run_id, body in connection.execute(_BODIES, (new,)):
            self._seen[run_id] = _of(body)
        return {key.removeprefix("local:"): number for key, _, number in found}


def _of(body: str) -> _LocalRun | None:
    """Return what is kept of a run of this computer; `None` where its row is damaged."""
    try:
        run = decode_run(body)
    except StorageFailed:
        return None
    if not isinstance(run.target, LocalTarget) or run.target.model.is_recorded:
        return None
    return _LocalRun(
        path=run.target.key.removeprefix("local:"),
        name=run.target.model.name,
        started=run.started_at.isoformat() if run.started_at else None,
        speed=_speed(run),
        quantization=run.target.model.quantization,
        size_bytes=run.target.model.size_bytes,
        gpu_layers=run.target.settings.gpu_layers,
        threads=run.target.settings.threads,
    )


def _speed(run: Run) -> float | None:
    figure = generation_speed(run)
    if figure is None or figure.provenance is not Provenance.MEASURED:
        return None
    if not run.is_evidence or run.counts.tokens < _FEWEST_TOKENS:
        return None
    return figure.value


def _use(runs: Sequence[_LocalRun], run_count: int) -> ModelUse:
    runs = sorted(runs, key=lambda run: run.started or "")
    last = runs[-1]
    speeds = [run.speed for run in runs if run.speed is not None and run.setup == last.setup]
    return ModelUse(
        path=last.path,
        last_used_at=last.started,
        run_count=run_count,
        tokens_per_s=median(speeds[-_RECENT:]) if speeds else None,
        speed_run_count=len(speeds[-_RECENT:]),
        name=last.name,
        size_bytes=last.size_bytes,
        quantization=last.quantization,
        gpu_layers=last.gpu_layers,
        threads=last.threads,
    )
