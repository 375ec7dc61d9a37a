"""Downloads over real HTTP from a Hub on loopback, and every fault on the way."""

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from playground.core.downloads import Download, DownloadState
from playground.core.errors import DiskFull, DownloadFailed, Offline
from playground.core.hub import HubFile, HubPart
from playground.services.downloads.job import ProgressEstimator
from playground.services.downloads.manager import DownloadManager
from playground.services.downloads.part_file import journal_path, part_path
from tests.servers.hub import HubServer
from tests.servers.hub_content import Generated, sha256_of
from tests.services.downloading import MIB, QUICK, REPO, Place

SIZE = 9 * MIB + 12_345


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


def mounted(*options: object) -> bool:
    return (
        subprocess.run(["mount", *map(str, options)], capture_output=True, check=False).returncode
        == 0
    )


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


async def test_a_model_is_fetched_verified_and_at_its_name(place: Place) -> None:
    item = await place.finished(await place.begin())
    assert item.path == place.models / REPO / "tiny-Q4_K_M.gguf"
    assert digest(item.path) == sha256_of(Generated(SIZE))
    assert (item.received_bytes, item.permille) == (SIZE, 1000)
    assert sorted(path.name for path in item.path.parent.iterdir()) == ["tiny-Q4_K_M.gguf"]


async def test_a_large_file_comes_in_several_ranges_each_byte_once(place: Place) -> None:
    await place.finished(await place.begin())
    served = [entry for entry in place.hub_server.served if "tiny" in entry.path]
    assert len(served) >= 4
    assert sum(entry.count for entry in served) == SIZE


async def test_a_split_model_and_its_projector_come_together(hub: HubServer, place: Place) -> None:
    files = {
        "big-Q8_0-00001-of-00002.gguf": Generated(300_000),
        "big-Q8_0-00002-of-00002.gguf": Generated(200_000),
        "mmproj-big.gguf": Generated(100_000),
    }
    hub.add("acme/Big", files)
    repository = await place.hub.repository("acme/Big")
    item = await place.downloads.add(
        repository, repository.files[0], projector=repository.projectors[0]
    )
    item = await place.finished(item)
    assert {path.name for path in item.folder.iterdir()} == set(files)
    assert item.total_bytes == 600_000


async def test_a_pause_keeps_what_is_here_and_goes_on_from_there(
    hub: HubServer, place: Place
) -> None:
    hub.rate.bytes_per_s = 8 * MIB
    item = await place.begin()
    await place.until(item, lambda item: item.received_bytes > 3 * MIB)
    await place.downloads.pause(item.id)
    paused = place.now(item)
    assert paused.state is DownloadState.PAUSED
    assert paused.speed_bytes_per_s is None
    hub.rate.bytes_per_s = None
    await place.downloads.resume(item.id)
    await place.finished(item)
    # what was on its way when it was paused may be lost: half a megabyte for each open range
    assert hub.bytes_served("tiny") <= SIZE + 4 * 2 * MIB
    assert digest(item.path) == sha256_of(Generated(SIZE))


async def test_a_restart_of_the_program_goes_on(hub: HubServer, place: Place) -> None:
    hub.rate.bytes_per_s = 8 * MIB
    item = await place.begin()
    before = await place.until(item, lambda item: item.received_bytes > 3 * MIB)
    await place.close()
    answers = len(hub.served)
    hub.rate.bytes_per_s = None
    await place.restart()
    after = place.now(item)
    assert after.received_bytes >= before.received_bytes
    await place.finished(item)
    assert hub.bytes_served("tiny", since=answers) <= SIZE - before.received_bytes
    assert digest(item.path) == sha256_of(Generated(SIZE))


async def test_cancelling_leaves_nothing(hub: HubServer, place: Place) -> None:
    hub.rate.bytes_per_s = 4 * MIB
    item = await place.begin()
    await place.until(item, lambda item: item.received_bytes > 0)
    await place.downloads.cancel(item.id)
    assert place.downloads.downloads() == ()
    assert list(item.path.parent.iterdir()) == []


