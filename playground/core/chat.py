"""What is asked of a model: messages and how to sample the answer."""

from dataclasses import dataclass, fields, replace
from enum import StrEnum


class Role(StrEnum):
    """Who speaks."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Message:
    """One utterance of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How the next token is chosen; `None` leaves a parameter to the place that answers."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repeat_penalty: float | None = None
    seed: int | None = None
    """0 … 2³¹-1. Local runs always have one: it is drawn and recorded where none is given."""
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    logprobs: int | None = None
    """How many alternatives to report for each token, 0 … 20; `None` reports no probabilities."""

    think: bool | None = None
    """Whether to think before answering; `None`: as the model likes."""

    schema: str | None = None
    """JSON schema the answer shall have the form of, as text that `read_schema` takes."""

    def overridden_by(self, other: "SamplingParams | None") -> "SamplingParams":
        """Return these parameters with those replaced that `other` sets."""
        if other is None:
            return self
        given = {f.name: getattr(other, f.name) for f in fields(other)}
        return replace(self, **{k: v for k, v in given.items() if v is not None and v != ()})


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """Messages and sampling as one target gets them."""

    messages: tuple[Message, ...]
    sampling: SamplingParams = SamplingParams()
    keep_cache: bool = False
    """True for follow-up turns: a local model may keep the tokens it has already processed."""
