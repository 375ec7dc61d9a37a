"""What `huggingface_hub` would do by itself and must not: wait, try again, tell, follow links."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import HfApi, constants

from playground.app.services import use_hub_transport
from playground.core.errors import HubFailed, Offline
from playground.core.hub import HubQuery
from playground.services.hub.exchange import HubLimits
from playground.services.hub.service import HubService
from playground.store.secrets import SecretStore
from playground.store.settings import SettingsStore
from tests.servers.hub import HubServer

SHORT = HubLimits(connect_s=0.3, read_s=0.3, answer_s=0.5)
SILENCE = HubLimits(read_s=0.3, answer_s=30)


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        for i in range(45):
            server.add(f"acme/Model-{i:02}-GGUF", {"m-Q4_K_M.gguf": b"GGUF"})
        yield server


@pytest.fixture(autouse=True)
def installed() -> None:
    """As the first call of the program does, which loads the library too."""
    use_hub_transport()


def service_at(
    endpoint: str, folder: Path, limits: HubLimits | None = None, **environment: str
) -> HubService:
    variables = {"HF_ENDPOINT": endpoint, **environment}
    settings = SettingsStore(folder / "settings.json")
    secrets, cache = SecretStore(variables), folder / "cache"
    return HubService(settings, secrets, cache, use_hub_transport, variables, limits=limits)


def test_whatever_a_server_does_it_is_told_within_ten_seconds() -> None:
    assert HubLimits().answer_s < 10


async def test_a_silent_server_is_told_and_asked_once(hub: HubServer, tmp_path: Path) -> None:
    hub.faults.hang_api = threading.Event()
    service = service_at(hub.endpoint, tmp_path, SILENCE)
    began = time.perf_counter()
    for call in (service.search(HubQuery()), service.repository("acme/Model-01-GGUF")):
        with pytest.raises(HubFailed, match="does not answer"):
            await call
    assert time.perf_counter() - began < 3
    assert len(hub.requests) == 2
    await service.close()


@pytest.fixture
def no_address(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Searches for a server's address that no time limit ends; set once one has begun."""
    has_begun, has_ended = threading.Event(), threading.Event()

    def never(*_args: object, **_options: object) -> list[object]:
        has_begun.set()
        has_ended.wait(30)
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", never)
    yield has_begun
    has_ended.set()


async def test_a_search_for_the_address_that_never_ends_is_told(
    no_address: threading.Event, tmp_path: Path
) -> None:
    service = service_at("https://hub.example", tmp_path, SHORT)
    with pytest.raises(HubFailed, match="does not answer"):
        await service.search(HubQuery())


async def test_a_refused_connection_is_told_at_once(tmp_path: Path) -> None:
    service = service_at("http://127.0.0.1:9", tmp_path)
    began = time.perf_counter()
    for call in (service.search(HubQuery()), service.repository("a/b"), service.card("a/b")):
        with pytest.raises(HubFailed, match="Nothing answers at"):
            await call
    assert time.perf_counter() - began < 3


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
async def test_a_server_with_a_fault_is_asked_once(
    hub: HubServer, tmp_path: Path, status: int
) -> None:
    hub.faults.status, hub.faults.status_count = status, 10
    hub.faults.status_where = "/api/"
    hub.faults.status_headers = {"Retry-After": "30"}
    service = service_at(hub.endpoint, tmp_path)
    began = time.perf_counter()
    with pytest.raises(HubFailed):
        await service.search(HubQuery())
    assert time.perf_counter() - began < 3
    assert len(hub.requests) == 1


def test_a_program_that_ends_waits_for_no_answer(
    no_address: threading.Event, tmp_path: Path
) -> None:
    async def live() -> None:
        service = service_at("https://hub.example", tmp_path)
        search = asyncio.create_task(service.search(HubQuery()))
        while not no_address.is_set():
            await asyncio.sleep(0.01)
        search.cancel()
        await service.close()

    began = time.perf_counter()
    asyncio.run(live())
    assert time.perf_counter() - began < 4


async def test_the_next_page_is_asked_for_here_wherever_its_link_leads(
    hub: HubServer, tmp_path: Path
) -> None:
    hub.faults.next_page_at = hub.cdn_address
    service = service_at(hub.endpoint, tmp_path, HF_TOKEN="hf_right")
    first = await service.search(HubQuery())
    second = await service.search(HubQuery(), first.next_cursor)
    names = {model.repo for model in (*first.models, *second.models)}
    assert len(names) == 40
    assert {(asked.server, asked.token) for asked in hub.requests} == {("hub", "hf_right")}


async def test_a_repository_that_makes_no_sense_costs_only_what_follows_it(
    hub: HubServer, tmp_path: Path
) -> None:
    hub.repos["acme/Model-03-GGUF"].info["lastModified"] = "yesterday"
    service = service_at(hub.endpoint, tmp_path)
    page = await service.search(HubQuery())
    numbers = [*range(3), *range(20, 40)]
    assert [model.name for model in page.models] == [f"Model-{i:02}-GGUF" for i in numbers]
    with pytest.raises(HubFailed, match="cannot be read"):
        await service.repository("acme/Model-03-GGUF")


def test_offline_mode_of_the_library_holds_for_every_call(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(Offline):
        HfApi(endpoint=hub.endpoint, token=False).model_info("acme/Model-01-GGUF")
    assert hub.requests == []


async def test_nothing_is_told_about_the_program_that_asks(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", False)
    monkeypatch.setattr(constants, "AGENT_HARNESSES_PATH", str(tmp_path / "harnesses.json"))
    monkeypatch.setattr("huggingface_hub.utils._detect_agent._registry", None)
    service = service_at(hub.endpoint, tmp_path)
    await service.search(HubQuery())
    assert [asked.path for asked in hub.requests] == ["/api/models"]
    agent = hub.requests[0].headers["user-agent"]
    assert agent.startswith("inference-playground/")
    assert "hf_hub" not in agent
