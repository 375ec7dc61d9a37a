"""What happened: a run, the turn it belongs to, and the comparison they make up."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from playground.core.chat import ChatRequest, SamplingParams
from playground.core.errors import ErrorInfo
from playground.core.expected import Check
from playground.core.targets import Target


class Provenance(StrEnum):
    """Where a figure comes from."""

    MEASURED = "measured"
    REPORTED = "reported"
    ESTIMATED = "estimated"


class RunOrder(StrEnum):
    """Fair gives each local run the whole machine; race starts all at once."""

    FAIR = "fair"
    RACE = "race"


class RunStatus(StrEnum):
    """How far a run has come; the last three are final."""

    WAITING = "waiting"
    LOADING = "loading"
    READING = "reading"
    WRITING = "writing"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self in {RunStatus.FINISHED, RunStatus.FAILED, RunStatus.CANCELLED}


INTERRUPTED = "interrupted"
"""Finish reason of a run that the end of the program cut off."""


class CutShort(StrEnum):
    """Why an answer that ended is not a whole one."""

    LENGTH = "length"
    FILTERED = "content_filter"
    TOOL = "tool_calls"
    GIVEN_UP = "abort"


CUT_SHORT_WORDS = {
    CutShort.LENGTH: "cut off at the longest length allowed",
    CutShort.FILTERED: "held back by the provider's filter",
    CutShort.TOOL: "ended with a call of a tool, and there was none",
    CutShort.GIVEN_UP: "given up by the provider",
}
"""What the terminal and what is shared say of answers that are not whole."""


TOOL_ASKED = "The model asked for a tool"
"""How the notice begins that tells which one."""
_CUT_SHORT = {
    CutShort.LENGTH: (
        *("length", "max_tokens", "max_output", "max_new", "token_limit", "context_window"),
        "incomplete",
    ),
    CutShort.FILTERED: (
        *("filter", "safety", "recitation", "prohibited", "block", "refusal", "spii"),
        *("sensitive", "guardrail", "moderation"),
    ),
    CutShort.TOOL: ("tool", "function_call"),
    CutShort.GIVEN_UP: ("abort", "error", "insufficient", "cancel", "timeout", "overload", "pause"),
}
"""Parts of finish reasons as providers write them."""


class VoteOutcome(StrEnum):
    """What a person said of a turn's answers when none of them was chosen."""

    TIE = "tie"
    NONE_GOOD = "none is good"


class Thumb(StrEnum):
    """What a person said of one answer by itself; it is no vote and says nothing of the others."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class HostContact:
    """A host this run sent something to."""

    host: str
    bytes_sent: int | None
    proxy: str | None = None
    """Host and port of the proxy it went through."""


@dataclass(frozen=True, slots=True)
class ModelInput:
    """What a model was really given beside the messages: enough to ask it for the same again."""

    settings: tuple[tuple[str, object], ...] = ()
    """Name → value of all that chose the tokens, defaults included, in the order of llama.cpp's
    sampler chain; of a provider, the fields of the request that it took, without the messages."""
    seed: int | None = None
    """At temperature 0 nothing is drawn with it; `None` where a provider was given none."""
    template_sha256: str | None = None
    """SHA-256 of the chat format's text in the model file; `None` for providers."""
    prompt_ids: tuple[int, ...] = field(default=(), compare=False, repr=False)
    """The prompt's token ids; empty for providers. The history keeps them apart, and a run that it
    loads comes without: see `ComparisonStore.prompt_ids`."""


NO_TEMPLATE_SHA256 = "none"
"""Stands in `template_sha256` where the model file has no chat format."""


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens by kind; `None` is unknown."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    """Prompt tokens the provider took from its cache, or that a local model had kept."""
    reasoning_tokens: int | None = None
    processed_tokens: int | None = None
    """Prompt tokens really processed for this run; local only."""
    provenance: Provenance | None = None


@dataclass(frozen=True, slots=True)
class Timings:
    """Durations in seconds, from a monotonic clock; see DESIGN §5 for each definition."""

    load_s: float | None = None
    connect_s: float | None = None
    """Finding a provider's address, connecting and agreeing on keys; not part of `ttft_s`."""
    ttft_s: float | None = None
    first_answer_s: float | None = None
    prompt_s: float | None = None
    generation_s: float | None = None
    """First streamed token → last streamed token."""
    answer_generation_s: float | None = None
    """The same for the answer alone, without the thinking before it."""
    total_s: float | None = None


