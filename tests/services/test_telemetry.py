"""One sampler serves everybody who looks, and rests when nobody does."""

import asyncio
import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from playground.services.machine.gpu import AllGpus, GpuSample, NvidiaReader
from playground.services.machine.telemetry import Power, PowerMeter, Probe, Sample, Telemetry
from tests.services.nvml import FakeNvml

QUICK_S = 0.02


class Card:
    """A card that counts how often it was read, and can break."""

    def __init__(self) -> None:
        self.reads = 0
        self.is_open = True
        self.failure: Exception | None = None

    def read(self) -> tuple[GpuSample, ...]:
        self.reads += 1
        if self.failure is not None:
            raise self.failure
        return (GpuSample("Card", float(self.reads)),)

    def close(self) -> None:
        self.is_open = False


@pytest.fixture
def child() -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


async def first(telemetry: Telemetry, count: int = 1) -> list[Sample]:
    """Return the first samples a listener gets."""
    found: list[Sample] = []
    async with aclosing(telemetry.samples()) as samples:
        async for sample in samples:
            found.append(sample)
            if len(found) == count:
                return found
    raise AssertionError("samples ended")


async def to_the_end(samples: AsyncGenerator[Sample, None]) -> None:
    """Listen until the samples end."""
    async for _ in samples:
        pass


async def test_a_sample_says_what_this_computer_does() -> None:
    sample = (await first(Telemetry(dict, QUICK_S)))[0]
    assert sample.cpu_percent is not None
    assert 0 <= sample.cpu_percent <= 100
    assert 0 < sample.ram_used_bytes < sample.ram_total_bytes
    assert 2**20 < sample.program_rss_bytes < sample.ram_total_bytes
    assert sample.program_cpu_percent is not None
    assert sample.workers == ()
    assert bool(sample.gpus) == (sample.gpu_note is None)


async def test_each_worker_has_its_share(child: "subprocess.Popen[bytes]") -> None:
    pids = {"SmolLM2": child.pid}
    samples = await first(Telemetry(lambda: pids, QUICK_S), 2)
    (worker,) = samples[1].workers
    assert (worker.name, worker.pid) == ("SmolLM2", child.pid)
    assert worker.rss_bytes > 2**20
    assert worker.cpu_percent is not None
    assert 0 <= worker.cpu_percent <= 100


def test_a_worker_that_ends_is_left_out_and_the_others_stay(
    child: "subprocess.Popen[bytes]",
) -> None:
    gone = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    probe = Probe(AllGpus([]))
    pids = {"gone": gone.pid, "here": child.pid}
    assert {worker.name for worker in probe.sample(pids).workers} == {"gone", "here"}
    gone.kill()
    gone.communicate()
    assert [worker.name for worker in probe.sample(pids).workers] == ["here"]
    assert [worker.name for worker in probe.sample(pids).workers] == ["here"]


def test_the_first_look_at_a_process_knows_no_load() -> None:
    probe = Probe(AllGpus([]))
    before, after = probe.sample({}), probe.sample({"me": os.getpid()})
    assert before.cpu_percent is None
    assert before.program_cpu_percent is None
    assert after.cpu_percent is not None
    assert after.program_cpu_percent is not None


def test_a_process_has_its_share_of_the_whole_processor() -> None:
    probe = Probe(AllGpus([]))
    probe.sample({})
    hashlib.pbkdf2_hmac("sha256", b"busy", b"on one core", 200_000)
    share = probe.sample({}).program_cpu_percent
    assert share is not None
    assert 0 < share <= 1.5 * 100 / (os.cpu_count() or 1)


async def test_listeners_share_one_sampler_that_starts_and_stops_with_them() -> None:
    card = Card()
    telemetry = Telemetry(dict, QUICK_S, gpus=lambda: AllGpus([card]))
    assert not telemetry.is_sampling
    async with aclosing(telemetry.samples()) as one, aclosing(telemetry.samples()) as two:
        seen = [await anext(one), await anext(two)]
        assert seen[0] is seen[1]
        assert sum(thread.name.startswith("telemetry") for thread in threading.enumerate()) == 1
        async with aclosing(telemetry.samples()) as late:
            assert (await anext(late)).gpus == seen[0].gpus
        assert telemetry.is_sampling
    assert not telemetry.is_sampling
    assert not card.is_open
    reads = card.reads
    assert not any(thread.name.startswith("telemetry") for thread in threading.enumerate())
    again = (await first(telemetry))[0]
    assert again.cpu_percent is not None
    assert card.reads > reads


