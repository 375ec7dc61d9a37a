"""Chunks of a chat completion stream, read without trusting their shape or their characters.

The shapes: https://platform.openai.com/docs/api-reference/chat-streaming, and what others add:
`reasoning_content` (DeepSeek, llama-server, vLLM), `reasoning` (Groq, OpenRouter), `x_groq.usage`,
`prompt_cache_hit_tokens` (DeepSeek), `usage.cost` (OpenRouter), content in parts (Mistral).
"""

import codecs
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from playground.core.characters import REPLACEMENT, SurrogateJoiner, whole_characters
from playground.core.events import Alternative, Token
from playground.core.runs import Provenance, TokenUsage


@dataclass(frozen=True, slots=True)
class StreamChunk:
    """What one chunk says; empty where it says nothing."""

    text: str = ""
    reasoning: str = ""
    tokens: tuple[Token, ...] = ()
    finish_reason: str | None = None
    usage: TokenUsage | None = None
    cost_usd: float | None = None


def is_error(data: dict[str, Any]) -> bool:
    """Return True for an error object in the place of a chunk (vLLM and Anthropic send such)."""
    return data.get("object") == "error" or data.get("type") == "error"


class ChunkReader:
    """Reads one answer's chunks in order, so that characters split over several come whole."""

    def __init__(self) -> None:
        self._text = SurrogateJoiner()
        self._reasoning = SurrogateJoiner()
        self._tokens = _TokenTexts()

    def read(self, data: dict[str, Any], t_s: float) -> StreamChunk:
        """Return what a decoded chunk says; `t_s` is when it was decoded."""
        usage_data = _mapping(data.get("usage")) or _mapping(
            _mapping(data.get("x_groq")).get("usage")
        )
        choices = data.get("choices")
        choice = _mapping(choices[0]) if isinstance(choices, list) and choices else {}
        delta = _mapping(choice.get("delta"))
        text, thought = _content(delta.get("content"))
        reasoning = _text(delta.get("reasoning_content")) or _text(delta.get("reasoning"))
        finish = _text(choice.get("finish_reason"))
        # nothing follows the finish reason that a half could wait for
        text = self._text.feed(text or _text(delta.get("refusal")), is_last=bool(finish))
        reasoning = self._reasoning.feed(reasoning or thought, is_last=bool(finish))
        return StreamChunk(
            text=text,
            reasoning=reasoning,
            tokens=self._read_tokens(choice.get("logprobs"), text or reasoning, t_s),
            finish_reason=whole_characters(finish) or None,
            usage=_usage(usage_data),
            cost_usd=_number(usage_data.get("cost")),
        )

    def rest(self) -> StreamChunk:
        """Return the halves whose other half never came."""
        return StreamChunk(
            text=self._text.feed("", is_last=True),
            reasoning=self._reasoning.feed("", is_last=True),
        )

    def _read_tokens(self, logprobs: Any, text: str, t_s: float) -> tuple[Token, ...]:
        entries = _mapping(logprobs).get("content")
        if not isinstance(entries, list):
            return ()
        tokens = []
        for entry in map(_mapping, entries):
            alternatives = self._read_alternatives(entry.get("top_logprobs"))
            probability = _probability(entry.get("logprob"))
            tokens.append(Token(self._tokens.feed(entry), t_s, probability, alternatives))
        texts = _readable([token.text for token in tokens], text)
        return tuple(replace(token, text=known) for token, known in zip(tokens, texts, strict=True))

    def _read_alternatives(self, entries: Any) -> tuple[Alternative, ...]:
        if not isinstance(entries, list):
            return ()
        read = [
            (self._tokens.alternative(entry), _probability(entry.get("logprob")))
            for entry in map(_mapping, entries)
        ]
        return tuple(Alternative(text, known) for text, known in read if known is not None)


class _TokenTexts:
    """The texts of an answer's tokens: a character belongs to the token that completes it."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._halves = SurrogateJoiner()

    def feed(self, entry: dict[str, Any]) -> str:
        """Return the text the next token adds; empty where its character is not complete."""
        piece = _bytes(entry)
        if piece is not None:
            return self._halves.feed("", is_last=True) + self._decoder.decode(piece)
        return self._decoder.decode(b"", True) + self._halves.feed(_text(entry.get("token")))

    def alternative(self, entry: dict[str, Any]) -> str:
        r"""Return what a token would add in the next one's place; `\xf0` for half a character."""
        piece = _bytes(entry)
        if piece is None:
            return whole_characters(_text(entry.get("token")))
        begun, _ = self._decoder.getstate()
        try:
            return (begun + piece).decode()
        except UnicodeDecodeError:
            return piece.decode("utf-8", "backslashreplace")


def _bytes(entry: dict[str, Any]) -> bytes | None:
    """Return the bytes of a token; `None` where the server does not tell them."""
    told = entry.get("bytes")
    if isinstance(told, list) and told:
        try:
            return bytes(told)
        except (TypeError, ValueError):
            return None
    # how SentencePiece writes a byte that is no character
    found = re.fullmatch(r"<0x([0-9A-Fa-f]{2})>", _text(entry.get("token")))
    return bytes.fromhex(found[1]) if found else None


def _readable(texts: Sequence[str], whole: str) -> list[str]:
    """Return the texts of a chunk's tokens with what cannot be read taken from the chunk's own.

    Servers that hold a character back until it is complete tell the bytes of its last token alone
    (llama-server), or the replacement character for each of its tokens (vLLM).
    """
    if REPLACEMENT in whole or not any(REPLACEMENT in text for text in texts):
        return list(texts)
    first, last, start, stop = 0, len(texts), 0, len(whole)
    while _is_known(texts[first]) and whole.startswith(texts[first], start):
        start += len(texts[first])
        first += 1
    while (
        last > first and _is_known(texts[last - 1]) and whole.endswith(texts[last - 1], start, stop)
    ):
        last -= 1
        stop -= len(texts[last])
    between = texts[first:last]
    if any(map(_is_known, between)):
        return [text.replace(REPLACEMENT, "") for text in texts]
    return [*texts[:first], *[""] * (len(between) - 1), whole[start:stop], *texts[last:]]


def _is_known(text: str) -> bool:
    return bool(text) and REPLACEMENT not in text


def _content(content: Any) -> tuple[str, str]:
    """Return answer and reasoning of a `content` that is a string or a list of parts."""
    if not isinstance(content, list):
        return _text(content), ""
    answer, thought = "", ""
    for part in map(_mapping, content):
        answer += _text(part.get("text"))
        thinking = part.get("thinking")
        thought += _text(thinking) or _content(thinking)[0]
    return answer, thought


def _usage(data: dict[str, Any]) -> TokenUsage | None:
    prompt, completion = _count(data.get("prompt_tokens")), _count(data.get("completion_tokens"))
    if prompt is None and completion is None:
        return None
    cached = _count(_mapping(data.get("prompt_tokens_details")).get("cached_tokens"))
    if cached is None:
        cached = _count(data.get("prompt_cache_hit_tokens"))
    reasoning = _mapping(data.get("completion_tokens_details")).get("reasoning_tokens")
    return TokenUsage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        cached_tokens=cached,
        reasoning_tokens=_count(reasoning),
        provenance=Provenance.REPORTED,
    )


def _probability(logprob: Any) -> float | None:
    value = _number(logprob)
    return None if value is None else math.exp(min(value, 0.0))


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def _count(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        return None
    return value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
