"""`playground hub`: search the Hugging Face Hub, list a repository's files, download one."""

import argparse
import asyncio
import sys
from contextlib import aclosing
from dataclasses import asdict
from typing import Any, TextIO

from playground.cli.output import (
    parameters_text,
    print_json,
    requirements_json,
    size_text,
    speed_text,
    table,
)
from playground.core.downloads import Download, DownloadState
from playground.core.errors import DownloadFailed, ModelLoadFailed, RepositoryNotFound, kinds
from playground.core.hub import Gate, HubFile, HubModel, HubQuery, HubRepository
from playground.core.requirements.model import Requirements
from playground.services.downloads.manager import DownloadManager
from playground.services.hub.recommend import recommended
from playground.services.hub.service import HubService
from playground.services.requirements import RequirementsService
from playground.store.files import Paths
from playground.store.settings import SettingsStore

_BAR_WIDTH = 28


async def run(
    args: argparse.Namespace,
    hub: HubService,
    requirements: RequirementsService,
    settings: SettingsStore,
    paths: Paths,
) -> int:
    if args.action == "search":
        return await _search(args, hub, requirements)
    if args.action == "files":
        return await _files(args, hub, requirements)
    # a queue of its own: what the window has in its own is not touched
    downloads = DownloadManager(paths.models_dir, None, hub, settings)
    try:
        return await _download(args, hub, downloads)
    except asyncio.CancelledError:
        sys.stderr.write("\nWhat has arrived is kept: the same command goes on from there.\n")
        raise
    finally:
        await downloads.close()


async def _search(
    args: argparse.Namespace, hub: HubService, requirements: RequirementsService
) -> int:
    await requirements.refresh()
    query = HubQuery(
        args.query, args.sort, licence=args.licence, task=args.task, fits_only=args.fits
    )
    found: list[HubModel] = []
    cursor = None
    while len(found) < args.limit:
        page = await hub.search(query, cursor, runs_here=requirements.may_run)
        found += page.models
        cursor = page.next_cursor
        if cursor is None:
            break
    found = found[: args.limit]
    if args.json:
        print_json({"models": [_model(model) for model in found]})
        return 0
    rows = [
        (
            model.repo,
            parameters_text(model.parameters),
            model.licence or "—",
            "—" if model.downloads is None else f"{model.downloads:,}",
            "—" if model.likes is None else f"{model.likes:,}",
            "" if model.gate is Gate.OPEN else "terms to accept",
        )
        for model in found
    ]
    head = ("REPOSITORY", "PARAMETERS", "LICENCE", "DOWNLOADS", "LIKES", "")
    for line in table(head, rows, frozenset({1, 3, 4})):
        print(line.rstrip())
    if not found:
        print("Nothing was found.")
    return 0


async def _files(
    args: argparse.Namespace, hub: HubService, requirements: RequirementsService
) -> int:
    await requirements.refresh()
    repository = await hub.repository(args.repo, args.revision)
    needs = await _assessed(repository, hub, requirements)
    verdicts = {path: found.verdict for path, found in needs.items() if found is not None}
    best = recommended(repository.files, verdicts)
    if args.json:
        print_json(
            {
                "repo": repository.model.repo,
                "revision": repository.revision,
                "model": _model(repository.model),
                "files": [_file(file, needs.get(file.path)) for file in repository.files],
                "projectors": [_file(file, None) for file in repository.projectors],
                "recommended": None if best is None else best.file.path,
                "reason": None if best is None else best.reason,
            }
        )
        return 0
    rows = []
    for file in repository.files:
        found = needs.get(file.path)
        mark = "recommended" if best is not None and best.file == file else ""
        if file.missing_parts:
            mark = f"{len(file.missing_parts)} parts missing"
        rows.append(
            (
                file.path,
                file.quantization or "—",
                size_text(file.size_bytes),
                "—" if found is None else found.verdict,
                speed_text(None if found is None else found.speed),
                mark,
            )
        )
    for line in table(("FILE", "FORMAT", "SIZE", "HERE", "SPEED", ""), rows, frozenset({2})):
        print(line.rstrip())
    if best is not None:
        print(f"\nRecommended: {best.file.path}. {best.reason}")
    if not repository.files:
        print("This repository holds no GGUF models.")
    return 0


