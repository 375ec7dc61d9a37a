"""The model's own chat format, and text into tokens."""

import ctypes
import hashlib
import html
import json
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import llama_cpp.llama_cpp as api

from playground.core.chat import Message, Role
from playground.core.errors import RequestRejected, TemplateFailed
from playground.core.runs import NO_TEMPLATE_SHA256
from playground.core.thinking import opens_reasoning
from playground.engines.worker.model import LoadedModel
from playground.engines.worker.text import CONTROL_PIECES

_CONTROL_ATTRIBUTES = api.LLAMA_TOKEN_ATTR_CONTROL | api.LLAMA_TOKEN_ATTR_UNKNOWN
_TYPED_SWITCH = re.compile(r"/(?:no_)?think\b")
"""What templates of Qwen3, SmolLM3 and others take out of a message and act on."""
# private-use characters: no template trims, splits or changes the case of them
_MARK_START, _MARK_END = "\ue000", "\ue001"
_MARK_DIGITS = 0xE010


_LEFT_OUT = TemplateFailed(
    "The model's chat format leaves out what was typed.", "Use another version of this model."
)


@dataclass(frozen=True, slots=True)
class PromptNotice:
    """Something a person should know of how the prompt was made."""

    kind: str
    message: str


NO_TEMPLATE = PromptNotice(
    "no_template", "This model has no chat format: it continues the text as it stands."
)
SYSTEM_MERGED = PromptNotice(
    "system_merged",
    "This model takes no system prompt: it was put before the first message.",
)
NO_SWITCH = PromptNotice(
    "parameter_left_out",
    "This model has no switch for thinking: the choice whether to think was left out.",
)
NO_THINKING = PromptNotice(
    "thinking_left_out",
    "The answer has a fixed form: it is given without thinking first. Answer settings can ask "
    "for it.",
)
NO_GRAMMAR = PromptNotice(
    "form_not_enforced",
    "This form cannot be enforced here: the answer is asked for in words only, and then checked.",
)


def only_checked(keywords: Sequence[str]) -> PromptNotice:
    """Return what is said of a form that is held to but for some of its keywords."""
    return PromptNotice(
        "form_not_enforced",
        f"The form is held to but for {', '.join(keywords)}: the answer is checked for the rest.",
    )


_SWITCHES: dict[str, dict[bool, Any]] = {
    "enable_thinking": {True: True, False: False},
    "thinking": {True: True, False: False},
    "reasoning_effort": {True: "medium", False: "low"},
}
"""Variables of chat templates that switch thinking.

Those of Qwen, GLM and SmolLM3, of DeepSeek and Granite, and of gpt-oss, which cannot do without.
"""
_SWITCH_IN_TEMPLATE = re.compile(
    rb"\{[%{][^}]*?(?<![.\w'\"<])(" + "|".join(_SWITCHES).encode() + rb")\b(?!['\">])"
)
TEMPLATE_REPLACED = PromptNotice(
    "template_replaced",
    "This model's chat format cannot be read: a usual one was taken instead, and answers may be "
    "worse.",
)


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model is given to continue."""

    tokens: tuple[int, ...]
    opens_reasoning: bool = False
    """True where the template itself wrote the tag that begins the reasoning."""
    notices: tuple[PromptNotice, ...] = ()
    template_sha256: str = NO_TEMPLATE_SHA256
    """Of the chat format's text as it is in the model file."""


