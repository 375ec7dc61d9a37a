"""Deletes model files into the system's bin, and says before what that takes away."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from playground.core.errors import StorageFailed, UsageError
from playground.core.targets import ModelFile
from playground.services.library.app_folders import HUGGING_FACE, OLLAMA
from playground.services.library.folders import exists, is_file, status_of
from playground.services.library.scanner import STARTER, ollama_models, with_parts


@dataclass(frozen=True, slots=True)
class Deletion:
    """What deleting a model takes away."""

    files: tuple[Path, ...]
    """What goes to the bin: parts, `mmproj`, links and the files behind them."""
    frees_bytes: int
    """What the disk gains once the bin is emptied; nothing for a file another name still holds."""
    owner: str | None = None
    """The other program whose files these are."""
    why_not: str | None = None
    """Why it cannot be deleted at all, in a sentence."""


def deletion(model: ModelFile, others: Iterable[ModelFile]) -> Deletion:
    """Return what deleting `model` would take away, `others` being all other models."""
    if model.source == STARTER:
        return Deletion((), 0, None, "The starter model belongs to the program and stays.")
    if not model.is_present:
        return Deletion((), 0, model.owner, "Its drive is not connected.")
    parts = with_parts(model.path, model.source).parts
    paths = [path for path in parts if exists(path) or path.is_symlink()]
    used = {other.projector for other in others}
    if model.projector is not None and model.projector not in used:
        paths.append(model.projector)
    files = paths
    if model.source == HUGGING_FACE:
        files = [name for path in paths for name in _names_in_hub(path)]
    if model.source == OLLAMA:
        tags = [
            other.manifest
            for other in ollama_models(model.path.parent.parent)
            if other.path == model.path
        ]
        files = [*(tag for tag in tags if tag is not None), *paths]
    if not files:
        return Deletion((), 0, model.owner, "The file is gone already.")
    return Deletion(tuple(files), _frees(files), model.owner)


def delete(model: ModelFile, others: Iterable[ModelFile], *, confirmed: bool) -> Deletion:
    """Put the files into the bin; raises `UsageError` and `StorageFailed`."""
    planned = deletion(model, others)
    if planned.why_not is not None:
        raise UsageError(planned.why_not, "")
    if planned.owner is not None and not confirmed:
        raise UsageError(
            f"This file belongs to {planned.owner}, which would miss it.",
            "Delete it there, or confirm that it should go.",
        )
    _to_bin(planned.files)
    return planned


def _to_bin(files: Sequence[Path]) -> None:
    import send2trash  # noqa: PLC0415 - start-up time

    for done, path in enumerate(files):
        try:
            if path.is_symlink() and not exists(path):
                # no bin takes a link that leads nowhere, and there is nothing to bring back
                path.unlink()
            else:
                send2trash.send2trash(str(path))
        except FileNotFoundError:
            # somebody else was quicker: it is gone, as was wanted
            continue
        except (OSError, send2trash.TrashPermissionError) as error:
            reason = getattr(error, "strerror", None) or "this drive has none"
            raise StorageFailed(
                f"{path.name} could not be put into the bin: {reason}.", _left(done, len(files))
            ) from error


def _left(done: int, count: int) -> str:
    if done == 0:
        return "Nothing was deleted. Delete it in your file manager."
    moved = "1 of its files is" if done == 1 else f"{done} of its files are"
    return (
        f"{moved} in the bin already, {count - done} still here. Bring back from the bin what is "
        "there, or delete the rest in your file manager."
    )


def _names_in_hub(path: Path) -> list[Path]:
    """Return every snapshot's link to a file of the Hub's cache, and the file itself."""
    snapshots = next((parent for parent in path.parents if parent.name == "snapshots"), None)
    if snapshots is None or not path.is_symlink() or not is_file(path):
        return [path]
    links = [link for link in sorted(snapshots.rglob("*")) if _leads_to(link, path)]
    return [*links, path.resolve()]


def _leads_to(link: Path, path: Path) -> bool:
    try:
        return link.is_symlink() and link.samefile(path)
    except (OSError, ValueError):
        return False


def _frees(files: Iterable[Path]) -> int:
    names = Counter[tuple[int, int]]()
    room: dict[tuple[int, int], tuple[int, int]] = {}
    for path in files:
        status = status_of(path)
        if status is not None and not path.is_symlink():
            identity = (status.st_dev, status.st_ino)
            names[identity] += 1
            room[identity] = (status.st_size, status.st_nlink)
    return sum(size for identity, (size, links) in room.items() if links <= names[identity])
