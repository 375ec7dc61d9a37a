"""`playground providers`, from the words on the command line to what is printed."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.backends import fail

from playground.cli import main as parsers
from playground.cli import providers as command
from playground.core.errors import AddressRefused, AuthenticationFailed, UsageError
from playground.services.providers.practice import PracticeCloud
from playground.services.providers.prices import PriceService
from playground.services.providers.service import ProviderService
from playground.store.secrets import SecretStore
from playground.store.settings import SettingsStore
from tests.servers.scripted_openai import Reply, ScriptedOpenAI

KEY = "sk-planted-0123456789"


@pytest.fixture(autouse=True)
def no_keyring() -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())
    yield
    keyring.set_keyring(before)


@pytest.fixture
def cloud() -> Iterator[ScriptedOpenAI]:
    with ScriptedOpenAI() as server:
        yield server


class Terminal:
    """Runs commands the way the program does and keeps what they print."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._path = folder / "settings.json"
        self._capsys = capsys
        self.everything = ""

    async def run(self, *words: str) -> str:
        parser = argparse.ArgumentParser()
        parsers.add_providers(parser.add_subparsers())
        secrets = SecretStore(
            {"LAB_KEY": KEY, "OPENAI_API_KEY": KEY, "QUOTED_KEY": f'"Bearer {KEY}"'}
        )
        settings = SettingsStore(self._path)
        service = ProviderService(
            settings, secrets, PracticeCloud(lambda: None), PriceService(settings)
        )
        try:
            await command.run(parser.parse_args(["providers", *words]), service, secrets, settings)
        finally:
            captured = self._capsys.readouterr()
            self.everything += captured.out + captured.err + self._path_text()
        return captured.out

    async def json(self, *words: str) -> Any:
        return json.loads(await self.run(*words, "--json"))

    def _path_text(self) -> str:
        return self._path.read_text() if self._path.exists() else ""


@pytest.fixture
def terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(tmp_path, capsys)


async def test_a_provider_is_added_listed_tested_and_removed(terminal, cloud):
    added = await terminal.json(
        "add", "lab", "--base-url", cloud.base_url, "--key-env", "LAB_KEY", "--name", "The lab"
    )
    assert added["provider"]["name"] == "The lab"
    listed = (await terminal.json("list"))["providers"]
    assert [(entry["id"], entry["key"]) for entry in listed] == [("lab", "environment")]
    tested = await terminal.json("test", "lab")
    assert tested["ok"] is True
    assert [model["id"] for model in tested["models"]] == ["m"]
    assert tested["models"][0]["price"] is None
    assert cloud.requests[-1].headers["authorization"] == f"Bearer {KEY}"
    assert (await terminal.json("remove", "lab")) == {"removed": "lab"}
    assert (await terminal.json("list"))["providers"] == []
    assert KEY not in terminal.everything


async def test_the_same_without_json_is_for_people(terminal, cloud):
    assert "No provider" in await terminal.run("list")
    assert "openai" in await terminal.run("list")
    await terminal.run("add", "lab", "--base-url", cloud.base_url, "--key-env", "LAB_KEY")
    assert "key: environment" in await terminal.run("list")
    assert "answers: 1 models" in await terminal.run("test", "lab")


async def test_what_stands_around_a_key_in_a_variable_is_left_out_and_said(terminal, cloud):
    await terminal.run("add", "lab", "--base-url", cloud.base_url, "--key-env", "QUOTED_KEY")
    assert "QUOTED_KEY: The signs around it were left out. “Bearer” in front" in terminal.everything
    await terminal.run("test", "lab")
    assert cloud.requests[-1].headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in terminal.everything


async def test_a_known_provider_needs_its_name_only(terminal):
    added = await terminal.json("add", "groq")
    assert added["provider"]["base_url"] == "https://api.groq.com/openai/v1"
    assert added["provider"]["tier"] == "studio API"
    with pytest.raises(UsageError, match="--base-url"):
        await terminal.run("add", "nobody-knows-it")


async def test_another_services_variable_is_not_sent_and_that_is_said(terminal, cloud):
    words = ("add", "lab", "--base-url", cloud.base_url, "--key-env", "OPENAI_API_KEY")
    added = await terminal.json(*words)
    assert added["provider"]["key"] is None
    assert "belongs to another service" in terminal.everything
    await terminal.json("test", "lab")
    assert "authorization" not in cloud.requests[-1].headers


async def test_an_unsafe_address_is_refused_and_a_private_one_warned_of(terminal):
    with pytest.raises(AddressRefused):
        await terminal.run("add", "lab", "--base-url", "http://lab.example/v1")
    await terminal.run("add", "nas", "--base-url", "http://192.168.1.4:8000/v1")
    assert "not encrypted" in terminal.everything


async def test_a_failed_test_is_one_error_without_the_key(terminal, cloud):
    cloud.models = Reply(401, {"error": {"message": f"wrong key {KEY}"}})
    await terminal.run("add", "lab", "--base-url", cloud.base_url, "--key-env", "LAB_KEY")
    with pytest.raises(AuthenticationFailed) as caught:
        await terminal.run("test", "lab", "--json")
    assert KEY not in caught.value.message


async def test_what_is_not_set_up_cannot_be_removed(terminal):
    with pytest.raises(UsageError):
        await terminal.run("remove", "lab")
