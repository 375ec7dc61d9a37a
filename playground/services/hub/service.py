"""Search, repositories, cards and headers on the Hugging Face Hub."""

import asyncio
import contextlib
import logging
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote, urlsplit

from playground import __version__
from playground.core.errors import HubFailed, Offline, RepositoryNotFound
from playground.core.gguf.header import GgufHeader
from playground.core.gguf.naming import hub_reference, is_repository
from playground.core.hub import (
    FeaturedModel,
    HubFile,
    HubModel,
    HubQuery,
    HubReference,
    HubRepository,
    HubSort,
    SearchPage,
)
from playground.core.keys import check_key
from playground.core.threads import run_in_daemon_thread
from playground.core.urls import AddressLevel, check_url, tidied
from playground.network.traffic import Traffic
from playground.resources import resource
from playground.services.hub import api as listing
from playground.services.hub.exchange import (
    Exchange,
    HubLimits,
    answer_unreadable,
    current_exchange,
    no_answer,
)
from playground.services.hub.headers import RemoteHeaders
from playground.services.hub.tokens import (
    PUBLIC_HUB,
    TOKEN_VARIABLES,
    HubToken,
    account,
    find_token,
    login_token,
    stored_login,
)
from playground.store.secrets import KeySource, SecretStore, usable_key
from playground.store.settings import SettingsStore

if TYPE_CHECKING:
    from huggingface_hub import HfApi, ModelInfo
    from huggingface_hub.hf_api import ExpandModelProperty_T, ModelSort_T

T = TypeVar("T")

PAGE_LENGTH = 30
_MOST_PAGES = 5
"""Pages asked for in one go where a filter of ours leaves little of each."""
_LARGEST_CARD = 300_000
_LOGIN_S = 1.0
"""Longest the program's start waits for a file of a few bytes."""
_SORTS: "dict[HubSort, ModelSort_T]" = {
    HubSort.TRENDING: "trending_score",
    HubSort.DOWNLOADS: "downloads",
    HubSort.LIKES: "likes",
    HubSort.UPDATED: "last_modified",
}
_EXPAND: "tuple[ExpandModelProperty_T, ...]" = (
    "cardData",
    "downloads",
    "gated",
    "gguf",
    "lastModified",
    "likes",
    "pipeline_tag",
    "private",
    "siblings",
    "tags",
)
_TRUE = frozenset({"1", "true", "yes", "on"})
_COMMIT = re.compile(r"[0-9a-f]{40}")
_FRONT_MATTER = re.compile(r"\A﻿?---\s*\n.*?\n---\s*(?:\n|\Z)", re.DOTALL)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DownloadSource:
    """Where the bytes of a file are asked for."""

    url: str
    """At the Hub; a redirect leads to where they lie."""
    headers: Mapping[str, str] = field(repr=False)
    """For the Hub's own host only: the token is among them."""
    proxy: str | None = None
    """The proxy from Settings; `None`: what the environment says."""


