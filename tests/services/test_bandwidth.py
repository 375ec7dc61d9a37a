"""How fast memory is read: measured once, then known."""

import asyncio
import json
from pathlib import Path

import pytest

from playground.services.machine.machine import (
    Bandwidth,
    BandwidthReading,
    measure,
    measure_in_child,
)


class Meter:
    """Stands in for the measurement, and counts how often it is asked."""

    def __init__(self, bytes_per_s: float | None, *, is_quiet: bool = True) -> None:
        self.bytes_per_s = bytes_per_s
        self.is_quiet = is_quiet
        self.calls = 0

    def __call__(self) -> BandwidthReading | None:
        self.calls += 1
        if self.bytes_per_s is None:
            return None
        return BandwidthReading(self.bytes_per_s, self.is_quiet)


class Computer:
    """Stands in for what else the computer does, and for its clock."""

    def __init__(self, file: Path, meter: Meter) -> None:
        self.seconds, self.is_busy = 0.0, False
        self.bandwidth = Bandwidth(
            file, meter, is_busy=lambda: self.is_busy, clock=lambda: self.seconds
        )

    async def get_later(self) -> float | None:
        self.seconds += 60.0
        return await self.bandwidth.get()


async def test_it_is_measured_once_however_many_ask(tmp_path: Path) -> None:
    meter = Meter(20e9)
    bandwidth = Bandwidth(tmp_path / "cache" / "memory.json", meter)
    assert bandwidth.bytes_per_s is None
    assert await asyncio.gather(*(bandwidth.get() for _ in range(5))) == [20e9] * 5
    assert bandwidth.bytes_per_s == 20e9
    assert meter.calls == 1


async def test_the_next_start_takes_it_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "memory.json"
    await Bandwidth(file, Meter(20e9)).get()
    later = Meter(99e9)
    assert await Bandwidth(file, later).get() == 20e9
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
    await Bandwidth(file, Meter(1e9)).get()
    machine = json.loads(file.read_text())["machine"]
    file.write_bytes(content.replace(b"MACHINE", machine.encode()))
    assert await Bandwidth(file, Meter(20e9)).get() == 20e9
    kept = {"machine": machine, "bytes_per_s": 20e9, "is_busy": False}
    assert json.loads(file.read_text()) == kept


async def test_what_was_measured_beside_other_programs_is_unknown_and_measured_again(
    tmp_path: Path,
) -> None:
    meter = Meter(9e9, is_quiet=False)
    computer = Computer(tmp_path / "memory.json", meter)
    assert await computer.bandwidth.get() is None
    assert await computer.bandwidth.get() is None
    assert meter.calls == 1, "not all the time"
    meter.bytes_per_s, meter.is_quiet = 18e9, True
    assert await computer.get_later() == 18e9
    assert await computer.get_later() == 18e9
    assert meter.calls == 2


async def test_an_answer_is_not_slowed_down_by_measuring_again(tmp_path: Path) -> None:
    meter = Meter(9e9, is_quiet=False)
    computer = Computer(tmp_path / "memory.json", meter)
    await computer.bandwidth.get()
    computer.is_busy = True
    assert await computer.get_later() is None
    assert meter.calls == 1


async def test_where_others_never_rest_the_best_of_all_counts(tmp_path: Path) -> None:
    file, meter = tmp_path / "memory.json", Meter(9e9, is_quiet=False)
    computer = Computer(file, meter)
    assert await computer.bandwidth.get() is None
    meter.bytes_per_s = 11e9
    assert await computer.get_later() is None
    meter.bytes_per_s = 10e9
    assert await computer.get_later() == 11e9
    assert await computer.get_later() == 11e9
    assert meter.calls == 3
    # the next starts
    assert await Bandwidth(file, Meter(8e9, is_quiet=False)).get() == 11e9
    assert await Bandwidth(file, Meter(18e9)).get() == 18e9
    later = Meter(99e9)
    assert await Bandwidth(file, later).get() == 18e9
    assert later.calls == 0


async def test_another_computers_figure_is_not_taken(tmp_path: Path) -> None:
    # as on a home folder that several computers share
    file = tmp_path / "memory.json"
    file.write_text(json.dumps({"machine": "somebody-elses x86_64", "bytes_per_s": 99e9}))
    assert await Bandwidth(file, Meter(20e9)).get() == 20e9


@pytest.mark.parametrize("result", [None, float("nan"), float("inf"), 0.0, -1.0])
async def test_a_measurement_that_failed_is_unknown_and_not_tried_all_the_time(
    tmp_path: Path, result: float | None
) -> None:
    meter = Meter(result)
    bandwidth = Bandwidth(tmp_path / "memory.json", meter)
    assert await bandwidth.get() is None
    assert await bandwidth.get() is None
    assert meter.calls == 1
    assert not (tmp_path / "memory.json").exists()


async def test_a_folder_that_takes_no_file_is_no_reason_to_know_nothing(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert await Bandwidth(tmp_path / "cache" / "memory.json", Meter(20e9)).get() == 20e9


def test_a_child_process_measures_what_no_computer_is_below_or_above() -> None:
    found = measure_in_child()
    assert found is not None
    assert 0.5e9 < found.bytes_per_s < 5e12


def test_one_thread_reads_at_some_speed() -> None:
    assert 0.2e9 < measure(1) < 2e12
