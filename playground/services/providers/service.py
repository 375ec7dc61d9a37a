"""The providers a person has set up: their addresses, keys, models and engines."""

import asyncio
import itertools
import re
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeGuard
from urllib.parse import urljoin, urlsplit

from playground.core.characters import whole_characters
from playground.core.chat import ChatRequest
from playground.core.errors import (
    AddressRefused,
    ConnectionFailed,
    EngineError,
    KeyMissing,
    ModelNotFound,
    PlaygroundError,
    RequestRejected,
    StreamInvalid,
    UsageError,
)
from playground.core.events import Failed, LoadProgress, RequestSent, StreamEvent
from playground.core.redaction import Redactor
from playground.core.targets import (
    PRACTICE_ID,
    CloudModel,
    CloudTarget,
    ModelPrice,
    Provider,
    Tier,
)
from playground.core.urls import AddressLevel, check_url, origin
from playground.engines.base import Engine
from playground.engines.openai.client import DEFAULT_TIMEOUTS, ProviderConnection, Timeouts
from playground.engines.openai.engine import OpenAIChatEngine
from playground.engines.openai.errors import ErrorTranslator
from playground.network.traffic import Traffic
from playground.services.providers.practice import RESTART_HINT, PracticeCloud
from playground.services.providers.prices import PriceService
from playground.store.presets import with_known_quirks
from playground.store.secrets import KeySource, Secret, SecretStore, key_variables, usable_key
from playground.store.settings import Settings, SettingsStore

MODEL_LIMIT = 5000
_ID_LIMIT = 200
_CONTEXT_FIELDS = ("context_length", "context_window", "max_context_length", "max_model_len")


async def fetch_models(
    provider: Provider,
    key: str | None,
    timeouts: Timeouts,
    redactor: Redactor,
    connect: Callable[[], ProviderConnection],
) -> tuple[CloudModel, ...]:
    """Return what `GET /models` lists, by id; raises the errors a run would."""
    errors = ErrorTranslator(provider.name, provider.base_url, key, timeouts, redactor)
    connection: ProviderConnection | None = None
    try:
        # importing the package takes a second, and its TLS context reads files
        connection = await asyncio.to_thread(connect)
        payload = await connection.client.get("/models", cast_to=object)
    except Exception as error:
        translated = errors.translate(error)
        if translated is None:
            raise
        if isinstance(translated, ModelNotFound):
            translated = ModelNotFound(
                f"{provider.name} has no list of its models at this address.",
                "Check the address: most end in /v1. If it is right, type the name of a model.",
            )
        # the cause holds the request, and with it the key
        raise translated from None
    finally:
        if connection is not None:
            await connection.client.close()
    if isinstance(payload, dict):
        payload = next((payload[n] for n in ("data", "models") if n in payload), None)
    if not isinstance(payload, list):
        raise StreamInvalid(f"{provider.name} sent something that is no list of models.")
    return _models_in(provider, payload, redactor)


def lacks_list(error: PlaygroundError) -> bool:
    """Return True where a provider answers but has no list of its models: they can be named."""
    return isinstance(error, ModelNotFound | RequestRejected | StreamInvalid)


def _models_in(
    provider: Provider, entries: list[Any], redactor: Redactor
) -> tuple[CloudModel, ...]:
    """Return the models of a list whose entries are objects or plain names, each once."""
    found: dict[str, CloudModel] = {}
    for entry in entries[:MODEL_LIMIT]:
        data = entry if isinstance(entry, dict) else {"id": entry}
        name = next((data[n] for n in ("id", "name") if isinstance(data.get(n), str)), "").strip()
        name = redactor.clean(name)
        if _is_model_id(name):
            found.setdefault(name, CloudModel(provider.id, name, _context(data)))
    return tuple(found[name] for name in sorted(found, key=str.lower))


def _is_model_id(text: str) -> bool:
    return bool(text) and len(text) <= _ID_LIMIT and text.isprintable()


def _context(data: dict[str, Any]) -> int | None:
    for name in _CONTEXT_FIELDS:
        value = data.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31:
            return value
    return None


Providers = tuple[Provider, ...]
Access = tuple[Provider, str | None]
"""A provider at the address it has now, and the key to it."""


