"""`playground compare`: one prompt on several targets, in the terminal."""

import argparse
import asyncio
import json
import math
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from playground.cli.output import print_json
from playground.cli.targets import find_target
from playground.cli.terminal import harmless, one_line, read_prompt, tell
from playground.core.chat import SamplingParams
from playground.core.checks.reading import MAX_EXPECTED, check_words, read_check, require_readable
from playground.core.checks.scoring import CheckResult, check_results
from playground.core.errors import UsageError
from playground.core.events import (
    Alternative,
    Notice,
    ReasoningDelta,
    TextDelta,
    ThinkingEnded,
    Token,
)
from playground.core.expected import Check, CheckKind, Outcome
from playground.core.metrics import Figure, completed_usage, figures
from playground.core.runs import CUT_SHORT_WORDS, MachineLoad, Provenance, Run, RunOrder, RunStatus
from playground.core.targets import Target
from playground.core.turns import new_comparison
from playground.services.comparison import (
    ComparisonService,
    RunEnded,
    RunEvent,
    RunStarted,
    StorageTrouble,
    TurnStarted,
    TurnUpdate,
)
from playground.services.library.service import ModelLibrary
from playground.services.providers.service import ProviderService
from playground.store.settings import SettingsStore


class RunReport:
    """Gathers the runs of a turn, and their tokens where asked for."""

    def __init__(self, *, with_tokens: bool, checks: tuple[Check, ...] = ()) -> None:
        self._with_tokens = with_tokens
        self._checks = checks
        self._tokens: dict[str, list[Token]] = {}
        self._runs: dict[str, Run] = {}
        self._id: str | None = None

    @property
    def runs(self) -> tuple[Run, ...]:
        """The runs in the order in which their targets were named."""
        return tuple(self._runs.values())

    def add(self, update: TurnUpdate) -> None:
        match update:
            case TurnStarted(comparison=comparison, turn=turn):
                self._id = comparison.id
                self._runs = {run.id: run for run in turn.runs}
            case RunEnded(run=run):
                self._runs[run.id] = run
            case RunEvent(run_id=run_id, event=TextDelta() | ReasoningDelta() as event):
                if self._with_tokens:
                    self._tokens.setdefault(run_id, []).extend(event.tokens)

    def as_json(self) -> dict[str, Any]:
        return {"comparison": self._id, "runs": [self._run_json(run) for run in self.runs]}

    def _run_json(self, run: Run) -> dict[str, Any]:
        known = figures(run)
        entry: dict[str, Any] = {
            "target": run.target.key,
            "status": run.status.value,
            "text": run.text,
            "reasoning": run.reasoning or None,
            "finish_reason": run.finish_reason,
            "seed": run.seed,
            "usage": asdict(completed_usage(run)),
            "timings": asdict(run.timings),
            "speeds": {
                "prompt_tokens_per_s": _value(known.prompt_tokens_per_s),
                "generation_tokens_per_s": _value(known.generation_tokens_per_s),
                "provenance": {
                    "prompt_tokens_per_s": _provenance(known.prompt_tokens_per_s),
                    "generation_tokens_per_s": _provenance(known.generation_tokens_per_s),
                },
            },
            "cost": {name: getattr(run.cost, name, None) for name in ("usd", "kind", "provenance")},
            "order": run.order,
            "was_loaded": run.was_loaded,
            "shared_machine": run.shared_machine,
            "machine_load": _load_json(run.machine_load),
            "hosts": [asdict(host) for host in run.hosts],
            "notices": list(run.notices),
            "error": asdict(run.error) if run.error else None,
            "checks": [_check_json(result) for result in check_results(self._checks, run)],
        }
        if self._with_tokens:
            sent_s = run.sent_t_s or 0.0
            entry["tokens"] = [_token_json(token, sent_s) for token in self._tokens.get(run.id, [])]
        return entry

    def summary(self) -> list[str]:
        lines = []
        for run in self.runs:
            known = figures(run)
            parts = [
                f"first word {_text(known.ttft_s, 's')}",
                f"{_text(known.generation_tokens_per_s, 'tokens/s', digits=1)}",
                f"whole answer {_text(known.total_s, 's')}",
                f"cost {_money(known.cost_usd)}",
            ]
            ended = run.status.value if run.cut_short is None else CUT_SHORT_WORDS[run.cut_short]
            lines.append(f"{_name(run.target)}: {ended} · " + " · ".join(parts))
            lines.extend(_check_line(result) for result in check_results(self._checks, run))
        return lines


