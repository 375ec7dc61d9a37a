"""Opens copies of a home that an older version wrote; `data/README.md` says what is in it."""

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from playground.app.services import use_hub_transport
from playground.services.downloads.manager import DownloadManager
from playground.services.hub.service import HubService
from playground.services.library.app_folders import OLLAMA, AppModelFolder
from playground.services.library.service import ModelLibrary
from playground.store.files import Paths
from playground.store.secrets import SecretStore
from playground.store.settings import SettingsStore

OLD_HOME = Path(__file__).parent / "data" / "home-0.1.0"
WRITTEN_NS = 1_767_225_600_123_456_789
"""When its model files were changed last; a checkout does not keep that."""
COMPARISONS = [
    "unfinished",
    "stopped",
    "failed",
    "taken-back",
    "blind-open",
    "blind-voted",
    "none-good",
    "rivers",
]
"""What is listed, the newest first; one more was deleted."""


def copy_old_home(home: Path) -> None:
    """Copy the old home to `home`, which takes itself for the place it was written in."""
    shutil.copytree(OLD_HOME, home)
    written, here = "/home/someone/playground", str(home)
    queue = home / "downloads.json"
    queue.write_text(queue.read_text("utf-8").replace(written, json.dumps(here)[1:-1]), "utf-8")
    with closing(sqlite3.connect(home / "cache" / "library.sqlite3")) as connection, connection:
        for table, column in (("files", "path"), ("listed", "path"), ("listed", "root")):
            moved = f"CAST(replace(CAST({column} AS TEXT), ?, ?) AS BLOB)"
            connection.execute(f"UPDATE {table} SET {column} = {moved}", (written, here))
    for path in (home / "models").rglob("*.gguf"):
        os.utime(path, ns=(WRITTEN_NS, WRITTEN_NS))


class Fetching:
    """The downloads of a home, as the window opens them."""

    def __init__(self, home: Path, endpoint: str = "https://hub.example") -> None:
        paths = Paths(home, home, home / "logs")
        self.settings = SettingsStore(paths.settings_file)
        environment = {"HF_ENDPOINT": endpoint, "HF_HOME": str(home / "hf")}
        self.hub = HubService(
            self.settings, SecretStore({}), paths.cache_dir / "hub", use_hub_transport, environment
        )
        self.downloads = DownloadManager(
            paths.models_dir, paths.downloads_file, self.hub, self.settings
        )

    async def close(self) -> None:
        await self.downloads.close()
        await self.hub.close()


def library_of(home: Path) -> ModelLibrary:
    """Return the library of the old home, whose drive is not there."""
    return ModelLibrary(
        lambda: (Path("/home/someone/drive/models"),),
        home / "models",
        cache_file=home / "cache" / "library.sqlite3",
        apps=lambda: (AppModelFolder(OLLAMA, Path("/home/someone/drive/ollama")),),
    )
