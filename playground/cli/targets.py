"""Targets as the command line names them."""

from playground.core.errors import UsageError
from playground.core.targets import LocalTarget, Target
from playground.services.library.service import ModelLibrary
from playground.services.providers.service import ProviderService
from playground.store.settings import SettingsStore


async def find_target(
    text: str, library: ModelLibrary, providers: ProviderService, settings: SettingsStore
) -> Target:
    """Return what `local:NAME_OR_PATH` or `PROVIDER_ID:MODEL` names; raises `UsageError`."""
    place, separator, name = text.partition(":")
    if not separator or not place or not name:
        raise UsageError(
            f"“{text}” is not a target.", "Write local:NAME_OR_PATH or PROVIDER_ID:MODEL."
        )
    if place == "local":
        model = await library.find(name)
        return LocalTarget(model, settings.settings.load_settings_of(model))
    return await providers.target(place, name)