class PromptRenderer:
    """Turns messages into tokens the way one model wants them."""

    def __init__(self, loaded: LoadedModel) -> None:
        self._vocab = loaded.vocab
        template = api.llama_model_chat_template(loaded.model, None) or b""
        self._template = template.strip()
        self._template_sha256 = (
            hashlib.sha256(template).hexdigest() if self._template else NO_TEMPLATE_SHA256
        )
        self._bos = api.llama_vocab_bos(self._vocab)
        self._adds_bos = bool(api.llama_vocab_get_add_bos(self._vocab)) and self._bos >= 0
        self._bos_text = self._token_text(self._bos)
        self._eos_text = self._token_text(api.llama_vocab_eos(self._vocab))
        self._control_texts = self._find_control_texts(loaded.vocabulary_size)

    def make(
        self, messages: tuple[Message, ...], *, think: bool | None = None, has_form: bool = False
    ) -> Prompt:
        """Return the prompt for `messages`; `think` as in `SamplingParams`.

        Before an answer that `has_form` nothing is thought where the model has a switch for it and
        nobody chose.
        Raises `TemplateFailed` where the model's chat format refuses them, and `RequestRejected`
        where nothing is left to answer.
        """
        leaves_out = has_form and think is None and self._has_switch
        if leaves_out:
            think = False
        prompt = self._chat(messages, think) if self._template else self._plain(messages)
        if leaves_out:
            prompt = replace(prompt, notices=(*prompt.notices, NO_THINKING))
        if think is not None and not self._has_switch:
            prompt = replace(prompt, notices=(*prompt.notices, NO_SWITCH))
        if not prompt.tokens:
            raise RequestRejected("The prompt is empty.", "Type something first.")
        return replace(prompt, template_sha256=self._template_sha256)

    def tokens_of(self, text: str, *, special: bool) -> list[int]:
        """Return the tokens of `text`; control tokens are seen in it only where `special`."""
        raw = text.encode("utf-8", "replace")
        size = len(raw) + 8
        while True:
            tokens = (api.llama_token * size)()
            count = api.llama_tokenize(self._vocab, raw, len(raw), tokens, size, False, special)
            if count >= 0:
                return list(tokens[:count])
            size = -count

    def _plain(self, messages: tuple[Message, ...]) -> Prompt:
        text = "\n\n".join(message.content for message in messages if message.content)
        return Prompt(self._with_bos(self.tokens_of(text, special=False)), notices=(NO_TEMPLATE,))

    @property
    def _has_switch(self) -> bool:
        """True where the chat format asks whether to think."""
        return _SWITCH_IN_TEMPLATE.search(self._template) is not None

    def _chat(self, messages: tuple[Message, ...], think: bool | None) -> Prompt:
        marks: dict[str, str] = {}
        dressed = tuple(
            replace(message, content=self._mark_if_control(message.content, marks))
            for message in messages
        )
        rendered, notices = self._render(dressed, think)
        tokens = self._tokenise_around(rendered, marks)
        return Prompt(
            tuple(tokens)
            if rendered.startswith(self._bos_text or "\0")
            else self._with_bos(tokens),
            opens_reasoning=opens_reasoning(rendered),
            notices=notices,
        )

    def _render(
        self, messages: tuple[Message, ...], think: bool | None
    ) -> tuple[str, tuple[PromptNotice, ...]]:
        """Return the conversation in the model's chat format, and what was changed for it.

        The first way of writing it down counts in which nothing that was typed is missing.
        """
        try:
            apply = self._jinja_template(think)
        except TemplateBroken:
            return self._in_usual_format(messages), (TEMPLATE_REPLACED,)
        first: TemplateFailed | TemplateBroken | None = None
        for written, notices in _ways_to_write(messages):
            try:
                rendered = apply(written)
            except (TemplateFailed, TemplateBroken) as error:
                first = first or error
                continue
            if _holds_all(rendered, messages):
                return rendered, notices
            first = first or _LEFT_OUT
        if isinstance(first, TemplateBroken):
            return self._in_usual_format(messages), (TEMPLATE_REPLACED,)
        raise first or _LEFT_OUT

    def _jinja_template(self, think: bool | None) -> "Callable[[list[_Written]], str]":
        """Return what renders messages; it raises `TemplateFailed`, or `TemplateBroken`."""
        from jinja2 import TemplateError  # noqa: PLC0415 - only the worker needs it
        from llama_cpp.llama_chat_format import Jinja2ChatFormatter  # noqa: PLC0415 - as above

        try:
            formatter = Jinja2ChatFormatter(
                self._template.decode(), eos_token=self._eos_text, bos_token=self._bos_text
            )
        except (UnicodeDecodeError, TemplateError, RecursionError) as error:
            raise TemplateBroken from error

        switch = (
            {} if think is None else {name: values[think] for name, values in _SWITCHES.items()}
        )

        def apply(messages: list[_Written]) -> str:
            # what a template gets is plain JSON, not the library's own classes
            given: Any = messages
            try:
                return str(formatter(messages=given, **switch).prompt)
            except MemoryError as error:
                raise TemplateFailed("The model's chat format grows without end.") from error
            except ValueError as error:  # `raise_exception` of the template
                raise TemplateFailed(
                    f"The model's chat format does not take this conversation: {error}"
                ) from error
            except Exception as error:  # a stranger's program raises what it likes
                raise TemplateBroken from error

        return apply

    def _in_usual_format(self, messages: tuple[Message, ...]) -> str:
        """Return the conversation in the format llama.cpp takes the template for, else ChatML."""
        said = [(m.role.value.encode(), m.content.encode("utf-8", "replace")) for m in messages]
        chat = (api.llama_chat_message * len(said))(*said)
        size = 1_024 + 2 * sum(len(content) + 64 for _, content in said)
        buffer = ctypes.create_string_buffer(size)
        for template in (self._template, b"chatml"):
            length = api.llama_chat_apply_template(template, chat, len(said), True, buffer, size)
            rendered = buffer.raw[: max(0, length)].decode("utf-8", "replace")
            if length <= size and _holds_all(rendered, messages):
                return rendered
        raise _LEFT_OUT

    def _mark_if_control(self, text: str, marks: dict[str, str]) -> str:
        """Return `text`, or a mark that stands for it where it holds a control token's text."""
        if not any(control in text for control in self._control_texts):
            return text
        number = "".join(chr(_MARK_DIGITS + digit) for digit in secrets.token_bytes(16))
        mark = f"{_MARK_START}{number}{_MARK_END}"
        marks[mark] = text
        return mark

    def _tokenise_around(self, rendered: str, marks: dict[str, str]) -> list[int]:
        if not marks:
            return self.tokens_of(rendered, special=True)
        tokens: list[int] = []
        for part in re.split("(" + "|".join(map(re.escape, marks)) + ")", rendered):
            if part:
                typed = marks.get(part)
                tokens += self.tokens_of(part if typed is None else typed, special=typed is None)
        return tokens

    def _with_bos(self, tokens: list[int]) -> tuple[int, ...]:
        return (self._bos, *tokens) if self._adds_bos else tuple(tokens)

    def _token_text(self, token: int) -> str:
        if token < 0:
            return ""
        text = api.llama_vocab_get_text(self._vocab, token)
        return text.decode("utf-8", "replace") if text else ""

    def _find_control_texts(self, vocabulary_size: int) -> tuple[str, ...]:
        attribute, vocab = api.llama_vocab_get_attr, self._vocab
        found = (
            self._token_text(token)
            for token in range(vocabulary_size)
            if attribute(vocab, token) & _CONTROL_ATTRIBUTES
        )
        return tuple(text for text in found if text)


