"""Runs into figures, each with its provenance. The definitions are those of DESIGN §5."""

from dataclasses import dataclass, replace

from playground.core.runs import Provenance, Run, TokenUsage
from playground.core.targets import LocalTarget

CHARACTERS_PER_TOKEN = 4
"""What stands in for a count where a provider reports none; always marked as estimated."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number and where it comes from."""

    value: float
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class RunFigures:
    """What is shown of a run; `None` is unknown."""

    ttft_s: Figure | None = None
    first_answer_s: Figure | None = None
    generation_tokens_per_s: Figure | None = None
    words_per_s: Figure | None = None
    prompt_tokens_per_s: Figure | None = None
    total_s: Figure | None = None
    load_s: Figure | None = None
    connect_s: Figure | None = None
    prompt_tokens: Figure | None = None
    completion_tokens: Figure | None = None
    cost_usd: Figure | None = None


def figures(run: Run) -> RunFigures:
    usage = completed_usage(run)
    timings = run.timings
    return RunFigures(
        ttft_s=measured(timings.ttft_s),
        first_answer_s=measured(timings.first_answer_s),
        generation_tokens_per_s=generation_speed(run),
        words_per_s=words_speed(run),
        prompt_tokens_per_s=prompt_speed(run),
        total_s=measured(timings.total_s),
        load_s=measured(timings.load_s),
        connect_s=measured(timings.connect_s),
        prompt_tokens=_count(usage.prompt_tokens, usage.provenance),
        completion_tokens=_count(usage.completion_tokens, usage.provenance),
        cost_usd=(
            Figure(run.cost.usd, run.cost.provenance)
            if run.cost and run.cost.usd is not None and run.cost.provenance
            else None
        ),
    )


def completed_usage(run: Run) -> TokenUsage:
    """Return the run's usage, estimated from characters where nothing was counted or reported.

    An answer of a local model that is still being written, or was stopped, has its streamed tokens
    counted; a provider's has characters ÷ 4.
    """
    if run.usage.completion_tokens is not None:
        return run.usage
    counts = run.counts
    if counts.chunks == 0:
        return run.usage
    if _shows_every_token(run):
        return replace(run.usage, completion_tokens=counts.tokens, provenance=Provenance.MEASURED)
    sent = sum(len(message.content) for message in run.request.messages)
    streamed = counts.characters + counts.reasoning_characters
    return TokenUsage(
        prompt_tokens=run.usage.prompt_tokens or max(1, round(sent / CHARACTERS_PER_TOKEN)),
        completion_tokens=max(1, round(streamed / CHARACTERS_PER_TOKEN)),
        provenance=Provenance.ESTIMATED,
    )


def generation_speed(run: Run) -> Figure | None:
    """Return tokens per second: (n − n₁) / (t_last − t_first).

    n counts streamed tokens only: where thinking was not streamed, or only a summary of it, those
    of the answer, between its own first and last. n₁ is what the first chunk held: counted where
    tokens are seen singly, else its share of the characters, which makes the figure an estimate.
    Unknown below two chunks, and where more tokens are reported than the text can hold.
    """
    span = run.timings.generation_s
    counts = run.counts
    if counts.chunks < 2 or not span or span <= 0:
        return None
    if _shows_every_token(run):
        after_first = counts.tokens - max(1, counts.first_tokens)
        return Figure(after_first / span, Provenance.MEASURED) if after_first > 0 else None
    usage = completed_usage(run)
    if usage.completion_tokens is None:
        return None
    streamed = usage.completion_tokens
    characters = counts.characters + counts.reasoning_characters
    first, text = counts.first_chunk_characters, run.text + run.reasoning
    if not shows_thinking(run):
        streamed -= usage.reasoning_tokens or 0
        characters, text = counts.characters, run.text
        if counts.reasoning_characters:
            first, span = counts.first_answer_characters, run.timings.answer_generation_s
    # a token has at least one byte: what cannot be in the text was not streamed; answers of older
    # versions can hold half characters
    size = len(text.encode("utf-8", "surrogatepass"))
    if not span or streamed <= 0 or characters <= first or streamed > size:
        return None
    return Figure(streamed * (1 - first / characters) / span, Provenance.ESTIMATED)


def shows_thinking(run: Run) -> bool:
    """Return True where the text of all thinking was streamed; False for none or a summary."""
    thinking = completed_usage(run).reasoning_tokens
    counts = run.counts
    if not thinking:
        return True
    answer = (run.usage.completion_tokens or 0) - thinking
    if answer <= 0 or not counts.characters:
        return counts.reasoning_characters >= thinking
    return counts.reasoning_characters / thinking >= counts.characters / answer / 2


def words_speed(run: Run) -> Figure | None:
    """Return words per second after the first chunk, counted in the text itself.

    Those of the answer alone where only a summary of the thinking was streamed.
    """
    span = run.timings.generation_s
    counts = run.counts
    if counts.reasoning_characters and not shows_thinking(run):
        span = run.timings.answer_generation_s
        return measured((counts.answer_words - counts.first_answer_words) / span) if span else None
    after_first = counts.words - counts.first_chunk_words
    if counts.chunks < 2 or not span or span <= 0 or after_first <= 0:
        return None
    return Figure(after_first / span, Provenance.MEASURED)


def prompt_speed(run: Run) -> Figure | None:
    """Return prompt tokens really processed per second; unknown where a cache served the prompt."""
    processed = run.usage.processed_tokens
    if not processed or not run.timings.prompt_s or processed < (run.usage.cached_tokens or 0):
        return None
    return Figure(processed / run.timings.prompt_s, Provenance.MEASURED)


def _shows_every_token(run: Run) -> bool:
    """Return True where counting the stream's tokens counts them all.

    Providers that report tokens with their probabilities do so for the answer only.
    """
    counts = run.counts
    is_file = isinstance(run.target, LocalTarget)
    return counts.tokens > 0 and (is_file or not counts.reasoning_characters)


def measured(value: float | None) -> Figure | None:
    return None if value is None else Figure(value, Provenance.MEASURED)


def _count(value: int | None, provenance: Provenance | None) -> Figure | None:
    if value is None:
        return None
    return Figure(value, provenance or Provenance.ESTIMATED)
