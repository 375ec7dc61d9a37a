"""Looks through every place that may hold models: names and sizes, no file is opened."""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

from playground.services import library_folders as folders
from playground.services.library.app_folders import HUGGING_FACE, JAN, LM_STUDIO, OLLAMA, AppPlace
from playground.services.library.cache import Stamp
from playground.services.library.courtesy import Courtesy
from playground.services.library_evidence import Evidence
from playground.services.library_folders import FoundFile
from playground.services.library_ollama import ollama_models
from playground.services.library_projectors import is_projector, paired

_HUB_FOLDER = re.compile(r"models--([^/\\]+?)--([^/\\]+)")
_HUB_OTHERS = re.compile(r"(datasets|spaces|kernels)--.+|blobs|refs|\.locks|\.no_exist")
_HUB_HOST = "huggingface.co"
_HUB_ENDING = "-gguf"


@dataclass(frozen=True, slots=True)
class Places:
    """Where to look."""

    starter: Path | None
    own: Path
    chosen: tuple[Path, ...]
    apps: tuple[AppPlace, ...]

    @property
    def roots(self) -> frozenset[str]:
        """Every folder, as text."""
        everything = (self.own, *self.chosen, *(app.folder for app in self.apps))
        return frozenset(map(str, everything))


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen at one look."""

    found: tuple[FoundFile, ...]
    stamps: dict[str, Stamp]
    """Path of each file of them → what tells that it is still the same."""
    drives: dict[str, str]
    """Path of each model → where the drive it lies on is mounted."""
    problems: dict[Path, str]
    """The user's folders that could not be read, each with the reason."""
    roots: frozenset[str] = frozenset()
    """Every folder that was to be looked through."""
    missing: frozenset[str] = frozenset()
    """Those of the program's own and the user's that are not there."""


@dataclass(slots=True)
class _Sight:
    """What is gathered during a look."""

    evidence: Evidence = field(default_factory=Evidence)
    problems: dict[Path, str] = field(default_factory=dict)
    stamps: dict[str, Stamp] = field(default_factory=dict)
    drives: dict[str, str] = field(default_factory=dict)
    seen: set[object] = field(default_factory=set)
    mounts: dict[int, str] = field(default_factory=dict)

    def is_new(self, item: FoundFile) -> bool:
        """Note a model's files; return False where it was seen under another name."""
        identity: list[object] = []
        for path in item.files:
            status = folders.status_of(path)
            self.evidence.note_file(str(path), status)
            if status is None:
                # a link to nowhere is listed, so that its problem is
                identity.append(str(path))
                continue
            self.stamps[str(path)] = Stamp(status.st_size, status.st_mtime_ns)
            identity.append(folders.identity_of(path, status))
            if path == item.path:
                self.drives[str(path)] = self._drive(path, status.st_dev)
        own = tuple(identity[: len(item.parts)])
        if own in self.seen:
            return False
        self.seen.add(own)
        return True

    def _drive(self, path: Path, device: int) -> str:
        if device not in self.mounts:
            self.mounts[device] = drive_of(path)
        return self.mounts[device]


class Lookout:
    """Looks again and again; where nothing has changed the last look is returned as it was."""

    def __init__(self, courtesy: Courtesy) -> None:
        self._courtesy = courtesy
        self._last: tuple[Places, Evidence, Look] | None = None

    def look(self, places: Places, is_stopped: Callable[[], bool]) -> Look:
        """Return every model file, each once: the first place that has it counts."""
        if self._last is not None:
            before, evidence, seen = self._last
            if before == places and evidence.still_holds(self._politely(is_stopped)):
                return seen
        sight = _Sight()
        everything = _everything(places, sight, self._politely(is_stopped))
        found = []
        for item in everything:
            self._courtesy.give_way()
            if sight.is_new(item):
                found.append(item)
        missing = frozenset(str(place) for place in (places.own, *places.chosen) if _is_away(place))
        seen = Look(tuple(found), sight.stamps, sight.drives, sight.problems, places.roots, missing)
        if not is_stopped():
            self._last = (places, sight.evidence, seen)
        return seen

    def _politely(self, is_stopped: Callable[[], bool]) -> Callable[[], bool]:
        """Return `is_stopped`, which is asked at every folder, giving way as well."""

        def asked() -> bool:
            self._courtesy.give_way()
            return is_stopped()

        return asked


def drive_of(path: Path) -> str:
    """Return where the drive that holds a file is mounted."""
    try:
        place = Path(os.path.realpath(path)).parent
    except (OSError, ValueError):
        return path.anchor
    while not is_drive(str(place)) and place != place.parent:
        place = place.parent
    return str(place)


def is_drive(mount: str) -> bool:
    """Return True where a drive is mounted at that place now."""
    # on Windows every drive letter counts as a mount, whether there is a drive or not
    return os.path.ismount(mount) and folders.exists(Path(mount))


def found_at(path: Path, places: Places) -> FoundFile:
    """Return the model at `path` as a look would: with what the place it lies in tells of it."""
    for app in places.apps:
        if app.name == OLLAMA and app.folder in path.parents:
            named = (item for item in _in_ollama(app, Evidence()) if item.path == path)
            if (item := next(named, None)) is not None:
                return item
    for root, source, owner in (
        *((app.folder, app.name, app.name) for app in places.apps if app.name != OLLAMA),
        (places.own, str(places.own), None),
        *((folder, str(folder), None) for folder in places.chosen),
    ):
        if root in path.parents:
            above = folders.files_in(path.parent.parent) if path.parent != root else []
            beside = dict.fromkeys([path, *folders.files_in(path.parent), *above])
            for item in _in_folder(root, source, list(beside)):
                if path in item.parts:
                    return replace(item, owner=owner)
    return folders.with_parts(path, str(path.parent))


