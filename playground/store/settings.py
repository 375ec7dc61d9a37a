"""Typed settings in one JSON file, written whole or not at all."""

import contextlib
import json
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, get_type_hints

from playground.core.advice.needs import Needs
from playground.core.chat import SamplingParams
from playground.core.codec import TAG, decode, encode
from playground.core.errors import StorageFailed, UsageError
from playground.core.runs import RunOrder
from playground.core.targets import LoadSettings, ModelFile, ModelPrice, Provider
from playground.store.files import aside_path, read_file, write_atomically


class ThemeMode(StrEnum):
    """Which palette the window uses."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True, slots=True)
class WindowState:
    """How the window was left."""

    geometry: str | None = None
    """What `QWidget.saveGeometry` returned, in base64."""
    page: str = "compare"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the program remembers between starts but keys and history."""

    theme: ThemeMode = ThemeMode.SYSTEM
    text_scale: float = 1.0
    """Factor on every font size, 0.5 … 3."""
    stage_scale: float = 2.0
    """The same factor while F11 is on, 1 … 4."""
    watts: float | None = None
    """Power above idle while a local model answers; `None`: a default for this kind of machine."""
    usd_per_kwh: float = 0.30
    """Price of electricity. 0.30 is near what households pay in much of Europe; the United States
    and Asia are mostly below. It is shown beside every cost made from it."""
    model_folders: tuple[Path, ...] = ()
    """Folders to scan besides the program's own and the Hugging Face cache."""
    load_settings: dict[str, LoadSettings] = field(default_factory=dict)
    """Path of a model file → how it is loaded."""
    providers: tuple[Provider, ...] = ()
    price_overrides: dict[str, ModelPrice] = field(default_factory=dict)
    typed_models: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Provider's id → models the person named, which its own list does not have."""
    """`provider:model` → the price the person entered."""
    last_targets: tuple[str, ...] = ()
    """Keys of the targets on the Compare page, in their order."""
    run_order: RunOrder = RunOrder.FAIR
    sampling: SamplingParams = SamplingParams()
    system_prompt: str = ""
    needs: Needs = Needs()
    """What was answered on “Local or cloud?”."""
    show_tokens: bool = False
    """Whether speeds are in tokens rather than words."""
    window: WindowState = WindowState()
    untold_problems: tuple[str, ...] = ()
    """What a command found damaged and set aside, in sentences for the next window to show."""
    hub_endpoint: str | None = None
    """Address of the Hub or of a mirror; `None`: `HF_ENDPOINT`, else the public Hub."""
    proxy: str | None = None
    """Proxy for providers, the Hub and downloads; `None`: the system's own."""
    offline: bool = False
    """Nothing is fetched from the Hub."""
    download_limit_bytes_per_s: int | None = None
    """Most that all downloads together may take; `None`: no limit."""
    parallel_downloads: int = 2
    """Downloads that run at the same time, 1 … 8."""

    def load_settings_of(self, model: ModelFile) -> LoadSettings:
        """How a model file is loaded: as it was chosen, else with the defaults."""
        return self.load_settings.get(str(model.path), LoadSettings())


Subscriber = Callable[[Settings], None]

_LIMITS: dict[str, tuple[float, float]] = {
    "text_scale": (0.5, 3.0),
    "stage_scale": (1.0, 4.0),
    "watts": (0.0, 10_000.0),
    "usd_per_kwh": (0.0, 100.0),
    "download_limit_bytes_per_s": (1_000, 1e12),
    "parallel_downloads": (1, 8),
}


