"""Calls `huggingface_hub` in threads, with the Hub's address, the proxy and the token in force."""

import asyncio
import logging
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from playground import __version__
from playground.core.errors import HubFailed, Offline, RepositoryNotFound, UsageError
from playground.core.targets import Provider
from playground.core.threads import run_in_daemon_thread
from playground.core.urls import AddressLevel, check_url, origin
from playground.services.hub.exchange import (
    Exchange,
    HubLimits,
    answer_unreadable,
    current_exchange,
    no_answer,
)
from playground.store.secrets import KeySource, SecretStore
from playground.store.settings import SettingsStore

if TYPE_CHECKING:
    from huggingface_hub import HfApi

PUBLIC_HUB = "https://huggingface.co"
_VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
_TRUE = frozenset({"1", "true", "yes", "on"})

log = logging.getLogger(__name__)

T = TypeVar("T")


class TokenSource(StrEnum):
    """Where the token in force was found."""

    KEYRING = "keyring"
    SESSION = "session"
    ENVIRONMENT = "environment"
    LOGIN = "hugging face login"


@dataclass(frozen=True, slots=True)
class HubToken:
    """A token; only `value` shows it."""

    value: str = field(repr=False)
    source: TokenSource
    detail: str = ""
    """The variable's name, or the file's path."""


class HubTokens:
    """Finds and keeps the token of one endpoint; a token never goes to another one."""

    def __init__(self, secrets: SecretStore, environment: Mapping[str, str] | None = None) -> None:
        self._secrets = secrets
        self._environment = os.environ if environment is None else environment

    async def get(self, endpoint: str, exchange: Exchange) -> HubToken | None:
        """Return the token for `endpoint`; one that was entered here comes first.

        The environment's token and the login's belong to the public Hub and to what `HF_ENDPOINT`
        names: a mirror entered in Settings gets only a token entered for it.
        """
        secret = await self._secrets.get(_account(endpoint))
        if secret is not None:
            kept = secret.source is KeySource.KEYRING
            return HubToken(secret.value, TokenSource.KEYRING if kept else TokenSource.SESSION)
        named = self._environment.get("HF_ENDPOINT", "").strip() or PUBLIC_HUB
        if origin(endpoint) not in {origin(PUBLIC_HUB), origin(named)}:
            return None
        for name in _VARIABLES:
            if value := self._environment.get(name, "").strip():
                return HubToken(value, TokenSource.ENVIRONMENT, name)
        return await run_in_daemon_thread(lambda: _login(exchange))

    async def set(self, endpoint: str, value: str) -> KeySource:
        """Keep a token for `endpoint`; return where it is kept."""
        return await self._secrets.set(_account(endpoint), value)

    async def forget(self, endpoint: str) -> None:
        """Forget the token that was entered here."""
        await self._secrets.delete(_account(endpoint))


def checked_token(value: str) -> str:
    """Return a token as it was entered, without blanks around it; raises `UsageError` for none."""
    value = value.strip()
    if not value or not (value.isascii() and value.isprintable()) or " " in value:
        raise UsageError("This is no access token.", "Copy it from your account's page once more.")
    return value


def _login(exchange: Exchange) -> HubToken | None:
    """Return the token of `hf auth login`; the library renews one that is about to expire."""
    from huggingface_hub import constants, errors, get_token  # noqa: PLC0415 - start-up time

    from playground.services.hub import transport  # noqa: PLC0415 - start-up time

    transport.install()
    current_exchange.set(exchange)
    try:
        value = get_token()
    except (OSError, ValueError, errors.OIDCError, HubFailed):
        # a file that cannot be read, or a login of a CI system that has failed
        log.warning("the login of huggingface_hub cannot be used", exc_info=True)
        return None
    if not value or not value.isascii():
        return None
    return HubToken(value, TokenSource.LOGIN, constants.HF_TOKEN_PATH)


def _account(endpoint: str) -> Provider:
    return Provider(id="hugging-face-hub", name="Hugging Face Hub", base_url=endpoint)


@dataclass(frozen=True, slots=True)
class DownloadSource:
    """Where the bytes of a file are asked for."""

    url: str
    """At the Hub; a redirect leads to where they lie."""
    headers: Mapping[str, str] = field(repr=False)
    """For the Hub's own host only: the token is among them."""
    proxy: str | None = None
    """The proxy from Settings; `None`: what the environment says."""


