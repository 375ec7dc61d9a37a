"""What quantizations cost, by their usual names."""

import pytest

from playground.core.gguf.quantization import bits_per_weight, estimated_bytes, smaller_versions
from playground.core.gguf.types import FILE_TYPES


@pytest.mark.parametrize(
    ("name", "bits"),
    [
        ("F16", 16.0),
        ("BF16", 16.0),
        ("Q8_0", 8.5),
        ("q4_k_m", 4.89),
        ("IQ4_XS", 4.46),
        ("UD-Q4_K_XL", 4.89),
        ("Q6_K_L", 6.56),
        ("Q8_K_XL", 8.5),
        ("UD-Q8_K_XL", 8.5),
        ("Q3_K_XL", 4.0),
        ("UD-IQ2_M", 2.93),
        ("MXFP4_MOE", 4.25),
    ],
)
def test_bits_are_those_of_the_family(name: str, bits: float) -> None:
    assert bits_per_weight(name) == bits


@pytest.mark.parametrize("name", [None, "", "model", "Q", "GGUF", "INT4"])
def test_a_name_nobody_knows_tells_nothing(name: str | None) -> None:
    assert bits_per_weight(name) is None
    assert estimated_bytes(8_000_000_000, name) is None


def test_every_quantization_a_header_can_name_has_its_bits() -> None:
    assert [name for name in FILE_TYPES.values() if bits_per_weight(name) is None] == []


def test_fewer_bits_are_fewer_bytes() -> None:
    names = ("F16", "Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "Q3_K_M", "Q2_K", "IQ1_S")
    sizes = [estimated_bytes(8_030_000_000, name) or 0 for name in names]
    assert sizes == sorted(sizes, reverse=True)
    # Llama 3.1 8B as Q4_K_M is a file of 4.92 GB
    assert sizes[4] == pytest.approx(4.92e9, rel=0.01)


def test_of_a_model_smaller_versions_are_known_and_none_that_are_as_large() -> None:
    versions = smaller_versions(8_000_000_000, 4_900_000_000)
    assert [name for name, _ in versions] == ["Q3_K_M", "Q2_K"]
    assert versions[0][1] == pytest.approx(4e9, rel=0.01)
    assert smaller_versions(8_000_000_000, 2_000_000_000) == ()
