"""Which layers go to the graphics card, and what stays in main memory."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from playground.core.gguf.header import GgufHeader
from playground.core.requirements import memory
from playground.core.requirements.memory import MemoryNeed
from playground.core.requirements.offload import CARD_MARGIN_BYTES, split_layers
from playground.core.targets import LoadSettings
from tests.core.models_to_judge import EIGHT_BILLION, GIB, MIB, header_of


@pytest.fixture(scope="module")
def header(tmp_path_factory: pytest.TempPathFactory) -> GgufHeader:
    return header_of(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def need(header: GgufHeader) -> MemoryNeed:
    return memory.estimate(header, LoadSettings(context=8_192))


def weights(header: GgufHeader, prefix: str) -> int:
    """Return the bytes of the tensors whose names begin so."""
    return sum(t.size_bytes for t in header.tensors if t.name.startswith(prefix))


def test_a_large_card_takes_every_layer_and_main_memory_keeps_the_embedding(
    header: GgufHeader, need: MemoryNeed
) -> None:
    shared = split_layers(header, need, 24 * GIB)
    assert shared.is_whole
    # 32 layers, and the output counts as one
    assert shared.layers == shared.all_layers == 33
    assert shared.ram_bytes == weights(header, "token_embd.") + need.compute_bytes
    in_layers = need.weights_bytes - weights(header, "token_embd.")
    assert shared.card_bytes == in_layers + need.kv_bytes + need.compute_bytes


def test_a_small_card_takes_none(header: GgufHeader, need: MemoryNeed) -> None:
    shared = split_layers(header, need, CARD_MARGIN_BYTES + 200 * MIB)
    assert (shared.layers, shared.card_bytes) == (0, 0)
    assert shared.ram_bytes == need.needed_bytes


@pytest.mark.parametrize("free_gib", [2, 3, 4, 5])
def test_as_many_layers_go_to_the_card_as_leave_its_margin(
    header: GgufHeader, need: MemoryNeed, free_gib: int
) -> None:
    shared = split_layers(header, need, free_gib * GIB)
    one_more = split_layers(header, need, free_gib * GIB, shared.layers + 1)
    assert shared.card_bytes <= free_gib * GIB - CARD_MARGIN_BYTES < one_more.card_bytes
    assert 0 < shared.layers < shared.all_layers


def test_more_on_the_card_is_less_in_main_memory(header: GgufHeader, need: MemoryNeed) -> None:
    splits = [split_layers(header, need, 0, layers) for layers in range(34)]
    assert [one.layers for one in splits] == list(range(34))
    for fewer, more in pairwise(splits):
        assert more.card_bytes > fewer.card_bytes
        assert more.ram_bytes < fewer.ram_bytes
    # nothing is lost on the way; working space is needed on both sides
    for one in splits[1:]:
        together = one.card_bytes + one.ram_bytes
        assert together == pytest.approx(need.needed_bytes + need.compute_bytes, abs=64)


def test_the_output_is_the_first_layer_to_go_as_in_llama_cpp(
    header: GgufHeader, need: MemoryNeed
) -> None:
    first = split_layers(header, need, 0, 1)
    output = weights(header, "output.") + weights(header, "output_norm.")
    assert first.card_bytes == output + need.compute_bytes


def test_an_embedding_that_is_the_output_as_well_is_on_both_sides(tmp_path: Path) -> None:
    tied = header_of(tmp_path, replace(EIGHT_BILLION, tied=True))
    need = memory.estimate(tied, LoadSettings(context=8_192))
    shared = split_layers(tied, need, 24 * GIB)
    embedding = weights(tied, "token_embd.")
    assert shared.ram_bytes == embedding + need.compute_bytes
    in_all = need.weights_bytes + need.kv_bytes + need.compute_bytes
    assert shared.card_bytes == in_all


def test_a_projector_goes_to_the_card(header: GgufHeader) -> None:
    plain = memory.estimate(header, LoadSettings(context=8_192))
    sees = memory.estimate(header, LoadSettings(context=8_192), projector_bytes=900 * MIB)
    more = (
        split_layers(header, sees, 24 * GIB).card_bytes
        - split_layers(header, plain, 24 * GIB).card_bytes
    )
    assert more == sees.projector_bytes > 900 * MIB


def test_another_quantization_is_shared_out_by_its_own_size(
    header: GgufHeader, need: MemoryNeed
) -> None:
    smaller = replace(need, weights_bytes=need.weights_bytes // 2)
    assert not split_layers(header, need, 4 * GIB).is_whole
    half = split_layers(header, smaller, 5 * GIB)
    assert half.is_whole
    whole = split_layers(header, need, 24 * GIB)
    saved = whole.card_bytes + whole.ram_bytes - half.card_bytes - half.ram_bytes
    assert saved == pytest.approx(need.weights_bytes / 2, abs=64)
