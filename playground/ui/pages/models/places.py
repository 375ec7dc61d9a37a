"""Which places are listed below the models, and how many models each has."""

from collections.abc import Iterable

from PySide6.QtCore import QCoreApplication

from playground.services.library.service import LibraryPlace
from playground.ui.pages.models.folders import FolderEntry


def folder_entries(places: Iterable[LibraryPlace]) -> tuple[FolderEntry, ...]:
    """Return the built-in places, other programs', then those a person has added."""
    return tuple(_entry(place) for place in places)


def _entry(place: LibraryPlace) -> FolderEntry:
    problem = place.problem
    if place.is_removable and not place.is_there:
        problem = _tr("Not connected, or gone")
    return FolderEntry(
        place.folder,
        place.name if place.is_removable else _tr(place.name),
        problem or _counted(place.model_count),
        is_bad=problem is not None,
        is_removable=place.is_removable,
    )


def _tr(text: str) -> str:
    return QCoreApplication.translate("ModelsPage", text)


def _counted(count: int) -> str:
    return _tr("1 model") if count == 1 else _tr("{0} models").format(count)
