"""Cloud calls, the Hub and downloads through real proxies: one way for all three, or who failed.

The hosts that are asked for exist nowhere: only a proxy on loopback leads to them.
"""

import socket
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from playground.app.services import use_hub_transport
from playground.core.chat import ChatRequest, Message, Role
from playground.core.downloads import DownloadState
from playground.core.errors import HubFailed
from playground.core.events import Failed, Finished, RequestSent, StreamEvent
from playground.core.hub import HubQuery
from playground.core.runs import HostContact
from playground.core.targets import CloudTarget, Provider
from playground.engines.openai.client import Timeouts
from playground.engines.openai.engine import OpenAIChatEngine
from playground.network.traffic import Traffic
from playground.services.hub.exchange import HubLimits
from playground.services.providers.practice import PracticeCloud
from playground.services.providers.prices import PriceService
from playground.services.providers.service import ProviderService
from playground.store.secrets import SecretStore
from playground.store.settings import SettingsStore
from tests.servers.hub import HubServer
from tests.servers.proxy import AUTHORITY, ProxyServer, TlsServer
from tests.servers.scripted_openai import ScriptedOpenAI
from tests.services.downloading import REPO, Place

CLOUD = "https://api.example.com/v1"
HUB = "https://hub.example"
CONNECT_S, READ_S = 1.0, 60.0
"""A proxy is not waited for as long as a model."""
REQUEST = ChatRequest((Message(Role.USER, "Hi"),))


@dataclass
class Resolver:
    """Knows this computer's own names; everything else fails with `code`."""

    code: int = socket.EAI_NONAME


@pytest.fixture(autouse=True)
def resolver(monkeypatch: pytest.MonkeyPatch) -> Resolver:
    real, own = socket.getaddrinfo, Resolver()

    def lookup(host: str | bytes | None, *args: Any, **options: Any) -> Any:
        if host in {"127.0.0.1", b"127.0.0.1", "localhost", b"localhost"}:
            return real(host, *args, **options)
        raise socket.gaierror(own.code, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    return own


@pytest.fixture(autouse=True)
def trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(AUTHORITY))
    use_hub_transport()


@pytest.fixture
def cloud() -> Iterator[ScriptedOpenAI]:
    with ScriptedOpenAI() as server:
        yield server


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        server.cdn_above = None
        server.add(REPO, {"tiny-Q4_K_M.gguf": b"GGUF" * 1000})
        yield server


async def ask_cloud(base_url: str = CLOUD, traffic: Traffic | None = None) -> list[StreamEvent]:
    engine = OpenAIChatEngine(
        CloudTarget(Provider("lab", "Lab", base_url), "m"),
        "sk-planted-01",
        Timeouts(connect_s=CONNECT_S, read_s=READ_S),
        traffic=traffic,
    )
    return [event async for event in engine.stream(REQUEST)]


async def cloud_says(_: HubServer, __: Path, traffic: Traffic | None = None) -> str:
    last = (await ask_cloud(CLOUD, traffic))[-1]
    return f"{last.error.message} {last.error.hint}" if isinstance(last, Failed) else "it works"


def at_hub(hub: HubServer, folder: Path) -> Place:
    place = Place(hub, folder, HF_ENDPOINT=HUB)
    place.hub._limits = HubLimits(connect_s=CONNECT_S, read_s=READ_S, answer_s=READ_S)
    place.settings.update(hub_endpoint=HUB)
    return place


async def hub_says(hub: HubServer, folder: Path, traffic: Traffic | None = None) -> str:
    place = at_hub(hub, folder)
    place.hub.traffic = traffic or Traffic()
    try:
        await place.hub.search(HubQuery())
    except HubFailed as error:
        return f"{error.message} {error.hint}"
    finally:
        await place.close()
    return "it works"


