"""Names of model files, versions and repositories, and which one a person means by a name.

File names follow llama.cpp's converters: `Name-Size-Quantization-00001-of-00002.gguf`
(https://github.com/ggml-org/ggml/blob/master/docs/gguf.md#gguf-naming-convention), and habits of
those who publish on the Hub: `Name.Q4_1.gguf`, `Name-UD-Q2_K_XL.gguf`, `mmproj-Name-F16.gguf`,
`Name.Q8_0.gguf.part1of2`. Repositories are named as addresses of the Hub, or as Ollama
(https://huggingface.co/docs/hub/ollama) and llama-server name them: `owner/name:Q4_K_M`.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

from playground.core.characters import visible_line
from playground.core.errors import ModelNotFound, RepositoryNotFound, UsageError
from playground.core.hub import HubFile, HubReference
from playground.core.targets import ModelFile

_LONGEST_NAME = 80
_SEPARATOR = "[-._ ]"
_QUANTIZATION_NAME = (
    rf"(?:UD{_SEPARATOR})?"
    # possessive: what follows decides on the whole name, never on a part of it
    r"(?:I?Q\d+(?:_(?:\d{1,2}|K|[SMLHP]|X{1,2}[SML]|NL|KSS?|K[LTV]|BN|R\d{1,2}|G\d{2,3})(?![A-Z\d]))*+"
    r"|TQ\d_\d|I2_S|MXFP4(?:_MOE)?+|NVFP4|BF16|FP?(?:16|32))"
)
_LAYER_NAME = rf"{_SEPARATOR}(?:lm_?head|head|output|out|embd|emb|embed(?:ding)?s?)"
"""What follows the quantization of single layers, which is not that of the model."""
_QUANTIZATION = re.compile(
    rf"(?:^|(?<={_SEPARATOR})|(?<=/)){_QUANTIZATION_NAME}(?={_SEPARATOR}|/|$)"
    rf"(?!{_LAYER_NAME}(?:{_SEPARATOR}|/|$))",
    re.IGNORECASE,
)
_QUANTIZATION_AT_END = re.compile(
    rf"(?:{_SEPARATOR}+{_QUANTIZATION_NAME}(?:{_LAYER_NAME})?)+$", re.IGNORECASE
)
_MOST_QUANTIZATIONS = 2
"""In the name of one file: that it was made from, and its own."""
_SHARD = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})", re.IGNORECASE)
_CUT = re.compile(
    r"(?P<whole>.+\.gguf)(?:[-._](?:part|split)[-_.]?(?:[a-z]{1,2}|\d+(?:of\d+)?)|\.(?:\d{2,3}|a[a-z]))",
    re.IGNORECASE,
)
_PROJECTOR = re.compile(r"(?:^|[-_. /])mmproj(?:[-_. /]|$)", re.IGNORECASE)
_IMATRIX = re.compile(r"(?:^|[-_. /])imatrix\.gguf$|(?:^|/)imatrix[-_.][^/]*$", re.IGNORECASE)
_ENDING = re.compile(r"\.gguf$", re.IGNORECASE)
_REPOSITORY_ENDING = re.compile(r"[-_. ]gguf$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Shard:
    """What the file name of a part of a split model says."""

    stem: str
    """The path or name without part number and ending."""
    number: int
    count: int


def shard_of(path: str) -> Shard | None:
    """Return which part of a split model a GGUF file is by its name; `None` for a whole one."""
    stem, is_gguf = _ENDING.subn("", path)
    match = _SHARD.fullmatch(stem) if is_gguf else None
    return match and Shard(match["stem"], int(match["number"]), int(match["count"]))


def is_gguf(path: str) -> bool:
    """Return True for the name of a GGUF file, and of a piece that was cut from one."""
    name = path.lower()
    return name.endswith(".gguf") or (".gguf" in name and cut_from(path) is not None)


def cut_from(path: str) -> str | None:
    """Return the file that a piece was cut from byte by byte; `None` for what is no such piece.

    llama.cpp does not load such pieces: they have to be joined first.
    """
    match = _CUT.fullmatch(path)
    return match and match["whole"]


def is_projector(path: str) -> bool:
    """Return True for the name of an `mmproj` file, the part of a model that sees pictures."""
    return bool(_PROJECTOR.search(path))


def is_imatrix(path: str) -> bool:
    """Return True for the name of measurements that quantizations are made with: no model."""
    name = path.rpartition("/")[2]
    return bool(_IMATRIX.search(path)) and quantization_of(name) is None


def quantization_of(path: str) -> str | None:
    """Return the quantization a GGUF file's name tells, as llama.cpp writes it: `Q4_K_M`, `F16`.

    A maker's own mark stays: `UD-Q2_K_XL`. The file's own name counts before that of its folder.
    `None` too where the name tells more of them than one can say which is meant: `f16.q6.q8`.
    """
    folder, _, name = path.rpartition("/")
    for text in (_ENDING.sub("", name), folder):
        found = [_quantization(word) for word in _QUANTIZATION.findall(text)]
        if len(set(found)) > _MOST_QUANTIZATIONS:
            return None
        if found:
            return found[-1]
    return None


def _quantization(word: str) -> str:
    """Return a quantization as it is usually written, whatever way it was."""
    plain = re.sub(r"[-.\s]", "_", word.strip()).upper()
    plain = plain.replace("FP16", "F16").replace("FP32", "F32")
    return f"UD-{plain[3:]}" if plain.startswith("UD_") else plain


def without_quantization(stem: str) -> str:
    """Return a file's name, which ends before its suffix, without quantization and part number."""
    match = _SHARD.fullmatch(stem)
    return _QUANTIZATION_AT_END.sub("", match["stem"] if match else stem) or stem


