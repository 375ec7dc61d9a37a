"""The Hub's card on the Settings page, with a Hub that knows one token."""

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QLineEdit

from playground.app.services import use_hub_transport
from playground.services.hub.service import HubService
from playground.store.files import default_paths
from playground.store.secrets import SecretStore
from playground.ui.pages.settings.page import SettingsPage
from playground.ui.pages.settings.presenter import SettingsPresenter
from tests.servers.hub import HubServer
from tests.ui.page_harness import PageHarness, backups_of, harness, named, until

__all__ = ["harness"]

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


def says(page: SettingsPage, text: str) -> bool:
    labels = page.findChildren(QLabel)
    return any(text in one.text() and one.isVisibleTo(page) for one in labels)


def run(harness: PageHarness, body: Any, environment: dict[str, str] | None = None) -> None:
    async def live() -> None:
        with HubServer() as server:
            harness.settings.update(hub_endpoint=server.endpoint)
            secrets = SecretStore({})
            known = {**(environment or {}), "HF_ENDPOINT": server.endpoint, "HF_HOME": "/nowhere"}
            hub = HubService(
                harness.settings, secrets, harness.home / "cache", use_hub_transport, known
            )
            page = SettingsPage(harness.theme)
            page.presenter = SettingsPresenter(
                harness.theme,
                page,
                harness.bridge,
                settings=harness.settings,
                secrets=secrets,
                paths=default_paths(),
                hub=hub,
                sent=tuple,
                backups=backups_of(harness),
                notify=harness.toasts,
            )
            harness.show(page)
            try:
                await body(page)
            finally:
                await harness.bridge.submit(hub.close())

    harness.run(live)


def enter(page: SettingsPage, name: str, text: str) -> QLineEdit:
    field: QLineEdit = named(page, name, QLineEdit)
    field.setFocus()
    field.clear()
    QTest.keyClicks(field, text)
    QTest.keyClick(field, Qt.Key.Key_Return)
    return field


def test_a_token_is_checked_before_it_is_kept_and_can_be_forgotten(harness: PageHarness) -> None:
    async def body(page: SettingsPage) -> None:
        await until(lambda: says(page, "No access token is set"))
        field = enter(page, "Access token of the Hub", "hf_wrong")
        await until(lambda: named(page, "Access token of the Hub").isEnabled())
        assert field.text() == ""
        assert says(page, "The Hub does not")
        enter(page, "Access token of the Hub", "HF_TOKEN='hf_right'")
        await until(lambda: says(page, "The Hub knows you as reader."))
        assert says(page, "What stood before the “=” was left out.")
        assert says(page, "kept until the program ends")
        named(page, "Forget the access token").click()
        await until(lambda: says(page, "No access token is set"))

    run(harness, body)


def test_who_is_sent_here_for_an_access_token_sees_where_it_is_entered(
    harness: PageHarness,
) -> None:
    async def body(page: SettingsPage) -> None:
        page.resize(900, 500)
        field = named(page, "Access token of the Hub", QLineEdit)
        assert field.visibleRegion().isEmpty()
        page.hub.focus_token()
        await until(lambda: not field.visibleRegion().isEmpty())
        assert says(page, "A kind of password from huggingface.co")

    run(harness, body)


def test_a_token_from_the_environment_is_shown_as_such(harness: PageHarness) -> None:
    async def body(page: SettingsPage) -> None:
        await until(lambda: says(page, "In force: from the variable HF_TOKEN."))

    run(harness, body, {"HF_TOKEN": "hf_right"})


def test_a_wrong_address_or_proxy_is_explained_beside_its_field_and_not_kept(
    harness: PageHarness,
) -> None:
    async def body(page: SettingsPage) -> None:
        before = harness.settings.settings.hub_endpoint
        enter(page, "Address of the Hub", "ftp://mirror")
        assert says(page, "An address starts with https://")
        assert harness.settings.settings.hub_endpoint == before
        enter(page, "Proxy", "nonsense")
        assert says(page, "http://host:port")
        assert harness.settings.settings.proxy is None
        enter(page, "Proxy", "http://127.0.0.1:3128")
        assert not says(page, "A proxy is written as")
        await until(lambda: harness.settings.settings.proxy == "http://127.0.0.1:3128")

    run(harness, body)
