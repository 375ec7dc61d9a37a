"""What an engine reports while it answers.

Every event carries `t_s`: seconds since `Engine.stream()` was entered, from a monotonic clock.
Stamps of tokens are taken where the token is made: in the worker for local models, where the chunk
arrives for providers. A stream is `LoadProgress* RequestSent Notice* InputPrepared
(PromptProgress | TextDelta | ReasoningDelta | ThinkingEnded | Notice)* (Finished | Failed)`, with
`Failed` possible at any place. `RequestSent` and `InputPrepared` come again, before any text, where
a provider refused a parameter and was asked without it.
"""

from dataclasses import dataclass

from playground.core.errors import ErrorInfo
from playground.core.runs import HostContact, MachineLoad, ModelInput, TokenUsage


@dataclass(frozen=True, slots=True)
class Alternative:
    """A token that could have come instead."""

    text: str
    probability: float
    """Softmax of the raw logits, before any sampler; 0 … 1."""
    id: int | None = None
    """As in `Token`."""
    raw: bytes | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """One token as it was sampled."""

    text: str
    t_s: float
    probability: float | None = None
    alternatives: tuple[Alternative, ...] = ()
    id: int | None = None
    """Its number in the model's vocabulary; `None` for providers."""
    raw: bytes | None = None
    """The bytes it stands for, which may be part of a character; `None` where they are not told."""
    rank: int | None = None
    """1 for the most probable of all; `None` where unknown."""


@dataclass(frozen=True, slots=True)
class LoadProgress:
    """The model file is being loaded; `fraction` is 0 … 1."""

    t_s: float
    fraction: float


@dataclass(frozen=True, slots=True)
class RequestSent:
    """The whole request has been handed to the model or the network: TTFT counts from here."""

    t_s: float
    was_loaded: bool | None = None
    """Whether a local model was in memory before; `None` for providers."""
    load_s: float | None = None
    """Worker asked to load → ready; `None` where nothing was loaded."""
    hosts: tuple[HostContact, ...] = ()
    """Where the request goes, so that a run that is stopped tells it as well."""
    connect_s: float | None = None
    """Finding the address, connecting and agreeing on keys; providers only."""


@dataclass(frozen=True, slots=True)
class InputPrepared:
    """What the model gets is known, before it reads any of it."""

    t_s: float
    model_input: ModelInput


@dataclass(frozen=True, slots=True)
class PromptProgress:
    """How much of the prompt has been read, in tokens."""

    t_s: float
    processed: int
    total: int
    kept: int = 0
    """Tokens that were already processed for an earlier turn."""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the answer; `tokens` is filled where single tokens are known."""

    t_s: float
    text: str
    tokens: tuple[Token, ...] = ()


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """A piece of what the model thinks before it answers."""

    t_s: float
    text: str
    tokens: tuple[Token, ...] = ()


@dataclass(frozen=True, slots=True)
class ThinkingEnded:
    """Everything written before was thinking: its closing tag came without an opening one."""

    t_s: float


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should know: a parameter left out, a template missing."""

    t_s: float
    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer is complete."""

    t_s: float
    usage: TokenUsage
    finish_reason: str
    """`stop`, `length`, `content_filter`, or what the provider says."""
    prompt_s: float | None = None
    """Time spent on the prompt alone; local only."""
    hosts: tuple[HostContact, ...] = ()
    reported_cost_usd: float | None = None
    """What the provider says the run cost, where it says so."""
    machine_load: MachineLoad | None = None
    """What else this machine did meanwhile; local only."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The run ended without a complete answer; what was received is kept."""

    t_s: float
    error: ErrorInfo
    usage: TokenUsage | None = None
    hosts: tuple[HostContact, ...] = ()


StreamEvent = (
    LoadProgress
    | RequestSent
    | InputPrepared
    | PromptProgress
    | TextDelta
    | ReasoningDelta
    | ThinkingEnded
    | Notice
    | Finished
    | Failed
)
