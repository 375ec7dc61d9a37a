"""Gives the header reader a hundred thousand damaged, truncated and made-up headers.

    python -m tests.bench.gguf_fuzz [--count 100000] [--seed 1]

Two thirds are mutations of real headers: the starter's, and synthetic ones with every kind of
value, as version 2 and 3 and in both byte orders. A third is made up from scratch, with lies in
it. Each must end in a header that can be reckoned with, or in `ModelFileInvalid` with a sentence;
the bench stops at anything else, and where one takes longer than two seconds or, of every
hundredth, more than 64 MB of memory. A seed names the whole run.
"""

import argparse
import random
import struct
import sys
import tempfile
import tracemalloc
from collections import Counter
from pathlib import Path
from time import perf_counter

import gguf

from playground.core.errors import ModelFileInvalid
from playground.core.gguf import codec as gguf_codec
from playground.core.gguf.header import GgufHeader
from playground.core.gguf.parser import parse_beginning, parse_header, parse_tensors
from playground.core.gguf.reader import read_header
from playground.core.requirements import memory
from playground.core.requirements.offload import split_layers
from playground.core.targets import LoadSettings
from tests.conftest import find_starter_model
from tests.core.gguf_families import FAMILIES
from tests.core.gguf_files import header_fields, slim_copy, write_model

LONGEST_S = 2.0
MOST_BYTES = 64 << 20
_EXTREMES = (0, 1, 2, 7, 31, 32, 255, 256, 4_095, 65_536, 1 << 20, 2**31 - 1, 2**31, 2**32 - 1,
             2**40, 2**62, 2**63 - 1, 2**63, 2**64 - 1)  # fmt: skip


class Hole:
    """A file whose beginning is known and whose rest is a hole."""

    def __init__(self, data: bytes, size: int) -> None:
        self._data = data
        self._size = size

    def read_at(self, position: int, needed: int, wanted: int) -> bytes:
        """Return up to `wanted` bytes from `position` on."""
        del needed
        end = min(position + wanted, self._size)
        known = self._data[position:end]
        return known + bytes(max(0, end - position - len(known)))


