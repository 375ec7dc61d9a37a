"""The Downloads page and the rail's badge, with real downloads from a Hub on loopback."""

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QLabel,
    QPushButton,
    QToolButton,
    QWidget,
)

from playground.app.services import use_hub_transport
from playground.core.downloads import Download, DownloadState
from playground.core.hub import HubPart
from playground.services.downloads.manager import DownloadManager
from playground.services.hub.service import HubService
from playground.store.secrets import SecretStore
from playground.ui.pages.downloads.format import badge_words, duration_words, progress_words
from playground.ui.pages.downloads.notifier import DownloadNotifier
from playground.ui.pages.downloads.page import DownloadCard, DownloadsPage
from playground.ui.pages.downloads.presenter import DownloadsPresenter
from playground.ui.window.main_window import MainWindow
from tests.servers.hub import HubServer
from tests.ui.page_harness import PageHarness, click, harness, named, until

__all__ = ["harness"]

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")
REPO = "acme/Tiny-GGUF"


class Scene:
    """The page, the queue behind it, and the Hub."""

    def __init__(self, harness: PageHarness, server: HubServer, *, undo_ms: int) -> None:
        self.harness, self.server = harness, server
        self.compared: list[Path] = []
        self.asked_for_hub: list[bool] = []
        harness.settings.update(hub_endpoint=server.endpoint)
        self.hub = HubService(
            harness.settings, SecretStore({}), harness.home / "cache", use_hub_transport, {}
        )
        self.folder = harness.home / "models"
        self.folder.mkdir()
        self.queue = DownloadManager(self.folder, None, self.hub, harness.settings)
        self.page = DownloadsPage(harness.theme)
        self.page.presenter = DownloadsPresenter(
            self.page,
            harness.bridge,
            self.queue,
            harness.settings,
            open_compare=self.compared.append,
            open_hub=lambda: self.asked_for_hub.append(True),
            undo_ms=undo_ms,
        )
        harness.show(self.page)

    async def add(self, repo: str = REPO) -> Download:
        bridge = self.harness.bridge
        repository = await bridge.submit(self.hub.repository(repo))
        return await bridge.submit(self.queue.add(repository, repository.files[0]))

    def state(self) -> DownloadState | None:
        items = self.queue.downloads()
        return items[0].state if items else None

    def badge(self) -> str:
        badge = self.page._count
        return badge.text if badge.isVisibleTo(self.page) else ""

    def titles(self) -> list[str]:
        return [one.title for one in self.queue.downloads()]

    def arrows(self) -> set[str]:
        """What the arrows on screen say they do."""
        names = {
            button.accessibleName()
            for button in self.page.findChildren(QToolButton)
            if button.isVisibleTo(self.page)
        }
        return {name for name in names if name.endswith((" earlier", " later"))}

    def says(self, text: str) -> bool:
        labels = self.page.findChildren(QLabel)
        return any(text in one.text() and one.isVisibleTo(self.page) for one in labels)


def run(
    harness: PageHarness, body: Any, *, rate: float | None = None, undo_ms: int = 60_000
) -> None:
    """Run `body(scene)` with a Hub that has three models of 3 MB; `rate` in bytes per second."""

    async def live() -> None:
        with HubServer(rate=rate) as server:
            for name in (REPO, "acme/Other-GGUF", "acme/Third-GGUF"):
                server.add(name, {f"{name[5:-5]}-Q4_K_M.gguf": b"GGUF" + name.encode() * 200_000})
            scene = Scene(harness, server, undo_ms=undo_ms)
            try:
                await body(scene)
            finally:
                scene.page.closing.emit()
                await harness.bridge.submit(scene.queue.close())
                await harness.bridge.submit(scene.hub.close())

    harness.run(live)


def test_an_empty_page_leads_to_the_models(harness: PageHarness) -> None:
    async def body(scene: Scene) -> None:
        assert scene.says("Nothing is being downloaded")
        click(named(scene.page, "Get models"))
        assert scene.asked_for_hub == [True]

    run(harness, body)