async def test_a_slow_listener_gets_the_newest_sample_and_holds_up_nobody() -> None:
    card = Card()
    telemetry = Telemetry(dict, QUICK_S, gpus=lambda: AllGpus([card]))
    async with aclosing(telemetry.samples()) as slow, aclosing(telemetry.samples()) as quick:
        await anext(slow)
        for _ in range(5):
            newest = await anext(quick)
        assert (await anext(slow)).t_s >= newest.t_s


async def test_leaving_by_cancellation_stops_the_sampler() -> None:
    telemetry = Telemetry(dict, QUICK_S)
    listening = asyncio.create_task(first(telemetry, 1_000_000))
    async with aclosing(telemetry.samples()) as samples:
        await anext(samples)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await anext(samples)
        assert telemetry.is_sampling
    assert not telemetry.is_sampling


async def test_a_mistake_in_sampling_reaches_every_listener_and_a_new_start_works() -> None:
    card = Card()
    telemetry = Telemetry(dict, QUICK_S, gpus=lambda: AllGpus([card]))
    async with aclosing(telemetry.samples()) as one, aclosing(telemetry.samples()) as two:
        await anext(one)
        card.failure = RuntimeError("a bug")
        with pytest.raises(RuntimeError, match="a bug"):
            await to_the_end(one)
        with pytest.raises(RuntimeError, match="a bug"):
            await to_the_end(two)
    card.failure = None
    assert await first(telemetry)


async def test_cards_and_the_note_travel_with_the_sample() -> None:
    telemetry = Telemetry(dict, QUICK_S, gpus=lambda: AllGpus([NvidiaReader(FakeNvml())]))
    sample = (await first(telemetry))[0]
    assert [gpu.name for gpu in sample.gpus] == ["NVIDIA GeForce RTX 4070", "NVIDIA T4"]
    assert sample.gpu_note is None
    none = Telemetry(dict, QUICK_S, gpus=lambda: AllGpus([]))
    assert none.gpu_note is None
    await first(none)
    assert none.gpu_note == "No graphics card found: models run on the processor"


def rapl(root: Path, microjoules: int, *, package: int = 0) -> None:
    folder = root / f"intel-rapl:{package}"
    folder.mkdir(exist_ok=True)
    (folder / "energy_uj").write_text(f"{microjoules}\n")
    (folder / "max_energy_range_uj").write_text("1000000000\n")
    core = root / f"intel-rapl:{package}:0"
    core.mkdir(exist_ok=True)
    (core / "energy_uj").write_text(
        f"{microjoules // 2}\n"
    )  # part of the package: not to be counted twice


def test_power_comes_from_the_energy_counters_of_all_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([100.0, 102.0, 104.0])
    monkeypatch.setattr(
        "playground.services.machine.telemetry.time.perf_counter", lambda: next(clock)
    )
    rapl(tmp_path, 500_000_000)
    rapl(tmp_path, 990_000_000, package=1)
    meter = PowerMeter(tmp_path)
    assert meter.power().processor_w is None
    rapl(tmp_path, 530_000_000)
    rapl(tmp_path, 10_000_000, package=1)  # has passed its end and begun again
    assert meter.power().processor_w == pytest.approx((30 + 20) / 2)
    (tmp_path / "intel-rapl:1" / "energy_uj").unlink()
    assert meter.power().processor_w is None


def test_the_whole_computers_power_is_not_added_to_the_processors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([100.0, 101.0])
    monkeypatch.setattr(
        "playground.services.machine.telemetry.time.perf_counter", lambda: next(clock)
    )
    for number, name in enumerate(("package-0", "psys")):
        rapl(tmp_path, 0, package=number)
        (tmp_path / f"intel-rapl:{number}" / "name").write_text(f"{name}\n")
    meter = PowerMeter(tmp_path)
    meter.power()
    rapl(tmp_path, 15_000_000)
    rapl(tmp_path, 25_000_000, package=1)
    assert meter.power() == Power(processor_w=15.0, computer_w=25.0)


def test_power_is_unknown_without_counters(tmp_path: Path) -> None:
    meter = PowerMeter(tmp_path)
    assert (meter.power().processor_w, meter.power().processor_w) == (None, None)
    (tmp_path / "intel-rapl:0").mkdir()
    (tmp_path / "intel-rapl:0" / "energy_uj").mkdir()  # as unreadable as root's own file
    assert PowerMeter(tmp_path).power().processor_w is None
