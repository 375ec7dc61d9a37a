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

from playground.services.downloads.job import TransferLimits
from tests.servers.hub import HubServer, Served
from tests.servers.hub_content import Generated, sha256_of

ROOT = Path(__file__).parents[2]
MIB = 1 << 20
SIZE = 150 * MIB + 77
REPO = "acme/Tiny-GGUF"
NAME = "tiny-Q4_K_M.gguf"
RANGES = TransferLimits().ranges
MOST_AGAIN = 4 * MIB
CHILD = f"""
import asyncio, sys
from pathlib import Path
from playground.app.services import use_hub_transport
from playground.services.downloads.manager import DownloadManager
from playground.services.hub.service import HubService
from playground.store.secrets import SecretStore
from playground.store.settings import SettingsStore

home, variables = Path(sys.argv[1]), {{"HF_ENDPOINT": sys.argv[2], "HF_HOME": sys.argv[1]}}

async def main():
    settings = SettingsStore(home / "settings.json")
    hub = HubService(settings, SecretStore(variables), home / "cache", use_hub_transport, variables)
    downloads = DownloadManager(home / "models", home / "downloads.json", hub, settings)
    await downloads.open()
    if downloads.downloads():
        item = downloads.downloads()[0]
    else:
        repository = await hub.repository("{REPO}")
        item = await downloads.add(repository, repository.files[0])
    async for items in downloads.follow():
        item = next(one for one in items if one.id == item.id)
        if item.state.is_over:
            break
    await downloads.close()
    await hub.close()
    return item.state != "done"

sys.exit(asyncio.run(main()))
"""


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer(rate=60 * MIB) as server:
        server.add(REPO, {NAME: Generated(SIZE)})
        yield server


def started(home: Path, hub: HubServer) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(home), hub.endpoint], cwd=ROOT, stdout=subprocess.DEVNULL
    )


def fetched_again(before: list[Served], after: list[Served]) -> list[int]:
    """Return for each range that was open or done before how much of it was sent once more."""
    return [
        sum(
            max(0, min(old.start + old.count, new.start + new.count) - max(old.start, new.start))
            for new in after
        )
        for old in before
    ]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_after_a_kill_little_is_fetched_again(hub: HubServer, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    known = 0
    for _ in range(3):
        goal = hub.bytes_served(NAME) + chance.randrange(22 * MIB, 40 * MIB)
        child = started(tmp_path, hub)
        deadline = time.monotonic() + 60
        while hub.bytes_served(NAME) < goal:
            assert child.poll() is None, "it ended before it was killed"
            assert time.monotonic() < deadline
            time.sleep(0.005)
        child.kill()
        child.wait()
        assert not list(tmp_path.rglob(NAME)), "an unfinished file has the final name"
        again = fetched_again(hub.served[:known], hub.served[known:])
        assert max(again, default=0) <= MOST_AGAIN
        assert sum(again) <= RANGES * MOST_AGAIN
        known = len(hub.served)
    hub.rate.bytes_per_s = None
    last = started(tmp_path, hub)
    assert last.wait(60) == 0
    (path,) = tmp_path.rglob(NAME)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256_of(Generated(SIZE))
    again = fetched_again(hub.served[:known], hub.served[known:])
    assert max(again) <= MOST_AGAIN
    assert sum(again) <= RANGES * MOST_AGAIN


COMMANDS = [["models"], ["monitor", "--json", "--count", "1"], ["providers", "list"]]


def in_terminal(home: Path, *words: str) -> None:
    variables = {**os.environ, "PLAYGROUND_HOME": str(home), "HF_HOME": str(home / "hf")}
    done = subprocess.run(
        [sys.executable, "-m", "playground", *words],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_commands_in_a_terminal_leave_a_download_on_the_list(
    hub: HubServer, tmp_path: Path
) -> None:
    child = started(tmp_path, hub)
    deadline = time.monotonic() + 60
    while hub.bytes_served(NAME) < MIB:
        assert child.poll() is None, "it ended before it was killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    child.kill()
    child.wait()
    queue_file = tmp_path / "downloads.json"
    before = queue_file.read_bytes()
    assert REPO.encode() in before
    for words in COMMANDS:
        in_terminal(tmp_path, *words)
        assert queue_file.read_bytes() == before, words
    hub.rate.bytes_per_s = None
    assert started(tmp_path, hub).wait(60) == 0
    assert list(tmp_path.rglob(NAME))


def test_a_damaged_list_is_left_for_who_opens_it(tmp_path: Path) -> None:
    queue_file = tmp_path / "downloads.json"
    queue_file.write_text('{"downloads": [{"repo": "acme')
    before = queue_file.read_bytes()
    for words in COMMANDS:
        in_terminal(tmp_path, *words)
    assert queue_file.read_bytes() == before
