"""Settings survive restarts, damage, full disks and other processes."""

import json
import os
import stat
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from playground.core.advice.needs import Needs
from playground.core.chat import SamplingParams
from playground.core.errors import StorageFailed, UsageError
from playground.core.runs import RunOrder
from playground.core.targets import KvType, LoadSettings, ModelPrice, Provider, Tier
from playground.store.settings import Settings, SettingsStore, ThemeMode, WindowState
from tests.store.history import full_disk


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config" / "settings.json"


def everything() -> dict[str, object]:
    provider = Provider("acme", "Acme", "https://acme.example/v1", Tier.STUDIO, "ACME_KEY")
    return {
        "theme": ThemeMode.DARK,
        "text_scale": 1.25,
        "stage_scale": 2.0,
        "watts": 45.5,
        "usd_per_kwh": 0.21,
        "model_folders": (Path("/models"), Path("/more models")),
        "load_settings": {"/models/a.gguf": LoadSettings(4096, -1, KvType.Q8_0, 4)},
        "providers": (replace(provider, rejects=frozenset({"seed"}), expects_key=True),),
        "price_overrides": {"acme:large": ModelPrice(1.5, None, source="yours")},
        "typed_models": {"acme": ("large-preview",)},
        "last_targets": ("local:/models/a.gguf", "acme:large"),
        "run_order": RunOrder.RACE,
        "sampling": SamplingParams(temperature=0.7, seed=1, stop=("END", "\n\n")),
        "system_prompt": "Be brief — 短く。",
        "needs": Needs(weights={"speed": 0.25}, computer_usd=900.0),
        "show_tokens": True,
        "window": WindowState("AbC=", "history"),
        "untold_problems": ("The history was damaged.",),
        "hub_endpoint": "https://mirror.example",
        "proxy": "http://proxy.example:3128",
        "offline": True,
        "download_limit_bytes_per_s": 5_000_000,
        "parallel_downloads": 3,
    }


def test_every_setting_is_there_again_after_a_restart(path: Path) -> None:
    values = everything()
    assert set(values) == set(Settings.__dataclass_fields__)
    SettingsStore(path).update(**values)
    again = SettingsStore(path)
    assert again.settings == Settings(**values)  # type: ignore[arg-type]  # values by name
    assert again.problem is None


def test_the_first_start_has_defaults_and_writes_nothing(path: Path) -> None:
    store = SettingsStore(path)
    assert store.settings == Settings()
    assert store.problem is None
    assert not path.parent.exists()


def test_the_file_is_readable_by_its_owner_only(path: Path) -> None:
    SettingsStore(path).update(text_scale=1.5)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["settings.json"]


