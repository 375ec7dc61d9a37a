"""Terminals of every encoding: output is never refused, a prompt is understood or refused."""

import json
import os
import sys

import pytest

from playground.cli.main import main
from tests.cli.conftest import SAID


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437", "gbk"])
def test_output_survives_an_encoding_that_lacks_its_letters(terminal, cloud, encoding):
    code, out, err = terminal("--prompt", "hi", encoding=encoding)
    assert (code, err) == (0, b"")
    assert SAID.encode(encoding, "replace") in out


def test_json_is_plain_ascii(terminal, cloud):
    code, out, _ = terminal("--prompt", "hi", "--json")
    assert code == 0
    assert out.isascii()
    assert json.loads(out)["runs"][0]["text"] == SAID


@pytest.mark.parametrize(
    "typed",
    [
        "Grüße".encode(),
        "Grüße".encode("utf-8-sig"),
        "Grüße".encode("utf-16"),
        "Grüße".encode("utf-16-le"),
        b"\xfe\xff" + "Grüße".encode("utf-16-be"),
        "Grüße".encode("utf-32"),
    ],
)
def test_a_prompt_is_read_in_every_unicode_encoding(terminal, cloud, typed):
    assert terminal("--prompt", "-", typed=typed)[0] == 0
    assert cloud.requests[-1].body["messages"][-1]["content"] == "Grüße"


def test_a_prompt_in_the_encoding_of_the_terminal_is_read(terminal, cloud):
    code, _, _ = terminal("--prompt", "-", encoding="cp1252", typed="Grüße\r\n".encode("cp1252"))
    assert code == 0
    assert cloud.requests[-1].body["messages"][-1]["content"] == "Grüße\n"


@pytest.mark.parametrize("typed", [b"a\xff\xfeb", b"\xff\xfea", "Grüße".encode("latin-1")])
def test_a_prompt_that_is_no_text_is_one_sentence_and_sends_nothing(terminal, cloud, typed):
    code, out, err = terminal("--prompt", "-", typed=typed)
    assert (code, out) == (2, b"")
    assert err.startswith(b"playground: The prompt has characters that cannot be sent")
    assert err.count(b"\n") == 1
    assert cloud.requests == []


@pytest.mark.parametrize("option", ["prompt", "system"])
def test_an_argument_that_is_no_text_is_one_sentence_and_sends_nothing(terminal, cloud, option):
    words = {"prompt": "hi", option: os.fsdecode(b"a\xffb")}
    given = [part for name, value in words.items() for part in (f"--{name}", value)]
    code, _, err = terminal(*given)
    assert code == 2
    assert err.startswith(f"playground: The {option} has characters that cannot".encode())
    assert cloud.requests == []


def test_closed_streams_keep_nothing_from_running(cloud, monkeypatch):
    for name in ("stdout", "stderr", "stdin"):
        monkeypatch.setattr(sys, name, None)
    assert main(["compare", "--target", "lab:m", "--prompt", "hi"]) == 0
    assert main(["compare", "--target", "lab:m", "--prompt", "-"]) == 2
    sys.stdout.close()
    sys.stderr.close()