async def _assessed(
    repository: HubRepository, hub: HubService, requirements: RequirementsService
) -> dict[str, Requirements | None]:
    """Return what each file needs, from its header; `None` for one that cannot be read."""
    projector = repository.projector
    projector_bytes = 0 if projector is None else projector.size_bytes

    async def one(file: HubFile) -> Requirements | None:
        try:
            header = await hub.header(repository.model.repo, repository.revision, file)
            return requirements.assess(header, projector_bytes=projector_bytes)
        except ModelLoadFailed:
            return None

    if not repository.files:
        return {}
    # the others are like the first, and take far less once it is known
    first, *others = repository.files
    found = [await one(first), *await asyncio.gather(*(one(file) for file in others))]
    return {file.path: needs for file, needs in zip(repository.files, found, strict=True)}


async def _download(args: argparse.Namespace, hub: HubService, downloads: DownloadManager) -> int:
    repository = await hub.repository(args.repo, args.revision)
    file = _named(repository, args.file)
    item = await downloads.add(repository, file)
    progress = _Progress(sys.stderr)
    async with aclosing(downloads.follow()) as changes:
        async for items in changes:
            item = next(found for found in items if found.id == item.id)
            progress.show(item)
            if item.state.is_over or item.state is DownloadState.PAUSED:
                break
    progress.end()
    if item.error is not None and item.state is not DownloadState.DONE:
        error = kinds().get(item.error.kind, DownloadFailed)
        raise error(item.error.message, item.error.hint)
    if args.json:
        print_json({"path": str(item.path), "size_bytes": item.total_bytes, "notice": item.notice})
    else:
        print(item.path)
    return 0


def _named(repository: HubRepository, name: str) -> HubFile:
    files = (*repository.files, *repository.projectors)
    for file in files:
        if name in {part.path for part in file.parts} or name == file.quantization:
            return file
    known = ", ".join(file.path for file in files[:8]) or "none"
    raise RepositoryNotFound(
        f"{repository.model.repo} has no model file “{name[:80]}”.", f"It has: {known}."
    )


class _Progress:
    """A bar where a terminal shows it, else a line for every tenth."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._told = -1
        self._state: DownloadState | None = None

    def show(self, item: Download) -> None:
        if self._is_terminal:
            filled = item.permille * _BAR_WIDTH // 1000
            bar = "█" * filled + "·" * (_BAR_WIDTH - filled)
            self._stream.write(f"\r\x1b[K{bar} {_amount(item)}{_pace(item)}")
            self._stream.flush()
            return
        step = item.permille // 100
        if step > self._told or (item.state is not self._state and item.error is not None):
            self._told, self._state = max(step, self._told), item.state
            self._stream.write(f"{_amount(item)}{_pace(item)}\n")
            self._stream.flush()

    def end(self) -> None:
        if self._is_terminal:
            self._stream.write("\n")


def _amount(item: Download) -> str:
    percent = item.permille / 10
    return f"{percent:5.1f} %  {size_text(item.received_bytes)} of {size_text(item.total_bytes)}"


def _pace(item: Download) -> str:
    if item.state is DownloadState.VERIFYING:
        return "  checking"
    if item.error is not None:
        return f"  {item.error.message}"
    if item.speed_bytes_per_s is None:
        return ""
    left = "" if item.left_s is None else f", {_time(item.left_s)} left"
    return f"  {item.speed_bytes_per_s / 1e6:.1f} MB/s{left}"


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"


def _model(model: HubModel) -> dict[str, Any]:
    return {**asdict(model), "publisher": model.publisher, "name": model.name}


def _file(file: HubFile, needs: Requirements | None) -> dict[str, Any]:
    return {
        "path": file.path,
        "quantization": file.quantization,
        "size_bytes": file.size_bytes,
        "parts": [asdict(part) for part in file.parts],
        "missing_parts": list(file.missing_parts),
        **requirements_json(needs),
    }
