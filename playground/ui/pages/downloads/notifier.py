"""Tells of downloads wherever one is in the window: a badge on the rail, a toast at the end."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject

from playground.core.downloads import Download, DownloadState
from playground.services.downloads.manager import DownloadManager
from playground.ui.bridge import Bridge, Follower
from playground.ui.pages.downloads.format import badge_words
from playground.ui.window.main_window import MainWindow

_PAGE = "downloads"


class DownloadNotifier(QObject):
    """Follows the downloads from `start` until `stop`, whichever page is in front."""

    def __init__(
        self,
        window: MainWindow,
        bridge: Bridge,
        downloads: DownloadManager,
        *,
        open_compare: Callable[[Path], object],
    ) -> None:
        super().__init__(window)
        self._window = window
        self._bridge = bridge
        self._downloads = downloads
        self._open_compare = open_compare
        self._states: dict[str, DownloadState] | None = None
        self._follower: Follower | None = None

    def start(self) -> None:
        """Begin to tell; what is over already is not told again."""
        if self._follower is None:
            self._follower = self._bridge.follow(self._downloads.follow, self._on_changed, hz=4)

    def stop(self) -> None:
        if self._follower is not None:
            self._follower.cancel()
            self._follower = None

    def _on_changed(self, changes: list[tuple[Download, ...]]) -> None:
        for downloads in changes:
            self._tell(downloads)
        self._window.rail.set_badge(_PAGE, badge_words(changes[-1]))

    def _tell(self, downloads: tuple[Download, ...]) -> None:
        before = self._states
        self._states = {download.id: download.state for download in downloads}
        if before is None:
            return
        for download in downloads:
            if before.get(download.id) is download.state:
                continue
            if download.state is DownloadState.DONE:
                self._tell_done(download)
            elif download.state is DownloadState.FAILED:
                self._tell_failed(download)

    def _tell_done(self, download: Download) -> None:
        path = download.path
        self._window.announce(
            self.tr("“{0}” is here and ready to run.").format(download.title),
            action=self.tr("Try it"),
            on_action=lambda: self._open_compare(path),
            stay_ms=20_000,
        )

    def _tell_failed(self, download: Download) -> None:
        why = download.error.message if download.error is not None else ""
        self._window.announce(
            self.tr("“{0}” could not be fetched. {1}").format(download.title, why).strip(),
            tone="bad",
            action=self.tr("Show downloads"),
            on_action=lambda: self._window.show_page(_PAGE),
            stay_ms=20_000,
        )
