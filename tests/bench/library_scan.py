"""How fast the library lists a thousand model files: the first time, and at every later start.

    python -m tests.bench.library_scan [--files 1000] [--rounds 3]

The files have headers as large as real ones, with vocabularies of 32,000 to 64,000 tokens; their
weights are holes. Each round begins without a cache, and each start is a process of its own. Times
run from the moment the library is asked until a state of it arrives; a start is also given with
Python and all imports. The files were just written, so the system has them in memory.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from playground.core.gguf.reader import read_header
from tests.core.gguf_files import Dense, write_dense

BAR_S = 1.0
SIZE = Dense(layers=24)
NAME = "Bench model {:06}"
KINDS = ("Q4_K_M", "Q8_0", "IQ3_XXS", "F16", "Q5_K_S")
SERIES = (
    "Tiny-{n}B-Instruct",
    "mixture_of.experts v{n}",
    "Größe {n} – größer",
    "言語モデル-{n}",
    "UPPER.{n}",
    "a b  c{n}",
)
WATCHED_S = 6
START = """
import asyncio, json, shutil, sys, time
from contextlib import aclosing
from pathlib import Path
from playground.services.library.service import ModelLibrary

async def main(folder, cache, count, watched_s):
    library = ModelLibrary(lambda: (folder,), folder / "own", cache_file=cache, apps=lambda: ())
    started, listed = time.perf_counter(), None
    async with aclosing(library.follow()) as states:
        async for state in states:
            models = [model for model in state.models if model.source != "Starter"]
            if listed is None and len(models) == count and all(m.size_bytes for m in models):
                listed = time.perf_counter() - started
            if listed is not None and not state.is_scanning:
                break
    done, ended = time.perf_counter() - started, time.time()
    assert all(model.problem is None and model.architecture for model in models), models[:3]
    shown = []
    async with aclosing(library.follow()) as states:
        await anext(states)
        spent, watched = time.process_time(), time.perf_counter()
        await asyncio.sleep(watched_s)
        busy = (time.process_time() - spent) / (time.perf_counter() - watched)
        copy = folder / "new.gguf"
        for number in range(5):
            await asyncio.sleep(number / 5)
            shutil.copyfile(models[0].path, copy)
            written = time.perf_counter()
            async for state in states:
                if any(model.path == copy for model in state.models):
                    break
            shown.append(time.perf_counter() - written)
            copy.unlink()
            async for state in states:
                if not any(model.path == copy for model in state.models):
                    break
    await library.close()
    figures = {"listed": listed, "done": done, "ended": ended, "busy": busy, "shown": max(shown)}
    print(json.dumps(figures))

asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))
"""


def main() -> None:
    """Print medians in seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    taken: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "models")
        header_bytes = write_files(folder, args.files)
        print(f"{args.files:,} files, headers {header_bytes / args.files / 1e6:.1f} MB on average")
        for number in range(args.rounds):
            cache = Path(place, f"cache-{number}.sqlite3")
            for name in ("first", "later"):
                for key, value in start(folder, cache, args.files).items():
                    taken.setdefault(f"{name} {key}", []).append(value)
    shown = {
        "first start: all names and sizes": ("first listed", BAR_S),
        "first start: all headers": ("first done", None),
        "later start: everything": ("later done", BAR_S),
        "later start: everything, with Python and imports": ("later process", None),
        "a new file shows, the slowest of five": ("later shown", 2.0),
    }
    for words, (key, bar) in shown.items():
        middle = statistics.median(taken[key])
        verdict = "" if bar is None else f"  bar {bar:.0f} s: {'ok' if middle < bar else 'MISSED'}"
        spread = f"{min(taken[key]):.3f} … {max(taken[key]):.3f}"
        print(f"{words:50} {middle:6.3f} s  ({spread}){verdict}")
    print(f"watching them: {100 * statistics.median(taken['later busy']):.1f} % of one core")


def start(folder: Path, cache: Path, count: int) -> dict[str, float]:
    """Return how long a process of its own took to list what is there."""
    started = time.time()
    done = subprocess.run(
        [sys.executable, "-c", START, str(folder), str(cache), str(count), str(WATCHED_S)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )
    found: dict[str, float] = json.loads(done.stdout)
    return {**found, "process": found["ended"] - started}


def write_files(folder: Path, count: int) -> int:
    """Write model files into nested folders; return the bytes of their headers."""
    folder.mkdir()
    templates = [template(folder, *kind) for kind in FAMILIES]
    total = 0
    for number in range(count):
        header, size = templates[number % len(templates)]
        kind, series = KINDS[number % len(KINDS)], SERIES[number % len(SERIES)]
        place = folder / f"shelf {number % 7}" / f"Owner{number % 31}" / f"deep-{number // 40}"
        place.mkdir(parents=True, exist_ok=True)
        ending = ".GGUF" if number % 11 == 0 else ".gguf"
        path = place / f"{series.format(n=number)}.{kind}{ending}"
        path.write_bytes(header.replace(NAME.format(0).encode(), NAME.format(number).encode()))
        os.truncate(path, size)
        total += len(header)
    return total


FAMILIES = (("llama", 32_000, False), ("qwen2", 50_000, True), ("gemma3", 64_000, False))


def template(folder: Path, architecture: str, tokens: int, has_merges: bool) -> tuple[bytes, int]:
    """Return a header with a whole vocabulary, and the size of its file."""
    words = [f"▁token{number:x}" for number in range(tokens)]
    settings: dict[str, object] = {
        "general.name": NAME.format(0),
        "general.license": "apache-2.0",
        "general.organization": "Bench",
        "tokenizer.ggml.tokens": words,
        "tokenizer.ggml.token_type": [1] * tokens,
        "tokenizer.chat_template": "{% for message in messages %}{{ message.content }}" * 60,
    }
    if has_merges:
        settings["tokenizer.ggml.merges"] = [f"{a} {b}" for a, b in pairwise(words)]
    else:
        settings["tokenizer.ggml.scores"] = [-float(number) for number in range(tokens)]
    path = write_dense(folder / "template", architecture, SIZE, settings)
    with path.open("rb") as file:
        header = file.read(read_header(path).data_offset)
    size = path.stat().st_size
    path.unlink()
    return header, size


if __name__ == "__main__":
    main()
