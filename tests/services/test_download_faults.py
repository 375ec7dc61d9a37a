"""Downloads between servers that lie, networks that stand in the way, and disks that change."""

import asyncio
import hashlib
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from playground.core.downloads import DownloadState
from playground.core.errors import DownloadFailed
from playground.core.hub import HubPart
from playground.network.traffic import Traffic
from playground.services.downloads import part_file as download_file
from playground.services.downloads.http import ConnectionBroke, RangeClient
from playground.services.downloads.part_file import (
    InUse,
    PartFile,
    delete_partial,
    journal_path,
    part_path,
)
from playground.services.hub.service import DownloadSource
from tests.servers import hub as server
from tests.servers.hub import HubServer
from tests.servers.hub_content import Generated, pieces, sha256_of
from tests.services.downloading import MIB, QUICK, REPO, Place

SIZE = 9 * MIB + 12_345
WHOLE = sha256_of(Generated(SIZE))


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        server.add(REPO, {"tiny-Q4_K_M.gguf": Generated(SIZE)})
        yield server


@pytest.fixture
async def place(hub: HubServer, tmp_path: Path) -> AsyncIterator[Place]:
    made = Place(hub, tmp_path)
    yield made
    await made.close()


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def part_of(path: Path, size: int = MIB) -> HubPart:
    return HubPart(path.name, size, sha256_of(Generated(size)))


# what a server or a network does


@pytest.mark.parametrize("through_cdn", [True, False])
async def test_a_networks_login_page_costs_nothing_of_what_is_here(
    hub: HubServer, place: Place, through_cdn: bool
) -> None:
    hub.cdn_above = 10_000 if through_cdn else None
    hub.rate.bytes_per_s = 8 * MIB
    item = await place.begin()
    before = await place.until(item, lambda item: item.received_bytes > 3 * MIB)
    await place.downloads.pause(item.id)
    hub.faults.portal = True
    await place.downloads.resume(item.id)
    item = await place.until(item, lambda item: item.state is DownloadState.FAILED)
    assert item.error is not None
    assert "log in" in item.error.message
    assert item.received_bytes >= before.received_bytes
    hub.faults.portal = False
    hub.rate.bytes_per_s = None
    answers = len(hub.served)
    await place.downloads.resume(item.id)
    await place.finished(item)
    assert hub.bytes_served("tiny", since=answers) <= SIZE - before.received_bytes
    assert digest(item.path) == WHOLE


async def test_a_fresh_address_that_is_refused_is_asked_for_again(
    hub: HubServer, place: Place
) -> None:
    hub.faults.expired_count = 3
    item = await place.finished(await place.begin())
    assert digest(item.path) == WHOLE


