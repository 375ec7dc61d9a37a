"""The providers the program knows, from `resources/providers.toml`."""

import tomllib
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any

from playground.core.targets import Provider, Tier
from playground.core.urls import host_of, is_loopback_host, is_private_host
from playground.resources import resource

EXTENSION_FIELDS = frozenset({"top_k", "min_p", "repeat_penalty"})
"""Request fields that are not OpenAI's: a public service is not sent them unless it is known to
take them."""


@dataclass(frozen=True, slots=True)
class Preset:
    """A provider that only needs a key, or a server that only needs to run."""

    id: str
    provider: Provider
    note: str = ""
    """What a person should know about it, in a sentence."""

    @property
    def name(self) -> str:
        return self.provider.name

    @property
    def needs_key(self) -> bool:
        """True for services; servers of one's own usually want none."""
        return self.provider.tier is not Tier.OWN_SERVER


@cache
def presets() -> tuple[Preset, ...]:
    """Return every preset, in the order of the file."""
    with resource("providers.toml").open("rb") as file:
        return tuple(_preset(name, data) for name, data in tomllib.load(file).items())


def preset_of_key(variable: str) -> Preset | None:
    """Return the preset whose key is kept in this environment variable."""
    return next((preset for preset in presets() if preset.provider.key_env == variable), None)


def with_known_quirks(provider: Provider) -> Provider:
    """Return a provider that was entered by hand with what is known about its host."""
    if provider.preset is not None or provider.rejects:
        return provider
    host = host_of(provider.base_url)
    if is_loopback_host(host):
        return provider
    known = next(
        (preset for preset in presets() if host_of(preset.provider.base_url) == host), None
    )
    if known is not None:
        return replace(
            known.provider,
            id=provider.id,
            name=provider.name,
            base_url=provider.base_url,
            key_env=provider.key_env,
        )
    return provider if is_private_host(host) else replace(provider, rejects=EXTENSION_FIELDS)


def _preset(name: str, data: dict[str, Any]) -> Preset:
    known = {field.name for field in fields(Provider)}
    values = {key: value for key, value in data.items() if key in known}
    values["tier"] = Tier(data["tier"])
    values["rejects"] = frozenset(data["rejects"])
    return Preset(name, Provider(id=name, preset=name, **values), data.get("note", ""))