class HubService:
    """Asks the Hub through `huggingface_hub`; lives on the I/O loop.

    The library's functions block: each call has a thread of its own, which nobody waits for once
    its answer is not wanted any more, as when another search has begun or the program ends.
    """

    def __init__(
        self,
        settings: SettingsStore,
        secrets: SecretStore,
        cache_folder: Path,
        prepare: Callable[[], None],
        environment: Mapping[str, str] = os.environ,
        *,
        limits: HubLimits | None = None,
        traffic: Traffic | None = None,
    ) -> None:
        """`prepare` is called, in a thread, before `huggingface_hub` may send anything."""
        self._settings = settings
        self._secrets = secrets
        self._prepare = prepare
        self._environment = environment
        self._limits = limits or HubLimits()
        self._has_called = False
        self.traffic = traffic or Traffic()
        """Counts what leaves this computer."""
        self._headers = RemoteHeaders(cache_folder / "headers")
        secrets.hide_keys_of(lambda: (account(self.endpoint),))
        for name in TOKEN_VARIABLES:
            secrets.redactor.know(check_key(environment.get(name, "")).value)

    @property
    def endpoint(self) -> str:
        """The Hub's address: from Settings, else `HF_ENDPOINT`, else the public Hub."""
        named = self._settings.settings.hub_endpoint or self._environment.get("HF_ENDPOINT")
        return tidied(named or "") or PUBLIC_HUB

    @property
    def is_offline(self) -> bool:
        """True where nothing may be fetched."""
        variable = self._environment.get("HF_HUB_OFFLINE", "").strip().lower()
        return self._settings.settings.offline or variable in _TRUE

    async def hide_login(self) -> None:
        """Have the token of `hf auth login` hidden before anything can show it."""

        def know() -> None:
            self._secrets.redactor.know(stored_login(self._environment))

        # its folder may be on a drive that does not answer: the thread then hides it later
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOGIN_S):
                await run_in_daemon_thread(know)

    async def load(self) -> None:
        """Load `huggingface_hub`, which takes a second: the first call finds it there."""
        if not self.is_offline:
            await run_in_daemon_thread(self._prepare)

    async def search(
        self,
        query: HubQuery,
        cursor: str | None = None,
        *,
        runs_here: Callable[[HubModel], bool] | None = None,
    ) -> SearchPage:
        """Return a page of GGUF repositories; `runs_here` decides for `query.fits_only`.

        Raises `Offline` and `HubFailed`. Filters the Hub does not know are applied here, over as
        many of its pages as it takes to fill one, a few at most.
        """
        named = self.reference_in(query.text)
        if named is not None:
            query = replace(query, text=named.repo)
        found: list[HubModel] = []
        for _ in range(_MOST_PAGES):
            exchange = Exchange(next_query=cursor, wants_json=True)
            infos = await self._call(lambda api: _page(api, query), exchange)
            known = {model.repo for model in found}
            found += [
                model
                for model in map(listing.model_of, infos)
                if model is not None
                and model.repo not in known
                and _passes(query, model, runs_here)
            ]
            cursor = exchange.next_query
            if cursor is None or len(found) >= PAGE_LENGTH // 2:
                break
        return SearchPage(tuple(found), cursor)

    def reference(self, text: str) -> HubReference:
        """Return the repository a text names and what of it; raises `RepositoryNotFound`."""
        found = self.reference_in(text)
        if found is None:
            raise _not_a_repository()
        return found

    def reference_in(self, text: str) -> HubReference | None:
        """Return the repository that what somebody typed or pasted names; `None` for words."""
        return hub_reference(text, (urlsplit(self.endpoint).netloc.lower(),))

    async def repository(self, repo: str, revision: str | None = None) -> HubRepository:
        """Return a repository's files at one commit.

        Raises `Offline`, `HubFailed`, `RepositoryNotFound`, `RepositoryGated`.
        """
        page_url = self.page_url(repo)
        at = None if revision is None else _sendable(revision)
        info = await self._call(lambda api: api.model_info(repo, revision=at, files_metadata=True))
        model, commit = listing.model_of(info), info.sha
        if model is None or not isinstance(commit, str) or not _COMMIT.fullmatch(commit):
            raise answer_unreadable()
        files, projectors = listing.files_of(listing.parts_of(info))
        return HubRepository(model, commit, files, projectors, page_url)

    async def card(self, repo: str, revision: str = "main") -> str:
        """Return the model card as Markdown without its front matter; empty where there is none."""
        _check_repo(repo)
        try:
            card = await self._read(repo, revision, "README.md", _LARGEST_CARD)
        except RepositoryNotFound:
            return ""
        text = self._secrets.redactor.clean(card.decode("utf-8", "replace"))
        return _FRONT_MATTER.sub("", text, count=1).strip()

    async def header(self, repo: str, revision: str, file: HubFile) -> GgufHeader:
        """Return the header of a file, fetching as little of it as possible.

        Raises `ModelFileInvalid` and what `repository` raises.
        """
        _check_repo(repo)

        async def piece(path: str, offset: int, length: int) -> bytes:
            return await self._read(repo, revision, path, length, offset)

        return await self._headers.read(repo, revision, file, piece)

    async def source(self, repo: str, revision: str, path: str) -> DownloadSource:
        """Return where and how the bytes of a file are asked for; raises `Offline`."""
        _check_repo(repo)
        self._check()
        at = quote(revision, safe="", errors="replace")
        # the address is read before the token is waited for: one belongs to the other
        url = f"{self.endpoint}/{quote(repo)}/resolve/{at}/{quote(path, errors='replace')}"
        token = await self.token()
        return DownloadSource(
            url,
            _headers(None if token is None else token.value),
            self._settings.settings.proxy,
        )

    def page_url(self, repo: str) -> str:
        """Return the repository's page for a browser."""
        _check_repo(repo)
        return f"{self.endpoint}/{quote(repo)}"

    async def token(self) -> HubToken | None:
        """Return the token in force and where it is from."""
        return await find_token(self.endpoint, self._secrets, self._environment, self._login)

    async def set_token(self, value: str) -> tuple[KeySource, str]:
        """Keep a token for this endpoint; return where it is kept and whose it is.

        Raises `UsageError`, `Offline`, `HubFailed`, and `HubTokenRefused` where the Hub does not
        know it: it is not kept then.
        """
        value, endpoint = usable_key(value), self.endpoint
        answer = await self._call(lambda api: api.whoami(), token=value)
        name = answer.get("name") if isinstance(answer, dict) else None
        kept = await self._secrets.set(account(endpoint), value)
        return kept, name if isinstance(name, str) else ""

    async def forget_token(self) -> None:
        """Forget the token that was entered here."""
        await self._secrets.delete(account(self.endpoint))

    async def close(self) -> None:
        """Close every connection; calls in other threads are told that theirs broke."""
        if self._has_called:
            from huggingface_hub import close_session  # noqa: PLC0415 - loaded by the first call

            close_session()

    async def _read(
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

        return await self._call(work, exchange)

    def _check(self) -> None:
        if self.is_offline:
            raise Offline("Offline mode is on: the Hub is not asked.")
        check = check_url(self.endpoint)
        if check.level is AddressLevel.REFUSED:
            raise HubFailed(f"The Hub's address cannot be used. {check.message}", check.hint)

    def _begin(self, exchange: Exchange) -> None:
        """Make `exchange`, with what holds now, that of this thread's calls."""
        self._prepare()
        exchange.limits = self._limits
        exchange.proxy = self._settings.settings.proxy
        exchange.is_offline = self.is_offline
        exchange.redactor = self._secrets.redactor
        exchange.traffic = self.traffic
        current_exchange.set(exchange)

    def _login(self) -> HubToken | None:
        self._begin(Exchange())
        return login_token()

    async def _call(
        self,
        work: Callable[["HfApi"], T],
        exchange: Exchange | None = None,
        token: str | None = None,
    ) -> T:
        """Return what `work` makes of the Hub's API, in a thread; `token` stands for the usual one.

        Raises `Offline`, `HubFailed`, `RepositoryNotFound`, `RepositoryGated`, `HubTokenRefused`.
        """
        exchange = exchange or Exchange(wants_json=True)
        self._check()
        endpoint = self.endpoint
        host = urlsplit(endpoint).hostname or endpoint
        await self._secrets.learn()
        if token is None:
            known = await self.token()
            token = None if known is None else known.value
        self._secrets.redactor.know(token)
        # loading the library is no silence of the Hub's
        await self.load()
        self._has_called = True

        def run() -> T:
            from huggingface_hub import HfApi  # noqa: PLC0415 - start-up time

            self._begin(exchange)
            api = HfApi(endpoint=endpoint, token=token or False, headers=_headers(token))
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


@cache
def featured_models() -> tuple[FeaturedModel, ...]:
    """Return the well-known small models of `resources/shelf.toml`."""
    with resource("shelf.toml").open("rb") as file:
        return tuple(FeaturedModel(**entry) for entry in tomllib.load(file)["model"])


def _page(api: "HfApi", query: HubQuery) -> "list[ModelInfo]":
    """Return one page of a search: the transport asks for it, and for no other."""
    bounds = []
    if query.min_parameters is not None:
        bounds.append(f"min:{_billions(query.min_parameters)}")
    if query.max_parameters is not None:
        bounds.append(f"max:{_billions(query.max_parameters)}")
    found: list[ModelInfo] = []
    try:
        for info in api.list_models(
            filter=["gguf", *([f"license:{query.licence}"] if query.licence else ())],
            search=_sendable(query.text.strip()) or None,
            pipeline_tag=query.task,
            num_parameters=",".join(bounds) or None,
            sort=_SORTS[query.sort],
            limit=PAGE_LENGTH,
            expand=list(_EXPAND),
        ):
            found.append(info)  # noqa: PERF402 - what came before a fault is kept
    except (ValueError, KeyError, TypeError, AttributeError):
        if not found:
            raise
        # the library ends where a repository says something that it does not expect
        log.warning("a repository in the Hub's answer cannot be read", exc_info=True)
    return found


def _billions(count: int) -> str:
    return f"{count / 1e9:g}B" if count >= 10**9 else f"{count / 1e6:g}M"


def _passes(query: HubQuery, model: HubModel, runs_here: Callable[[HubModel], bool] | None) -> bool:
    if query.max_size_bytes is not None and (
        model.smallest_bytes is None or model.smallest_bytes > query.max_size_bytes
    ):
        return False
    return not query.fits_only or runs_here is None or runs_here(model)


def _sendable(text: str) -> str:
    """Return `text` without half characters, which no address can hold."""
    return text.encode(errors="replace").decode()


def _check_repo(repo: str) -> None:
    if not is_repository(repo):
        raise _not_a_repository()


def _headers(token: str | None) -> dict[str, str]:
    headers = {
        "user-agent": f"inference-playground/{__version__}",
        "accept-encoding": "identity",
    }
    return headers if token is None else {**headers, "authorization": f"Bearer {token}"}


def _translated(work: Callable[[], T], host: str) -> T:
    """Return what `work` returns, the library's own errors turned into sentences."""
    import httpx2  # noqa: PLC0415 - start-up time
    from huggingface_hub.errors import HFValidationError  # noqa: PLC0415 - start-up time

    try:
        return work()
    except HFValidationError as error:
        raise _not_a_repository() from error
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise HubFailed(f"The connection to the Hub ({host}) broke.") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        # the library takes answers for what its documentation says
        log.warning("an answer of the Hub cannot be read", exc_info=True)
        raise answer_unreadable() from error


def _not_a_repository() -> RepositoryNotFound:
    return RepositoryNotFound(
        "This is no repository's name.", "Write it as owner/name, or paste its address."
    )
