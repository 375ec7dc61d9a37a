"""Gives 200 damaged copies of the starter model and every single-field edit to real workers.

    python tests/bench/damaged_models.py

Prints what became of them, and every file that neither answered nor got a reason.
"""

import asyncio
import collections
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
from conftest import find_starter_model  # noqa: E402 - found through the line above

from tests.core.gguf_files import damaged_copies, single_field_edits  # noqa: E402 - as above
from tests.engines.damaged import fate_of, pool  # noqa: E402 - as above


async def main() -> None:
    """Try every file."""
    starter = find_starter_model()
    assert starter is not None
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        for name, files in (
            ("damaged copies", damaged_copies(starter, out, 200)),
            ("single-field edits", single_field_edits(starter, out)),
        ):
            workers = pool()
            counts: collections.Counter[str] = collections.Counter()
            slowest, unexplained = 0.0, 0
            for what, path in files:
                started = time.perf_counter()
                fate = await fate_of(path, workers)
                slowest = max(slowest, time.perf_counter() - started)
                counts[f"{fate.stage} {fate.kind}".strip()] += 1
                if fate.stage != "runs" and not fate.message:
                    unexplained += 1
                    print("no reason:", what)
            await workers.close()
            print(f"{name}: {sum(counts.values())} files, slowest {slowest:.1f} s, "
                  f"without a reason: {unexplained}")  # fmt: skip
            for fate_name, count in counts.most_common():
                print(f"  {count:6} {fate_name}")


asyncio.run(main())
