"""What the Hugging Face Hub tells about its models, as plain values."""

from dataclasses import dataclass
from enum import StrEnum


class HubSort(StrEnum):
    """The order of search results; every one begins with the most."""

    TRENDING = "trending"
    DOWNLOADS = "downloads"
    LIKES = "likes"
    UPDATED = "updated"


class Gate(StrEnum):
    """What stands before a repository's files."""

    OPEN = "open"
    AUTOMATIC = "automatic"
    """Terms to accept; access follows at once."""
    MANUAL = "manual"
    """Terms to accept; the publisher decides."""


@dataclass(frozen=True, slots=True)
class HubQuery:
    """What is searched for; `None` does not filter."""

    text: str = ""
    sort: HubSort = HubSort.TRENDING
    min_parameters: int | None = None
    max_parameters: int | None = None
    max_size_bytes: int | None = None
    """At least one file of the repository is no larger."""
    licence: str | None = None
    task: str | None = None
    fits_only: bool = False
    """Only what runs on this computer; decided from parameters where no header is read yet."""


_WRITING_TASKS = frozenset(
    {
        "any-to-any",
        "audio-text-to-text",
        "image-text-to-text",
        "image-to-text",
        "question-answering",
        "summarization",
        "text-generation",
        "text2text-generation",
        "translation",
        "video-text-to-text",
        "visual-question-answering",
    }
)
"""Tasks of the Hub (https://huggingface.co/tasks) whose models write text."""


@dataclass(frozen=True, slots=True)
class HubModel:
    """One repository as search lists it; what the Hub does not say is `None`."""

    repo: str
    """`owner/name`."""
    downloads: int | None = None
    likes: int | None = None
    updated_at: str | None = None
    """ISO 8601."""
    licence: str | None = None
    task: str | None = None
    gate: Gate = Gate.OPEN
    is_private: bool = False
    parameters: int | None = None
    architecture: str | None = None
    context_length: int | None = None
    smallest_bytes: int | None = None
    """About the size of its smallest file: an estimate from parameters and the files' names."""
    usual_bytes: int | None = None
    """The same of the file that is most often taken: about 5 bits for each weight."""

    @property
    def may_answer(self) -> bool:
        """False where the Hub names a task of models that write no text."""
        return self.task is None or self.task in _WRITING_TASKS

    @property
    def publisher(self) -> str:
        return self.repo.partition("/")[0]

    @property
    def name(self) -> str:
        return self.repo.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class SearchPage:
    """One page of search results."""

    models: tuple[HubModel, ...]
    next_cursor: str | None = None
    """What to ask the next page with; `None`: there is none."""


@dataclass(frozen=True, slots=True)
class HubPart:
    """One file of a repository."""

    path: str
    """Inside the repository, with forward slashes; as hostile as anything from a server."""
    size_bytes: int
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class HubReference:
    """A repository as somebody named it, and what of it is meant."""

    repo: str
    """`owner/name`."""
    revision: str | None = None
    """Branch, tag or commit; `None`: the usual one."""
    version: str | None = None
    """A file's path or name, or a quantization; `None`: not said."""
    is_explicit: bool = False
    """True where it can be nothing but a repository: an address, or a version of one."""


@dataclass(frozen=True, slots=True)
class HubFile:
    """One model of a repository: a GGUF file, or all parts of one that was split."""

    parts: tuple[HubPart, ...]
    quantization: str | None = None
    missing_parts: tuple[int, ...] = ()
    is_projector: bool = False
    is_cut: bool = False
    """True for pieces that llama.cpp does not load, since they were cut byte by byte."""

    @property
    def problem(self) -> str | None:
        """Why it would not run after a download, in a sentence."""
        if self.missing_parts:
            return "Parts of this version are missing on the Hub: it would not run."
        if self.is_cut:
            return "This version is cut into pieces in a way that is not supported."
        return None

    @property
    def path(self) -> str:
        """The file to load: the first part."""
        return self.parts[0].path

    @property
    def size_bytes(self) -> int:
        return sum(part.size_bytes for part in self.parts)


@dataclass(frozen=True, slots=True)
class HubRepository:
    """A repository with its files at one revision."""

    model: HubModel
    revision: str
    """The commit, 40 hex digits: files never change under it."""
    files: tuple[HubFile, ...]
    """Models by size, the smallest first."""
    projectors: tuple[HubFile, ...] = ()
    page_url: str = ""

    @property
    def projector(self) -> HubFile | None:
        """The `mmproj` to take with a model: half precision where there is one."""
        half = [one for one in self.projectors if one.quantization in {"F16", "BF16"}]
        return min(half or self.projectors, key=lambda one: one.size_bytes, default=None)


@dataclass(frozen=True, slots=True)
class FeaturedModel:
    """A well-known small model of the starter shelf: only a pointer to its repository."""

    repo: str
    name: str
    licence: str
    parameters: int
    size_bytes: int
    """About that of the recommended file, for orientation; the Hub has the exact one."""
    good_at: str
    """A sentence for somebody who has never heard of any model."""
    file_hint: str
    """Quantization to begin with, such as `Q4_K_M`."""
