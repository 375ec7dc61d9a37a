"""Expected speeds: from memory bandwidth first, then from what has run here."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

from playground.core.gguf.header import GgufHeader
from playground.core.gguf.quantization import estimated_bytes
from playground.core.gguf.reader import read_header
from playground.core.requirements.model import Speed
from playground.core.requirements.speed import (
    Observation,
    TokenCost,
    middle,
    predict,
    predict_on_card,
    token_cost,
    token_cost_of_size,
)
from playground.core.runs import Provenance
from tests.core.gguf_files import Dense, Shape, write_dense, write_model

GB = 1_000_000_000
BANDWIDTH = 20e9


def weights(quantization: str | None, size_bytes: int = GB) -> TokenCost:
    """Return what a model of one kind of tensors reads."""
    return replace(token_cost_of_size(quantization or "F16", size_bytes), quantization=quantization)


def ran(quantization: str | None, tokens_per_s: float, size_bytes: int = GB) -> Observation:
    """Return a model that has run here."""
    return Observation(weights(quantization, size_bytes), tokens_per_s)


def ends(speed: Speed | None) -> tuple[float, float]:
    """Return the ends of a range."""
    assert speed is not None
    return speed.low_tokens_per_s, speed.high_tokens_per_s


def header(folder: Path, tensors: Mapping[str, tuple[Shape, str]], **figures: int) -> GgufHeader:
    """Return a header with these tensors, and settings below its architecture."""
    settings = {f".{key}": value for key, value in figures.items()}
    return read_header(write_model(folder / "m.gguf", "llama", settings, tensors))


def test_before_anything_has_run_a_range_comes_from_the_bandwidth() -> None:
    low, high = ends(predict(weights("F16"), BANDWIDTH))
    assert 0 < low < high
    # a gigabyte cannot be read more often than 20 times a second: not far above that
    assert low < 20 < high < 30
    doubled = ends(predict(weights("F16", 2 * GB), BANDWIDTH))
    assert doubled[0] == pytest.approx(low / 2, rel=0.05)


def test_without_a_bandwidth_and_without_runs_nothing_is_said() -> None:
    assert predict(weights("F16"), None) is None
    assert predict_on_card(weights("F16"), None) is None
    assert predict(weights("F16", 0), BANDWIDTH) is None


def test_what_has_run_makes_up_for_a_bandwidth_that_is_unknown() -> None:
    low, high = ends(predict(weights("F16", 2 * GB), None, [ran("F16", 10.0)]))
    assert low < 5.0 < high


def test_a_range_until_two_quantizations_have_run_then_one_figure() -> None:
    one = [ran("F16", 10.0), ran("F16", 5.0, 2 * GB)]
    low, high = ends(predict(weights("Q4_0"), BANDWIDTH, one))
    assert low < high
    two = [*one, ran("Q8_0", 12.0)]
    low, high = ends(predict(weights("Q4_0"), BANDWIDTH, two))
    assert low == high
    speed = predict(weights("Q4_0"), BANDWIDTH, two)
    assert speed is not None
    assert speed.provenance is Provenance.ESTIMATED


def test_a_run_without_a_quantizations_name_is_not_a_second_one() -> None:
    low, high = ends(predict(weights("Q4_0"), BANDWIDTH, [ran("F16", 10.0), ran(None, 9.0)]))
    assert low < high


def test_runs_that_make_no_sense_are_passed_over() -> None:
    nothing = [ran("F16", 0.0), ran("Q8_0", -1.0), Observation(weights("F16", 0), 10.0)]
    assert predict(weights("F16"), BANDWIDTH, nothing) == predict(weights("F16"), BANDWIDTH)


def test_what_ran_with_the_same_quantization_counts_most_the_nearer_it_is_in_size() -> None:
    others = [ran("F16", 10.0), ran("Q8_0", 9.0)]
    without = middle_of(weights("Q4_0"), others)
    real = without / 2
    for size, least, most in ((GB, 0.99, 1.01), (GB // 2, 1.0, 1.35), (GB // 16, 1.35, 1.9)):
        seen = [*others, ran("Q4_0", real * GB / size, size)]
        assert least < middle_of(weights("Q4_0"), seen) / real < most
    assert middle_of(weights("F16"), others) == pytest.approx(10.0, rel=0.01)


def test_a_slower_computer_than_reckoned_is_learnt() -> None:
    usual = middle_of(weights("Q4_0"), [])
    seen = [
        ran("F16", middle_of(weights("F16"), []) / 3),
        ran("Q8_0", middle_of(weights("Q8_0"), []) / 3),
    ]
    assert middle_of(weights("Q4_0"), seen) == pytest.approx(usual / 3, rel=0.1)


def test_more_to_read_is_slower_whatever_has_run() -> None:
    histories: list[list[Observation]] = [
        [],
        [ran("F16", 10.0)],
        [ran("F16", 10.0), ran("Q8_0", 17.0)],
        [ran("F16", 10.0), ran("Q4_0", 30.0, GB // 3), ran("Q4_0", 9.0)],
    ]
    for seen in histories:
        sizes = [GB // 4, GB // 2, GB, 3 * GB]
        speeds = [middle_of(weights("Q4_0", size), seen) for size in sizes]
        assert speeds == sorted(speeds, reverse=True)
        assert speeds[-1] > 0


def middle_of(read: TokenCost, seen: list[Observation]) -> float:
    """Return the figure in the middle."""
    expected = predict(read, BANDWIDTH, seen)
    assert expected is not None
    return middle(expected)


@pytest.mark.parametrize(
    ("slower", "faster"),
    [("Q2_K", "Q8_0"), ("Q4_K_M", "F16"), ("Q5_0", "Q8_0"), ("IQ2_XXS", "Q2_K")],
)
def test_quantizations_differ_in_the_bandwidth_they_reach(slower: str, faster: str) -> None:
    assert middle_of(weights(slower), []) < middle_of(weights(faster), [])


def test_fewer_bits_are_faster_all_the_same() -> None:
    parameters = 7_000_000_000
    names = ("F16", "Q8_0", "Q6_K", "Q4_K_M", "Q4_0", "Q2_K")
    sizes = [estimated_bytes(parameters, name) or 0 for name in names]
    speeds = [middle_of(weights(name, size), []) for name, size in zip(names, sizes, strict=True)]
    assert speeds == sorted(speeds)


def test_a_quantization_nobody_knows_is_reckoned_with() -> None:
    for name in ("Q9_Z", "model", ""):
        assert 5 < middle_of(token_cost_of_size(name, GB), []) < 20
    assert token_cost_of_size("UD-Q4_K_XL", GB).work == token_cost_of_size("Q4_K_M", GB).work


@pytest.mark.parametrize(
    ("ps_per_byte", "ps_per_number", "share"),
    [(50, 10, 1.0), (50, 25, 1.0), (50, 50, 1.0), (5, 3.5, 1.0), (50, 100, 0.99), (20, 60, 0.95)],
)
def test_a_machine_whose_processor_is_slow_or_fast_for_its_memory_is_learnt(
    ps_per_byte: float, ps_per_number: float, share: float
) -> None:
    def real(read: TokenCost) -> float:
        return 1e12 / (read.total_bytes * ps_per_byte + read.work * ps_per_number)

    kinds = ("F16", "Q8_0", "Q6_K", "Q4_K_M", "Q4_0", "Q3_K_M", "Q2_K", "IQ4_XS")
    readings = [
        replace(token_cost_of_size(kind, estimated_bytes(size, kind) or 0), layers=0)
        for kind in kinds
        for size in (GB // 4, GB, 4 * GB)
    ]
    ratios = [
        middle_of(unseen, [Observation(one, real(one)), Observation(other, real(other))])
        / real(unseen)
        for unseen in readings
        for one, other in combinations(readings, 2)
        if unseen not in {one, other} and one.quantization != other.quantization
    ]
    assert sum(0.65 <= ratio <= 1.35 for ratio in ratios) >= share * len(ratios)


def test_many_layers_take_longer_than_few_of_the_same_size() -> None:
    few = replace(weights("Q4_0", GB // 20), layers=6)
    many = replace(few, layers=60)
    assert middle_of(many, []) < 0.8 * middle_of(few, [])


def test_every_weight_is_read_once_and_of_the_embedding_one_row(tmp_path: Path) -> None:
    path = write_dense(tmp_path / "m.gguf", "llama", Dense(tied=False))
    model = read_header(path)
    embedding = next(t for t in model.tensors if t.name == "token_embd.weight").size_bytes
    assert token_cost(model).total_bytes == model.weights_bytes - embedding


def test_an_embedding_that_is_the_output_as_well_is_read(tmp_path: Path) -> None:
    model = read_header(write_dense(tmp_path / "m.gguf", "llama", Dense(tied=True)))
    assert token_cost(model).total_bytes == model.weights_bytes


def test_of_a_mixture_of_experts_those_that_are_asked_are_read(tmp_path: Path) -> None:
    tensors = {
        "output.weight": ((256, 256), "F16"),
        "blk.0.ffn_up_exps.weight": ((256, 64, 8), "Q8_0"),
        "blk.0.ffn_up_shexp.weight": ((256, 64), "Q8_0"),
    }
    model = header(tmp_path, tensors, expert_count=8, expert_used_count=2)
    sizes = {tensor.name: tensor.size_bytes for tensor in model.tensors}
    assert token_cost(model).total_bytes == (
        sizes["output.weight"]
        + sizes["blk.0.ffn_up_exps.weight"] // 4
        + sizes["blk.0.ffn_up_shexp.weight"]
    )
    # a file that does not say how many are asked has all of them asked
    silent = header(tmp_path, tensors)
    assert token_cost(silent).total_bytes == silent.weights_bytes
    absurd = header(tmp_path, tensors, expert_count=8, expert_used_count=9)
    assert token_cost(absurd).total_bytes == absurd.weights_bytes


def test_layers_that_only_predict_ahead_are_not_read(tmp_path: Path) -> None:
    tensors = {
        "output.weight": ((256, 256), "F16"),
        "blk.0.attn_q.weight": ((256, 256), "F16"),
        "blk.1.attn_q.weight": ((256, 256), "F16"),
        "blk.10.attn_q.weight": ((256, 256), "F16"),
    }
    model = header(tmp_path, tensors, block_count=2, nextn_predict_layers=1)
    assert token_cost(model).total_bytes == 3 * 256 * 256 * 2


def test_what_was_said_is_read_as_well(tmp_path: Path) -> None:
    model = read_header(write_dense(tmp_path / "m.gguf", "llama", Dense()))
    assert token_cost(model, 5_000_000).total_bytes == token_cost(model).total_bytes + 5_000_000


def test_numbers_are_worked_off_by_the_effort_of_their_type(tmp_path: Path) -> None:
    tensors = {
        "output.weight": ((256, 256), "Q6_K"),
        "blk.0.attn_q.weight": ((256, 1_024), "Q2_K"),
        "blk.0.attn_norm.weight": ((256,), "F32"),
    }
    read = token_cost(header(tmp_path, tensors, block_count=1))
    assert read.numbers == 256 * 256 + 256 * 1_024 + 256
    assert read.work == 256 * 256 + 0.6 * 256 * 1_024 + 256
    assert read.layers == 1


def test_another_file_of_the_model_is_read_as_its_size_says() -> None:
    whole = weights("F16")
    half = whole.scaled("Q8_0", 0.53)
    assert (half.quantization, half.numbers) == ("Q8_0", whole.numbers)
    assert half.total_bytes == pytest.approx(0.53 * GB)
    assert middle_of(whole, []) < middle_of(half, []) < 2 * middle_of(whole, [])


def test_on_a_card_the_same_holds_with_its_own_bandwidth() -> None:
    low, high = ends(predict_on_card(weights("Q4_0", 5 * GB), 500e9))
    assert 30 < low < high < 140
    # what others measured: https://github.com/ggml-org/llama.cpp/pull/4766
    low, high = ends(predict_on_card(weights("Q4_0", 3_830_000_000), 346e9))
    assert low < 56.8 < high
    one = [ran("Q8_0", 50.0, 8 * GB)]
    learnt = ends(predict_on_card(weights("Q8_0", 8 * GB), None, one))
    assert learnt[0] < 50.0 < learnt[1]
    two = [*one, ran("Q4_0", 80.0, 4 * GB)]
    low, high = ends(predict_on_card(weights("Q6_K", 6 * GB), None, two))
    assert low == high
    assert 50 < low < 80
