"""One connection to the Hub: its endpoint, its proxy, its token, and sentences for what fails.

The client is the one `huggingface_hub` builds on, with times of our own: its functions wait without
limit or try again for twenty seconds, and a thread that waits cannot be called off.
"""

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from playground import __version__
from playground.core.characters import whole_values
from playground.core.errors import (
    HubFailed,
    HubTokenRefused,
    Offline,
    PlaygroundError,
    RepositoryGated,
    RepositoryNotFound,
    UsageError,
)
from playground.core.targets import Provider, is_loopback_host
from playground.core.urls import AddressLevel, check_url, origin
from playground.store.secrets import KeySource, SecretStore
from playground.store.settings import SettingsStore

if TYPE_CHECKING:
    import httpx2

PUBLIC_HUB = "https://huggingface.co"
_VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")


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

    async def get(self, endpoint: str) -> HubToken | None:
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
        return await asyncio.to_thread(self._login)

    async def set(self, endpoint: str, value: str) -> KeySource:
        """Keep a token for `endpoint` and return where; raises `UsageError` for what is none."""
        value = value.strip()
        if not value or not (value.isascii() and value.isprintable()) or " " in value:
            raise UsageError(
                "This is no access token.", "Copy it from your account's page once more."
            )
        return await self._secrets.set(_account(endpoint), value)

    async def forget(self, endpoint: str) -> None:
        """Forget the token that was entered here."""
        await self._secrets.delete(_account(endpoint))

    def _login(self) -> HubToken | None:
        path = self._login_file()
        try:
            value = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return None
        if not value or not value.isascii():
            return None
        return HubToken(value, TokenSource.LOGIN, str(path))

    def _login_file(self) -> Path:
        """Return the file `hf auth login` writes, by the variables `huggingface_hub` reads."""
        if path := self._environment.get("HF_TOKEN_PATH"):
            return Path(path).expanduser()
        home = self._environment.get("HF_HOME")
        if not home:
            cache = self._environment.get("XDG_CACHE_HOME") or "~/.cache"
            home = f"{cache}/huggingface"
        return Path(home).expanduser() / "token"


def _account(endpoint: str) -> Provider:
    return Provider(id="hugging-face-hub", name="Hugging Face Hub", base_url=endpoint)


CONNECT_S = 6.0
READ_S = 15.0
_LARGEST_ANSWER = 32 << 20
_EXPLAINED = "an access token (a kind of password from huggingface.co)"
PRIVATE_HINT = f"Check the name. A private one needs {_EXPLAINED}: enter it in Settings."
_TRUE = frozenset({"1", "true", "yes", "on"})


@dataclass(frozen=True, slots=True)
class DownloadSource:
    """Where the bytes of a file are asked for."""

    url: str
    """At the Hub; a redirect leads to where they lie."""
    headers: Mapping[str, str] = field(repr=False)
    """For the Hub's own host only: the token is among them."""
    proxy: str | None = None
    """The proxy from Settings; `None`: what the environment says."""


