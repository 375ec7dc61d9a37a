"""Carries out what is asked of the version that is offered: fetch it, compare it, see its page."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QDesktopServices

from playground.core.downloads import Download, DownloadState
from playground.core.errors import PlaygroundError
from playground.core.hub import HubRepository
from playground.services.downloads.manager import Downloads
from playground.ui.bridge import Bridge
from playground.ui.pages.hub.details import RepositoryDetails
from playground.ui.pages.hub.view_models import Opened, VersionRow
from playground.ui.widgets.show_toast import ShowToast


class VersionActions(QObject):
    """Does it with the repository that `opened` gives when it is asked."""

    def __init__(
        self,
        details: RepositoryDetails,
        bridge: Bridge,
        downloads: Downloads,
        opened: Callable[[], Opened | None],
        *,
        open_downloads: Callable[[], object],
        open_compare: Callable[[Path], object],
        open_settings: Callable[[], object] | None,
        toast: ShowToast,
    ) -> None:
        super().__init__(details)
        self._bridge = bridge
        self._downloads = downloads
        self._get_opened = opened
        self._open_downloads = open_downloads
        self._open_compare = open_compare
        self._open_settings = open_settings
        self._toast = toast
        details.page_asked.connect(self._on_page)
        details.token_asked.connect(self._on_token)
        details.offer.download_asked.connect(self._on_download)
        details.offer.compare_asked.connect(self._on_compare)
        details.offer.downloads_asked.connect(self._on_downloads_page)

    @property
    def _opened(self) -> Opened | None:
        return self._get_opened()

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
        await self._bridge.submit(self._downloads.retry(download.id))

    def _on_compare(self) -> None:
        row = None if self._opened is None else self._opened.row
        if row is not None and row.here is not None:
            self._open_compare(row.here)

    def _on_downloads_page(self) -> None:
        self._open_downloads()

    def _on_token(self) -> None:
        if self._open_settings is not None:
            self._open_settings()

    def _on_page(self) -> None:
        if self._opened is not None and self._opened.page_url:
            address = QUrl(self._opened.page_url)
            if address.scheme() in {"http", "https"}:
                QDesktopServices.openUrl(address)
