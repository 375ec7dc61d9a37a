"""Where a prompt can be sent: a model file on this computer or a provider's model."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import ClassVar

from playground.core.urls import host_of, is_loopback_host, is_private_host


class Place(StrEnum):
    """Where an answer comes from; each has its own colour and icon in the window."""

    LOCAL = "here"
    """A model file, or a server of one's own, on this computer."""
    NETWORK = "network"
    """A server in one's own network."""
    CLOUD = "cloud"


class Tier(StrEnum):
    """What kind of title it would be, were it a game."""

    INDIE = "indie local model"
    AAA = "AAA product"
    STUDIO = "studio API"
    OWN_SERVER = "your own server"


class KvType(StrEnum):
    """How the conversation memory (KV cache) stores its numbers."""

    F16 = "f16"
    Q8_0 = "q8_0"
    Q4_0 = "q4_0"


class FlashAttention(StrEnum):
    """Whether attention is computed in blocks; llama.cpp decides with `AUTO`."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class LoadSettings:
    """How a model file is loaded; `None` lets the program choose what fits this computer."""

    context: int | None = None
    """Tokens of prompt and answer together."""
    gpu_layers: int | None = None
    """Layers on the graphics card; -1 is all of them."""
    kv_type: KvType = KvType.F16
    threads: int | None = None
    """`None`: physical cores."""
    flash_attention: FlashAttention = FlashAttention.AUTO


RECORDED = "Recorded"
"""`ModelFile.source` of a model that only a recording tells of."""


RECORDED_ID = "recorded-"
"""Beginning of the id of a provider that only a recording tells of."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One GGUF model on disk, as far as its header tells."""

    path: Path
    name: str
    size_bytes: int
    source: str
    """Where it lives, in words: "Starter", "Hugging Face", or the folder's path."""
    architecture: str | None = None
    quantization: str | None = None
    parameters: int | None = None
    context_length: int | None = None
    """Tokens the model was trained for."""
    has_chat_template: bool | None = None
    problem: str | None = None
    """Why it cannot be used, in a sentence; `None` for a readable file."""
    is_chat_model: bool = True
    """False where the file is whole but what it holds does not answer: `problem` says what."""
    publisher: str | None = None
    """Who published it: the organisation in the header, or the Hub repository's owner."""
    licence: str | None = None
    """As the header writes it, such as `apache-2.0`."""
    repository: str | None = None
    """The Hub repository it came from, as `owner/name`."""
    is_reasoning: bool | None = None
    """True where the chat template lets the model think aloud before it answers."""
    projector: Path | None = None
    """The `mmproj` file that lets it see pictures."""
    projector_bytes: int = 0
    part_count: int = 1
    """Files it was split into; `size_bytes` is that of those which are here."""
    missing_parts: tuple[int, ...] = ()
    owner: str | None = None
    """The other app whose file this is; `None` where it is this program's or the user's."""
    is_present: bool = True
    """False while the drive it lies on is not there."""
    is_header_read: bool = True
    """False while only name and size are known and the header is still to be read."""

    @property
    def is_recorded(self) -> bool:
        """True for a model of another computer, known from a recording alone."""
        return self.source == RECORDED and not self.is_present

    @property
    def has_vision(self) -> bool:
        return self.projector is not None


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """What a provider charges for a model, in US dollars per million tokens."""

    input_usd_per_mtok: float | None
    output_usd_per_mtok: float | None
    cached_input_usd_per_mtok: float | None = None
    source: str = ""
    """Where the price comes from, in words: "genai-prices 0.2.3" or "yours"."""


PRACTICE_ID = "practice"
"""Id of the provider that only plays one, on this computer."""


@dataclass(frozen=True, slots=True)
class Provider:
    """An OpenAI-compatible service, or a server of one's own."""

    id: str
    name: str
    base_url: str
    tier: Tier = Tier.OWN_SERVER
    key_env: str | None = None
    """Environment variable the key may come from."""
    key_url: str | None = None
    """Page on which a key is made."""
    price_id: str | None = None
    """The provider's id in genai-prices."""
    rejects: frozenset[str] = frozenset()
    """Optional request fields this provider does not take, by their OpenAI name."""
    max_tokens_field: str = "max_tokens"
    seed_field: str = "seed"
    repeat_penalty_field: str = "repeat_penalty"
    thinking_switch: str = ""
    """How thinking is switched on and off, by the name of `engines.openai.request`; empty: as usual
    for its kind."""
    preset: str | None = None
    is_practice: bool = False
    expects_key: bool = False
    """A key was entered for the host it has now, here or before a restart."""

    @property
    def is_recorded(self) -> bool:
        """True for one that is known from a recording alone: nothing can be sent to it."""
        # one of the person's own may be called so, and has an address
        return self.id.startswith(RECORDED_ID) and not self.base_url

    @property
    def is_loopback(self) -> bool:
        """True where the server runs on this computer."""
        return self.is_practice or is_loopback_host(host_of(self.base_url))

    @property
    def place(self) -> Place:
        """Where it answers; the practice cloud stands for a cloud."""
        if self.is_loopback and not self.is_practice:
            return Place.LOCAL
        return Place.NETWORK if is_private_host(host_of(self.base_url)) else Place.CLOUD


@dataclass(frozen=True, slots=True)
class CloudModel:
    """A model a provider offers."""

    provider_id: str
    id: str
    context_length: int | None = None
    price: ModelPrice | None = None


@dataclass(frozen=True, slots=True)
class LocalTarget:
    """A model file with its load settings."""

    model: ModelFile
    settings: LoadSettings = LoadSettings()
    place: ClassVar = Place.LOCAL
    tier: ClassVar = Tier.INDIE
    uses_this_machine: ClassVar = True

    @property
    def key(self) -> str:
        """The target's name on the command line and in the database."""
        return f"local:{self.model.path}"

    @property
    def label(self) -> str:
        """The target's name on screen."""
        return self.model.name

    @property
    def detail(self) -> str:
        """Addition to `label` that distinguishes targets of the same name."""
        return self.model.quantization or ""

    @property
    def is_recorded(self) -> bool:
        """True where only a recording tells of it."""
        return self.model.is_recorded


PRACTICE_MODEL = "smollm2-135m-instruct"
"""What the practice cloud calls the starter model, as a provider would."""
STARTER_NAME = "SmolLM2 135M Instruct"
"""What that model is called on screen, wherever it answers."""


@dataclass(frozen=True, slots=True)
class CloudTarget:
    """A provider's model; see `LocalTarget` for its properties."""

    provider: Provider
    model: str

    @property
    def place(self) -> Place:
        return self.provider.place

    @property
    def key(self) -> str:
        return f"{self.provider.id}:{self.model}"

    @property
    def label(self) -> str:
        is_starter = self.provider.is_practice and self.model == PRACTICE_MODEL
        return STARTER_NAME if is_starter else self.model

    @property
    def detail(self) -> str:
        return self.provider.name

    @property
    def tier(self) -> Tier:
        return self.provider.tier

    @property
    def is_recorded(self) -> bool:
        return self.provider.is_recorded

    @property
    def uses_this_machine(self) -> bool:
        """True where a run of it keeps this machine busy: servers on loopback do."""
        return self.provider.is_loopback


Target = LocalTarget | CloudTarget
