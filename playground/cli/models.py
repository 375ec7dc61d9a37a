"""`playground models`: what is on this computer, and what each file needs."""

import argparse
import json
from typing import Any

from playground.core import memory
from playground.core.errors import ModelFileInvalid
from playground.core.gguf_header import GgufHeader
from playground.core.targets import LoadSettings, ModelFile
from playground.services.library import ModelLibrary


async def run(args: argparse.Namespace, library: ModelLibrary) -> int:
    """List the models, or inspect one; 0 unless the file to inspect is broken."""
    if args.action == "inspect":
        settings = LoadSettings(context=args.context, kv_type=args.kv_type)
        return await _inspect(args.path, settings, library, as_json=args.json)
    models = await library.scan()
    free = _free_bytes()
    entries = [(model, _need(model, library, free)) for model in models]
    if args.json:
        _print_json({"models": [_listed(model, need, free) for model, need in entries]})
        return 0
    for line in _table([_row(model, need, free) for model, need in entries]):
        print(line)
    problems = library.folder_problems()
    for folder, problem in problems.items():
        print(f"{folder}: {problem}")
    if not models:
        print("There are no models here yet. Add a folder in the window, on the page Models.")
    return 0


async def _inspect(
    name_or_path: str, settings: LoadSettings, library: ModelLibrary, *, as_json: bool
) -> int:
    model = await library.find(name_or_path)
    try:
        model, header = await library.inspect(model.path)
    except ModelFileInvalid:
        if as_json:
            _print_json(_report(model, None, None))
        raise
    free = _free_bytes()
    if settings.context is None:
        context = memory.default_context(header, settings, free)
    else:
        context = settings.context
    need = memory.estimate(header, settings, context=context)
    if as_json:
        _print_json(_report(model, header, need, free))
    else:
        for line in _lines(model, need, free):
            print(line)
    if model.problem is not None:
        raise ModelFileInvalid(f"{model.path.name}: {model.problem}")
    return 0


def _need(model: ModelFile, library: ModelLibrary, free: int) -> memory.MemoryNeed | None:
    return library.need(model, LoadSettings(), free) if model.problem is None else None


def _listed(model: ModelFile, need: memory.MemoryNeed | None, free: int) -> dict[str, Any]:
    return {
        "name": model.name,
        "path": str(model.path),
        "source": model.source,
        "architecture": model.architecture,
        "quantization": model.quantization,
        "parameters": model.parameters,
        "context_length": model.context_length,
        "has_chat_template": model.has_chat_template,
        "size_bytes": model.size_bytes,
        "memory": None if need is None else _memory(need),
        "fit": None if need is None else memory.fit(need, free),
        "problem": model.problem,
    }


def _report(
    model: ModelFile, header: GgufHeader | None, need: memory.MemoryNeed | None, free: int = 0
) -> dict[str, Any]:
    report = _listed(model, need, free)
    report["vocabulary_size"] = None if header is None else header.vocabulary_size
    report["gguf_version"] = None if header is None else header.version
    return report


def _memory(need: memory.MemoryNeed) -> dict[str, Any]:
    return {
        "context": need.context,
        "kv_type": need.kv_type,
        "weights_bytes": need.weights_bytes,
        "repacked_bytes": need.repacked_bytes,
        "kv_bytes": need.kv_bytes,
        "compute_bytes": need.compute_bytes,
        "total_bytes": need.total_bytes,
        "is_lower_bound": need.is_lower_bound,
    }


def _row(model: ModelFile, need: memory.MemoryNeed | None, free: int) -> tuple[str, ...]:
    return (
        model.name,
        _parameters(model.parameters),
        model.quantization or "—",
        _size(model.size_bytes),
        "—" if model.context_length is None else f"{model.context_length:,}",
        "—" if need is None else memory.fit(need, free),
        str(model.path) if model.problem is None else f"{model.path}: {model.problem}",
    )


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    if not rows:
        return []
    head = ("MODEL", "PARAMETERS", "FORMAT", "SIZE", "CONTEXT", "HERE", "FILE")
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head) - 1)]
    lines = []
    for row in (head, *rows):
        cells = [
            cell.rjust(width) if i in {1, 3, 4} else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=False))
        ]
        lines.append("  ".join([*cells, row[-1]]))
    return lines


def _lines(model: ModelFile, need: memory.MemoryNeed, free: int) -> list[str]:
    at_least = "at least " if need.is_lower_bound else ""
    fields = {
        "Model": model.name,
        "File": str(model.path),
        "Kind": model.architecture or "—",
        "Format": model.quantization or "—",
        "Parameters": _parameters(model.parameters),
        "Size": _size(model.size_bytes),
        "Trained for": f"{model.context_length:,} tokens" if model.context_length else "—",
        "Chat template": "yes" if model.has_chat_template else "no",
        "Context": f"{need.context:,} tokens, kept as {need.kv_type}",
        "Weights": _size(need.weights_bytes),
        "Rearranged": _size(need.repacked_bytes),
        "Conversation": _size(need.kv_bytes),
        "Working space": f"≈ {_size(need.compute_bytes)}",
        "Memory": f"≈ {at_least}{_size(need.total_bytes)}, {_size(free)} free: "
        f"{memory.fit(need, free)}",
    }
    width = max(len(label) for label in fields)
    return [f"{label.ljust(width)}  {text}" for label, text in fields.items()]


def _parameters(count: int | None) -> str:
    if count is None:
        return "—"
    return f"{count / 1e9:.1f} B" if count >= 1e9 else f"{count / 1e6:.0f} M"


def _size(count: int) -> str:
    """Return bytes as the window shows them, in powers of 1,000."""
    return f"{count / 10**9:.1f} GB" if count >= 10**9 else f"{count / 10**6:.0f} MB"


def _free_bytes() -> int:
    import psutil

    return int(psutil.virtual_memory().available)


def _print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False))
