"""Drives that are unplugged and folders that are away: their models are greyed, not forgotten."""

import os
import subprocess
import sys
from contextlib import aclosing
from pathlib import Path

import pytest

from playground.core.targets import ModelFile
from playground.services.library.service import LibraryState, ModelLibrary
from tests.services.model_files import SCAN_EVERY_S, dense, listed, others, until

ROOT = Path(__file__).resolve().parents[2]
START = """
import asyncio, sqlite3, subprocess, sys
from contextlib import aclosing
from pathlib import Path
from playground.services.library.service import ModelLibrary
from playground.services.library.app_folders import AppModelFolder
from tests.services.model_files import SCAN_EVERY_S, dense, listed, others, projector, until

async def main(place):
    folder, usb = place / "folder", place / "folder" / "usb"
    def library():
        apps = (AppModelFolder("LM Studio", usb / "lmstudio"),)
        return ModelLibrary(
            lambda: (folder,), place / "own", cache_file=place / "cache", apps=lambda: apps,
            scan_every_s=SCAN_EVERY_S,
        )
    def run(*command):
        subprocess.run(command, check=True)
    def shown(models):
        return {model.path.name: model.is_present for model in others(models)}
"""
UNPLUG = (
    START
    + """
    def plug_in():
        run("mount", "-t", "tmpfs", "usb", str(usb))
    usb.mkdir(parents=True)
    dense(folder / "here.gguf")
    plug_in()
    dense(usb / "any" / "depth" / "away.gguf")
    dense(usb / "lmstudio" / "theirs.gguf")
    (folder / "link.gguf").symlink_to(dense(usb / "target.bin", "Linked"))
    everything = {"here.gguf": True, "away.gguf": True, "theirs.gguf": True, "link.gguf": True}
    unplugged = dict.fromkeys(everything, False) | {"here.gguf": True}

    first = library()
    async with aclosing(first.follow()) as states:
        state = await until(states, lambda state: not state.is_scanning)
        assert shown(state.models) == everything, state
        before = {model.path: model for model in state.models}
        run("umount", str(usb))
        state = await until(states, lambda state: shown(state.models) == unplugged)
    await first.close()

    second = library()
    found = await listed(second)
    assert shown(tuple(found)) == unplugged
    for model in found:
        known = before[model.path]
        assert (model.name, model.size_bytes, model.parameters, model.owner, model.problem) == (
            known.name, known.size_bytes, known.parameters, known.owner, None
        ), model
    elsewhere = ModelLibrary(
        lambda: (), place / "own", cache_file=place / "cache", apps=lambda: ()
    )
    # a place that was taken off the list shows nothing, its drive away or not
    assert await listed(elsewhere) == []
    await elsewhere.close()
    planned = await second.deletion(next(m for m in found if m.path.name == "away.gguf"))
    assert "not connected" in planned.why_not

    async with aclosing(second.follow()) as states:
        plug_in()
        dense(usb / "any" / "depth" / "away.gguf")
        # what is not on the drive is gone, now that the drive can be asked
        now = {"here.gguf": True, "away.gguf": True, "link.gguf": True}
        state = await until(states, lambda s: shown(s.models) == now and not s.is_scanning)
        (link,) = (model for model in state.models if model.path.name == "link.gguf")
        assert link.problem == "The file is gone."
    await second.close()

asyncio.run(main(Path(sys.argv[1])))
"""
)
RIGHTS = (
    START
    + """
    path = dense(folder / "m.gguf")
    path.chmod(0)
    closed = place / "closed"
    dense(closed / "inside" / "n.gguf")
    closed.chmod(0)
    chosen = (folder, closed / "inside", closed / "inside" / "n.gguf")
    apps = (AppModelFolder("Ollama", closed / "inside"), AppModelFolder("Jan", closed / "inside"))
    first = ModelLibrary(
        lambda: chosen, place / "own", cache_file=place / "cache", apps=lambda: apps,
        scan_every_s=SCAN_EVERY_S,
    )
    async with aclosing(first.follow()) as states:
        state = await until(states, lambda state: bool(others(state.models)[0].problem))
        (model,) = others(state.models)
        assert "may not be read by you" in model.problem, model
        assert not any(entry.is_there for entry in state.folders[-2:])
        assert "This folder may not be read by you." in first.folder_problems().values()
        # neither size nor time of change tell of this
        path.chmod(0o644)
        await until(states, lambda state: others(state.models)[0].problem is None)
        closed.chmod(0o755)
        await until(states, lambda state: len(others(state.models)) == 2)
        below = dense(folder / "below" / "o.gguf").parent
        names = {"m.gguf", "n.gguf", "o.gguf"}
        await until(states, lambda s: set(shown(s.models)) == names and not s.is_scanning)
        below.chmod(0)
        await until(states, lambda s: "o.gguf" not in shown(s.models))
        # it is not there to be listed, but it is not forgotten either
        kept = sqlite3.connect(place / "cache").execute("SELECT path FROM listed").fetchall()
        assert any(path.endswith(b"o.gguf") for (path,) in kept), kept
        below.chmod(0o755)
        # whether it is the model's is in its header alone
        eyes = projector(folder / "mmproj-model.gguf", "Sees")
        dense(folder / "sees.gguf", "Sees")
        eyes.chmod(0)
        await until(states, lambda s: not s.is_scanning and "Sees" in {m.name for m in s.models})
        eyes.chmod(0o644)
        await until(states, lambda s: any(m.projector == eyes for m in s.models))
    await first.close()

asyncio.run(main(Path(sys.argv[1])))
"""
)