async def download_says(hub: HubServer, folder: Path, traffic: Traffic | None = None) -> str:
    """Learn of the file over loopback, then fetch it from the host behind the proxy."""
    place = Place(hub, folder)
    place.hub.traffic = traffic or Traffic()
    repository = await place.hub.repository(REPO)
    place.settings.update(hub_endpoint=HUB)
    try:
        added = await place.downloads.add(repository, repository.files[0])
        ended = await place.until(
            added, lambda it: it.state in {DownloadState.FAILED, DownloadState.DONE}
        )
    finally:
        await place.close()
    if ended.state is DownloadState.DONE:
        return "it works"
    assert ended.error is not None
    return f"{ended.error.message} {ended.error.hint}"


Client = Callable[..., Awaitable[str]]
each_client = pytest.mark.parametrize(
    "client", [cloud_says, hub_says, download_says], ids=["cloud", "hub", "download"]
)


def leads_to(client: Client, cloud: ScriptedOpenAI, hub: HubServer) -> int:
    return cloud.port if client is cloud_says else int(hub.endpoint.rsplit(":", 1)[1])


def unused_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


@each_client
@pytest.mark.parametrize("scheme", ["http", "socks5", "socks5h", "socks"])
@pytest.mark.parametrize("login", ["", "me:p%40ss"])
async def test_a_proxy_of_every_kind_leads_through(
    cloud: ScriptedOpenAI,
    hub: HubServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    client: Client,
    scheme: str,
    login: str,
) -> None:
    port = leads_to(client, cloud, hub)
    with ProxyServer(port, login=None) as proxy:
        if login:
            proxy.login = "bWU6cEBzcw==" if scheme == "http" else "me:p@ss"
        monkeypatch.setenv("ALL_PROXY", proxy.url(scheme, login))
        assert await client(hub, tmp_path) == "it works"
        host = "api.example.com" if client is cloud_says else "hub.example"
        assert set(proxy.asked_for) == {f"{host}:443"}
        if login:
            assert set(proxy.logins) == {proxy.login}


@each_client
@pytest.mark.parametrize(
    ("answer", "scheme", "said"),
    [
        (b"HTTP/1.1 403 No\r\n\r\n", "http", "answers 403"),
        (b"HTTP/1.1 502 Bad\r\n\r\n", "http", "answers 502"),
        (b"HTTP/1.1 407 Who\r\n\r\n", "http", "wants a name and a password"),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "http", "is no proxy of this kind"),
        (b"", "http", "is no proxy of this kind"),
        (b"\x05\xff", "socks5", "wants a name and a password"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "socks5", "is no proxy of this kind"),
        (b"", "socks5", "is no proxy of this kind"),
    ],
)
async def test_a_proxy_that_refuses_is_named(
    cloud: ScriptedOpenAI,
    hub: HubServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    client: Client,
    answer: bytes,
    scheme: str,
    said: str,
) -> None:
    with ProxyServer(0, answer=answer) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url(scheme))
        words = await client(hub, tmp_path)
        assert f"proxy {proxy.name}" in words
        assert said in words
        assert "HTTPS_PROXY" in words


@each_client
async def test_a_socks_proxy_that_does_not_reach_the_host_is_named(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, client: Client
) -> None:
    with ProxyServer(0, refusal=4) as proxy:
        monkeypatch.setenv("ALL_PROXY", proxy.url("socks5"))
        assert f"The proxy {proxy.name} cannot reach" in await client(hub, tmp_path)


@each_client
@pytest.mark.parametrize("scheme", ["http", "socks5", "https"])
async def test_a_proxy_that_is_not_there_is_named(
    cloud: ScriptedOpenAI,
    hub: HubServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    client: Client,
    scheme: str,
) -> None:
    port = unused_port()
    monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://127.0.0.1:{port}")
    assert f"Nothing answers at the proxy 127.0.0.1:{port}." in await client(hub, tmp_path)


