"""Stored words stay as they are: the code of the day writes an old home's values as it found them.

Classes and fields may be renamed in the program, the words under which they are stored may not:
tags and fields of JSON, names of settings, tables and columns, values of enums, spelled out here.
New ones may be added.
"""

import json
import os
import sqlite3
import zlib
from collections.abc import Iterable
from contextlib import closing
from dataclasses import fields
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from playground.core.chat import ChatRequest, Role
from playground.core.downloads import DownloadState
from playground.core.fold import RunFold
from playground.core.pricing import api_cost, electricity_cost
from playground.core.runs import (
    Provenance,
    Run,
    RunOrder,
    RunStatus,
    Thumb,
    TokenUsage,
    VoteOutcome,
)
from playground.core.targets import (
    CloudTarget,
    FlashAttention,
    KvType,
    ModelPrice,
    Place,
    Provider,
    Tier,
)
from playground.services.library.app_folders import app_model_folders
from playground.services.library.cache import LibraryCache
from playground.services.library.scanner import STARTER
from playground.store.database import Database
from playground.store.history import ComparisonStore
from playground.store.settings import Settings, SettingsStore, ThemeMode
from tests.store.old_home import COMPARISONS, Fetching, library_of

ENUM_VALUES: list[tuple[type[StrEnum], set[str]]] = [
    (DownloadState, {"queued", "running", "waiting", "paused", "verifying", "done", "failed"}),
    (FlashAttention, {"auto", "on", "off"}),
    (KvType, {"f16", "q8_0", "q4_0"}),
    (Place, {"here", "cloud"}),
    (Provenance, {"measured", "reported", "estimated"}),
    (Role, {"system", "user", "assistant"}),
    (RunOrder, {"fair", "race"}),
    (
        RunStatus,
        {"waiting", "loading", "reading", "writing", "finished", "failed", "cancelled"},
    ),
    (ThemeMode, {"system", "light", "dark"}),
    (Thumb, {"up", "down"}),
    (Tier, {"indie local model", "AAA product", "studio API", "your own server"}),
    (VoteOutcome, {"tie", "none is good"}),
]
SETTING_NAMES = {
    "download_limit_bytes_per_s", "first_run_done", "hide_names", "hub_endpoint", "last_targets",
    "load_settings", "model_folders", "offline", "parallel_downloads", "price_overrides",
    "providers", "proxy", "run_order", "sampling", "show_tokens", "stage_scale", "system_prompt",
    "text_scale", "theme", "usd_per_kwh", "watts", "window",
}  # fmt: skip
HISTORY_COLUMNS = {
    "comparisons": {"id", "created_at", "targets", "body", "deleted_at", "deleted_by"},
    "turns": {
        "id", "comparison_id", "position", "prompt", "run_order", "hidden_names", "winner_run_id",
        "verdict", "created_at",
    },
    "runs": {
        "id", "turn_id", "position", "target_key", "status", "has_answer", "owner", "body",
    },
    "events": {"id", "run_id", "body"},
    "search_texts": {"id", "comparison_id", "source", "text"},
    "search_index": {"text"},
}  # fmt: skip
LIBRARY_COLUMNS = {
    "files": {"path", "size", "mtime_ns", "header", "problem"},
    "listed": {"path", "signature", "model", "root", "drive"},
}
TAGS = {
    "comparisons": {
        "CloudTarget", "Comparison", "LoadSettings", "LocalTarget", "ModelFile", "Provider",
        "SamplingParams",
    },
    "runs": {
        "ChatRequest", "CloudTarget", "Cost", "ErrorInfo", "HostContact", "LoadSettings",
        "LocalTarget", "Message", "ModelFile", "Provider", "Run", "SamplingParams", "StreamCounts",
        "Timings", "TokenUsage",
    },
    "events": {
        "Alternative", "ErrorInfo", "Failed", "Finished", "HostContact", "LoadProgress", "Notice",
        "PromptProgress", "ReasoningDelta", "RequestSent", "TextDelta", "Token", "TokenUsage",
    },
    "listed": {"ModelFile"},
    "settings.json": {
        "LoadSettings", "ModelPrice", "Provider", "SamplingParams", "Settings", "WindowState",
    },
    "downloads.json": {"Download", "ErrorInfo", "HubPart"},
}  # fmt: skip


def lost(before: Any, after: Any, place: str = "") -> list[str]:
    """Return where something of `before` is missing in `after` or another; more is no loss."""
    if isinstance(before, dict) and isinstance(after, dict):
        gone = [f"{place}.{key} is gone" for key in before.keys() - after.keys()]
        both = [
            lost(before[key], after[key], f"{place}.{key}") for key in before.keys() & after.keys()
        ]
        return gone + [each for found in both for each in found]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = enumerate(zip(before, after, strict=True))
        return [each for n, (a, b) in pairs for each in lost(a, b, f"{place}[{n}]")]
    return [] if before == after else [f"{place}: {before!r} is now {after!r}"]


