"""Search and file listing on the Hugging Face Hub."""

import logging
import re
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from playground.core.errors import RepositoryNotFound
from playground.core.gguf.header import GgufHeader
from playground.core.hub import (
    FeaturedModel,
    HubFile,
    HubModel,
    HubQuery,
    HubRepository,
    HubSort,
    SearchPage,
)
from playground.resources import resource
from playground.services.hub import api as listing
from playground.services.hub.client import (
    DownloadSource,
    HubClient,
    HubToken,
    HubTokens,
    checked_token,
    not_a_repository,
)
from playground.services.hub.exchange import Exchange, HubLimits, answer_unreadable
from playground.services.hub.headers import RemoteHeaders
from playground.store.secrets import KeySource, SecretStore
from playground.store.settings import SettingsStore

if TYPE_CHECKING:
    from huggingface_hub import HfApi, ModelInfo
    from huggingface_hub.hf_api import ExpandModelProperty_T, ModelSort_T

PAGE_LENGTH = 30
_MOST_PAGES = 5
"""Pages asked for in one go where a filter of ours leaves little of each."""
_LARGEST_CARD = 300_000
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
_COMMIT = re.compile(r"[0-9a-f]{40}")
_FRONT_MATTER = re.compile(r"\A﻿?---\s*\n.*?\n---\s*(?:\n|\Z)", re.DOTALL)

log = logging.getLogger(__name__)


class HubService:
    """Asks the Hub; every call can be cancelled, and its connection is closed with it."""

    def __init__(
        self,
        settings: SettingsStore,
        secrets: SecretStore,
        cache_folder: Path,
        environment: Mapping[str, str] | None = None,
        limits: HubLimits | None = None,
    ) -> None:
        self._tokens = HubTokens(secrets, environment)
        self._client = HubClient(settings, self._tokens, environment, limits)
        self._headers = RemoteHeaders(cache_folder / "headers")

    @property
    def endpoint(self) -> str:
        """The Hub's address."""
        return self._client.endpoint

    @property
    def is_offline(self) -> bool:
        """True where offline mode is on, in Settings or by `HF_HUB_OFFLINE`."""
        return self._client.is_offline

    async def load(self) -> None:
        """Get ready for the first call, without asking anybody."""
        await self._client.load()

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
        found: list[HubModel] = []
        for _ in range(_MOST_PAGES):
            exchange = Exchange(next_query=cursor)
            infos = await self._client.call(lambda api: _page(api, query), exchange)
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

    async def repository(self, repo: str, revision: str | None = None) -> HubRepository:
        """Return a repository's files at one commit.

        Raises `Offline`, `HubFailed`, `RepositoryNotFound`, `RepositoryGated`.
        """
        page_url = self.page_url(repo)
        at = None if revision is None else _sendable(revision)
        info = await self._client.call(
            lambda api: api.model_info(repo, revision=at, files_metadata=True)
        )
        model, commit = listing.model_of(info), info.sha
        if model is None or not isinstance(commit, str) or not _COMMIT.fullmatch(commit):
            raise answer_unreadable()
        files, projectors = listing.files_of(listing.parts_of(info))
        return HubRepository(model, commit, files, projectors, page_url)

    async def card(self, repo: str, revision: str = "main") -> str:
        """Return the model card as Markdown without its front matter; empty where there is none."""
        _check_repo(repo)
        try:
            card = await self._client.read(repo, revision, "README.md", _LARGEST_CARD)
        except RepositoryNotFound:
            return ""
        return _FRONT_MATTER.sub("", card.decode("utf-8", "replace"), count=1).strip()

    async def header(self, repo: str, revision: str, file: HubFile) -> GgufHeader:
        """Return the header of a file, fetching as little of it as possible.

        Raises `ModelFileInvalid` and what `repository` raises.
        """
        _check_repo(repo)

        async def piece(path: str, offset: int, length: int) -> bytes:
            return await self._client.read(repo, revision, path, length, offset)

        return await self._headers.read(repo, revision, file, piece)

    async def source(self, repo: str, revision: str, path: str) -> DownloadSource:
        """Return where the bytes of a file are asked for; raises `Offline`."""
        _check_repo(repo)
        at = quote(revision, safe="", errors="replace")
        where = f"/{quote(repo)}/resolve/{at}/{quote(path, errors='replace')}"
        return await self._client.source(where)

    def shelf(self) -> tuple[FeaturedModel, ...]:
        """Return the starter shelf."""
        return shelf()

    def page_url(self, repo: str) -> str:
        """Return the repository's page for a browser."""
        _check_repo(repo)
        return f"{self.endpoint}/{quote(repo)}"

    async def token(self) -> HubToken | None:
        """Return the token in force and where it is from."""
        return await self._client.token()

    async def set_token(self, value: str) -> tuple[KeySource, str]:
        """Keep a token for this endpoint; return where it is kept and whose it is.

        Raises `UsageError`, `Offline`, `HubFailed`, and `HubTokenRefused` where the Hub does not
        know it: it is not kept then.
        """
        value = checked_token(value)
        answer = await self._client.call(lambda api: api.whoami(), token=value)
        name = answer.get("name")
        kept = await self._tokens.set(self.endpoint, value)
        return kept, name if isinstance(name, str) else ""

    async def forget_token(self) -> None:
        """Forget the token that was entered here."""
        await self._tokens.forget(self.endpoint)

    async def close(self) -> None:
        """Close every connection."""
        await self._client.close()


@cache
def shelf() -> tuple[FeaturedModel, ...]:
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
    if not listing.is_repo_name(repo):
        raise not_a_repository()