async def test_the_same_again_is_the_one_that_is_there(place: Place) -> None:
    first = await place.begin()
    second = await place.begin()
    assert first.id == second.id
    await place.finished(first)
    third = await place.begin()
    assert (third.id, third.state) == (first.id, DownloadState.DONE)
    assert place.hub_server.bytes_served("tiny") == SIZE


async def test_a_file_that_is_there_already_is_not_fetched_again(
    place: Place, tmp_path: Path
) -> None:
    item = await place.finished(await place.begin())
    await place.downloads.remove(item.id)
    await place.finished(await place.begin())
    assert place.hub_server.bytes_served("tiny") == SIZE


async def test_another_file_of_that_name_is_not_overwritten(place: Place) -> None:
    mine = place.models / REPO / "tiny-Q4_K_M.gguf"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    item = await place.begin()
    item = await place.until(item, lambda item: item.state is DownloadState.FAILED)
    assert item.error is not None
    assert "another file" in item.error.message
    assert mine.read_bytes() == b"mine"


async def test_a_connection_that_breaks_is_taken_up_again(hub: HubServer, place: Place) -> None:
    hub.faults.cut_after, hub.faults.cut_count = MIB, 3
    item = await place.finished(await place.begin())
    assert digest(item.path) == sha256_of(Generated(SIZE))


async def test_a_server_that_falls_silent_is_left_and_asked_again(
    hub: HubServer, place: Place
) -> None:
    hub.faults.stall_after, hub.faults.stall_count = MIB, 1
    item = await place.finished(await place.begin())
    assert digest(item.path) == sha256_of(Generated(SIZE))


async def test_a_fault_of_the_server_is_waited_out(hub: HubServer, place: Place) -> None:
    hub.faults.status, hub.faults.status_count = 503, 4
    item = await place.begin()
    await place.finished(item)


async def test_after_too_many_failures_it_says_so_and_can_be_tried_again(
    hub: HubServer, place: Place
) -> None:
    hub.faults.status, hub.faults.status_count = 500, 10_000
    item = await place.begin()
    item = await place.until(item, lambda item: item.state is DownloadState.FAILED)
    assert item.error is not None
    assert "fault of its own" in item.error.message
    hub.faults.status_count = 0
    await place.downloads.resume(item.id)
    await place.finished(item)


async def test_waiting_for_a_connection_is_shown_and_passes(hub: HubServer, tmp_path: Path) -> None:
    place = Place(hub, tmp_path, replace(QUICK, retries=1000))
    hub.faults.status, hub.faults.status_count = 502, 10_000
    item = await place.begin()
    waiting = await place.until(item, lambda item: item.state is DownloadState.WAITING)
    assert waiting.error is not None
    assert waiting.speed_bytes_per_s is None
    hub.faults.status_count = 0
    await place.finished(item)
    await place.close()


async def test_a_signed_address_that_expires_is_asked_for_anew(
    hub: HubServer, place: Place
) -> None:
    hub.signature_s = 0.2
    hub.rate.bytes_per_s = 12 * MIB
    item = await place.finished(await place.begin())
    assert digest(item.path) == sha256_of(Generated(SIZE))
    asked = [a for a in hub.asked_for("tiny") if a.server == "hub"]
    assert len(asked) > 4


async def test_a_server_without_ranges_sends_the_file_once(hub: HubServer, place: Place) -> None:
    hub.faults.no_ranges = True
    item = await place.finished(await place.begin())
    assert digest(item.path) == sha256_of(Generated(SIZE))


