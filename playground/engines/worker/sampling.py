"""Which token comes next, and how probable it was."""

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import llama_cpp.llama_cpp as api
import numpy as np
import numpy.typing as npt

from playground.core.chat import SamplingParams
from playground.core.errors import RequestRejected
from playground.engines.llama.protocol import TokenRow, alternative_row, token_row
from playground.engines.worker.form import TOKEN_DATA, Form, as_token_array
from playground.engines.worker.model import LoadedModel
from playground.engines.worker.prompt import Pieces

# what llama.cpp uses where nothing is asked for (common/common.h, common_params_sampling)
DEFAULT_TEMPERATURE = 0.8
DEFAULT_TOP_K = 40
DEFAULT_TOP_P = 0.95
DEFAULT_MIN_P = 0.05
DEFAULT_REPEAT_PENALTY = 1.0
PENALTY_WINDOW = 64
"""Last tokens, of prompt and answer, that a repeat penalty looks at."""
_BLOCK = 256


class Logits:
    """The raw logits of the last token, as llama.cpp holds them."""

    def __init__(self, loaded: LoadedModel) -> None:
        self._context = loaded.context
        self._size = loaded.vocabulary_size
        self._address = 0
        self._row = np.empty(0, np.float32)

    def row(self) -> npt.NDArray[np.float32]:
        """Return a view that is valid until the next `llama_decode`."""
        pointer = api.llama_get_logits_ith(self._context, -1)
        address = ctypes.addressof(pointer.contents)
        if address != self._address:
            memory = (ctypes.c_float * self._size).from_address(address)
            self._row, self._address = np.frombuffer(memory, np.float32), address
        return self._row


class Sampler:
    """llama.cpp's sampler chain for one request; `close` frees it."""

    def __init__(
        self, loaded: LoadedModel, logits: Logits, sampling: SamplingParams, prompt: Sequence[int]
    ) -> None:
        self._context = loaded.context
        self._logits = logits
        self._candidates: npt.NDArray[np.void] | None = None
        self._chain = api.llama_sampler_chain_init(api.llama_sampler_chain_default_params())
        penalty = _or(sampling.repeat_penalty, DEFAULT_REPEAT_PENALTY)
        self.settings: dict[str, float] = {"repeat_penalty": penalty}
        """Name → value of what each sampler of the chain was made with, in its order."""
        if penalty != DEFAULT_REPEAT_PENALTY:
            self.settings["repeat_last_n"] = PENALTY_WINDOW
            self._add(
                api.llama_sampler_init_penalties(
                    loaded.vocabulary_size, PENALTY_WINDOW, penalty, 0.0, 0.0
                )
            )
        temperature = _or(sampling.temperature, DEFAULT_TEMPERATURE)
        # what a chain of the greedy sampler alone does, without copying the vocabulary
        self._takes_largest = temperature <= 0 and penalty == DEFAULT_REPEAT_PENALTY
        if temperature <= 0:
            self.settings["temperature"] = temperature
            self._add(api.llama_sampler_init_greedy())
        else:
            self._add_drawing(sampling, temperature)
        for token in prompt[-PENALTY_WINDOW:]:
            api.llama_sampler_accept(self._chain, token)

    def next(self) -> int:
        if self._takes_largest:
            return int(self._logits.row().argmax())
        return int(api.llama_sampler_sample(self._chain, self._context, -1))

    def next_fitting(self, form: Form, is_answer: Callable[[int], bool]) -> int:
        """Return the next token, held to `form` where it belongs to the answer.

        The usual choice first: masking the whole vocabulary takes as long as a small model needs
        for a token, and is left for what does not fit (as `common_sampler_sample` of llama.cpp).
        Raises `RequestRejected` where no token fits.
        """
        token = self._choose(None)
        if is_answer(token):
            if not form.admits(token):
                token = self._choose(form)
            form.accept(token)
        api.llama_sampler_accept(self._chain, token)
        return token

    def _choose(self, form: Form | None) -> int:
        """Return what the chain chooses from all tokens, or from those that fit."""
        logits = self._logits.row()
        if form is None and self._takes_largest:
            return int(logits.argmax())
        candidates = self._candidates
        if candidates is None:
            candidates = self._candidates = np.empty(len(logits), TOKEN_DATA)
        candidates["id"] = np.arange(len(logits))
        candidates["logit"] = logits
        array = as_token_array(candidates)
        if form is not None:
            form.mask(array)
            if not np.isfinite(candidates["logit"].max()):
                raise RequestRejected(
                    "No word of this model fits the form from here.", "Simplify the form."
                )
        api.llama_sampler_apply(self._chain, ctypes.byref(array))
        return int(array.data[array.selected].id)

    def close(self) -> None:
        """Free the chain and all that was added to it."""
        api.llama_sampler_free(self._chain)

    def _add_drawing(self, sampling: SamplingParams, temperature: float) -> None:
        """Add the samplers between which a token is drawn at random."""
        top_k = int(_or(sampling.top_k, DEFAULT_TOP_K))
        top_p = _or(sampling.top_p, DEFAULT_TOP_P)
        min_p = _or(sampling.min_p, DEFAULT_MIN_P)
        self.settings |= {
            "top_k": top_k,
            "top_p": top_p,
            "min_p": min_p,
            "temperature": temperature,
        }
        self._add(api.llama_sampler_init_top_k(top_k))
        self._add(api.llama_sampler_init_top_p(top_p, 1))
        self._add(api.llama_sampler_init_min_p(min_p, 1))
        self._add(api.llama_sampler_init_temp(temperature))
        self._add(api.llama_sampler_init_dist(sampling.seed or 0))

    def _add(self, sampler: Any) -> None:
        api.llama_sampler_chain_add(self._chain, sampler)


