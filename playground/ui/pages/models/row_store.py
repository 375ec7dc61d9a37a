"""The rows of the list: what is known of each model, brought up to date piece by piece."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from playground.core.requirements.model import Requirements
from playground.core.targets import LoadSettings, ModelFile
from playground.services.worker_pool import LoadedWorker
from playground.store.local_runs import ModelUse
from playground.ui.pages.models.rows import LoadState, ModelRow


class KnownRows:
    """Rows in the order of the list. One of which nothing has changed stays the very same value.

    `settings_of`, `needs_of`, `use_of` and `fraction_of` tell what is known of a model file.
    """

    def __init__(
        self,
        *,
        settings_of: Callable[[ModelFile], LoadSettings],
        needs_of: Callable[[ModelFile], Requirements | None],
        use_of: Callable[[ModelFile], ModelUse | None],
        fraction_of: Callable[[str], float | None],
    ) -> None:
        self._settings_of = settings_of
        self._needs_of = needs_of
        self._use_of = use_of
        self._fraction_of = fraction_of
        self._loaded: dict[str, LoadedWorker] = {}
        self._rows: tuple[ModelRow, ...] = ()
        self._places: dict[str, int] = {}

    @property
    def rows(self) -> tuple[ModelRow, ...]:
        """All of them."""
        return self._rows

    def row(self, key: str | None) -> ModelRow | None:
        """Return a model file's row; `None` where it is not listed."""
        place = None if key is None else self._places.get(key)
        return None if place is None else self._rows[place]

    def take(self, models: Sequence[ModelFile]) -> None:
        """List other model files; what is known of those that stay is kept."""
        rows: list[ModelRow] = []
        places: dict[str, int] = {}
        for model in models:
            key = str(model.path)
            place = self._places.get(key)
            known = None if place is None else self._rows[place]
            if known is None or known.model is not model:
                known = self._made(key, model)
            places[key] = len(rows)
            rows.append(known)
        self._rows, self._places = tuple(rows), places

    def note_loaded(self, loaded: dict[str, LoadedWorker]) -> set[str]:
        """Note which models are in memory; return the keys of those that came or went."""
        changed = {
            key for key in self._loaded.keys() | loaded if self._loaded.get(key) != loaded.get(key)
        }
        come_or_gone = self._loaded.keys() ^ loaded.keys()
        self._loaded = loaded
        self.refresh(changed)
        return come_or_gone

    def refresh(self, keys: Collection[str]) -> None:
        """Bring some rows up to date."""
        if not keys:
            return
        rows = list(self._rows)
        for key in keys:
            if (place := self._places.get(key)) is not None:
                rows[place] = self._up_to_date(key, rows[place])
        self._rows = tuple(rows)

    def refresh_uses(self) -> None:
        """Take over when each model ran last."""
        self._rows = tuple(
            row if row.use is (use := self._use_of(row.model)) else replace(row, use=use)
            for row in self._rows
        )

    def change_settings(self, key: str, settings: LoadSettings) -> None:
        """Take over how a model is loaded."""
        place = self._places[key]
        row = replace(self._rows[place], settings=settings)
        self._rows = (*self._rows[:place], row, *self._rows[place + 1 :])

    def _made(self, key: str, model: ModelFile) -> ModelRow:
        row = ModelRow(model, self._settings_of(model), self._needs_of(model), self._use_of(model))
        if key not in self._loaded and self._fraction_of(key) is None:
            return row
        return self._up_to_date(key, row)

    def _up_to_date(self, key: str, row: ModelRow) -> ModelRow:
        worker = self._loaded.get(key)
        fraction = self._fraction_of(key)
        needs = self._needs_of(row.model)
        if worker is None:
            state = LoadState.UNLOADED if fraction is None else LoadState.LOADING
            return replace(row, needs=needs, state=state, load_s=None, fraction=fraction)
        state = LoadState(worker.state.value)
        if state is not LoadState.LOADING:
            fraction = None
        return replace(row, needs=needs, state=state, load_s=worker.load_s, fraction=fraction)