async def test_without_ranges_a_resume_reads_from_the_beginning_and_says_so(
    hub: HubServer, place: Place
) -> None:
    hub.faults.no_ranges = True
    hub.rate.bytes_per_s = 8 * MIB
    item = await place.begin()
    before = await place.until(item, lambda item: item.received_bytes > 3 * MIB)
    await place.downloads.pause(item.id)
    hub.rate.bytes_per_s = None
    await place.downloads.resume(item.id)
    assert place.now(item).received_bytes >= before.received_bytes
    item = await place.finished(item)
    assert item.notice is not None
    assert "from its beginning" in item.notice
    assert digest(item.path) == sha256_of(Generated(SIZE))


async def test_a_server_that_sends_another_range_is_not_believed(
    hub: HubServer, place: Place
) -> None:
    hub.faults.wrong_range = True
    item = await place.begin()
    item = await place.until(item, lambda item: item.state is DownloadState.FAILED)
    assert item.error is not None
    assert "another part" in item.error.message
    assert not item.path.exists()


async def test_a_file_that_changed_meanwhile_starts_again_and_says_so(
    hub: HubServer, place: Place
) -> None:
    hub.rate.bytes_per_s = 8 * MIB
    item = await place.begin()
    await place.until(item, lambda item: item.received_bytes > 3 * MIB)
    await place.downloads.pause(item.id)
    other = Generated(5 * MIB)
    hub.repos[REPO].files["tiny-Q4_K_M.gguf"] = other
    hub.rate.bytes_per_s = None
    await place.downloads.resume(item.id)
    item = await place.finished(item)
    assert item.notice is not None
    assert "changed" in item.notice
    assert item.total_bytes == 5 * MIB
    assert digest(item.path) == sha256_of(other)


async def test_damage_is_found_named_and_fetched_again(hub: HubServer, place: Place) -> None:
    hub.faults.damage = True
    item = await place.begin()
    item = await place.until(item, lambda item: item.state is DownloadState.FAILED)
    assert item.error is not None
    assert item.error.kind == "ChecksumWrong"
    assert "tiny-Q4_K_M.gguf" in item.error.message
    assert not item.path.exists()
    hub.faults.damage = False
    await place.downloads.resume(item.id)
    await place.finished(item)
    assert digest(item.path) == sha256_of(Generated(SIZE))


async def test_damage_on_the_disk_between_two_starts_is_found(hub: HubServer, place: Place) -> None:
    hub.rate.bytes_per_s = 8 * MIB
    item = await place.begin()
    await place.until(item, lambda item: item.received_bytes > 3 * MIB)
    await place.close()
    with part_path(item.path).open("r+b") as file:
        file.write(b"\0" * 64)
    hub.rate.bytes_per_s = None
    await place.restart()
    item = await place.until(item, lambda item: item.state is DownloadState.FAILED)
    assert item.error is not None
    assert item.error.kind == "ChecksumWrong"


async def test_the_token_goes_to_the_hub_and_no_further(hub: HubServer, tmp_path: Path) -> None:
    hub.add(REPO, {"tiny-Q4_K_M.gguf": Generated(SIZE)}, gated="auto")
    place = Place(hub, tmp_path, HF_TOKEN="hf_right")
    await place.finished(await place.begin())
    assert {a.token for a in hub.requests if a.server == "cdn"} == {None}
    assert {a.token for a in hub.requests if a.server == "hub"} == {"hf_right"}
    await place.close()


async def test_a_gated_file_says_what_to_do(hub: HubServer, place: Place) -> None:
    hub.add(REPO, {"tiny-Q4_K_M.gguf": Generated(SIZE)}, gated="auto")
    item = await place.begin()
    item = await place.until(item, lambda item: item.state is DownloadState.FAILED)
    assert item.error is not None
    assert item.error.kind == "RepositoryGated"


async def test_names_that_leave_the_folder_are_refused(place: Place) -> None:
    repository = await place.hub.repository(REPO)
    evil = HubFile((HubPart("../../evil.gguf", 10),))
    with pytest.raises(DownloadFailed, match="not safe"):
        await place.downloads.add(repository, evil)


