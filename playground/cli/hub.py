"""`playground hub`: search the Hugging Face Hub, list a repository's files, download one."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
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
from playground.cli.terminal import one_line
from playground.core.downloads import Download, DownloadState
from playground.core.errors import DownloadFailed, ModelLoadFailed, UsageError, kinds
from playground.core.gguf.naming import choose_version
from playground.core.hub import Gate, HubFile, HubModel, HubQuery, HubRepository
from playground.core.requirements.model import Requirements
from playground.services.downloads.manager import DownloadManager
from playground.services.hub.recommend import Recommendation, recommended
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
    reference = hub.reference(args.repo)
    repository = await hub.repository(reference.repo, args.revision or reference.revision)
    shown = list(repository.files[: args.limit])
    if reference.version is not None:
        shown = [choose_version(repository.files, reference.version, reference.repo)]
    assessed = _Assessed(repository, hub, requirements)
    best = await assessed.look_at(shown)
    if args.json:
        print_json(
            {
                "repo": repository.model.repo,
                "revision": repository.revision,
                "model": _model(repository.model),
                "files": [assessed.as_json(file) for file in repository.files],
                "projectors": [assessed.as_json(file) for file in repository.projectors],
                "recommended": None if best is None else best.file.path,
                "reason": None if best is None else best.reason,
            }
        )
        return 0
    if best is not None and best.file not in shown:
        shown.append(best.file)
    rows = [
        assessed.row(file, is_recommended=best is not None and best.file == file) for file in shown
    ]
    for line in table(("FILE", "FORMAT", "SIZE", "HERE", "SPEED", ""), rows, frozenset({2})):
        print(line.rstrip())
    more = len(repository.files) - len(shown)
    if more and reference.version is None:
        print(f"… and {more:,} more: --limit {len(repository.files)} shows all.")
    if best is not None:
        print()
        print(one_line(f"Recommended: {best.file.path}. {best.reason}"))
    if not repository.files:
        print("This repository holds no GGUF models.")
    return 0


class _Assessed:
    """What the files of a repository need here, from the headers of those that are looked at."""

    def __init__(
        self, repository: HubRepository, hub: HubService, requirements: RequirementsService
    ) -> None:
        self._repository = repository
        self._hub = hub
        self._requirements = requirements
        self._needs: dict[str, Requirements] = {}
        self._problems = {
            file.path: file.problem for file in repository.files if file.problem is not None
        }

    async def look_at(self, files: Sequence[HubFile]) -> Recommendation | None:
        """Read the headers of `files`, and of what is recommended by then."""
        # the others are like the first, and take far less once it is known
        for some in (files[:1], files[1:]):
            await asyncio.gather(*(self._read(file) for file in some))
        while (best := self._recommended()) is not None and best.file.path not in self._needs:
            await self._read(best.file)
        return best

    def row(self, file: HubFile, *, is_recommended: bool) -> tuple[str, ...]:
        needs = self._needs.get(file.path)
        return (
            file.path,
            file.quantization or "—",
            size_text(file.size_bytes),
            "—" if needs is None else needs.verdict,
            speed_text(None if needs is None else needs.speed),
            self._problems.get(file.path) or ("recommended" if is_recommended else ""),
        )

    def as_json(self, file: HubFile) -> dict[str, Any]:
        return {
            "path": file.path,
            "quantization": file.quantization,
            "size_bytes": file.size_bytes,
            "parts": [asdict(part) for part in file.parts],
            "missing_parts": list(file.missing_parts),
            "problem": self._problems.get(file.path),
            **requirements_json(self._needs.get(file.path)),
        }

    def _recommended(self) -> Recommendation | None:
        files, model = self._repository.files, self._repository.model
        guesses = {file.path: self._requirements.guess(model, file.size_bytes) for file in files}
        known = {path: needs.verdict for path, needs in self._needs.items()}
        verdicts = {
            path: verdict
            for path, verdict in (guesses | known).items()
            if verdict is not None and path not in self._problems
        }
        return recommended(files, verdicts)

    async def _read(self, file: HubFile) -> None:
        """Note what a file needs, or why that cannot be told."""
        repository, projector = self._repository, self._repository.projector
        if file.path in self._problems:
            return
        try:
            header = await self._hub.header(repository.model.repo, repository.revision, file)
            self._needs[file.path] = self._requirements.assess(
                header, projector_bytes=0 if projector is None else projector.size_bytes
            )
        except ModelLoadFailed as error:
            self._problems[file.path] = error.message


async def _download(args: argparse.Namespace, hub: HubService, downloads: DownloadManager) -> int:
    reference = hub.reference(args.repo)
    repository = await hub.repository(reference.repo, args.revision or reference.revision)
    files = (*repository.files, *repository.projectors)
    wanted = args.file or reference.version
    if wanted is None:
        known = ", ".join(file.quantization or file.path for file in files[:8]) or "none"
        raise UsageError("Which version is not said.", f"There are: {known}.")
    file = choose_version(files, wanted, reference.repo)
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
        print(one_line(str(item.path)))
    return 0


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
