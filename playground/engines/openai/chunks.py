"""Pieces of an answer, read without trusting their shape or their characters.

The shapes: https://platform.openai.com/docs/api-reference/chat-streaming, and what others make of
it. The tables say where each kind of thing is put; what stands nowhere there is told, not dropped.
"""

import codecs
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from playground.core.characters import REPLACEMENT, SurrogateJoiner, visible_line, whole_characters
from playground.core.events import Alternative, Token
from playground.core.usage import ReportedUsage, read_count, read_number, read_usd

_TEXT_FIELDS = ("content", "text", "refusal", "audio.transcript")
"""Where an answer's text stands in a choice's `delta`, its `message`, or the choice itself."""
_REASONING_FIELDS = (
    *("reasoning_content", "reasoning", "thinking", "thinking_blocks"),
    *("reasoning_text", "reasoning_summary", "thought", "thoughts"),
)
"""Where thinking stands: DeepSeek, llama-server and vLLM; Groq and OpenRouter; Ollama; LiteLLM; and
GitHub Copilot and others."""
_REASONING_DETAILS = "reasoning_details"
"""The same once more, in parts (OpenRouter, MiniMax): read where the others are empty."""
_TOOL_FIELDS = ("tool_calls", "function_call")
_COUNTS = {
    "prompt": ("prompt_tokens", "input_tokens", "prompt_eval_count"),
    "completion": ("completion_tokens", "output_tokens", "eval_count"),
    "total": ("total_tokens",),
    "cached": (
        "prompt_tokens_details.cached_tokens",
        "input_tokens_details.cached_tokens",
        "prompt_cache_hit_tokens",
        "cache_read_input_tokens",
        "cached_tokens",
        "num_cached_tokens",
    ),
    "created": ("cache_creation_input_tokens",),
    "reasoning": (
        "completion_tokens_details.reasoning_tokens",
        "output_tokens_details.reasoning_tokens",
        "reasoning_tokens",
    ),
}
"""Count → where it stands in a usage object, the usual place first."""
_FINISH_FIELDS = ("finish_reason", "stop_reason", "done_reason", "finishReason")
_NO_FINISH = frozenset({"null", "none"})
"""Written as words where nothing is meant."""


@dataclass(frozen=True, slots=True)
class StreamChunk:
    """What one chunk says; empty where it says nothing."""

    text: str = ""
    reasoning: str = ""
    tokens: tuple[Token, ...] = ()
    finish_reason: str | None = None
    usage: ReportedUsage | None = None
    tool: str | None = None
    """A tool the model asks for; empty where it has no name yet."""
    is_understood: bool = True
    """False where something came that stands in none of the known places."""


def error_in(data: Any, index: str | None = None) -> Any:
    """Return the error a chunk brings instead of an answer, or with one; `None` for none.

    `index`: the choice that is the answer, where that is known.
    """
    if isinstance(data, list):
        return next(filter(None, map(error_in, data)), None)
    if not isinstance(data, dict):
        return None
    if any(_is_error(value) for name, value in data.items() if _ERROR_FIELD.match(name)):
        return data
    if data.get("object") == "error" or data.get("type") == "error":
        return data
    if _is_error(error := _at(data, "x_groq.error")):
        return {"error": error}
    if "choices" in data:
        choice = _choice(data, index)
        holders = (choice, *map(_mapping, (choice.get("delta"), choice.get("message"))))
        error = next((error for one in holders if _is_error(error := one.get("error"))), None)
        return {"error": error} if error else None
    if data.get("errors"):  # Cloudflare
        return {"error": data["errors"]}
    if _at(data, "base_resp.status_code"):  # MiniMax
        return {"error": _at(data, "base_resp.status_msg")}
    detail, said = data.get("detail"), data.get("message")
    return data if detail or (said and isinstance(said, str | list)) else None


_ERROR_FIELD = re.compile(r"err(or)?([_A-Z]?(code|message|msg))?$|exception$|fault$", re.IGNORECASE)


def _is_error(value: Any) -> bool:
    """Return False for an error field that is empty, or an object of nothing."""
    return any(value.values()) if isinstance(value, dict) else bool(value)


