"""Adds places to look for models in, takes them away, and tells what came of it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QDesktopServices

from playground.core.errors import PlaygroundError
from playground.services.library.service import LibraryPlace
from playground.store.settings import SettingsStore
from playground.ui.pages.models.page import ModelsPage
from playground.ui.pages.models.places import folder_entries
from playground.ui.pages.models.rows import ModelRow
from playground.ui.widgets.show_toast import ShowToast


class PlaceChanges(QObject):
    """Keeps the list of places; `rescan` is called after each change of it."""

    def __init__(
        self,
        view: ModelsPage,
        settings: SettingsStore,
        *,
        toast: ShowToast,
        report: Callable[[BaseException], object],
        rescan: Callable[[], None],
    ) -> None:
        super().__init__(view)
        self._view = view
        self._settings = settings
        self._toast = toast
        self._report = report
        self._rescan = rescan
        self._wanted: tuple[Path, ...] = ()

    def show(self, places: tuple[LibraryPlace, ...]) -> None:
        """List the places, each with the number of models it has."""
        self._view.show_folders(folder_entries(places))

    def add(self, paths: tuple[Path, ...]) -> None:
        """Look into folders and at files that were dropped on the window or chosen."""
        known = self._settings.settings.model_folders
        fresh = tuple(path for path in dict.fromkeys(paths) if path not in known)
        self._wanted = paths
        self._replace((*known, *fresh))

    def remove(self, folder: Path) -> None:
        """Take a place off the list; nothing on disk is touched."""
        known = self._settings.settings.model_folders
        self._wanted = tuple(path for path in self._wanted if path != folder)
        if not self._replace(tuple(other for other in known if other != folder)):
            return
        self._toast(
            self.tr("{0} is no longer looked through. No file was deleted.").format(folder.name),
            action=self.tr("Undo"),
            on_action=lambda: self.add((folder,)),
        )

    def tell(self, rows: tuple[ModelRow, ...]) -> str | None:
        """Tell what was found in the places just added; return the key of the first model."""
        first: str | None = None
        for path in self._wanted:
            found = [row for row in rows if path in (row.model.path, *row.model.path.parents)]
            keys = [row.key for row in found]
            if not keys:
                words = self.tr("There is no .gguf file in {0}. It stays on the list of places.")
                self._toast(words.format(path.name), tone="caution")
                continue
            first = first or keys[0]
            if len(keys) == 1:
                self._toast(self.tr("{0} is listed.").format(Path(keys[0]).name))
            else:
                self._toast(self._counted(found, path))
        self._wanted = ()
        return first

    def _counted(self, found: list[ModelRow], path: Path) -> str:
        broken = sum(row.model.problem is not None for row in found)
        good = len(found) - broken
        said = self.tr("The folder “{0}” has {1} models.").format(path.name, good)
        if good == 1:
            said = self.tr("The folder “{0}” has 1 model.").format(path.name)
        if broken == 1:
            said += " " + self.tr("1 file can't be read; the list says why.")
        elif broken:
            said += " " + self.tr("{0} files can't be read; the list says why.").format(broken)
        return said

    def open(self, folder: Path) -> None:
        """Show a folder in the file manager."""
        place = folder if folder.is_dir() else folder.parent
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(place))):
            self._toast(self.tr("No file manager could be opened. The folder: {0}").format(place))

    def _replace(self, folders: tuple[Path, ...]) -> bool:
        try:
            self._settings.change(lambda settings: replace(settings, model_folders=folders))
        except PlaygroundError as error:
            self._report(error)
            return False
        self._rescan()
        return True
