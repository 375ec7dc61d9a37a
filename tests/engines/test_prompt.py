"""What a model is given to continue: its chat format around all that was typed, or an error."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from playground.core.chat import Message, Role
from playground.core.errors import TemplateFailed
from playground.core.targets import FlashAttention, KvType
from playground.engines.llama.protocol import LoadRequest
from playground.engines.worker.log import LogLines
from playground.engines.worker.model import load_model
from playground.engines.worker.prompt import Pieces, Prompt, PromptRenderer
from tests.engines.scripted_model import CHATML, write_scripted_model

USER = Message(Role.USER, "What is a zebra?")
SYSTEM = Message(Role.SYSTEM, "Answer in rhymes.")
EARLIER = (Message(Role.USER, "Hi"), Message(Role.ASSISTANT, "Hello."))
PARTS = CHATML.replace(
    "{{ m['content'] }}",
    "{% for part in m['content'] %}{% if part['type'] == 'text' %}{{ part['text'] }}{% endif %}"
    "{% endfor %}",
)
REFUSES_SYSTEM = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
)
DROPS_SYSTEM = CHATML.replace("messages %}", "messages if m['role'] != 'system' %}")
GO = "{{ if .System }}<|start|>{{ .System }}{{ end }}{{ range .Messages }}{{ .Content }}{{ end }}"


@pytest.fixture
def prompt(tmp_path: Path) -> Iterator["Maker"]:
    maker = Maker(tmp_path / "model.gguf")
    yield maker
    maker.close()


class Maker:
    """Loads a model with a chat format, and shows what it would be given."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = LogLines()
        self._log.install()
        self._close = [lambda: None]

    def make(self, template: str, *messages: Message) -> tuple[Prompt, str]:
        """Return the prompt, and the same as text."""
        write_scripted_model(self._path, ["x"], template=template)
        request = LoadRequest(str(self._path), 512, 0, KvType.F16, 1, FlashAttention.AUTO)
        loaded = load_model(request, self._log, lambda _: None, lambda: False)
        self._close = [loaded.close]
        made = PromptRenderer(loaded).make(messages)
        pieces = Pieces(loaded)
        text = b"".join(pieces[token] for token in made.tokens).decode().replace("\u2581", " ")
        return made, text

    def close(self) -> None:
        self._close[0]()


def kinds(made: Prompt) -> list[str]:
    return [notice.kind for notice in made.notices]


@pytest.mark.parametrize("messages", [(USER,), (SYSTEM, USER), (*EARLIER, USER)])
def test_a_format_that_takes_content_as_parts_only_gets_parts(
    prompt: "Maker", messages: tuple[Message, ...]
) -> None:
    made, text = prompt.make(PARTS, *messages)
    assert all(message.content in text for message in messages)
    assert kinds(made) == []


@pytest.mark.parametrize(
    "template", [REFUSES_SYSTEM + CHATML, REFUSES_SYSTEM + PARTS, DROPS_SYSTEM]
)
def test_a_system_prompt_that_is_not_taken_goes_before_the_first_message_and_that_is_said(
    prompt: "Maker", template: str
) -> None:
    made, text = prompt.make(template, SYSTEM, USER)
    assert text.index(SYSTEM.content) < text.index(USER.content)
    assert "system" not in text
    assert kinds(made) == ["system_merged"]


@pytest.mark.parametrize(
    "template",
    [
        GO,
        "{% if %}",
        "{{ 1 // 0 }}",
        "{{ messages.x.y.z }}",
        pytest.param("{% if 1 %}" * 500 + "{% endif %}" * 500, id="nested"),
        pytest.param("{{ " + "(" * 3_000 + "1" + ")" * 3_000 + " }}", id="parentheses"),
    ],
)
def test_a_broken_format_is_replaced_by_a_usual_one_and_that_is_said(
    prompt: "Maker", template: str
) -> None:
    made, text = prompt.make(template, SYSTEM, USER)
    assert f"<|im_start|>user\n{USER.content}<|im_end|>\n<|im_start|>assistant\n" in text
    assert kinds(made) == ["template_replaced"]


def test_a_broken_format_of_a_known_family_is_replaced_by_that_of_the_family(
    prompt: "Maker",
) -> None:
    go = "<start_of_turn>user\n{{ .Prompt }}<end_of_turn>\n<start_of_turn>model\n{{ .Response }}"
    _, text = prompt.make(go, USER)
    assert f"<start_of_turn>user\n{USER.content}<end_of_turn>" in text


@pytest.mark.parametrize(
    "template",
    [
        "<|start|>user\n<|end|>",
        CHATML.replace("m['content']", "m['contents']"),
        CHATML.replace("m['content']", "m['content'][:0]"),
        CHATML.replace("messages %}", "messages[1:] %}"),
    ],
)
def test_a_prompt_without_what_was_typed_is_an_error(prompt: "Maker", template: str) -> None:
    with pytest.raises(TemplateFailed, match="leaves out what was typed"):
        prompt.make(template, USER)


@pytest.mark.parametrize("filter_", ["trim", "tojson", "e", "upper", "replace('\\n', ' ')"])
def test_a_format_may_trim_and_escape_what_was_typed(prompt: "Maker", filter_: str) -> None:
    template = CHATML.replace("m['content']", f"m['content'] | {filter_}")
    made, _ = prompt.make(template, Message(Role.USER, ' Is "a < b"\nso? '))
    assert kinds(made) == []


def test_a_format_may_take_out_what_it_acts_on(prompt: "Maker") -> None:
    template = CHATML.replace("m['content']", "m['content'] | replace('/no_think', '')")
    made, text = prompt.make(template, Message(Role.SYSTEM, "/no_think"), USER)
    assert "no_think" not in text
    assert kinds(made) == []


def test_an_empty_format_is_none(prompt: "Maker") -> None:
    made, text = prompt.make(" \n", USER)
    assert USER.content in text
    assert kinds(made) == ["no_template"]
