"""The Settings page with a real settings file."""

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QLabel, QPlainTextEdit, QPushButton

from playground.app.services import use_hub_transport
from playground.core.runs import HostContact, RunOrder
from playground.services.hub.service import HubService
from playground.services.providers.prices import PriceService, default_watts
from playground.store.files import default_paths
from playground.store.secrets import SecretStore
from playground.store.settings import Settings, SettingsStore, ThemeMode
from playground.ui.pages.settings.page import SettingsPage
from playground.ui.pages.settings.presenter import SettingsPresenter
from playground.ui.widgets.basics import ElidedLabel
from tests.ui.page_harness import PageHarness, backups_of, click, harness, named, until

__all__ = ["harness"]

# Qt's offscreen platform says so of every window that has a smallest size
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")


def settings_page(harness: PageHarness, sent: Sequence[HostContact] = ()) -> SettingsPage:
    page = SettingsPage(harness.theme)
    page.presenter = SettingsPresenter(
        harness.theme,
        page,
        harness.bridge,
        settings=harness.settings,
        secrets=SecretStore(),
        paths=default_paths(),
        hub=HubService(
            harness.settings, SecretStore({}), harness.home / "cache", use_hub_transport, {}
        ),
        sent=lambda: sent,
        backups=backups_of(harness),
        notify=harness.toasts,
    )
    harness.show(page)
    return page


def says(page: SettingsPage, text: str) -> bool:
    return any(text in label.text() for label in page.findChildren(QLabel))


def remembered(harness: PageHarness) -> SettingsStore:
    return SettingsStore(harness.home / "settings.json")


def test_looks_change_at_once_and_are_remembered(harness: PageHarness) -> None:
    async def body() -> None:
        page = settings_page(harness)
        colours = named(page, "Colours")
        QTest.keyClick(colours, Qt.Key.Key_End)
        await until(lambda: harness.theme.palette.is_dark)
        QTest.keyClick(named(page, "Text size"), Qt.Key.Key_End)
        await until(lambda: harness.theme.scale == 2.0)
        assert remembered(harness).settings.theme is ThemeMode.DARK
        assert remembered(harness).settings.text_scale == 2.0
        QTest.keyClick(colours, Qt.Key.Key_Up)
        await until(lambda: not harness.theme.palette.is_dark)

    harness.run(body)


def test_order_and_units_are_remembered(harness: PageHarness) -> None:
    async def body() -> None:
        page = settings_page(harness)
        QTest.keyClick(named(page, "Who starts when"), Qt.Key.Key_Down)
        QTest.keyClick(named(page, "Units of speed"), Qt.Key.Key_Down)
        await until(lambda: remembered(harness).settings.show_tokens)
        assert remembered(harness).settings.run_order is RunOrder.RACE

    harness.run(body)


def test_electricity_is_explained_and_reckoned_with_what_is_entered(harness: PageHarness) -> None:
    async def body() -> None:
        page = settings_page(harness)
        assert says(page, f"Automatic takes ≈ {default_watts():.0f} W")
        QTest.keyClick(named(page, "Power while answering, in watts"), Qt.Key.Key_End)
        watts = named(page, "Power while answering, in watts, exact number")
        watts.selectAll()
        QTest.keyClicks(watts, "100")
        QTest.keyClick(watts, Qt.Key.Key_Return)
        price = named(page, "Price of electricity")
        price.selectAll()
        QTest.keyClicks(price, "0.36")
        QTest.keyClick(price, Qt.Key.Key_Return)
        await until(lambda: says(page, "1,000 answers of 10 seconds cost ≈ $0.100."))
        assert PriceService(remembered(harness)).watts == 100
        QTest.keyClick(named(page, "Power while answering, in watts"), Qt.Key.Key_Home)
        await until(lambda: remembered(harness).settings.watts is None)

    harness.run(body)


def test_what_is_entered_while_a_change_is_being_written_stays(
    harness: PageHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    update, may_write = harness.settings.update, threading.Semaphore(0)

    def slow_update(**changes: object) -> Settings:
        may_write.acquire(timeout=20)
        return update(**changes)

    monkeypatch.setattr(harness.settings, "update", slow_update)

    async def body() -> None:
        page = settings_page(harness)
        told: list[Settings] = []
        harness.bridge.subscribe(harness.settings, told.append)
        price = named(page, "Price of electricity")
        for _ in range(3):
            QTest.keyClick(price, Qt.Key.Key_Up)
        may_write.release()
        await until(lambda: told)
        assert told[0].usd_per_kwh == 0.31
        assert price.value() == 0.33
        may_write.release(2)
        await until(lambda: told[-1].usd_per_kwh == 0.33)
        assert price.value() == 0.33

    harness.run(body)


def test_a_change_made_elsewhere_is_shown(harness: PageHarness) -> None:
    async def body() -> None:
        page = settings_page(harness)
        harness.settings.update(theme=ThemeMode.DARK)
        await until(lambda: harness.theme.palette.is_dark)
        assert named(page, "Colours").currentText() == "Dark"

    harness.run(body)


def test_files_keys_versions_and_licences_are_told(
    harness: PageHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[QUrl] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", opened.append)

    async def body() -> None:
        page = settings_page(harness)
        await until(lambda: says(page, "no password store"))
        await until(lambda: says(page, "llama-cpp-python 0."))
        click(named(page, "Versions and licences"))
        text = named(page, "Versions and licences", QPlainTextEdit).toPlainText()
        assert "openai = " in text
        assert "Apache-2.0" in text
        log = harness.home / "logs" / "playground.log"
        places = {one.text() for one in page.findChildren(ElidedLabel)}
        assert str(log) not in places, "nothing was written there yet"
        assert str(log.parent) in places
        click(named(page, "Open the folder of History"))
        assert [Path(url.toLocalFile()) for url in opened] == [harness.home]

    harness.run(body)


def test_what_has_left_this_computer_is_told_at_each_visit(harness: PageHarness) -> None:
    async def body() -> None:
        sent: list[HostContact] = []
        page = settings_page(harness, sent)
        assert says(page, "Nothing has left this computer since the program was started.")
        sent.append(HostContact("api.example.com:443", 2_048))
        page.shown.emit()
        assert says(page, " KB left this computer since the program was started")
        assert says(page, "api.example.com:443 (")

    harness.run(body)


def test_a_damaged_settings_file_is_told(harness: PageHarness) -> None:
    (harness.home / "settings.json").write_text("{ half")
    harness.settings = SettingsStore(harness.home / "settings.json")

    async def body() -> None:
        assert says(settings_page(harness), "was damaged")

    harness.run(body)


def test_a_backup_is_written_and_taken_over(harness: PageHarness, tmp_path: Path) -> None:
    async def body() -> None:
        page = settings_page(harness)
        backups = page.presenter._backups
        await harness.bridge.submit(backups._database.open())
        harness.settings.update(watts=41.0)
        path = tmp_path / "kept.zip"
        await press_and_choose(page.backup_button, path)
        assert "No key is in it." in harness.toasts.texts[0]
        harness.settings.update(watts=7.0)
        await press_and_choose(page.restore_button, path)
        assert "Keys have to be entered again." in harness.toasts.texts[1]
        assert harness.settings.settings.watts == 41.0
        await harness.bridge.submit(backups._database.close())

    async def press_and_choose(button: QPushButton, path: Path) -> None:
        told = len(harness.toasts.texts)
        button.click()
        (dialog,) = button.window().findChildren(QFileDialog)
        dialog.fileSelected.emit(str(path))
        dialog.reject()
        dialog.setParent(None)
        await until(lambda: len(harness.toasts.texts) > told)

    harness.run(body)