class SettingsStore:
    """The current settings, and the file they live in.

    Safe from any thread. Fields a newer version of the program wrote are kept in the file. A change
    another process made (the command line beside the window) is read before the next one is added.
    """

    def __init__(self, path: Path) -> None:
        self._path = Path(os.path.realpath(path))
        self._lock = threading.RLock()
        self._subscribers: list[Subscriber] = []
        self._unknown: dict[str, Any] = {}
        self._settings = Settings()
        self._signature: tuple[int, int, int] | None = None
        self._write_refused: str | None = None
        self.problem: str | None = None
        """What was wrong with the file and what was done about it, in a sentence."""
        self.unsaved: StorageFailed | None = None
        """Why the settings in force are not in the file; `None` where they are."""
        self.on_unsaved: Callable[[StorageFailed], None] = _ignore
        """Called with `unsaved` when it comes up, in the thread that made the change."""
        self._load()

    @property
    def can_be_saved(self) -> bool:
        """False where the file could not be read and is left as it is, see `problem`."""
        return self._write_refused is None

    @property
    def settings(self) -> Settings:
        # without the lock, which is held while a change is written: the window must not wait for it
        return self._settings

    def update(self, **changes: Any) -> Settings:
        """Replace the named fields, write the file and return the settings.

        Raises `UsageError` for values that make no sense. Where the file cannot be written the new
        settings are in force all the same, see `unsaved`; the next change writes them as well.
        """
        return self.change(lambda settings: replace(settings, **changes))

    def change(self, edit: Callable[[Settings], Settings]) -> Settings:
        """Apply `edit` to the current settings without another thread coming between.

        For fields that are added to, as in
        `change(lambda s: replace(s, providers=(*s.providers, new)))`. Raises as `update` does.
        """
        with self._lock:
            if self._signature != self._current_signature():
                self._load()
            changed = _checked(edit(self._settings))
            if changed == self._settings and self.unsaved is None:
                return changed
            self._settings = changed
            self._write()
            for subscriber in tuple(self._subscribers):
                subscriber(changed)
            return changed

    def subscribe(self, subscriber: Subscriber) -> None:
        """Call `subscriber` with the new settings after each change, in the thread that made it."""
        with self._lock:
            self._subscribers.append(subscriber)

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Stop calling `subscriber`; one that is not known is ignored."""
        with self._lock, contextlib.suppress(ValueError):
            self._subscribers.remove(subscriber)

    def _load(self) -> None:
        try:
            text = read_file(self._path).decode()
        except FileNotFoundError:
            return
        except UnicodeDecodeError:
            self._set_aside("it is not text")
            return
        except OSError as error:
            self._write_refused = error.strerror or str(error)
            self.problem = (
                f"The settings in {self._path} could not be read ({self._write_refused}): "
                "the program started with its defaults and will not overwrite them."
            )
            return
        self._signature = self._current_signature()
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            self._set_aside("it is not complete JSON")
            return
        if not isinstance(data, dict):
            self._set_aside("it holds no settings")
            return
        self._take(data)

    def _take(self, data: dict[str, Any]) -> None:
        known: dict[str, Any] = {}
        bad: list[str] = []
        hints = get_type_hints(Settings)
        for name, hint in hints.items():
            if name not in data:
                continue
            try:
                value = decode(hint, data[name])
                _check_limits(name, value)
            except (ValueError, TypeError, AttributeError, UsageError):
                bad.append(name)
            else:
                known[name] = value
        self._settings = Settings(**known)
        self._unknown = {k: v for k, v in data.items() if k not in hints and k != TAG}
        if bad:
            copy = self._keep_copy()
            self.problem = (
                f"Some settings could not be read ({', '.join(bad)}) and are back to their "
                f"defaults. The file as it was is kept as {copy.name}."
            )

    def _keep_copy(self) -> Path:
        copy = aside_path(self._path)
        try:
            write_atomically(copy, read_file(self._path))
        except OSError as error:
            self._write_refused = error.strerror or str(error)
        return copy

    def _set_aside(self, why: str) -> None:
        aside = aside_path(self._path)
        try:
            self._path.rename(aside)
        except OSError as error:
            self._write_refused = error.strerror or str(error)
            self.problem = (
                f"The settings file {self._path} is damaged ({why}) and could not be moved away: "
                "changes last until the program ends."
            )
            return
        self.problem = (
            f"The settings file was damaged ({why}). It is kept as {aside.name}, and the program "
            "started with its defaults."
        )

    def _write(self) -> None:
        reason = self._write_refused or self._written()
        was_saved = self.unsaved is None
        if reason is None:
            self.unsaved = None
            return
        self.unsaved = StorageFailed(
            f"The settings could not be saved: {reason}. They hold until the program ends."
        )
        if was_saved:
            self.on_unsaved(self.unsaved)

    def _written(self) -> str | None:
        """Write the file; return what kept it from being written."""
        data = {**self._unknown, **encode(self._settings)}
        text = json.dumps(data, indent=2, allow_nan=False) + "\n"
        try:
            write_atomically(self._path, text.encode())
        except OSError as error:
            return error.strerror or str(error)
        self._signature = self._current_signature()
        return None

    def _current_signature(self) -> tuple[int, int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns


def _ignore(_: StorageFailed) -> None:
    """Where nobody listens, `unsaved` can be asked for."""


def _checked(settings: Settings) -> Settings:
    for name in _LIMITS:
        _check_limits(name, getattr(settings, name))
    try:
        checked = decode(Settings, encode(settings))
    except (ValueError, TypeError, AttributeError) as error:
        raise UsageError(f"This is not a valid setting: {error}.") from error
    if not isinstance(checked, Settings):
        raise UsageError("These are no settings.")
    return checked


def _check_limits(name: str, value: object) -> None:
    if name not in _LIMITS or value is None:
        return
    low, high = _LIMITS[name]
    if not isinstance(value, int | float) or not low <= value <= high:
        words = name.replace("_", " ")
        raise UsageError(f"The setting “{words}” must be between {low:g} and {high:g}.", "")
