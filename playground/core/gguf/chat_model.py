"""Whether a model file holds a chat model that this llama.cpp can run, told from its header."""

import importlib.util
import mmap
import sys
from functools import cache
from pathlib import Path

from playground.core.errors import (
    ModelFileInvalid,
    ModelLoadFailed,
    ModelUnsupported,
    NotAChatModel,
)
from playground.core.gguf.header import GgufHeader

MAX_LAYERS = 512
"""`LLAMA_MAX_LAYERS`: llama.cpp aborts above it."""
ENCODERS = frozenset(
    {
        "bert",
        "eurobert",
        "gemma-embedding",
        "jina-bert-v2",
        "jina-bert-v3",
        "llama-embed",
        "modern-bert",
        "neo-bert",
        "nomic-bert",
        "nomic-bert-moe",
        "t5encoder",
    }
)
"""Architectures that turn text into numbers for searching, and write none."""
DIFFUSION = frozenset({"dream", "llada", "llada-moe", "rnd1"})
"""Architectures that write all words of an answer at once."""
_SPEECH = frozenset({"pockettts", "qwen3tts", "wavtokenizer-dec"})
_DRAFTS = frozenset({"dflash", "eagle3", "gemma4-assistant"})
_RANKING = 4
"""`LLAMA_POOLING_TYPE_RANK`; 1 to 3 make one vector of a text, 0 is a model that writes."""
_ADAPTER_TENSORS = (".lora_a", ".lora_b", ".loraA", ".loraB")
_IMATRIX_TENSORS = (".in_sum2",)
_PROJECTOR_TENSORS = ("v.blk.", "a.blk.", "mm.")
_EMBEDDING_TENSORS = frozenset({"dense_2.weight", "dense_3.weight"})
_CLASSIFIER_TENSORS = frozenset({"cls.weight", "cls.output.weight"})
_NO_TOKENIZER = frozenset({"no_vocab", "none"})
_TOKENIZER_OF_READERS = "bert"

_EMBEDDING = "This model turns text into numbers for searching: it cannot answer."
_RERANKER = "This model sorts texts by how well they match a question: it cannot answer."
_ADAPTER = "This is an add-on to a model (LoRA), not a model."
_PROJECTOR = "This is the part of a model that sees pictures or hears sound, not a model."
_VOCABULARY = "This is only a vocabulary, not a model."
_IMATRIX = "These are measurements for making smaller models, not a model."
_BY_TYPE = {
    "adapter": _ADAPTER,
    "imatrix": _IMATRIX,
    "mmproj": _PROJECTOR,
    "vocab": _VOCABULARY,
}


def check_chat_model(header: GgufHeader) -> None:
    """Raise why a model cannot be chatted with, and return where it can.

    Raises `NotAChatModel` for what writes no text, `ModelUnsupported` for what this llama.cpp does
    not know, and `ModelFileInvalid` for what makes no sense.
    """
    reason = _other_kind(header)
    if reason is not None:
        raise NotAChatModel(reason)
    if header.byte_order != sys.byteorder:
        raise ModelUnsupported(
            "The file was made for computers that store numbers the other way round."
        )
    if not header.tensors:
        raise ModelFileInvalid("The file holds no weights.")
    if not header.architecture:
        kind = ModelUnsupported if header.has_vocabulary else NotAChatModel
        raise kind("The file does not say what kind of model it is.")
    if not is_known_architecture(header.architecture):
        raise _unknown(header.architecture, writes_text=header.has_vocabulary)
    if not header.has_vocabulary:
        raise NotAChatModel("This is a part of a model: without a vocabulary it cannot answer.")
    for tensor in header.tensors:
        if not tensor.type.is_supported:
            raise ModelUnsupported(
                f"Its weights are stored as {tensor.type.name}, which this version of llama.cpp "
                "does not support."
            )
    layers = header.number("block_count")
    if layers is not None and not 0 < layers <= MAX_LAYERS:
        # llama.cpp does not refuse such a file: it aborts
        raise ModelFileInvalid(f"The file is damaged: it claims {layers:,} layers.")


