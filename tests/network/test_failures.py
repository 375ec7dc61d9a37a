"""What is said of a host whose name is not found."""

import socket

import pytest

from playground.network.failures import explain


def words_of(host: str, code: int = socket.EAI_NONAME) -> str:
    failed = explain(socket.gaierror(code, "not known"), host, None, is_at_proxy=False)
    assert failed is not None
    return f"{failed.message} {failed.hint}"


@pytest.mark.parametrize(
    "host",
    [
        "huggingface.co:443",
        "cdn-lfs.huggingface.co:443",
        "cas-bridge.xethub.hf.co:443",
        "api.openai.com:443",
        "openrouter.ai:443",
    ],
)
def test_a_name_the_program_knows_by_itself_is_not_blamed_on_the_person(host: str) -> None:
    said = words_of(host)
    assert host.removesuffix(":443") in said
    assert "Is this computer connected to the internet?" in said
    assert "written" not in said


def test_of_a_name_that_was_typed_both_are_asked_the_connection_first() -> None:
    said = words_of("api.opeani.com:443")
    assert "api.opeani.com" in said
    assert said.index("connected to the internet?") < said.index("how the address is written")


def test_where_nothing_can_be_looked_up_it_is_the_connection() -> None:
    said = words_of("api.opeani.com:443", socket.EAI_AGAIN)
    assert "connected to the internet?" in said
    assert "written" not in said