def name_from_file(path: Path) -> str:
    """Return a readable name from a file name: `SmolLM2-135M-Instruct.Q4_1` without the rest."""
    name = cut_from(path.name) or path.name
    stem = without_quantization(name.removesuffix(Path(name).suffix))
    return clean(re.sub(r"[-_\s]+", " ", stem)) or path.name


def name_from_repository(repo: str) -> str:
    """Return a readable name from a Hub repository: `owner/SmolLM2-135M-Instruct-GGUF`."""
    name = _REPOSITORY_ENDING.sub("", repo.rpartition("/")[2])
    return clean(re.sub(r"[-_\s]+", " ", _QUANTIZATION_AT_END.sub("", name))) or clean(repo)


def clean(name: str) -> str:
    """Return `name` as one short line without characters that steer the screen."""
    line = visible_line(name)
    return line if len(line) <= _LONGEST_NAME else line[: _LONGEST_NAME - 1] + "…"


_SCHEMES = frozenset({"", "http", "https", "hf"})
_HUB_HOSTS = frozenset({"huggingface.co", "www.huggingface.co", "hf.co", "www.hf.co"})
_REPOSITORY = re.compile(r"\w[\w.-]{0,95}/\w[\w.-]{0,95}")
_OTHER_PLACES = frozenset(
    {"api", "blog", "collections", "datasets", "docs", "organizations", "papers", "posts", "spaces"}
)
_REVISION_FOLLOWS = frozenset({"blame", "blob", "commits", "edit", "raw", "resolve", "tree"})
_BETWEEN_WORDS = re.compile(r"[\s()\[\]{}<>\"'`“”‘’„«»|]+")
_AROUND_WORDS = ",;\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
_BEFORE_REPOSITORY = frozenset(
    {"-hf", "-hfr", "--hf-repo", "-hf=", "--hf-repo=", "download", "get", "pull", "run"}
)
"""Words of llama.cpp, the Hub's program, LM Studio, Docker and Ollama."""
_USUAL_REVISION, _USUAL_VERSION = "main", "latest"


def is_repository(name: str) -> bool:
    """Return True for what may be a repository's name on the Hub: `owner/name`."""
    return bool(_REPOSITORY.fullmatch(name)) and ".." not in name


