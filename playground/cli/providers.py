"""`playground providers`: set up, list, test and remove providers; never shows a key."""

import argparse
from dataclasses import asdict, replace
from typing import Any

from playground.cli.output import print_json
from playground.cli.terminal import tell
from playground.core.errors import UsageError
from playground.core.targets import CloudModel, ModelPrice, Provider
from playground.core.urls import AddressLevel, check_url
from playground.services.providers.service import ProviderService
from playground.store.presets import Preset, presets
from playground.store.secrets import SecretStore, key_variables
from playground.store.settings import SettingsStore


async def run(
    args: argparse.Namespace,
    providers: ProviderService,
    secrets: SecretStore,
    settings: SettingsStore,
) -> int:
    match args.action:
        case "add":
            await _add(args, providers, secrets, settings)
        case "remove":
            await providers.remove(args.id)
            _check_saved(settings)
            _show(args, {"removed": args.id}, [f"{args.id} was removed."])
        case "test":
            await _test(args, providers)
        case _:
            await _list(args, providers, secrets)
    return 0


async def _list(args: argparse.Namespace, providers: ProviderService, secrets: SecretStore) -> None:
    entries = [await _entry(provider, providers) for provider in providers.list()]
    storage = await secrets.probe()
    lines = [f"{e['id']:<16} {e['base_url']:<52} {_key_words(e)}" for e in entries]
    lines = lines or ["No provider is set up.", f"Known: {_known(presets())}"]
    _show(args, {"providers": entries, "key_storage": storage}, [*lines, storage])


def _check_saved(settings: SettingsStore) -> None:
    if settings.unsaved is not None:
        raise settings.unsaved


async def _add(
    args: argparse.Namespace,
    providers: ProviderService,
    secrets: SecretStore,
    settings: SettingsStore,
) -> None:
    provider = _described(args, presets())
    check = check_url(provider.base_url)
    if check.level is AddressLevel.WARNING:
        tell(check.message)
    stored = await providers.add(provider)
    _check_saved(settings)
    if args.key_env and args.key_env not in key_variables(stored):
        tell(f"{args.key_env} belongs to another service: its key is not sent to this address.")
    if check.message and check.level is AddressLevel.OK and not args.json:
        tell(check.message)
    secret = await secrets.get(stored)
    if secret is not None and secret.note:
        tell(f"{secret.variable}: {secret.note}")
    entry = await _entry(stored, providers)
    _show(args, {"provider": entry}, [f"{stored.id} was added. {_key_words(entry)}"])


async def _test(args: argparse.Namespace, providers: ProviderService) -> None:
    provider = await providers.resolve(args.id)
    models = await providers.models(provider)
    lines = [f"{model.id:<60} {_price_words(model.price)}" for model in models]
    listed = [_model_json(model) for model in models]
    answer = {"provider": provider.id, "ok": True, "models": listed}
    _show(args, answer, [f"{provider.name} answers: {len(models)} models.", *lines])


def _described(args: argparse.Namespace, known: tuple[Preset, ...]) -> Provider:
    preset = next((preset for preset in known if preset.id == args.id), None)
    if args.base_url is None:
        if preset is None:
            raise UsageError(
                f"“{args.id}” is no known provider: give its address with --base-url.",
                f"Known: {_known(known)}.",
            )
        given = {"key_env": args.key_env, "name": args.name}
        changed = {name: value for name, value in given.items() if value}
        return replace(preset.provider, **changed)
    return Provider(args.id, args.name or args.id, args.base_url, key_env=args.key_env)


async def _entry(provider: Provider, providers: ProviderService) -> dict[str, Any]:
    return {
        "id": provider.id,
        "name": provider.name,
        "base_url": provider.base_url,
        "tier": provider.tier.value,
        "on_this_computer": provider.is_loopback,
        "key": await providers.key_source(provider),
        "key_env": provider.key_env,
    }


def _model_json(model: CloudModel) -> dict[str, Any]:
    return {
        "id": model.id,
        "context_length": model.context_length,
        "price": model.price and asdict(model.price),
    }


def _key_words(entry: dict[str, Any]) -> str:
    return f"key: {entry['key']}" if entry["key"] else "no key"


def _price_words(price: ModelPrice | None) -> str:
    if price is None or price.input_usd_per_mtok is None or price.output_usd_per_mtok is None:
        return "price unknown"
    return (
        f"${price.input_usd_per_mtok:g} in, ${price.output_usd_per_mtok:g} out per million tokens"
    )


def _known(presets: tuple[Preset, ...]) -> str:
    return ", ".join(preset.id for preset in presets)


def _show(args: argparse.Namespace, data: dict[str, Any], lines: list[str]) -> None:
    if args.json:
        print_json(data)
        return
    for line in lines:
        print(line)
