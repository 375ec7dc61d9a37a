"""What the names of model files and repositories tell."""

from pathlib import Path

import pytest

from playground.core.errors import RepositoryNotFound, UsageError
from playground.core.gguf.naming import (
    choose_version,
    cut_from,
    hub_reference,
    is_imatrix,
    is_projector,
    name_from_file,
    name_from_repository,
    other_version,
    quantization_of,
    shard_of,
)
from playground.core.hub import HubFile, HubPart
from playground.core.targets import ModelFile


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
        ("Model-7B-F16-Q4_K_M.gguf", "Q4_K_M", "Model 7B"),
        ("Model-7B.Q4_K_M-fp16-head.gguf", "Q4_K_M", "Model 7B"),
        ("Model-7B-Q6_K-f16-output.gguf", "Q6_K", "Model 7B"),
        ("Model-7B-Q4_0-Q8_0-out.gguf", "Q4_0", "Model 7B"),
        ("Model-7B-Q4_K_M_dynamic.gguf", "Q4_K_M", "Model 7B Q4 K M dynamic"),
        ("Model-7B.Q4_K_M_00001_of_00002.gguf", "Q4_K_M", "Model 7B.Q4 K M 00001 of 00002"),
        ("Model-7B-IQ4_NL_4_4.gguf", "IQ4_NL_4_4", "Model 7B"),
        ("Model-7B-Q1_0_g128.gguf", "Q1_0_G128", "Model 7B"),
        ("Model-7B-IQ4_KSS.gguf", "IQ4_KSS", "Model 7B"),
        ("Model-7B.i1-IQ2_XXS.gguf", "IQ2_XXS", "Model 7B.i1"),
        ("Model-7B.f16.q6.q8.gguf", None, "Model 7B"),
        ("ggml-model-i2_s.gguf", "I2_S", "ggml model"),
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


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("Model.Q8_0.gguf.part1of2", "Model.Q8_0.gguf"),
        ("Q8_0/Model.Q8_0.gguf-split-a", "Q8_0/Model.Q8_0.gguf"),
        ("Model.GGUF.part-ab", "Model.GGUF"),
        ("Model.gguf.partaa", "Model.gguf"),
        ("Model.gguf.001", "Model.gguf"),
        ("Model.gguf.aa", "Model.gguf"),
        ("Model.gguf.md", None),
        ("Model.gguf", None),
        ("Model-00001-of-00002.gguf", None),
        ("Model.gguf.sha256", None),
        ("Model.part1of2", None),
    ],
)
def test_pieces_cut_byte_by_byte_are_known(name: str, whole: str | None) -> None:
    assert cut_from(name) == whole


def test_measurements_are_known_and_what_was_made_with_them_is_a_model() -> None:
    assert is_imatrix("Model.imatrix.gguf")
    assert not is_imatrix("Model-imatrix-Q4_K_M.gguf")
    assert not is_imatrix("Model-Q4_K_M-imatrix.gguf")
    assert is_imatrix("Q8_0/imatrix_unsloth.gguf")
    assert not is_imatrix("imatrix-Q4_K_M.gguf")