def tags(value: Any) -> set[str]:
    """Return the class names that stand in a stored value."""
    if isinstance(value, list):
        return set().union(*map(tags, value))
    if not isinstance(value, dict):
        return set()
    own = {value["type"]} if isinstance(value.get("type"), str) else set()
    return own.union(*map(tags, value.values()))


def table(file: Path, name: str, chosen: str) -> list[tuple[Any, ...]]:
    """Return chosen columns of a table."""
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(f"SELECT {chosen} FROM {name} ORDER BY 1").fetchall()


def columns(file: Path, names: Iterable[str]) -> dict[str, set[str]]:
    """Return the columns of some tables."""
    with closing(sqlite3.connect(file)) as connection:
        return {
            name: {row[1] for row in connection.execute(f"PRAGMA table_info({name})")}
            for name in names
        }


def rows(file: Path) -> dict[str, list[Any]]:
    """Return what a history keeps, JSON as values, without what each start makes anew."""
    events: dict[str, list[Any]] = {}
    with closing(sqlite3.connect(file)) as connection:
        for run, body in connection.execute("SELECT run_id, body FROM events ORDER BY id"):
            events.setdefault(run, []).extend(json.loads(body))
    found = {
        "comparisons": table(file, "comparisons", "id, created_at, targets, body"),
        "turns": table(
            file,
            "turns",
            "id, comparison_id, position, prompt, run_order, hidden_names, winner_run_id, verdict, "
            "created_at",
        ),
        "runs": table(file, "runs", "id, turn_id, position, target_key, status, has_answer, body"),
        "search_texts": table(file, "search_texts", "source, comparison_id, text"),
    }
    values = {
        name: [[_value(cell) for cell in row] for row in kept] for name, kept in found.items()
    }
    return values | {"events": [[run, events[run]] for run in sorted(events)]}


def _value(cell: object) -> Any:
    is_json = isinstance(cell, str) and cell.startswith(("{", "["))
    return json.loads(cell) if is_json else cell


def test_no_setting_of_the_old_home_stands_at_its_default(old_home: Path) -> None:
    stored = json.loads((old_home / "settings.json").read_text("utf-8"))
    assert stored.keys() == SETTING_NAMES | {"type", "hologram"}
    found, usual = SettingsStore(old_home / "settings.json").settings, Settings()
    here = {field.name for field in fields(Settings)}
    same = {name for name in here if getattr(found, name) == getattr(usual, name)}
    # the default became what had been chosen there
    assert same & SETTING_NAMES == {"stage_scale"}


def test_settings_are_written_again_in_the_same_words(old_home: Path, tmp_path: Path) -> None:
    before = json.loads((old_home / "settings.json").read_text("utf-8"))
    found = SettingsStore(old_home / "settings.json").settings
    SettingsStore(tmp_path / "new.json").change(lambda _: found)
    again = json.loads((tmp_path / "new.json").read_text("utf-8"))
    del before["hologram"], before["first_run_done"], before["hide_names"]
    for retired in ("splitter", "maximized", "drawer_open", "meters_open"):
        # read by nobody; a file that still has them is read all the same
        del before["window"][retired]
    assert lost(before, again) == []
    assert tags(before) == TAGS["settings.json"]


def test_what_a_newer_version_wrote_stays_in_the_old_settings(old_home: Path) -> None:
    SettingsStore(old_home / "settings.json").update(text_scale=1.5)
    again = json.loads((old_home / "settings.json").read_text("utf-8"))
    assert again["hologram"] == {"depth": 3}


async def test_the_history_is_written_again_in_the_same_words(
    old_history: ComparisonStore, old_home: Path, tmp_path: Path
) -> None:
    other = tmp_path / "again.sqlite3"
    database = Database(other)
    await database.open()
    again = ComparisonStore(database)
    await old_history.restore("deleted")
    for name in [*COMPARISONS, "deleted"]:
        comparison = await old_history.load(name)
        await again.save_comparison(comparison)
        for turn in comparison.turns:
            await again.save_turn(name, turn)
            for run in turn.runs:
                await again.save_run(turn.id, run)
                await again.append_events(run.id, await old_history.timeline(run.id))
    await database.close()
    before, after = rows(old_home / "history.sqlite3"), rows(other)
    assert {name: len(before[name]) for name in before} == {
        "comparisons": 9,
        "turns": 10,
        "runs": 54,
        "events": 53,
        "search_texts": 68,
    }
    # a server in one's own network was listed as a cloud by older versions
    renamed = "place: 'cloud' is now 'network'"
    for name, kept in before.items():
        assert [one for one in lost(kept, after[name]) if not one.endswith(renamed)] == [], name
    for name in ("comparisons", "runs", "events"):
        assert tags(before[name]) == TAGS[name]


