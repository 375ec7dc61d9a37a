"""What a terminal says of answers that are not whole."""

import pytest

from tests.servers.scripted_openai import Stream, text


@pytest.mark.parametrize(
    ("finish", "words"),
    [
        ("content_filter", "held back by the provider's filter"),
        ("length", "cut off at the longest length allowed"),
        ("tool_calls", "ended with a call of a tool"),
        ("stop", "finished"),
    ],
)
def test_an_answer_that_is_not_whole_is_told_beside_its_figures(terminal, cloud, finish, words):
    cloud.script(Stream(text("It is", finish=finish)))
    _code, out, _err = terminal("--prompt", "hi")
    (line,) = [line for line in out.decode().splitlines() if "first word" in line]
    assert words in line
