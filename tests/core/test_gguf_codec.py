"""Headers that were written down: what is read back is what the file says."""

from pathlib import Path

import pytest

from playground.core.gguf import codec as gguf_codec
from playground.core.gguf.reader import read_header


def test_a_header_comes_back_as_it_was(starter_model: Path) -> None:
    header = read_header(starter_model)
    data = gguf_codec.dumps(header)
    assert gguf_codec.loads(data) == header
    assert len(data) < 20_000


@pytest.mark.parametrize("damage", [b"", b"x", b"\x78\x9c" + bytes(40)])
def test_damage_is_no_header(damage: bytes) -> None:
    assert gguf_codec.loads(damage) is None


def test_a_header_cut_off_is_no_header(starter_model: Path) -> None:
    data = gguf_codec.dumps(read_header(starter_model))
    assert gguf_codec.loads(data[: len(data) // 2]) is None