class HubConnection:
    """Asks the Hub and turns what goes wrong into a sentence; lives on the I/O loop."""

    def __init__(
        self,
        settings: SettingsStore,
        tokens: HubTokens,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._settings = settings
        self._tokens = tokens
        self._environment = os.environ if environment is None else environment
        self._client: httpx2.AsyncClient | None = None
        self._built_for: tuple[str, str | None] | None = None

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
        return await self._tokens.get(self.endpoint)

    async def source(self, path: str) -> DownloadSource:
        """Return where and how the bytes of `path` are asked for; raises `Offline`."""
        self._check()
        return DownloadSource(
            self.endpoint + path, await self._headers(), self._settings.settings.proxy
        )

    async def json(self, path: str, params: Mapping[str, Any] | None = None) -> tuple[Any, str]:
        """Return what the API says at `path`, and the `Link` header."""
        async with self._open(path, params=params) as response:
            body = await _body(response, _LARGEST_ANSWER)
            if "json" not in response.headers.get("content-type", ""):
                raise HubFailed(
                    "Something else than the Hub answered: perhaps this network wants you to log "
                    "in first.",
                    "Open a web page in the browser, then try again.",
                )
            try:
                answer = json.loads(body)
                # only an escape brings half a character in
                whole = whole_values(answer) if b"\\ud" in body.lower() else answer
                return whole, response.headers.get("link", "")
            except (ValueError, RecursionError) as error:
                raise HubFailed("The Hub's answer cannot be read.", "Try again later.") from error

    async def text(self, path: str, most_bytes: int) -> str:
        """Return a text file of a repository, at most its first `most_bytes`."""
        async with self._open(path) as response:
            return (await _body(response, most_bytes)).decode("utf-8", "replace")

    async def piece(self, path: str, offset: int, length: int) -> bytes:
        """Return a piece of a file; where the server knows no ranges the rest is passed over."""
        last = offset + length - 1
        async with self._open(path, {"Range": f"bytes={offset}-{last}"}) as response:
            skip = offset
            if response.status_code == 206:
                found = re.match(r"bytes (\d+)-", response.headers.get("content-range", ""))
                if found is None or int(found[1]) != offset:
                    raise HubFailed("The server sent another piece of the file than was asked for.")
                skip = 0
            data = bytearray()
            async for chunk in response.aiter_raw(64 << 10):
                taken = chunk[skip:] if skip else chunk
                skip = max(0, skip - len(chunk))
                data += taken
                if len(data) >= length:
                    break
            return bytes(data[:length])

    async def close(self) -> None:
        """Close every socket."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _check(self) -> None:
        if self.is_offline:
            raise Offline("Offline mode is on: the Hub is not asked.")
        check = check_url(self.endpoint)
        if check.level is AddressLevel.REFUSED:
            raise HubFailed(f"The Hub's address cannot be used. {check.message}")

    async def _headers(self) -> dict[str, str]:
        headers = {
            "User-Agent": f"inference-playground/{__version__}",
            "Accept-Encoding": "identity",
        }
        token = await self.token()
        if token is not None:
            headers["Authorization"] = f"Bearer {token.value}"
        return headers

    @asynccontextmanager
    async def _open(
        self,
        path: str,
        extra: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> AsyncIterator["httpx2.Response"]:
        self._check()
        import httpx2  # noqa: PLC0415 - start-up time

        headers = {**await self._headers(), **(extra or {})}
        url = self.endpoint + path
        try:
            client = await self._open_client()
            async with client.stream("GET", url, headers=headers, params=params) as response:
                if response.status_code >= 400:
                    body = await _body(response, 64 << 10)
                    whole = httpx2.Response(
                        response.status_code,
                        headers=_plain(response.headers),
                        content=body,
                        request=response.request,
                    )
                    raise self._refusal(whole, has_token="Authorization" in headers)
                yield response
        except httpx2.TimeoutException as error:
            raise HubFailed(f"The Hub ({_host(url)}) does not answer.") from error
        except httpx2.ProxyError as error:
            raise HubFailed(
                "The proxy does not let the connection through.", "Check the proxy in Settings."
            ) from error
        except httpx2.ConnectError as error:
            raise _no_connection(url, error) from error
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
            raise HubFailed(f"The connection to the Hub ({_host(url)}) broke.") from error

    async def _open_client(self) -> "httpx2.AsyncClient":
        import httpx2  # noqa: PLC0415 - start-up time

        wanted = (self.endpoint, self._settings.settings.proxy)
        if self._client is not None and self._built_for != wanted:
            await self.close()
        if self._client is None:
            # a proxy has no business between this program and a server on this computer
            is_near = is_loopback_host(urlsplit(self.endpoint).hostname or "")
            try:
                self._client = httpx2.AsyncClient(
                    timeout=httpx2.Timeout(READ_S, connect=CONNECT_S),
                    # the token stays behind where a redirect leads to another host
                    follow_redirects=True,
                    max_redirects=5,
                    trust_env=not is_near,
                    proxy=None if is_near else wanted[1],
                )
            except (ValueError, ImportError) as error:
                raise HubFailed(
                    f"The proxy cannot be used: {error}", "Check the proxy in Settings."
                ) from error
            self._built_for = wanted
        return self._client

    def _refusal(self, response: "httpx2.Response", *, has_token: bool) -> PlaygroundError:
        from huggingface_hub import errors  # noqa: PLC0415 - start-up time
        from huggingface_hub.utils._http import hf_raise_for_status  # noqa: PLC0415 - start-up time

        try:
            hf_raise_for_status(response)
        except errors.GatedRepoError:
            return terms_wanted(has_token=has_token)
        except errors.RepositoryNotFoundError:
            return RepositoryNotFound(
                "The Hub has no such repository, or does not show it to you.", PRIVATE_HINT
            )
        except errors.RevisionNotFoundError:
            return RepositoryNotFound("The repository has no such revision.", "Leave it out.")
        except errors.EntryNotFoundError:
            return RepositoryNotFound(
                "The repository has no such file.", "Look at its files again."
            )
        except errors.HfHubHTTPError:
            return refusal_by_status(response.status_code, response.headers.get("retry-after"))
        return HubFailed(f"The Hub answered with {response.status_code}.")


def terms_wanted(*, has_token: bool) -> RepositoryGated:
    """Return what to say where a publisher wants terms to be accepted."""
    if has_token:
        return RepositoryGated(
            "Your account has not been let in yet: the publisher wants terms accepted.",
            "Open its page on the Hub and accept them there, then try again.",
        )
    return RepositoryGated(
        "Its publisher wants you to accept terms before it can be downloaded.",
        f"Open its page on the Hub, accept them there, then enter {_EXPLAINED} in Settings.",
    )


def refusal_by_status(status: int, retry_after: str | None = None) -> PlaygroundError:
    """Return what to say of an answer the protocol has no name for."""
    if status == 401:
        return HubTokenRefused(
            "The Hub does not accept your access token.",
            "Copy it from your account on huggingface.co once more, and enter it in Settings.",
        )
    if status == 403:
        return HubFailed(
            "The Hub refuses this.", "Your access token may not have the right to read it."
        )
    if status == 429:
        wait = f"in {retry_after} s" if (retry_after or "").isdigit() else "in a few minutes"
        return HubFailed("The Hub has been asked too often for now.", f"Try again {wait}.")
    if status >= 500:
        return HubFailed(f"The Hub has a fault of its own ({status}).", "Try again later.")
    return HubFailed(f"The Hub answered with {status}.")


def same_origin(first: str, second: str) -> bool:
    """Return True where a token for one address may go to the other."""
    return origin(first) == origin(second)


def _plain(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of an answer whose body has been unpacked already."""
    gone = {"content-encoding", "content-length", "transfer-encoding"}
    return {name: value for name, value in headers.items() if name.lower() not in gone}


def _host(url: str) -> str:
    return urlsplit(url).hostname or url


def _no_connection(url: str, error: Exception) -> HubFailed:
    text = str(error).lower()
    if "certificate" in text or "ssl" in text or "tls" in text:
        return HubFailed(
            f"The connection to {_host(url)} is not secure: its certificate is not trusted here.",
            "In a company network its certificate has to be added to the system's trust store.",
        )
    return HubFailed(f"The Hub ({_host(url)}) cannot be reached.")


async def _body(response: "httpx2.Response", most_bytes: int) -> bytes:
    data = bytearray()
    async for chunk in response.aiter_bytes(64 << 10):
        data += chunk
        if len(data) >= most_bytes:
            break
    return bytes(data[:most_bytes])
