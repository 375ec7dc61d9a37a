"""Which proxy and which certificates hold for an address."""

import ssl
from pathlib import Path

import pytest

from playground.network.routes import (
    NetworkFailed,
    certificate_source,
    parse_proxy,
    route_for,
    trusted_certificates,
)
from tests.servers.proxy import AUTHORITY

ANYWHERE = "https://api.example.com/v1"


@pytest.mark.parametrize(
    ("variables", "url", "source"),
    [
        ({"HTTPS_PROXY": "http://10.0.0.1:3128"}, "http://10.0.0.1:3128", "HTTPS_PROXY"),
        ({"https_proxy": "10.0.0.1"}, "http://10.0.0.1:80", "https_proxy"),
        ({"https_proxy": "10.0.0.1", "HTTPS_PROXY": "x:1"}, "http://10.0.0.1:80", "https_proxy"),
        ({"Https_Proxy": "http://10.0.0.1:9"}, "http://10.0.0.1:9", "Https_Proxy"),
        ({"HTTPS_PROXY": '"http://10.0.0.1:9"'}, "http://10.0.0.1:9", "HTTPS_PROXY"),
        ({"HTTPS_PROXY": "  ", "ALL_PROXY": "10.0.0.1"}, "http://10.0.0.1:80", "ALL_PROXY"),
        ({"ALL_PROXY": "socks5://10.0.0.1"}, "socks5h://10.0.0.1:1080", "ALL_PROXY"),
        ({"all_proxy": "socks://10.0.0.1:9/"}, "socks5h://10.0.0.1:9", "all_proxy"),
        ({"ALL_PROXY": "socks5h://[::1]:9"}, "socks5h://[::1]:9", "ALL_PROXY"),
        (
            {"ALL_PROXY": "socks5://10.0.0.1", "HTTPS_PROXY": "https://10.0.0.2"},
            "https://10.0.0.2:443",
            "HTTPS_PROXY",
        ),
    ],
)
def test_the_environment_names_the_proxy(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], url: str, source: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = route_for(ANYWHERE).proxy
    assert found is not None
    assert (found.url, found.source) == (url, source)


def test_without_a_variable_there_is_no_proxy() -> None:
    assert route_for(ANYWHERE).proxy is None


def test_the_proxy_of_settings_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://10.0.0.1:3128")
    found = route_for(ANYWHERE, "http://10.0.0.9:1").proxy
    assert found is not None
    assert (found.name, found.source) == ("10.0.0.9:1", "Settings")


