"""Deleting goes to the system's bin, says what it frees, and asks before it takes from others."""

import asyncio
import os
import subprocess
import sys
from contextlib import aclosing
from pathlib import Path

import pytest

from playground.core.errors import StorageFailed, UsageError
from playground.core.targets import ModelFile
from playground.services.library.app_folders import AppModelFolder
from playground.services.library.service import ModelLibrary
from tests.services.model_files import (
    dense,
    hub,
    listed,
    names,
    ollama,
    parts,
    projector,
    settled,
    until,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into freedesktop.org's bin")


@pytest.fixture(autouse=True)
def bin_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bin of this test's own; return where it keeps files."""
    data = tmp_path / "data"
    data.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(data))
    # it looks for its bin once, when it is imported
    for module in [name for name in sys.modules if name.partition(".")[0] == "send2trash"]:
        monkeypatch.delitem(sys.modules, module)
    return data / "Trash" / "files"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder the user has added."""
    path = tmp_path / "models"
    path.mkdir()
    return path


@pytest.fixture
def library(tmp_path: Path, folder: Path) -> ModelLibrary:
    """A library over that folder, LM Studio's, Ollama's and the Hub's cache."""
    places = (
        AppModelFolder("LM Studio", tmp_path / "lmstudio"),
        AppModelFolder("Hugging Face", tmp_path / "hub"),
        AppModelFolder("Ollama", tmp_path / "ollama"),
    )
    return ModelLibrary(lambda: (folder,), tmp_path / "own", apps=lambda: places)


async def only(library: ModelLibrary) -> ModelFile:
    """Return the one model there is."""
    (model,) = await listed(library)
    return model


def held(folder: Path) -> set[str]:
    """Return the names of what lies in a folder."""
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


async def test_a_file_goes_to_the_bin_and_its_bytes_are_told(
    library: ModelLibrary, folder: Path, bin_files: Path
) -> None:
    path = dense(folder / "m.gguf")
    content = path.read_bytes()
    model = await only(library)
    planned = await library.deletion(model)
    assert (planned.files, planned.frees_bytes) == ((path,), len(content))
    assert (planned.owner, planned.why_not) == (None, None)
    assert path.exists()
    assert await library.delete(model) == planned
    assert not path.exists()
    assert (bin_files / "m.gguf").read_bytes() == content
    assert await listed(library) == []


async def test_a_split_model_goes_with_all_parts(
    library: ModelLibrary, folder: Path, bin_files: Path
) -> None:
    written = parts(folder, 3)
    size = sum(path.stat().st_size for path in written)
    done = await library.delete(await only(library))
    assert done.frees_bytes == size
    assert held(folder) == set()
    assert held(bin_files) == {path.name for path in written}


async def test_a_projector_goes_with_the_last_model_that_needs_it(
    library: ModelLibrary, folder: Path, bin_files: Path
) -> None:
    seeing = projector(folder / "mmproj-F16.gguf").stat().st_size
    size = dense(folder / "m-Q8_0.gguf").stat().st_size
    dense(folder / "m-Q4_0.gguf")
    first, second = await listed(library)
    assert (await library.delete(first)).frees_bytes == size
    assert held(folder) == {"mmproj-F16.gguf", second.path.name}
    assert (await library.delete(second)).frees_bytes == size + seeing
    assert held(folder) == set()


async def test_what_others_need_is_known_before_the_first_look(
    library: ModelLibrary, folder: Path
) -> None:
    projector(folder / "mmproj-F16.gguf")
    dense(folder / "m-Q4_0.gguf")
    path = dense(folder / "m-Q8_0.gguf")
    model = await library.find(str(path))
    assert model.has_vision
    assert (await library.deletion(model)).files == (path,)


async def test_another_programs_file_is_refused_until_it_is_confirmed(
    library: ModelLibrary, tmp_path: Path, bin_files: Path
) -> None:
    path = dense(tmp_path / "lmstudio" / "acme" / "Thing-GGUF" / "thing.gguf")
    model = await only(library)
    assert (await library.deletion(model)).owner == "LM Studio"
    with pytest.raises(UsageError, match="belongs to LM Studio"):
        await library.delete(model)
    assert path.exists()
    assert held(bin_files) == set()
    await library.delete(model, confirmed=True)
    assert not path.exists()
    assert held(bin_files) == {"thing.gguf"}


async def test_another_programs_file_is_refused_in_a_folder_of_the_users_too(
    tmp_path: Path, bin_files: Path
) -> None:
    path = dense(tmp_path / "lmstudio" / "thing.gguf")
    places = (AppModelFolder("LM Studio", tmp_path / "lmstudio"),)
    library = ModelLibrary(lambda: (tmp_path, path), tmp_path / "own", apps=lambda: places)
    model = await only(library)
    with pytest.raises(UsageError, match="belongs to LM Studio"):
        await library.delete(model)
    assert path.exists()


async def test_the_starter_stays_even_when_confirmed(
    library: ModelLibrary, starter_model: Path, bin_files: Path
) -> None:
    starter = await library.find("starter")
    assert (await library.deletion(starter)).why_not is not None
    with pytest.raises(UsageError, match="belongs to the program"):
        await library.delete(starter, confirmed=True)
    assert starter_model.exists()


