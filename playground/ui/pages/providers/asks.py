"""What the Providers page asks of its services, off Qt's thread."""

import asyncio
import os
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace

from playground.core.targets import CloudModel, ModelPrice, Provider
from playground.services.providers.practice import PracticeCloud
from playground.services.providers.prices import PriceService
from playground.services.providers.service import ProviderService
from playground.store.secrets import KeySource, Secret, SecretStore, key_variables
from playground.ui.pages.providers.entries import PracticeEntry

WATCH_S = 0.5
_ENDED = "It has ended by itself. Start it again."


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """Where a provider's key is, never what it is."""

    source: KeySource | None
    variable: str
    """Environment variable it is read from."""


@dataclass(frozen=True, slots=True)
class Removed:
    """A provider that was taken away, with all that brings it back."""

    provider: Provider
    secret: Secret | None


async def key_places(
    service: ProviderService, providers: tuple[Provider, ...]
) -> dict[str, KeyPlace]:
    """Return where the key of each provider is, by provider id."""
    places = {}
    for provider in providers:
        source = await service.key_source(provider)
        variables = key_variables(provider)
        variable = next((name for name in variables if os.environ.get(name, "").strip()), "")
        places[provider.id] = KeyPlace(source, variable)
    return places


async def models(service: ProviderService, provider_id: str) -> tuple[CloudModel, ...]:
    """Return what a provider offers now."""
    return await service.models(service.find(provider_id))


async def remove(service: ProviderService, secrets: SecretStore, provider_id: str) -> Removed:
    """Take a provider and its key away, and return what brings both back."""
    provider = service.find(provider_id)
    secret = None if provider.is_practice else await secrets.get(provider)
    if secret is not None and secret.source is KeySource.ENVIRONMENT:
        secret = None
    await service.remove(provider_id)
    return Removed(provider, secret)


async def restore(service: ProviderService, removed: Removed) -> Provider:
    """Bring a provider back that was taken away."""
    key = None if removed.secret is None else removed.secret.value
    return await service.add(removed.provider, key)


async def set_price(
    service: ProviderService,
    prices: PriceService,
    provider_id: str,
    model: str,
    price: ModelPrice | None,
) -> ModelPrice | None:
    """Keep the person's price, or go back to the list's; return what holds now."""
    provider = service.find(provider_id)

    def work() -> ModelPrice | None:
        prices.set_price(provider, model, price)
        return prices.price(provider, model)

    return await asyncio.to_thread(work)


async def watch(practice: PracticeCloud) -> AsyncGenerator[PracticeEntry, None]:
    """Yield how the practice cloud is, at once and after each change."""
    last: PracticeEntry | None = None
    while True:
        now = PracticeEntry(
            is_running=practice.is_running, problem=_ENDED if practice.has_died else ""
        )
        if now != last:
            last = now
            yield now
        await asyncio.sleep(WATCH_S)


def free_id(service: ProviderService, wanted: str) -> str:
    """Return an id like `wanted` that no provider has."""
    base = re.sub(r"[^a-z0-9]+", "-", wanted.lower()).strip("-")[:32] or "provider"
    if base in {"local", "practice"}:
        base = f"{base}-server"
    taken = {provider.id for provider in service.list()}
    name, number = base, 2
    while name in taken:
        name, number = f"{base}-{number}", number + 1
    return name


def with_form(provider: Provider, name: str, base_url: str) -> Provider:
    """Return the provider with what was typed."""
    return replace(provider, name=name, base_url=base_url)


def with_id(provider: Provider, provider_id: str) -> Provider:
    """Return the provider under another id."""
    return replace(provider, id=provider_id)
