"""How fast memory is read: measured once, then known."""

import asyncio
import json
from pathlib import Path

import pytest

from playground.services.machine.machine import Bandwidth, measure, measure_in_child


class Meter:
    """Stands in for the measurement, and counts how often it is asked."""

    def __init__(self, bytes_per_s: float | None) -> None:
        self.bytes_per_s = bytes_per_s
        self.calls = 0

    def __call__(self) -> float | None:
        self.calls += 1
        return self.bytes_per_s


def quiet(file: Path, meter: Meter) -> Bandwidth:
    """Return the bandwidth of a computer with nothing else to do."""
    return Bandwidth(file, meter, is_busy=lambda: False)


async def test_it_is_measured_once_however_many_ask(tmp_path: Path) -> None:
    meter = Meter(20e9)
    bandwidth = quiet(tmp_path / "cache" / "memory.json", meter)
    assert bandwidth.bytes_per_s is None
    assert await asyncio.gather(*(bandwidth.get() for _ in range(5))) == [20e9] * 5
    assert bandwidth.bytes_per_s == 20e9
    assert meter.calls == 1


async def test_the_next_start_takes_it_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "memory.json"
    await quiet(file, Meter(20e9)).get()
    later = Meter(99e9)
    assert await quiet(file, later).get() == 20e9
    assert later.calls == 0


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"machine": "MACHINE"}',
        b'{"machine": "MACHINE", "bytes_per_s": "fast"}',
        b'{"machine": "MACHINE", "bytes_per_s": null}',
        b'{"machine": "MACHINE", "bytes_per_s": 0}',
        b'{"machine": "MACHINE", "bytes_per_s": -3}',
        b'{"machine": "MACHINE", "bytes_per_s": NaN}',
        b'{"machine": "MACHINE", "bytes_per_s": Infinity}',
        b"[" * 100_000,
    ],
)
async def test_a_damaged_file_is_measured_again_and_set_right(
    tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "memory.json"
    await quiet(file, Meter(1e9)).get()
    machine = json.loads(file.read_text())["machine"]
    file.write_bytes(content.replace(b"MACHINE", machine.encode()))
    assert await quiet(file, Meter(20e9)).get() == 20e9
    kept = {"machine": machine, "bytes_per_s": 20e9, "is_busy": False}
    assert json.loads(file.read_text()) == kept


async def test_what_was_measured_on_a_busy_computer_is_measured_again(tmp_path: Path) -> None:
    file = tmp_path / "memory.json"
    assert await Bandwidth(file, Meter(9e9), is_busy=lambda: True).get() == 9e9
    assert await Bandwidth(file, Meter(8e9), is_busy=lambda: True).get() == 9e9
    assert await quiet(file, Meter(18e9)).get() == 18e9
    later = Meter(99e9)
    assert await quiet(file, later).get() == 18e9
    assert later.calls == 0


async def test_another_computers_figure_is_not_taken(tmp_path: Path) -> None:
    # as on a home folder that several computers share
    file = tmp_path / "memory.json"
    file.write_text(json.dumps({"machine": "somebody-elses x86_64", "bytes_per_s": 99e9}))
    assert await quiet(file, Meter(20e9)).get() == 20e9


@pytest.mark.parametrize("result", [None, float("nan"), float("inf"), 0.0, -1.0])
async def test_a_measurement_that_failed_is_unknown_and_not_tried_all_the_time(
    tmp_path: Path, result: float | None
) -> None:
    meter = Meter(result)
    bandwidth = quiet(tmp_path / "memory.json", meter)
    assert await bandwidth.get() is None
    assert await bandwidth.get() is None
    assert meter.calls == 1
    assert not (tmp_path / "memory.json").exists()


async def test_a_folder_that_takes_no_file_is_no_reason_to_know_nothing(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert await quiet(tmp_path / "cache" / "memory.json", Meter(20e9)).get() == 20e9


def test_a_child_process_measures_what_no_computer_is_below_or_above() -> None:
    found = measure_in_child()
    assert found is not None
    assert 0.5e9 < found < 5e12


def test_one_thread_reads_at_some_speed() -> None:
    assert 0.2e9 < measure(1) < 2e12
