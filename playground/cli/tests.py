"""`playground tests`: many questions to several models, and how often each is right."""

import argparse
import asyncio
import signal
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from playground.cli.output import print_json, table
from playground.cli.targets import find_target
from playground.cli.terminal import FAILED, one_line, tell
from playground.core.chat import SamplingParams
from playground.core.checks.prompt_files import format_of, read_cases, write_cases
from playground.core.errors import UsageError
from playground.core.evaluations import (
    Evaluation,
    ModelResult,
    Plan,
    Report,
    UnitResult,
    pair_sentence,
    ranked,
    report,
)
from playground.core.prompt_sets import new_set, with_known_ids
from playground.core.runs import Provenance
from playground.services.evaluation import (
    EvaluationEnded,
    EvaluationService,
    EvaluationStarted,
    ProviderWaits,
    TargetGivenUp,
    UnitEnded,
)
from playground.services.library.service import ModelLibrary
from playground.services.prompt_sets import PromptSets
from playground.services.providers.service import ProviderService
from playground.store.settings import SettingsStore


async def run(
    args: argparse.Namespace,
    service: EvaluationService,
    sets: PromptSets,
    library: ModelLibrary,
    *,
    providers: ProviderService,
    settings: SettingsStore,
) -> int:
    """Run one of the command's actions and return the exit code."""
    match args.action:
        case "list":
            return await _list(args, service, sets)
        case "import":
            return await _import(args, sets)
        case "export":
            return await _export(args, sets)
        case "report":
            evaluation = await _find(service, args.evaluation)
            return await _report(args, service, evaluation)
        case "again":
            evaluation = await service.ask_again((await _find(service, args.evaluation)).id)
            return await _follow(args, service, evaluation)
    chosen = await sets.find(args.name)
    targets = [await find_target(text, library, providers, settings) for text in args.targets]
    sampling = chosen.sampling.overridden_by(
        SamplingParams(temperature=args.temperature, max_tokens=args.max_tokens, seed=args.seed)
    )
    chosen = replace(chosen, sampling=sampling)
    evaluation = await service.begin(chosen, targets, args.repeats, anew=args.new)
    return await _follow(args, service, evaluation)


async def _list(args: argparse.Namespace, service: EvaluationService, sets: PromptSets) -> int:
    found = await sets.all()
    runs = await service.store.listed()
    if args.json:
        print_json(
            {
                "sets": [
                    {
                        "id": chosen.id,
                        "name": chosen.name,
                        "cases": len(chosen.cases),
                        "with_checks": sum(bool(case.checks) for case in chosen.cases),
                        "ready_made": chosen.is_ready_made,
                        "reached": asdict(chosen.reached) if chosen.reached else None,
                    }
                    for chosen in found
                ],
                "evaluations": [
                    {
                        "evaluation": run.id,
                        "set": run.set_name,
                        "created_at": run.created_at.isoformat(),
                        "finished": run.finished_at is not None,
                        "done": run.done,
                        "units": run.units,
                    }
                    for run in runs
                ],
            }
        )
        return 0
    rows = [
        [str(len(c.cases)), "comes with the program" if c.is_ready_made else "yours", c.name]
        for c in found
    ]
    for line in table(["prompts", "whose", "name"], rows, frozenset({0})):
        print(line)
    if runs:
        print()
        rows = [
            [f"{run.created_at:%Y-%m-%d %H:%M}", f"{run.done} of {run.units}", run.id, run.set_name]
            for run in runs
        ]
        for line in table(["begun", "answers", "evaluation", "set"], rows, frozenset({1})):
            print(line)
    return 0


async def _import(args: argparse.Namespace, sets: PromptSets) -> int:
    path = Path(args.path)
    try:
        content = await asyncio.to_thread(path.read_bytes)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}.") from error
    cases = read_cases(content, format_of(path.name))
    made = new_set(args.name.strip(), cases)
    if args.replace:
        before = [s for s in await sets.all() if s.name.casefold() == made.name.casefold()]
        if before:
            known = with_known_ids(cases, before[0].cases)
            made = replace(made, id=before[0].id, cases=known)
    await sets.save(made)
    unchecked = sum(not case.checks for case in cases)
    if args.json:
        print_json({"set": made.name, "id": made.id, "cases": len(cases), "unchecked": unchecked})
    else:
        said = f"{len(cases)} prompts are kept as “{made.name}”."
        if unchecked:
            have = "has" if unchecked == 1 else "have"
            said += f" {unchecked} of them {have} no check, so their answers are not scored."
        print(one_line(said))
    return 0


