"""Headers of files that lie elsewhere: only pieces are fetched."""

import struct
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from playground.core.errors import ModelFileInvalid
from playground.core.gguf import read_header
from playground.core.gguf_remote import FIRST_FETCH, MAX_FETCHED, read_remote_header
from tests.core.gguf_files import write_model

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
    scores = {"tokenizer.ggml.scores": [0.5] * 1_000_000}
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
    # one setting: a list of four million strings of 20 bytes
    head = b"GGUF" + struct.pack("<IQQ", 3, 0, 40)
    head += struct.pack("<Q1sIIQ", 1, b"k", 9, 8, 3_900_000)
    item = struct.pack("<Q20x", 20)
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
