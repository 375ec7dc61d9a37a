"""The header reader beside `gguf.GGUFReader`, on a vocabulary of 262,144 tokens.

    python -m tests.bench.gguf_header [--pairs 5]

Both read the same file in turn; the median of the pairs' ratios counts (bar: 50 × faster). Then
what ours takes of memory at most.
"""

import argparse
import random
import statistics
import sys
import tempfile
import tracemalloc
from pathlib import Path
from time import perf_counter

import gguf

from playground.core.gguf.reader import read_header
from tests.core.gguf_families import vocabulary
from tests.core.gguf_files import write_model

TOKENS = 262_144
BAR = 50


def write(path: Path) -> Path:
    """Write a header as gemma's: tokens with their scores and kinds, and 300 tensors."""
    numbers = random.Random(1)
    settings = vocabulary(TOKENS)
    # words as long as real ones, which matters to who copies them
    settings["tokenizer.ggml.tokens"] = [
        f"\u2581{numbers.randrange(36**7):x}"[: numbers.randint(2, 12)] for _ in range(TOKENS)
    ]
    tensors = {f"blk.{n}.attn_q.weight": ((256, 256), "Q8_0") for n in range(300)}
    return write_model(path, "gemma3", settings, tensors)


def seconds(read: object, path: Path) -> float:
    """Return how long `read` takes."""
    assert callable(read)
    begun = perf_counter()
    read(path)
    return perf_counter() - begun


def main() -> int:
    """Print the figures and return 1 where the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=5)
    pairs = parser.parse_args().pairs
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "m.gguf")
        seconds(read_header, path)
        measured = [
            (seconds(read_header, path), seconds(gguf.GGUFReader, path)) for _ in range(pairs)
        ]
        tracemalloc.start()
        read_header(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        size = read_header(path).data_offset
    ratios = [theirs / ours for ours, theirs in measured]
    for (ours, theirs), ratio in zip(measured, ratios, strict=True):
        print(f"ours {ours * 1e3:8.1f} ms   gguf.GGUFReader {theirs:6.2f} s   {ratio:6.0f} ×")
    middle = statistics.median(ratios)
    print(f"median {middle:.0f} × faster (bar {BAR} ×), a header of {size / 1e6:.1f} MB")
    print(f"memory at most: {peak / 1e6:.2f} MB")
    return 0 if middle >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
