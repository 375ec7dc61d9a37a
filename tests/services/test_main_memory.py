"""The memory a container leaves, told by the files of both versions of control groups."""

from collections.abc import Callable, Mapping
from pathlib import Path

import psutil
import pytest

from playground.services.machine.machine import Bandwidth, BandwidthReading, MachineService
from playground.services.machine.memory import MainMemory, main_memory

MIB = 1 << 20
SYSTEM = psutil.virtual_memory()
LIMIT = SYSTEM.total // 4
MUCH = 2**63 - 4096
"""What the older version says where there is no limit."""
Look = Callable[[str, Mapping[str, object]], MainMemory]


@pytest.fixture
def look(tmp_path: Path) -> Look:
    def look(own: str, files: Mapping[str, object]) -> MainMemory:
        for name, value in files.items():
            path = tmp_path / "groups" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{value}\n")
        (tmp_path / "own").write_text(own)
        return main_memory(tmp_path / "groups", tmp_path / "own")

    return look


V2 = {"cgroup.controllers": "cpu io memory"}


def test_the_limit_of_a_container_counts_and_files_kept_in_memory_are_free(look: Look) -> None:
    memory = look(
        "0::/\n",
        {
            **V2,
            "memory.max": LIMIT,
            "memory.current": 100 * MIB,
            "memory.stat": f"anon {60 * MIB}\nactive_file {10 * MIB}\ninactive_file {20 * MIB}",
        },
    )
    assert memory == MainMemory(LIMIT, LIMIT - 70 * MIB)
    assert memory.used_bytes == 70 * MIB


def test_the_strictest_group_around_the_process_counts(look: Look) -> None:
    memory = look(
        "0::/outer/inner\n",
        {
            **V2,
            "outer/memory.max": LIMIT,
            "outer/memory.current": LIMIT - MIB,
            "outer/inner/memory.max": "max",
            "outer/inner/memory.high": LIMIT // 2,
            "outer/inner/memory.current": MIB,
        },
    )
    assert memory == MainMemory(LIMIT // 2, MIB)


def test_the_older_version_is_understood_also_where_the_path_is_the_hosts(look: Look) -> None:
    memory = look(
        "9:name=systemd:/\n4:cpu,memory:/docker/0a1b\n0::/\n",
        {
            "memory/memory.limit_in_bytes": LIMIT,
            "memory/memory.usage_in_bytes": 100 * MIB,
            "memory/memory.stat": f"inactive_file {MIB}\ntotal_inactive_file {30 * MIB}",
        },
    )
    assert memory == MainMemory(LIMIT, LIMIT - 70 * MIB)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {**V2, "memory.current": MIB},
        {**V2, "memory.max": "max", "memory.current": MIB},
        {**V2, "memory.max": SYSTEM.total * 2, "memory.current": MIB},
        {**V2, "memory.max": "nonsense", "memory.current": MIB},
        {"memory/memory.limit_in_bytes": MUCH, "memory/memory.usage_in_bytes": MIB},
    ],
)
def test_without_a_limit_it_is_the_computers_memory(
    look: Look, files: Mapping[str, object]
) -> None:
    memory = look("0::/a/b\n", files)
    assert memory.total_bytes == SYSTEM.total
    assert memory.available_bytes > 0


def test_a_container_that_is_full_has_nothing_left(look: Look) -> None:
    memory = look("0::/", {**V2, "memory.max": LIMIT, "memory.current": LIMIT + MIB})
    assert memory == MainMemory(LIMIT, 0)


def test_verdicts_and_meters_go_by_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = MainMemory(500 * MIB, 200 * MIB)
    for name in ("machine", "telemetry"):
        monkeypatch.setattr(f"playground.services.machine.{name}.main_memory", lambda: small)
    looked = MachineService(Bandwidth(tmp_path / "m.json", lambda: BandwidthReading(20e9))).quick()
    assert (looked.ram_total_bytes, looked.ram_free_bytes) == (500 * MIB, 200 * MIB)