def test_a_finished_download_is_ready_to_run_and_leaves_the_list_without_its_file(
    harness: PageHarness,
) -> None:
    async def body(scene: Scene) -> None:
        await scene.add()
        await until(lambda: scene.says("Ready to run."))
        click(named(scene.page, "Try Tiny"))
        (path,) = scene.compared
        assert path.is_file()
        click(named(scene.page, "Take Tiny off the list"))
        await until(lambda: scene.says("Nothing is being downloaded"))
        assert path.is_file()

    run(harness, body)


def test_a_download_is_paused_and_resumed_with_the_keyboard(harness: PageHarness) -> None:
    async def body(scene: Scene) -> None:
        await scene.add()
        await until(lambda: scene.page.findChildren(DownloadCard))
        await until(lambda: scene.queue.downloads()[0].received_bytes > 0)
        scene.page.focus_first()
        (card,) = scene.page.findChildren(DownloadCard)
        QTest.keyClick(card, Qt.Key.Key_Space)
        await until(lambda: scene.says("Paused. What has arrived is kept."))
        QTest.keyClick(card, Qt.Key.Key_Space)
        await until(lambda: scene.state() in {DownloadState.RUNNING, DownloadState.QUEUED})

    run(harness, body, rate=300_000)


def test_a_cancelled_download_can_be_kept_and_loses_nothing(harness: PageHarness) -> None:
    async def body(scene: Scene) -> None:
        await scene.add()
        await until(lambda: scene.queue.downloads()[0].received_bytes > 0)
        await until(lambda: scene.page.findChildren(DownloadCard))
        await until(lambda: scene.says(" of "))
        click(named(scene.page, "Cancel Tiny"))
        await until(lambda: scene.says("Cancelled."))
        await until(lambda: scene.state() is DownloadState.PAUSED)
        kept = scene.queue.downloads()[0].received_bytes
        click(named(scene.page, "Undo: keep Tiny"))
        await until(lambda: scene.state() is DownloadState.RUNNING)
        assert scene.queue.downloads()[0].received_bytes >= kept > 0

    run(harness, body, rate=300_000)


def test_a_cancelled_download_is_gone_after_a_while_with_what_had_arrived(
    harness: PageHarness,
) -> None:
    async def body(scene: Scene) -> None:
        await scene.add()
        await until(lambda: scene.queue.downloads()[0].received_bytes > 0)
        await until(lambda: scene.says(" of "))
        click(named(scene.page, "Cancel Tiny"))
        await until(lambda: scene.says("Nothing is being downloaded"))
        assert [path for path in scene.folder.rglob("*") if path.is_file()] == []

    run(harness, body, rate=300_000, undo_ms=50)


