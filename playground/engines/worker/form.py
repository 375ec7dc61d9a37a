"""Fixed form: a JSON schema as a grammar of llama.cpp, which says what tokens fit."""

import ctypes
import json
from typing import Any

import llama_cpp.llama_cpp as api
import numpy as np
import numpy.typing as npt
from llama_cpp.llama_grammar import SchemaConverter

MAX_GRAMMAR = 32 * 1024
"""Characters of a grammar."""
MAX_NESTED = 1_000
"""Parentheses within one another: its parser calls itself for each, without a limit."""
TOKEN_DATA = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
"""`llama_token_data`."""
_NOT_CONVERTED = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What the converter raises: what it does not know it leaves to chance."""
_ANY_CHARACTER, _JSON_CHARACTER = r'[^"\\]', r'[^"\\\x7F\x00-\x1F]'


class Form:
    """How far an answer has come in a grammar; `close` frees it."""

    def __init__(self, grammar: Any) -> None:
        self._grammar = grammar
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
    sampler = api.llama_sampler_init_grammar(vocab, grammar.encode(), b"root")
    return Form(sampler) if sampler else None


def as_token_array(candidates: npt.NDArray[np.void]) -> api.llama_token_data_array:
    """Return candidates of type `TOKEN_DATA` as llama.cpp's samplers take them."""
    pointer = candidates.ctypes.data_as(ctypes.POINTER(api.llama_token_data))
    return api.llama_token_data_array(data=pointer, size=len(candidates), selected=-1, sorted=False)


def grammar_of(schema: str) -> str | None:
    """Return a schema as GBNF, llama.cpp's format of grammars; `None` where there is none.

    https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md
    """
    try:
        root = json.loads(schema)
        converter = _Converter(root)
        converter.visit(root, "")
        text: str = converter.format_grammar()
    except _NOT_CONVERTED:
        return None
    if len(text) > MAX_GRAMMAR or _nested(text) > MAX_NESTED or "\0" in text:
        return None
    return text.replace(f"char ::= {_ANY_CHARACTER}", f"char ::= {_JSON_CHARACTER}")


def _nested(grammar: str) -> int:
    depth = deepest = 0
    for sign in grammar:
        depth += (sign == "(") - (sign == ")")
        deepest = max(deepest, depth)
    return deepest


class _Converter(SchemaConverter):  # type: ignore[misc]  # has no types
    """llama-cpp-python's converter, that fetches nothing and writes texts as JSON has them."""

    def __init__(self, root: dict[str, Any]) -> None:
        super().__init__(prop_order={}, allow_fetch=False, dotall=False, raw_pattern=False)
        self._root = root
        self._names: dict[str, str] = {}

    def _format_literal(self, literal: str) -> str:
        as_typed = json.dumps(json.loads(literal), ensure_ascii=False)
        # the original leaves a backslash as it is, which is a sign of its own in a grammar
        return str(super()._format_literal(as_typed.replace("\\", "\\\\")))

    def _resolve_ref(self, ref: str) -> str:
        """Return the rule for what a `$ref` within the schema points to."""
        name = self._names.get(ref)
        if name is None:
            name = self._names[ref] = f"ref-{len(self._names)}"
            self._names[ref] = self.visit(self._target(ref), name)
        return self._names[ref]

    def _target(self, ref: str) -> Any:
        if not ref.startswith("#"):
            raise ValueError(ref)
        target: Any = self._root
        for part in ref[1:].split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            target = target[int(name)] if isinstance(target, list) else target[name]
        return target
