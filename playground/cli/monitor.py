"""`playground monitor`: processor, memory and graphics in the terminal."""

import argparse
import asyncio
from contextlib import aclosing, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from playground.cli.output import print_json
from playground.cli.terminal import one_line
from playground.services.machine.gpu import GpuSample
from playground.services.machine.telemetry import Sample, Telemetry

_GIB = 2**30


async def run(args: argparse.Namespace, telemetry: Telemetry) -> int:
    """Print samples until there are enough, or Ctrl-C; return the exit code."""
    wanted = args.count or (1 if args.json else None)
    telemetry.interval_s = args.interval
    # Ctrl-C is the usual way to end watching, not a failure
    with suppress(asyncio.CancelledError):
        async with aclosing(telemetry.samples()) as samples:
            taken = 0
            async for sample in samples:
                if args.json:
                    print_json(as_json(sample), flush=True)
                else:
                    print(one_line(as_line(sample)), flush=True)
                taken += 1
                if taken == wanted:
                    break
    return 0


def as_json(sample: Sample) -> dict[str, Any]:
    """Return the sample as what `json.dumps` takes, with the time of day; unknown is `None`."""
    values = asdict(sample)
    del values["t_s"]
    for gpu in values["gpus"]:
        # other programs' processes; the share of this one's is with each of them
        del gpu["processes"]
    return {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **values}


def as_line(sample: Sample) -> str:
    parts = [
        f"CPU {_percent(sample.cpu_percent)}",
        f"RAM {sample.ram_used_bytes / _GIB:.1f} of {sample.ram_total_bytes / _GIB:.1f} GiB",
        *(_gpu_line(gpu) for gpu in sample.gpus),
        *(f"{worker.name} {worker.rss_bytes / _GIB:.2f} GiB" for worker in sample.workers),
    ]
    if sample.power_w is not None:
        parts.append(f"processor {sample.power_w:.0f} W")
    if sample.computer_power_w is not None:
        parts.append(f"whole computer {sample.computer_power_w:.0f} W")
    if sample.gpu_note:
        parts.append(sample.gpu_note)
    return " · ".join(parts)


def _gpu_line(gpu: GpuSample) -> str:
    parts = [gpu.name, _percent(gpu.load_percent)]
    if gpu.memory_used_bytes is not None:
        parts.append(f"{gpu.memory_used_bytes / _GIB:.1f} GiB")
    if gpu.temperature_c is not None:
        parts.append(f"{gpu.temperature_c:.0f} °C")
    if gpu.power_w is not None:
        parts.append(f"{gpu.power_w:.0f} W")
    return " ".join(parts)


def _percent(value: float | None) -> str:
    return "—" if value is None else f"{value:.0f} %"
