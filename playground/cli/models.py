"""`playground models`: what is on this computer, and what each file needs."""

import argparse
from typing import Any

from playground.cli.output import (
    parameters_text,
    print_json,
    requirements_json,
    size_text,
    speed_source,
    speed_text,
    table,
)
from playground.cli.terminal import one_line
from playground.core.errors import ModelFileInvalid
from playground.core.gguf.chat_model import problem_of
from playground.core.gguf.header import ArraySummary, GgufHeader, Value
from playground.core.requirements.model import Requirements
from playground.core.targets import LoadSettings, ModelFile
from playground.services.library.service import ModelLibrary
from playground.services.requirements import RequirementsService

_HEAD = ("MODEL", "PARAMETERS", "FORMAT", "SIZE", "CONTEXT", "HERE", "SPEED", "LIVES IN", "FILE")
_RIGHT = frozenset({1, 3, 4})


async def run(
    args: argparse.Namespace, library: ModelLibrary, requirements: RequirementsService
) -> int:
    """List the models, or inspect one; 0 unless the file to inspect cannot be chatted with."""
    await requirements.refresh()
    if args.action == "inspect":
        settings = LoadSettings(context=args.context, kv_type=args.kv_type)
        return await _inspect(args.path, settings, library, requirements, as_json=args.json)
    models = await library.scan()
    entries = [(model, requirements.assess_model(model)) for model in models]
    if args.json:
        print_json({"models": [_listed(model, needs, requirements) for model, needs in entries]})
        return 0
    for line in table(_HEAD, [_row(model, needs) for model, needs in entries], _RIGHT):
        print(line)
    for folder, problem in library.folder_problems().items():
        print(one_line(f"{folder}: {problem}"))
    if not models:
        print("There are no models here yet. “playground hub search” finds some.")
    return 0


async def _inspect(
    name_or_path: str,
    settings: LoadSettings,
    library: ModelLibrary,
    requirements: RequirementsService,
    *,
    as_json: bool,
) -> int:
    model = await library.find(name_or_path)
    try:
        model, header = await library.inspect(model.path)
    except ModelFileInvalid:
        if as_json:
            print_json(_report(model, None, None, requirements))
        raise
    problem, needs = problem_of(header), None
    if problem is None:
        needs = requirements.assess(header, settings, projector_bytes=model.projector_bytes)
    if as_json:
        print_json(_report(model, header, needs, requirements))
    else:
        for line in _lines(model, needs):
            print(one_line(line))
    if model.problem is not None:
        kind = ModelFileInvalid if problem is None else type(problem)
        raise kind(f"{model.path.name}: {model.problem}")
    return 0


def _listed(
    model: ModelFile, needs: Requirements | None, requirements: RequirementsService
) -> dict[str, Any]:
    use = requirements.use_of(model.path)
    return {
        "name": model.name,
        "path": str(model.path),
        "source": model.source,
        "owner": model.owner,
        "publisher": model.publisher,
        "repository": model.repository,
        "licence": model.licence,
        "architecture": model.architecture,
        "quantization": model.quantization,
        "parameters": model.parameters,
        "context_length": model.context_length,
        "has_chat_template": model.has_chat_template,
        "is_reasoning": model.is_reasoning,
        "has_vision": model.has_vision,
        "projector": str(model.projector) if model.projector else None,
        "size_bytes": model.size_bytes,
        "parts": model.part_count,
        "missing_parts": list(model.missing_parts),
        "is_present": model.is_present,
        "last_used_at": use.last_used_at if use else None,
        "runs": use.run_count if use else 0,
        **requirements_json(needs),
        "is_chat_model": model.is_chat_model,
        "problem": model.problem,
    }


def _report(
    model: ModelFile,
    header: GgufHeader | None,
    needs: Requirements | None,
    requirements: RequirementsService,
) -> dict[str, Any]:
    report = _listed(model, needs, requirements)
    report["vocabulary_size"] = None if header is None else header.vocabulary_size
    report["gguf_version"] = None if header is None else header.version
    report["header"] = None if header is None else _header(header)
    return report


def _header(header: GgufHeader) -> dict[str, Any]:
    return {
        "byte_order": header.byte_order,
        "metadata": {key: _value(value) for key, value in header.metadata.items()},
        "tensors": [
            {
                "name": tensor.name,
                "shape": list(tensor.shape),
                "type": tensor.type.name,
                "size_bytes": tensor.size_bytes,
            }
            for tensor in header.tensors
        ],
    }


def _value(value: Value) -> Any:
    if isinstance(value, ArraySummary):
        return {"entries": value.length}
    if isinstance(value, tuple):
        return [_value(item) for item in value]
    # JSON knows neither of the two
    return str(value) if value in {float("inf"), float("-inf")} or value != value else value  # noqa: PLR0124 - not a number


def _row(model: ModelFile, needs: Requirements | None) -> tuple[str, ...]:
    where = str(model.path)
    if not model.is_present:
        where = f"{where}: Its drive is not connected."
    elif model.problem is not None:
        where = f"{where}: {model.problem}"
    return (
        model.name,
        parameters_text(model.parameters),
        model.quantization or "—",
        size_text(model.size_bytes),
        "—" if model.context_length is None else f"{model.context_length:,}",
        "—" if needs is None else needs.verdict,
        speed_text(None if needs is None else needs.speed),
        model.source if model.owner or model.source == "Starter" else "folder",
        where,
    )


def _lines(model: ModelFile, needs: Requirements | None) -> list[str]:
    fields = {
        "Model": model.name,
        "File": str(model.path),
        "Publisher": model.publisher or "—",
        "Licence": model.licence or "—",
        "Kind": model.architecture or "—",
        "Format": model.quantization or "—",
        "Parameters": parameters_text(model.parameters),
        "Size": size_text(model.size_bytes),
        "Trained for": f"{model.context_length:,} tokens" if model.context_length else "—",
        "Chat template": "yes" if model.has_chat_template else "no",
        "Sees pictures": "yes" if model.has_vision else "no",
        **({} if needs is None else _needed(needs)),
    }
    width = max(len(label) for label in fields)
    return [f"{label.ljust(width)}  {text}" for label, text in fields.items()]


def _needed(needs: Requirements) -> dict[str, str]:
    need = needs.need
    at_least = "at least " if need.is_lower_bound else ""
    return {
        "Context": f"{need.context:,} tokens, kept as {need.kv_type}",
        "Weights": size_text(need.weights_bytes),
        "Rearranged": size_text(need.repacked_bytes),
        "Conversation": size_text(need.kv_bytes),
        "Working space": f"≈ {size_text(need.compute_bytes)}",
        "Pictures": size_text(need.projector_bytes),
        "Minimum": f"≈ {size_text(needs.minimum.memory_bytes)}",
        "Recommended": f"≈ {size_text(needs.recommended.memory_bytes)}",
        "Memory": f"≈ {at_least}{size_text(need.needed_bytes)}, {size_text(needs.free_bytes)} free",
        "Speed": speed_text(needs.speed) + speed_source(needs.speed),
        "Verdict": needs.verdict.capitalize(),
    }
