"""What the meters cost: processor time of this process over 20 samples, in percent of one core.

`python tests/bench/telemetry_cost.py` prints it; it must stay below 1 %.
"""

import asyncio
import os
import subprocess
import sys
import time
from contextlib import aclosing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from playground.services.machine.telemetry import Telemetry

SAMPLES = 20


async def main() -> None:
    """Sample this process and two children at the window's own rate."""
    children = [
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)  # noqa: ASYNC220
        for _ in range(2)
    ]
    pids = {f"worker {n}": child.pid for n, child in enumerate(children)}
    async with aclosing(Telemetry(lambda: pids).samples()) as samples:
        await anext(samples)  # opening NVML and psutil is paid once
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(SAMPLES):
            await anext(samples)
        spent, passed = time.process_time() - cpu, time.perf_counter() - wall
    for child in children:
        child.kill()
        child.wait()
    print(
        f"telemetry: {100 * spent / passed:.3f} % of one core "
        f"({1000 * spent / SAMPLES:.2f} ms a sample, {SAMPLES} samples, {os.cpu_count()} cores)"
    )


if __name__ == "__main__":
    asyncio.run(main())