def run_apart(script: str, place: Path, *unshare: str) -> None:
    """Run a script in namespaces of its own; skip the test where the system has none."""
    if sys.platform != "linux":
        pytest.skip("needs Linux's namespaces")
    if subprocess.run(["unshare", *unshare, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this system gives no namespaces")
    done = subprocess.run(
        ["unshare", *unshare, sys.executable, "-W", "error", "-c", script, str(place)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr


def test_an_unplugged_drive_greys_its_models_and_gives_them_back(tmp_path: Path) -> None:
    run_apart(UNPLUG, tmp_path, "--user", "--map-root-user", "--mount")


def test_what_may_not_be_read_is_read_once_it_may(tmp_path: Path) -> None:
    # in a namespace of users root has no more rights than anybody
    run_apart(RIGHTS, tmp_path, "--user")


def presence(models: list[ModelFile]) -> dict[str, bool]:
    """Return which models are here, by the name of their file."""
    return {model.path.name: model.is_present for model in models}


@pytest.mark.parametrize("has_cache", [True, False])
async def test_a_folder_that_is_away_greys_its_models_until_it_is_back(
    tmp_path: Path, *, has_cache: bool
) -> None:
    folder = tmp_path / "drive" / "models"
    dense(folder / "a.gguf", "Model A")
    library = ModelLibrary(
        lambda: (folder,),
        tmp_path / "own",
        cache_file=tmp_path / "cache" if has_cache else None,
        apps=lambda: (),
        scan_every_s=SCAN_EVERY_S,
    )

    def is_shown(state: LibraryState, *, is_present: bool) -> bool:
        return presence(others(state.models)) == {"a.gguf": is_present}

    async with aclosing(library.follow()) as states:
        await until(states, lambda s: is_shown(s, is_present=True) and not s.is_scanning)
        folder.parent.rename(tmp_path / "unplugged")
        away = await until(states, lambda s: is_shown(s, is_present=False))
        assert [(m.name, m.architecture) for m in others(away.models)] == [("Model A", "llama")]
        (tmp_path / "unplugged").rename(folder.parent)
        await until(states, lambda s: is_shown(s, is_present=True))
    await library.close()


async def test_models_of_a_folder_that_is_away_outlive_a_restart(tmp_path: Path) -> None:
    folder, other = tmp_path / "models", tmp_path / "other"
    dense(folder / "a.gguf", "Model A")
    dense(other / "b.gguf")

    async def start(*chosen: Path) -> list[ModelFile]:
        library = ModelLibrary(
            lambda: chosen, tmp_path / "own", cache_file=tmp_path / "cache", apps=lambda: ()
        )
        try:
            return await listed(library)
        finally:
            await library.close()

    await start(folder, other)
    folder.rename(tmp_path / "away")
    for _ in range(2):
        assert presence(await start(folder, other)) == {"a.gguf": False, "b.gguf": True}
    (tmp_path / "away").rename(folder)
    assert presence(await start(folder, other)) == {"a.gguf": True, "b.gguf": True}
    folder.rename(tmp_path / "away")
    assert presence(await start(other)) == {"b.gguf": True}


async def test_the_programs_own_folder_is_not_forgotten_either(tmp_path: Path) -> None:
    own = tmp_path / "own"
    dense(own / "a.gguf")
    library = ModelLibrary(lambda: (), own, apps=lambda: ())
    assert presence(await listed(library)) == {"a.gguf": True}
    own.rename(tmp_path / "away")
    assert presence(await listed(library)) == {"a.gguf": False}


async def test_a_link_to_a_folder_that_is_not_there_yet_is_followed_once_it_is(
    tmp_path: Path,
) -> None:
    folder, drive = tmp_path / "models", tmp_path / "drive"
    folder.mkdir()
    (folder / "link").symlink_to(drive, target_is_directory=True)
    library = ModelLibrary(lambda: (folder,), tmp_path / "own", apps=lambda: ())
    assert presence(await listed(library)) == {}
    dense(drive / "a.gguf")
    assert presence(await listed(library)) == {"a.gguf": True}


async def test_a_file_that_was_deleted_is_not_shown_as_away(tmp_path: Path) -> None:
    folder, single = tmp_path / "models", tmp_path / "single" / "s.gguf"
    inside = dense(folder / "sub" / "a.gguf")
    dense(single)
    library = ModelLibrary(lambda: (folder, single), tmp_path / "own", apps=lambda: ())
    assert presence(await listed(library)) == {"a.gguf": True, "s.gguf": True}
    inside.unlink()
    inside.parent.rmdir()
    single.unlink()
    assert presence(await listed(library)) == {}


async def test_a_name_means_the_model_that_is_here(tmp_path: Path) -> None:
    away, here = tmp_path / "away", tmp_path / "here"
    dense(away / "m.gguf", "Same")
    path = dense(here / "m.gguf", "Same")
    library = ModelLibrary(lambda: (away, here), tmp_path / "own", apps=lambda: ())
    await listed(library)
    away.rename(tmp_path / "gone")
    assert (await library.find("same")).path == path
