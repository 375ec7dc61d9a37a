"""Ollama's models: manifests that lead to files named by their checksum."""

from pathlib import Path

import pytest

from playground.core.targets import ModelFile
from playground.services.library.app_folders import AppModelFolder
from playground.services.library.service import ModelLibrary
from tests.services.model_files import dense, listed, ollama, projector

USUAL = "registry.ollama.ai/library"
MODEL = "application/vnd.ollama.image.model"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Ollama's folder."""
    return tmp_path / "ollama"


@pytest.fixture
def library(root: Path, tmp_path: Path) -> ModelLibrary:
    """A library that knows of nothing but Ollama."""
    return ModelLibrary(
        lambda: (), tmp_path / "own", apps=lambda: (AppModelFolder("Ollama", root),)
    )


@pytest.mark.parametrize(
    ("tag", "name", "publisher"),
    [
        (f"{USUAL}/llama3.2/1b", "llama3.2:1b", None),
        ("registry.ollama.ai/someone/model/latest", "someone/model:latest", "someone"),
        ("hf.co/acme/Thing-GGUF/Q4_K_M", "hf.co/acme/Thing-GGUF:Q4_K_M", "acme"),
    ],
)
async def test_a_model_is_called_as_ollama_calls_it(
    library: ModelLibrary, root: Path, tmp_path: Path, tag: str, name: str, publisher: str | None
) -> None:
    blob = ollama(root, tag, dense(tmp_path / "m.gguf", "Name of a training run"))
    (model,) = await listed(library)
    assert (model.path, model.name, model.publisher) == (blob, name, publisher)
    assert (model.source, model.owner, model.problem) == ("Ollama", "Ollama", None)
    assert model.architecture == "llama"


async def test_the_projector_of_the_manifest_lets_the_model_see(
    library: ModelLibrary, root: Path, tmp_path: Path
) -> None:
    sees, blind = dense(tmp_path / "sees.gguf"), dense(tmp_path / "blind.gguf")
    ollama(root, f"{USUAL}/sees/latest", sees, projector(tmp_path / "p.gguf"))
    ollama(root, f"{USUAL}/blind/latest", blind)
    found = {model.name: model for model in await listed(library)}
    assert found["sees:latest"].has_vision
    assert found["sees:latest"].projector_bytes == (tmp_path / "p.gguf").stat().st_size
    assert not found["blind:latest"].has_vision


async def test_two_tags_of_one_file_are_one_model(
    library: ModelLibrary, root: Path, tmp_path: Path
) -> None:
    file = dense(tmp_path / "m.gguf")
    ollama(root, f"{USUAL}/m/latest", file)
    ollama(root, f"{USUAL}/m/1b", file)
    assert [model.name for model in await listed(library)] == ["m:1b"]


@pytest.mark.parametrize(
    "damaged",
    [
        "",
        "not JSON",
        "[]",
        "{}",
        '{"layers": 7}',
        '{"layers": [7]}',
        '{"layers": [{"mediaType": [], "digest": "sha256:00"}]}',
        '{"layers": [{"mediaType": "' + MODEL + '"}]}',
        '{"layers": [{"mediaType": "' + MODEL + '", "digest": "sha256:../x"}]}',
        '{"layers": [{"mediaType": "' + MODEL + '", "digest": "sha256:' + "0" * 64 + '"}]}',
        "[" * 100_000,
        "\ud800",
    ],
)
async def test_a_manifest_that_makes_no_sense_is_passed_over(
    library: ModelLibrary, root: Path, tmp_path: Path, damaged: str
) -> None:
    ollama(root, f"{USUAL}/good/1b", dense(tmp_path / "m.gguf"))
    manifest = root / "manifests" / USUAL / "bad" / "1b"
    manifest.parent.mkdir(parents=True)
    manifest.write_bytes(damaged.encode("utf-8", "surrogatepass"))
    assert [model.name for model in await listed(library)] == ["good:1b"]


async def test_a_manifest_that_is_put_right_is_noticed(
    library: ModelLibrary, root: Path, tmp_path: Path
) -> None:
    ollama(root, f"{USUAL}/m/1b", dense(tmp_path / "m.gguf"))
    manifest = root / "manifests" / USUAL / "m" / "1b"
    right = manifest.read_text()
    manifest.write_text(right[:40])
    assert await listed(library) == []
    manifest.write_text(right)
    assert [model.name for model in await listed(library)] == ["m:1b"]


async def test_a_model_is_known_by_its_file_before_the_first_look(
    library: ModelLibrary, root: Path, tmp_path: Path
) -> None:
    blob = ollama(root, f"{USUAL}/m/1b", dense(tmp_path / "m.gguf"))
    model: ModelFile = await library.find(str(blob))
    assert (model.name, model.owner) == ("m:1b", "Ollama")


async def test_no_name_of_a_folder_steers_the_screen(
    library: ModelLibrary, root: Path, tmp_path: Path
) -> None:
    ollama(root, "registry.ollama.ai/ev\x1b[31mil/m\u202e/1b", dense(tmp_path / "m.gguf"))
    (model,) = await listed(library)
    assert model.name.isprintable()
    assert model.publisher is not None
    assert model.publisher.isprintable()