@pytest.mark.parametrize(
    ("text", "repo", "revision", "version"),
    [
        ("owner/name", "owner/name", None, None),
        ("owner/name:Q4_K_M", "owner/name", None, "Q4_K_M"),
        ("owner/name:latest", "owner/name", None, None),
        ("owner/name@v1.2", "owner/name", "v1.2", None),
        ("hf.co/owner/name:q4_k_m", "owner/name", None, "q4_k_m"),
        (" <https://huggingface.co/owner/name/> ", "owner/name", None, None),
        ("https://huggingface.co/owner/name/tree/main", "owner/name", None, None),
        ("https://huggingface.co/owner/name/tree/v2/Q8_0", "owner/name", "v2", "Q8_0"),
        (
            "https://huggingface.co/owner/name/resolve/refs%2Fpr%2F1/a%20b.gguf?download=true",
            "owner/name",
            "refs/pr/1",
            "a b.gguf",
        ),
        ("https://huggingface.co/owner/name?show_file_info=m.gguf", "owner/name", None, "m.gguf"),
        ("https://huggingface.co/owner/name/discussions/3", "owner/name", None, None),
        ("hf://owner/name/m-Q8_0.gguf", "owner/name", None, "m-Q8_0.gguf"),
        ("http://127.0.0.1:80/owner/name/blob/main/m.gguf", "owner/name", None, "m.gguf"),
        ("ollama run hf.co/owner/name:Q8_0", "owner/name", None, "Q8_0"),
        ("llama-server -hf owner/name:Q8_0", "owner/name", None, "Q8_0"),
        ("llama-server -hf owner/name", "owner/name", None, None),
        ("llama-server -hf=owner/name:Q8_0", "owner/name", None, "Q8_0"),
        ("llama-cli --hf-repo owner/name --hf-file m.gguf -p hi", "owner/name", None, "m.gguf"),
        ("hf download owner/name m.gguf --local-dir .", "owner/name", None, "m.gguf"),
        ('hf download owner/name --include "*Q8_0*"', "owner/name", None, "Q8_0"),
        ("lms get owner/name", "owner/name", None, None),
        ("owner/name Q4_K_M", "owner/name", None, "Q4_K_M"),
        ('repo_id="owner/name",', "owner/name", None, None),
        ("[name](https://huggingface.co/owner/name).", "owner/name", None, None),
        ("“https://huggingface.co/owner/name”,", "owner/name", None, None),
        ("\ufeffowner/name\u200b", "owner/name", None, None),
    ],
)
def test_a_repository_is_understood_however_it_is_written(
    text: str, repo: str, revision: str | None, version: str | None
) -> None:
    found = hub_reference(text, ["127.0.0.1:80"])
    assert found is not None
    assert (found.repo, found.revision, found.version) == (repo, revision, version)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "qwen 3 8b",
        "chat and/or code",
        "and/or code",
        "https://github.com/owner/name",
        "https://huggingface.co/datasets/owner/name",
        "https://huggingface.co/owner",
        "../owner/name",
        "/home/me/model.gguf",
    ],
)
def test_what_names_no_repository_is_none(text: str) -> None:
    assert hub_reference(text) is None


FILES = tuple(
    HubFile((HubPart(path, 1),), quantization_of(path))
    for path in (
        "m-Q4_K_M.gguf",
        "m-UD-Q4_K_XL.gguf",
        "m-F16.gguf",
        "Q8_0/m-Q8_0.gguf",
        "m-Q5_K_M.gguf",
        "v2/m-Q5_K_M.gguf",
    )
)


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        ("m-Q4_K_M.gguf", "m-Q4_K_M.gguf"),
        ("M-q4_k_m", "m-Q4_K_M.gguf"),
        ("q4_k_m", "m-Q4_K_M.gguf"),
        ("Q4_K_XL", "m-UD-Q4_K_XL.gguf"),
        ("ud-q4_k_xl", "m-UD-Q4_K_XL.gguf"),
        ("UD-Q4_K_M", "m-Q4_K_M.gguf"),
        ("FP16", "m-F16.gguf"),
        ("q8_0", "Q8_0/m-Q8_0.gguf"),
        ("m-q8_0.gguf", "Q8_0/m-Q8_0.gguf"),
        ("v2", "v2/m-Q5_K_M.gguf"),
        ("v2/m-Q5_K_M.gguf", "v2/m-Q5_K_M.gguf"),
    ],
)
def test_a_version_is_understood_however_it_is_written(wanted: str, path: str) -> None:
    assert choose_version(FILES, wanted, "owner/name").path == path


def test_a_version_that_is_several_or_none_says_what_there_is() -> None:
    with pytest.raises(UsageError, match="v2/m-Q5_K_M"):
        choose_version(FILES, "Q5_K_M", "owner/name")
    with pytest.raises(RepositoryNotFound) as caught:
        choose_version(FILES, "Q2_K", "owner/name")
    assert "m-Q4_K_M.gguf" in caught.value.hint


def version(quantization: str, size: int, name: str = "Model 7B", **changes: object) -> ModelFile:
    path = Path(f"/m/{name}-{quantization}.gguf")
    known: dict[str, object] = {"architecture": "llama", "parameters": 7}
    return ModelFile(path, name, size, "m", quantization=quantization, **known | changes)  # type: ignore[arg-type]


def test_the_next_larger_version_of_the_same_model_is_what_one_is_held_against() -> None:
    small, middle, large = version("Q4_K_M", 4), version("Q6_K", 6), version("Q8_0", 8)
    strangers = [
        version("Q5_K_M", 5, "Model 8B"),
        version("Q5_K_M", 5, parameters=8),
        version("Q5_K_M", 5, problem="it is damaged"),
        version("Q5_K_M", 5, is_present=False),
    ]
    here = [*strangers, small, large, middle]
    assert other_version(small, here) == middle
    assert other_version(middle, here) == large
    assert other_version(large, here) == middle
    assert other_version(small, [small, *strangers]) is None
