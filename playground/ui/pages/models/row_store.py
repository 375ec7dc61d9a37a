"""The rows of the list: what is known of each model, brought up to date piece by piece."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

from PySide6.QtCore import QObject, Signal

from playground.core.requirements.model import Requirements
from playground.core.targets import LoadSettings, ModelFile
from playground.services.requirements import RequirementsService
from playground.services.worker_pool import LoadedWorker
from playground.store.settings import SettingsStore
from playground.ui.pages.models.rows import LoadState, ModelRow

Wanted = tuple[ModelFile, LoadSettings]
"""What requirements are worked out for."""


@dataclass(frozen=True, slots=True)
class _Assessed:
    wanted: Wanted
    needs: Requirements | None
    age: int


class RowStore(QObject):
    """Rows in the order of the list, and which of them is chosen.

    A row of which nothing has changed stays the very same value.
    """

    changed = Signal()

    def __init__(
        self, requirements: RequirementsService, settings: SettingsStore, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._requirements = requirements
        self._settings = settings
        self._rows: tuple[ModelRow, ...] = ()
        self._numbers: dict[str, int] = {}
        self._chosen: str | None = None
        self._loaded: dict[str, LoadedWorker] = {}
        self._fractions: dict[str, float] = {}
        self._assessed: dict[str, _Assessed] = {}
        self._age = 0

    @property
    def rows(self) -> tuple[ModelRow, ...]:
        return self._rows

    @property
    def chosen(self) -> ModelRow | None:
        """The row whose details are shown: the first one where nobody has chosen."""
        return self.row(self._chosen)

    @property
    def age(self) -> int:
        """How often memory has changed: requirements of another age are worked out again."""
        return self._age

    def row(self, key: str | None) -> ModelRow | None:
        """Return a model file's row; `None` where it is not listed."""
        number = None if key is None else self._numbers.get(key)
        return None if number is None else self._rows[number]

    def choose(self, key: str) -> None:
        self._chosen = key
        self.changed.emit()

    def set_models(self, models: Sequence[ModelFile]) -> None:
        """List other model files; what is known of those that stay is kept."""
        rows: list[ModelRow] = []
        for model in models:
            known = self.row(str(model.path))
            rows.append(known if known and known.model is model else self._made(model, known))
        self._rows = tuple(rows)
        self._numbers = {row.key: number for number, row in enumerate(rows)}
        if self.chosen is None:
            self._chosen = rows[0].key if rows else None
        self.changed.emit()

    def set_loaded(self, workers: Sequence[LoadedWorker]) -> bool:
        """Note what is in memory, the last used first; return whether a model came or went."""
        before = self._loaded
        now = self._loaded = {str(worker.path): worker for worker in reversed(workers)}
        if before != now:
            self._update(key for key in before.keys() | now if before.get(key) != now.get(key))
        return before.keys() != now.keys()

    def set_fraction(self, key: str, fraction: float | None) -> None:
        """Note how much of a model is loaded, 0 … 1; `None`: it is not being loaded."""
        if fraction is None:
            self._fractions.pop(key, None)
        else:
            self._fractions[key] = fraction
        self._update((key,))

    def set_load_settings(self, key: str, settings: LoadSettings) -> None:
        rows = list(self._rows)
        number = self._numbers[key]
        rows[number] = replace(rows[number], settings=settings)
        self._rows = tuple(rows)
        self.changed.emit()

    def set_needs(
        self, wanted: Iterable[Wanted], needs: Mapping[str, Requirements | None], age: int
    ) -> None:
        """Note what models need, by path, as it was worked out at that `age`."""
        for model, settings in wanted:
            key = str(model.path)
            self._assessed[key] = _Assessed((model, settings), needs[key], age)
        self._update(needs)

    def refresh_uses(self) -> None:
        """Take over when each model ran last, and let everything be worked out again."""
        self._age += 1
        use_of = self._requirements.use_of
        self._rows = tuple(
            row if row.use is (use := use_of(row.model.path)) else replace(row, use=use)
            for row in self._rows
        )
        self.changed.emit()

    def unassessed(self, count: int) -> tuple[Wanted, ...]:
        """Return up to `count` models whose requirements are not known, the chosen one first."""
        chosen = self.chosen
        first = () if chosen is None else (chosen,)
        others = (row for row in self._rows if row is not chosen)
        wanted = (
            (row.model, row.settings)
            for row in chain(first, others)
            if row.is_usable and row.model.is_header_read and not self._is_assessed(row)
        )
        return tuple(islice(wanted, count))

    def _is_assessed(self, row: ModelRow) -> bool:
        known = self._assessed.get(row.key)
        if known is None or known.age != self._age:
            return False
        return _is_same(known.wanted[0], row.model) and known.wanted[1] == row.settings

    def _update(self, keys: Iterable[str]) -> None:
        rows = list(self._rows)
        for key in keys:
            if (number := self._numbers.get(key)) is not None:
                rows[number] = self._up_to_date(rows[number])
        self._rows = tuple(rows)
        self.changed.emit()

    def _made(self, model: ModelFile, known: ModelRow | None) -> ModelRow:
        # what was chosen a moment ago may not be written yet
        settings = known.settings if known else self._settings.settings.load_settings_of(model)
        use = self._requirements.use_of(model.path)
        return self._up_to_date(ModelRow(model, settings, use=use))

    def _up_to_date(self, row: ModelRow) -> ModelRow:
        known = self._assessed.get(row.key)
        # figures that are out of date stay until there are better ones
        needs = known.needs if known and _is_same(known.wanted[0], row.model) else None
        fraction, load_s = self._fractions.get(row.key), None
        state = LoadState.UNLOADED if fraction is None else LoadState.LOADING
        worker = self._loaded.get(row.key)
        if worker is not None:
            state, load_s = LoadState(worker.state.value), worker.load_s
            fraction = fraction if state is LoadState.LOADING else None
        return replace(row, needs=needs, state=state, load_s=load_s, fraction=fraction)


def _is_same(first: ModelFile, second: ModelFile) -> bool:
    # of a thousand files nearly all are the very same value
    return first is second or first == second