async def _export(args: argparse.Namespace, sets: PromptSets) -> int:
    chosen = await sets.find(args.name)
    path = Path(args.path)
    text = write_cases(chosen, format_of(path.name))
    try:
        await asyncio.to_thread(path.write_text, text, "utf-8", newline="")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}.") from error
    if args.json:
        print_json({"set": chosen.name, "path": str(path), "cases": len(chosen.cases)})
    else:
        print(one_line(f"{len(chosen.cases)} prompts are written to {path}."))
    return 0


async def _find(service: EvaluationService, name: str) -> Evaluation:
    listed = await service.store.listed(limit=None)
    found = [run.id for run in listed if name == "last" or run.id.startswith(name)]
    if not found:
        raise UsageError(
            f"There is no evaluation “{name}”.", "See `playground tests list`, or write last."
        )
    if name != "last" and len(found) > 1:
        raise UsageError(f"Several evaluations begin with “{name}”.")
    return await service.store.load(found[0])


async def _follow(
    args: argparse.Namespace, service: EvaluationService, evaluation: Evaluation
) -> int:
    ended: EvaluationEnded | None = None
    progress = None if args.json else _Progress(evaluation)
    task = asyncio.current_task()
    is_stopped = False

    def stop() -> None:
        nonlocal is_stopped
        is_stopped = True
        if task is not None:
            task.cancel()

    try:
        with _interrupt(stop):
            max_usd = getattr(args, "max_usd", None)
            async with aclosing(service.run(evaluation, max_usd)) as updates:
                async for update in updates:
                    if isinstance(update, EvaluationEnded):
                        ended = update
                    if progress is not None:
                        progress.add(update)
                    _warn(update)
    except asyncio.CancelledError:
        if not is_stopped or task is None:
            raise
        task.uncancel()
        tell("Stopped. What is answered is kept: the same command goes on from here.")
    results = await service.store.results(evaluation.id)
    known = report(evaluation, results)
    is_finished = ended is not None and ended.is_finished
    _print(args, ended.evaluation if ended else evaluation, results, known)
    if ended is not None and not is_finished:
        tell(f"Not finished. {ended.reason}")
    wanted = getattr(args, "at_least", None)
    if wanted is not None and any((model.share or 0.0) < wanted for model in known.models):
        return FAILED
    return 0 if is_finished else FAILED


async def _report(
    args: argparse.Namespace, service: EvaluationService, evaluation: Evaluation
) -> int:
    results = await service.store.results(evaluation.id)
    _print(args, evaluation, results, report(evaluation, results))
    return 0


@contextmanager
def _interrupt(stop: Any) -> Iterator[None]:
    """Let Ctrl-C call `stop`, so that what is answered is kept."""
    loop = asyncio.get_running_loop()
    before = signal.signal(signal.SIGINT, lambda *_: loop.call_soon_threadsafe(stop))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _print(
    args: argparse.Namespace,
    evaluation: Evaluation,
    results: Sequence[UnitResult],
    known: Report,
) -> None:
    if args.json:
        print_json(report_json(evaluation, results, known))
    else:
        for line in _lines(evaluation, known):
            print(one_line(line))
    sys.stdout.flush()


def report_json(
    evaluation: Evaluation, results: Sequence[UnitResult], known: Report
) -> dict[str, Any]:
    numbers = {case.id: number for number, case in enumerate(evaluation.prompt_set.cases, 1)}
    return {
        "evaluation": evaluation.id,
        "set": evaluation.prompt_set.name,
        "finished": evaluation.finished_at is not None,
        "created_at": evaluation.created_at.isoformat() if evaluation.created_at else None,
        "repeats": evaluation.repeats,
        "sampling": asdict(evaluation.sampling),
        "models": [_model_json(model) for model in known.models],
        "pairs": [
            {
                "a": pair.a,
                "b": pair.b,
                "only_a_right": pair.only_a_right,
                "only_b_right": pair.only_b_right,
                "p_value": pair.p_value,
                "verdict": pair.verdict.value,
            }
            for pair in known.pairs
        ],
        "cases": [
            {
                "case": numbers[result.unit.case],
                "target": result.unit.target,
                "repeat": result.unit.repeat + 1,
                "outcome": result.outcome.value,
                "reasons": list(result.reasons),
                "comparison": result.comparison_id,
            }
            for result in results
        ],
    }