async def test_a_server_that_gives_out_another_size_each_time_is_given_up(
    hub: HubServer, place: Place
) -> None:
    real = hub.sign

    def other(path: str) -> str:
        # the Hub says one thing, its CDN has another
        return real(path.replace("tiny-Q4_K_M", "other-Q8_0"))

    hub.repos[REPO].files["other-Q8_0.gguf"] = Generated(SIZE // 2)
    hub.sign = other  # type: ignore[method-assign]  # a CDN gone astray
    repository = await place.hub.repository(REPO)
    file = next(file for file in repository.files if "tiny" in file.path)
    item = await place.downloads.add(repository, file)
    item = await place.until(item, lambda item: item.state is DownloadState.FAILED)
    assert item.error is not None
    assert not item.path.exists()


async def test_a_small_file_is_checked_by_gits_name_for_it(hub: HubServer, place: Place) -> None:
    hub.add("acme/Small", {"small-Q8_0.gguf": b"GGUF" * 1000})
    hub.faults.damage = True
    item = await place.begin(repo="acme/Small")
    item = await place.until(item, lambda item: item.state is DownloadState.FAILED)
    assert item.error is not None
    assert item.error.kind == "ChecksumWrong"
    hub.faults.damage = False
    await place.downloads.resume(item.id)
    item = await place.finished(item)
    assert item.path.read_bytes() == b"GGUF" * 1000
    assert item.notice is None


async def test_a_file_without_any_checksum_says_that_only_its_size_was_checked(
    hub: HubServer, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a mirror with names of its own
    monkeypatch.setattr(server, "blob_id_of", lambda _: "v1-of-this-file")
    hub.add("acme/Small", {"small-Q8_0.gguf": b"GGUF" * 1000})
    item = await place.finished(await place.begin(repo="acme/Small"))
    assert item.path.read_bytes() == b"GGUF" * 1000
    assert item.notice is not None
    assert "only its size" in item.notice


async def test_a_download_through_broken_and_silent_connections_arrives_whole(
    hub: HubServer, tmp_path: Path
) -> None:
    place = Place(hub, tmp_path, replace(QUICK, stall_s=0.5, retries=20))
    hub.faults.cut_after, hub.faults.cut_count = 300_000, 12
    hub.faults.stall_after, hub.faults.stall_count = 200_000, 2
    hub.faults.expired_count = 2
    hub.faults.status, hub.faults.status_count = 503, 3
    item = await place.finished(await place.begin())
    assert digest(item.path) == WHOLE
    await place.close()


async def test_a_server_that_wants_time_is_given_it(hub: HubServer, place: Place) -> None:
    hub.faults.status, hub.faults.status_count = 429, 1
    hub.faults.status_headers = {"Retry-After": "1"}
    began = time.perf_counter()
    await place.finished(await place.begin())
    assert time.perf_counter() - began >= 1


async def test_pausing_does_not_wait_for_a_server_that_is_silent(
    hub: HubServer, tmp_path: Path
) -> None:
    place = Place(hub, tmp_path, replace(QUICK, stall_s=60.0))
    hub.faults.slow_first_byte_s = 60.0
    item = await place.begin()
    while not hub.asked_for("tiny", "cdn"):
        await asyncio.sleep(0.01)
    await asyncio.wait_for(place.downloads.pause(item.id), 5)
    assert place.now(item).state is DownloadState.PAUSED
    assert [t.name for t in threading.enumerate() if t.name in {"range", "checksum"}] == []
    await place.close()


async def test_closing_ends_every_thread(hub: HubServer, tmp_path: Path) -> None:
    place = Place(hub, tmp_path, replace(QUICK, stall_s=60.0))
    hub.faults.stall_after, hub.faults.stall_count = MIB, 4
    item = await place.begin()
    await place.until(item, lambda item: item.received_bytes > 0)
    await asyncio.wait_for(place.close(), 5)
    names = {"range", "checksum", "download"}
    assert [t.name for t in threading.enumerate() if t.name in names] == []


async def test_a_paused_download_stays_paused_when_another_ends(
    hub: HubServer, place: Place
) -> None:
    hub.add("acme/Other", {"other-Q8_0.gguf": Generated(2 * MIB)})
    place.settings.update(parallel_downloads=2)
    hub.rate.bytes_per_s = 6 * MIB
    first = await place.begin()
    second = await place.begin(repo="acme/Other")
    await place.until(first, lambda item: item.received_bytes > 0)
    await place.downloads.pause(first.id)
    await place.finished(second)
    assert place.now(first).state is DownloadState.PAUSED
    here = place.now(first).received_bytes
    served = hub.bytes_served("tiny")
    await place.until(second, lambda item: item.state is DownloadState.DONE)
    assert (place.now(first).received_bytes, hub.bytes_served("tiny")) == (here, served)


async def test_more_at_once_takes_effect_at_once(hub: HubServer, place: Place) -> None:
    await place.downloads.open()
    hub.add("acme/Other", {"other-Q8_0.gguf": Generated(SIZE)})
    place.settings.update(parallel_downloads=1)
    hub.rate.bytes_per_s = 2 * MIB
    await place.begin()
    second = await place.begin(repo="acme/Other")
    assert place.now(second).state is DownloadState.QUEUED
    place.settings.update(parallel_downloads=2)
    await place.until(second, lambda item: item.received_bytes > 0)


# what a disk does


async def test_a_folder_that_may_not_be_written_to_is_named(hub: HubServer, place: Place) -> None:
    place.models.mkdir()
    (place.models / "acme").write_bytes(b"a file where a folder should be")
    item = await place.begin()
    item = await place.until(item, lambda item: item.state is DownloadState.FAILED)
    assert item.error is not None
    assert str(place.models) in item.error.message


@pytest.mark.skipif(os.name == "nt", reason="an open file cannot be deleted there")
async def test_a_folder_that_goes_is_noticed_and_a_retry_starts_again(
    hub: HubServer, place: Place
) -> None:
    hub.rate.bytes_per_s = 8 * MIB
    item = await place.begin()
    await place.until(item, lambda item: item.received_bytes > MIB)
    for path in item.path.parent.iterdir():
        path.unlink()
    item.path.parent.rmdir()
    item = await place.until(item, lambda item: item.state is DownloadState.FAILED)
    assert item.error is not None
    assert "deleted or moved" in item.error.message
    hub.rate.bytes_per_s = None
    await place.downloads.resume(item.id)
    await place.finished(item)
    assert digest(item.path) == WHOLE


async def test_a_file_that_came_to_the_name_meanwhile_is_not_overwritten(
    hub: HubServer, place: Place
) -> None:
    hub.rate.bytes_per_s = 8 * MIB
    item = await place.begin()
    await place.until(item, lambda item: item.received_bytes > MIB)
    item.path.write_bytes(b"mine")
    hub.rate.bytes_per_s = None
    item = await place.until(item, lambda item: item.state is DownloadState.FAILED)
    assert item.path.read_bytes() == b"mine"
    item.path.unlink()
    served = hub.bytes_served("tiny")
    await place.downloads.resume(item.id)
    await place.finished(item)
    assert hub.bytes_served("tiny") == served


def test_long_names_that_differ_at_their_ends_gather_in_different_places(tmp_path: Path) -> None:
    stem = "m" * 220
    targets = [tmp_path / f"{stem}-0000{number}-of-00002.gguf" for number in (1, 2)]
    assert len({part_path(target) for target in targets}) == 2
    for target in targets:
        with PartFile(target, part_of(target)):
            pass
    assert len("ü" * 126 + ".gguf") < 255
    with PartFile(tmp_path / ("ü" * 124 + ".gguf"), part_of(targets[0])):
        pass


def test_what_is_left_of_a_longer_file_is_cut_off(tmp_path: Path) -> None:
    target = tmp_path / "a.gguf"
    part_path(target).write_bytes(b"x" * 2 * MIB)
    data = b"".join(pieces(Generated(MIB), 0, MIB))
    with PartFile(target, part_of(target)) as file:
        file.write(0, data)
        file.finish()
    assert target.read_bytes() == data


def test_after_a_power_cut_only_what_was_on_the_disk_itself_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "a.gguf"
    with PartFile(target, part_of(target)) as file:
        file.write(0, b"a" * 1000)
        file.sync()
        file.write(5000, b"b" * 1000)
    with PartFile(target, part_of(target)) as file:
        assert file.received_bytes == 2000
    monkeypatch.setattr(download_file, "_system_start", lambda: "another start")
    with PartFile(target, part_of(target)) as file:
        assert file.received_bytes == 1000


def test_a_journal_full_of_rubbish_claims_nothing(tmp_path: Path) -> None:
    target = tmp_path / "a.gguf"
    with PartFile(target, part_of(target)) as file:
        file.write(0, b"a" * 1000)
    journal = journal_path(target)
    lines = journal.read_text().splitlines()
    rubbish = ["-5 10", "5", "900 100", "0 99999999", "a b", "1 2 3 4", "0 50 maybe", "", "\0\0"]
    journal.write_text("\n".join([*lines, *rubbish]))
    with PartFile(target, part_of(target)) as file:
        assert file.received_bytes == 1000
    for text in ("", "{", "[]", '{"size": "many"}', "\xff"):
        journal.write_text(text)
        with PartFile(target, part_of(target)) as file:
            assert file.received_bytes == 0


def test_what_another_program_fetches_is_not_deleted_under_it(tmp_path: Path) -> None:
    target = tmp_path / "a.gguf"
    with PartFile(target, part_of(target)) as file:
        file.write(0, b"a" * 1000)
        delete_partial(target)
        assert part_path(target).exists()
        with pytest.raises(InUse):
            PartFile(target, part_of(target))
    delete_partial(target)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_in_the_place_of_the_part_file_is_not_followed(tmp_path: Path) -> None:
    target, victim = tmp_path / "a.gguf", tmp_path / "victim"
    victim.write_bytes(b"mine")
    part_path(target).symlink_to(victim)
    with pytest.raises(DownloadFailed):
        PartFile(target, part_of(target))
    assert victim.read_bytes() == b"mine"


def test_a_range_client_that_was_broken_off_opens_nothing_more(hub: HubServer) -> None:
    commit = hub.repos[REPO].commit
    url = f"{hub.endpoint}/{REPO}/resolve/{commit}/tiny-Q4_K_M.gguf"
    client = RangeClient(lambda: DownloadSource(url, {}), 5.0, 4, Traffic())
    opened = client.open(0, 1000)
    assert len(opened.read(1000)) == 1000
    opened.close()
    client.pool.abort()
    # the connection that was kept is of no use, nor is a new one
    with pytest.raises(ConnectionBroke):
        client.open(0, 1000)
    client.pool.close()


def test_a_server_without_a_fault_is_asked_over_few_connections(hub: HubServer) -> None:
    commit = hub.repos[REPO].commit
    url = f"{hub.endpoint}/{REPO}/resolve/{commit}/tiny-Q4_K_M.gguf"
    client = RangeClient(lambda: DownloadSource(url, {}), 5.0, 4, Traffic())
    for start in range(0, 5000, 1000):
        opened = client.open(start, start + 1000)
        data = b""
        while len(data) < 1000:
            data += opened.read(1000 - len(data))
        assert data == b"".join(pieces(Generated(SIZE), start, start + 1000))
        opened.close()
    client.pool.close()
    # the Hub is asked once: the address it gave holds for the ranges after
    assert len(hub.asked_for("tiny", "hub")) == 1
    assert len(hub.asked_for("tiny", "cdn")) == 5
