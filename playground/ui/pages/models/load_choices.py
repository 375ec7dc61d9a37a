"""Remembers how each model is loaded, where a person has chosen."""

from collections.abc import Callable
from dataclasses import replace

from playground.core.errors import PlaygroundError
from playground.core.targets import LoadSettings, ModelFile
from playground.store.settings import Settings, SettingsStore


class LoadChoices:
    """Load settings by model file; what nobody chose is not stored."""

    def __init__(self, settings: SettingsStore, report: Callable[[BaseException], object]) -> None:
        self._settings = settings
        self._report = report

    def of(self, model: ModelFile) -> LoadSettings:
        """Return how a model is loaded."""
        return self._settings.settings.load_settings.get(str(model.path), LoadSettings())

    def keep(self, model: ModelFile, chosen: LoadSettings) -> None:
        """Remember how a model is loaded from now on."""
        key = str(model.path)

        def edit(stored: Settings) -> Settings:
            others = {path: kept for path, kept in stored.load_settings.items() if path != key}
            if chosen != LoadSettings():
                others[key] = chosen
            return replace(stored, load_settings=others)

        try:
            self._settings.change(edit)
        except PlaygroundError as error:
            self._report(error)