def hub_reference(text: str, hosts: Collection[str] = ()) -> HubReference | None:
    """Return the repository a text names, and which version of it; `None` where it names none.

    Understood are `owner/name`, with `:Q4_K_M`, `@revision` or a file's path behind it, every
    address of the Hub (and of `hosts`, its mirrors) that leads into a repository, and commands and
    lines of code that have such a word in them: `ollama run hf.co/owner/name:Q4_K_M`.
    """
    words = [bare for word in _BETWEEN_WORDS.split(text) if (bare := _bare(word))]
    for place, word in enumerate(words):
        found = _reference(word, {*_HUB_HOSTS, *hosts})
        is_asked_for = place > 0 and words[place - 1].lower() in _BEFORE_REPOSITORY
        version = _version_in(words[place + 1 :])
        # in a sentence "and/or" is no repository
        is_alone = len(words) == 1 or (len(words) == 2 and version is not None)
        if found is not None and (is_alone or found.is_explicit or is_asked_for):
            is_explicit = found.is_explicit or is_asked_for or version is not None
            return replace(found, version=found.version or version, is_explicit=is_explicit)
    return None


def _bare(word: str) -> str:
    """Return a word without what was copied along with it, and without `name=` in front."""
    word = word.strip(_AROUND_WORDS).rstrip(".")
    if "://" not in word and "?" not in word:
        word = word.rpartition("=")[2]
    return word


def _version_in(words: Iterable[str]) -> str | None:
    """Return the version that follows a repository in a command: a file, or a quantization."""
    for word in words:
        is_file = word.lower().endswith(".gguf") and "*" not in word
        if is_file or _QUANTIZATION.fullmatch(word.strip("*")):
            return word.strip("*")
    return None


def is_hub_name(text: str) -> bool:
    """Return True for what names a repository of the Hub and cannot be a file's path."""
    reference = hub_reference(text)
    is_file = reference is not None and (reference.version or "").lower().endswith(".gguf")
    return reference is not None and ("://" in text or not is_file)


def _reference(word: str, hosts: Collection[str]) -> HubReference | None:
    address = urlsplit(word if "://" in word else f"//{word}")
    segments = [unquote(segment) for segment in address.path.split("/") if segment]
    host = (address.netloc or "").lower()
    is_address = host in hosts
    if address.scheme == "hf" or (not address.scheme and not is_address):
        segments.insert(0, unquote(address.netloc))
    elif not is_address or address.scheme not in _SCHEMES:
        return None
    if segments[:1] == ["models"]:
        del segments[0]
    if len(segments) < 2 or (is_address and segments[0] in _OTHER_PLACES):
        return None
    owner, name, *rest = segments
    name, _, version = name.partition(":")
    name, _, revision = name.partition("@")
    repo = f"{owner}/{name.removesuffix('.git')}"
    if not is_repository(repo):
        return None
    if rest and rest[0] in _REVISION_FOLLOWS:
        count = 3 if rest[1:2] == ["refs"] else 1
        revision, rest = "/".join(rest[1 : 1 + count]), rest[1 + count :]
    elif rest and is_address:
        # discussions and the like
        rest = []
    shown = parse_qs(address.query).get("show_file_info", [""])[0]
    version = "/".join(rest) or version or shown
    return HubReference(
        repo,
        revision if revision and revision != _USUAL_REVISION else None,
        version if version and version.lower() != _USUAL_VERSION else None,
        is_explicit=is_address or address.scheme == "hf" or bool(version),
    )


M = TypeVar("M", HubFile, ModelFile)


def versions_named(files: Sequence[M], wanted: str) -> list[M]:
    """Return the versions of a model that `wanted` names: by path, file name or quantization.

    The exact spelling counts first; then capitals do not, nor a maker's mark before a quantization.
    """
    plain, quantization = wanted.strip().casefold(), _quantization(wanted)
    bare = quantization.removeprefix("UD-")
    readings = (
        lambda path, _: path == wanted,
        lambda path, _: path.casefold() == plain,
        lambda path, _: plain in _file_names(path),
        lambda _, own: own == quantization,
        lambda _, own: own.removeprefix("UD-") == bare,
        lambda path, _: path.casefold().startswith(f"{plain}/"),
    )
    for is_meant in readings:
        found = [
            file
            for file in files
            if any(is_meant(path, own) for path, own in _paths_and_quantizations(file))
        ]
        if found:
            return found
    return []


