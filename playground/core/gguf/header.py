"""What a GGUF file says about itself, as plain values."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, wraps
from math import prod
from typing import Concatenate, ParamSpec, TypeVar

from playground.core.gguf.types import FILE_TYPES, TensorType

_REPOSITORY = re.compile(r"(?:https?://[^/]+/)?([\w.-]+/[\w.-]+?)/?")
_THINKING = ("<think>", "enable_thinking", "reasoning_content", "<|channel|>analysis", "[THINK]")
"""What templates of models that think aloud contain: Qwen3, DeepSeek, gpt-oss, Magistral."""


@dataclass(frozen=True, slots=True)
class ArraySummary:
    """An array that was passed over: what it holds and how many of them."""

    element_type: int
    length: int


Value = int | float | bool | str | tuple[int | float | bool, ...] | ArraySummary

EMBEDDING = "token_embd.weight"
_LOOKED_UP = ("token_embd.", "position_embd.", "token_types.", "per_layer_token_embd.")


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One tensor as the table of contents lists it."""

    name: str
    shape: tuple[int, ...]
    """As in the file: the first number is the length of a row."""
    type: TensorType
    offset: int
    """Bytes from the start of the data section."""

    @property
    def elements(self) -> int:
        return prod(self.shape)

    @property
    def size_bytes(self) -> int:
        return self.elements // self.type.block_size * self.type.block_bytes

    @property
    def is_looked_up(self) -> bool:
        """True where a token takes single rows of it and nothing is multiplied: an embedding."""
        return self.name.startswith(_LOOKED_UP)


@dataclass(frozen=True)
class GgufHeader:
    """What a GGUF file says about itself."""

    version: int
    byte_order: str
    """`little` or `big`."""
    metadata: Mapping[str, Value]
    tensors: tuple[TensorInfo, ...]
    data_offset: int
    file_size: int

    @cached_property
    def architecture(self) -> str | None:
        """The model family llama.cpp knows it by, such as `llama`; missing in later shards."""
        return self.text("general.architecture")

    @property
    def name(self) -> str | None:
        return self._stripped("general.name")

    @property
    def context_length(self) -> int | None:
        """Tokens the model was trained for."""
        return self.number("context_length") or None

    @property
    def is_projector(self) -> bool:
        """True for an `mmproj` file: the part of a model that sees pictures, and no model."""
        return self.architecture == "clip" or self.text("general.type") == "mmproj"

    @property
    def licence(self) -> str | None:
        """The licence as the file names it, such as `apache-2.0`."""
        return self._stripped("general.license")

    @property
    def repository(self) -> str | None:
        """The Hub repository the file says it was made from, as `owner/name`."""
        for key in (
            "general.repo_url",
            "general.source.repo_url",
            "general.source.huggingface.repository",
            "general.base_model.0.repo_url",
        ):
            if match := _REPOSITORY.fullmatch(self._stripped(key) or ""):
                return match[1]
        return None

    @property
    def publisher(self) -> str | None:
        """Who made the model: the organisation or author the file names, else its repository's."""
        for key in (
            "general.organization",
            "general.base_model.0.organization",
            "general.author",
            "general.base_model.0.author",
        ):
            if name := self._stripped(key):
                return name
        return self.repository.partition("/")[0] if self.repository else None

    @property
    def is_reasoning(self) -> bool | None:
        """True where the chat template knows of thinking; `None` without a template."""
        template = self.text("tokenizer.chat_template")
        if not template:
            return None
        return any(mark in template for mark in _THINKING)

    @property
    def has_chat_template(self) -> bool:
        return self._stripped("tokenizer.chat_template") is not None

    @property
    def has_vocabulary(self) -> bool:
        return {"tokenizer.ggml.model", "tokenizer.ggml.tokens"} & self.metadata.keys() != set()

    @property
    def vocabulary_size(self) -> int | None:
        tokens = self.metadata.get("tokenizer.ggml.tokens")
        if isinstance(tokens, ArraySummary):
            return tokens.length
        return self.number("vocab_size")

    @cached_property
    def weights_bytes(self) -> int:
        return sum(tensor.size_bytes for tensor in self.tensors)

    @cached_property
    def is_tied(self) -> bool:
        """True where the embedding serves as the output, too, for want of an output tensor."""
        return not any(tensor.name == "output.weight" for tensor in self.tensors)

    @cached_property
    def parameters(self) -> int:
        return sum(tensor.elements for tensor in self.tensors)

    @cached_property
    def quantization(self) -> str | None:
        """The quantization's usual name, or the tensor type that takes the most room."""
        declared = self.metadata.get("general.file_type")
        if isinstance(declared, int) and declared in FILE_TYPES:
            return FILE_TYPES[declared]
        room = Counter[str]()
        for tensor in self.tensors:
            room[tensor.type.name] += tensor.size_bytes
        return max(room, key=lambda name: room[name], default=None)

    @property
    def shards(self) -> int:
        return max(1, self.integer("split.count") or 1)

    def text(self, key: str) -> str | None:
        """Return a text of the metadata by its full key."""
        value = self.metadata.get(key)
        return value if isinstance(value, str) else None

    def _stripped(self, key: str) -> str | None:
        return (self.text(key) or "").strip() or None

    def integer(self, key: str) -> int | None:
        """Return a whole number of the metadata by its full key; a negative one is no count."""
        value = self.metadata.get(key)
        if isinstance(value, bool) or not isinstance(value, int):
            return None
        return value if value >= 0 else None

    def number(self, key: str) -> int | None:
        """Return a whole number by its key below the architecture: `context_length`."""
        return self.integer(f"{self.architecture}.{key}")

    def numbers(self, key: str) -> tuple[int, ...] | None:
        """Return a short array of whole numbers or flags by its key below the architecture."""
        value = self.metadata.get(f"{self.architecture}.{key}")
        if not isinstance(value, tuple):
            return None
        return tuple(max(0, int(item)) for item in value if not isinstance(item, float))


def merge_shards(headers: Sequence[GgufHeader]) -> GgufHeader:
    """Return the header of a split model: that of its first part with the tensors of all parts."""
    if len(headers) == 1:
        return headers[0]
    return replace(
        headers[0],
        tensors=tuple(tensor for header in headers for tensor in header.tensors),
        file_size=sum(header.file_size for header in headers),
    )


P = ParamSpec("P")
T = TypeVar("T")


def once_per_header(
    function: Callable[Concatenate[GgufHeader, P], T],
) -> Callable[Concatenate[GgufHeader, P], T]:
    """Return `function`, which must be pure, with its results kept on the header.

    As `cached_property` does, and for the same reason: comparing two headers costs as much as the
    work. Callable from any thread; two at once work the same out twice.
    """
    name = f"{function.__module__}.{function.__qualname__}"

    @wraps(function)
    def kept(header: GgufHeader, /, *args: P.args, **kwargs: P.kwargs) -> T:
        results: dict[object, T] = vars(header).setdefault(name, {})
        key = (args, tuple(kwargs.items()))
        if key not in results:
            results[key] = function(header, *args, **kwargs)
        return results[key]

    return kept