_OUTCOMES = {
    Outcome.RIGHT: ("✓", "right"),
    Outcome.WRONG: ("✕", "wrong"),
    Outcome.NOT_SCORED: ("–", "not scored"),
}


def _check_line(result: CheckResult) -> str:
    sign, word = _OUTCOMES[result.outcome]
    return f"  {sign} {word}: {check_words(result.check)}. {result.reason}"


def _check_json(result: CheckResult) -> dict[str, Any]:
    check = result.check
    return {
        "kind": check.written_kind,
        "expected": check.expected,
        "outcome": result.outcome.value,
        "reason": result.reason,
    }


def read_schema_file(path: Path) -> str:
    """Return the JSON schema in a file as text; raises `UsageError`."""
    try:
        with path.open("rb") as file:
            content = file.read(4 * MAX_EXPECTED + 1)
        text = content.decode(json.detect_encoding(content))
    except OSError as error:
        said = error.strerror or error
        raise UsageError(f"The schema {path} could not be read: {said}.") from error
    except ValueError as error:
        raise UsageError(f"The schema {path} is not text.") from error
    require_readable(Check(CheckKind.SCHEMA, text))
    return text


def _read_checks(written: Sequence[str]) -> tuple[Check, ...]:
    checks = []
    for each in written:
        kind, _, expected = each.partition("=")
        checks.append(read_check(kind, expected))
    return tuple(checks)


def _token_json(token: Token, sent_s: float) -> dict[str, Any]:
    return {
        "text": token.text,
        "t_s": token.t_s - sent_s,
        "probability": token.probability,
        "alternatives": [
            {"text": other.text, "probability": other.probability, **_vocabulary_json(other)}
            for other in token.alternatives
        ],
        **_vocabulary_json(token),
    }


def _vocabulary_json(piece: Token | Alternative) -> dict[str, Any]:
    """Return what is told of a token beside its text; bytes as OpenAI's API has them."""
    return {"id": piece.id, "bytes": None if piece.raw is None else list(piece.raw)}


def _load_json(load: MachineLoad | None) -> dict[str, Any] | None:
    return None if load is None else {**asdict(load), "is_quiet": load.is_quiet}


def _value(figure: Figure | None) -> float | None:
    return None if figure is None else figure.value


def _provenance(figure: Figure | None) -> str | None:
    return None if figure is None else figure.provenance.value


def _mark(figure: Figure) -> str:
    return "≈ " if figure.provenance is Provenance.ESTIMATED else ""


def _text(figure: Figure | None, unit: str, digits: int = 2) -> str:
    if figure is None:
        return f"— {unit}"
    return f"{_mark(figure)}{figure.value:.{digits}f} {unit}"


def _money(figure: Figure | None) -> str:
    if figure is None:
        return "—"
    # three digits that count, never an exponent
    digits = max(2, 2 - math.floor(math.log10(figure.value))) if figure.value > 0 else 2
    return f"{_mark(figure)}${figure.value:.{digits}f}"