@dataclass(frozen=True, slots=True)
class StreamCounts:
    """What the stream itself showed; speeds are derived from it."""

    chunks: int = 0
    tokens: int = 0
    """Single tokens seen in the stream; 0 where only text chunks are visible."""
    first_tokens: int = 0
    """Those up to the first that showed text, or that came together with it: n₁ of DESIGN §5."""
    characters: int = 0
    first_chunk_characters: int = 0
    words: int = 0
    first_chunk_words: int = 0
    reasoning_characters: int = 0
    first_answer_characters: int = 0
    """Characters of the answer that came together with its first ones."""
    answer_words: int = 0
    first_answer_words: int = 0


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run cost, in US dollars."""

    usd: float | None
    kind: str
    """`api` or `electricity`."""
    provenance: Provenance | None
    explanation: str = ""
    """The figures it was made of, in a sentence."""


_QUIET_CORES = 0.1
"""Below it others take no more than a system at rest does."""


@dataclass(frozen=True, slots=True)
class MachineLoad:
    """What else this machine did during a local run; `None` is unknown."""

    other_cores: float | None
    """Processor cores that other programs kept busy, on average."""
    was_throttled: bool | None = None
    """True where the processor slowed down, being too hot."""

    @property
    def is_quiet(self) -> bool:
        """True where the run is known to have had the machine to itself."""
        return self.other_cores is not None and not self.is_busy and not self.was_throttled

    @property
    def is_busy(self) -> bool:
        """True where other programs are known to have slowed the run down."""
        return self.other_cores is not None and self.other_cores >= _QUIET_CORES


@dataclass(frozen=True, slots=True)
class Run:
    """One turn on one target."""

    id: str
    target: Target
    request: ChatRequest
    order: int
    """0 for what started first; runs that started together share a number."""
    status: RunStatus = RunStatus.WAITING
    text: str = ""
    reasoning: str = ""
    finish_reason: str | None = None
    usage: TokenUsage = TokenUsage()
    timings: Timings = Timings()
    counts: StreamCounts = StreamCounts()
    was_loaded: bool | None = None
    model_input: ModelInput | None = None
    """`None` until the prompt is made or sent, and for runs of version 0.1."""
    sent_t_s: float | None = None
    """When the request went out, on the run's own clock; marks the end of loading."""
    shared_machine: bool = False
    """True where other runs kept this machine busy meanwhile."""
    machine_load: MachineLoad | None = None
    """Of a finished local run; `None`: not known."""
    hosts: tuple[HostContact, ...] = ()
    reported_cost_usd: float | None = None
    """What the provider itself says the run cost, in US dollars."""
    cost: Cost | None = None
    notices: tuple[str, ...] = ()
    error: ErrorInfo | None = None
    replaces: str | None = None
    """The run in whose place it was made, where one answer alone was asked for again."""
    continues: str = ""
    """Text that was cut off at its length and that this run goes on with; not in its figures."""
    started_at: datetime | None = None

    @property
    def seed(self) -> int | None:
        """The seed that was used, or that is asked for as long as nothing was."""
        if self.model_input is not None:
            return self.model_input.seed
        return self.request.sampling.seed

    @property
    def is_evidence(self) -> bool:
        """True where its speed says something of the model: the machine was its own."""
        return (
            not self.shared_machine and self.machine_load is not None and self.machine_load.is_quiet
        )

    @property
    def cut_short(self) -> CutShort | None:
        """Why the answer is not whole although it ended by itself; such a run wins nothing."""
        if self.status is not RunStatus.FINISHED or not self.finish_reason:
            return None
        reason = self.finish_reason.casefold()
        return next(
            (cut for cut, parts in _CUT_SHORT.items() if any(part in reason for part in parts)),
            None,
        )


@dataclass(frozen=True, slots=True)
class Turn:
    """One prompt of the person's and the runs it led to."""

    id: str
    prompt: str
    order: RunOrder
    runs: tuple[Run, ...] = ()
    hidden_names: bool = False
    """True where the vote was cast without names."""
    winner_run_id: str | None = None
    verdict: VoteOutcome | None = None
    """Set instead of a winner where there was none."""
    created_at: datetime | None = None
    replaced: tuple[Run, ...] = ()
    """Runs in whose place others were made."""
    checks: tuple[Check, ...] = ()
    """What is expected of each answer."""
    note: str = ""
    """The person's own words on the answers; empty where there are none."""
    thumbs: tuple[tuple[str, Thumb], ...] = ()
    """Run id → what the person said of its answer, by id. One that another came in place of keeps
    its own."""

    @property
    def is_voted(self) -> bool:
        return self.winner_run_id is not None or self.verdict is not None

    @property
    def is_sealed(self) -> bool:
        """True once the names are known to whom voted without them: what was said then stays."""
        return self.is_voted and self.hidden_names

    def thumb_of(self, run_id: str) -> Thumb | None:
        return dict(self.thumbs).get(run_id)

    def with_thumb(self, run_id: str, thumb: Thumb | None) -> "Turn":
        """Return the turn with this thumb on an answer, or with none."""
        others = [pair for pair in self.thumbs if pair[0] != run_id]
        given = [] if thumb is None else [(run_id, thumb)]
        return replace(self, thumbs=tuple(sorted([*others, *given])))


@dataclass(frozen=True, slots=True)
class Recorded:
    """Where and when a comparison was run that came here as a recording."""

    at: datetime | None
    machine: str = ""
    """Kind of machine in words; empty where it was left out."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The targets, the turns shared by all, and their runs."""

    id: str
    targets: tuple[Target, ...]
    system_prompt: str = ""
    sampling: SamplingParams = SamplingParams()
    overrides: tuple[tuple[str, SamplingParams], ...] = ()
    """Target key → the parameters that differ for this target."""
    system_overrides: tuple[tuple[str, str], ...] = ()
    """Target key → the system prompt this target gets instead."""
    turns: tuple[Turn, ...] = ()
    created_at: datetime | None = None
    recorded: Recorded | None = None
    """Set where it was run on another computer: its models are not here."""

    @property
    def names_hidden(self) -> bool:
        """True while the last turn waits for a vote without names; that vote tells them all.

        Where no answer came there is nothing to vote on.
        """
        if not self.turns:
            return False
        last = self.turns[-1]
        is_open = not last.runs or any(
            run.text.strip() or not run.status.is_final for run in last.runs
        )
        return last.hidden_names and not last.is_voted and is_open

    def with_turn(self, turn: Turn) -> "Comparison":
        """Return the comparison with `turn` in place of that with its id, or else at the end."""
        if all(other.id != turn.id for other in self.turns):
            return replace(self, turns=(*self.turns, turn))
        turns = tuple(turn if other.id == turn.id else other for other in self.turns)
        return replace(self, turns=turns)
