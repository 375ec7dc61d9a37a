"""Homes that cannot be used, and damaged files in them, as a command meets them."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from playground.cli.main import main
from playground.store.settings import SettingsStore
from tests.store.history import small_disk


@pytest.mark.parametrize("name", ["home", "home/logs", "home/models"])
def test_a_home_that_cannot_be_used_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("a file")
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path / "home"))
    assert main(["monitor", "--json"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("playground: ")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("words", [["monitor", "--json"], ["models"], ["providers", "list"]])
def test_a_folder_in_the_history_s_place_is_one_line(
    playground_home: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    (playground_home / "history.sqlite3").mkdir()
    assert main(words) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert "is no file" in said.err


@pytest.mark.parametrize("words", [["monitor", "--json"], ["models"], ["providers", "list"]])
def test_a_history_of_another_program_is_one_line_and_left_alone(
    playground_home: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    history = playground_home / "history.sqlite3"
    with closing(sqlite3.connect(history)) as connection:
        connection.execute("CREATE TABLE moz_places (url)")
    before = history.read_bytes()
    assert main(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert f"{history} is a database of another program" in said.err
    assert history.read_bytes() == before
    assert list(playground_home.glob("history*")) == [history]


@pytest.mark.parametrize(
    "words",
    [
        ["monitor", "--json"],
        ["models", "--json"],
        ["compare", "--json", "--target", "local:starter", "--prompt", "hi", "--max-tokens", "2"],
    ],
    ids=lambda words: words[0],
)
def test_a_full_disk_keeps_nothing_and_stops_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
) -> None:
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path / "disk"))
    with small_disk(tmp_path / "disk") as disk:
        assert main(["monitor", "--json"]) == 0
        disk.fill()
        capsys.readouterr()
        assert main(words) == 0
        said = capsys.readouterr()
        assert json.loads(said.out)
        assert said.err.count("\n") == 1
        assert "the disk is full" in said.err


def test_a_command_about_the_history_fails_on_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path / "disk"))
    with small_disk(tmp_path / "disk") as disk:
        disk.fill()
        assert main(["tests", "list"]) == 1
    assert "the disk is full" in capsys.readouterr().err


def test_what_was_set_aside_is_told_and_left_for_the_next_window(
    playground_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (playground_home / "settings.json").write_bytes(b'{"theme": "dar')
    (playground_home / "history.sqlite3").write_bytes(b"a letter to my aunt " * 400)
    assert main(["monitor", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)
    lines = said.err.splitlines()
    assert [name in line for name, line in zip(("settings", "history"), lines, strict=True)]
    kept = SettingsStore(playground_home / "settings.json").settings.untold_problems
    assert [f"playground: {sentence}" for sentence in kept] == lines
    assert main(["monitor", "--json"]) == 0
    assert capsys.readouterr().err == ""


def test_settings_that_cannot_be_read_are_told_once(
    playground_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (playground_home / "settings.json").mkdir()
    assert main(["monitor", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)
    assert said.err.count("\n") == 1
    assert "could not be read" in said.err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes in folders")
def test_pipes_in_the_places_of_files_are_waited_for_by_nobody(playground_home: Path) -> None:
    for name in ("logs/playground.log", "cache/memory-speed.json", "downloads.json"):
        (playground_home / name).parent.mkdir(exist_ok=True)
        os.mkfifo(playground_home / name)
    done = subprocess.run(
        [sys.executable, "-m", "playground", "models", "--json"], timeout=60, check=True
    )
    assert done.returncode == 0


def test_a_backup_is_taken_over_in_another_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path / "here"))
    SettingsStore(tmp_path / "here" / "settings.json").update(watts=41.0)
    path = tmp_path / "backup.zip"
    assert main(["backup", str(path)]) == 0
    assert main(["backup", str(path)]) == 2
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path / "there"))
    assert main(["restore", str(path), "--json"]) == 0
    assert SettingsStore(tmp_path / "there" / "settings.json").settings.watts == 41.0
    assert main(["restore", str(tmp_path / "missing.zip")]) == 1
    assert "could not be read" in capsys.readouterr().err
