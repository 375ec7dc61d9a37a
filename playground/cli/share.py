"""`playground export` and `playground import`: results as files, and recordings taken in."""

import argparse
import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

from playground.cli.output import print_json
from playground.cli.terminal import harmless
from playground.core.advice.needs import Situation
from playground.core.errors import UsageError
from playground.core.evaluations import Evaluation
from playground.core.runs import Comparison
from playground.core.share.comparison import About, recorded_words
from playground.core.share.decision import DecisionAsked
from playground.core.share.document import EVERYTHING, Part, counted
from playground.core.share.scrubbing import Scrubber
from playground.services.advice import AdviceService
from playground.services.sharing import Shared, ShareFormat, SharingService

_ENDINGS = {
    ".html": ShareFormat.HTML,
    ".htm": ShareFormat.HTML,
    ".md": ShareFormat.MARKDOWN,
    ".markdown": ShareFormat.MARKDOWN,
    ".csv": ShareFormat.CSV,
    ".json": ShareFormat.JSON,
    ".jsonl": ShareFormat.RECORDING,
}


async def export(args: argparse.Namespace, sharing: SharingService, advice: AdviceService) -> int:
    """Write what is asked for into a new file, or to standard output for `-`."""
    file_format = _format(args)
    target = None if args.file == "-" else _unused(args.file)
    shared = await _find(args.shared, sharing, advice)
    choice = EVERYTHING - frozenset(map(Part, args.without))
    text = (await sharing.file(shared, file_format, choice)).text
    if target is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode("utf-8"))
        return 0
    try:
        await asyncio.to_thread(_write_new, target, text)
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror or error}.") from error
    if args.json:
        size = len(text.encode())
        found = shared.id if isinstance(shared, Comparison | Evaluation) else args.shared
        print_json({"id": found, "format": file_format, "path": str(target), "bytes": size})
    else:
        print(harmless(f"Written to {target}. No key, folder or name of yours is in it."))
    return 0


async def take_in(args: argparse.Namespace, sharing: SharingService) -> int:
    """Add a recording to the history."""
    comparison = await sharing.open_recording(Path(args.path))
    questions, models = len(comparison.turns), len(comparison.targets)
    if args.json:
        recorded = comparison.recorded
        at = recorded.at.isoformat() if recorded and recorded.at else None
        print_json(
            {"id": comparison.id, "questions": questions, "models": models, "recorded_at": at}
        )
        return 0
    what = f"{counted(questions, 'question', 'questions')}, {counted(models, 'model', 'models')}"
    words = recorded_words(comparison.recorded, About(EVERYTHING, Scrubber()))
    print(harmless(f"{words}: {what}. It is in the history now, and can be replayed there."))
    return 0


async def _find(name: str, sharing: SharingService, advice: AdviceService) -> Shared:
    if name == "votes":
        return await sharing.votes()
    if name == "decision":
        # the usual answers, and the newest test
        tests = await advice.tests()
        evidence = await advice.evidence(tests[0].id if tests else None)
        return DecisionAsked(Situation(), evidence, advice.usual_costs(), datetime.now(UTC))
    return await sharing.find(name)


def _format(args: argparse.Namespace) -> ShareFormat:
    if args.format is not None:
        return ShareFormat(args.format)
    found = _ENDINGS.get(Path(args.file).suffix.casefold())
    if found is None:
        raise UsageError("The file's name tells no format.", "Add --format, such as html.")
    return found


def _unused(name: str) -> Path:
    path = Path(name).absolute()
    if path.exists():
        raise UsageError(f"{path} is there already.", "Choose another name.")
    return path


def _write_new(path: Path, text: str) -> None:
    with path.open("x", encoding="utf-8", newline="") as file:
        file.write(text)
