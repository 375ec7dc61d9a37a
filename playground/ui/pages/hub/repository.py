"""Decides what is shown of the repository that is open."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject

from playground.core.downloads import Download
from playground.core.errors import HubFailed, ModelFileInvalid
from playground.core.gguf.header import GgufHeader
from playground.core.hub import HubModel, HubRepository
from playground.core.targets import ModelFile
from playground.services.downloads.manager import Downloads
from playground.services.hub.service import HubService
from playground.services.library.service import ModelLibrary
from playground.ui.bridge import Bridge, Follower
from playground.ui.pages.hub.actions import VersionActions
from playground.ui.pages.hub.advice import Assessor, advised, unread, version_name, with_state
from playground.ui.pages.hub.page import HubPage
from playground.ui.pages.hub.view_models import Opened, VersionRow
from playground.ui.widgets.show_toast import ShowToast

_HERE_S = 2.0
"""How long verdicts wait for what is found on this computer: that needs no asking."""


class OpenedRepository(QObject):
    """One repository at a time; what belongs to another is called off."""

    def __init__(
        self,
        view: HubPage,
        bridge: Bridge,
        *,
        hub: HubService,
        downloads: Downloads,
        requirements: Assessor,
        library: ModelLibrary,
        open_downloads: Callable[[], object],
        open_compare: Callable[[Path], object],
        open_settings: Callable[[], object] | None,
        toast: ShowToast,
    ) -> None:
        super().__init__(view)
        self._view = view
        self._bridge = bridge
        self._hub = hub
        self._downloads = downloads
        self._requirements = requirements
        self._library = library
        self._actions = VersionActions(
            view.details,
            bridge,
            downloads,
            lambda: self._opened,
            open_downloads=open_downloads,
            open_compare=open_compare,
            open_settings=open_settings,
            toast=toast,
        )
        self._opened: Opened | None = None
        self._headers: dict[str, GgufHeader] = {}
        self._is_own_choice = False
        """True once a person has chosen a version."""
        self._wants_all = False
        self._tasks: list[asyncio.Task[None]] = []
        self._fetched: tuple[Download, ...] = ()
        self._files: tuple[ModelFile, ...] = ()
        self._follower: Follower | None = None
        self._connect()

    def open(self, repo: str, model: HubModel | None, good_at: str) -> None:
        """Show a repository and ask the Hub about it."""
        opened = self._opened
        if opened is not None and opened.repo == repo and not self._has_failed(opened):
            return
        self._stop()
        self._headers = {}
        self._is_own_choice = self._wants_all = False
        page = self._hub.page_url(repo)
        self._show(Opened(repo, page, model=model, good_at=good_at))
        here = self._bridge.spawn(self._find_here())
        self._tasks = [
            self._bridge.spawn(self._load(repo, here)),
            here,
            self._bridge.spawn(self._ask_token(repo)),
        ]

    def retry_if_failed(self) -> None:
        """Ask again where the Hub had not answered."""
        opened = self._opened
        if opened is not None and self._has_failed(opened):
            self.open(opened.repo, opened.model, opened.good_at)

    def _has_failed(self, opened: Opened) -> bool:
        return opened.error is not None or opened.is_locked

    def reckon(self) -> None:
        """Work every verdict out again: memory may have changed."""
        if self._opened is not None and self._opened.repository is not None:
            self._reckon_rows()

    def wake(self) -> None:
        """Follow the downloads while the page is in front."""
        if self._follower is None:
            self._follower = self._bridge.follow(self._downloads.follow, self._on_downloads, hz=5)
        # a token may have been entered, or terms accepted, meanwhile
        self.retry_if_failed()

    def rest(self) -> None:
        """Follow nothing while another page is in front."""
        if self._follower is not None:
            self._follower.cancel()
            self._follower = None

    def close(self) -> None:
        """End what this has begun."""
        self.rest()
        self._stop()

    def _connect(self) -> None:
        details = self._view.details
        details.retry_asked.connect(self.retry_if_failed)
        details.version_chosen.connect(self._on_version)
        details.quantization_chosen.connect(self._on_quantization)
        details.versions_shown.connect(self._on_all)
        details.offer.recommended_asked.connect(self._on_recommended)

    def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._tasks = []

    def _show(self, opened: Opened) -> None:
        self._opened = opened
        self._view.show_opened(opened)

    def _is_open(self, repo: str) -> bool:
        return self._opened is not None and self._opened.repo == repo

    async def _load(self, repo: str, here: "asyncio.Task[None]") -> None:
        try:
            repository = await self._bridge.submit(self._hub.repository(repo))
        except HubFailed as error:
            if self._opened is not None and self._opened.repo == repo:
                self._show(replace(self._opened, error=error.info()))
            return
        if self._opened is None or self._opened.repo != repo:
            return
        rows = tuple(VersionRow(file) for file in repository.files)
        page = repository.page_url or self._opened.page_url
        self._show(replace(self._opened, repository=repository, page_url=page, rows=rows))
        self._reckon_rows()
        self._tasks.append(self._bridge.spawn(self._show_card(repository)))
        await asyncio.wait([here], timeout=_HERE_S)
        for row in self._opened.rows:
            if row.here is not None:
                await self._read(repository, row)
        await self._read_offered(repository)

    async def _show_card(self, repository: HubRepository) -> None:
        repo = repository.model.repo
        try:
            card = await self._bridge.submit(self._hub.card(repo, repository.revision))
        except HubFailed:
            # the card is for reading only; everything that matters says so itself
            return
        if self._is_open(repo):
            self._view.details.show_card(card)

    async def _read_offered(self, repository: HubRepository) -> None:
        """Read headers until what is recommended or chosen is so by its own, not by its size."""
        row = self._unread_row()
        while row is not None and await self._read(repository, row):
            row = self._unread_row()
        if self._wants_all:
            await self._read_all(repository)

    async def _read_all(self, repository: HubRepository) -> None:
        opened = self._opened
        for path in [row.file.path for row in opened.rows] if opened else []:
            row = self._row(path)
            if row is None or row.is_looked_at:
                continue
            if not await self._read(repository, row):
                return

    async def _read(self, repository: HubRepository, row: VersionRow) -> bool:
        """Read a version's header; return False where asking for another makes no sense."""
        repo, path = repository.model.repo, row.file.path
        try:
            self._headers[path] = await self._bridge.submit(self._header(repository, row))
        except ModelFileInvalid as error:
            self._set_row(replace(row, problem=error.message))
            return True
        except HubFailed as error:
            if self._opened is not None and self._is_open(repo):
                self._show(unread(self._opened, error))
            return False
        if self._is_open(repo):
            self._reckon_rows()
        return True

    def _header(
        self, repository: HubRepository, row: VersionRow
    ) -> Coroutine[Any, Any, GgufHeader]:
        """Read it from the file that is here, else ask the Hub, which may want terms accepted."""
        if row.here is not None:
            return asyncio.to_thread(self._library.header_at, row.here)
        return self._hub.header(repository.model.repo, repository.revision, row.file)

    def _reckon_rows(self) -> None:
        """Fill in verdicts, what is recommended, and what is here or on its way."""
        opened = self._opened
        if opened is None:
            return
        opened = advised(opened, self._headers, self._requirements, is_own=self._is_own_choice)
        self._show(replace(opened, rows=tuple(map(self._with_state, opened.rows))))

    def _with_state(self, row: VersionRow) -> VersionRow:
        repo = "" if self._opened is None else self._opened.repo
        return with_state(repo, row, self._fetched, self._files)

    def _recommended_row(self) -> VersionRow | None:
        rows = () if self._opened is None else self._opened.rows
        return next((row for row in rows if row.is_recommended), None)

    def _unread_row(self) -> VersionRow | None:
        """Return the version whose header is wanted next: what is recommended or chosen."""
        chosen = None if self._opened is None else self._opened.row
        rows = (self._recommended_row(), chosen)
        return next((row for row in rows if row is not None and not row.is_looked_at), None)

    @property
    def _is_reading(self) -> bool:
        return bool(self._tasks) and not self._tasks[0].done()

    def _row(self, path: str) -> VersionRow | None:
        rows = () if self._opened is None else self._opened.rows
        return next((row for row in rows if row.file.path == path), None)

    def _set_row(self, changed: VersionRow) -> None:
        opened = self._opened
        if opened is None:
            return
        rows = tuple(changed if row.file.path == changed.file.path else row for row in opened.rows)
        self._opened = replace(opened, rows=rows)
        self._reckon_rows()

    async def _find_here(self) -> None:
        self._files = await self._bridge.submit(self._library.listed())
        self._refresh_states()

    async def _ask_token(self, repo: str) -> None:
        token = await self._bridge.submit(self._hub.token())
        if self._opened is not None and self._opened.repo == repo:
            self._show(replace(self._opened, has_token=token is not None))

    def _refresh_states(self) -> None:
        if self._opened is not None:
            rows = tuple(map(self._with_state, self._opened.rows))
            if rows != self._opened.rows:
                self._show(replace(self._opened, rows=rows))

    def _on_downloads(self, changes: list[tuple[Download, ...]]) -> None:
        self._fetched = changes[-1]
        self._refresh_states()

    def _on_version(self, path: str) -> None:
        if self._opened is None or self._opened.chosen == path:
            return
        self._is_own_choice = True
        self._show(replace(self._opened, chosen=path))
        repository = self._opened.repository
        if repository is not None and not self._is_reading:
            self._tasks.append(self._bridge.spawn(self._read_offered(repository)))

    def _on_quantization(self, quantization: str) -> None:
        rows = () if self._opened is None else self._opened.rows
        path = next((r.file.path for r in rows if version_name(r.file) == quantization), None)
        if path is not None:
            self._on_version(path)

    def _on_recommended(self) -> None:
        row = self._recommended_row()
        if row is not None and self._opened is not None:
            self._is_own_choice = False
            self._show(replace(self._opened, chosen=row.file.path))

    def _on_all(self) -> None:
        opened = self._opened
        if opened is None or self._wants_all:
            return
        self._wants_all = True
        if opened.repository is not None and not self._is_reading:
            self._tasks.append(self._bridge.spawn(self._read_all(opened.repository)))
