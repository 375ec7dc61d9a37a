"""Where other programs keep model files, on each system, by their own variables too.

LM Studio: the home its pointer file names (`lmstudio-js`, `findLMStudioHome`), and in it the folder
its settings name. Ollama: its FAQ, https://docs.ollama.com/faq (`OLLAMA_MODELS`). Jan: its data
folder (`JAN_DATA_FOLDER`), until version 0.6 below the folder of settings. GPT4All: the application
data folder of `nomic.ai/GPT4All`. llama.cpp: `fs_get_cache_directory` of `common/common.cpp`
(`LLAMA_CACHE`). The Hub: `huggingface_hub.constants`.
"""

import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HUGGING_FACE = "Hugging Face"
LM_STUDIO = "LM Studio"
OLLAMA = "Ollama"
JAN = "Jan"
GPT4ALL = "GPT4All"
LLAMA_CPP = "llama.cpp"
_VARIABLE = re.compile(r"\$(\w+)|\$\{([^}]+)\}")
_LARGEST_SETTINGS = 1 << 20


@dataclass(frozen=True, slots=True)
class AppModelFolder:
    """A folder in which another program keeps models."""

    name: str
    folder: Path


def app_model_folders(
    platform: str = sys.platform,
    environment: Mapping[str, str] | None = None,
    home: Path | None = None,
    hub_cache: Path | None = None,
) -> tuple[AppModelFolder, ...]:
    """Return every place another program may keep models in, whether it is there or not."""
    environment = os.environ if environment is None else environment
    home = Path.home() if home is None else home
    folders = _Folders(platform, environment, home)
    found = [
        *(AppModelFolder(LM_STUDIO, folder) for folder in _lm_studio(folders)),
        *(AppModelFolder(JAN, folder) for folder in _jan(folders)),
        AppModelFolder(GPT4ALL, folders.local / "nomic.ai" / "GPT4All"),
        AppModelFolder(LLAMA_CPP, folders.named("LLAMA_CACHE", folders.cache / "llama.cpp")),
        AppModelFolder(HUGGING_FACE, hub_cache or hugging_face_cache()),
        *(AppModelFolder(OLLAMA, folder) for folder in _ollama(folders)),
    ]
    return tuple(dict.fromkeys(found))


def hugging_face_cache() -> Path:
    """Return the folder in which `huggingface_hub` keeps models."""
    from huggingface_hub import constants  # noqa: PLC0415 - start-up time

    # a variable that is empty would make it the folder the program was started in
    return Path(constants.HF_HUB_CACHE or constants.default_cache_path).absolute()


@dataclass(frozen=True, slots=True)
class _Folders:
    """The usual folders of a system."""

    platform: str
    environment: Mapping[str, str]
    home: Path

    @property
    def roaming(self) -> Path:
        """Where programs keep what goes along with a person to other computers."""
        if self.platform == "win32":
            return self.named("APPDATA", self.home / "AppData" / "Roaming")
        return self.local

    @property
    def local(self) -> Path:
        """Where programs keep what is large."""
        if self.platform == "win32":
            return self.named("LOCALAPPDATA", self.home / "AppData" / "Local")
        if self.platform == "darwin":
            return self.home / "Library" / "Application Support"
        return self.named("XDG_DATA_HOME", self.home / ".local" / "share")

    @property
    def cache(self) -> Path:
        """Where programs keep what they can fetch again."""
        if self.platform == "win32":
            return self.local
        if self.platform == "darwin":
            return self.home / "Library" / "Caches"
        return self.named("XDG_CACHE_HOME", self.home / ".cache")

    def named(self, variable: str, usual: Path) -> Path:
        value = self.environment.get(variable, "").strip()
        return self.expanded(value) if value else usual

    def expanded(self, text: str) -> Path:
        """Return a path as written in a variable, `~` being the home."""
        if text == "~" or text.startswith(("~/", "~\\")):
            return self.home / text[2:]
        known = self.environment
        return Path(_VARIABLE.sub(lambda m: known.get(m[1] or m[2], m[0]), text))


def _lm_studio(folders: _Folders) -> list[Path]:
    homes = [folders.home / ".lmstudio", folders.home / ".cache" / "lm-studio"]
    named = _text(folders.home / ".lmstudio-home-pointer").strip()
    if named:
        homes.insert(0, folders.expanded(named))
    found = [home / "models" for home in homes]
    for home in homes:
        try:
            chosen = json.loads(_text(home / "settings.json"))["downloadsFolder"]
        except (ValueError, TypeError, KeyError, RecursionError):
            continue
        if isinstance(chosen, str) and chosen.strip():
            found.append(home / folders.expanded(chosen.strip()))
    return found


def _text(path: Path) -> str:
    """Return what another program has written down; nothing where it cannot be read."""
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(_LARGEST_SETTINGS)
    except (OSError, ValueError):
        return ""


def _jan(folders: _Folders) -> tuple[Path, ...]:
    data = folders.named("JAN_DATA_FOLDER", folders.roaming / "Jan" / "data")
    if folders.platform in {"win32", "darwin"} or folders.environment.get("JAN_DATA_FOLDER"):
        return (data,)
    settings = folders.named("XDG_CONFIG_HOME", folders.home / ".config")
    return (data, settings / "Jan" / "data")


def _ollama(folders: _Folders) -> tuple[Path, ...]:
    if named := folders.environment.get("OLLAMA_MODELS", "").strip():
        return (folders.expanded(named),)
    usual = folders.home / ".ollama" / "models"
    if folders.platform.startswith("linux"):
        # the folder of the service its installer sets up
        return (usual, Path("/usr/share/ollama/.ollama/models"))
    return (usual,)
