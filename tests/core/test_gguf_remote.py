"""Headers of files that lie elsewhere: only pieces are fetched."""

import struct
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from playground.core.errors import ModelFileInvalid
from playground.core.gguf.reader import read_header
from playground.core.gguf.remote import FIRST_FETCH, MAX_FETCHED, read_remote_header
from tests.core.gguf_files import Dense, write_dense, write_model

Fetch = Callable[[int, int], Awaitable[bytes]]


def from_file(path: Path, asked: list[tuple[int, int]]) -> Fetch:
    async def fetch(offset: int, length: int) -> bytes:
        asked.append((offset, length))
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(length)

    return fetch


async def test_a_remote_header_says_what_the_file_on_disk_says(starter_model: Path) -> None:
    asked: list[tuple[int, int]] = []
    header = await read_remote_header(from_file(starter_model, asked), starter_model.stat().st_size)
    assert header == read_header(starter_model)
    assert asked[0] == (0, FIRST_FETCH)
    assert sum(length for _, length in asked) < starter_model.stat().st_size / 20


async def test_a_small_header_takes_one_piece_of_64_kib(tmp_path: Path) -> None:
    path = write_model(
        tmp_path / "m.gguf", "llama", {}, {"token_embd.weight": ((4096, 32_000), "Q4_K")}
    )
    asked: list[tuple[int, int]] = []
    header = await read_remote_header(from_file(path, asked), path.stat().st_size)
    assert header == read_header(path)
    assert asked == [(0, FIRST_FETCH)]


async def test_numbers_of_a_vocabulary_are_passed_over_not_fetched(tmp_path: Path) -> None:
    scores = {"tokenizer.ggml.scores": [0.5] * 250_000}
    path = write_model(tmp_path / "m.gguf", "llama", scores, {"output.weight": ((32, 8), "F32")})
    asked: list[tuple[int, int]] = []
    header = await read_remote_header(from_file(path, asked), path.stat().st_size)
    assert header == read_header(path)
    assert sum(length for _, length in asked) < 400_000


async def test_what_is_no_model_gets_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "page.gguf"
    path.write_bytes(b"<!DOCTYPE html>" + b" " * 100)
    with pytest.raises(ModelFileInvalid, match="web page"):
        await read_remote_header(from_file(path, []), path.stat().st_size)


async def test_a_server_that_stops_sending_gets_a_reason(starter_model: Path) -> None:
    async def fetch(offset: int, length: int) -> bytes:
        return starter_model.read_bytes()[:length] if offset == 0 else b""

    with pytest.raises(ModelFileInvalid, match="shorter"):
        await read_remote_header(fetch, starter_model.stat().st_size)


async def test_a_header_without_end_is_given_up() -> None:
    # one setting: a list of four million strings of 200 bytes
    head = b"GGUF" + struct.pack("<IQQ", 3, 0, 40)
    head += struct.pack("<Q1sIIQ", 1, b"k", 9, 8, 3_900_000)
    item = struct.pack("<Q200x", 200)
    fetched = 0

    async def fetch(offset: int, length: int) -> bytes:
        nonlocal fetched
        fetched += length
        endless = head + item * 3 if offset == 0 else b""
        start = offset + len(endless)
        turn = (start - len(head)) % len(item)
        repeated = item[turn:] + item * (length // len(item) + 1)
        return (endless + repeated)[:length]

    with pytest.raises(ModelFileInvalid, match="longer than that of any model"):
        await read_remote_header(fetch, 1 << 40)
    assert fetched <= MAX_FETCHED


def version(path: Path, kind: str, file_type: int, **more: object) -> Path:
    """Write one version of a model with a large vocabulary, as `llama-quantize` does."""
    settings: dict[str, object] = {
        "general.name": f"Thing {kind}",
        "tokenizer.ggml.tokens": [f"token{number}" for number in range(60_000)],
        "general.file_type": file_type,
        "tokenizer.chat_template": "{{ messages }}",
        **more,
    }
    return write_dense(path, "llama", Dense(layers=3, kind=kind), settings)


async def test_another_version_of_a_model_takes_two_small_pieces(tmp_path: Path) -> None:
    sibling = read_header(version(tmp_path / "first.gguf", "Q4_K", 15))
    path = version(tmp_path / "second.gguf", "Q8_0", 7, **{"quantize.imatrix.file": "i" * 300})
    asked: list[tuple[int, int]] = []
    header = await read_remote_header(from_file(path, asked), path.stat().st_size, sibling)
    truth = read_header(path)
    assert (header.tensors, header.data_offset) == (truth.tensors, truth.data_offset)
    assert (header.name, header.quantization) == ("Thing Q8_0", "Q8_0")
    assert header.metadata["tokenizer.ggml.tokens"] == truth.metadata["tokenizer.ggml.tokens"]
    assert sum(length for _, length in asked) < 140 << 10 < truth.data_offset


async def test_a_model_that_is_only_nearly_alike_is_read_whole(tmp_path: Path) -> None:
    sibling = read_header(version(tmp_path / "first.gguf", "Q4_K", 15))
    longer = {"tokenizer.ggml.scores": [0.5] * 60_000}
    path = version(tmp_path / "second.gguf", "Q8_0", 7, **longer)
    header = await read_remote_header(from_file(path, []), path.stat().st_size, sibling)
    assert header == read_header(path)


async def test_a_table_that_does_not_end_with_the_file_is_not_believed(tmp_path: Path) -> None:
    sibling = read_header(version(tmp_path / "first.gguf", "Q4_K", 15))
    path = version(tmp_path / "second.gguf", "Q4_K", 15)
    with path.open("ab") as file:
        file.write(b"more" * 4_000)
    asked: list[tuple[int, int]] = []
    header = await read_remote_header(from_file(path, asked), path.stat().st_size, sibling)
    assert header == read_header(path)
    assert sum(length for _, length in asked) > sibling.data_offset
