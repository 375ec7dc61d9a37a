"""Fixed form: a grammar of llama.cpp says what tokens fit."""

import ctypes
from typing import Any

import llama_cpp.llama_cpp as api
import numpy as np
import numpy.typing as npt

from playground.engines.worker.grammar import grammar_of

TOKEN_DATA = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
"""`llama_token_data`."""


class Form:
    """How far an answer has come in a grammar; `close` frees it."""

    def __init__(self, grammar: Any, not_held: tuple[str, ...]) -> None:
        self._grammar = grammar
        self.not_held = not_held
        """Keywords of the schema that are not held to."""
        self._one = np.empty(1, TOKEN_DATA)

    def admits(self, token: int) -> bool:
        """Return whether `token` may come next."""
        self._one[0] = (token, 0.0, 0.0)
        self.mask(as_token_array(self._one))
        return bool(np.isfinite(self._one["logit"][0]))

    def mask(self, candidates: api.llama_token_data_array) -> None:
        """Give what may not come next a logit of minus infinity."""
        api.llama_sampler_apply(self._grammar, ctypes.byref(candidates))

    def accept(self, token: int) -> None:
        """Take `token` as written; it must be one that fits."""
        api.llama_sampler_accept(self._grammar, token)

    def close(self) -> None:
        api.llama_sampler_free(self._grammar)


def make_form(vocab: Any, schema: str | None) -> Form | None:
    """Return the form that `schema` asks for; `None` where llama.cpp cannot hold to it."""
    grammar = None if schema is None else grammar_of(schema)
    if grammar is None:
        return None
    sampler = api.llama_sampler_init_grammar(vocab, grammar.text, b"root")
    return Form(sampler, grammar.not_held) if sampler else None


def as_token_array(candidates: npt.NDArray[np.void]) -> api.llama_token_data_array:
    """Return candidates of type `TOKEN_DATA` as llama.cpp's samplers take them."""
    pointer = candidates.ctypes.data_as(ctypes.POINTER(api.llama_token_data))
    return api.llama_token_data_array(data=pointer, size=len(candidates), selected=-1, sorted=False)
