"""The library behind an open window: what takes long is done elsewhere, and once."""

import threading
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from playground.core.gguf import codec as gguf_codec
from playground.core.gguf.header import GgufHeader
from playground.core.gguf.reader import read_header
from playground.services.library.cache import LibraryCache
from playground.services.library.headers import HeaderCache
from playground.services.library.service import ModelLibrary
from tests.services.model_files import dense, listed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder the user has added."""
    path = tmp_path / "models"
    path.mkdir()
    return path


@pytest.fixture
async def library(folder: Path, tmp_path: Path) -> AsyncIterator[ModelLibrary]:
    """A library over that folder."""
    library = ModelLibrary(lambda: (folder,), tmp_path / "own", apps=lambda: ())
    yield library
    await library.close()


async def test_no_header_is_read_in_the_process_of_the_window(
    library: ModelLibrary, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> GgufHeader:
        raise AssertionError(f"{path} was read here")

    for module in ("core.gguf.reader", "services.library.scan_server"):
        monkeypatch.setattr(f"playground.{module}.read_header", refuse)
    paths = [dense(folder / f"m{number}.gguf") for number in range(3)]
    # as the picker of the Compare page does
    assert [model.architecture for model in await listed(library)] == ["llama"] * 3
    other = dense(folder / "other.gguf")
    model, header = await library.inspect(other)
    assert model.path == other
    assert header.tensors
    assert library.header(paths[0]).architecture == "llama"


async def test_a_folder_is_shown_with_the_number_of_its_models(
    library: ModelLibrary, folder: Path
) -> None:
    dense(folder / "m.gguf")
    await library.update()
    async with aclosing(library.follow()) as states:
        state = await anext(states)
    counts = {entry.folder: entry.model_count for entry in state.folders}
    assert counts[folder] == 1


def test_several_who_want_the_same_file_at_once_have_it_read_once(folder: Path) -> None:
    path = dense(folder / "m.gguf")
    reads, both_ask = [], threading.Event()

    def read(path: Path) -> bytes:
        reads.append(path)
        # the others have asked by now, or will find it read
        both_ask.wait(0.2)
        return gguf_codec.dumps(read_header(path))

    headers = HeaderCache(LibraryCache(None), read)
    found: list[GgufHeader] = []
    threads = [threading.Thread(target=lambda: found.append(headers.of(path))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(reads) == 1
