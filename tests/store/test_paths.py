"""The folders the program makes for itself."""

from pathlib import Path

from playground.store.files import Paths


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