def choose_version(files: Sequence[HubFile], wanted: str, repo: str) -> HubFile:
    """Return the version of a repository that `wanted` names.

    Raises `RepositoryNotFound`, or `UsageError` where several are meant.
    """
    found = versions_named(files, wanted)
    whole = [file for file in found if file.problem is None] or found
    if len(whole) == 1:
        return whole[0]
    if found:
        names = ", ".join(file.path for file in whole[:8])
        raise UsageError(
            f"“{clean(wanted)}” may mean several files: {names}.", "Write the whole name of one."
        )
    known = ", ".join(file.path for file in files[:8]) or "none"
    raise RepositoryNotFound(f"{repo} has no model file “{clean(wanted)}”.", f"It has: {known}.")


def _paths_and_quantizations(file: HubFile | ModelFile) -> list[tuple[str, str]]:
    if isinstance(file, HubFile):
        return [(part.path, file.quantization or "") for part in file.parts]
    path = file.path.as_posix()
    # the header knows no marks of makers
    return [(path, file.quantization or ""), (path, quantization_of(file.path.name) or "")]


def _file_names(path: str) -> tuple[str, str]:
    name = path.rpartition("/")[2].casefold()
    return name, _ENDING.sub("", name)


def other_version(model: ModelFile, models: Iterable[ModelFile]) -> ModelFile | None:
    """Return another quantization of the same model: the next larger one, else the next smaller.

    The same is what has the same name, architecture and number of parameters.
    """

    def identity(file: ModelFile) -> tuple[object, ...]:
        return _plain(file.name), file.architecture, file.parameters

    others = [
        file
        for file in models
        if file.path != model.path
        and file.quantization != model.quantization
        and file.problem is None
        and file.is_present
        and identity(file) == identity(model)
    ]
    larger = [file for file in others if file.size_bytes >= model.size_bytes]
    if larger:
        return min(larger, key=lambda file: file.size_bytes)
    return max(others, key=lambda file: file.size_bytes, default=None)


def choose(models: Iterable[ModelFile], wanted: str) -> ModelFile:
    """Return the model `wanted` names: by file name, name, or the beginning of one of them.

    Raises `ModelNotFound`, or `UsageError` where several are meant.
    """
    known = tuple(models)
    if reference := hub_reference(wanted):
        return _choose_from_repository(known, reference)
    stem, _, version = wanted.rpartition(":")
    if stem and (named := versions_named(known, version)):
        known, wanted = tuple(named), stem
    key = _plain(wanted)
    exact = [model for model in known if key in _names(model)]
    begins = [m for m in known if key and any(name.startswith(key) for name in _names(m))]
    found = exact or begins
    usable = [model for model in found if model.problem is None and model.is_present]
    if len(usable) == 1 or len(found) == 1:
        return (usable or found)[0]
    if not found:
        raise ModelNotFound(
            f"There is no model called “{clean(wanted)}” on this computer.",
            "`playground models` lists those that are here.",
        )
    names = ", ".join(sorted(model.path.name for model in found[:8]))
    raise UsageError(
        f"“{clean(wanted)}” may mean several models: {names}.",
        "Write more of the name, or the path of the file.",
    )


def _choose_from_repository(models: Sequence[ModelFile], reference: HubReference) -> ModelFile:
    repo = reference.repo.casefold()
    here = [model for model in models if (model.repository or "").casefold() == repo]
    found = versions_named(here, reference.version) if reference.version else here
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(sorted(model.path.name for model in found[:8]))
        raise UsageError(
            f"Several models of {reference.repo} are on this computer: {names}.",
            "Write the version as well, such as owner/name:Q4_K_M.",
        )
    wanted = " ".join(word for word in (reference.repo, reference.version) if word)
    raise ModelNotFound(
        f"{clean(wanted)} is not on this computer.",
        f"“playground hub download {clean(wanted)}” fetches it.",
    )


def _names(model: ModelFile) -> set[str]:
    return {_plain(model.path.name), _plain(model.path.stem), _plain(model.name)}


def _plain(name: str) -> str:
    return re.sub(r"[-_.\s]+", " ", name).strip().casefold()