class ChunkReader:
    """Reads one answer's chunks in order, so that characters split over several come whole."""

    def __init__(self) -> None:
        self._text = SurrogateJoiner()
        self._reasoning = SurrogateJoiner()
        self._tokens = _TokenTexts()
        self._has_deltas = False
        self._first: str | None = None
        """Index of the first choice, where it is not 0."""
        self.index: str | None = None
        """Index of the choice that is the answer; `None`: not known yet."""

    def choose(self, data: dict[str, Any]) -> bool:
        """Choose the answer among the choices: 0 where there is one, else the first that came.

        Returns False where the next chunk has to tell: some servers count from 1, others send
        answers that were not asked for.
        """
        if self.index is not None:
            return True
        choices = _choices(data)
        indexes = [_index(choice) for choice in choices]
        if "0" in indexes:
            self.index = "0"
        elif choices and (self._first or _finish(choices[0])):
            self.index = self._first or indexes[0]
        elif choices:
            self._first = indexes[0]
        return self.index is not None or self._first is None

    def read(self, data: dict[str, Any], t_s: float) -> StreamChunk:
        """Return what a decoded chunk says; `t_s` is when it arrived."""
        choice = _choice(data, self.index)
        holders = [_mapping(choice.get("delta")), _mapping(choice.get("message")), choice]
        for place, name in enumerate(("delta", "message")):
            if isinstance(choice.get(name), str | list):
                holders[place] = {"content": choice[name]}
        if self._has_deltas:
            # some say the whole answer once more at the end
            holders[1] = {}
        self._has_deltas |= any(_said(holders[0]))
        text = reasoning = ""
        for holder in holders:
            said, thought = _said(holder)
            text, reasoning = text or said, reasoning or thought
        beside = data if "choices" in data else {}
        finish = next(filter(None, map(_finish, (choice, holders[0], beside))), "")
        tool = next((tool for holder in holders if (tool := _tool(holder)) is not None), None)
        is_told = bool(text or reasoning or finish or tool is not None)
        # nothing follows the finish reason that a half could wait for
        text = self._text.feed(text, is_last=bool(finish))
        reasoning = self._reasoning.feed(reasoning, is_last=bool(finish))
        return StreamChunk(
            text=text,
            reasoning=reasoning,
            tokens=self._read_tokens(choice.get("logprobs"), text or reasoning, t_s),
            finish_reason=visible_line(finish) or None,
            usage=_usage(data, choice),
            tool=tool,
            is_understood=is_told or not (any(map(_is_strange, holders[:2])) or _is_foreign(data)),
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
            text_of = self._tokens.feed(entry)
            tokens.append(Token(text_of, t_s, probability, alternatives, raw=_bytes(entry)))
        texts = _readable([token.text for token in tokens], text)
        return tuple(replace(token, text=known) for token, known in zip(tokens, texts, strict=True))

    def _read_alternatives(self, entries: Any) -> tuple[Alternative, ...]:
        if not isinstance(entries, list):
            return ()
        return tuple(
            Alternative(self._tokens.alternative(entry), known, raw=_bytes(entry))
            for entry in map(_mapping, entries)
            if (known := _probability(entry.get("logprob"))) is not None
        )


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


def _choices(data: dict[str, Any]) -> list[dict[str, Any]]:
    choices = data.get("choices")
    if isinstance(choices, dict):
        choices = list(choices.values())
    if not isinstance(choices, list):
        return []
    found = ({"text": one} if isinstance(one, str) else _mapping(one) for one in choices)
    return [choice for choice in found if choice]


def _choice(data: dict[str, Any], index: str | None) -> dict[str, Any]:
    """Return one answer's part of a chunk, the first one's where `index` is not known."""
    if data.get("choices") is None and isinstance(data.get("message"), dict):
        return data  # Ollama's own API
    found = (one for one in _choices(data) if index is None or _index(one) == index)
    return next(found, {})


def _index(choice: dict[str, Any]) -> str:
    return str(choice.get("index") or 0)


def _finish(choice: dict[str, Any]) -> str:
    found = (_text(choice.get(name)).strip() for name in _FINISH_FIELDS)
    return next((said for said in found if said and said.lower() not in _NO_FINISH), "")


def _said(holder: dict[str, Any]) -> tuple[str, str]:
    """Return answer and thinking in a delta, a message or a choice."""
    text, thought = "", ""
    for name in _TEXT_FIELDS:
        if not text and name.partition(".")[0] in holder:
            text, within = _parts(_at(holder, name))
            thought = thought or within
    for name in (*_REASONING_FIELDS, _REASONING_DETAILS):
        if not thought and name in holder:
            thought = "".join(_parts(holder[name]))
    return text, thought


def _parts(value: Any) -> tuple[str, str]:
    """Return text and thinking of a value that is a text, an object, or a list of either."""
    if isinstance(value, list):
        read = [_parts(part) for part in value[:_MOST_PARTS]]
        return "".join(text for text, _ in read), "".join(thought for _, thought in read)
    if not isinstance(value, dict):
        return _text(value), ""
    thought = "".join("".join(_parts(value.get(name))) for name in _THINKING_PARTS)
    text = next(filter(None, (_parts(value.get(name))[0] for name in _TEXT_PARTS)), "")
    if str(value.get("type", "")).startswith(_THINKING_PARTS):
        return "", thought + text
    return text, thought


_MOST_PARTS = 10_000
_TEXT_PARTS = ("text", "content", "value", "refusal", "output_text")
_THINKING_PARTS = ("thinking", "summary", "reasoning")
"""Fields of a part that hold thinking, and the beginnings of its type."""


def _tool(holder: dict[str, Any]) -> str | None:
    """Return the name of the tool a delta asks for; `None` where it asks for none."""
    for name in _TOOL_FIELDS:
        asked = holder.get(name)
        if asked:
            first = _mapping(asked[0] if isinstance(asked, list) else asked)
            named = _text(_mapping(first.get("function")).get("name")) or _text(first.get("name"))
            return visible_line(named)
    return None


_SILENT = frozenset(
    {"role", "name", "id", "prefix", "tool_call_id", "token_ids", "obfuscation"}
    | {"signature", "reasoning_signature", "annotations", "citations", "provider_specific_fields"}
)
"""Fields of a delta that say nothing of the answer."""


_FOREIGN = (
    *("candidates", "completion", "content", "delta", "output", "response", "token"),
    *("answer", "data", "generated_text", "outputs", "result", "text"),
)
"""Where the APIs of Gemini, Anthropic, OpenAI, Ollama, TGI and others put what they say."""


def _is_strange(holder: dict[str, Any]) -> bool:
    """Return True for something said in a delta where nothing is known to be said."""
    content = holder.get("content")
    if content is not None and not isinstance(content, str) and _is_strange_part(content):
        return True
    known = {*_TEXT_FIELDS, *_REASONING_FIELDS, _REASONING_DETAILS, *_TOOL_FIELDS, *_SILENT}
    return any(
        isinstance(value, str | list | dict) and value and name not in known
        for name, value in holder.items()
    )


def _is_strange_part(part: Any) -> bool:
    """Return True for a part of a content that is neither text nor thinking, nor empty."""
    if isinstance(part, list):
        return any(map(_is_strange_part, part[:_MOST_PARTS]))
    if isinstance(part, dict):
        return bool(part) and not part.keys() & {*_TEXT_PARTS, *_THINKING_PARTS}
    return part is not None and not isinstance(part, str)


def _is_foreign(data: dict[str, Any]) -> bool:
    """Return True for a chunk of another API, which has no choices."""
    return "choices" not in data and any(data.get(name) for name in _FOREIGN)


def _usage(data: dict[str, Any], choice: dict[str, Any]) -> ReportedUsage | None:
    found: ReportedUsage | None = None
    within = [_mapping(choice.get(name)) for name in ("delta", "message")]
    usages = [one.get("usage") for one in (data, _mapping(data.get("x_groq")), choice, *within)]
    for usage in filter(None, map(_mapping, (*usages, data if "eval_count" in data else None))):
        read = _read_usage(usage)
        found = read if found is None else found.merged(read)
    timings = _mapping(data.get("timings"))
    if found is None and timings:
        # llama-server counts without being asked to
        prompt, cached = read_count(timings.get("prompt_n")), read_count(timings.get("cache_n"))
        prompt = None if prompt is None else prompt + (cached or 0)
        found = ReportedUsage(prompt, read_count(timings.get("predicted_n")), cached=cached)
    return found


def _read_usage(usage: dict[str, Any]) -> ReportedUsage:
    counts = {
        count: next(
            (known for name in names if (known := read_count(_at(usage, name))) is not None), None
        )
        for count, names in _COUNTS.items()
    }
    prompt, total = counts["prompt"], counts["total"]
    apart = (counts.pop("created") or 0) + (counts["cached"] or 0)
    if prompt is not None and apart:
        # Anthropic counts what it keeps beside the prompt, and so do some who pass it on
        is_native = "input_tokens" in usage and "cache_read_input_tokens" in usage
        if is_native or total == prompt + apart + (counts["completion"] or 0):
            counts["prompt"] = prompt + apart
    return ReportedUsage(**counts, cost_usd=_cost(usage))


def _cost(usage: dict[str, Any]) -> float | None:
    """Return what an answer cost: the fee and, with one's own key (OpenRouter), the price."""
    cost = usage.get("cost", usage.get("estimated_cost"))  # DeepInfra
    if isinstance(cost, dict):  # Perplexity
        return read_usd(cost.get("total_cost"))
    fee = read_usd(cost)
    upstream = read_usd(_at(usage, "cost_details.upstream_inference_cost"))
    # the fee is a small part of the price: a fee that is not smaller contains it
    if usage.get("is_byok") is False or not upstream or (fee or 0.0) >= upstream:
        return fee
    return upstream + (fee or 0.0)


def _at(data: dict[str, Any], path: str) -> Any:
    """Return what stands at a path of names joined by dots."""
    value: Any = data
    for name in path.split("."):
        value = _mapping(value).get(name)
    return value


def _probability(logprob: Any) -> float | None:
    value = read_number(logprob)
    return None if value is None else math.exp(min(value, 0.0))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