class ProviderEngine:
    """Answers for one provider's model; whatever is missing becomes `Failed`."""

    def __init__(
        self,
        target: CloudTarget,
        access: Callable[[Provider], Awaitable[Access]],
        timeouts: Timeouts,
        is_starting: Callable[[], bool],
        *,
        redactor: Redactor,
        traffic: Traffic,
        proxy: str | None,
    ) -> None:
        """`is_starting` tells whether the server has to be started first."""
        self._target = target
        self._access = access
        self._timeouts = timeouts
        self._is_starting = is_starting
        self._redactor = redactor
        self._traffic = traffic
        self._proxy = proxy

    async def stream(self, request: ChatRequest) -> AsyncGenerator[StreamEvent, None]:
        """Yield the answer's events."""
        started = time.perf_counter()
        must_start = self._is_starting()
        if must_start:
            yield LoadProgress(0.0, 0.0)
        try:
            provider, key = await self._access(self._target.provider)
        except PlaygroundError as error:
            yield Failed(time.perf_counter() - started, error.info())
            return
        load_s = time.perf_counter() - started if must_start else None
        target = CloudTarget(provider, self._target.model)
        engine = OpenAIChatEngine(
            target,
            key,
            self._timeouts,
            started=started,
            redactor=self._redactor,
            traffic=self._traffic,
            proxy=self._proxy,
        )
        async with aclosing(engine.stream(request)) as events:
            async for event in events:
                if must_start and isinstance(event, RequestSent):
                    yield replace(event, was_loaded=False, load_s=load_s)
                elif provider.is_practice and _is_connection_lost(event):
                    yield replace(event, error=replace(event.error, hint=RESTART_HINT))
                else:
                    yield event


def _is_connection_lost(event: StreamEvent) -> TypeGuard[Failed]:
    return isinstance(event, Failed) and event.error.kind == ConnectionFailed.__name__


_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_RESERVED = frozenset({"local", PRACTICE_ID})
"""Ids that mean something else in a target's name."""
_NAME_LIMIT = 80


@dataclass(frozen=True, slots=True)
class KeyLocation:
    """Where a provider's key is, never what it is."""

    source: KeySource | None
    variable: str = ""
    """Environment variable it is read from."""
    is_lost: bool = False
    """True where one was entered and is not there any more."""


@dataclass(frozen=True, slots=True)
class RemovedProvider:
    """A provider that was removed, with all that `ProviderService.restore` needs."""

    provider: Provider
    secret: Secret | None
    """Its key; `None` where it had none, or one from an environment variable."""