class Fuzzer:
    """Makes inputs and looks at what becomes of them."""

    def __init__(self, seed: int, folder: Path) -> None:
        self._numbers = random.Random(seed)
        self._bases = bases(folder)
        self.outcomes: Counter[str] = Counter()
        self.slowest_s = 0.0
        self.most_bytes = 0

    def run(self, count: int) -> None:
        """Try `count` inputs."""
        for index in range(count):
            data, size, kind = self._input()
            is_weighed = index % 100 == 0
            if is_weighed:
                tracemalloc.start()
            begun = perf_counter()
            try:
                what = outcome(data, size)
            except BaseException:
                sys.stdout.write(f"input {index} ({kind}, {size} bytes): {data[:4000].hex()}\n")
                raise
            spent = perf_counter() - begun
            if is_weighed:
                self.most_bytes = max(self.most_bytes, tracemalloc.get_traced_memory()[1])
                tracemalloc.stop()
            else:
                self.slowest_s = max(self.slowest_s, spent)
            self.outcomes[f"{kind}: {what}"] += 1
            if spent > LONGEST_S or self.most_bytes > MOST_BYTES:
                raise RuntimeError(f"input {index} took {spent:.1f} s, {self.most_bytes:,} bytes")

    def _input(self) -> tuple[bytes, int, str]:
        if self._numbers.random() < 1 / 3:
            data = self._made_up()
            return data, len(data) + self._numbers.choice((0, 0, 100, 1 << 20, 1 << 40)), "made up"
        header, size, places = self._numbers.choice(self._bases)
        data = bytearray(header)
        for _ in range(self._numbers.choice((1, 1, 1, 2, 3, 8))):
            self._mutate(data, places)
        if self._numbers.random() < 0.15:
            cut = self._numbers.randrange(size)
            return bytes(data[:cut]), cut, "mutated"
        return bytes(data), max(len(data), size + self._numbers.choice((0, 0, -1, 1))), "mutated"

    def _mutate(self, data: bytearray, places: list[tuple[int, int]]) -> None:
        numbers = self._numbers
        if not data:
            return
        at, length = numbers.choice(places)
        if at + length > len(data) or numbers.random() < 0.4:
            at, length = numbers.randrange(len(data)), numbers.choice((1, 4, 8))
        match numbers.randrange(7):
            case 0:
                data[min(at, len(data) - 1)] ^= 1 << numbers.randrange(8)
            case 1:
                data[at : at + length] = numbers.randbytes(length)
            case 2 | 3:
                value = numbers.choice(_EXTREMES) % 256**length
                data[at : at + length] = value.to_bytes(length, numbers.choice(("little", "big")))
            case 4:
                del data[at : at + numbers.choice((1, 4, 8, 200))]
            case 5:
                data[at:at] = data[at : at + numbers.choice((1, 4, 8, 200, 4_000))]
            case 6:
                other = numbers.choice(self._bases)[0]
                start = numbers.randrange(len(other))
                piece = other[start : start + numbers.choice((8, 100, 2_000))]
                data[at : at + len(piece)] = piece

    def _made_up(self) -> bytes:
        numbers = self._numbers
        order, version = numbers.choice("<>"), numbers.choice((2, 3, 3, 3, 1, 4))
        settings, tensors = numbers.choice((0, 1, 3, 10)), numbers.choice((0, 1, 2, 20))
        lie = numbers.choice(_EXTREMES) if numbers.random() < 0.05 else settings
        parts = [b"GGUF", struct.pack(f"{order}IQQ", version, tensors, lie)]
        parts += [self._setting(order, index) for index in range(settings)]
        offset = 0
        for index in range(tensors):
            piece, size = self._tensor(order, index, offset)
            parts.append(piece)
            offset += -(-size // 32) * 32
        data = b"".join(parts)
        return data + bytes(numbers.choice((0, 0, 32, min(offset, 1 << 16))))

    def _setting(self, order: str, index: int) -> bytes:
        numbers = self._numbers
        keys = ("general.architecture", "general.alignment", "llama.block_count", "split.count",
                "llama.attention.head_count_kv", "general.file_type")  # fmt: skip
        key = numbers.choice(keys) if numbers.random() < 0.4 else f"k{index}"
        kind = numbers.randrange(14)
        return text(order, key) + struct.pack(f"{order}I", kind) + self._value(order, kind, 0)

    def _value(self, order: str, kind: int, depth: int) -> bytes:
        numbers = self._numbers
        sizes = (1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8, 3)
        if kind == 8:
            return text(order, "llama" if numbers.random() < 0.5 else "x" * numbers.randrange(40))
        if kind != 9:
            return numbers.randbytes(sizes[kind])
        item = numbers.randrange(14) if depth < 6 else 0
        length = numbers.choice((0, 1, 3, 40, 2_000))
        if depth > 1:
            length = min(length, 3)
        claimed = numbers.choice(_EXTREMES) if numbers.random() < 0.1 else length
        body = b"".join(self._value(order, item, depth + 1) for _ in range(min(length, 200)))
        return struct.pack(f"{order}IQ", item, claimed) + body

    def _tensor(self, order: str, index: int, offset: int) -> tuple[bytes, int]:
        numbers = self._numbers
        shape = [numbers.choice((1, 32, 256, 512)) for _ in range(numbers.choice((0, 1, 2, 2, 3)))]
        if numbers.random() < 0.1:
            shape = [numbers.choice(_EXTREMES) for _ in range(numbers.randrange(6))]
        kind = numbers.choice((0, 1, 2, 8, 12, 14, numbers.randrange(50)))
        names = ("token_embd.weight", "output.weight", f"blk.{index}.attn_q.weight",
                 f"blk.{index}.ffn_up_exps.weight", f"blk.x{index}.y", "n" * 70)  # fmt: skip
        block, size = gguf.GGML_QUANT_SIZES.get(kind, (1, 4))
        elements = 1
        for length in shape:
            elements *= length
        if numbers.random() < 0.03:
            offset = numbers.choice(_EXTREMES)
        where = struct.pack(f"{order}IQ", kind, offset % 2**64)
        dimensions = struct.pack(f"{order}I{len(shape)}Q", len(shape), *shape)
        return text(order, numbers.choice(names)) + dimensions + where, elements // block * size


def outcome(data: bytes, size: int) -> str:
    """Return `read` or `refused`; whatever else happens is raised."""
    source = Hole(data, size)
    _guess(source, size, len(data))
    try:
        header = parse_header(source, size)
    except ModelFileInvalid as error:
        _show(error)
        return "refused"
    _reckon(header)
    return "read"


def _guess(source: Hole, size: int, known: int) -> None:
    """Read it as another version of a model that is known: only its beginning, then its table."""
    try:
        beginning = parse_beginning(source, size)
    except ModelFileInvalid as error:
        _show(error)
        return
    for position in (24, known // 2, known - 200):
        found = parse_tensors(source, size, beginning, max(0, position))
        assert found is None or found.weights_bytes <= size


def _show(error: ModelFileInvalid) -> None:
    assert error.message.isprintable(), error.message
    assert 0 < len(error.message) < 200, error.message
    assert error.hint


def _reckon(header: GgufHeader) -> None:
    """Do with a header what the program does with one."""
    assert 0 <= header.weights_bytes <= header.file_size
    need = memory.estimate(header, LoadSettings())
    assert need.total_bytes >= 0
    assert memory.default_context(header, LoadSettings(), 1 << 33) % 256 == 0
    assert split_layers(header, need, 8 << 30).card_bytes >= 0
    said = (header.name, header.publisher, header.quantization, header.repository, header.licence)
    assert all(isinstance(item, str | None) for item in said)
    again = gguf_codec.loads(gguf_codec.dumps(header))
    assert again is not None
    assert again.tensors == header.tensors


def text(order: str, words: str) -> bytes:
    """Return a string as GGUF writes it."""
    return struct.pack(f"{order}Q", len(words)) + words.encode()


def bases(folder: Path) -> list[tuple[bytes, int, list[tuple[int, int]]]]:
    """Return whole headers, their files' sizes, and where numbers stand in them."""
    starter = find_starter_model()
    assert starter is not None, "install the extra `starter`"
    slim = slim_copy(starter, folder / "slim.gguf")
    hybrid = slim_copy(FAMILIES["granitehybrid"](folder / "hybrid.gguf"), folder / "h.gguf")
    every = every_kind(folder / "every.gguf", big_endian=False)
    swapped = every_kind(folder / "swapped.gguf", big_endian=True)
    found = []
    for path in (slim, hybrid, every, swapped):
        length, size = read_header(path).data_offset, path.stat().st_size
        with path.open("rb") as file:
            header = file.read(length)
        if path == swapped:
            places = [(at, width) for width in (4, 8) for at in range(4, length - 8, 4)]
        else:
            fields = header_fields(path)[0]
            places = [(field.offset, struct.calcsize(field.layout)) for field in fields]
        order = "big" if path == swapped else "little"
        found += [(header, size, places)]
        found += [(header[:4] + (2).to_bytes(4, order) + header[8:], size, places)]
    return found


def every_kind(path: Path, *, big_endian: bool) -> Path:
    """Write a small model with a setting of every kind and a list of most."""
    kinds = gguf.GGUFValueType
    settings: dict[str, object] = {
        "k.u8": (200, kinds.UINT8),
        "k.i8": (-100, kinds.INT8),
        "k.u16": (60_000, kinds.UINT16),
        "k.i16": (-30_000, kinds.INT16),
        "k.u64": (2**63 + 5, kinds.UINT64),
        "k.i64": (-(2**62), kinds.INT64),
        "k.f64": (0.1, kinds.FLOAT64),
        "k.f32": 0.5,
        "k.bool": True,
        "general.name": "größe 大",
        ".block_count": 3,
        ".embedding_length": 64,
        ".context_length": 4_096,
        ".attention.head_count": 4,
        ".attention.head_count_kv": [4, 0, 2],
        ".attention.sliding_window_pattern": [True, False, True],
        ".attention.sliding_window": 512,
        "k.floats": [0.5] * 40,
        "k.words": ["a", "bc", ""],
        "k.long": [7] * 3_000,
    }
    tensors = {
        "token_embd.weight": ((64, 32), "F16"),
        "output_norm.weight": ((64,), "F32"),
        "blk.0.attn_q.weight": ((256, 64), "Q4_K"),
        "blk.1.ffn_up_exps.weight": ((64, 32, 4), "Q8_0"),
    }
    return write_model(path, "gemma3", settings, tensors, big_endian=big_endian)


def main() -> int:
    """Try every input and print what became of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    begun = perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        fuzzer = Fuzzer(chosen.seed, Path(folder))
        fuzzer.run(chosen.count)
    for what, count in sorted(fuzzer.outcomes.items()):
        print(f"{what:20} {count:9,}")
    print(f"{chosen.count:,} inputs in {perf_counter() - begun:.0f} s, each a header or a reason; "
          f"slowest {fuzzer.slowest_s * 1e3:.0f} ms, most memory "
          f"{fuzzer.most_bytes / 1e6:.1f} MB")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
