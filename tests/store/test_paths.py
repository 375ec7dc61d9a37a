"""The folders the program makes for itself."""

import os
import re
import stat
from pathlib import Path

import pytest

from playground.core.errors import HomeUnusable
from playground.store.files import Paths, default_paths, write_atomically


def paths_in(root: Path) -> Paths:
    return Paths(root, root, root / "logs")


def test_the_folders_are_made_once_and_found_again(tmp_path: Path) -> None:
    paths = paths_in(tmp_path / "home")
    paths.create()
    paths.create()
    assert paths.models_dir.is_dir()
    assert (tmp_path / "home" / "logs").is_dir()


def test_a_models_folder_on_a_drive_that_is_away_is_left_as_it_is(tmp_path: Path) -> None:
    paths = paths_in(tmp_path / "home")
    paths.data_dir.mkdir()
    away = tmp_path / "drive" / "models"
    paths.models_dir.symlink_to(away, target_is_directory=True)
    paths.create()
    assert paths.models_dir.is_symlink()
    assert not away.exists()


def test_what_the_program_makes_is_for_this_user_only(tmp_path: Path) -> None:
    paths = paths_in(tmp_path / "new" / "home")
    before = os.umask(0)
    try:
        paths.create()
        write_atomically(paths.bandwidth_file, b"{}")
    finally:
        os.umask(before)
    made = [entry for entry in (tmp_path / "new", *(tmp_path / "new").rglob("*")) if entry.is_dir()]
    assert {entry.name for entry in made} == {"new", "home", "logs", "models", "cache"}
    assert {stat.S_IMODE(entry.stat().st_mode) for entry in made} == {0o700}


@pytest.mark.parametrize("place", ["home", "home/logs", "home/models", "."])
def test_a_file_where_a_folder_belongs_is_one_sentence(tmp_path: Path, place: str) -> None:
    file = (tmp_path / place).resolve() if place != "." else tmp_path / "file"
    file.parent.mkdir(exist_ok=True)
    file.write_text("a file")
    home = tmp_path / "home" if place != "." else file / "home"
    with pytest.raises(HomeUnusable, match=re.escape(str(file))):
        paths_in(home).create()


def test_a_path_that_is_too_long_for_the_history_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(HomeUnusable, match="too long"):
        paths_in(tmp_path / "/".join(["a" * 100] * 6)).create()


def test_a_name_that_leads_nowhere_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAYGROUND_HOME", "~nobody-of-this-name/home")
    with pytest.raises(HomeUnusable, match="~nobody-of-this-name"):
        default_paths()