async def test_a_new_history_has_the_tables_and_columns_of_the_old_one(
    old_home: Path, tmp_path: Path
) -> None:
    database = Database(tmp_path / "new.sqlite3")
    await database.open()
    await database.close()
    assert columns(old_home / "history.sqlite3", HISTORY_COLUMNS) == HISTORY_COLUMNS
    new = columns(tmp_path / "new.sqlite3", HISTORY_COLUMNS)
    assert [name for name, known in HISTORY_COLUMNS.items() if not known <= new[name]] == []


async def test_the_queue_is_written_again_in_the_same_words(old_home: Path) -> None:
    before = json.loads((old_home / "downloads.json").read_text("utf-8"))
    fetching = Fetching(old_home)
    await fetching.downloads.open()
    await fetching.close()
    again = json.loads((old_home / "downloads.json").read_text("utf-8"))
    for item in (*before["downloads"], *again["downloads"]):
        # all of these are begun again by the next start; which had begun by now is chance
        if item["state"] in {"running", "waiting", "verifying"}:
            item["state"] = "queued"
    assert lost(before, again) == []
    assert tags(before) == TAGS["downloads.json"]


def test_headers_are_written_again_in_the_same_words(old_home: Path, tmp_path: Path) -> None:
    old, new = old_home / "cache" / "library.sqlite3", tmp_path / "new.sqlite3"
    before, again = LibraryCache(old), LibraryCache(new)
    paths = [os.fsdecode(path) for (path,) in table(old, "files", "path")]
    known = [(path, before.get(path)) for path in paths]
    assert len(known) == 6
    again.put((path, each) for path, each in known if each is not None)
    again.put_listed(before.listed().items())
    before.close()
    again.close()
    for name, chosen in (
        ("files", "path, size, mtime_ns, problem"),
        ("listed", "path, signature, model, root, drive"),
    ):
        assert table(new, name, chosen) == table(old, name, chosen)
    headers = [headers_in(old), headers_in(new)]
    assert lost(*headers) == []
    assert headers[0][0].keys() == {
        "format", "version", "order", "metadata", "tensors", "offset", "size",
    }  # fmt: skip
    assert columns(old, LIBRARY_COLUMNS) == LIBRARY_COLUMNS
    assert columns(new, LIBRARY_COLUMNS) == LIBRARY_COLUMNS


def headers_in(cache: Path) -> list[Any]:
    found = table(cache, "files", "path, header")
    return [json.loads(zlib.decompress(header)) for _, header in found if header is not None]


async def test_what_is_listed_is_written_again_in_the_same_words(old_home: Path) -> None:
    cache = old_home / "cache" / "library.sqlite3"
    before = {row[0]: row for row in table(cache, "listed", "path, model, root, signature")}
    # its path is another now, so it is listed anew
    library = library_of(old_home)
    await library.scan()
    await library.close()
    after = {row[0]: row for row in table(cache, "listed", "path, model, root, signature")}
    small = os.fsencode(old_home / "models" / "acme" / "Small-GGUF" / "small-F16.gguf")
    assert after[small][3] != before[small][3]
    models = [json.loads(rows[small][1]) for rows in (before, after)]
    for model in models:
        # where it lies differs, and what is known of a file without a vocabulary
        del model["path"], model["source"], model["problem"]
    assert lost(*models) == []
    assert tags(models[0]) == TAGS["listed"]
    assert after[small][2] == os.fsencode(old_home / "models")


@pytest.mark.parametrize(
    ("kind", "values"), ENUM_VALUES, ids=lambda item: getattr(item, "__name__", "")
)
def test_values_that_are_stored_keep_their_meaning(kind: type[StrEnum], values: set[str]) -> None:
    assert values - {member.value for member in kind} == set()


def test_sources_of_models_keep_their_names() -> None:
    names = {place.name for place in app_model_folders()}
    assert names >= {"GPT4All", "Hugging Face", "Jan", "LM Studio", "Ollama", "llama.cpp"}
    assert STARTER == "Starter"


def test_words_of_a_run_that_no_enum_holds_are_written_as_before() -> None:
    assert api_cost(ModelPrice(1.0, 1.0), TokenUsage(1, 1)).kind == "api"
    assert electricity_cost(1.0, 1.0, 1.0).kind == "electricity"
    target = CloudTarget(Provider("acme", "Acme", "https://api.acme.example/v1"), "large")
    fold = RunFold(Run("run", target, ChatRequest(()), 0))
    fold.cancel(1.0)
    assert fold.run.finish_reason == "cancelled"
