"""What the history knows of models on this computer: when each ran last, and how fast."""

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

_KEY = "local:"
_RECENT = 9
"""Runs of a model that its speed is the median of."""
_FEWEST_TOKENS = 16
"""Shorter answers say little of the speed."""
_FINISHED = """
    SELECT r.id FROM runs r JOIN turns t ON t.id = r.turn_id
        JOIN comparisons c ON c.id = t.comparison_id
    WHERE r.target_key LIKE 'local:%' AND r.status = 'finished' AND c.deleted_at IS NULL"""


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
    gpu_layers: int | None = None
    """Layers on the graphics card when it ran last, as `LoadSettings` counts them."""
    threads: int | None = None
    """Threads when it ran last; `None`: as many as there are cores."""

    def is_of(self, settings: LoadSettings) -> bool:
        """Return True where it ran in the way `settings` ask for, as far as speed goes."""
        return (self.gpu_layers, self.threads) == (settings.gpu_layers, settings.threads)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is kept of a run."""

    path: str
    started: str | None
    speed: float | None
    quantization: str | None
    size_bytes: int
    settings: LoadSettings

    def is_like(self, other: "_Seen") -> bool:
        """Return True where the speeds of both runs are of the same thing."""
        mine, its = self.settings, other.settings
        return (self.quantization, self.size_bytes, mine.gpu_layers, mine.threads) == (
            other.quantization,
            other.size_bytes,
            its.gpu_layers,
            its.threads,
        )


class LocalRuns:
    """Reads the runs of local models; each is decoded once, then remembered."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen: dict[str, _Seen | None] = {}

    async def uses(self) -> dict[str, ModelUse]:
        """Return what is known by the model file's path; empty where there is no history."""
        try:
            await self._database.read(self._learn)
        except StorageFailed:
            # without a history nothing is known, and that is shown
            return {}
        grouped: defaultdict[str, list[_Seen]] = defaultdict(list)
        for run in list(self._seen.values()):
            if run is not None:
                grouped[run.path].append(run)
        return {path: _use(runs) for path, runs in grouped.items()}

    def _learn(self, connection: sqlite3.Connection) -> None:
        known = {key for (key,) in connection.execute(_FINISHED).fetchall()}
        for gone in self._seen.keys() - known:
            del self._seen[gone]
        for key in known - self._seen.keys():
            row = connection.execute("SELECT body FROM runs WHERE id = ?", (key,)).fetchone()
            if row is not None:
                self._seen[key] = _of(row[0])


def _of(body: str) -> _Seen | None:
    """Return what is kept of a run; `None` where its row is damaged."""
    try:
        run = decode_run(body)
    except StorageFailed:
        return None
    if not isinstance(run.target, LocalTarget):
        return None
    return _Seen(
        path=run.target.key.removeprefix(_KEY),
        started=run.started_at.isoformat() if run.started_at else None,
        speed=_speed(run),
        quantization=run.target.model.quantization,
        size_bytes=run.target.model.size_bytes,
        settings=run.target.settings,
    )


def _speed(run: Run) -> float | None:
    figure = generation_speed(run)
    if figure is None or figure.provenance is not Provenance.MEASURED:
        return None
    if run.shared_machine or run.counts.tokens < _FEWEST_TOKENS:
        return None
    return figure.value


def _use(runs: Sequence[_Seen]) -> ModelUse:
    runs = sorted(runs, key=lambda run: run.started or "")
    last = runs[-1]
    speeds = [run.speed for run in runs if run.speed is not None and run.is_like(last)][-_RECENT:]
    return ModelUse(
        path=last.path,
        last_used_at=last.started,
        run_count=len(runs),
        tokens_per_s=median(speeds) if speeds else None,
        quantization=last.quantization,
        gpu_layers=last.settings.gpu_layers,
        threads=last.settings.threads,
    )
