"""Damaged and hostile GGUF files: a header or a reason, nothing else."""

import os
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from playground.core.errors import ModelFileInvalid
from playground.core.gguf.header import GgufHeader
from playground.core.gguf.reader import read_header
from playground.core.requirements import memory
from playground.core.targets import LoadSettings
from tests.core.gguf_files import Dense, damaged_copies, single_field_edits, slim_copy, write_dense


def outcome(path: Path) -> GgufHeader | str:
    """Return the header and reckon with it, or the reason why there is none."""
    try:
        header = read_header(path)
    except ModelFileInvalid as error:
        return reason(error)
    # what survives reading must survive everything that is derived from it
    assert header.weights_bytes <= header.file_size
    assert header.parameters >= 0
    assert memory.estimate(header, LoadSettings()).total_bytes >= header.weights_bytes
    assert memory.default_context(header, LoadSettings(), 1 << 33) % 256 == 0
    return header


def reason(error: ModelFileInvalid) -> str:
    """Return the sentence, which must be one that can be shown."""
    assert error.message.isprintable()
    assert len(error.message) < 200
    assert error.hint
    return error.message


def test_200_damaged_copies_of_a_real_model_are_read_or_refused(
    starter_model: Path, tmp_path: Path
) -> None:
    outcomes = [outcome(path) for _, path in damaged_copies(starter_model, tmp_path, 200)]
    assert len(outcomes) == 200
    refused = [reason for reason in outcomes if isinstance(reason, str)]
    assert 100 < len(refused) < 200
    assert list(tmp_path.iterdir()) == []


LAYERS = "value of llama.block_count = 58020000"
COUNT = f"tensor count = {'ff' * 8}"


def test_single_field_edits_of_a_real_header_are_read_or_refused(
    starter_model: Path, tmp_path: Path
) -> None:
    # the same fields as the real header; its vocabulary is cut short, and of its layers, which
    # are alike, there are two: `tests.bench.damaged_models` reads them all
    slim = slim_copy(starter_model, tmp_path / "slim.gguf", layers=2)
    assert not is_refused(slim)
    tried, read = set(), set()
    for what, path in single_field_edits(slim, tmp_path):
        tried.add(what)
        if not is_refused(path):
            read.add(what)
    assert len(tried) > 2_500
    assert len(read) > 150
    assert {LAYERS, COUNT} <= tried
    assert any(what.startswith("magic") for what in tried)
    assert LAYERS in read
    assert not any(what.startswith("magic") for what in read)
    assert COUNT not in read


def is_refused(path: Path) -> bool:
    """Return True where the file has a reason instead of a header."""
    return isinstance(outcome(path), str)


def test_edits_leave_the_file_as_it_was(starter_model: Path, tmp_path: Path) -> None:
    slim = slim_copy(starter_model, tmp_path / "slim.gguf")
    edits = single_field_edits(slim, tmp_path, tensors=2)
    names = {path.name for _, path in edits}
    assert len(names) > 500
    assert not is_refused(slim)


@pytest.fixture(scope="module")
def small_header(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("fuzz") / "small.gguf"
    write_dense(path, "gemma3", Dense(layers=1), {".attention.sliding_window": 512})
    return path.read_bytes()[:4_000]


SHARED_FOLDER = settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@SHARED_FOLDER
@given(
    changes=st.lists(
        st.tuples(st.integers(0, 3_999), st.binary(min_size=1, max_size=12)), max_size=6
    ),
    length=st.integers(0, 3 << 20),
)
def test_any_change_to_a_header_is_read_or_refused(
    small_header: bytes, tmp_path: Path, changes: list[tuple[int, bytes]], length: int
) -> None:
    data = bytearray(small_header)
    for offset, replacement in changes:
        data[offset : offset + len(replacement)] = replacement
    path = tmp_path / "m.gguf"
    path.write_bytes(data)
    os.truncate(path, length)
    outcome(path)


@SHARED_FOLDER
@given(
    counts=st.tuples(st.integers(0, 4), st.integers(0, 6)),
    order=st.sampled_from("<>"),
    body=st.lists(
        st.one_of(
            st.integers(0, 2**64 - 1).map(lambda n: struct.pack("<Q", n)),
            st.integers(0, 13).map(lambda n: struct.pack("<I", n)),
            st.text(max_size=12).map(lambda t: struct.pack("<Q", len(t.encode())) + t.encode()),
            st.binary(max_size=24),
        ),
        max_size=24,
    ),
)
def test_made_up_headers_are_read_or_refused(
    tmp_path: Path, counts: tuple[int, int], order: str, body: list[bytes]
) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"GGUF" + struct.pack(f"{order}IQQ", 3, *counts) + b"".join(body))
    outcome(path)
