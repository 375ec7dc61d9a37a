"""Decides what is shown of the repository that is open."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QCoreApplication, QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices

from playground.core.downloads import Download, DownloadState
from playground.core.errors import HubFailed, ModelLoadFailed, NotAChatModel, PlaygroundError
from playground.core.gguf.chat_model import check_chat_model
from playground.core.gguf.header import GgufHeader
from playground.core.gguf.naming import clean, versions_named
from playground.core.hub import HubFile, HubModel, HubReference, HubRepository
from playground.core.requirements.model import Compatibility
from playground.core.targets import ModelFile
from playground.services.downloads.manager import DownloadManager
from playground.services.hub.recommend import recommended
from playground.services.hub.service import HubService
from playground.services.library.service import ModelLibrary
from playground.services.requirements import RequirementsService
from playground.ui.bridge import Bridge, Follower
from playground.ui.pages.hub.page import HubPage
from playground.ui.pages.hub.view_models import RepositoryState, VersionRow
from playground.ui.widgets.toast import Notify


def _tr(text: str) -> str:
    return QCoreApplication.translate("HubPage", text)


def recommend_versions(
    opened: RepositoryState,
    headers: Mapping[str, GgufHeader],
    requirements: RequirementsService,
    *,
    is_own: bool,
) -> RepositoryState:
    """Return `opened` with exact verdicts where a header is known, and one version recommended.

    Which one is first guessed from sizes; what is shown as a verdict never is. `is_own`: a person
    has chosen a version, which stays.
    """
    if opened.repository is None:
        return opened
    is_chat = all(row.is_chat_model or not row.file.quantization for row in opened.rows)
    projector = opened.repository.projector
    projector_bytes = 0 if projector is None else projector.size_bytes
    others = [(version_name(row.file), row.file.size_bytes) for row in opened.rows]
    rows: list[VersionRow] = []
    verdicts: dict[str, Compatibility] = {}
    for row in opened.rows:
        header = headers.get(row.file.path)
        needs = None
        if header is not None:
            needs = requirements.assess(header, projector_bytes=projector_bytes, others=others)
        rows.append(replace(row, requirements=needs))
        # a version that is no chat model says what the others are
        guess = (
            requirements.guess(opened.repository.model, row.file.size_bytes) if is_chat else None
        )
        verdict = guess if needs is None else needs.verdict
        if verdict is not None and row.problem is None:
            verdicts[row.file.path] = verdict
    best = recommended(opened.repository.files, verdicts)
    best_path = None if best is None else best.file.path
    chosen = opened.chosen
    if not is_own or chosen is None:
        chosen = best_path or _smallest(rows)
    return replace(
        opened,
        rows=tuple(replace(row, is_recommended=row.file.path == best_path) for row in rows),
        chosen=chosen,
        # a reason that rests on a guess is not told
        reason=best.reason if best is not None and best_path in headers else "",
    )


def unread(opened: RepositoryState, error: HubFailed) -> RepositoryState:
    """Return `opened` where the Hub gives out no more headers, with the reason in every version."""
    is_locked = error.kind == "RepositoryGated"
    if is_locked:
        # what is needed is said once, above
        words = _tr("Whether it runs here is known once you have access.")
    else:
        words = _tr("Whether it runs here could not be found out. {0}").format(error.message)
    rows = tuple(
        row if row.requirements is not None else replace(row, problem=words) for row in opened.rows
    )
    return replace(opened, rows=rows, is_locked=is_locked)


def version_name(file: HubFile) -> str:
    """Return what tells a version from the others: its quantization, else its path."""
    return file.quantization or file.path


def with_state(
    repo: str, row: VersionRow, fetched: Sequence[Download], files: Sequence[ModelFile]
) -> VersionRow:
    """Return the version with its download, and where it is on this computer already."""
    download = next(
        (one for one in fetched if one.repo == repo and one.parts[0].path == row.file.path), None
    )
    if download is not None and download.state is DownloadState.DONE:
        return replace(row, download=download, here=download.path)
    return replace(row, download=download, here=_path_here(repo, row, files))


def _path_here(repo: str, row: VersionRow, files: Sequence[ModelFile]) -> Path | None:
    name = row.file.path.rpartition("/")[2]
    owner, _, plain = repo.partition("/")
    for model in files:
        if model.path.name != name or model.missing_parts or model.problem is not None:
            continue
        if not model.is_present:
            continue
        folder = model.path.parent
        is_from_there = model.repository == repo or (folder.parent.name, folder.name) == (
            owner,
            plain,
        )
        if is_from_there or model.size_bytes == row.file.size_bytes:
            return model.path
    return None


def _smallest(rows: Sequence[VersionRow]) -> str | None:
    """Return the smallest whole version, for where nothing can be recommended."""
    whole = [row for row in rows if row.file.problem is None] or list(rows)
    return whole[0].file.path if whole else None


_HERE_S = 2.0
"""How long verdicts wait for what is found on this computer: that needs no asking."""


class RepositoryPresenter(QObject):
    """One repository at a time; what belongs to another is called off."""

    verdict_known = Signal()
    """`verdicts` has changed."""

    def __init__(
        self,
        view: HubPage,
        bridge: Bridge,
        *,
        hub: HubService,
        downloads: DownloadManager,
        requirements: RequirementsService,
        library: ModelLibrary,
        open_downloads: Callable[[], object],
        open_compare: Callable[[Path], object],
        open_settings: Callable[[], object],
        toast: Notify,
    ) -> None:
        """`open_compare` gets the file to compare with."""
        super().__init__(view)
        self._view = view
        self._bridge = bridge
        self._hub = hub
        self._downloads = downloads
        self._requirements = requirements
        self._library = library
        self._open_compare = open_compare
        self._toast = toast
        self._opened: RepositoryState | None = None
        self.verdicts: dict[str, Compatibility] = {}
        """Of the repositories that were opened: that of the recommended version, by its header."""
        self._wanted = HubReference("")
        """What the repository was opened by."""
        self._headers: dict[str, GgufHeader] = {}
        self._is_own_choice = False
        """True once a person has chosen a version."""
        self._wants_all = False
        self._tasks: list[asyncio.Task[None]] = []
        self._fetched: tuple[Download, ...] = ()
        self._files: tuple[ModelFile, ...] = ()
        self._follower: Follower | None = None
        self._connect(open_downloads, open_settings)

    def open(self, wanted: HubReference, model: HubModel | None = None, good_at: str = "") -> None:
        """Show a repository and ask the Hub about it."""
        opened, repo = self._opened, wanted.repo
        is_open = opened is not None and self._wanted == wanted
        if opened is not None and is_open and not self._has_failed(opened):
            return
        self._stop()
        self._wanted = wanted
        self._headers = {}
        self._is_own_choice = self._wants_all = False
        page = self._hub.page_url(repo)
        self._show(RepositoryState(repo, page, model=model, good_at=good_at))
        here = self._bridge.spawn(self._find_here())
        self._tasks = [
            self._bridge.spawn(self._load(repo, here)),
            here,
            self._bridge.spawn(self._ask_token(repo)),
        ]

    def leave(self, listed: Collection[str]) -> None:
        """Show no repository any more, unless it is `listed` or was asked for by its address."""
        if self._opened is None or self._wanted.is_explicit or self._wanted.repo in listed:
            return
        self._stop()
        self._wanted, self._opened = HubReference(""), None
        self._view.show_no_repository()

    def retry_if_failed(self) -> None:
        """Ask again where the Hub had not answered."""
        opened = self._opened
        if opened is not None and self._has_failed(opened):
            self.open(self._wanted, opened.model, opened.good_at)

    def _has_failed(self, opened: RepositoryState) -> bool:
        return opened.error is not None or opened.is_locked

    def assess(self) -> None:
        """Work every verdict out again: memory may have changed."""
        self.verdicts.clear()
        if self._opened is not None and self._opened.repository is not None:
            self._assess_rows()

    def close(self) -> None:
        self._on_hidden()
        self._stop()

    def _connect(
        self, open_downloads: Callable[[], object], open_settings: Callable[[], object]
    ) -> None:
        view, details = self._view, self._view.details
        view.shown.connect(self._on_shown)
        view.hidden.connect(self._on_hidden)
        view.closing.connect(self.close)
        for button in details.page_buttons:
            button.clicked.connect(self._on_page)
        details.enter_token.clicked.connect(open_settings)
        details.retry.clicked.connect(self.retry_if_failed)
        details.versions.chosen.connect(self._on_version)
        details.needs.version_asked.connect(self._on_quantization)
        details.all_versions.opened.connect(self._on_all)
        details.offer.download_asked.connect(self._on_download)
        details.offer.compare.clicked.connect(self._on_compare)
        details.offer.show_downloads.clicked.connect(open_downloads)
        details.offer.show_recommended.clicked.connect(self._on_recommended)

    def _on_shown(self) -> None:
        if self._follower is None:
            self._follower = self._bridge.follow(self._downloads.follow, self._on_downloads, hz=5)
        # a token may have been entered, or terms accepted, meanwhile
        self.retry_if_failed()

    def _on_hidden(self) -> None:
        if self._follower is not None:
            self._follower.cancel()
            self._follower = None

    def _on_download(self, with_pictures: bool) -> None:
        opened = self._opened
        row = None if opened is None else opened.row
        if opened is None or opened.repository is None or row is None:
            return
        if row.download is not None and row.download.state is DownloadState.FAILED:
            self._bridge.spawn(self._retry(row.download))
            return
        self._bridge.spawn(self._fetch(opened.repository, row, with_pictures=with_pictures))

    async def _fetch(
        self, repository: HubRepository, row: VersionRow, *, with_pictures: bool
    ) -> None:
        projector = repository.projector if with_pictures else None
        try:
            call = self._downloads.add(repository, row.file, projector=projector)
            await self._bridge.submit(call)
        except PlaygroundError as error:
            self._toast(f"{error.message} {error.hint}".strip(), tone="bad")

    async def _retry(self, download: Download) -> None:
        await self._bridge.submit(self._downloads.resume(download.id))

    def _on_compare(self) -> None:
        row = None if self._opened is None else self._opened.row
        if row is not None and row.here is not None:
            self._open_compare(row.here)

    def _on_page(self) -> None:
        if self._opened is not None and self._opened.page_url:
            address = QUrl(self._opened.page_url)
            if address.scheme() in {"http", "https"}:
                QDesktopServices.openUrl(address)

    def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._tasks = []

    def _show(self, opened: RepositoryState) -> None:
        self._opened = opened
        self._view.show_repository(opened)

    def _is_open(self, repo: str) -> bool:
        return self._opened is not None and self._opened.repo == repo

    async def _load(self, repo: str, here: "asyncio.Task[None]") -> None:
        try:
            call = self._hub.repository(repo, self._wanted.revision)
            repository = await self._bridge.submit(call)
        except HubFailed as error:
            if self._opened is not None and self._opened.repo == repo:
                self._show(replace(self._opened, error=error.info()))
            return
        if self._opened is None or self._opened.repo != repo:
            return
        rows = tuple(VersionRow(file) for file in repository.files)
        page = repository.page_url or self._opened.page_url
        self._show(replace(self._opened, repository=repository, page_url=page, rows=rows))
        self._choose_wanted(repository)
        self._assess_rows()
        self._tasks.append(self._bridge.spawn(self._show_card(repository)))
        await asyncio.wait([here], timeout=_HERE_S)
        for row in self._opened.rows:
            if row.here is not None:
                await self._read(repository, row)
        await self._read_offered(repository)

    def _choose_wanted(self, repository: HubRepository) -> None:
        """Choose the version that was named, as if a person had done so."""
        version = self._wanted.version
        named = versions_named(repository.files, version) if version else []
        if named and self._opened is not None:
            self._is_own_choice = True
            self._show(replace(self._opened, chosen=named[0].path))
        elif version:
            self._toast(_tr("There is no version “{0}” in it.").format(clean(version)))

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
            header = await self._bridge.submit(self._header(repository, row))
            check_chat_model(header)
            self._headers[path] = header
        except ModelLoadFailed as error:
            is_chat_model = not isinstance(error, NotAChatModel)
            self._set_row(replace(row, problem=error.message, is_chat_model=is_chat_model))
            return True
        except HubFailed as error:
            if self._opened is not None and self._is_open(repo):
                self._show(unread(self._opened, error))
            return False
        if self._is_open(repo):
            self._assess_rows()
        return True

    def _header(
        self, repository: HubRepository, row: VersionRow
    ) -> Coroutine[Any, Any, GgufHeader]:
        """Read it from the file that is here, else ask the Hub, which may want terms accepted."""
        if row.here is not None:
            return asyncio.to_thread(self._library.header, row.here)
        return self._hub.header(repository.model.repo, repository.revision, row.file)

    def _assess_rows(self) -> None:
        """Fill in verdicts, what is recommended, and what is here or on its way."""
        opened = self._opened
        if opened is None:
            return
        opened = recommend_versions(
            opened, self._headers, self._requirements, is_own=self._is_own_choice
        )
        rows = (with_state(opened.repo, r, self._fetched, self._files) for r in opened.rows)
        self._show(replace(opened, rows=tuple(rows)))
        best = self._recommended_row()
        verdict = None if best is None else best.verdict
        if verdict is not None and self.verdicts.get(opened.repo) is not verdict:
            self.verdicts[opened.repo] = verdict
            self.verdict_known.emit()

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
        self._assess_rows()

    async def _find_here(self) -> None:
        self._files = await self._bridge.submit(self._library.listed())
        self._refresh_states()

    async def _ask_token(self, repo: str) -> None:
        token = await self._bridge.submit(self._hub.token())
        if self._opened is not None and self._opened.repo == repo:
            self._show(replace(self._opened, has_token=token is not None))

    def _refresh_states(self) -> None:
        opened = self._opened
        if opened is not None:
            found = (with_state(opened.repo, r, self._fetched, self._files) for r in opened.rows)
            rows = tuple(found)
            if rows != opened.rows:
                self._show(replace(opened, rows=rows))

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
