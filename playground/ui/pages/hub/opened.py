"""Decides what is shown of the repository that is open."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject

from playground.core.downloads import Download
from playground.core.errors import HubFailed, ModelFileInvalid
from playground.core.gguf_header import GgufHeader
from playground.core.hub import HubModel, HubRepository
from playground.core.targets import ModelFile
from playground.services.downloads import Downloads
from playground.services.hub import HubService
from playground.services.library import ModelLibrary
from playground.ui.bridge import Bridge, Follower
from playground.ui.pages.hub.actions import VersionActions
from playground.ui.pages.hub.advice import Assessor, advised, version_name, with_state
from playground.ui.pages.hub.entries import Opened, VersionRow
from playground.ui.pages.hub.view import HubPage
from playground.ui.widgets.show_toast import ShowToast

_MOST_TRIES = 4
"""Headers read one after the other until what is recommended is so by its own header."""


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
        self._tasks = [
            self._bridge.spawn(self._load(repo)),
            self._bridge.spawn(self._find_here()),
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

    async def _load(self, repo: str) -> None:
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
        await self._read_recommended(repository)

    async def _show_card(self, repository: HubRepository) -> None:
        repo = repository.model.repo
        try:
            card = await self._bridge.submit(self._hub.card(repo, repository.revision))
        except HubFailed:
            # the card is for reading only; everything that matters says so itself
            return
        if self._is_open(repo):
            self._view.details.show_card(card)

    async def _read_recommended(self, repository: HubRepository) -> None:
        """Read headers until what is recommended is so by its own header, not by its size."""
        for _ in range(_MOST_TRIES):
            row = self._recommended_row() or self._middle_row()
            if row is None or row.requirements is not None or row.problem is not None:
                break
            if not await self._read(repository, row):
                break
        if self._wants_all:
            await self._read_all(repository)

    async def _read_all(self, repository: HubRepository) -> None:
        opened = self._opened
        for path in [row.file.path for row in opened.rows] if opened else []:
            row = self._row(path)
            if row is None or row.requirements or row.problem or row.file.missing_parts:
                continue
            if not await self._read(repository, row):
                return

    async def _read(self, repository: HubRepository, row: VersionRow) -> bool:
        """Read a version's header; return False where asking for another makes no sense."""
        repo, path = repository.model.repo, row.file.path
        try:
            call = self._hub.header(repo, repository.revision, row.file)
            self._headers[path] = await self._bridge.submit(call)
        except ModelFileInvalid as error:
            self._set_row(replace(row, problem=error.message))
            return True
        except HubFailed as error:
            if self._is_open(repo):
                self._fail_rows(error)
            return False
        if self._is_open(repo):
            self._reckon_rows()
        return True

    def _fail_rows(self, error: HubFailed) -> None:
        opened = self._opened
        if opened is None:
            return
        is_locked = error.kind == "RepositoryGated"
        if is_locked:
            # what is needed is said once, above
            words = self.tr("Whether it runs here is known once you have access.")
        else:
            words = self.tr("Whether it runs here could not be found out. {0}").format(
                error.message
            )
        rows = tuple(
            row if row.requirements is not None else replace(row, problem=words)
            for row in opened.rows
        )
        self._show(replace(opened, rows=rows, is_locked=is_locked))

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

    def _middle_row(self) -> VersionRow | None:
        """Return what is offered where nothing is recommended."""
        return None if self._opened is None else self._opened.row

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
        self._files = await self._bridge.submit(self._library.scan())
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
        is_reading = bool(self._tasks) and not self._tasks[0].done()
        if opened.repository is not None and not is_reading:
            self._tasks.append(self._bridge.spawn(self._read_all(opened.repository)))
