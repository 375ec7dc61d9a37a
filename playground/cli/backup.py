"""`playground backup` and `playground restore`: history and settings as one file."""

import argparse
from dataclasses import asdict
from pathlib import Path

from playground.cli.output import print_json
from playground.cli.terminal import one_line
from playground.core.errors import UsageError
from playground.store.backup import Backups, Restored
from playground.store.settings import SettingsStore


async def back_up(args: argparse.Namespace, backups: Backups) -> int:
    target = _unused(args.path)
    count = await backups.back_up(target)
    if args.json:
        print_json({"path": str(target), "comparisons": count})
    else:
        print(one_line(f"{target}: {_comparisons(count)} and the settings. No key is in it."))
    return 0


async def restore(args: argparse.Namespace, backups: Backups, settings: SettingsStore) -> int:
    restored = await backups.restore(Path(args.path))
    if settings.unsaved is not None:
        raise settings.unsaved
    if args.json:
        print_json(asdict(restored))
    else:
        print(
            f"{_comparisons(restored.added)} added, {restored.known} were here already."
            f"{_tests(restored)} "
            "The settings are those of the backup; keys have to be entered again."
        )
    return 0


def _unused(name: str) -> Path:
    path = Path(name).absolute()
    if path.exists():
        raise UsageError(f"{path} is there already.", "Choose another name for the backup.")
    return path


def _tests(restored: Restored) -> str:
    if not restored.sets and not restored.evaluations:
        return ""
    return f" Prompt sets added: {restored.sets}; evaluations added: {restored.evaluations}."


def _comparisons(count: int) -> str:
    return "1 comparison" if count == 1 else f"{count} comparisons"
