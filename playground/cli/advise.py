"""`playground advise`: local or cloud, and why."""

import argparse
from dataclasses import asdict, replace
from typing import Any

from playground.cli.output import print_json
from playground.cli.terminal import harmless
from playground.core.advice.needs import Situation
from playground.core.advice.situation import Advice, Evidence, Option
from playground.core.errors import UsageError
from playground.core.metrics import Figure
from playground.services.advice import AdviceService


async def run(args: argparse.Namespace, service: AdviceService) -> int:
    """Print the answer to the situation that the options describe; exit code 0 whatever it is."""
    situation = Situation(args.leave, args.soon, args.per_day, args.need, args.connection)
    costs = service.usual_costs()
    if args.computer_usd is not None:
        costs = replace(costs, price_usd=args.computer_usd)
    evidence = await service.evidence(await _evaluation(args.evaluation, service))
    advice = service.advise(situation, evidence, dict(args.weights), costs)
    if args.json:
        print_json(advice_json(situation, evidence, advice))
    else:
        for line in _lines(advice):
            print(harmless(line))
    return 0


async def _evaluation(name: str, service: AdviceService) -> str | None:
    if name == "none":
        return None
    tests = await service.tests()
    found = [test.id for test in tests if name == "last" or test.id.startswith(name)]
    if not found:
        if name == "last":
            return None
        raise UsageError(f"There is no evaluation “{name}”.", "See `playground tests list`.")
    if name != "last" and len(found) > 1:
        raise UsageError(f"Several evaluations begin with “{name}”.")
    return found[0]


def advice_json(situation: Situation, evidence: Evidence, advice: Advice) -> dict[str, Any]:
    """Return the answer with everything it rests on."""
    months = advice.months
    return {
        "answer": advice.answer,
        "title": advice.title,
        "subtitle": advice.subtitle,
        "here": advice.here.target if advice.here else None,
        "cloud": advice.cloud.target if advice.cloud else None,
        "reasons": [
            {
                "id": reason.id,
                "title": reason.title,
                "text": reason.text,
                "link": asdict(reason.link) if reason.link else None,
            }
            for reason in advice.reasons
        ],
        "runner_up": advice.runner_up or None,
        "changes": [{"if": change.said, "answer": change.answer} for change in advice.changes],
        "steps": [{"step": step, "title": title} for step, title, _text in advice.steps],
        "month": {
            "here_usd": months.here(situation.per_day),
            "cloud_usd": months.cloud(situation.per_day),
            "bigger_computer_usd": months.bigger(situation.per_day),
            "bigger_computer_fixed_usd": months.fixed_usd,
            "pays_from_per_day": months.pays_from,
        },
        "situation": asdict(situation),
        "evaluation": evidence.evaluation or None,
        "evidence": [_option_json(option) for option in evidence.options],
    }


def _option_json(option: Option) -> dict[str, Any]:
    return {
        "target": option.target,
        "place": option.place,
        "fits": option.fits,
        "first_word_s": _figure_json(option.first_s),
        "usd": _figure_json(option.usd),
        "right": option.right if option.scored else None,
        "scored": option.scored or None,
    }


def _figure_json(figure: Figure | None) -> dict[str, Any] | None:
    return None if figure is None else {"value": figure.value, "provenance": figure.provenance}


def _lines(advice: Advice) -> list[str]:
    lines = [advice.title, f"  {advice.subtitle}", ""]
    lines += [f"- {reason.title}. {reason.text}" for reason in advice.reasons]
    if advice.steps:
        lines += ["", "What would settle it:"]
        lines += [f"- {title}. {text}" for _step, title, text in advice.steps]
    if advice.runner_up:
        lines += ["", f"Runner-up: {advice.runner_up}"]
    if advice.changes:
        lines += ["", "What would change this:"]
        lines += [f"- {change.said}: {change.title.lower()}." for change in advice.changes]
    if words := advice.months.pays_from_words:
        months = advice.months
        lines += ["", f"A bigger computer costs ${months.fixed_usd:.2f} a month."]
        lines += [f"It pays from {words}."]
    return lines