async def test_from_the_hubs_cache_go_every_snapshots_link_and_the_blob(
    library: ModelLibrary, tmp_path: Path, bin_files: Path
) -> None:
    file = dense(tmp_path / "m.bin")
    links = [hub(tmp_path / "hub", "acme/Thing", "t.gguf", file, r) for r in ("1111", "2222")]
    other = hub(tmp_path / "hub", "acme/Thing", "o.gguf", dense(tmp_path / "o.bin"))
    blob = links[0].resolve()
    model = next(m for m in await listed(library) if m.path.name == "t.gguf")
    with pytest.raises(UsageError, match="belongs to Hugging Face"):
        await library.delete(model)
    done = await library.delete(model, confirmed=True)
    assert done.frees_bytes == file.stat().st_size
    assert not blob.exists()
    assert not any(link.is_symlink() for link in links)
    assert (bin_files / blob.name).read_bytes() == file.read_bytes()
    assert [m.path for m in await listed(library)] == [other]


async def test_from_ollama_go_every_tag_and_the_blobs_no_other_model_needs(
    library: ModelLibrary, tmp_path: Path, bin_files: Path
) -> None:
    root, usual = tmp_path / "ollama", "registry.ollama.ai/library"
    file, seeing = dense(tmp_path / "m.bin"), projector(tmp_path / "p.bin")
    for tag in ("latest", "4b"):
        ollama(root, f"{usual}/sees/{tag}", file, seeing)
    second = ollama(root, f"{usual}/also/1b", dense(tmp_path / "n.bin"), seeing)
    model = next(m for m in await listed(library) if m.name.startswith("sees"))
    with pytest.raises(UsageError, match="belongs to Ollama"):
        await library.delete(model)
    done = await library.delete(model, confirmed=True)
    assert done.frees_bytes >= file.stat().st_size
    assert held(root / "manifests" / usual / "sees") == set()
    assert not model.path.exists()
    (left,) = await listed(library)
    assert (left.path, left.has_vision) == (second, True)


async def test_nothing_is_freed_while_another_name_holds_the_file(
    library: ModelLibrary, folder: Path, tmp_path: Path
) -> None:
    path = dense(folder / "m.gguf")
    os.link(path, tmp_path / "elsewhere.gguf")
    assert (await library.deletion(await only(library))).frees_bytes == 0
    (tmp_path / "elsewhere.gguf").unlink()
    dense(tmp_path / "target.gguf")
    path.unlink()
    path.symlink_to(tmp_path / "target.gguf")
    assert (await library.deletion(await only(library))).frees_bytes == 0
    await library.delete(await only(library))
    assert (tmp_path / "target.gguf").exists()


async def test_a_link_that_leads_nowhere_is_taken_away(library: ModelLibrary, folder: Path) -> None:
    (folder / "lost.gguf").symlink_to(folder / "nowhere.gguf")
    await library.delete(await only(library))
    assert held(folder) == set()


async def test_a_file_that_is_gone_already_is_said_to_be(
    library: ModelLibrary, folder: Path
) -> None:
    path = dense(folder / "m.gguf")
    model = await only(library)
    path.unlink()
    with pytest.raises(UsageError, match="gone already"):
        await library.delete(model)


async def test_a_single_file_that_was_deleted_is_no_longer_listed(tmp_path: Path) -> None:
    path = dense(tmp_path / "single" / "m.gguf")
    library = ModelLibrary(lambda: (path,), tmp_path / "own", apps=lambda: ())
    await library.delete(await only(library))
    assert await listed(library) == []


async def test_a_follower_is_told_of_what_was_deleted(library: ModelLibrary, folder: Path) -> None:
    dense(folder / "m.gguf")
    dense(folder / "n.gguf")
    async with aclosing(library.follow()) as states:
        state = await until(states, lambda state: len(names(state)) == 2)
        await library.delete(next(m for m in state.models if m.path.name == "m.gguf"))
        await until(states, lambda state: names(state) == ["n.gguf"])


def fix(path: Path) -> None:
    """Keep a file where it is."""
    done = subprocess.run(["chattr", "+i", str(path)], check=False, capture_output=True)
    if done.returncode:
        pytest.skip("this file system or user cannot keep a file in its place")


@pytest.mark.parametrize("number", [1, 2])
async def test_what_a_bin_does_not_take_is_told_with_what_it_has_taken(
    library: ModelLibrary, folder: Path, bin_files: Path, number: int
) -> None:
    written = parts(folder, 3)
    model = (await settled(library))[0]
    fix(written[number - 1])
    try:
        with pytest.raises(StorageFailed) as caught:
            await library.delete(model)
    finally:
        await asyncio.to_thread(
            subprocess.run, ["chattr", "-i", str(written[number - 1])], check=True
        )
    assert written[number - 1].name in caught.value.message
    assert held(bin_files) == {path.name for path in written[: number - 1]}
    assert ("Nothing was deleted" in caught.value.hint) == (number == 1)
    assert ("in the bin already, 2 still here" in caught.value.hint) == (number == 2)
    assert held(folder) == {path.name for path in written[number - 1 :]}
    await library.close()
