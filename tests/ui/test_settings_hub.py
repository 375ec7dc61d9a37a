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
from tests.ui.page_stage import Stage, named, stage, until

__all__ = ["stage"]

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


def says(page: SettingsPage, text: str) -> bool:
    labels = page.findChildren(QLabel)
    return any(text in one.text() and one.isVisibleTo(page) for one in labels)


def run(stage: Stage, body: Any, environment: dict[str, str] | None = None) -> None:
    async def live() -> None:
        with HubServer() as server:
            stage.settings.update(hub_endpoint=server.endpoint)
            secrets = SecretStore({})
            known = {**(environment or {}), "HF_ENDPOINT": server.endpoint, "HF_HOME": "/nowhere"}
            hub = HubService(
                stage.settings, secrets, stage.home / "cache", use_hub_transport, known
            )
            page = SettingsPage(stage.theme)
            page.presenter = SettingsPresenter(
                stage.theme,
                page,
                stage.bridge,
                settings=stage.settings,
                secrets=secrets,
                paths=default_paths(),
                hub=hub,
            )
            stage.show(page)
            try:
                await body(page)
            finally:
                await stage.bridge.submit(hub.close())

    stage.run(live)


def enter(page: SettingsPage, name: str, text: str) -> QLineEdit:
    field: QLineEdit = named(page, name, QLineEdit)
    field.setFocus()
    field.clear()
    QTest.keyClicks(field, text)
    QTest.keyClick(field, Qt.Key.Key_Return)
    return field


def test_a_token_is_checked_before_it_is_kept_and_can_be_forgotten(stage: Stage) -> None:
    async def body(page: SettingsPage) -> None:
        await until(lambda: says(page, "No access token is set"))
        field = enter(page, "Access token of the Hub", "hf_wrong")
        await until(lambda: named(page, "Access token of the Hub").isEnabled())
        assert field.text() == ""
        assert says(page, "The Hub does not")
        enter(page, "Access token of the Hub", "hf_right")
        await until(lambda: says(page, "The Hub knows you as reader."))
        assert says(page, "kept until the program ends")
        named(page, "Forget the access token").click()
        await until(lambda: says(page, "No access token is set"))

    run(stage, body)


def test_who_is_sent_here_for_an_access_token_sees_where_it_is_entered(stage: Stage) -> None:
    async def body(page: SettingsPage) -> None:
        page.resize(900, 500)
        field = named(page, "Access token of the Hub", QLineEdit)
        assert field.visibleRegion().isEmpty()
        page.hub.focus_token()
        await until(lambda: not field.visibleRegion().isEmpty())
        assert says(page, "A kind of password from huggingface.co")

    run(stage, body)


def test_a_token_from_the_environment_is_shown_as_such(stage: Stage) -> None:
    async def body(page: SettingsPage) -> None:
        await until(lambda: says(page, "In force: from the variable HF_TOKEN."))

    run(stage, body, {"HF_TOKEN": "hf_right"})


def test_a_wrong_address_or_proxy_is_explained_beside_its_field_and_not_kept(
    stage: Stage,
) -> None:
    async def body(page: SettingsPage) -> None:
        before = stage.settings.settings.hub_endpoint
        enter(page, "Address of the Hub", "ftp://mirror")
        assert says(page, "An address starts with https://")
        assert stage.settings.settings.hub_endpoint == before
        enter(page, "Proxy", "nonsense")
        assert says(page, "http://host:port")
        assert stage.settings.settings.proxy is None
        enter(page, "Proxy", "http://127.0.0.1:3128")
        assert not says(page, "A proxy is written as")
        await until(lambda: stage.settings.settings.proxy == "http://127.0.0.1:3128")

    run(stage, body)