class Probabilities:
    """Softmax of the raw logits of the last token, before any sampler."""

    def __init__(
        self, loaded: LoadedModel, logits: Logits, pieces: Pieces, alternatives: int
    ) -> None:
        self._logits = logits
        self._size = loaded.vocabulary_size
        self._pieces = pieces
        self._count = min(alternatives, self._size)
        self._scratch = np.empty(self._size, np.float32)
        self._in_blocks = self._size // _BLOCK * _BLOCK

    def row(self, token: int, stamp: float) -> TokenRow:
        """Return the row of `token`: its probability, its rank, and what else was probable."""
        logits = self._logits.row()
        top = logits.max()
        scratch = self._scratch
        np.subtract(logits, top, out=scratch)
        np.exp(scratch, out=scratch)
        total = float(scratch.sum(dtype=np.float64))
        alternatives = [
            alternative_row(index, self._pieces[index], float(scratch[index]) / total)
            for index in self._most_probable(logits)
        ]
        rank = 1 + int(np.count_nonzero(logits > logits[token]))
        row = token_row(stamp, token, self._pieces[token])
        return [*row, float(scratch[token]) / total, rank, alternatives]

    def _most_probable(self, logits: npt.NDArray[np.float32]) -> list[int]:
        """Return the ids of the largest logits, largest first.

        The largest k lie in the k blocks with the largest maxima, so only those are sorted.
        """
        count = self._count
        if not count:
            return []
        blocks = logits[: self._in_blocks].reshape(-1, _BLOCK)
        candidates = np.arange(self._in_blocks, self._size)
        if len(blocks):
            maxima = blocks.max(axis=1)
            kept = min(count, len(blocks))
            best = np.argpartition(maxima, len(blocks) - kept)[-kept:]
            inside = (best[:, None] * _BLOCK + np.arange(_BLOCK)).ravel()
            candidates = np.concatenate((inside, candidates))
        values = logits[candidates]
        order = np.argpartition(values, len(values) - count)[-count:]
        order = order[np.argsort(-values[order], kind="stable")]
        return [int(index) for index in candidates[order]]


def _or(value: float | None, default: float) -> float:
    return default if value is None else value