async def run(
    args: argparse.Namespace,
    service: ComparisonService,
    library: ModelLibrary,
    providers: ProviderService,
    settings: SettingsStore,
    *,
    told: Sequence[str] = (),
) -> int:
    """Run the comparison; 0 when every run finished, else 1. What was `told` is not told again."""
    prompt = read_prompt() if args.prompt == "-" else args.prompt
    if not prompt.strip():
        raise UsageError("The prompt is empty.")
    schema = None if args.schema is None else read_schema_file(args.schema)
    checks = _read_checks(args.checks)
    targets = [await find_target(text, library, providers, settings) for text in args.targets]
    comparison = new_comparison(
        targets,
        system_prompt=args.system,
        sampling=SamplingParams(
            temperature=args.temperature,
            seed=args.seed,
            max_tokens=args.max_tokens,
            logprobs=args.logprobs,
            think=None if args.think is None else args.think == "yes",
            schema=schema,
        ),
    )
    report = RunReport(with_tokens=args.logprobs is not None, checks=checks)
    printer = None if args.json else _Printer()
    order = RunOrder.RACE if args.race else RunOrder.FAIR
    bug: Exception | None = None
    try:
        with _interrupt_stops(service):
            turn = service.run_turn(comparison, prompt, order, checks=checks)
            async with aclosing(turn) as updates:
                async for update in updates:
                    report.add(update)
                    if printer is not None:
                        printer.add(update)
                    _warn(update, told)
    except Exception as error:  # noqa: BLE001 - raised again once the answers are printed
        bug = error
    if args.json:
        print_json(report.as_json())
    else:
        for line in report.summary():
            print(one_line(line))
    sys.stdout.flush()
    if bug is not None:
        raise bug
    return 0 if all(run.status is RunStatus.FINISHED for run in report.runs) else 1


@contextmanager
def _interrupt_stops(service: ComparisonService) -> Iterator[None]:
    """Let Ctrl-C stop the runs, so that what they wrote is kept."""
    loop = asyncio.get_running_loop()

    def stop(*_: object) -> None:
        loop.call_soon_threadsafe(service.stop_all)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _name(target: Target) -> str:
    """Return a target's name, with what tells it from a namesake."""
    return f"{target.label} ({target.detail})" if target.detail else target.label


class _Printer:
    """Streams to the terminal one run at a time; the others wait in memory for their turn."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[str]] = {}
        self._ended: set[str] = set()
        self._thinking: set[str] = set()
        """Runs whose last words were thinking."""
        self._queue: list[str] = []

    def add(self, update: TurnUpdate) -> None:
        match update:
            case RunStarted(run=run):
                self._queue.append(run.id)
                where = "on this computer" if run.target.uses_this_machine else "in the cloud"
                self._waiting[run.id] = [f"── {_name(run.target)}, {where}\n"]
            case RunEvent(run_id=run_id, event=ReasoningDelta(text=text)) if text:
                if run_id not in self._thinking:
                    self._thinking.add(run_id)
                    self._waiting[run_id].append("[thinking]\n")
                self._waiting[run_id].append(text)
            case RunEvent(run_id=run_id, event=TextDelta(text=text)) if text:
                if run_id in self._thinking:
                    self._thinking.remove(run_id)
                    self._waiting[run_id].append("\n[answer]\n")
                self._waiting[run_id].append(text)
            case RunEvent(run_id=run_id, event=ThinkingEnded()):
                self._thinking.discard(run_id)
                self._waiting[run_id].append("\n[all above was thinking]\n[answer]\n")
            case RunEvent(run_id=run_id, event=Notice(message=message)):
                self._waiting[run_id].append(f"[{message}]\n")
            case RunEnded(run=run) if run.id in self._waiting:
                self._ended.add(run.id)
                if run.cut_short is not None:
                    self._waiting[run.id].append(f"\n[{CUT_SHORT_WORDS[run.cut_short]}]")
                self._waiting[run.id].append("\n\n")
        self._flush()

    def _flush(self) -> None:
        while self._queue:
            current = self._queue[0]
            sys.stdout.write(harmless("".join(self._waiting[current])))
            sys.stdout.flush()
            self._waiting[current].clear()
            if current not in self._ended:
                return
            self._queue.pop(0)


def _warn(update: TurnUpdate, told: Sequence[str]) -> None:
    match update:
        case StorageTrouble(error=error):
            sentence = f"{error.message} {error.hint}".strip()
            if sentence not in told:
                tell(sentence)
        case RunEnded(run=run) if run.error is not None:
            tell(f"{_name(run.target)}: {run.error.message} {run.error.hint}")
