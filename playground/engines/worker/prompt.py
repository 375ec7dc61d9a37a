"""The model's own chat format, and text into tokens."""

import ctypes
import re
import secrets
from dataclasses import dataclass

import llama_cpp.llama_cpp as api

from playground.core.chat import Message
from playground.core.errors import RequestRejected, TemplateFailed
from playground.core.thinking import opens_reasoning
from playground.engines.worker.model import LoadedModel
from playground.engines.worker.text import CONTROL_PIECES

_CONTROL_ATTRIBUTES = api.LLAMA_TOKEN_ATTR_CONTROL | api.LLAMA_TOKEN_ATTR_UNKNOWN
# private-use characters: no template trims, splits or changes the case of them
_MARK_START, _MARK_END = "\ue000", "\ue001"
_MARK_DIGITS = 0xE010


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model is given to continue."""

    tokens: tuple[int, ...]
    opens_reasoning: bool = False
    """True where the template itself wrote the tag that begins the reasoning."""
    is_plain: bool = False
    """True where the file has no chat template."""


class PromptRenderer:
    """Turns messages into tokens the way one model wants them."""

    def __init__(self, loaded: LoadedModel) -> None:
        self._vocab = loaded.vocab
        self._template = api.llama_model_chat_template(loaded.model, None)
        self._bos = api.llama_vocab_bos(self._vocab)
        self._adds_bos = bool(api.llama_vocab_get_add_bos(self._vocab)) and self._bos >= 0
        self._bos_text = self._token_text(self._bos)
        self._eos_text = self._token_text(api.llama_vocab_eos(self._vocab))
        self._control_texts = self._find_control_texts(loaded.vocabulary_size)

    def make(self, messages: tuple[Message, ...]) -> Prompt:
        """Return the prompt for `messages`.

        Raises `TemplateFailed` where the model's chat format refuses them, and `RequestRejected`
        where nothing is left to answer.
        """
        if self._template is None:
            prompt = self._plain(messages)
        else:
            prompt = self._chat(messages, self._template)
        if not prompt.tokens:
            raise RequestRejected("The prompt is empty.", "Type something first.")
        return prompt

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
        return Prompt(self._with_bos(self.tokens_of(text, special=False)), is_plain=True)

    def _chat(self, messages: tuple[Message, ...], template: bytes) -> Prompt:
        marks: dict[str, str] = {}
        dressed = [
            {"role": message.role.value, "content": self._mark_if_control(message.content, marks)}
            for message in messages
        ]
        rendered = self._render(dressed, template)
        tokens = self._tokenise_around(rendered, marks)
        return Prompt(
            tuple(tokens)
            if rendered.startswith(self._bos_text or "\0")
            else self._with_bos(tokens),
            opens_reasoning=opens_reasoning(rendered),
        )

    def _render(self, messages: list[dict[str, str]], template: bytes) -> str:
        from jinja2 import TemplateError  # noqa: PLC0415 - only the worker needs it
        from llama_cpp.llama_chat_format import Jinja2ChatFormatter  # noqa: PLC0415 - as above

        try:
            formatter = Jinja2ChatFormatter(
                template.decode(), eos_token=self._eos_text, bos_token=self._bos_text
            )
            return str(formatter(messages=messages).prompt)
        except UnicodeDecodeError as error:
            raise TemplateFailed("The model's chat format is not readable text.") from error
        except TemplateError as error:
            raise TemplateFailed(f"The model's chat format has a fault: {error}.") from error
        except MemoryError as error:
            raise TemplateFailed("The model's chat format grows without end.") from error
        except Exception as error:  # a template is a stranger's program and raises what it likes
            raise TemplateFailed(
                f"The model's chat format does not take this conversation: {error}"
            ) from error

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

    def text(self, token: int) -> str:
        """Return the token by itself as text, unreadable bytes replaced."""
        return self[token].decode("utf-8", "replace")

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
