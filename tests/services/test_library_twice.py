"""One file reached in several ways is one model, and belongs to whom it belongs."""

import os
from pathlib import Path

import pytest

from playground.services.library.app_folders import AppModelFolder
from playground.services.library.service import ModelLibrary
from tests.services.model_files import dense, hub, listed, ollama, parts


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder the user has added."""
    path = tmp_path / "models"
    path.mkdir()
    return path


def over(tmp_path: Path, *chosen: Path) -> ModelLibrary:
    """A library over folders of the user's, LM Studio's, Ollama's and the Hub's cache."""
    places = (
        AppModelFolder("LM Studio", tmp_path / "lmstudio"),
        AppModelFolder("Hugging Face", tmp_path / "hub"),
        AppModelFolder("Ollama", tmp_path / "ollama"),
    )
    return ModelLibrary(lambda: chosen, tmp_path / "own", apps=lambda: places)


async def test_two_snapshots_of_one_blob_are_one_model(tmp_path: Path) -> None:
    file = dense(tmp_path / "m.gguf")
    for revision in ("1111", "2222"):
        hub(tmp_path / "hub", "acme/Thing", "thing.gguf", file, revision)
    (model,) = await listed(over(tmp_path))
    assert (model.owner, model.repository) == ("Hugging Face", "acme/Thing")


async def test_a_blob_of_the_hub_linked_to_from_a_folder_is_one_model(
    tmp_path: Path, folder: Path
) -> None:
    link = hub(tmp_path / "hub", "acme/Thing", "thing.gguf", dense(tmp_path / "m.gguf"))
    (folder / "soft.gguf").symlink_to(link)
    os.link(link.resolve(), folder / "hard.gguf")
    (model,) = await listed(over(tmp_path, folder))
    assert (model.path, model.owner) == (link, "Hugging Face")


async def test_a_file_is_known_by_its_own_name_and_not_by_a_links(
    tmp_path: Path, folder: Path
) -> None:
    real = dense(folder / "z" / "real.gguf")
    (folder / "alias.gguf").symlink_to(real)
    (folder / "a").symlink_to(folder / "z", target_is_directory=True)
    assert [model.path for model in await listed(over(tmp_path, folder))] == [real]


async def test_what_another_program_keeps_below_a_chosen_folder_stays_its_own(
    tmp_path: Path,
) -> None:
    dense(tmp_path / "lmstudio" / "acme" / "Thing-GGUF" / "thing.gguf")
    dense(tmp_path / "mine.gguf")
    library = over(tmp_path, tmp_path)
    found = {model.path.name: model.owner for model in await listed(library)}
    assert found == {"thing.gguf": "LM Studio", "mine.gguf": None}
    state = await library.rescan()
    counts = {folder.name: folder.model_count for folder in state.folders}
    assert counts[str(tmp_path)] == 2
    assert counts["LM Studio"] == 1


@pytest.mark.parametrize("chosen", ["lmstudio", "lmstudio/acme", "lmstudio/acme/m.gguf", "link"])
async def test_a_chosen_place_within_another_programs_does_not_change_the_owner(
    tmp_path: Path, chosen: str
) -> None:
    dense(tmp_path / "lmstudio" / "acme" / "m.gguf")
    (tmp_path / "link").symlink_to(tmp_path / "lmstudio", target_is_directory=True)
    (model,) = await listed(over(tmp_path, tmp_path / chosen))
    assert model.owner == "LM Studio"


async def test_a_blob_of_ollama_that_was_dropped_on_the_window_stays_ollamas(
    tmp_path: Path,
) -> None:
    blob = ollama(tmp_path / "ollama", "r/library/m/1b", dense(tmp_path / "m.gguf"))
    (model,) = await listed(over(tmp_path, blob))
    assert (model.owner, model.name) == ("Ollama", "r/library/m:1b")


async def test_a_whole_model_is_not_hidden_by_some_of_its_parts_elsewhere(
    tmp_path: Path, folder: Path
) -> None:
    written = parts(folder / "whole", 3)
    (folder / "a").mkdir()
    os.link(written[0], folder / "a" / written[0].name)
    found = {m.path.parent.name: m.problem for m in await listed(over(tmp_path, folder))}
    assert found == {"a": "2 of 3 parts missing (numbers 2, 3).", "whole": None}


@pytest.mark.parametrize("name", [".Trash", ".Trash-1000", ".Trashes", "$RECYCLE.BIN", "Trash"])
async def test_what_was_deleted_is_not_listed_from_the_bin(
    tmp_path: Path, folder: Path, name: str
) -> None:
    dense(folder / name / "files" / "gone.gguf")
    (folder / name / "info").mkdir()
    dense(folder / "Trash of others" / "here.gguf")
    found = await listed(over(tmp_path, folder))
    assert [model.path.name for model in found] == ["here.gguf"]


async def test_a_name_that_is_no_text_is_listed_all_the_same(tmp_path: Path, folder: Path) -> None:
    dense(folder / "m.gguf")
    (folder / "m.gguf").rename(folder / os.fsdecode(b"m\xff.gguf"))
    chosen = (folder,)
    for _ in range(2):
        library = ModelLibrary(
            lambda: chosen, tmp_path / "own", cache_file=tmp_path / "cache", apps=lambda: ()
        )
        (model,) = await listed(library)
        assert (model.name, model.problem) == ("m", None)
        await library.close()


@pytest.mark.parametrize("place", ["x" * 300, "a\0b", "~nobody-of-that-name/models", "m.gguf/sub"])
async def test_a_place_that_cannot_even_be_asked_for_does_not_end_the_scan(
    tmp_path: Path, folder: Path, place: str
) -> None:
    path = dense(folder / "m.gguf")
    library = over(tmp_path, folder / place, Path(place), folder)
    assert [model.path for model in await listed(library)] == [path]
    entries = (await library.rescan()).folders
    assert {entry.model_count for entry in entries if entry.is_removable} == {0, 1}
