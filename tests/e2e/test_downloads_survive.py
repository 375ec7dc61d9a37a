"""A program that is killed while it downloads, again and again, and goes on each time."""

import hashlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from playground.services.download_limits import TransferLimits
from tests.servers.hub import HubServer
from tests.servers.hub_content import Generated, sha256_of

ROOT = Path(__file__).parents[2]
MIB = 1 << 20
SIZE = 48 * MIB + 77
REPO = "acme/Tiny-GGUF"
NAME = "tiny-Q4_K_M.gguf"
RANGES = TransferLimits().ranges
MOST_AGAIN = 4 * MIB


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer(rate=24 * MIB) as server:
        server.add(REPO, {NAME: Generated(SIZE)})
        yield server


def started(home: Path, hub: HubServer) -> "subprocess.Popen[bytes]":
    environment = {
        **os.environ,
        "PLAYGROUND_HOME": str(home),
        "HF_ENDPOINT": hub.endpoint,
        "HF_HOME": str(home / "hf"),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
    }
    command = [sys.executable, "-m", "playground", "hub", "download", REPO, NAME]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_after_a_kill_little_is_fetched_again(hub: HubServer, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    kills = 0
    while kills < 3:
        served = hub.bytes_served(NAME)
        goal = min(served + chance.randrange(2 * MIB, 14 * MIB), SIZE - MIB)
        child = started(tmp_path, hub)
        deadline = time.monotonic() + 60
        while hub.bytes_served(NAME) < goal:
            assert child.poll() is None, "it ended before it was killed"
            assert time.monotonic() < deadline
            time.sleep(0.005)
        child.kill()
        child.wait()
        kills += 1
        assert not list(tmp_path.rglob(NAME)), "an unfinished file has the final name"
    hub.rate.bytes_per_s = None
    last = started(tmp_path, hub)
    assert last.wait(60) == 0
    (path,) = tmp_path.rglob(NAME)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256_of(Generated(SIZE))
    again = hub.bytes_served(NAME) - SIZE
    assert again <= kills * RANGES * MOST_AGAIN