def problem_of(header: GgufHeader) -> ModelLoadFailed | None:
    """Return what `check_chat_model` raises."""
    try:
        check_chat_model(header)
    except ModelLoadFailed as error:
        return error
    return None


def architecture_problem(architecture: str) -> ModelLoadFailed | None:
    """Return why no model of an architecture can be chatted with, where nothing else is known."""
    reason = _kind_of_architecture(architecture)
    if reason is not None:
        return NotAChatModel(reason)
    if is_known_architecture(architecture):
        return None
    return _unknown(architecture, writes_text=True)


@cache
def is_known_architecture(architecture: str) -> bool:
    """Return True for an architecture the installed llama.cpp knows, or where none is found.

    Told by the names its library holds: importing it would load it into the window's process.
    """
    library = _llama_library()
    if library is None:
        return True
    with library.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as code:
        return code.find(architecture.encode() + b"\0") >= 0


def _unknown(architecture: str, *, writes_text: bool) -> ModelLoadFailed:
    shown = "".join(char for char in architecture if char.isprintable())[:40]
    if not writes_text:
        return NotAChatModel(
            f"This kind of model ({shown}) writes no text: it may make pictures or sound."
        )
    return ModelUnsupported(
        f"This kind of model ({shown}) is not known to the version of llama.cpp in use."
    )


def _other_kind(header: GgufHeader) -> str | None:
    """Return what a file holds instead of a chat model, in a sentence."""
    architecture, names = header.architecture or "", [tensor.name for tensor in header.tensors]
    if (kind := (header.text("general.type") or "").lower()) in _BY_TYPE:
        return _BY_TYPE[kind]
    if any(key.startswith("imatrix.") for key in header.metadata) or any(
        name.endswith(_IMATRIX_TENSORS) for name in names
    ):
        return _IMATRIX
    if "adapter.type" in header.metadata or any(name.endswith(_ADAPTER_TENSORS) for name in names):
        return _ADAPTER
    if architecture == "controlvector":
        return "This is an add-on that steers a model (control vector), not a model."
    if header.has_vocabulary and not names:
        return _VOCABULARY
    pooling = header.number("pooling_type")
    if pooling == _RANKING or not _CLASSIFIER_TENSORS.isdisjoint(names):
        return _RERANKER
    if (found := _kind_of_architecture(architecture)) is not None:
        return found
    if not header.has_vocabulary and any(name.startswith(_PROJECTOR_TENSORS) for name in names):
        return _PROJECTOR
    tokenizer = header.text("tokenizer.ggml.model")
    sees_all = header.metadata.get(f"{architecture}.attention.causal") is False
    is_embedding = pooling or sees_all or not _EMBEDDING_TENSORS.isdisjoint(names)
    if is_embedding or tokenizer == _TOKENIZER_OF_READERS:
        return _EMBEDDING
    if tokenizer in _NO_TOKENIZER:
        return "This model has no vocabulary: it works on something else than text."
    return None


def _kind_of_architecture(architecture: str) -> str | None:
    if architecture == "clip":
        return _PROJECTOR
    if architecture in ENCODERS:
        return _EMBEDDING
    if architecture in _SPEECH:
        return "This model makes sound, not text: it cannot answer."
    if architecture in _DRAFTS:
        return "This is a helper that makes another model faster: it cannot answer alone."
    if architecture == "t5":
        return "This model rewrites whole texts, and cannot go on with a conversation."
    if architecture in DIFFUSION:
        return "This model writes all words at once (diffusion), which this program cannot do."
    return None


def _llama_library() -> Path | None:
    spec = importlib.util.find_spec("llama_cpp")
    for folder in (spec and spec.submodule_search_locations) or ():
        for name in ("libllama.so", "libllama.dylib", "llama.dll", "libllama.dll"):
            library = Path(folder) / "lib" / name
            if library.is_file():
                return library
    return None
