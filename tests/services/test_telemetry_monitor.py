"""`playground monitor` prints what the meters show."""

import argparse
import asyncio
import json

import pytest

from playground.cli import main as parsers
from playground.cli import monitor
from playground.services.machine.gpu import AllGpus, NvidiaReader
from playground.services.machine.telemetry import Telemetry
from tests.services.nvml import FakeNvml


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parsers.add_monitor(parser.add_subparsers())
    return parser.parse_args(["monitor", *words])


def with_cards() -> Telemetry:
    return Telemetry(dict, gpus=lambda: AllGpus([NvidiaReader(FakeNvml())]))


def without_cards() -> Telemetry:
    return Telemetry(dict, gpus=lambda: AllGpus([]))


async def test_json_prints_one_object_with_nulls_for_what_is_unknown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await monitor.run(parsed("--json", "--interval", "0.1"), without_cards()) == 0
    sample = json.loads(capsys.readouterr().out)
    assert sample["gpus"] == []
    assert sample["gpu_note"] == "No graphics card found: models run on the processor"
    assert 0 < sample["ram_used_bytes"] < sample["ram_total_bytes"]
    assert sample["time"].endswith("+00:00")
    assert "power_w" in sample


async def test_a_count_prints_that_many_lines(capsys: pytest.CaptureFixture[str]) -> None:
    args = parsed("--json", "--count", "3", "--interval", "0.1")
    await monitor.run(args, with_cards())
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 3
    assert lines[0]["gpus"][0]["power_w"] == 143.5
    assert "processes" not in lines[0]["gpus"][0]


async def test_a_person_reads_words(capsys: pytest.CaptureFixture[str]) -> None:
    await monitor.run(parsed("--count", "1", "--interval", "0.1"), with_cards())
    out = capsys.readouterr().out
    assert "CPU " in out
    assert "NVIDIA GeForce RTX 4070 37 % 5.0 GiB 61 °C 144 W" in out
    await monitor.run(parsed("--count", "1", "--interval", "0.1"), without_cards())
    assert "No graphics card found" in capsys.readouterr().out


async def test_stopping_is_the_usual_end(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = without_cards()
    watching = asyncio.create_task(monitor.run(parsed("--interval", "0.1"), telemetry))
    while "CPU" not in capsys.readouterr().out:
        await asyncio.sleep(0.01)
    watching.cancel()
    assert await watching == 0
    assert not telemetry.is_sampling


@pytest.mark.parametrize(
    "words", [("--count", "0"), ("--count", "x"), ("--interval", "0"), ("--interval", "nan")]
)
def test_senseless_numbers_are_wrong_usage(words: tuple[str, str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parsed(*words)
    assert ended.value.code == 2