def _model_json(model: ModelResult) -> dict[str, Any]:
    speed = model.tokens_per_s
    return {
        "target": model.target,
        "right": model.right,
        "scored": model.scored,
        "not_scored": model.not_scored,
        "interval": list(model.interval) if model.interval else None,
        "weighted_share": model.weighted_share,
        "always_right": model.always_right,
        "pass_hat": list(model.pass_hat) or None,
        "tier": None if model.tier is None else model.tier + 1,
        "tokens_per_s": (
            {**asdict(speed), "provenance": model.speed_provenance} if speed else None
        ),
        "usd": model.usd,
        "provenance": model.provenance,
    }


def _lines(evaluation: Evaluation, known: Report) -> list[str]:
    times = Counter(target.label for target in evaluation.targets)
    labels = {
        target.key: f"{target.label} ({target.detail})" if times[target.label] > 1 else target.label
        for target in evaluation.targets
    }
    rows = []
    for model in ranked(known.models):
        low, high = model.interval or (None, None)
        speed = model.tokens_per_s
        rows.append(
            [
                f"{model.right} of {model.scored}",
                str(model.not_scored),
                "—" if low is None or high is None else f"{low:.0%}–{high:.0%}",
                "—" if speed is None else f"{speed.median:.1f}",
                _money(model),
                labels[model.target],
            ]
        )
    head = ["right", "not scored", "95 % interval", "tokens/s", "cost", "model"]
    lines = table(head, rows, frozenset({0, 1, 2, 3, 4}))
    return [*lines, "", *(pair_sentence(pair, labels) for pair in known.pairs)]


def _money(model: ModelResult) -> str:
    if model.usd is None:
        return "—"
    mark = "≈ " if model.provenance is Provenance.ESTIMATED else ""
    return f"{mark}${model.usd:.4g}"


class _Progress:
    """Lines on stderr: what it takes, then how far it is."""

    def __init__(self, evaluation: Evaluation) -> None:
        self._evaluation = evaluation
        self._results: list[UnitResult] = []
        self._shown = -1

    def add(self, update: object) -> None:
        if isinstance(update, EvaluationStarted):
            self._results = list(update.results)
            for line in plan_lines(update.plan):
                tell(line)
        elif isinstance(update, UnitEnded):
            self._results.append(update.result)
            units = self._evaluation.unit_count
            tenth = len(self._results) * 10 // units
            if tenth != self._shown:
                self._shown = tenth
                tell(f"{len(self._results)} of {units} answers.")


def plan_lines(plan: Plan) -> list[str]:
    """Return what an evaluation takes, in sentences."""
    usd = "not known" if plan.usd is None else f"≈ ${plan.usd:.4g} at most"
    hosts = ", ".join(plan.hosts) or "no other computer"
    lines = [f"{plan.units} answers to ask for; price {usd}; the prompts go to {hosts}."]
    if plan.block is not None:
        lines.append(
            "The models here do not fit into memory together: each is asked "
            f"{plan.block} prompts before the next is loaded, {plan.loads} loads in all."
        )
    if plan.can_tell:
        lines.append(
            f"Below {plan.fewest_disagreements} disagreements no difference between two models "
            "can be told."
        )
    else:
        lines.append(
            "So few prompts can prove no difference: two models must disagree on "
            f"{plan.fewest_disagreements} at least."
        )
    return lines


def _warn(update: object) -> None:
    match update:
        case ProviderWaits(seconds=seconds, reason=reason):
            tell(f"Waits {seconds:.0f} s: {reason}.")
        case TargetGivenUp(reason=reason):
            tell(f"Asked nothing more. {reason}")