def total_size(paths: Iterable[Path], stamps: dict[str, Stamp]) -> int:
    """Return the bytes of some files."""
    return sum(stamps[str(path)].size for path in paths if str(path) in stamps)


def _everything(
    places: Places, sight: _Sight, is_stopped: Callable[[], bool]
) -> Iterator[FoundFile]:
    if places.starter is not None:
        yield FoundFile(places.starter, folders.STARTER, (places.starter,))
    yield from _in_own(places.own, _ignore, sight, is_stopped)
    # before the user's folders: what another program has put into one of them is still its own
    for app in places.apps:
        if app.name == OLLAMA:
            yield from _in_ollama(app, sight.evidence)
            continue
        others = _is_no_model_of_the_hub if app.name == HUGGING_FACE else _never
        paths = folders.files_below(app.folder, _ignore, is_stopped, others, sight.evidence)
        yield from (
            replace(item, owner=app.name) for item in _in_folder(app.folder, app.name, [*paths])
        )
    for root in places.chosen:
        yield from _in_own(root, sight.problems.__setitem__, sight, is_stopped)


def _in_own(
    root: Path,
    report: Callable[[Path, str], None],
    sight: _Sight,
    is_stopped: Callable[[], bool],
) -> Iterator[FoundFile]:
    sight.evidence.note_file(str(root), folders.status_of(root))
    if not folders.is_file(root):
        paths = folders.files_below(root, report, is_stopped, _never, sight.evidence)
        yield from _in_folder(root, str(root), [*paths])
        return
    sight.evidence.note_folder(str(root.parent), folders.names_in(root.parent))
    beside = folders.files_in(root.parent)
    models = [path for path in beside if not is_projector(path.name)]
    projectors = [path for path in beside if is_projector(path.name)]
    item = folders.with_parts(root, str(root.parent))
    yield _with_projector(replace(item, root=root), models, projectors)


def _in_folder(root: Path, source: str, paths: list[Path]) -> Iterator[FoundFile]:
    projectors: dict[str, list[Path]] = {}
    models: dict[str, list[Path]] = {}
    for path in paths:
        kind = projectors if is_projector(path.name) else models
        kind.setdefault(_folder_of(path), []).append(path)
    for model in folders.grouped(paths, source):
        folder = _folder_of(model.path)
        repository = _repository(model.path, root, source)
        item = replace(
            model,
            root=root,
            repository=repository,
            publisher=repository.partition("/")[0] if repository else None,
            name=model.path.parent.name if model.path.stem.lower() in {"model", "ggml"} else None,
        )
        beside = projectors.get(folder)
        if beside is None and repository is not None and projectors:
            # of large models each quantization has a folder of its own in its repository
            above = item.path.parent.parent
            if _repository(above / item.path.name, root, source) == repository:
                beside = projectors.get(str(above))
        yield _with_projector(item, models[folder], beside or [])


def _with_projector(item: FoundFile, models: list[Path], projectors: list[Path]) -> FoundFile:
    pairing = paired(models, projectors).get(item.path) if projectors else None
    if pairing is None:
        return item
    return replace(item, projector=pairing.projector, is_projector_certain=pairing.is_certain)


def _in_ollama(app: AppPlace, evidence: Evidence) -> Iterator[FoundFile]:
    for model in ollama_models(app.folder, evidence):
        yield FoundFile(
            model.blob,
            OLLAMA,
            (model.blob,),
            owner=OLLAMA,
            root=app.folder,
            name=model.name,
            publisher=model.publisher,
            projector=model.projector,
            manifest=model.manifest,
        )


def _folder_of(path: Path) -> str:
    # a `Path` as a key is taken apart each time
    return os.path.dirname(path)  # noqa: PTH120 - thousands of times


def _repository(path: Path, root: Path, source: str) -> str | None:
    """Return the Hub repository a file's folders name, as `owner/name`."""
    start, text = os.path.join(root, ""), str(path)  # noqa: PTH118 - thousands of times
    if not os.path.normcase(text).startswith(os.path.normcase(start)):
        return None
    parts = tuple(text[len(start) :].split(os.sep)[:-1])  # noqa: PTH206 - as above
    if source == HUGGING_FACE:
        match = _HUB_FOLDER.fullmatch(parts[0]) if parts else None
        return f"{match[1]}/{match[2]}" if match else None
    if source == LM_STUDIO:
        return "/".join(parts[:2]) if len(parts) >= 2 else None
    if source == JAN:
        after = parts[parts.index(_HUB_HOST) + 1 :] if _HUB_HOST in parts else ()
        return "/".join(after[:2]) if len(after) >= 2 else None
    # a person's own order means nothing to the Hub, unless it looks very much like it
    for owner, name in pairwise(parts):
        if name.lower().endswith(_HUB_ENDING):
            return f"{owner}/{name}"
    return None


def _is_no_model_of_the_hub(folder: str) -> bool:
    return bool(_HUB_OTHERS.fullmatch(folder))


def _never(_folder: str) -> bool:
    return False


def _is_away(place: Path) -> bool:
    """Return True for a folder that is not there; a single file may just have been deleted."""
    if folders.exists(place):
        return False
    return place.suffix.lower() != folders.SUFFIX or not folders.exists(place.parent)


def _ignore(_folder: Path, _why: str) -> None:
    """Say nothing: the folders of programs may well be missing."""
