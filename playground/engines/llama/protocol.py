"""JSON-lines messages between a worker and its parent; never pickles.

Parent to worker: `load`, `generate`, `stop`. Worker to parent: `load_progress`, `loaded`, `phase`,
`input`, `prompt`, `delta`, `thinking_ended`, `notice`, and one of `finished`, `failed`, `stopped`
at the end of each job.
Stamps (`t`) are `time.perf_counter()` of the sender, which all processes of a machine share.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from playground.core.chat import ChatRequest, Message, Role, SamplingParams
from playground.core.codec import bytes_to_text, text_to_bytes
from playground.core.errors import ErrorInfo, WorkerCrashed, kinds
from playground.core.events import Alternative, ReasoningDelta, TextDelta, Token
from playground.core.runs import ModelInput
from playground.core.targets import FlashAttention, KvType

LINE_LIMIT = 16 * 1024 * 1024
"""Longest line either side accepts, in bytes: a prompt fits, a flood does not."""

_encode = json.JSONEncoder(check_circular=False, separators=(",", ":")).encode

JsonObject = dict[str, Any]
TokenRow = list[Any]
"""`[text, t, id, raw]`, or `[text, t, id, raw, probability, rank, [[id, raw, probability], …]]`;
`raw` is base64."""


class WireError(ValueError):
    """A line that is not a message."""


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """What the worker is told to load; every value is decided."""

    path: str
    context: int
    gpu_layers: int | None
    """`None`: all of them where llama.cpp finds a graphics card, else none."""
    kv_type: KvType
    threads: int
    flash_attention: FlashAttention


def pack(message: JsonObject) -> bytes:
    return _encode(message).encode() + b"\n"


def unpack(line: bytes) -> JsonObject:
    """Return the message in `line`; raises `WireError` for anything else."""
    if len(line) > LINE_LIMIT:
        raise WireError("line too long")
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise WireError("not JSON") from error
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise WireError("not a message")
    return message


def load(request: LoadRequest) -> JsonObject:
    return {"type": "load", **asdict(request)}


def read_load(message: JsonObject) -> LoadRequest:
    try:
        return LoadRequest(
            path=message["path"],
            context=message["context"],
            gpu_layers=message["gpu_layers"],
            kv_type=KvType(message["kv_type"]),
            threads=message["threads"],
            flash_attention=FlashAttention(message["flash_attention"]),
        )
    except (KeyError, ValueError) as error:
        raise WireError(f"load: {error}") from error


def generate(request_id: int, request: ChatRequest) -> JsonObject:
    sampling = request.sampling
    return {
        "type": "generate",
        "id": request_id,
        "messages": [[m.role.value, m.content] for m in request.messages],
        "sampling": {name: getattr(sampling, name) for name in SamplingParams.__slots__},
        "keep_cache": request.keep_cache,
    }


def read_generate(message: JsonObject) -> tuple[int, ChatRequest]:
    try:
        sampling = {**message["sampling"], "stop": tuple(message["sampling"]["stop"])}
        request = ChatRequest(
            messages=tuple(Message(Role(role), text) for role, text in message["messages"]),
            sampling=SamplingParams(**sampling),
            keep_cache=message["keep_cache"],
        )
        return message["id"], request
    except (KeyError, TypeError, ValueError) as error:
        raise WireError(f"generate: {error}") from error


def stop(request_id: int) -> JsonObject:
    """Ask to end the job with this id; 0 is the load."""
    return {"type": "stop", "id": request_id}


def delta(stamp: float, text: str, tokens: Sequence[TokenRow], *, is_reasoning: bool) -> bytes:
    """Return the line for a piece of the answer: the hot path."""
    kind = "reasoning" if is_reasoning else "text"
    return pack({"type": "delta", "t": stamp, "kind": kind, "text": text, "tokens": tokens})


def read_delta(message: JsonObject, origin: float) -> TextDelta | ReasoningDelta:
    """Return the event a `delta` message stands for, stamped in seconds since `origin`."""
    try:
        tokens = tuple(_read_token(row, origin) for row in message["tokens"])
        kind = ReasoningDelta if message["kind"] == "reasoning" else TextDelta
        return kind(message["t"] - origin, message["text"], tokens)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise WireError(f"delta: {error}") from error


def thinking_ended(stamp: float) -> JsonObject:
    """Report that everything written before was thinking."""
    return {"type": "thinking_ended", "t": stamp}


def token_row(stamp: float, token: int, raw: bytes) -> TokenRow:
    """Return the row of a token of which no probability is asked for; its text comes later."""
    return ["", stamp, token, bytes_to_text(raw)]


def alternative_row(token: int, raw: bytes, probability: float) -> list[Any]:
    return [token, bytes_to_text(raw), probability]


def _read_token(row: TokenRow, origin: float) -> Token:
    text, stamp, token, raw, *known = row
    if not known:
        return Token(text, stamp - origin, id=token, raw=text_to_bytes(raw))
    probability, rank, others = known
    alternatives = tuple(_read_alternative(*other) for other in others)
    return Token(text, stamp - origin, probability, alternatives, token, text_to_bytes(raw), rank)


def _read_alternative(token: int, raw: str, probability: float) -> Alternative:
    piece = text_to_bytes(raw)
    return Alternative(piece.decode("utf-8", "replace"), probability, token, piece)


def model_input(stamp: float, value: ModelInput) -> JsonObject:
    """Report what the model is given, before it reads it."""
    return {
        "type": "input",
        "t": stamp,
        "settings": value.settings,
        "seed": value.seed,
        "template_sha256": value.template_sha256,
        "prompt_ids": value.prompt_ids,
    }


def read_model_input(message: JsonObject) -> ModelInput:
    try:
        return ModelInput(
            settings=tuple((str(name), value) for name, value in message["settings"]),
            seed=message["seed"],
            template_sha256=message["template_sha256"],
            prompt_ids=tuple(message["prompt_ids"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise WireError(f"input: {error}") from error


def load_progress(fraction: float) -> JsonObject:
    """Report how much of the model is there, 0 … 1."""
    return {"type": "load_progress", "fraction": fraction}


def read_fraction(message: JsonObject) -> float:
    """Return how much of the model a `load_progress` message says is there."""
    fraction = message.get("fraction")
    if not isinstance(fraction, int | float):
        raise WireError("load_progress: no fraction")
    return min(1.0, max(0.0, float(fraction)))


def loaded(seconds: float, context: int) -> JsonObject:
    return {"type": "loaded", "seconds": seconds, "context": context}


def phase(name: str) -> JsonObject:
    return {"type": "phase", "phase": name}


def prompt(stamp: float, processed: int, total: int, kept: int) -> JsonObject:
    """Report how much of the prompt has been read, kept tokens included."""
    return {"type": "prompt", "t": stamp, "processed": processed, "total": total, "kept": kept}


def notice(stamp: float, kind: str, message: str) -> JsonObject:
    return {"type": "notice", "t": stamp, "kind": kind, "message": message}


def finished(
    *,
    stamp: float,
    reason: str,
    prompt_tokens: int,
    kept: int,
    completion_tokens: int,
    reasoning_tokens: int,
    prompt_s: float,
) -> JsonObject:
    return {
        "type": "finished",
        "t": stamp,
        "reason": reason,
        "prompt_tokens": prompt_tokens,
        "kept": kept,
        "completion_tokens": completion_tokens,
        "reasoning_tokens": reasoning_tokens,
        "prompt_s": prompt_s,
    }


def failed(error: ErrorInfo) -> JsonObject:
    return {"type": "failed", "kind": error.kind, "message": error.message, "hint": error.hint}


def read_failed(message: JsonObject) -> Exception:
    """Return the error a `failed` message names, as an exception of the error tree."""
    kind = kinds().get(str(message.get("kind")), WorkerCrashed)
    return kind(str(message.get("message", "")), str(message.get("hint", "")))