def test_only_what_waits_for_its_turn_can_be_fetched_earlier_or_later(harness: PageHarness) -> None:
    async def body(scene: Scene) -> None:
        harness.settings.update(parallel_downloads=1)
        for name in ("Tiny", "Other"):
            await scene.add(f"acme/{name}-GGUF")
        await until(lambda: scene.badge() == "2 to go")
        assert scene.arrows() == set()
        await scene.add("acme/Third-GGUF")
        await until(lambda: scene.badge() == "3 to go")
        await until(lambda: scene.arrows() == {"Fetch Other later", "Fetch Third earlier"})
        click(named(scene.page, "Fetch Third earlier"))
        await until(lambda: scene.arrows() == {"Fetch Third later", "Fetch Other earlier"})
        assert scene.titles() == ["Tiny", "Third", "Other"]
        assert "Fetch this one later" in named(scene.page, "Fetch Third later").toolTip()
        card = scene.page.findChildren(DownloadCard)[1]
        assert card._download is not None
        assert card._download.title == "Other"
        QTest.keyClick(card, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
        await until(lambda: scene.titles() == ["Tiny", "Other", "Third"])

    run(harness, body, rate=100_000)


def test_what_is_paused_is_still_to_go_and_what_is_cancelled_is_not(harness: PageHarness) -> None:
    async def body(scene: Scene) -> None:
        for name in ("Tiny", "Other"):
            await scene.add(f"acme/{name}-GGUF")
        await until(lambda: all(one.received_bytes for one in scene.queue.downloads()))
        click(named(scene.page, "Pause all"))
        await until(lambda: scene.arrows() == {"Fetch Tiny later", "Fetch Other earlier"})
        assert scene.badge() == "2 to go"
        click(named(scene.page, "Cancel Tiny"))
        await until(lambda: scene.badge() == "1 to go")
        assert scene.arrows() == set()

    run(harness, body, rate=300_000)


def test_the_speed_limit_is_remembered(harness: PageHarness) -> None:
    async def body(scene: Scene) -> None:
        box = named(scene.page, "Speed limit of all downloads together", QComboBox)
        QTest.keyClick(box, Qt.Key.Key_Down)
        await until(lambda: harness.settings.settings.download_limit_bytes_per_s == 1_000_000)
        scene.page.limit.picked.emit(None)
        await until(lambda: harness.settings.settings.download_limit_bytes_per_s is None)

    run(harness, body)


def test_the_rail_shows_how_far_it_is_and_a_toast_offers_the_finished_model(
    harness: PageHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    # what the desktop does where another window is in front
    alerted: list[QWidget] = []
    monkeypatch.setattr(QApplication, "alert", alerted.append)

    async def body(scene: Scene) -> None:
        window = MainWindow(harness.theme, harness.settings, harness.bridge)
        window.add_page("downloads", "Downloads", "downloads")
        announcer = DownloadNotifier(
            window, harness.bridge, scene.queue, open_compare=scene.compared.append
        )
        announcer.start()
        button = window.rail._buttons["downloads"]
        await scene.add()
        await until(lambda: button.badge is not None)
        assert button.badge.endswith(" %")
        assert "Downloads: " in button.accessibleName()
        await until(lambda: not window._toast.isHidden())
        assert "ready to run" in window._toast._label.text()
        assert alerted == [window]
        assert button.badge is None
        window._toast._button.click()
        assert [path.name for path in scene.compared] == ["Tiny-Q4_K_M.gguf"]
        announcer.stop()
        window.deleteLater()

    run(harness, body, rate=3_000_000)


def download(state: DownloadState, received: int, total: int) -> Download:
    part = HubPart("m.gguf", total)
    return Download(
        "1", REPO, "0" * 40, "M", None, (part,), Path("/m"), state, received, total, 0,
        speed_bytes_per_s=12e6, left_s=200,
    )  # fmt: skip


def test_progress_is_exact_above_four_gigabytes_and_in_plain_words() -> None:
    large = download(DownloadState.RUNNING, 42_949_672_960, 50_000_000_000)
    assert large.permille == 858
    assert progress_words(large) == "42.9 GB of 50.0 GB · 12 MB/s · 3 minutes left"
    assert badge_words((large,)) == "85 %"
    whole = download(DownloadState.VERIFYING, 10, 10)
    assert badge_words((whole,)) == "99 %"
    assert badge_words((download(DownloadState.FAILED, 0, 10),)) == "!"
    assert badge_words((download(DownloadState.DONE, 10, 10),)) is None
    assert [duration_words(s) for s in (3, 31, 59, 3700)] == [
        "a few seconds",
        "30 seconds",
        "1 minute",
        "1 h 2 min",
    ]


def test_what_another_window_fetches_is_shown_without_buttons_or_an_old_figure(
    harness: PageHarness,
) -> None:
    async def body(scene: Scene) -> None:
        scene.page.show_downloads((download(DownloadState.ELSEWHERE, 5, 10_000_000),), frozenset())
        (card,) = scene.page.findChildren(DownloadCard)
        assert scene.says("another window")
        assert scene.says("10 MB")
        assert not scene.says(" of 10")
        buttons = [*card.findChildren(QToolButton), *card.findChildren(QPushButton)]
        assert not [one.accessibleName() for one in buttons if one.isVisibleTo(scene.page)]

    run(harness, body)
