"""This computer as models see it: what is free, what others hold, which cards count."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from playground.services.machine.devices import devices
from playground.services.machine.gpu import AllGpus, GpuSample
from playground.services.machine.machine import (
    Bandwidth,
    BandwidthReading,
    HeldMemory,
    MachineService,
    graphics_cards,
    other_programs,
    reclaimable_bytes,
    uses_cards,
)
from playground.services.machine.memory import MainMemory, main_memory

MIB = 1 << 20
GIB = 1 << 30
_HOLDER = """
import mmap, sys
held = bytearray(b"x" * int(sys.argv[1]))
with open(sys.argv[2], "rb") as file:
    mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    touched = sum(mapped[at] for at in range(0, len(mapped), 4096))
    print("ready", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(folder: Path, own_bytes: int, mapped_bytes: int) -> Iterator[int]:
    """Run a process that holds so much of its own, and so much of a file; yields its id."""
    path = folder / "mapped"
    path.write_bytes(b"\1" * mapped_bytes)
    command = [sys.executable, "-c", _HOLDER, str(own_bytes), str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.stdin.close()


def service(folder: Path) -> MachineService:
    return MachineService(Bandwidth(folder / "m.json", lambda: BandwidthReading(20e9)))


@pytest.mark.skipif(sys.platform != "linux", reason="what counts as available differs")
def test_mapped_pages_of_a_process_are_not_given_back_twice(tmp_path: Path) -> None:
    with holder(tmp_path, 64 * MIB, 200 * MIB) as pid:
        memory = psutil.Process(pid).memory_info()
        assert memory.rss > 264 * MIB
        assert 64 * MIB < reclaimable_bytes(memory) < 100 * MIB


async def test_free_memory_is_what_is_available_and_what_workers_give_back(tmp_path: Path) -> None:
    plain = await service(tmp_path).machine()
    held = await service(tmp_path).machine(HeldMemory(300 * MIB))
    memory = main_memory()
    assert plain.ram_total_bytes == memory.total_bytes
    assert abs(plain.ram_free_bytes - memory.available_bytes) < GIB
    assert held.ram_free_bytes > plain.ram_free_bytes
    assert plain.bandwidth_bytes_per_s == 20e9
    everything = await service(tmp_path).machine(HeldMemory(1 << 50))
    assert everything.ram_free_bytes == memory.total_bytes


def test_a_quick_look_needs_no_waiting_and_knows_no_bandwidth_yet(tmp_path: Path) -> None:
    def never() -> float:
        raise AssertionError("a quick look must not measure")

    quick = MachineService(Bandwidth(tmp_path / "m.json", never)).quick()
    assert quick.bandwidth_bytes_per_s is None
    assert quick.programs == ()
    assert 0 < quick.ram_free_bytes <= quick.ram_total_bytes


@pytest.mark.parametrize(("total_gib", "share"), [(16, 2 / 3), (64, 0.75)])
async def test_apples_graphics_may_take_only_a_share_of_the_memory_both_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, total_gib: int, share: float
) -> None:
    monkeypatch.setattr("playground.services.machine.machine._is_apple", lambda: True)
    memory = MainMemory(total_gib * GIB, total_gib * GIB)
    monkeypatch.setattr("playground.services.machine.machine.main_memory", lambda: memory)
    looked = await service(tmp_path).machine()
    assert looked.is_unified
    assert looked.cards == ()
    assert looked.ram_free_bytes == round(total_gib * GIB * share)
    # the first verdicts are worked out before anything has been looked at
    assert service(tmp_path).quick().ram_free_bytes == looked.ram_free_bytes


@contextmanager
def program(folder: Path, *, is_own: bool) -> Iterator[str]:
    """Run a program that holds 320 MiB of its own and maps as much; yields its name.

    Unless it `is_own`, the process that started it has ended: it belongs to nobody here.
    """
    name = "memoryhog"
    (folder / name).symlink_to(sys.executable)
    (folder / "mapped").write_bytes(b"\1" * 320 * MIB)
    command = [str(folder / name), "-c", _HOLDER, str(320 * MIB), str(folder / "mapped")]
    if not is_own:
        through = "import subprocess, sys; subprocess.Popen(sys.argv[1:])"
        command = [sys.executable, "-c", through, *command]
    reading, writing = os.pipe()
    with subprocess.Popen(command, stdin=reading, stdout=subprocess.PIPE) as process:
        os.close(reading)
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield name
        finally:
            os.close(writing)


@pytest.mark.skipif(sys.platform != "linux", reason="names a process by its symbolic link")
def test_other_programs_are_named_with_what_closing_them_frees(tmp_path: Path) -> None:
    with program(tmp_path, is_own=False) as name:
        found = {program.name: program.ram_bytes for program in other_programs()}
        assert name in found
        assert 320 * MIB < found[name] < 420 * MIB
        assert list(found.values()) == sorted(found.values(), reverse=True)


@pytest.mark.skipif(sys.platform != "linux", reason="names a process by its symbolic link")
def test_what_this_program_started_is_no_other_program(tmp_path: Path) -> None:
    with program(tmp_path, is_own=True) as name:
        assert name not in {program.name for program in other_programs()}


class Cards:
    """Graphics cards as their makers' interfaces tell of them."""

    def __init__(self, *samples: GpuSample) -> None:
        self.samples = samples
        self.is_closed = False

    def read(self) -> tuple[GpuSample, ...]:
        return self.samples

    def close(self) -> None:
        self.is_closed = True


async def test_cards_count_only_where_this_llama_cpp_can_use_them(tmp_path: Path) -> None:
    card = GpuSample("RTX", memory_used_bytes=2 * GIB, memory_total_bytes=8 * GIB)
    cards = Cards(card)
    opened: list[Cards] = []

    def open_cards() -> AllGpus:
        opened.append(cards)
        return AllGpus([cards])

    bandwidth = Bandwidth(tmp_path / "m.json", lambda: BandwidthReading(20e9))
    without = MachineService(bandwidth, open_cards, lambda: False)
    assert (await without.machine()).cards == ()
    assert opened == []
    able = MachineService(bandwidth, open_cards, lambda: True)
    (found,) = (await able.machine()).cards
    assert (found.name, found.total_bytes, found.free_bytes) == ("RTX", 8 * GIB, 6 * GIB)
    await asyncio.gather(able.machine(), able.machine())
    assert len(opened) == 1
    able.close()
    assert cards.is_closed


def test_the_card_with_most_free_memory_comes_first_and_unknown_memory_does_not_count() -> None:
    found = graphics_cards(
        [
            GpuSample("busy", memory_used_bytes=7 * GIB, memory_total_bytes=8 * GIB),
            GpuSample("idle", memory_used_bytes=0, memory_total_bytes=6 * GIB),
            GpuSample("shares the computer's memory"),
            GpuSample("lies", memory_used_bytes=9 * GIB, memory_total_bytes=8 * GIB),
        ]
    )
    assert [(card.name, card.free_bytes // GIB) for card in found] == [
        ("idle", 6),
        ("busy", 1),
        ("lies", 0),
    ]


@pytest.mark.parametrize("can_use", [True, False])
def test_a_card_without_memory_of_its_own_shares_the_computers(
    tmp_path: Path, can_use: bool
) -> None:
    cards = Cards(GpuSample("NVIDIA GB10", load_percent=37.0))
    bandwidth = Bandwidth(tmp_path / "m.json", lambda: BandwidthReading(20e9))
    machines = MachineService(bandwidth, lambda: AllGpus([cards]), lambda: can_use)
    looked = machines.memory_now()
    assert looked.cards == ()
    assert looked.is_unified is can_use


@pytest.mark.parametrize(("held_gib", "free_gib"), [(0, 6), (1, 7), (5, 8)])
def test_what_this_program_holds_of_a_card_is_free_on_the_one_models_run_on(
    held_gib: int, free_gib: int
) -> None:
    found = graphics_cards(
        [
            GpuSample("small", memory_used_bytes=0, memory_total_bytes=2 * GIB),
            GpuSample("large", memory_used_bytes=2 * GIB, memory_total_bytes=8 * GIB),
        ],
        held_gib * GIB,
    )
    assert [(card.name, card.free_bytes // GIB) for card in found] == [
        ("large", free_gib),
        ("small", 2),
    ]
    assert graphics_cards([], GIB) == ()


@pytest.mark.parametrize(
    ("library", "can"),
    [("libggml-cuda.so", True), ("ggml-vulkan.dll", True), ("libggml.so", False)],
)
def test_a_build_for_cards_is_told_by_its_libraries(
    tmp_path: Path, library: str, can: bool
) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / library).touch()
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    assert uses_cards(lambda _name: spec) is can
    assert not uses_cards(lambda _name: None)


def test_the_llama_cpp_of_these_tests_runs_on_the_processor() -> None:
    assert not uses_cards()


def test_five_kinds_of_computers_are_described_with_their_sources() -> None:
    found = devices()
    assert [device.id for device in found] == ["phone", "laptop", "apple", "gaming", "cloud"]
    for device in found:
        machine = device.machine
        assert machine.source.startswith("https://")
        assert 0 < machine.ram_free_bytes < machine.ram_total_bytes
        assert machine.bandwidth_bytes_per_s is not None
        assert 20e9 < machine.bandwidth_bytes_per_s < 1e12
    by_name = {device.id: device.machine for device in found}
    assert by_name["apple"].is_unified
    assert not by_name["apple"].cards
    assert [device.id for device in found if device.machine.cards] == ["gaming", "cloud"]
    (h100,) = by_name["cloud"].cards
    assert h100.total_bytes == 80_000_000_000
    assert h100.bandwidth_bytes_per_s == 3.35e12
