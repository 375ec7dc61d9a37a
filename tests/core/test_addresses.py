"""Which addresses a key may be sent to."""

import pytest

from playground.core.urls import AddressLevel, check_url, origin


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com/v1",
        "http://localhost:11434/v1",
        "http://127.0.0.1:8080/v1",
        "http://[::1]:8080/v1",
        "https://192.168.1.4/v1",
    ],
)
def test_encrypted_and_local_addresses_are_fine(url):
    check = check_url(url)
    assert check.level is AddressLevel.OK
    assert check.url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://192.168.1.4:8000/v1",
        "http://10.0.0.9/v1",
        "http://172.16.3.4/v1",
        "http://169.254.10.1/v1",
        "http://nas.local:11434/v1",
        "http://[fe80::1]/v1",
        "http://[fd00::1]/v1",
    ],
)
def test_a_private_network_without_encryption_comes_with_a_warning(url):
    check = check_url(url)
    assert check.level is AddressLevel.WARNING
    assert "encrypted" in check.message


@pytest.mark.parametrize(
    "url",
    [
        "http://api.openai.com/v1",
        "http://8.8.8.8/v1",
        "http://[::ffff:8.8.8.8]/v1",
        "http://2130706433/v1",
        "http://127.0.0.1.example.com/v1",
        "http://localhost.example.com/v1",
        "http://192.168.1.4.example.com/v1",
        "http://172.32.0.1/v1",
        "http://0.0.0.0:8000/v1",
        "https://user:secret@api.openai.com/v1",
        "https://token@api.openai.com/v1",
        "https://api.openai.com/v1?key=secret",
        "https://api.openai.com/v1#x",
        "https://api.openai.com\\@evil.example/v1",
        "https://api.openai.com/v1\nX: y",
        "https://аpi.openai.com/v1",
        "https:///v1",
        "https://[::1/v1",
        "https://host:99999/v1",
        "ftp://host/v1",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "api.openai.com/v1",
        "",
    ],
)
def test_addresses_that_could_leak_a_key_are_refused_with_a_reason(url):
    check = check_url(url)
    assert check.level is AddressLevel.REFUSED
    assert check.message


def test_what_people_paste_is_tidied_up_and_said():
    assert check_url(" https://host/v1/ ").url == "https://host/v1"
    whole = check_url("https://host/v1/chat/completions")
    assert whole.url == "https://host/v1"
    assert "taken off" in whole.message
    assert "/v1" in check_url("https://host").message


def test_an_origin_is_scheme_host_and_port():
    assert origin("https://Host/v1") == origin("https://host:443/other")
    assert origin("https://host/v1") != origin("http://host/v1")
    assert origin("https://host/v1") != origin("https://host:8443/v1")
