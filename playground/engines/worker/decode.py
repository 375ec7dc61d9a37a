"""The decode loop: reads a prompt, writes an answer, token by token."""

import ctypes
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from time import perf_counter
from typing import Any

import llama_cpp.llama_cpp as api

from playground.core.chat import ChatRequest
from playground.core.errors import ContextOverflow, OutOfMemory, WorkerCrashed
from playground.core.runs import ModelInput
from playground.engines.llama import protocol as wire
from playground.engines.worker.form import Form
from playground.engines.worker.log import LogLines, explain
from playground.engines.worker.model import LOWEST_CHUNK, PROMPT_CHUNK, LoadedModel
from playground.engines.worker.prompt import Pieces, Prompt
from playground.engines.worker.sampling import Logits, Probabilities, Sampler
from playground.engines.worker.text import AnswerText, TextPiece

_GPU_CHUNK_S = 0.15
"""Where no abort callback is heard, this is how long a stop may have to wait."""


class GenerationStopped(Exception):
    """The job was given up because it was asked to stop."""


class Decoder:
    """Answers prompts with one loaded model; remembers what its context holds."""

    def __init__(
        self, loaded: LoadedModel, pieces: Pieces, log: LogLines, emit: Callable[[bytes], None]
    ) -> None:
        self._loaded = loaded
        self._pieces = pieces
        self._log = log
        self._emit = emit
        self._logits = Logits(loaded)
        self._held: list[int] = []
        self._prompt_batch = _PromptBatch()
        self._next_token = (api.llama_token * 1)()
        self._next_batch = api.llama_batch_get_one(self._next_token, 1)
        self._chunk = loaded.chunk_tokens

    def answer(
        self,
        prompt: Prompt,
        request: ChatRequest,
        is_stopped: Callable[[], bool],
        *,
        form: Form | None = None,
        ignores_end: bool = False,
    ) -> None:
        """Emit `input`, progress, deltas and `finished`; the answer is held to `form`.

        Raises `ContextOverflow` before any work, `GenerationStopped` once `is_stopped()` is true.
        """
        tokens = prompt.tokens
        room = self._loaded.context_tokens - len(tokens)
        if room < 1:
            raise ContextOverflow(
                f"The prompt has {len(tokens):,} tokens, and this model's context holds "
                f"{self._loaded.context_tokens:,} for prompt and answer together."
            )
        sampling = request.sampling
        limit = room if sampling.max_tokens is None else max(0, min(sampling.max_tokens, room))
        text = AnswerText(sampling.stop, in_reasoning=prompt.opens_reasoning)
        probabilities = None
        if sampling.logprobs is not None:
            probabilities = Probabilities(
                self._loaded, self._logits, self._pieces, sampling.logprobs
            )
        with ExitStack() as closing:
            sampler = Sampler(self._loaded, self._logits, sampling, tokens)
            closing.callback(sampler.close)
            sample = sampler.next
            if form is not None:
                pieces = self._pieces
                sample = partial(
                    sampler.next_fitting, form, lambda token: text.is_answer(pieces[token])
                )
            self._emit_input(prompt, sampler, sampling.seed)
            kept = self._keep(tokens) if request.keep_cache else self._clear()
            prompt_s = self._read_prompt(tokens, kept, is_stopped)
            written, reason = self._write(
                text, sample, probabilities, limit, is_stopped, ignores_end=ignores_end
            )
        for chunk in text.finish():
            self._emit_chunk(chunk)
        finished = wire.finished(
            stamp=perf_counter(),
            reason=reason,
            prompt_tokens=len(tokens),
            kept=kept,
            completion_tokens=written,
            reasoning_tokens=text.reasoning_tokens,
            prompt_s=prompt_s,
        )
        self._emit(wire.pack(finished))

    def _write(
        self,
        text: AnswerText,
        sample: Callable[[], int],
        probabilities: Probabilities | None,
        limit: int,
        is_stopped: Callable[[], bool],
        *,
        ignores_end: bool,
    ) -> tuple[int, str]:
        """Return how many tokens were written and why no more were."""
        context, vocab, pieces = self._loaded.context, self._loaded.vocab, self._pieces
        decode, is_end = api.llama_decode, api.llama_vocab_is_eog
        token = -1
        for written in range(limit):
            if written:
                status = decode(context, self._next_batch)
                if status:
                    self._give_up(status)
                self._held.append(token)
            token = sample()
            stamp = perf_counter()
            if is_stopped():
                raise GenerationStopped
            if is_end(vocab, token) and not ignores_end:
                return written, "stop"
            piece = pieces[token]
            if probabilities is None:
                row = wire.token_row(stamp, token, piece)
            else:
                row = probabilities.row(token, stamp)
            for chunk in text.add(piece, row):
                self._emit_chunk(chunk)
            if text.is_stopped:
                return written + 1, "stop"
            self._next_token[0] = token
        return limit, "length"

    def _emit_input(self, prompt: Prompt, sampler: Sampler, seed: int | None) -> None:
        """Tell what is read and how it is answered; a run that is stopped has it as well."""
        given = ModelInput(
            settings=tuple(sampler.settings.items()),
            seed=seed,
            template_sha256=prompt.template_sha256,
            prompt_ids=prompt.tokens,
        )
        self._emit(wire.pack(wire.model_input(perf_counter(), given)))

    def _emit_chunk(self, chunk: TextPiece) -> None:
        stamp = chunk.rows[-1][1] if chunk.rows else perf_counter()
        if chunk.ends_thinking:
            self._emit(wire.pack(wire.thinking_ended(stamp)))
        self._emit(wire.delta(stamp, chunk.text, chunk.rows, is_reasoning=chunk.is_reasoning))

    def _read_prompt(
        self, tokens: Sequence[int], kept: int, is_stopped: Callable[[], bool]
    ) -> float:
        """Process what is not held yet and return how long that took."""
        total = len(tokens)
        self._emit(wire.pack(wire.prompt(perf_counter(), kept, total, kept)))
        begun = perf_counter()
        done = kept
        while done < total:
            piece = tokens[done : done + self._chunk]
            piece_begun = perf_counter()
            batch = self._prompt_batch.fill(piece, done, wants_logits=done + len(piece) == total)
            status = api.llama_decode(self._loaded.context, batch)
            if status:
                self._give_up(status)
            done += len(piece)
            self._held.extend(piece)
            if done == total:
                api.llama_synchronize(self._loaded.context)
            elif self._loaded.on_gpu:
                api.llama_synchronize(self._loaded.context)
                self._adapt(perf_counter() - piece_begun)
            if is_stopped():
                raise GenerationStopped
            if done < total:
                self._emit(wire.pack(wire.prompt(perf_counter(), done, total, kept)))
        prompt_s = perf_counter() - begun
        self._emit(wire.pack(wire.prompt(perf_counter(), total, total, kept)))
        return prompt_s

    def _adapt(self, seconds: float) -> None:
        if seconds > _GPU_CHUNK_S:
            self._chunk = max(LOWEST_CHUNK, self._chunk // 2)
        elif seconds < _GPU_CHUNK_S / 2:
            self._chunk = min(PROMPT_CHUNK, self._chunk * 2)

    def _give_up(self, status: int) -> None:
        """Raise what a failed `llama_decode` amounts to; what it left behind the next run cuts."""
        if status == 2:  # aborted
            raise GenerationStopped
        error = explain(self._log.errors(), "")
        if isinstance(error, OutOfMemory):
            raise error
        raise WorkerCrashed(f"llama.cpp could not compute the next token (code {status}).")

    def _clear(self) -> int:
        """Empty the context, so that the same request measures the same thing."""
        api.llama_memory_clear(self._loaded.memory, False)
        self._held = []
        return 0

    def _keep(self, tokens: Sequence[int]) -> int:
        """Keep the longest beginning that `tokens` share with the context; return its length."""
        # the last token is always read again: its logits choose the first word
        shared = 0
        for held, wanted in zip(self._held, tokens[:-1], strict=False):
            if held != wanted:
                break
            shared += 1
        self._truncate(shared)
        return len(self._held)

    def _truncate(self, count: int) -> None:
        """Cut the context to its first `count` tokens, or empty it where it cannot be cut."""
        memory, window = self._loaded.memory, self._loaded.sliding_window
        if not count or not api.llama_memory_seq_rm(memory, 0, count, -1):
            self._clear()
            return
        # a sliding window has dropped older cells: too few may be left to look back on
        lowest = api.llama_memory_seq_pos_min(memory, 0)
        if window > 0 and lowest > max(0, count - window):
            self._clear()
            return
        self._held = self._held[:count]


class _PromptBatch:
    """A `llama_batch` for pieces of a prompt, with logits for the very last token only."""

    def __init__(self) -> None:
        size = PROMPT_CHUNK
        self._tokens = (api.llama_token * size)()
        self._positions = (api.llama_pos * size)()
        self._counts = (ctypes.c_int32 * size)(*[1] * size)
        self._sequence = (api.llama_seq_id * 1)(0)
        pointer = ctypes.POINTER(api.llama_seq_id)
        self._sequences = (pointer * size)(
            *[ctypes.cast(self._sequence, pointer) for _ in range(size)]
        )
        self._logits = (ctypes.c_int8 * size)()

    def fill(self, tokens: Sequence[int], start: int, *, wants_logits: bool) -> Any:
        """Return a batch of `tokens` from position `start`; valid until the next call."""
        count = len(tokens)
        self._tokens[:count] = list(tokens)
        self._positions[:count] = list(range(start, start + count))
        self._logits[:count] = [0] * count
        self._logits[count - 1] = int(wants_logits)
        return api.llama_batch(
            n_tokens=count,
            token=self._tokens,
            embd=None,
            pos=self._positions,
            n_seq_id=self._counts,
            seq_id=self._sequences,
            logits=self._logits,
        )