class TemplateBroken(Exception):
    """The chat format itself is at fault, whatever the conversation is."""


_Written = dict[str, Any]
"""A message as chat templates get it: `role`, and `content` as a text or a list of parts."""


def _ways_to_write(
    messages: tuple[Message, ...],
) -> Iterator[tuple[list[_Written], tuple[PromptNotice, ...]]]:
    """Yield the conversation as templates may want it, the usual way first.

    Some take a message's content only as a list of parts, and some no system prompt.
    """
    yield _as_texts(messages), ()
    yield _as_parts(messages), ()
    merged = _without_system(messages)
    if merged is not None:
        yield _as_texts(merged), (SYSTEM_MERGED,)
        yield _as_parts(merged), (SYSTEM_MERGED,)


def _as_texts(messages: Sequence[Message]) -> list[_Written]:
    return [{"role": m.role.value, "content": m.content} for m in messages]


def _as_parts(messages: Sequence[Message]) -> list[_Written]:
    return [
        {"role": m.role.value, "content": [{"type": "text", "text": m.content}]} for m in messages
    ]


def _without_system(messages: tuple[Message, ...]) -> tuple[Message, ...] | None:
    """Return the messages with the system prompt before the first of the person's."""
    if len(messages) < 2 or messages[0].role is not Role.SYSTEM:
        return None
    system, first, *others = messages
    if first.role is not Role.USER:
        return None
    return (replace(first, content=f"{system.content}\n\n{first.content}"), *others)


def _holds_all(rendered: str, messages: Sequence[Message]) -> bool:
    """Return True where all that was typed is in `rendered`; templates may trim and escape it.

    Of the model's own earlier answers they may leave out what it thought.
    """
    there = [_squeezed(rendered), _squeezed(html.unescape(rendered))]
    return all(
        any(
            _squeezed(typed) in text for typed in (m.content, _in_json(m.content)) for text in there
        )
        for m in messages
        if m.role is not Role.ASSISTANT
    )


def _in_json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _squeezed(text: str) -> str:
    return "".join(_TYPED_SWITCH.sub("", text).split()).casefold()


class Pieces:
    """The bytes each token stands for, of any length."""

    def __init__(self, loaded: LoadedModel) -> None:
        self._vocab = loaded.vocab
        self._buffer = ctypes.create_string_buffer(512)
        self._known: dict[int, bytes] = {}

    def __getitem__(self, token: int) -> bytes:
        piece = self._known.get(token)
        if piece is None:
            piece = self._known[token] = self._look_up(token)
        return piece

    def _look_up(self, token: int) -> bytes:
        # rendered with control tokens first: the tags around reasoning are such in some models
        piece = self._call(token, special=True)
        if piece in CONTROL_PIECES:
            return piece
        return self._call(token, special=False)

    def _call(self, token: int, *, special: bool) -> bytes:
        while True:
            size = len(self._buffer)
            count = api.llama_token_to_piece(self._vocab, token, self._buffer, size, 0, special)
            if count >= 0:
                return self._buffer.raw[:count]
            self._buffer = ctypes.create_string_buffer(-count)
