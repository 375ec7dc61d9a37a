"""Chunks of a chat completion stream, read without trusting their shape.

The shapes: https://platform.openai.com/docs/api-reference/chat-streaming, and what others add:
`reasoning_content` (DeepSeek, llama-server, vLLM), `reasoning` (Groq, OpenRouter), `x_groq.usage`,
`prompt_cache_hit_tokens` (DeepSeek), `usage.cost` (OpenRouter), content in parts (Mistral).
"""

import math
from dataclasses import dataclass
from typing import Any

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


def read_chunk(data: dict[str, Any], t_s: float) -> StreamChunk:
    """Return what a decoded chunk says; `t_s` is when it was decoded."""
    usage_data = _mapping(data.get("usage")) or _mapping(_mapping(data.get("x_groq")).get("usage"))
    choices = data.get("choices")
    choice = _mapping(choices[0]) if isinstance(choices, list) and choices else {}
    delta = _mapping(choice.get("delta"))
    text, thought = _content(delta.get("content"))
    reasoning = _text(delta.get("reasoning_content")) or _text(delta.get("reasoning")) or thought
    finish = choice.get("finish_reason")
    return StreamChunk(
        text=text or _text(delta.get("refusal")),
        reasoning=reasoning,
        tokens=_tokens(choice.get("logprobs"), t_s),
        finish_reason=finish if isinstance(finish, str) and finish else None,
        usage=_usage(usage_data),
        cost_usd=_number(usage_data.get("cost")),
    )


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


def _tokens(logprobs: Any, t_s: float) -> tuple[Token, ...]:
    entries = _mapping(logprobs).get("content")
    if not isinstance(entries, list):
        return ()
    return tuple(
        Token(
            text=_text(entry.get("token")),
            t_s=t_s,
            probability=_probability(entry.get("logprob")),
            alternatives=_alternatives(entry.get("top_logprobs")),
        )
        for entry in map(_mapping, entries)
    )


def _alternatives(entries: Any) -> tuple[Alternative, ...]:
    if not isinstance(entries, list):
        return ()
    read = [
        (_text(entry.get("token")), _probability(entry.get("logprob")))
        for entry in map(_mapping, entries)
    ]
    return tuple(Alternative(text, known) for text, known in read if known is not None)


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
