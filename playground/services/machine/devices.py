"""Kinds of computers, from `resources/devices.toml`: for “Where else would it run?”."""

import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Any

from playground.core.machine import GraphicsCard, Machine
from playground.resources import resource


@dataclass(frozen=True, slots=True)
class Device:
    """A kind of computer, with what of it would be free for a model."""

    id: str
    name: str
    machine: Machine


@cache
def devices() -> tuple[Device, ...]:
    """Return every device, in the order of the file."""
    with resource("devices.toml").open("rb") as file:
        return tuple(_device(name, data) for name, data in tomllib.load(file).items())


def _device(name: str, data: dict[str, Any]) -> Device:
    ram = int(data["ram_bytes"])
    cards: tuple[GraphicsCard, ...] = ()
    if "graphics_bytes" in data:
        memory, bandwidth = int(data["graphics_bytes"]), float(data["graphics_bandwidth"])
        cards = (GraphicsCard(data["graphics"], memory, memory, bandwidth),)
    machine = Machine(
        name=data["name"],
        ram_total_bytes=ram,
        ram_free_bytes=round(ram * float(data["free_share"])),
        cards=cards,
        is_unified=bool(data.get("unified", False)),
        bandwidth_bytes_per_s=float(data["bandwidth"]),
        source=data["source"],
    )
    return Device(name, data["name"], machine)