class ProviderService:
    """Adds, changes and removes providers, tests their connection, and answers through them."""

    def __init__(
        self,
        settings: SettingsStore,
        secrets: SecretStore,
        practice: PracticeCloud,
        prices: PriceService,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        *,
        traffic: Traffic | None = None,
    ) -> None:
        self._traffic = traffic or Traffic()
        self._settings = settings
        self._secrets = secrets
        self._practice = practice
        self._prices = prices
        self._timeouts = timeouts
        secrets.hide_keys_of(self.list)

    def list(self) -> Providers:
        """Return what is set up; the practice cloud with its present address while it runs."""
        live = self._practice.provider
        stored = self._settings.settings.providers
        listed = tuple(live if live and p.id == PRACTICE_ID else p for p in stored)
        return listed if live is None or live in listed else (*listed, live)

    def find(self, provider_id: str) -> Provider:
        """Return a provider by its id; raises `UsageError` where there is none."""
        listed = self.list()
        for provider in listed:
            if provider.id == provider_id:
                return provider
        known = ", ".join(provider.id for provider in listed) or "none"
        raise UsageError(
            f"No provider “{provider_id}” is set up.", f"Set up: {known}. Add it first."
        )

    def unused_id(self, name: str) -> str:
        """Return an id like `name` that no provider has."""
        base = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:32] or "provider"
        if base in _RESERVED:
            base = f"{base}-server"
        taken = {provider.id for provider in self.list()}
        numbered = (f"{base}-{number}" for number in itertools.count(2))
        return next(found for found in itertools.chain((base,), numbered) if found not in taken)

    async def resolve(self, provider_id: str) -> Provider:
        """Return a provider ready to be asked: the practice cloud is started where need be."""
        if provider_id == PRACTICE_ID:
            return await self.start_practice()
        return self.find(provider_id)

    async def target(self, provider_id: str, model: str) -> CloudTarget:
        """Return a provider's model as it was typed, ready to be asked.

        Raises `UsageError` for what cannot be a model's name, such as a key.
        """
        provider = await self.resolve(provider_id)
        await self._secrets.learn()
        model = whole_characters(model.strip())
        if not _is_model_id(model):
            raise UsageError("This is not a model's name.", "Copy it from the provider's own list.")
        if self._secrets.redactor.clean(model) != model:
            raise UsageError(
                "This is a key, not a model's name.", "Enter it in the key field of its provider."
            )
        return CloudTarget(provider, model)

    async def add(self, provider: Provider, key: str | None = None) -> Provider:
        """Set up a provider and keep its key; return it as it was stored.

        Raises `UsageError` for an id that is taken or no name for a target, and `AddressRefused`.
        """
        if not _ID.fullmatch(provider.id) or provider.id in _RESERVED:
            raise UsageError(
                f"“{provider.id}” cannot be a provider's id.",
                "Use small letters, digits, “-”, “_” and “.”, at most 40.",
            )
        key = _given(key)
        stored = with_known_quirks(_checked(provider))
        stored = replace(stored, expects_key=provider.expects_key or key is not None)

        def edit(listed: Providers) -> Providers:
            if any(other.id == stored.id for other in listed):
                raise UsageError(f"A provider “{stored.id}” is already set up.", "Choose another.")
            return (*listed, stored)

        edit(self.list())
        if key is not None:
            # first, so that whoever sees the new entry finds its key
            await self._secrets.set(stored, key)
        await self._edit(edit)
        return stored

    async def update(self, provider: Provider, key: str | None = None) -> Provider:
        """Replace a provider's entry; one that moves to another host loses its key."""
        before = self.find(provider.id)
        if before.is_practice:
            raise UsageError("The practice cloud cannot be changed.", "It can be removed.")
        key = _given(key)
        stored = _checked(provider)
        if origin(before.base_url) != origin(stored.base_url):
            await self._secrets.delete(before)
            stored = _moved(before, stored)
        keeps = before.expects_key and origin(before.base_url) == origin(stored.base_url)
        stored = replace(stored, expects_key=keeps or key is not None)

        def edit(listed: Providers) -> Providers:
            return tuple(stored if other.id == stored.id else other for other in listed)

        if key is not None:
            await self._secrets.set(stored, key)
        await self._edit(edit)
        return stored

    async def remove(self, provider_id: str) -> RemovedProvider:
        """Forget a provider and its key, and return both; the practice cloud is ended."""
        provider = self.find(provider_id)
        secret = None
        if provider.is_practice:
            await self._practice.stop()
        else:
            secret = await self._secrets.get(provider)
            await self._secrets.delete(provider)

        def work(settings: Settings) -> Settings:
            others = tuple(other for other in settings.providers if other.id != provider_id)
            typed = {
                id_: named for id_, named in settings.typed_models.items() if id_ != provider_id
            }
            return replace(settings, providers=others, typed_models=typed)

        await asyncio.to_thread(self._settings.change, work)
        is_own = secret is not None and secret.source is not KeySource.ENVIRONMENT
        return RemovedProvider(provider, secret if is_own else None)

    async def restore(self, removed: RemovedProvider) -> Provider:
        """Set up a provider again that was removed, with its key."""
        key = None if removed.secret is None else removed.secret.value
        return await self.add(removed.provider, key)

    async def delete_key(self, provider_id: str) -> None:
        await self._secrets.delete(self.find(provider_id))

        def edit(listed: Providers) -> Providers:
            return tuple(
                replace(other, expects_key=False) if other.id == provider_id else other
                for other in listed
            )

        await self._edit(edit)

    async def key_source(self, provider: Provider) -> KeySource | None:
        """Return where a provider's key is, `None` where there is none or none is needed."""
        return (await self.key_locations([provider]))[provider.id].source

    async def key_locations(self, providers: Iterable[Provider]) -> dict[str, KeyLocation]:
        """Return where the key of each provider is, by provider id."""
        found = {}
        for provider in providers:
            secret = None if provider.is_practice else await self._secrets.get(provider)
            source, variable = (secret.source, secret.variable) if secret else (None, "")
            is_lost = secret is None and provider.expects_key
            found[provider.id] = KeyLocation(source, variable, is_lost)
        return found

    async def set_price(
        self, provider: Provider, model: str, price: ModelPrice | None
    ) -> ModelPrice | None:
        """Keep the person's price, or go back to the list's; return what holds now."""

        def work() -> ModelPrice | None:
            self._prices.set_price(provider, model, price)
            return self._prices.price(provider, model)

        return await asyncio.to_thread(work)

    async def models(self, provider: Provider) -> tuple[CloudModel, ...]:
        """Ask the provider what it offers, with prices: the test of a connection.

        Models that a person named come first. Raises the same errors as a run.
        """
        provider, key = await self._access(provider)
        typed = self._settings.settings.typed_models.get(provider.id, ())
        found: tuple[CloudModel, ...] = ()
        try:
            connect = partial(
                ProviderConnection,
                provider.base_url,
                key,
                self._timeouts,
                self._traffic,
                self._settings.settings.proxy,
            )
            found = await fetch_models(
                provider, key, self._timeouts, self._secrets.redactor, connect
            )
        except EngineError as error:
            if not (typed and lacks_list(error)):
                raise
        listed = {model.id for model in found}
        own = [CloudModel(provider.id, name) for name in typed if name not in listed]

        def priced() -> tuple[CloudModel, ...]:
            price = self._prices.price
            return tuple(replace(m, price=price(provider, m.id)) for m in (*own, *found))

        return await asyncio.to_thread(priced)

    async def find_models(self, provider_id: str) -> tuple[tuple[CloudModel, ...], Provider | None]:
        """Return what a provider offers, and the provider where it was found at another address.

        An address of a host alone that does not answer as an API is tried with `/v1`; where that
        answers it is kept. Raises what `models` raises of the address as it was.
        """
        provider = self.find(provider_id)
        try:
            return await self.models(provider), None
        except EngineError as error:
            if not lacks_list(error) or urlsplit(provider.base_url).path.strip("/"):
                raise
            longer = replace(provider, base_url=urljoin(provider.base_url, "/v1"))
            try:
                found = await self.models(longer)
            except EngineError:
                raise error from None
        return found, await self.update(longer)

    async def name_model(self, provider_id: str, model: str) -> CloudModel:
        """Keep a model that the provider's list does not have, and return it with its price.

        Raises what `target` raises.
        """
        target = await self.target(provider_id, model)
        name = target.model

        def work(settings: Settings) -> Settings:
            named = tuple(dict.fromkeys((*settings.typed_models.get(provider_id, ()), name)))
            return replace(settings, typed_models={**settings.typed_models, provider_id: named})

        await asyncio.to_thread(self._settings.change, work)
        price = await asyncio.to_thread(self._prices.price, target.provider, name)
        return CloudModel(provider_id, name, price=price)

    def engine(self, target: CloudTarget) -> Engine:
        """Return what answers for a provider's model; it looks for the key when it is asked."""
        is_practice = target.provider.is_practice

        def must_start() -> bool:
            return is_practice and not self._practice.is_running

        return ProviderEngine(
            target,
            self._access,
            self._timeouts,
            must_start,
            redactor=self._secrets.redactor,
            traffic=self._traffic,
            proxy=self._settings.settings.proxy,
        )

    async def start_practice(self) -> Provider:
        """Start the practice cloud, or return the one that runs, and set it up as a provider."""
        live = await self._practice.start()

        def edit(listed: Providers) -> Providers:
            others = tuple(other for other in listed if other.id != live.id)
            # its port differs at every start: where it stands in the list should not
            ids = [other.id for other in listed]
            at = ids.index(live.id) if live.id in ids else len(others)
            return (*others[:at], live, *others[at:])

        await self._edit(edit)
        return live

    async def _edit(self, edit: Callable[[Providers], Providers]) -> None:
        def work(settings: Settings) -> Settings:
            return replace(settings, providers=edit(settings.providers))

        await asyncio.to_thread(self._settings.change, work)

    async def _access(self, provider: Provider) -> Access:
        """Return the provider at its present address and its key.

        Raises `AddressRefused`, `KeyMissing`, or what keeps the practice cloud from starting.
        """
        await self._secrets.learn()
        if provider.is_practice:
            # one that was killed is started again, as a worker is
            return await self.start_practice(), self._practice.key
        check = check_url(provider.base_url)
        if check.level is AddressLevel.REFUSED:
            raise AddressRefused(check.message, check.hint)
        provider = replace(provider, base_url=check.url)
        secret = await self._secrets.get(provider)
        known = next((known for known in self.list() if known.id == provider.id), provider)
        if secret is None and known.expects_key:
            raise KeyMissing(
                f"The key for {provider.name} is not there any more.", self._key_hint(known)
            )
        if secret is None and provider.tier is not Tier.OWN_SERVER:
            raise KeyMissing(f"No key for {provider.name} is known.", self._key_hint(provider))
        return provider, secret.value if secret else None

    def _key_hint(self, provider: Provider) -> str:
        if self._secrets.is_silent:
            return self._secrets.storage()
        variables = " or ".join(key_variables(provider))
        fallback = f", or set {variables}" if variables else ""
        again = "it again" if provider.expects_key else "one"
        return f"Enter {again} on the Providers page{fallback}."


def _given(key: str | None) -> str | None:
    """Return a key that was entered, `None` for none; raises `UsageError`."""
    return usable_key(key) if key and key.strip() else None


def _checked(provider: Provider) -> Provider:
    """Return the provider with a tidy name and address; raises where they cannot be used."""
    check = check_url(provider.base_url)
    if check.level is AddressLevel.REFUSED:
        raise AddressRefused(check.message, check.hint)
    name = " ".join(provider.name.split())[:_NAME_LIMIT] or provider.id
    # only the program itself starts the practice cloud
    return replace(provider, name=name, base_url=check.url, is_practice=False)


def _moved(before: Provider, after: Provider) -> Provider:
    """Return the entry without what was true of the old host only."""
    if after.key_env == before.key_env:
        after = replace(after, key_env=None)
    if after.preset is None or after.preset != before.preset or after.tier is Tier.OWN_SERVER:
        return after
    bare = Provider(after.id, after.name, after.base_url, key_env=after.key_env)
    return with_known_quirks(bare)
