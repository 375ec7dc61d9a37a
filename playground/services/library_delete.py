"""Deletes model files into the system's bin, and says before what that takes away."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from playground.core.errors import StorageFailed, UsageError
from playground.core.targets import ModelFile
from playground.services import library_folders as folders
from playground.services.library_ollama import ollama_models
from playground.services.library_places import HUGGING_FACE, OLLAMA


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
    if model.source == folders.STARTER:
        return Deletion((), 0, None, "The starter model belongs to the program and stays.")
    if not model.is_present:
        return Deletion((), 0, model.owner, "Its drive is not connected.")
    parts = folders.with_parts(model.path, model.source).parts
    paths = [path for path in parts if path.exists() or path.is_symlink()]
    used = {other.projector for other in others}
    if model.projector is not None and model.projector not in used:
        paths.append(model.projector)
    files: list[Path] = []
    for path in paths:
        files.append(path)
        if model.source == HUGGING_FACE and path.is_symlink():
            files += _blob_of(path)
    if model.source == OLLAMA:
        files = _of_ollama(model.path, files)
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


def _to_bin(files: Iterable[Path]) -> None:
    import send2trash  # noqa: PLC0415 - start-up time

    for path in files:
        try:
            send2trash.send2trash(str(path))
        except FileNotFoundError:
            # somebody else was quicker: it is gone, as was wanted
            continue
        except (OSError, send2trash.TrashPermissionError) as error:
            raise StorageFailed(
                f"{path.name} could not be put into the bin: "
                f"{getattr(error, 'strerror', None) or 'this drive has none'}.",
                "Nothing was deleted. Delete it in your file manager.",
            ) from error


def _blob_of(link: Path) -> list[Path]:
    """Return the file behind a snapshot's link, unless another snapshot still shows it."""
    blob = link.resolve()
    snapshots = next((parent for parent in link.parents if parent.name == "snapshots"), None)
    if snapshots is None or not blob.is_file():
        return []
    others = (path for path in snapshots.rglob("*.gguf") if path != link and path.is_symlink())
    return [] if any(path.resolve() == blob for path in others) else [blob]


def _of_ollama(blob: Path, files: list[Path]) -> list[Path]:
    """Return the name tags that point to a file, and the file itself."""
    root = blob.parent.parent
    tags = [model.manifest for model in ollama_models(root) if model.blob == blob]
    return [*tags, *files]


def _frees(files: Iterable[Path]) -> int:
    total = 0
    for path in files:
        try:
            status = path.lstat()
        except OSError:
            continue
        if status.st_nlink <= 1:
            total += status.st_size
    return total
