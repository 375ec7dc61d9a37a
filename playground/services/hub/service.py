"""Search and file listing on the Hugging Face Hub."""

import re
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from playground.core.errors import HubFailed, RepositoryNotFound
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
from playground.services.hub.client import DownloadSource, HubConnection, HubToken, HubTokens
from playground.services.hub.headers import RemoteHeaders
from playground.store.secrets import KeySource, SecretStore
from playground.store.settings import SettingsStore

PAGE_LENGTH = 30
_MOST_PAGES = 5
"""Pages asked for in one go where a filter of ours leaves little of each."""
_LARGEST_CARD = 300_000
_SORTS = {
    HubSort.TRENDING: "trendingScore",
    HubSort.DOWNLOADS: "downloads",
    HubSort.LIKES: "likes",
    HubSort.UPDATED: "lastModified",
}
_EXPAND = (
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
_NEXT = re.compile(r'<([^>]+)>\s*;\s*rel="?next"?')
_FRONT_MATTER = re.compile(r"\A﻿?---\s*\n.*?\n---\s*(?:\n|\Z)", re.DOTALL)


class HubService:
    """Asks the Hub; every call can be cancelled, and its connection is closed with it."""

    def __init__(
        self,
        settings: SettingsStore,
        secrets: SecretStore,
        cache_folder: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._tokens = HubTokens(secrets, environment)
        self._connection = HubConnection(settings, self._tokens, environment)
        self._headers = RemoteHeaders(cache_folder / "headers")

    @property
    def endpoint(self) -> str:
        """The Hub's address."""
        return self._connection.endpoint

    @property
    def is_offline(self) -> bool:
        """True where offline mode is on, in Settings or by `HF_HUB_OFFLINE`."""
        return self._connection.is_offline

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
            params = _params(query) if cursor is None else parse_qsl(cursor)
            answer, link = await self._connection.json(
                f"/api/models?{urlencode(params, errors='replace')}"
            )
            if not isinstance(answer, list):
                raise HubFailed("The Hub's answer cannot be read.", "Try again later.")
            models = (listing.model_of(item) for item in answer if isinstance(item, dict))
            known = {model.repo for model in found}
            found += [
                model
                for model in models
                if model is not None
                and model.repo not in known
                and _passes(query, model, runs_here)
            ]
            following = _NEXT.search(link)
            # only the query counts: the address in it may be that of another mirror
            cursor = urlsplit(following[1]).query if following else None
            if cursor is None or len(found) >= PAGE_LENGTH // 2:
                break
        return SearchPage(tuple(found), cursor)

    async def repository(self, repo: str, revision: str | None = None) -> HubRepository:
        """Return a repository's files at one commit.

        Raises `Offline`, `HubFailed`, `RepositoryNotFound`, `RepositoryGated`.
        """
        path = _repo_path(repo)
        at = f"/revision/{quote(revision, safe='', errors='replace')}" if revision else ""
        answer, _ = await self._connection.json(f"/api/models/{path}{at}?blobs=true")
        model = listing.model_of(answer) if isinstance(answer, dict) else None
        commit = answer.get("sha") if isinstance(answer, dict) else None
        if model is None or not isinstance(commit, str) or not _COMMIT.fullmatch(commit):
            raise HubFailed("The Hub's answer cannot be read.", "Try again later.")
        files, projectors = listing.files_of(listing.parts_of(answer))
        return HubRepository(model, commit, files, projectors, self.page_url(repo))

    async def card(self, repo: str, revision: str = "main") -> str:
        """Return the model card as Markdown without its front matter; empty where there is none."""
        try:
            text = await self._connection.text(
                _resolve_path(repo, revision, "README.md"), _LARGEST_CARD
            )
        except RepositoryNotFound:
            return ""
        return _FRONT_MATTER.sub("", text, count=1).strip()

    async def header(self, repo: str, revision: str, file: HubFile) -> GgufHeader:
        """Return the header of a file, fetching as little of it as possible.

        Raises `ModelFileInvalid` and what `repository` raises.
        """

        async def piece(path: str, offset: int, length: int) -> bytes:
            where = _resolve_path(repo, revision, path)
            return await self._connection.piece(where, offset, length)

        return await self._headers.read(repo, revision, file, piece)

    async def source(self, repo: str, revision: str, path: str) -> DownloadSource:
        """Return where the bytes of a file are asked for; raises `Offline`."""
        return await self._connection.source(_resolve_path(repo, revision, path))

    def shelf(self) -> tuple[FeaturedModel, ...]:
        """Return the starter shelf."""
        return shelf()

    def page_url(self, repo: str) -> str:
        """Return the repository's page for a browser."""
        return f"{self.endpoint}/{_repo_path(repo)}"

    async def token(self) -> HubToken | None:
        """Return the token in force and where it is from."""
        return await self._connection.token()

    async def set_token(self, value: str) -> tuple[KeySource, str]:
        """Keep a token for this endpoint; return where it is kept and whose it is.

        Raises `UsageError`, `Offline`, `HubFailed`, and `HubTokenRefused` where the Hub does not
        know it: it is not kept then.
        """
        before = await self.token()
        kept = await self._tokens.set(self.endpoint, value)
        try:
            answer, _ = await self._connection.json("/api/whoami-v2")
        except HubFailed:
            await self._tokens.forget(self.endpoint)
            if before is not None and before.source in {"keyring", "session"}:
                await self._tokens.set(self.endpoint, before.value)
            raise
        name = answer.get("name") if isinstance(answer, dict) else None
        return kept, name if isinstance(name, str) else ""

    async def forget_token(self) -> None:
        """Forget the token that was entered here."""
        await self._tokens.forget(self.endpoint)

    async def close(self) -> None:
        """Close every connection."""
        await self._connection.close()


@cache
def shelf() -> tuple[FeaturedModel, ...]:
    """Return the well-known small models of `resources/shelf.toml`."""
    with resource("shelf.toml").open("rb") as file:
        return tuple(FeaturedModel(**entry) for entry in tomllib.load(file)["model"])


def _params(query: HubQuery) -> list[tuple[str, str]]:
    params: list[tuple[str, Any]] = [("filter", "gguf"), ("sort", _SORTS[query.sort])]
    params += [("direction", "-1"), ("limit", PAGE_LENGTH)]
    if query.text.strip():
        params.append(("search", query.text.strip()))
    if query.task:
        params.append(("pipeline_tag", query.task))
    if query.licence:
        params.append(("filter", f"license:{query.licence}"))
    bounds = []
    if query.min_parameters is not None:
        bounds.append(f"min:{_billions(query.min_parameters)}")
    if query.max_parameters is not None:
        bounds.append(f"max:{_billions(query.max_parameters)}")
    if bounds:
        params.append(("num_parameters", ",".join(bounds)))
    params += [("expand", name) for name in _EXPAND]
    return [(name, str(value)) for name, value in params]


def _billions(count: int) -> str:
    return f"{count / 1e9:g}B" if count >= 10**9 else f"{count / 1e6:g}M"


def _passes(query: HubQuery, model: HubModel, runs_here: Callable[[HubModel], bool] | None) -> bool:
    if query.max_size_bytes is not None and (
        model.smallest_bytes is None or model.smallest_bytes > query.max_size_bytes
    ):
        return False
    return not query.fits_only or runs_here is None or runs_here(model)


def _repo_path(repo: str) -> str:
    if not listing.is_repo_name(repo):
        raise RepositoryNotFound(
            "This is no repository's name.", "It is written as owner/name, as in its address."
        )
    return quote(repo)


def _resolve_path(repo: str, revision: str, path: str) -> str:
    at = quote(revision, safe="", errors="replace")
    return f"/{_repo_path(repo)}/resolve/{at}/{quote(path, errors='replace')}"
