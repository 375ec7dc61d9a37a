"""Whether an answer had the machine to itself is measured while it is written."""

import subprocess
import sys
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from playground.core.fold import RunFold
from playground.core.runs import MachineLoad, Run
from playground.core.targets import LocalTarget, ModelFile
from playground.engines.llama import machine_load
from playground.engines.llama.machine_load import MachineLoadMeter
from tests.engines.local_run import ask, local_engine, run

Times = namedtuple("Times", ("user", "system", "idle", "guest"))


@pytest.fixture
def busy_program() -> Iterator[int]:
    """A program that keeps a core busy, or as much of one as there is to be had."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as program:
        yield program.pid
        program.kill()


class Clock:
    """Stands in for what the system counts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds, self.busy_s = 0.0, 100.0
        self.own_s = psutil.Process().cpu_times().user
        monkeypatch.setattr(machine_load, "perf_counter", lambda: self.seconds)
        monkeypatch.setattr(psutil, "cpu_times", lambda: Times(self.busy_s, 0, self.seconds, 7))
        own = Times(1.0, 0.5, 0, 0)
        monkeypatch.setattr(psutil.Process, "cpu_times", lambda _: own)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.mark.parametrize(
    ("seconds", "busy_s", "cores", "is_quiet"),
    [
        (2.0, 0.1, 0.05, True),
        (2.0, 0.3, 0.15, False),
        (2.0, 3.0, 1.5, False),
        (2.0, -0.1, 0.0, True),
        (0.2, 0.0, None, False),
    ],
)
def test_a_tenth_of_a_core_is_quiet_and_what_is_too_short_is_unknown(
    clock: Clock, tmp_path: Path, seconds: float, busy_s: float, cores: float, is_quiet: bool
) -> None:
    meter = MachineLoadMeter(psutil.Process().pid, tmp_path)
    clock.seconds += seconds
    clock.busy_s += busy_s
    load = meter.load()
    assert load.other_cores == (None if cores is None else pytest.approx(cores))
    assert load.was_throttled is None
    assert load.is_quiet is is_quiet


def test_a_processor_that_slowed_down_is_not_quiet(clock: Clock, tmp_path: Path) -> None:
    counter = tmp_path / "devices/system/cpu/cpu0/thermal_throttle" / "core_throttle_count"
    counter.parent.mkdir(parents=True)
    counter.write_text("4\n")
    meter = MachineLoadMeter(psutil.Process().pid, tmp_path)
    clock.seconds += 1
    assert meter.load() == MachineLoad(0.0, was_throttled=False)
    counter.write_text("5\n")
    assert meter.load().was_throttled
    assert not meter.load().is_quiet


@pytest.mark.parametrize("kind", ["Processor", "cpufreq-cpu0", "thermal-cpufreq-0", "idle-cpu0"])
def test_a_processor_that_the_system_slows_to_cool_it_is_not_quiet(
    clock: Clock, tmp_path: Path, kind: str
) -> None:
    # as on AMD's and Arm's, which count nothing: only that it was slowed is known
    device, fan = (tmp_path / f"class/thermal/cooling_device{number}" for number in (11, 2))
    for folder, name, state in ((device, kind, "0"), (fan, "Fan", "3")):
        folder.mkdir(parents=True)
        (folder / "type").write_text(f"{name}\n")
        (folder / "cur_state").write_text(f"{state}\n")
    meter = MachineLoadMeter(psutil.Process().pid, tmp_path)
    clock.seconds += 1
    assert meter.load() == MachineLoad(0.0, was_throttled=None)
    assert meter.load().is_quiet
    (device / "cur_state").write_text("2\n")
    assert meter.load() == MachineLoad(0.0, was_throttled=True)
    assert not meter.load().is_quiet
    slowed_from_the_start = MachineLoadMeter(psutil.Process().pid, tmp_path)
    (device / "cur_state").write_text("0\n")
    clock.seconds += 1
    assert slowed_from_the_start.load().was_throttled


@pytest.mark.parametrize("content", ["", "many", "-1", "\xff"])
def test_a_state_that_cannot_be_read_tells_nothing(
    clock: Clock, tmp_path: Path, content: str
) -> None:
    device = tmp_path / "class/thermal/cooling_device0"
    device.mkdir(parents=True)
    (device / "type").write_text("Processor\n")
    (device / "cur_state").write_text(content, encoding="latin-1")
    (tmp_path / "class/thermal/cooling_device1").mkdir()
    meter = MachineLoadMeter(psutil.Process().pid, tmp_path)
    clock.seconds += 1
    assert meter.load().was_throttled is None


async def test_a_run_beside_a_busy_program_is_no_evidence(
    starter_model: Path, busy_program: int
) -> None:
    assert psutil.pid_exists(busy_program)
    request = ask("Count from one to a hundred.", max_tokens=64)
    fold = RunFold(Run("r", LocalTarget(ModelFile(starter_model, "m", 1, "")), request, 0))
    async with local_engine(starter_model) as (engine, _):
        for event in (await run(engine, request)).events:
            fold.add(event)
    load = fold.run.machine_load
    assert load is not None
    assert load.other_cores is not None
    assert load.other_cores > 0.1
    assert not fold.run.is_evidence