@pytest.mark.timeout(20)
@each_client
@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_a_proxy_that_never_answers_is_named(
    hub: HubServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    client: Client,
    scheme: str,
) -> None:
    monkeypatch.setattr("playground.services.downloads.http.CONNECT_S", 0.2)
    with ProxyServer(0) as proxy:
        proxy.hangs = True
        monkeypatch.setenv("HTTPS_PROXY", proxy.url(scheme))
        assert f"The proxy {proxy.name} does not answer." in await client(hub, tmp_path)


@each_client
async def test_a_proxy_whose_name_is_not_known_is_named(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, client: Client
) -> None:
    assert "example" in await client(hub, tmp_path)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    words = await client(hub, tmp_path / "again")
    assert "The name of the proxy proxy.example:3128 is not known." in words


@each_client
async def test_a_name_that_is_not_known_is_told_from_a_line_that_is_down(
    hub: HubServer, tmp_path: Path, resolver: Resolver, client: Client
) -> None:
    assert "is not known" in await client(hub, tmp_path / "1")
    resolver.code = socket.EAI_AGAIN
    assert "could not be looked up" in await client(hub, tmp_path / "2")


@each_client
async def test_a_proxy_that_cannot_be_used_is_named_and_nothing_is_sent(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, client: Client
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks4://127.0.0.1:9")
    words = await client(hub, tmp_path)
    assert "The proxy in ALL_PROXY is of a kind that is not known: socks4://." in words


@each_client
async def test_certificates_that_are_missing_are_named(
    cloud: ScriptedOpenAI,
    hub: HubServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    client: Client,
) -> None:
    gone = tmp_path / "gone.pem"
    with ProxyServer(leads_to(client, cloud, hub)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url())
        monkeypatch.setenv("SSL_CERT_FILE", str(gone))
        words = await client(hub, tmp_path)
        assert f"SSL_CERT_FILE names trusted certificates, but {gone} is not there." in words
        assert proxy.asked_for == []


@each_client
async def test_a_certificate_that_is_not_trusted_is_the_hosts_and_the_proxy_is_named(
    cloud: ScriptedOpenAI,
    hub: HubServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    client: Client,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "")
    with ProxyServer(leads_to(client, cloud, hub)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url())
        words = await client(hub, tmp_path)
        host = "api.example.com" if client is cloud_says else "hub.example"
        assert f"The certificate of {host}:443 is not signed by anybody" in words
        assert f"through the proxy {proxy.name}" in words


async def test_certificates_that_are_named_hold_on_this_computer_too(
    cloud: ScriptedOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with TlsServer(cloud.port) as front:
        url = f"https://localhost:{front.port}/v1"
        assert isinstance((await ask_cloud(url))[-1], Finished)
        monkeypatch.setenv("SSL_CERT_FILE", "")
        failed = (await ask_cloud(url))[-1]
        assert isinstance(failed, Failed)
        assert f"The certificate of localhost:{front.port} is not signed" in failed.error.message
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(AUTHORITY))
        assert isinstance((await ask_cloud(url))[-1], Finished)


async def test_a_certificate_for_another_name_is_told(
    cloud: ScriptedOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ProxyServer(cloud.port) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url())
        failed = (await ask_cloud("https://elsewhere.test/v1"))[-1]
        assert isinstance(failed, Failed)
        assert "was made for another name" in failed.error.message


async def test_a_server_that_does_not_encrypt_behind_https_is_told(cloud: ScriptedOpenAI) -> None:
    failed = (await ask_cloud(f"https://127.0.0.1:{cloud.port}/v1"))[-1]
    assert isinstance(failed, Failed)
    assert "does not encrypt" in failed.error.message
    assert "http:// instead of https://" in failed.error.hint


async def test_the_run_names_the_proxy_from_its_beginning(
    cloud: ScriptedOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ProxyServer(cloud.port) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url())
        events = await ask_cloud()
    sent = next(event for event in events if isinstance(event, RequestSent))
    assert sent.hosts == (HostContact("api.example.com:443", None, proxy.name),)
    ended = events[-1]
    assert isinstance(ended, Finished)
    (contact,) = ended.hosts
    assert (contact.host, contact.proxy) == ("api.example.com:443", proxy.name)
    assert contact.bytes_sent == len(cloud.requests[0].raw)


async def test_the_proxy_of_settings_holds_for_providers(
    cloud: ScriptedOpenAI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = SettingsStore(tmp_path / "settings.json")
    practice, prices = PracticeCloud(lambda: None), PriceService(settings)
    providers = ProviderService(settings, SecretStore({"LAB_KEY": "sk-lab-01"}), practice, prices)
    lab = Provider("lab", "Lab", CLOUD, key_env="LAB_KEY")

    async def last_of(target: CloudTarget) -> StreamEvent:
        return [event async for event in providers.engine(target).stream(REQUEST)][-1]

    with ProxyServer(cloud.port) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{unused_port()}")
        settings.update(proxy=proxy.url())
        ended = await last_of(CloudTarget(lab, "m"))
        assert isinstance(ended, Finished)
        assert [contact.proxy for contact in ended.hosts] == [proxy.name]
        await providers.models(lab)
        assert proxy.asked_for == ["api.example.com:443"] * 2
        near = Provider("near", "Near", cloud.base_url)
        ended = await last_of(CloudTarget(near, "m"))
        assert isinstance(ended, Finished)
        assert [contact.proxy for contact in ended.hosts] == [None]
        assert len(proxy.asked_for) == 2


async def test_azure_is_asked_for_its_version_with_the_key_in_its_own_header(
    cloud: ScriptedOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = "https://x.openai.azure.com/openai/deployments/g?api-version=2024-06-01"
    with ProxyServer(cloud.port) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url())
        assert isinstance((await ask_cloud(address))[-1], Finished)
    asked = cloud.requests[0]
    assert asked.path == "/openai/deployments/g/chat/completions?api-version=2024-06-01"
    assert asked.headers["api-key"] == "sk-planted-01"
    await ask_cloud(cloud.base_url)
    assert "api-key" not in cloud.requests[1].headers


async def test_no_proxy_sees_a_request_that_is_not_encrypted(
    cloud: ScriptedOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ProxyServer(cloud.port) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url())
        # names that exist nowhere: what reached the proxy would be answered
        failed = (await ask_cloud("http://127.0.0.1:9/v1"))[-1]
        assert isinstance(failed, Failed)
        assert "127.0.0.1:9" in failed.error.message
        assert proxy.asked_for == []


@each_client
async def test_what_leaves_this_computer_is_counted_for_the_whole_program(
    cloud: ScriptedOpenAI,
    hub: HubServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    client: Client,
) -> None:
    traffic = Traffic()
    assert await client(hub, tmp_path / "1", traffic) != "it works"
    assert traffic.sent() == (), "nothing was sent: there was no connection"
    with ProxyServer(leads_to(client, cloud, hub)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url())
        assert await client(hub, tmp_path / "2", traffic) == "it works"
        (contact,) = traffic.sent()
        host = "api.example.com" if client is cloud_says else "hub.example"
        assert (contact.host, contact.proxy) == (f"{host}:443", proxy.name)
        before = contact.bytes_sent
        assert before is not None
        if client is cloud_says:
            asked = cloud.requests[-1]
            head = f"POST {asked.path} HTTP/1.1\r\n{asked.header_bytes}".replace("\n", "\r\n")
            assert abs(before - len(asked.raw) - len(head.replace("\r\r", "\r"))) <= 4
        assert await client(hub, tmp_path / "3", traffic) == "it works"
        (contact,) = traffic.sent()
        assert (contact.bytes_sent or 0) > before


async def test_what_stays_on_this_computer_is_not_counted(cloud: ScriptedOpenAI) -> None:
    traffic = Traffic()
    assert isinstance((await ask_cloud(cloud.base_url, traffic))[-1], Finished)
    assert traffic.sent() == ()