@pytest.mark.parametrize(
    "content",
    [b"", b'{"theme": "dar', b"[1, 2]", b"\xff\xfe\x00", b"null", b"[" * 100_000],
    ids=["empty", "cut off", "a list", "not text", "null", "nested too deep"],
)
def test_a_damaged_file_is_kept_aside_and_defaults_are_used(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    store = SettingsStore(path)
    store.update(theme="light")
    aside = path.with_name("settings.json.damaged-1")
    assert store.settings == Settings(theme=ThemeMode.LIGHT)
    assert aside.read_bytes() == content
    assert store.problem is not None
    assert aside.name in store.problem
    assert SettingsStore(path).settings.theme is ThemeMode.LIGHT


def test_a_second_damaged_file_does_not_replace_the_first(path: Path) -> None:
    path.parent.mkdir()
    for content in ("first", "second"):
        path.write_text(content)
        SettingsStore(path)
    asides = [path.with_name(f"settings.json.damaged-{n}").read_text() for n in (1, 2)]
    assert asides == ["first", "second"]


def test_one_bad_value_costs_only_itself_and_the_file_is_copied(path: Path) -> None:
    path.parent.mkdir()
    content = json.dumps({"theme": "sepia", "text_scale": 9e9, "watts": 30, "usd_per_kwh": "x"})
    path.write_text(content)
    store = SettingsStore(path)
    assert store.settings == Settings(watts=30.0)
    assert store.problem is not None
    for name in ("theme", "text_scale", "usd_per_kwh"):
        assert name in store.problem
    store.update(show_tokens=True)
    assert path.with_name("settings.json.damaged-1").read_text() == content


def test_fields_of_a_newer_version_stay_in_the_file(path: Path) -> None:
    path.parent.mkdir()
    path.write_text(json.dumps({"theme": "dark", "hologram": {"depth": 3}}))
    store = SettingsStore(path)
    store.update(text_scale=2.0)
    data = json.loads(path.read_text())
    assert data["hologram"] == {"depth": 3}
    assert (data["theme"], data["text_scale"]) == ("dark", 2.0)
    assert store.problem is None


def test_a_file_with_fields_of_an_older_version_loads(path: Path) -> None:
    path.parent.mkdir()
    window = {"geometry": "AbC=", "splitter": "dEf=", "page": "history", "maximized": True}
    window |= {"drawer_open": True, "meters_open": True}
    path.write_text(json.dumps({"theme": "dark", "first_run_done": True, "window": window}))
    store = SettingsStore(path)
    assert store.problem is None
    assert store.settings == Settings(ThemeMode.DARK, window=WindowState("AbC=", "history"))


def test_a_full_disk_is_told_and_the_value_holds_until_the_end(path: Path) -> None:
    store = SettingsStore(path)
    store.update(theme="dark")
    before = path.read_bytes()
    seen: list[Settings] = []
    store.subscribe(seen.append)
    told: list[StorageFailed] = []
    store.on_unsaved = told.append
    with full_disk(10):
        store.update(text_scale=2.0)
        store.update(text_scale=2.5)
    assert store.settings.text_scale == 2.5
    assert seen[-1] == store.settings
    (error,) = told
    assert "could not be saved" in error.message
    assert store.unsaved is not None
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == ["settings.json"]
    store.update(text_scale=2.5)
    assert store.unsaved is None
    assert SettingsStore(path).settings.text_scale == 2.5


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("a file where the folder should be")
    store = SettingsStore(tmp_path / "config" / "settings.json")
    store.update(theme="dark")
    assert store.unsaved is not None
    assert store.settings.theme is ThemeMode.DARK


def test_a_file_that_cannot_be_read_is_not_overwritten(path: Path) -> None:
    path.mkdir(parents=True)
    store = SettingsStore(path)
    assert store.problem is not None
    store.update(theme="dark")
    assert store.unsaved is not None
    assert path.is_dir()


@pytest.mark.parametrize(
    "change",
    [
        {"theme": "sepia"},
        {"text_scale": 0.0},
        {"text_scale": float("nan")},
        {"watts": -1.0},
        {"usd_per_kwh": float("inf")},
        {"model_folders": "no list"},
    ],
)
def test_a_value_that_makes_no_sense_is_refused_and_changes_nothing(
    path: Path, change: dict[str, object]
) -> None:
    store = SettingsStore(path)
    with pytest.raises(UsageError):
        store.update(**change)
    assert store.settings == Settings()
    assert not path.exists()


def test_numbers_beyond_every_limit_cost_only_themselves(path: Path) -> None:
    path.parent.mkdir()
    path.write_text(json.dumps({"watts": 10**400, "parallel_downloads": 10**400, "offline": True}))
    store = SettingsStore(path)
    assert store.settings == Settings(offline=True)
    assert "watts, parallel_downloads" in (store.problem or "")


@pytest.mark.parametrize("other", ["folder", "pipe", "sparse"])
def test_what_is_no_file_is_neither_waited_for_nor_overwritten(path: Path, other: str) -> None:
    path.parent.mkdir()
    if other == "folder":
        path.mkdir()
    elif other == "sparse":
        with path.open("wb") as file:
            file.truncate(2**31)
    elif hasattr(os, "mkfifo"):
        os.mkfifo(path)
    else:
        pytest.skip("there are no pipes in folders")
    before = path.stat()
    store = SettingsStore(path)
    assert "could not be read" in (store.problem or "")
    assert not store.can_be_saved
    assert store.update(offline=True).offline
    assert store.unsaved is not None
    assert (path.stat().st_ino, path.stat().st_size) == (before.st_ino, before.st_size)


def test_subscribers_hear_of_changes_and_only_of_changes(path: Path) -> None:
    store = SettingsStore(path)
    heard: list[ThemeMode] = []

    def listen(settings: Settings) -> None:
        heard.append(settings.theme)

    store.subscribe(listen)
    store.update(theme="dark")
    store.update(theme="dark")
    store.unsubscribe(listen)
    store.unsubscribe(listen)
    store.update(theme="light")
    assert heard == [ThemeMode.DARK]


def test_many_threads_adding_at_once_lose_nothing(path: Path) -> None:
    store = SettingsStore(path)

    def add(number: int) -> None:
        for index in range(10):
            name = f"{number}:{index}"
            store.change(lambda s, name=name: replace(s, last_targets=(*s.last_targets, name)))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(SettingsStore(path).settings.last_targets)) == 60


def test_what_the_command_line_added_meanwhile_is_not_lost(path: Path) -> None:
    window, command = SettingsStore(path), SettingsStore(path)
    window.update(theme="dark")
    command.update(usd_per_kwh=0.11)
    window.update(text_scale=1.5)
    assert SettingsStore(path).settings == Settings(
        theme=ThemeMode.DARK, usd_per_kwh=0.11, text_scale=1.5
    )


def test_a_linked_file_stays_a_link(path: Path, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.json"
    real.write_text('{"theme": "dark"}')
    path.parent.mkdir()
    path.symlink_to(real)
    SettingsStore(path).update(text_scale=2.0)
    assert path.is_symlink()
    assert json.loads(real.read_text())["text_scale"] == 2.0
