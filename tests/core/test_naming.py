"""What the names of model files and repositories tell."""

from pathlib import Path

import pytest

from playground.core.gguf.naming import (
    is_projector,
    name_from_file,
    name_from_repository,
    quantization_of,
    shard_of,
)


@pytest.mark.parametrize(
    ("file", "quantization", "name"),
    [
        ("SmolLM2-135M-Instruct.Q4_1.gguf", "Q4_1", "SmolLM2 135M Instruct"),
        ("Model-7B-Q4_K_M.gguf", "Q4_K_M", "Model 7B"),
        ("Model-7B-q8_0.GGUF", "Q8_0", "Model 7B"),
        ("Model-7B-IQ3_XXS.gguf", "IQ3_XXS", "Model 7B"),
        ("Model-7B-UD-Q2_K_XL.gguf", "UD-Q2_K_XL", "Model 7B"),
        ("Model-7B-NVFP4.gguf", "NVFP4", "Model 7B"),
        ("Model-7B-MXFP4.gguf", "MXFP4", "Model 7B"),
        ("Model-7B-MXFP4_MOE.gguf", "MXFP4_MOE", "Model 7B"),
        ("Model-7B-TQ1_0.gguf", "TQ1_0", "Model 7B"),
        ("Model-7B-BF16.gguf", "BF16", "Model 7B"),
        ("Model-7B-FP16.gguf", "F16", "Model 7B"),
        ("Model-7B-f16.gguf", "F16", "Model 7B"),
        ("Model-7B-FP32.gguf", "F32", "Model 7B"),
        ("Model-7B-F32.gguf", "F32", "Model 7B"),
        ("Model 7B Q5_K_S.gguf", "Q5_K_S", "Model 7B"),
        ("Model-7B-Q4_K_M-00001-of-00003.gguf", "Q4_K_M", "Model 7B"),
        ("Model-7B.gguf", None, "Model 7B"),
        ("Qwen3-4B-Instruct-2507.gguf", None, "Qwen3 4B Instruct 2507"),
        ("Q4_K_M.gguf", "Q4_K_M", "Q4 K M"),
    ],
)
def test_a_files_name_tells_quantization_and_model(
    file: str, quantization: str | None, name: str
) -> None:
    assert quantization_of(file) == quantization
    assert name_from_file(Path(file)) == name


def test_a_files_own_name_counts_before_that_of_its_folder() -> None:
    assert quantization_of("BF16/model-Q8_0.gguf") == "Q8_0"
    assert quantization_of("UD-Q4_K_XL/model-00001-of-00002.gguf") == "UD-Q4_K_XL"


@pytest.mark.parametrize(
    ("repo", "name"),
    [
        ("owner/SmolLM2-135M-Instruct-GGUF", "SmolLM2 135M Instruct"),
        ("owner/Qwen3_4B_gguf", "Qwen3 4B"),
        ("owner/Model-7B-Q4_K_M-GGUF", "Model 7B"),
        ("owner/Model-7B-NVFP4-GGUF", "Model 7B"),
        ("owner/gguf", "gguf"),
        ("owner/-", "owner/-"),
    ],
)
def test_a_repositorys_name_is_that_of_its_model(repo: str, name: str) -> None:
    assert name_from_repository(repo) == name


def test_a_part_of_a_split_model_tells_its_number() -> None:
    shard = shard_of("Q8_0/Model-00002-of-00003.gguf")
    assert shard is not None
    assert (shard.stem, shard.number, shard.count) == ("Q8_0/Model", 2, 3)
    assert shard_of("Model.GGUF") is None
    assert shard_of("Model-00002-of-00003.bin") is None


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("mmproj-F16.gguf", True),
        ("mmproj.gguf", True),
        ("Qwen2.5-VL-7B-mmproj-f16.gguf", True),
        ("Model.MMPROJ-Q8_0.gguf", True),
        ("vision/mmproj-model-f16.gguf", True),
        ("mmprojector-7B.gguf", False),
        ("Model-7B-Q4_K_M.gguf", False),
    ],
)
def test_a_projector_is_known_by_its_name(name: str, is_one: bool) -> None:
    assert is_projector(name) is is_one
