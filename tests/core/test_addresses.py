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
        "http://[::ffff:127.0.0.1]:9/v1",
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
        "",
    ],
)
def test_addresses_that_could_leak_a_key_are_refused_with_a_reason(url):
    check = check_url(url)
    assert check.level is AddressLevel.REFUSED
    assert check.message
    assert check.hint


@pytest.mark.parametrize(
    ("typed", "stored", "said"),
    [
        (" https://host/v1/ ", "https://host/v1", ""),
        ("https://host/v1/chat/completions", "https://host/v1", "taken off"),
        ("https://host/v1/models", "https://host/v1", "taken off"),
        ("https://host", "https://host", "/v1"),
        ("api.openai.com/v1", "https://api.openai.com/v1", "https:// was put in front"),
        ("localhost:11434/v1", "http://localhost:11434/v1", "http:// was put in front"),
        ("[::1]:8080/v1", "http://[::1]:8080/v1", "http:// was put in front"),
        ("host:8443/v1", "https://host:8443/v1", "https:// was put in front"),
        ("'https://host/v1'", "https://host/v1", "signs around it"),
        ("<https://host/v1>,", "https://host/v1", "signs around it"),
        ("https://host/v1,", "https://host/v1", "signs around it"),
        ("https://host/v1.", "https://host/v1", "signs around it"),
        ("https://host/v1\u200b", "https://host/v1", "signs around it"),
        ("(https://host/v1)", "https://host/v1", "around it was left out"),
        ("base_url: https://host/v1", "https://host/v1", "around it was left out"),
        ("curl 'https://host/v1/chat/completions'", "https://host/v1", "around it was left out"),
        ("POST https://host/v1/chat/completions", "https://host/v1", "taken off"),
        ("“https://host/v1”", "https://host/v1", "signs around it"),
        ("\u200bhttps://host/v1\ufeff", "https://host/v1", "signs around it"),
        ("HTTPS://Host/v1", "https://Host/v1", ""),
        ("OPENAI_BASE_URL=https://host/v1", "https://host/v1", "before the “=”"),
        ('export BASE_URL="https://host/v1"', "https://host/v1", "before the “=”"),
        ("$env:BASE_URL = 'host.example/v1'", "https://host.example/v1", "before the “=”"),
        (
            "https://x.openai.azure.com/openai/deployments/g/chat/completions?api-version=2024-06-01",
            "https://x.openai.azure.com/openai/deployments/g?api-version=2024-06-01",
            "taken off",
        ),
        (
            "x.openai.azure.com/openai/deployments/g?api-version=2024-06-01",
            "https://x.openai.azure.com/openai/deployments/g?api-version=2024-06-01",
            "put in front",
        ),
    ],
)
def test_what_people_paste_is_tidied_up_and_said(typed, stored, said):
    check = check_url(typed)
    assert (check.level, check.url) == (AddressLevel.OK, stored)
    assert said in check.message
    again = check_url(stored)
    assert again.url == stored


def test_an_address_of_the_own_network_without_a_scheme_gets_the_one_servers_there_have():
    check = check_url("192.168.1.4:8000/v1")
    assert (check.level, check.url) == (AddressLevel.WARNING, "http://192.168.1.4:8000/v1")
    assert check.message.startswith("http:// was put in front. 192.168.1.4 is in your own network")


@pytest.mark.parametrize(
    ("typed", "message", "hint"),
    [
        ("https://user:pw@host/v1", "name or password", "before the “@”"),
        ("https://host/v 1", "space", "Take it out"),
        ("https://host:0/v1", "port", "1 to 65535"),
        ("https://host:99999/v1", "port", "1 to 65535"),
        ("https://host/v1?key=secret", "“?”", "key field"),
        ("https://host/v1?api-version=1&key=secret", "“?”", "key field"),
        ("ftp://host/v1", "starts with https://", "https://host/v1"),
        ("https//host", "starts with https://", "https://host/v1"),
        ("http://api.openai.com/v1", "Without https://", "https:// in front"),
        ("http://0.0.0.0:8000/v1", "0.0.0.0", "127.0.0.1"),
        ("https://[::1/v1", "not an address", "https://host/v1"),
        ("https://hоst/v1", "characters", "Copy it"),
    ],
)
def test_each_refusal_has_the_hint_that_fits(typed, message, hint):
    check = check_url(typed)
    assert check.level is AddressLevel.REFUSED
    assert message in check.message
    assert hint in check.hint


def test_an_origin_is_scheme_host_and_port():
    assert origin("https://Host/v1") == origin("https://host:443/other")
    assert origin("https://host/v1") != origin("http://host/v1")
    assert origin("https://host/v1") != origin("https://host:8443/v1")