class HubClient:
    """Calls `huggingface_hub`; lives on the I/O loop.

    Its functions block: each call has a thread of its own, which nobody waits for once its answer
    is not wanted any more, as when another search has begun or the program ends.
    """

    def __init__(
        self,
        settings: SettingsStore,
        tokens: HubTokens,
        environment: Mapping[str, str] | None = None,
        limits: HubLimits | None = None,
    ) -> None:
        self._settings = settings
        self._tokens = tokens
        self._environment = os.environ if environment is None else environment
        self._limits = limits or HubLimits()
        self._has_called = False

    @property
    def endpoint(self) -> str:
        """The Hub's address: from Settings, else `HF_ENDPOINT`, else the public Hub."""
        named = self._settings.settings.hub_endpoint or self._environment.get("HF_ENDPOINT")
        return (named or "").strip().rstrip("/") or PUBLIC_HUB

    @property
    def is_offline(self) -> bool:
        """True where nothing may be fetched."""
        variable = self._environment.get("HF_HUB_OFFLINE", "").strip().lower()
        return self._settings.settings.offline or variable in _TRUE

    async def token(self) -> HubToken | None:
        """Return the token in force."""
        return await self._tokens.get(self.endpoint, self._bound(Exchange()))

    async def source(self, path: str) -> DownloadSource:
        """Return where and how the bytes of `path` are asked for; raises `Offline`."""
        self._check()
        token = await self.token()
        headers = _headers(None if token is None else token.value)
        return DownloadSource(self.endpoint + path, headers, self._settings.settings.proxy)

    async def load(self) -> None:
        """Load the library, which takes a second: the first call finds it there."""
        if not self.is_offline:
            await run_in_daemon_thread(_loaded)

    async def call(
        self,
        work: Callable[["HfApi"], T],
        exchange: Exchange | None = None,
        *,
        token: str | None = None,
    ) -> T:
        """Return what `work` makes of the Hub's API, in a thread; `token` stands for the usual one.

        Raises `Offline`, `HubFailed`, `RepositoryNotFound`, `RepositoryGated`, `HubTokenRefused`.
        """
        exchange = exchange or Exchange()
        exchange.wants_json = True
        return await self._run(work, exchange, token)

    async def read(
        self, repo: str, revision: str, path: str, length: int, offset: int | None = None
    ) -> bytes:
        """Return a piece of a file: at most `length` bytes, from `offset` or the beginning.

        Where the server knows no ranges what is before `offset` is passed over.
        """
        exchange = Exchange(most_bytes=length + (offset or 0))

        def work(api: "HfApi") -> bytes:
            from huggingface_hub import get_session, hf_hub_url  # noqa: PLC0415 - start-up time

            headers = _headers(api.token if isinstance(api.token, str) else None)
            if offset is not None:
                headers["range"] = f"bytes={offset}-{offset + length - 1}"
            url = hf_hub_url(repo, path, revision=revision, endpoint=api.endpoint)
            response = get_session().get(url, headers=headers)
            skip = offset or 0
            if response.status_code == 206:
                found = re.match(r"bytes (\d+)-", response.headers.get("content-range", ""))
                if found is None or int(found[1]) != offset:
                    raise HubFailed("The server sent another piece of the file than was asked for.")
                skip = 0
            return response.content[skip : skip + length]

        return await self._run(work, exchange, None)

    async def close(self) -> None:
        """Close every connection; calls in other threads are told that theirs broke."""
        if self._has_called:
            from huggingface_hub import close_session  # noqa: PLC0415 - loaded by the first call

            close_session()

    def _check(self) -> None:
        if self.is_offline:
            raise Offline("Offline mode is on: the Hub is not asked.")
        check = check_url(self.endpoint)
        if check.level is AddressLevel.REFUSED:
            raise HubFailed(f"The Hub's address cannot be used. {check.message}")

    def _bound(self, exchange: Exchange) -> Exchange:
        """Return the exchange, bound to what holds now."""
        exchange.limits = self._limits
        exchange.proxy = self._settings.settings.proxy
        exchange.is_offline = self.is_offline
        return exchange

    async def _run(self, work: Callable[["HfApi"], T], exchange: Exchange, token: str | None) -> T:
        self._check()
        endpoint = self.endpoint
        host = urlsplit(endpoint).hostname or endpoint
        if token is None:
            known = await self.token()
            token = None if known is None else known.value
        # loading the library is no silence of the Hub's
        make_api = await run_in_daemon_thread(_loaded)
        self._has_called = True

        def run() -> T:
            current_exchange.set(self._bound(exchange))
            api = make_api(endpoint=endpoint, token=token or False, headers=_headers(token))
            return _translated(lambda: work(api), host)

        task = asyncio.ensure_future(run_in_daemon_thread(run))
        try:
            done, _ = await asyncio.wait({task}, timeout=self._limits.answer_s)
            if not done and not exchange.is_answered:
                raise no_answer(host)
            return await task
        finally:
            exchange.is_cancelled = True
            task.cancel()


def _headers(token: str | None) -> dict[str, str]:
    headers = {
        "user-agent": f"inference-playground/{__version__}",
        "accept-encoding": "identity",
    }
    return headers if token is None else {**headers, "authorization": f"Bearer {token}"}


def _loaded() -> Callable[..., "HfApi"]:
    """Return the library's API class; every request of the process goes through our transport."""
    from huggingface_hub import HfApi  # noqa: PLC0415 - start-up time

    from playground.services.hub import transport  # noqa: PLC0415 - start-up time

    transport.install()
    return HfApi


def _translated(work: Callable[[], T], host: str) -> T:
    """Return what `work` returns, the library's own errors turned into sentences."""
    import httpx2  # noqa: PLC0415 - start-up time
    from huggingface_hub.errors import HFValidationError  # noqa: PLC0415 - start-up time

    try:
        return work()
    except HFValidationError as error:
        raise not_a_repository() from error
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise HubFailed(f"The connection to the Hub ({host}) broke.") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        # the library takes answers for what its documentation says
        log.warning("an answer of the Hub cannot be read", exc_info=True)
        raise answer_unreadable() from error


def not_a_repository() -> RepositoryNotFound:
    """Return what to say of a name that no repository can have."""
    return RepositoryNotFound(
        "This is no repository's name.", "It is written as owner/name, as in its address."
    )


def same_origin(first: str, second: str) -> bool:
    """Return True where a token for one address may go to the other."""
    return origin(first) == origin(second)
