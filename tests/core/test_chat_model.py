"""What is no chat model, or cannot be run by this llama.cpp, is told from the header."""

from collections.abc import Mapping
from pathlib import Path

import gguf
import pytest

from playground.core.errors import ModelFileInvalid, ModelUnsupported, NotAChatModel
from playground.core.gguf import codec
from playground.core.gguf.chat_model import (
    DIFFUSION,
    ENCODERS,
    architecture_problem,
    check_chat_model,
    is_known_architecture,
    problem_of,
)
from playground.core.gguf.reader import read_header
from playground.core.gguf.types import TENSOR_TYPES
from tests.core.gguf_files import Dense, store_as, write_dense, write_model

WEIGHTS: dict[str, tuple[tuple[int, ...], str]] = {"blk.0.ffn_up.weight": ((256, 8), "F16")}
WORDS = {"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.tokens": ["a", "b"]}


@pytest.mark.parametrize(
    ("architecture", "settings", "tensors", "said"),
    [
        ("qwen3", {".pooling_type": 3, **WORDS}, WEIGHTS, "for searching"),
        ("qwen3", {".pooling_type": 4, **WORDS}, WEIGHTS, "match a question"),
        ("bert", {".pooling_type": 4, **WORDS}, WEIGHTS, "match a question"),
        ("bert", WORDS, {"cls.weight": ((256, 8), "F16"), **WEIGHTS}, "match a question"),
        ("nomic-bert", WORDS, WEIGHTS, "for searching"),
        ("gemma3", {".attention.causal": False, **WORDS}, WEIGHTS, "for searching"),
        ("llama", {"tokenizer.ggml.model": "bert"}, WEIGHTS, "for searching"),
        ("flux", {}, WEIGHTS, "(flux) writes no text"),
        ("never-heard-of", {}, WEIGHTS, "(never-heard-of) writes no text"),
        ("wavtokenizer-dec", {}, WEIGHTS, "makes sound"),
        ("t5", WORDS, WEIGHTS, "rewrites whole texts"),
        ("llada", WORDS, WEIGHTS, "diffusion"),
        ("eagle3", WORDS, WEIGHTS, "makes another model faster"),
        ("llama", {"tokenizer.ggml.model": "no_vocab"}, WEIGHTS, "no vocabulary"),
        ("clip", {}, WEIGHTS, "sees pictures"),
        ("llama", {"general.type": "mmproj"}, WEIGHTS, "sees pictures"),
        ("llama", {"general.type": "adapter"}, WEIGHTS, "LoRA"),
        ("llama", {"adapter.type": "lora"}, WEIGHTS, "LoRA"),
        ("llama", WORDS, {"blk.0.attn_q.weight.lora_a": ((256, 8), "F16")}, "LoRA"),
        ("controlvector", {"controlvector.model_hint": "llama"}, WEIGHTS, "control vector"),
        ("llama", {"general.type": "imatrix"}, WEIGHTS, "measurements"),
        ("llama", {"imatrix.chunk_count": 4}, WEIGHTS, "measurements"),
        ("llama", WORDS, {}, "only a vocabulary"),
        ("llama", {}, WEIGHTS, "without a vocabulary"),
        ("llama", {"general.type": "MMPROJ"}, WEIGHTS, "sees pictures"),
        ("llama", {}, {"v.blk.0.attn_q.weight": ((256, 8), "F16")}, "sees pictures"),
        ("llama", {}, {"blk.0.attn_q.weight.loraA": ((256, 8), "F16")}, "LoRA"),
        ("llama", {}, {"blk.0.attn_q.weight.in_sum2": ((256, 8), "F16")}, "measurements"),
        ("gemma3", WORDS, {"dense_2.weight": ((256, 8), "F16"), **WEIGHTS}, "for searching"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_does_not_answer_is_no_chat_model(
    tmp_path: Path,
    architecture: str,
    settings: Mapping[str, object],
    tensors: Mapping[str, tuple[tuple[int, ...], str]],
    said: str,
) -> None:
    header = read_header(write_model(tmp_path / "m.gguf", architecture, settings, tensors))
    with pytest.raises(NotAChatModel) as caught:
        check_chat_model(header)
    assert said in caught.value.message
    assert "ownload" not in caught.value.hint


@pytest.mark.parametrize("pooling", [0, 2**32 - 1])
def test_a_model_that_pools_nothing_may_chat(tmp_path: Path, pooling: int) -> None:
    extra = {".pooling_type": (pooling - 2**32 if pooling else 0, gguf.GGUFValueType.INT32)}
    assert problem_of(read_header(write_dense(tmp_path / "m", "llama", Dense(), extra))) is None


def test_the_starter_may_chat(starter_model: Path) -> None:
    assert problem_of(read_header(starter_model)) is None


def test_every_architecture_of_the_installed_llama_cpp_is_known() -> None:
    names = set(gguf.MODEL_ARCH_NAMES.values())
    assert {name for name in names if not is_known_architecture(name)} == set()
    assert {*ENCODERS, *DIFFUSION} <= names
    assert not is_known_architecture("stable-diffusion")


def test_a_family_that_is_not_known_yet_may_be_one_of_a_newer_program(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.gguf", "llama-next", WORDS, WEIGHTS)
    with pytest.raises(ModelUnsupported, match=r"\(llama-next\) is not known to the version"):
        check_chat_model(read_header(path))
    assert isinstance(architecture_problem("llama-next"), ModelUnsupported)
    assert isinstance(architecture_problem("bert"), NotAChatModel)
    assert architecture_problem("qwen3") is None


@pytest.mark.parametrize(
    ("number", "name"), [(31, "Q4_0_4_4"), (36, "I2_S"), (43, "type 43"), (145, "type 145")]
)
def test_weights_stored_in_a_way_llama_cpp_does_not_know_are_not_called_damaged(
    tmp_path: Path, number: int, name: str
) -> None:
    assert number not in TENSOR_TYPES
    path = write_dense(tmp_path / "m.gguf", "llama", Dense(layers=1), {"general.name": "Whole"})
    store_as(path, "blk.0.ffn", number)
    header = codec.loads(codec.dumps(read_header(path)))
    assert header is not None
    assert (header.architecture, header.name) == ("llama", "Whole")
    with pytest.raises(ModelUnsupported, match=f"stored as {name}, which this version"):
        check_chat_model(header)


def test_a_type_that_cannot_be_is_damage(tmp_path: Path) -> None:
    path = write_dense(tmp_path / "m.gguf", "llama", Dense(layers=1))
    store_as(path, "output_norm", 70_000)
    with pytest.raises(ModelFileInvalid, match="impossible way"):
        read_header(path)
