"""Decides what the Downloads page shows and does."""

import functools
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, QUrl
from PySide6.QtGui import QDesktopServices

from playground.core.downloads import Download, DownloadState
from playground.services.downloads.manager import DownloadManager
from playground.store.settings import Settings, SettingsStore
from playground.ui.bridge import Bridge, Follower
from playground.ui.pages.downloads.format import ACTIVE, IN_LINE
from playground.ui.pages.downloads.page import DownloadsPage

UNDO_MS = 10_000
"""How long a cancelled download can still be kept."""


class DownloadsPresenter(QObject):
    """Follows the downloads while the page is in front, and carries out what a person asks for.

    Cancelling pauses at once and deletes later: until then Undo loses nothing. Where the program
    ends in between, the download is there again at the next start, paused.
    """

    def __init__(
        self,
        view: DownloadsPage,
        bridge: Bridge,
        downloads: DownloadManager,
        settings: SettingsStore,
        *,
        open_compare: Callable[[Path], object],
        open_hub: Callable[[], object],
        undo_ms: int = UNDO_MS,
    ) -> None:
        super().__init__(view)
        self._view = view
        self._bridge = bridge
        self._downloads = downloads
        self._settings = settings
        self._open_compare = open_compare
        self._open_hub = open_hub
        self._undo_ms = undo_ms
        self._shown: tuple[Download, ...] = ()
        self._leaving: dict[str, bool] = {}
        """Ids of what is cancelled, and whether it ran before."""
        self._follower: Follower | None = None
        self._end_subscription = bridge.subscribe(settings, self._show_settings)
        self._connect()
        self._show_settings(settings.settings)

    def act(self, download_id: str, action: str) -> None:
        download = next((one for one in self._shown if one.id == download_id), None)
        if download is None:
            return
        match action:
            case "pause":
                self._bridge.submit(self._downloads.pause(download_id))
            case "resume" | "retry":
                self._bridge.submit(self._downloads.resume(download_id))
            case "remove":
                self._bridge.submit(self._downloads.remove(download_id))
            case "up" | "down":
                self._move(download, -1 if action == "up" else 1)
            case "cancel":
                self._cancel(download)
            case "undo":
                self._undo(download_id)
            case "compare":
                self._open_compare(download.path)
            case "folder":
                folder = QUrl.fromLocalFile(str(download.path.parent))
                QDesktopServices.openUrl(folder)

    def pause_all(self) -> None:
        for download in self._shown:
            if download.state in ACTIVE and download.state is not DownloadState.VERIFYING:
                self._bridge.submit(self._downloads.pause(download.id))

    def resume_all(self) -> None:
        for download in self._shown:
            if download.state is DownloadState.PAUSED and download.id not in self._leaving:
                self._bridge.submit(self._downloads.resume(download.id))

    def clear_finished(self) -> None:
        for download in self._shown:
            if download.state is DownloadState.DONE:
                self._bridge.submit(self._downloads.remove(download.id))

    def close(self) -> None:
        self._on_hidden()
        self._leaving.clear()
        self._end_subscription()

    def _connect(self) -> None:
        view = self._view
        view.asked.connect(self.act)
        view.pause_all_asked.connect(self.pause_all)
        view.resume_all_asked.connect(self.resume_all)
        view.clear_asked.connect(self.clear_finished)
        view.limit.picked.connect(self._on_limit)
        view.empty.asked.connect(self._on_hub)
        view.shown.connect(self._on_shown)
        view.hidden.connect(self._on_hidden)
        view.closing.connect(self.close)

    def _on_hub(self) -> None:
        self._open_hub()

    def _on_shown(self) -> None:
        if self._follower is None:
            self._follower = self._bridge.follow(self._downloads.follow, self._on_changed, hz=10)

    def _on_hidden(self) -> None:
        if self._follower is not None:
            self._follower.cancel()
            self._follower = None

    def _on_changed(self, changes: list[tuple[Download, ...]]) -> None:
        self._shown = changes[-1]
        self._show()

    def _show(self) -> None:
        self._view.show_downloads(self._shown, frozenset(self._leaving))

    def _move(self, download: Download, way: int) -> None:
        in_line = [
            one for one in self._shown if one.state in IN_LINE and one.id not in self._leaving
        ]
        place = in_line.index(download) + way if download in in_line else -1
        if 0 <= place < len(in_line):
            position = in_line[place].position
            self._bridge.submit(self._downloads.move(download.id, position))

    def _cancel(self, download: Download) -> None:
        if not download.received_bytes:
            # nothing is lost
            self._bridge.submit(self._downloads.cancel(download.id))
            return
        was_running = download.state in ACTIVE
        self._leaving[download.id] = was_running
        if was_running:
            self._bridge.submit(self._downloads.pause(download.id))
        QTimer.singleShot(self._undo_ms, self, functools.partial(self._leave, download.id))
        self._show()

    def _undo(self, download_id: str) -> None:
        was_running = self._leaving.pop(download_id, False)
        if was_running:
            self._bridge.submit(self._downloads.resume(download_id))
        self._show()

    def _leave(self, download_id: str) -> None:
        if self._leaving.pop(download_id, None) is not None:
            self._bridge.submit(self._downloads.cancel(download_id))

    def _on_limit(self, limit_bytes_per_s: int | None) -> None:
        self._bridge.write(self._settings.update, download_limit_bytes_per_s=limit_bytes_per_s)

    def _show_settings(self, settings: Settings) -> None:
        self._view.show_limit(settings.download_limit_bytes_per_s)
