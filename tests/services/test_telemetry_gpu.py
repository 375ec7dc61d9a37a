"""Graphics cards tell what they can, and no refusal of theirs stops the meters."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pynvml
import pytest

from playground.services.machine.gpu import (
    NO_GPU,
    AllGpus,
    AmdReader,
    AppleReader,
    GpuProcess,
    GpuSample,
    NvidiaReader,
    nvidia_note,
    open_gpus,
)
from playground.services.machine.telemetry import GpuShare, gpu_share
from tests.services.nvml import FakeNvml

HERE, PARENT, NOWHERE = os.getpid(), os.getppid(), 2**22 + 1
"""Processes: this one, the one it came from, and one that no Linux or this computer has."""
CARD = GpuSample("NVIDIA GeForce RTX 4070", 37.0, 5 * 2**30, 12 * 2**30, 61.0, 143.5, 504.048e9)


def test_every_card_is_sampled_in_plain_units() -> None:
    reader = NvidiaReader(FakeNvml())
    assert reader.read() == (CARD, replace(CARD, name="NVIDIA T4"))


@pytest.mark.parametrize(
    ("call", "unknown"),
    [
        ("nvmlDeviceGetName", {"name": "NVIDIA GPU 0"}),
        ("nvmlDeviceGetUtilizationRates", {"load_percent": None}),
        ("nvmlDeviceGetMemoryInfo", {"memory_used_bytes": None, "memory_total_bytes": None}),
        ("nvmlDeviceGetTemperature", {"temperature_c": None}),
        ("nvmlDeviceGetPowerUsage", {"power_w": None}),
        ("nvmlDeviceGetMaxClockInfo", {"bandwidth_bytes_per_s": None}),
        ("nvmlDeviceGetMemoryBusWidth", {"bandwidth_bytes_per_s": None}),
    ],
)
@pytest.mark.parametrize(
    "code",
    [
        pynvml.NVML_ERROR_NOT_SUPPORTED,
        pynvml.NVML_ERROR_GPU_IS_LOST,
        pynvml.NVML_ERROR_UNKNOWN,
        pynvml.NVML_ERROR_FUNCTION_NOT_FOUND,
    ],
)
def test_what_a_card_does_not_tell_is_unknown_and_the_rest_is_shown(
    call: str, unknown: dict[str, str | None], code: int
) -> None:
    reader = NvidiaReader(FakeNvml({call: code}))
    assert reader.read()[0] == replace(CARD, **unknown)


def test_each_process_has_its_part_of_a_card_as_far_as_the_driver_tells() -> None:
    library = FakeNvml()
    library.computing = [(11, 3 * 2**30), (12, 2**30)]
    library.painting = [(11, None), (13, 2**20)]
    library.at_work = [(5, 11, 40), (6, 11, 60), (6, 13, 2), (7, 11, 4_294_967)]
    reader = NvidiaReader(library)
    parts = (
        GpuProcess(11, 50.0, 3 * 2**30),
        GpuProcess(12, 0.0, 2**30),
        GpuProcess(13, 2.0, 2**20),
    )
    assert reader.read()[0].processes == parts
    # what was seen once is not counted again
    assert reader.read()[0].processes == tuple(replace(part, load_percent=0.0) for part in parts)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("nvmlDeviceGetComputeRunningProcesses", None),
        ("nvmlDeviceGetGraphicsRunningProcesses", None),
        ("nvmlDeviceGetProcessUtilization", (GpuProcess(11, None, 2**30),)),
    ],
)
def test_parts_that_a_driver_does_not_tell_are_unknown_and_not_nothing(
    call: str, told: tuple[GpuProcess, ...] | None
) -> None:
    library = FakeNvml({call: pynvml.NVML_ERROR_NOT_SUPPORTED})
    library.computing, library.at_work = [(11, 2**30)], [(5, 11, 40)]
    assert NvidiaReader(library).read()[0].processes == told


def test_a_list_of_no_process_tells_nothing() -> None:
    assert NvidiaReader(FakeNvml()).read()[0].processes is None


def test_a_binding_that_lacks_calls_tells_the_rest() -> None:
    class Old(FakeNvml):
        def __getattribute__(self, name: str) -> object:
            if "Process" in name:
                raise AttributeError(name)
            return super().__getattribute__(name)

    assert NvidiaReader(Old()).read()[0] == CARD


@pytest.mark.parametrize(
    ("cards", "share"),
    [
        ([], GpuShare()),
        ([None], GpuShare()),
        ([{HERE: (40.0, 7)}], GpuShare(40.0, 7)),
        ([{HERE: (40.0, 7)}, {HERE: (10.0, 5)}], GpuShare(40.0, 12)),
        ([{HERE: (None, 7)}], GpuShare(None, 7)),
        ([{HERE: (40.0, None)}, None], GpuShare(40.0, None)),
        ([{PARENT: (40.0, 7)}], GpuShare(0.0, 0)),
        ([{PARENT: (40.0, 7)}, None], GpuShare()),
        ([{NOWHERE: (40.0, 7), PARENT: (1.0, 1)}], GpuShare()),
    ],
)
def test_a_process_has_nothing_of_the_cards_only_where_all_of_them_tell(
    cards: list[dict[int, tuple[float | None, int | None]] | None], share: GpuShare
) -> None:
    samples = [
        GpuSample(
            "Card",
            processes=card and tuple(GpuProcess(pid, *part) for pid, part in card.items()),
        )
        for card in cards
    ]
    assert gpu_share(HERE, samples) == share


@pytest.mark.parametrize(
    ("megahertz", "bits", "gigabytes_per_s"),
    [
        (6_001, 128, 192),  # GTX 1650, GDDR6
        (9_751, 384, 936),  # RTX 3090, GDDR6X
        (12_001, 128, 384),  # RTX 5060 Laptop, GDDR7
        (1_215, 5_120, 1_555),  # A100 40 GB, HBM2
        (3_996, 7_680, 7_672),  # B200, HBM3e
    ],
)
def test_the_bandwidth_is_the_one_on_the_data_sheet(
    megahertz: int, bits: int, gigabytes_per_s: float
) -> None:
    library = FakeNvml()
    library.memory_megahertz, library.bus_bits = megahertz, bits
    bandwidth = NvidiaReader(library).read()[0].bandwidth_bytes_per_s
    assert bandwidth == pytest.approx(gigabytes_per_s * 1e9, rel=0.002)


@pytest.mark.parametrize(("megahertz", "bits"), [(0, 192), (10_501, 0)])
def test_a_clock_or_bus_of_nothing_tells_no_bandwidth(megahertz: int, bits: int) -> None:
    library = FakeNvml()
    library.memory_megahertz, library.bus_bits = megahertz, bits
    assert NvidiaReader(library).read()[0].bandwidth_bytes_per_s is None


@pytest.mark.parametrize("call", ["nvmlDeviceGetCount", "nvmlDeviceGetHandleByIndex"])
def test_a_driver_that_fails_in_between_shows_no_card_and_comes_back(call: str) -> None:
    library = FakeNvml({call: pynvml.NVML_ERROR_UNKNOWN})
    reader = NvidiaReader(library)
    assert reader.read() == ()
    library.errors.clear()
    assert len(reader.read()) == 2


def test_the_driver_is_let_go_even_where_that_fails() -> None:
    library = FakeNvml()
    NvidiaReader(library).close()
    assert not library.is_open
    NvidiaReader(FakeNvml({"nvmlShutdown": pynvml.NVML_ERROR_UNKNOWN})).close()


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, NO_GPU),
        (pynvml.NVML_ERROR_DRIVER_NOT_LOADED, NO_GPU),
        (pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH, "driver does not answer"),
        (pynvml.NVML_ERROR_NO_PERMISSION, "driver does not answer"),
    ],
)
def test_the_note_tells_no_card_from_a_driver_that_fails(code: int, sentence: str) -> None:
    library = FakeNvml({"nvmlInit": code})
    with pytest.raises(pynvml.NVMLError) as caught:
        NvidiaReader(library)
    note = AllGpus([], nvidia_note(library, caught.value)).note(())
    assert note is not None
    assert sentence in note
    assert "processor" in note


def test_there_is_no_note_where_a_card_was_found() -> None:
    gpus = AllGpus([NvidiaReader(FakeNvml())])
    assert gpus.note(gpus.read()) is None


def test_this_computer_can_be_asked_whatever_it_has() -> None:
    gpus = open_gpus()
    samples = gpus.read()
    assert bool(samples) == (gpus.note(samples) is None)
    gpus.close()


def test_an_amd_card_is_read_from_its_drivers_files(tmp_path: Path) -> None:
    device = tmp_path / "card1" / "device"
    (device / "hwmon" / "hwmon3").mkdir(parents=True)
    (tmp_path / "card0" / "device").mkdir(parents=True)  # an Intel card has no such files
    (tmp_path / "card1-DP-1").mkdir()
    for name, content in {
        "gpu_busy_percent": "42\n",
        "mem_info_vram_used": "1073741824\n",
        "mem_info_vram_total": "8589934592\n",
        "hwmon/hwmon3/power1_average": "35000000\n",
        "hwmon/hwmon3/temp1_input": "54000\n",
    }.items():
        (device / name).write_text(content)
    reader = AmdReader(tmp_path)
    whole = GpuSample("AMD GPU (card1)", 42.0, 2**30, 2**33, 54.0, 35.0)
    assert reader.read() == (whole,)
    (device / "gpu_busy_percent").write_text("")
    (device / "mem_info_vram_used").unlink()
    assert reader.read() == (replace(whole, load_percent=None, memory_used_bytes=None),)


def test_an_apple_chip_is_asked_rarely_and_has_no_memory_of_its_own() -> None:
    asked: list[Sequence[str]] = []

    def run(command: Sequence[str]) -> str:
        asked.append(command)
        return (
            "+-o AGXAcceleratorG13X  <class AGXAcceleratorG13X>\n    {\n"
            '      "model" = "Apple M1"\n'
            '      "PerformanceStatistics" = {"In use system memory"=412483584,'
            '"Device Utilization %"=23,"Alloc system memory"=9}\n    }\n'
        )

    reader = AppleReader(run)
    assert reader.read() == reader.read() == (GpuSample("Apple M1", 23.0, 412483584),)
    assert len(asked) == 1


def test_an_ioreg_that_says_nothing_shows_no_card() -> None:
    assert AppleReader(lambda _: "").read() == ()
