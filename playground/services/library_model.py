"""What is listed of a model file: from its header where that is read, else from its name."""

import sys
from dataclasses import replace

from playground.core.errors import ModelFileInvalid
from playground.core.gguf import naming as names
from playground.core.gguf.header import GgufHeader
from playground.core.requirements.layers import MAX_LAYERS
from playground.core.targets import ModelFile
from playground.services.library.cache import Stamp
from playground.services.library.scanner import total_size
from playground.services.library_folders import STARTER, FoundFile

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


def bare_model(found: FoundFile, stamps: dict[str, Stamp]) -> ModelFile:
    """Return what the folder tells: name and size."""
    projector = found.projector if found.is_projector_certain else None
    return ModelFile(
        found.path,
        names.clean(found.name or "") or _named(found),
        total_size(found.parts, stamps),
        found.source,
        publisher=names.clean(found.publisher or "") or None,
        repository=found.repository,
        projector=projector,
        projector_bytes=total_size((projector,), stamps) if projector else 0,
        part_count=found.part_count,
        missing_parts=found.missing,
        owner=found.owner,
        is_header_read=False,
    )


def model_of(found: FoundFile, bare: ModelFile, header: GgufHeader | ModelFileInvalid) -> ModelFile:
    """Return everything that is listed of a model file."""
    if isinstance(header, ModelFileInvalid):
        problem = _missing(found) if found.missing else header.message
        return replace(bare, problem=problem, is_header_read=True)
    # the name inside is often that of a training run; people know the repository's, or Ollama's
    has_own_name = bool(found.source == STARTER or found.manifest or found.repository)
    own = None if has_own_name else names.clean(header.name or "")
    publisher = names.clean(header.publisher or "")
    return replace(
        bare,
        name=own or bare.name,
        architecture=header.architecture and names.clean(header.architecture),
        quantization=header.quantization,
        parameters=header.parameters or None,
        context_length=header.context_length,
        has_chat_template=header.has_chat_template,
        publisher=publisher or bare.publisher,
        licence=names.clean(header.licence or "") or None,
        repository=bare.repository or header.repository,
        is_reasoning=header.is_reasoning,
        problem=problem_of(header, found),
        is_header_read=True,
    )


def problem_of(header: GgufHeader, found: FoundFile) -> str | None:
    """Return why a file with a whole header cannot be used, in a sentence."""
    if found.missing:
        return _missing(found)
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


def _named(found: FoundFile) -> str:
    if found.repository is not None:
        return names.name_from_repository(found.repository)
    return names.name_from_file(found.path)


def _missing(found: FoundFile) -> str:
    shown = ", ".join(str(number) for number in found.missing[:5])
    more = "" if len(found.missing) <= 5 else ", …"
    which = "number" if len(found.missing) == 1 else "numbers"
    return f"{len(found.missing):,} of {found.part_count:,} parts missing ({which} {shown}{more})."
