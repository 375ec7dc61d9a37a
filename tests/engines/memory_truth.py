"""What llama.cpp says it allocates for a model, from its log."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playground.core.requirements.memory import MemoryNeed
from playground.core.targets import LoadSettings

LOGGER = Path(__file__).with_name("llama_log.py")
NEAR_BYTES = 64 << 20


@dataclass(frozen=True)
class Logged:
    """Bytes by the kind of buffer."""

    weights: int
    """What stays mapped of the file."""
    repacked: int
    kv: int
    compute: int


def logged(path: Path, wanted: Sequence[LoadSettings]) -> list[Logged]:
    """Load the model in a child process and return what it logs with each of `wanted`."""
    arguments = [f"{one.context},{one.kv_type},{one.flash_attention}" for one in wanted]
    done = subprocess.run(
        [sys.executable, str(LOGGER), str(path), *arguments],
        capture_output=True,
        check=True,
        timeout=100,
    )
    answer = json.loads(done.stdout)
    assert not answer["failed"], answer["failed"]
    weights = answer["weights"]
    return [
        Logged(
            weights=_bytes(weights, "model"),
            repacked=_bytes(weights, "model", repacked=True),
            kv=_bytes(context, "KV") + _bytes(context, "RS"),
            compute=_bytes(context, "compute") + _bytes(context, "output"),
        )
        for context in answer["contexts"]
    ]


def parts(need: MemoryNeed, truth: Logged) -> dict[str, tuple[int, int]]:
    """Return what is reckoned and what was logged, by the name of the part."""
    assert need.mapped_bytes is not None
    return {
        "weights": (need.mapped_bytes, truth.weights),
        "rearranged": (need.repacked_bytes, truth.repacked),
        "conversation": (need.kv_bytes, truth.kv),
        "working space": (need.compute_bytes, truth.compute),
    }


def is_near(reckoned: int, measured: int, share: float) -> bool:
    """Return True within `share` of what was measured, or within 64 MiB."""
    return abs(reckoned - measured) <= max(share * measured, NEAR_BYTES)


def _bytes(buffers: list[dict[str, Any]], kind: str, *, repacked: bool = False) -> int:
    return sum(
        entry["bytes"]
        for entry in buffers
        if entry["kind"] == kind and (entry["buffer"] == "CPU_REPACK") is repacked
    )