@pytest.mark.parametrize(
    "url",
    [
        "http://192.168.1.4:8000/v1",
        "http://10.0.0.9/v1",
        "http://nas.local:11434/v1",
        "http://localhost:11434/v1",
        "http://127.0.0.1/v1",
        "http://[::1]:8080/v1",
        "http://[::ffff:127.0.0.1]:9/v1",
        "https://localhost/v1",
        "https://127.0.0.1:8443/v1",
        "https://[::1]/v1",
    ],
)
def test_no_proxy_reads_what_goes_to_this_computer_or_in_clear(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://10.0.0.1:3128")
    assert route_for(url).proxy is None
    assert route_for(url, "http://10.0.0.1:3128").proxy is None


@pytest.mark.parametrize(
    "host", ["192.168.1.4", "10.0.0.9", "169.254.1.1", "[fd00::1]", "nas.local", "gpu.internal"]
)
def test_the_proxy_of_settings_is_for_what_lies_outside(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    assert route_for(f"https://{host}:8443/v1", "http://10.0.0.1:3128").proxy is None
    monkeypatch.setenv("HTTPS_PROXY", "http://10.0.0.2:3128")
    assert route_for(f"https://{host}:8443/v1", "http://10.0.0.1:3128").proxy is None


@pytest.mark.parametrize(
    ("listed", "is_exempt"),
    [
        ("*", True),
        ("example.com", True),
        (".example.com", True),
        ("*.example.com", True),
        ("API.Example.com", True),
        ("other.test, example.com", True),
        ("other.test example.com", True),
        ("other.test;example.com", True),
        ("api.example.com.", True),
        ("example.com:443", True),
        ("example.com:8443", False),
        ("ample.com", False),
        ("example.com.evil.test", False),
        ("", False),
        (",,", False),
    ],
)
def test_no_proxy_lists_names(
    monkeypatch: pytest.MonkeyPatch, listed: str, is_exempt: bool
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://10.0.0.1:3128")
    monkeypatch.setenv("NO_PROXY", listed)
    assert (route_for(ANYWHERE).proxy is None) == is_exempt


@pytest.mark.parametrize(
    ("listed", "host", "is_exempt"),
    [
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.*", "10.1.2.3", True),
        ("1.*", "10.1.2.3", False),
        ("<local>", "nas", True),
        ("<local>", "nas.example", False),
        ("nas.example", "nas.example.", True),
        ("fd00::/8", "[fd00::1]", True),
        ("[fd00::1]:443", "[fd00::1]", True),
        ("10.0.0.0/99", "10.1.2.3", False),
    ],
)
def test_no_proxy_lists_addresses_and_networks(
    monkeypatch: pytest.MonkeyPatch, listed: str, host: str, is_exempt: bool
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://10.0.0.1:3128")
    monkeypatch.setenv("no_proxy", listed)
    assert (route_for(f"https://{host}/v1").proxy is None) == is_exempt


@pytest.mark.parametrize(
    "text",
    [
        "http://host:99999",
        "http://host:x",
        "http://",
        "host name:1",
        "http://[::1",
        "prøxy:1",
        "http//host:1",
        "http:/host:1",
        "http://host/proxy.pac",
        "//",
    ],
)
def test_what_is_no_proxys_address_is_named_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", text)
    with pytest.raises(NetworkFailed, match="The proxy in HTTPS_PROXY is not an address"):
        route_for(ANYWHERE)


@pytest.mark.parametrize("scheme", ["socks4", "socks4a", "quic", "ftp"])
def test_a_kind_of_proxy_that_is_not_known_is_named(scheme: str) -> None:
    with pytest.raises(NetworkFailed, match=f"not known: {scheme}://") as caught:
        parse_proxy(f"{scheme}://10.0.0.1:1", "ALL_PROXY")
    assert "socks5://host:port" in caught.value.hint


def test_name_and_password_of_a_proxy_are_never_shown() -> None:
    proxy = parse_proxy("http://me:p%40ss@10.0.0.1:3128", "HTTPS_PROXY")
    assert proxy.auth == ("me", "p@ss")
    assert "ss" not in f"{proxy!r}{proxy.url}{proxy.name}"
    with pytest.raises(NetworkFailed) as caught:
        parse_proxy("http://me:p%40ss@10.0.0.1:99999", "HTTPS_PROXY")
    assert "40ss" not in f"{caught.value}{caught.value.hint}"


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"])
def test_certificates_that_are_not_there_are_named_by_their_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    path = tmp_path / "gone.pem"
    monkeypatch.setenv(variable, str(path))
    assert certificate_source() == variable
    with pytest.raises(NetworkFailed) as caught:
        trusted_certificates()
    assert variable in str(caught.value)
    assert f"{path} is not there" in str(caught.value)
    assert variable in caught.value.hint


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_a_file_that_holds_no_certificates_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no certificate")
    monkeypatch.setenv(variable, str(path))
    with pytest.raises(NetworkFailed, match=f"{variable} .*notes.txt holds no certificates"):
        trusted_certificates()


def test_a_folder_in_place_of_a_file_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path))
    with pytest.raises(NetworkFailed, match="SSL_CERT_FILE"):
        trusted_certificates()


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_only_the_certificates_that_are_named_are_trusted(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, str(AUTHORITY))
    context = trusted_certificates()
    names = [dict(pair[0] for pair in found["subject"]) for found in context.get_ca_certs()]
    assert names == [{"commonName": "Playground test authority"}]
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_an_empty_variable_names_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "")
    assert certificate_source() is None
    assert trusted_certificates().verify_mode is ssl.CERT_REQUIRED
