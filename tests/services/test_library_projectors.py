"""Which `mmproj` is paired with which model."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from playground.services.library.app_folders import AppModelFolder
from playground.services.library.service import ModelLibrary
from tests.core.gguf_files import write_model
from tests.services.model_files import SMALL, dense, listed, projector


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder the user has added."""
    path = tmp_path / "models"
    path.mkdir()
    return path


@pytest.fixture
def library(folder: Path, tmp_path: Path) -> ModelLibrary:
    """A library over that folder."""
    return ModelLibrary(lambda: (folder,), tmp_path / "own", apps=lambda: ())


def write(folder: Path, files: Iterable[str]) -> None:
    """Write models and projectors, as their names say."""
    for name in files:
        (projector if "mmproj" in name else dense)(folder / name)


async def pairs(library: ModelLibrary) -> dict[str, str | None]:
    """Return the name of each model's projector."""
    return {
        model.path.name: None if model.projector is None else model.projector.name
        for model in await listed(library)
    }


async def test_a_model_without_a_projector_sees_nothing(
    library: ModelLibrary, folder: Path
) -> None:
    dense(folder / "a.gguf")
    projector(folder / "other" / "mmproj-F16.gguf")
    (model,) = await listed(library)
    assert (model.has_vision, model.projector_bytes) == (False, 0)


async def test_the_quantizations_of_one_model_share_its_projector(
    library: ModelLibrary, folder: Path
) -> None:
    write(folder, ["mmproj-model-f16.gguf", "Sees-4B-it-Q4_K_M.gguf", "Sees-4B-it-Q8_0.gguf"])
    assert await pairs(library) == {
        "Sees-4B-it-Q4_K_M.gguf": "mmproj-model-f16.gguf",
        "Sees-4B-it-Q8_0.gguf": "mmproj-model-f16.gguf",
    }
    model = (await listed(library))[0]
    assert model.projector_bytes == (folder / "mmproj-model-f16.gguf").stat().st_size


async def test_of_several_the_one_of_half_precision_is_taken(
    library: ModelLibrary, folder: Path
) -> None:
    write(folder, ["mmproj-F32.gguf", "mmproj-F16.gguf", "mmproj-BF16.gguf", "m-Q4_0.gguf"])
    assert await pairs(library) == {"m-Q4_0.gguf": "mmproj-F16.gguf"}


async def test_among_many_models_a_projector_goes_to_the_one_it_is_named_after(
    library: ModelLibrary, folder: Path
) -> None:
    write(
        folder,
        [
            "gemma-3-4b-it-Q4_K_M.gguf",
            "mmproj-gemma-3-4b-it-f16.gguf",
            "Qwen2.5-VL-7B-Q8_0.gguf",
            "Qwen2.5-VL-7B-mmproj-f16.gguf",
            "text-only-Q4_0.gguf",
        ],
    )
    assert await pairs(library) == {
        "gemma-3-4b-it-Q4_K_M.gguf": "mmproj-gemma-3-4b-it-f16.gguf",
        "Qwen2.5-VL-7B-Q8_0.gguf": "Qwen2.5-VL-7B-mmproj-f16.gguf",
        "text-only-Q4_0.gguf": None,
    }


async def test_llama_cpps_cache_names_a_projector_after_its_repository(tmp_path: Path) -> None:
    cache = tmp_path / "llama.cpp"
    start = "ggml-org_gemma-3-4b-it-GGUF_"
    write(
        cache, [f"{start}mmproj-model-f16.gguf", f"{start}gemma-3-4b-it-Q4_K_M.gguf", "other.gguf"]
    )
    library = ModelLibrary(
        lambda: (), tmp_path / "own", apps=lambda: (AppModelFolder("llama.cpp", cache),)
    )
    assert await pairs(library) == {
        f"{start}gemma-3-4b-it-Q4_K_M.gguf": f"{start}mmproj-model-f16.gguf",
        "other.gguf": None,
    }


async def test_where_names_do_not_tell_the_headers_do(library: ModelLibrary, folder: Path) -> None:
    dense(folder / "first.gguf", "Sees 4B")
    dense(folder / "second.gguf", "Reads 7B")
    projector(folder / "mmproj-F16.gguf", "Sees 4B")
    assert await pairs(library) == {"first.gguf": "mmproj-F16.gguf", "second.gguf": None}


async def test_a_model_alone_with_a_projector_of_another_name_has_it(
    library: ModelLibrary, folder: Path
) -> None:
    write(folder, ["llava-v1.6.Q4_K.gguf", "mmproj-vicuna7b-f16.gguf"])
    assert await pairs(library) == {"llava-v1.6.Q4_K.gguf": "mmproj-vicuna7b-f16.gguf"}


@pytest.mark.parametrize(
    "names",
    [
        ("Lumimaid-Magnum-v4-12B-Q4_K_M.gguf", "mistral-7b-mmproj-v1.5-Q4_1.gguf"),
        ("thing.gguf", "mmproj-F16.gguf"),
        ("thing-4B-Q8_0.gguf", "mmproj-thing.gguf"),
    ],
)
async def test_a_projector_that_makes_another_width_is_not_paired(
    library: ModelLibrary, folder: Path, names: tuple[str, str]
) -> None:
    dense(folder / names[0])
    projector(folder / names[1], width=4_096)
    assert await pairs(library) == {names[0]: None}
    # deleting the model leaves it alone
    (model,) = await listed(library)
    assert (await library.deletion(model)).files == (model.path,)


async def test_the_last_layers_tell_the_width_where_the_settings_tell_another(
    library: ModelLibrary, folder: Path
) -> None:
    dense(folder / "m.gguf")
    settings = {"clip.vision.projection_dim": 768}
    tensors = {"mm.2.weight": ((1_024, SMALL.width), "F16")}
    write_model(folder / "mmproj-F16.gguf", "clip", settings, tensors)
    assert await pairs(library) == {"m.gguf": "mmproj-F16.gguf"}


async def test_quantizations_in_folders_of_their_own_share_their_repositorys_projector(
    tmp_path: Path,
) -> None:
    root = tmp_path / "hub"
    snapshot = root / "models--org--Sees-GGUF" / "snapshots" / "1"
    projector(snapshot / "mmproj-F16.gguf")
    dense(snapshot / "Q8_0" / "sees-Q8_0.gguf")
    dense(root / "models--org--Blind-GGUF" / "snapshots" / "1" / "Q8_0" / "blind-Q8_0.gguf")
    library = ModelLibrary(
        lambda: (), tmp_path / "own", apps=lambda: (AppModelFolder("Hugging Face", root),)
    )
    assert await pairs(library) == {"sees-Q8_0.gguf": "mmproj-F16.gguf", "blind-Q8_0.gguf": None}


async def test_a_single_file_has_the_projector_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "Downloads"
    write(folder, ["sees-Q8_0.gguf", "other.gguf", "mmproj-sees-F16.gguf", "mmproj-notes.txt"])
    chosen = (folder / "sees-Q8_0.gguf", folder / "other.gguf")
    library = ModelLibrary(lambda: chosen, tmp_path / "own", apps=lambda: ())
    assert await pairs(library) == {"sees-Q8_0.gguf": "mmproj-sees-F16.gguf", "other.gguf": None}


async def test_a_projector_that_comes_later_is_paired(library: ModelLibrary, folder: Path) -> None:
    write(folder, ["sees-Q8_0.gguf"])
    assert await pairs(library) == {"sees-Q8_0.gguf": None}
    write(folder, ["mmproj-F16.gguf"])
    assert await pairs(library) == {"sees-Q8_0.gguf": "mmproj-F16.gguf"}
