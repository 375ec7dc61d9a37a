"""Events into a run: the one place that knows what each event means for what is kept."""

import io
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from playground.core.errors import ErrorInfo
from playground.core.events import (
    Failed,
    Finished,
    InputPrepared,
    LoadProgress,
    Notice,
    PromptProgress,
    ReasoningDelta,
    RequestSent,
    StreamEvent,
    TextDelta,
    ThinkingEnded,
)
from playground.core.runs import Provenance, Run, RunStatus, StreamCounts, Timings, TokenUsage

FIRST_CHUNK_S = 0.002
"""What comes so soon after an answer's first characters was made before them."""


class RunFold:
    """Takes one run's events in order; `run` is what they amount to so far."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._text = io.StringIO()
        self._reasoning = io.StringIO()
        self._tokens = 0
        self._first_tokens = 0
        self._chunks = 0
        self._first_chunk_characters = 0
        self._words = 0
        self._first_chunk_words = 0
        self._in_word = False
        self._last_kind: type[TextDelta | ReasoningDelta] = TextDelta
        self._first_t_s: float | None = None
        self._first_answer_t_s: float | None = None
        self._last_answer_t_s: float | None = None
        self._first_answer_characters = 0
        self._first_answer_words = 0
        self._words_before_answer = 0
        self._last_t_s: float | None = None
        self._last_chunk_t_s: float | None = None
        self.prompt_progress: PromptProgress | None = None
        self.load_fraction: float | None = None
        self._snapshot: Run | None = None

    @property
    def run(self) -> Run:
        """The same one until the next event."""
        if self._snapshot is None:
            self._snapshot = self._described()
        return self._snapshot

    def start(self, *, shared_machine: bool = False) -> None:
        """Note that the run has left the queue."""
        self._snapshot = None
        self._run = replace(
            self._run,
            status=RunStatus.LOADING,
            started_at=datetime.now(UTC),
            shared_machine=shared_machine,
        )

    def add(self, event: StreamEvent) -> None:
        self._snapshot = None
        match event:
            case TextDelta() | ReasoningDelta():
                self._add_delta(event)
            case ThinkingEnded():
                self._end_thinking()
            case PromptProgress():
                self.prompt_progress = event
            case LoadProgress(fraction=fraction):
                self.load_fraction = fraction
            case RequestSent():
                self._add_sent(event)
            case InputPrepared(model_input=model_input):
                self._run = replace(self._run, model_input=model_input)
            case Notice(message=message):
                self._run = replace(self._run, notices=(*self._run.notices, message))
            case Finished():
                self._add_finished(event)
            case Failed(t_s=t_s, error=error, usage=usage, hosts=hosts):
                self._close(RunStatus.FAILED, t_s, usage=usage, error=error, hosts=hosts)

    def cancel(self, t_s: float) -> None:
        """Note that the person stopped the run, `t_s` seconds after its start."""
        self._snapshot = None
        self._close(RunStatus.CANCELLED, t_s, usage=None, finish_reason="cancelled")

    def _described(self) -> Run:
        sent = self._run.sent_t_s or 0.0
        generation_s = None
        if self._first_t_s is not None and self._last_t_s is not None and self._chunks > 1:
            generation_s = self._last_t_s - self._first_t_s
        answer_s = None
        if self._first_answer_t_s is not None and self._last_answer_t_s is not None:
            answer_s = self._last_answer_t_s - self._first_answer_t_s
        timings = replace(
            self._run.timings,
            ttft_s=None if self._first_t_s is None else self._first_t_s - sent,
            first_answer_s=(
                None if self._first_answer_t_s is None else self._first_answer_t_s - sent
            ),
            generation_s=generation_s,
            answer_generation_s=answer_s or None,
        )
        text, reasoning = self._text.getvalue(), self._reasoning.getvalue()
        counts = StreamCounts(
            chunks=self._chunks,
            tokens=self._tokens,
            first_tokens=self._first_tokens,
            characters=len(text),
            first_chunk_characters=self._first_chunk_characters,
            words=self._words,
            first_chunk_words=self._first_chunk_words,
            reasoning_characters=len(reasoning),
            first_answer_characters=self._first_answer_characters,
            answer_words=self._words - self._words_before_answer,
            first_answer_words=self._first_answer_words,
        )
        return replace(
            self._run,
            text=self._run.continues + text,
            reasoning=reasoning,
            timings=timings,
            counts=counts,
        )

    def _add_sent(self, event: RequestSent) -> None:
        self._run = replace(
            self._run,
            status=RunStatus.READING,
            was_loaded=event.was_loaded,
            sent_t_s=event.t_s,
            timings=Timings(load_s=event.load_s, connect_s=event.connect_s),
            hosts=event.hosts,
        )

    def _add_delta(self, event: TextDelta | ReasoningDelta) -> None:
        if not event.text and not event.tokens:
            return
        tokens_before = self._tokens
        self._tokens += len(event.tokens)
        if self._first_t_s is None and not event.text:
            return  # half a character, or a tag that is not shown
        # a token whose characters come with a later one has no text of its own
        shown_at = next((token.t_s for token in event.tokens if token.text), event.t_s)
        if self._first_t_s is None:
            self._first_t_s = shown_at
            self._first_tokens = tokens_before + sum(t.t_s <= shown_at for t in event.tokens)
            self._run = replace(self._run, status=RunStatus.WRITING)
        if event.t_s > (self._last_chunk_t_s or -1.0):
            self._chunks += 1
        self._last_chunk_t_s = event.t_s
        self._last_t_s = event.tokens[-1].t_s if event.tokens else event.t_s
        is_first = shown_at - self._first_t_s <= FIRST_CHUNK_S
        if is_first:
            self._first_chunk_characters += len(event.text)
        if type(event) is not self._last_kind:
            self._in_word = False
            self._last_kind = type(event)
        words_before = self._words
        words, self._in_word = _words(event.text, in_word=self._in_word)
        self._words += words
        if is_first:
            self._first_chunk_words = self._words
        if isinstance(event, TextDelta):
            self._add_answer(event.text, shown_at, self._words - words_before)
        else:
            self._reasoning.write(event.text)
            self._words_before_answer += self._words - words_before

    def _add_answer(self, text: str, t_s: float, words: int) -> None:
        self._text.write(text)
        if not text:
            return
        if self._first_answer_t_s is None:
            self._first_answer_t_s = t_s
        self._last_answer_t_s = t_s
        if t_s - self._first_answer_t_s <= FIRST_CHUNK_S:
            self._first_answer_characters += len(text)
            self._first_answer_words += words

    def _end_thinking(self) -> None:
        self._reasoning.write(self._text.getvalue())
        self._text = io.StringIO()
        self._first_answer_t_s = self._last_answer_t_s = None
        self._first_answer_characters = self._first_answer_words = 0
        self._words_before_answer = self._words

    def _add_finished(self, event: Finished) -> None:
        self._close(
            RunStatus.FINISHED,
            event.t_s,
            usage=event.usage,
            finish_reason=event.finish_reason,
            hosts=event.hosts,
            reported_cost_usd=event.reported_cost_usd,
        )
        timings = replace(self._run.timings, prompt_s=event.prompt_s)
        self._run = replace(self._run, timings=timings, machine_load=event.machine_load)

    def fail(self, error: ErrorInfo, t_s: float) -> None:
        """End the run with an error that did not come from its engine."""
        self.add(Failed(t_s, error, hosts=self._run.hosts))

    def _known_usage(self, usage: TokenUsage | None) -> TokenUsage:
        """Return what was counted; for an answer that was cut off, what the stream itself told."""
        if usage is not None and usage != TokenUsage():
            return usage
        progress = self.prompt_progress
        if self._run.usage != TokenUsage() or progress is None:
            return self._run.usage
        return TokenUsage(
            prompt_tokens=progress.total,
            completion_tokens=self._tokens,
            cached_tokens=progress.kept,
            processed_tokens=progress.processed - progress.kept,
            provenance=Provenance.MEASURED,
        )

    def _close(
        self, status: RunStatus, t_s: float, *, usage: TokenUsage | None, **changes: Any
    ) -> None:
        """End the run; `changes` are the other fields that its last event fills."""
        sent = self._run.sent_t_s
        self._run = replace(
            self._run,
            status=status,
            timings=replace(self._run.timings, total_s=None if sent is None else t_s - sent),
            usage=self._known_usage(usage),
            **changes,
        )


def word_count(text: str) -> int:
    """Return how many words `text` has; in scripts without spaces each sign is one."""
    return _words(text, in_word=False)[0]


def _words(text: str, *, in_word: bool) -> tuple[int, bool]:
    """Return how many words begin in `text`, and whether it ends within one."""
    words = 0
    for character in text:
        if character.isspace() or is_wide_mark(character):
            in_word = False
        elif is_ideograph(character):
            words += 1
            in_word = False
        elif not in_word and character.isalnum():
            words += 1
            in_word = True
    return words, in_word


@lru_cache(maxsize=4096)
def is_ideograph(character: str) -> bool:
    """Return True for characters that are words by themselves (CJK ideographs, kana, Hangul)."""
    if character < "\u1100":
        return False
    return unicodedata.name(character, "").startswith(
        ("CJK UNIFIED", "HIRAGANA", "KATAKANA", "HANGUL")
    )


def is_wide_mark(character: str) -> bool:
    """Return True for the punctuation of scripts without spaces (、。「」！), which is no word."""
    return "\u3000" <= character < "\U00010000" and not character.isalnum()