async def test_a_link_that_leads_out_of_the_models_folder_is_refused(
    place: Place, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    place.models.mkdir()
    (place.models / "acme").symlink_to(outside)
    item = await place.begin()
    item = await place.until(item, lambda item: item.state is DownloadState.FAILED)
    assert item.error is not None
    assert "leads out" in item.error.message
    assert not list(outside.rglob("*.gguf"))


async def test_room_is_looked_for_before_anything_is_fetched_for_all_that_is_queued(
    hub: HubServer, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": SIZE * 3 // 2 + 64_000_000})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    hub.add("acme/Other", {"other-Q8_0.gguf": Generated(SIZE)})
    hub.rate.bytes_per_s = MIB
    await place.begin()
    with pytest.raises(DiskFull, match="queued before it"):
        await place.begin(repo="acme/Other")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounts a small disk")
async def test_a_disk_that_fills_pauses_and_loses_nothing(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = tmp_path / "models"
    disk.mkdir()
    if not mounted("-t", "tmpfs", "-o", "size=5m", "tmpfs", disk):
        pytest.skip("no small disk can be mounted here")
    try:
        plenty = type("Usage", (), {"free": 10**12})
        monkeypatch.setattr(shutil, "disk_usage", lambda _: plenty)
        place = Place(hub, tmp_path)
        item = await place.begin()
        paused = await place.until(item, lambda item: item.state is DownloadState.PAUSED)
        assert paused.error is not None
        assert paused.error.kind == "DiskFull"
        assert paused.received_bytes > 3 * MIB
        assert mounted("-o", "remount,size=64m", disk)
        served = hub.bytes_served("tiny")
        await place.downloads.resume(item.id)
        await place.finished(item)
        assert hub.bytes_served("tiny") - served < SIZE
        assert digest(item.path) == sha256_of(Generated(SIZE))
        await place.close()
    finally:
        subprocess.run(["umount", disk], check=True)


async def test_offline_mode_pauses_and_starts_nothing(hub: HubServer, place: Place) -> None:
    hub.rate.bytes_per_s = 4 * MIB
    item = await place.begin()
    await place.until(item, lambda item: item.received_bytes > 0)
    place.settings.update(offline=True)
    paused = await place.until(item, lambda item: item.state is DownloadState.PAUSED)
    assert paused.error is not None
    assert paused.error.kind == "Offline"
    with pytest.raises(Offline):
        await place.downloads.resume(item.id)


async def test_a_limit_of_bandwidth_is_kept_and_lifted_at_once(
    hub: HubServer, place: Place
) -> None:
    place.settings.update(download_limit_bytes_per_s=1_000_000)
    item = await place.begin()
    await asyncio.sleep(1.0)  # what arrives within a second is what is asked here
    assert place.now(item).received_bytes < 4 * MIB
    place.settings.update(download_limit_bytes_per_s=None)
    await place.finished(item)


async def test_downloads_start_in_the_order_given_by_hand(hub: HubServer, place: Place) -> None:
    place.settings.update(parallel_downloads=1)
    for name in ("B", "C"):
        hub.add(f"acme/{name}", {f"{name}-Q8_0.gguf": Generated(MIB)})
    hub.rate.bytes_per_s = 8 * MIB
    first = await place.begin()
    second = await place.begin(repo="acme/B")
    third = await place.begin(repo="acme/C")
    await place.downloads.move(third.id, 0)
    assert [item.id for item in place.downloads.downloads()] == [third.id, first.id, second.id]
    for item in (first, second, third):
        await place.finished(item)
    asked = [a.path.rpartition("/")[2] for a in hub.asked_for("/resolve/")]
    assert list(dict.fromkeys(asked)) == ["tiny-Q4_K_M.gguf", "C-Q8_0.gguf", "B-Q8_0.gguf"]


async def test_two_programs_do_not_fetch_the_same_file_at_once(
    hub: HubServer, place: Place, tmp_path: Path
) -> None:
    hub.rate.bytes_per_s = 4 * MIB
    item = await place.begin()
    await place.until(item, lambda item: item.received_bytes > 0)
    other = Place(hub, tmp_path)
    # a terminal has no list
    other.downloads = DownloadManager(other.models, None, other.hub, other.settings, limits=QUICK)
    second = await other.begin()
    second = await other.until(second, lambda item: item.state is DownloadState.FAILED)
    assert second.error is not None
    assert "already" in second.error.message
    await other.close()
    hub.rate.bytes_per_s = None
    await place.finished(item)


async def test_a_damaged_list_is_set_aside_and_what_arrived_is_used(
    hub: HubServer, place: Place
) -> None:
    hub.rate.bytes_per_s = 8 * MIB
    item = await place.begin()
    await place.until(item, lambda item: item.received_bytes > 3 * MIB)
    await place.close()
    (place.folder / "downloads.json").write_text("{ not json")
    hub.rate.bytes_per_s = None
    await place.restart()
    assert place.downloads.problem is not None
    served = hub.bytes_served("tiny")
    await place.finished(await place.begin())
    assert hub.bytes_served("tiny") - served <= SIZE - 2 * MIB


async def left_half_done(hub: HubServer, place: Place) -> Download:
    """Close the program in mid-download and build it again; nothing is opened yet."""
    hub.rate.bytes_per_s = 8 * MIB
    item = await place.begin()
    item = await place.until(item, lambda item: item.received_bytes > MIB)
    await place.rebuild()
    hub.rate.bytes_per_s = None
    return item


async def test_a_list_that_was_never_opened_is_left_as_it_is(hub: HubServer, place: Place) -> None:
    item = await left_half_done(hub, place)
    before = place.queue_file.read_bytes()
    for _ in range(2):
        await place.rebuild()
        assert place.queue_file.read_bytes() == before
    await place.restart()
    await place.finished(item)


async def test_what_is_added_before_the_list_is_opened_comes_after_what_was_left(
    hub: HubServer, place: Place
) -> None:
    hub.add("acme/Other", {"other-Q8_0.gguf": Generated(50_000)})
    left = await left_half_done(hub, place)
    added = await place.begin(repo="acme/Other")
    assert [item.id for item in place.downloads.downloads()] == [left.id, added.id]
    await place.restart()
    assert [item.id for item in place.downloads.downloads()] == [left.id, added.id]
    await place.finished(left)


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
@pytest.mark.parametrize("leads_to", ["a drive that is away/downloads.json", "downloads.json"])
async def test_a_list_that_cannot_be_read_now_is_taken_up_when_it_can(
    hub: HubServer, place: Place, leads_to: str
) -> None:
    hub.add("acme/Other", {"other-Q8_0.gguf": Generated(50_000)})
    left = await left_half_done(hub, place)
    elsewhere = place.queue_file.rename(place.folder / "elsewhere")
    place.queue_file.symlink_to(place.folder / leads_to)
    await place.restart()
    assert "left as it is" in (place.downloads.problem or "")
    other = await place.finished(await place.begin(repo="acme/Other"))
    assert place.queue_file.is_symlink()
    place.queue_file.unlink()
    elsewhere.rename(place.queue_file)
    assert (await place.begin()).id == left.id
    await place.finished(left)
    await place.restart()
    assert {item.id for item in place.downloads.downloads()} == {left.id, other.id}
    assert list(place.folder.glob("*damaged*")) == []


async def test_a_damaged_list_that_cannot_be_moved_is_not_written_over(
    hub: HubServer, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.queue_file.write_text("{ not json")

    def refused(path: Path, _target: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "rename", refused)
    await place.restart()
    await place.finished(await place.begin())
    await place.close()
    assert place.queue_file.read_text() == "{ not json"


async def test_a_journal_cut_off_in_a_line_is_still_good(hub: HubServer, place: Place) -> None:
    hub.rate.bytes_per_s = 8 * MIB
    item = await place.begin()
    await place.until(item, lambda item: item.received_bytes > 3 * MIB)
    await place.close()
    journal = journal_path(item.path)
    journal.write_bytes(journal.read_bytes()[:-3])
    hub.rate.bytes_per_s = None
    await place.restart()
    await place.finished(item)
    assert digest(item.path) == sha256_of(Generated(SIZE))


async def test_progress_never_runs_backwards(hub: HubServer, place: Place) -> None:
    hub.faults.cut_after, hub.faults.cut_count = MIB, 2
    hub.rate.bytes_per_s = 16 * MIB
    item = await place.begin()
    seen: list[int] = []
    async for items in place.downloads.follow():
        seen += [entry.received_bytes for entry in items]
        if items[0].state.is_over:
            break
    assert seen == sorted(seen)
    assert place.now(item).state is DownloadState.DONE


async def test_progress_is_exact_above_4_gb(hub: HubServer, place: Place) -> None:
    size = 5_000_000_001
    part = HubPart("huge-Q8_0.gguf", size)
    item = await place.finished(await place.begin())
    huge = replace(
        item,
        parts=(part,),
        state=DownloadState.RUNNING,
        total_bytes=size,
        received_bytes=size - 1,
    )
    assert huge.permille == 999
    assert replace(huge, received_bytes=size).permille == 1000


def test_the_time_left_is_what_the_speed_beside_it_gives() -> None:
    estimator = ProgressEstimator()
    total, received, now = 100_000_000, 0, 0.0
    # slow at first, as a connection is, then fast, then in bursts
    for speed in (0.1e6, 0.1e6, 2.5e6, 9e6, 0.0, 9e6, 2.5e6):
        estimator.update(now, received, total)
        if estimator.bytes_per_s is not None:
            assert estimator.left_s == pytest.approx((total - received) / estimator.bytes_per_s)
        now, received = now + 1, received + int(speed)
    estimator.update(now, received, total)
    estimator.update(now + 120, received, total)
    assert (estimator.bytes_per_s, estimator.left_s) == (None, None)


async def test_a_second_program_shows_the_list_and_takes_it_over_when_the_first_ends(
    hub: HubServer, place: Place
) -> None:
    hub.add("acme/Other", {"other-Q8_0.gguf": Generated(50_000)})
    await place.restart()
    second = Place(hub, place.folder)
    await second.downloads.open()
    hub.rate.bytes_per_s = 8 * MIB
    item = await place.begin()
    await place.until(item, lambda item: item.received_bytes > MIB)
    shown = await second.until(item, lambda item: item.state is DownloadState.ELSEWHERE)
    for ask in (
        second.begin(repo="acme/Other"),
        second.downloads.pause(item.id),
        second.downloads.resume(item.id),
        second.downloads.cancel(item.id),
        second.downloads.remove(item.id),
        second.downloads.move(item.id, 0),
    ):
        with pytest.raises(DownloadFailed, match="another window"):
            await ask
    assert [one.id for one in second.downloads.downloads()] == [shown.id]
    assert place.now(item).state is DownloadState.RUNNING
    await place.close()
    hub.rate.bytes_per_s = None
    await second.finished(item)
    other = await second.finished(await second.begin(repo="acme/Other"))
    await second.close()
    await place.restart()
    assert [one.id for one in place.downloads.downloads()] == [item.id, other.id]


async def test_a_damaged_list_is_left_to_the_program_that_has_it(
    hub: HubServer, place: Place
) -> None:
    item = await place.finished(await place.begin())
    place.queue_file.write_text("{ not json")
    second = Place(hub, place.folder)
    await second.downloads.open()
    assert second.downloads.problem is None
    await second.close()
    await place.downloads.remove(item.id)
    assert json.loads(place.queue_file.read_text()) == {"downloads": []}
    assert not list(place.folder.glob("*damaged*"))
