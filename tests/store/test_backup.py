"""Backups: whole, without keys, and taken over without losing anything."""

import json
import sqlite3
import stat
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path

import pytest

from playground.core.errors import StorageFailed
from playground.core.prompt_sets import PromptSet
from playground.core.runs import INTERRUPTED, RunOrder, RunStatus, Thumb, Turn
from playground.core.targets import Provider, Tier
from playground.store.backup import Backups, Restored
from playground.store.database import VERSION, Database
from playground.store.evaluations import EvaluationStore
from playground.store.history import ComparisonStore
from playground.store.settings import SettingsStore, ThemeMode, WindowState
from tests.store.history import (
    GIVEN,
    INDIE,
    full_disk,
    rivers_evaluation,
    save,
    save_evaluation,
    waiting_run,
)


class Home:
    """History, settings and backups of one computer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = Database(folder / "history.sqlite3")
        self.store = ComparisonStore(self.database)
        self.evaluations = EvaluationStore(self.database)
        self.settings = SettingsStore(folder / "settings.json")
        self.backups = Backups(self.database, self.store, self.settings, folder / "cache")

    async def titles(self, query: str = "") -> list[str]:
        return [found.title for found in await self.store.search(query)]


@asynccontextmanager
async def home_in(folder: Path) -> AsyncIterator[Home]:
    home = Home(folder)
    await home.database.open()
    yield home
    await home.store.close()
    await home.database.close()


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    async with home_in(tmp_path / "here") as opened:
        yield opened


@pytest.fixture
async def other(tmp_path: Path) -> AsyncIterator[Home]:
    async with home_in(tmp_path / "there") as opened:
        yield opened


@pytest.fixture
async def backup(home: Home, tmp_path: Path) -> Path:
    """A backup of two comparisons and dark colours."""
    await save(home.store, "a", "About whales")
    await save(home.store, "b", "About wolves")
    await home.store.set_thumb("a-run0", Thumb.UP)
    await home.store.set_note("a-turn0", "Krill!")
    home.settings.update(theme=ThemeMode.DARK, window=WindowState(page="history"))
    path = tmp_path / "backup.zip"
    assert await home.backups.back_up(path) == 2
    return path


async def test_another_computer_has_everything_after_restoring(
    home: Home, other: Home, backup: Path
) -> None:
    assert await other.backups.restore(backup) == Restored(added=2, known=0)
    assert await other.store.load("a") == await home.store.load("a")
    (turn,) = (await other.store.load("a")).turns
    assert (turn.note, turn.thumbs) == ("Krill!", (("a-run0", Thumb.UP),))
    assert await other.titles("krill") == ["About whales"]
    assert await other.store.timeline("a-run0") == await home.store.timeline("a-run0")
    assert await other.titles("wolv") == ["About wolves"]
    assert other.settings.settings.theme is ThemeMode.DARK
    assert other.settings.settings.window == WindowState()


async def test_what_is_here_stays_and_what_was_deleted_is_back(home: Home, backup: Path) -> None:
    await save(home.store, "c", "Since then")
    await home.store.delete("a")
    assert await home.backups.restore(backup) == Restored(added=0, known=2)
    assert set(await home.titles()) == {"About whales", "About wolves", "Since then"}
    assert await home.backups.restore(backup) == Restored(added=0, known=2)
    assert len(await home.titles("about")) == 2


async def test_sets_and_evaluations_come_with_their_answers(
    home: Home, other: Home, tmp_path: Path
) -> None:
    evaluation = rivers_evaluation()
    await save(home.store, "a", "About whales")
    await save_evaluation(home.evaluations, evaluation, answers=2)
    await home.evaluations.claim(evaluation.id)
    path = tmp_path / "backup.zip"
    assert await home.backups.back_up(path) == 1, "answers of evaluations are no comparisons"
    restored = Restored(added=1, known=0, sets=1, evaluations=1)
    assert await other.backups.restore(path) == restored
    assert await other.backups.restore(path) == Restored(added=0, known=1)
    assert await other.evaluations.sets() == await home.evaluations.sets()
    assert await other.evaluations.load(evaluation.id) == evaluation
    results = await other.evaluations.results(evaluation.id)
    assert results == await home.evaluations.results(evaluation.id)
    answer = (await other.store.load(results[0].comparison_id)).turns[0].runs[0]
    assert answer.text == "The Nile"
    assert await other.store.prompt_ids(answer.id) == GIVEN.prompt_ids
    assert await other.titles() == ["About whales"]
    (owner,) = await other.database.read(
        lambda c: c.execute("SELECT owner FROM evaluations").fetchone()
    )
    assert owner is None


async def test_an_evaluation_that_is_here_stays_as_it_is(home: Home, tmp_path: Path) -> None:
    evaluation = rivers_evaluation()
    path = tmp_path / "backup.zip"
    await save_evaluation(home.evaluations, evaluation, answers=2)
    await home.backups.back_up(path)
    (*_, last) = await home.evaluations.results(evaluation.id)
    await home.database.write(
        lambda c: (
            c.execute("DELETE FROM evaluation_units WHERE case_id = 'k2'"),
            c.execute("DELETE FROM comparisons WHERE id = ?", (last.comparison_id,)),
        )
    )
    assert await home.backups.restore(path) == Restored(added=0, known=0)
    assert [found.unit.case for found in await home.evaluations.results(evaluation.id)] == ["k1"]
    with pytest.raises(StorageFailed):
        await home.store.load(last.comparison_id)


async def test_a_deleted_evaluation_stays_out_and_comes_back_from_an_older_backup(
    home: Home, tmp_path: Path
) -> None:
    evaluation = rivers_evaluation()
    await save_evaluation(home.evaluations, evaluation)
    await home.backups.back_up(tmp_path / "older.zip")
    await home.evaluations.delete(evaluation.id)
    await home.evaluations.delete_set("s1")
    await home.backups.back_up(tmp_path / "newer.zip")
    assert await home.backups.restore(tmp_path / "newer.zip") == Restored(0, 0)
    assert await home.backups.restore(tmp_path / "older.zip") == Restored(0, 0, 1, 1)
    assert len(await home.evaluations.results(evaluation.id)) == 1


async def test_a_set_whose_name_is_taken_gets_another(
    home: Home, other: Home, tmp_path: Path
) -> None:
    await home.evaluations.save_set(PromptSet("mine", "Rivers"))
    await home.backups.back_up(tmp_path / "backup.zip")
    await other.evaluations.save_set(PromptSet("theirs", "rivers"))
    assert (await other.backups.restore(tmp_path / "backup.zip")).sets == 1
    found = {each.id: each.name for each in await other.evaluations.sets()}
    assert found == {"theirs": "rivers", "mine": "Rivers (2)"}


async def test_a_backup_holds_no_key_and_nothing_deleted(home: Home, tmp_path: Path) -> None:
    await save(home.store, "a", "Kept")
    await save(home.store, "b", "Deleted and secret")
    await home.store.delete("b")
    provider = Provider("x", "X", "https://me:planted-1@x.example/v1", Tier.STUDIO)
    home.settings.update(proxy="http://me:planted-2@proxy.example:3128", providers=(provider,))
    path = tmp_path / "backup.zip"
    assert await home.backups.back_up(path) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with zipfile.ZipFile(path) as packed:
        content = b"".join(packed.read(name) for name in packed.namelist())
    assert b"planted" not in content
    assert b"proxy.example:3128" in content
    assert b"Kept" in content
    assert b"secret" not in content


async def test_a_run_that_was_on_its_way_is_interrupted(
    home: Home, other: Home, tmp_path: Path
) -> None:
    await save(home.store, "a", "Begun")
    run = waiting_run("late", INDIE)
    await home.store.save_turn("a", Turn("t2", "And then?", RunOrder.FAIR))
    await home.store.save_run("t2", replace(run, status=RunStatus.WRITING))
    await home.backups.back_up(tmp_path / "backup.zip")
    with zipfile.ZipFile(tmp_path / "backup.zip") as packed:
        packed.extractall(tmp_path / "taken apart")
    with closing(sqlite3.connect(tmp_path / "taken apart" / "history.sqlite3")) as connection:
        connection.execute("UPDATE runs SET owner = '1:0:gone' WHERE id = 'late'")
        connection.commit()
    with zipfile.ZipFile(tmp_path / "again.zip", "w") as packed:
        for part in (tmp_path / "taken apart").iterdir():
            packed.write(part, part.name)
    await other.backups.restore(tmp_path / "again.zip")
    ended = (await other.store.load("a")).turns[1].runs[0]
    assert (ended.status, ended.finish_reason) == (RunStatus.CANCELLED, INTERRUPTED)


@pytest.mark.parametrize("damage", ["no zip", "other zip", "history", "settings", "cut", "newer"])
async def test_a_file_that_is_no_backup_changes_nothing(
    home: Home, backup: Path, tmp_path: Path, damage: str
) -> None:
    with zipfile.ZipFile(backup) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    if damage == "other zip":
        parts = {"letter.txt": b"Dear aunt"}
    elif damage == "history":
        parts["history.sqlite3"] = b"Dear aunt" * 900
    elif damage == "settings":
        parts["settings.json"] = b"{"
    elif damage == "newer":
        parts["backup.json"] = json.dumps({"format": VERSION + 1000}).encode()
    bad = tmp_path / "bad.zip"
    with zipfile.ZipFile(bad, "w") as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    if damage == "no zip":
        bad.write_bytes(b"Dear aunt" * 900)
    elif damage == "cut":
        bad.write_bytes(backup.read_bytes()[:-2000])
    home.settings.update(theme=ThemeMode.LIGHT)
    await home.store.delete("a")
    with pytest.raises(StorageFailed):
        await home.backups.restore(bad)
    assert await home.titles() == ["About wolves"]
    assert home.settings.settings.theme is ThemeMode.LIGHT
    assert list((home.folder / "cache").iterdir()) == []


async def test_a_full_disk_leaves_no_half_backup(home: Home, tmp_path: Path) -> None:
    await save(home.store, "a", "x" * 5000)
    with full_disk(1000), pytest.raises(StorageFailed):
        await home.backups.back_up(tmp_path / "backup.zip")
    assert [entry.name for entry in tmp_path.iterdir()] == ["here"]
