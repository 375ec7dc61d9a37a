"""Which places are listed below the models, and how many models each has."""

from pathlib import Path

from PySide6.QtCore import QCoreApplication

from playground.services.library import ModelLibrary
from playground.services.library_folders import STARTER
from playground.services.library_places import HUGGING_FACE, hugging_face_cache
from playground.ui.pages.models.folders import FolderEntry
from playground.ui.pages.models.rows import ModelRow


def folder_entries(
    library: ModelLibrary, own: Path, chosen: tuple[Path, ...], rows: tuple[ModelRow, ...]
) -> tuple[FolderEntry, ...]:
    """Return the built-in places, then those a person has added."""
    problems = library.folder_problems()
    cache = hugging_face_cache()
    entries = [
        FolderEntry(own, _tr("This program's folder"), _counted(_in_folder(rows, own))),
        FolderEntry(cache, _tr("Hugging Face"), _counted(_from(rows, HUGGING_FACE))),
    ]
    starter = library.starter_path()
    if starter is not None:
        note = _counted(_from(rows, STARTER))
        entries.insert(0, FolderEntry(starter.parent, _tr("Starter model"), note))
    for folder in chosen:
        absolute = folder.expanduser().absolute()
        problem = problems.get(absolute)
        entries.append(
            FolderEntry(
                folder,
                str(folder),
                problem or _counted(_in_folder(rows, absolute)),
                is_bad=problem is not None,
                is_removable=True,
            )
        )
    return tuple(entries)


def _tr(text: str) -> str:
    return QCoreApplication.translate("ModelsPage", text)


def _from(rows: tuple[ModelRow, ...], source: str) -> int:
    return sum(row.model.source == source for row in rows)


def _in_folder(rows: tuple[ModelRow, ...], folder: Path) -> int:
    # a single file may be a place as well
    return sum(row.model.source == str(folder) or row.model.path == folder for row in rows)


def _counted(count: int) -> str:
    return _tr("1 model") if count == 1 else _tr("{0} models").format(count)
