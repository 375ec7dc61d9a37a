"""Checks, sets and plans in words that need no explanation."""

import json
from datetime import UTC, datetime

from PySide6.QtCore import QCoreApplication

from playground.core.amounts import money, seconds
from playground.core.checks.reading import COUNTS, LIMITS, TEXTS
from playground.core.evaluations import Evaluation, Plan
from playground.core.expected import CheckKind
from playground.core.prompt_sets import PromptSet
from playground.store.evaluations import EvaluationSummary

_LONGEST_CHIP = 40
_LONGEST_UNIT_S = 90.0
WITHOUT_TEXT = frozenset({CheckKind.JSON})
"""Kinds that expect nothing more."""


def _tr(text: str) -> str:
    return QCoreApplication.translate("TestsPage", text)


def kind_choices() -> list[tuple[str, CheckKind]]:
    """Return what an answer can be held against, as the box in the editor offers it."""
    return [
        (_tr("is exactly"), CheckKind.EQUALS),
        (_tr("mentions"), CheckKind.CONTAINS),
        (_tr("does not mention"), CheckKind.NOT_CONTAINS),
        (_tr("mentions one of"), CheckKind.ANY_OF),
        (_tr("mentions all of"), CheckKind.ALL_OF),
        (_tr("begins with"), CheckKind.BEGINS_WITH),
        (_tr("ends with the number"), CheckKind.NUMBER),
        (_tr("has at least … words"), CheckKind.MIN_WORDS),
        (_tr("has at most … words"), CheckKind.MAX_WORDS),
        (_tr("comes within … seconds"), CheckKind.MAX_SECONDS),
        (_tr("costs at most … dollars"), CheckKind.MAX_USD),
        (_tr("is JSON"), CheckKind.JSON),
        (_tr("is JSON of this form (schema)"), CheckKind.SCHEMA),
        (_tr("fits this pattern (regex)"), CheckKind.REGEX),
    ]


def expected_hint(kind: CheckKind) -> str:
    """Return what is typed beside a kind."""
    if kind in {CheckKind.ANY_OF, CheckKind.ALL_OF}:
        return _tr("words or sentences, with | between them")
    if kind in TEXTS:
        return _tr("the word or sentence")
    return {
        CheckKind.NUMBER: _tr("42 or 42±0.5"),
        CheckKind.SCHEMA: '{"type": "object"}',
        CheckKind.REGEX: r"\d{4}-\d{2}-\d{2}",
        CheckKind.MAX_USD: "0.01",
    }.get(kind, "5" if kind in COUNTS | LIMITS else "")


def counts_words(weight: float) -> str:
    """Return how much a message counts: `× 2`."""
    return f"× {weight:g}"


def count_words(count: int) -> str:
    return _tr("1 message") if count == 1 else _tr("{0} messages").format(f"{count:,}")


def set_caption(prompt_set: PromptSet, last: EvaluationSummary | None, running: str = "") -> str:
    """Return the quiet line below a set's name: how many messages, and when it was run last.

    Where its test runs now, `running` says how far it is.
    """
    return f"{count_words(len(prompt_set.cases))} · {running or run_words(last)}"


def run_words(last: EvaluationSummary | None) -> str:
    if last is None:
        return _tr("never run")
    if last.finished_at is None:
        return _tr("{0} of {1} answers").format(last.done, last.units)
    days = (datetime.now(UTC).date() - last.created_at.astimezone(UTC).date()).days
    if days <= 0:
        return _tr("run today")
    return _tr("run yesterday") if days == 1 else _tr("run {0} days ago").format(days)


def checks_words(prompt_set: PromptSet) -> tuple[str, bool]:
    """Return how many messages have a check, and whether all have."""
    without = sum(not case.checks for case in prompt_set.cases)
    if not without:
        return _tr("all with checks"), True
    if without == len(prompt_set.cases):
        return _tr("none with a check"), False
    return _tr("{0} without a check").format(f"{without:,}"), False


def form_words(prompt_set: PromptSet) -> str:
    """Return what form the answers are held to; empty where they are free."""
    schema = prompt_set.sampling.schema
    form = {} if schema is None else json.loads(schema)
    names = form.get("properties", {}) if isinstance(form, dict) else {}
    if not names:
        return "" if schema is None else _tr("Every answer is held to a fixed form.")
    return _tr("Every answer is held to a fixed form, JSON with: {0}").format(", ".join(names))


def reached_words(prompt_set: PromptSet) -> str:
    """Return how the starter model did on a set when it was written; empty where none tells."""
    reached = prompt_set.reached
    if reached is None:
        return ""
    known = _tr("{0} of {1} right").format(reached.right, reached.scored)
    if reached.not_scored:
        known = _tr("{0}, {1} more not scored").format(known, reached.not_scored)
    return _tr("What the starter model reaches: {0} (measured on {1} with {2})").format(
        known, reached.measured_on, reached.model
    )


def duration_words(value: float | None, *, is_left: bool = False) -> str:
    """Return an estimate of a duration: `≈ 2 min`."""
    if value is None:
        return "" if is_left else _tr("unknown yet")
    minutes = value / 60
    if value < _LONGEST_UNIT_S:
        words = f"≈ {max(1, round(value))} s"
    elif minutes < _LONGEST_UNIT_S:
        words = _tr("≈ {0} min").format(round(minutes))
    else:
        words = _tr("≈ {0} h").format(f"{minutes / 60:.1f}")
    return _tr("{0} left").format(words) if is_left else words


def spent_words(usd: float) -> str:
    return _tr("{0} spent").format(money(usd)) if usd else ""


def repeats_words(repeats: int) -> str:
    return _tr("once") if repeats == 1 else _tr("{0} times").format(repeats)


def answers_words(evaluation: Evaluation, plan: Plan) -> str:
    """Return how the number of answers comes about, and how many are there already."""
    models, done = len(evaluation.targets), evaluation.unit_count - plan.units
    said = " × ".join(
        (
            count_words(len(evaluation.prompt_set.cases)),
            _tr("1 model") if models == 1 else _tr("{0} models").format(models),
            repeats_words(evaluation.repeats),
        )
    )
    return said if not done else _tr("{0}; {1} are there").format(said, f"{done:,}")


def price_words(plan: Plan) -> str:
    """Return what the answers that are left cost."""
    if plan.usd is None:
        return _tr("not known")
    return money(plan.usd, is_estimate=True) if plan.usd else _tr("nothing")


def ceiling_words(plan: Plan, max_usd: float | None) -> str:
    if max_usd is not None:
        return _tr("stops at your ceiling of ${0}").format(f"{max_usd:.2f}")
    if plan.usd is None:
        return _tr("enter the price under Providers")
    return _tr("no ceiling") if plan.usd else _tr("nobody sends a bill")


def time_words(plan: Plan) -> str:
    if plan.block is not None:
        return _tr(
            "the models here do not fit into memory together: each is asked {0} before the next "
            "is loaded, {1} loads in all"
        ).format(count_words(plan.block), plan.loads)
    if plan.local_targets > 1:
        return _tr("one model on this computer at a time")
    if plan.seconds is None:
        return _tr("known once each has answered")
    return _tr("from the answers so far")


def kept_words(plan: Plan) -> str:
    """Return which models keep the messages on this computer."""
    if not plan.hosts:
        return _tr("everything stays here")
    if not plan.local_targets:
        return ""
    if plan.local_targets == 1:
        return _tr("one model keeps them here")
    return _tr("{0} models keep them here").format(plan.local_targets)


def outcome_words(plan: Plan, cases: int) -> tuple[str, str]:
    """Return what can come out at all, and the sentence that explains it."""
    fewest = plan.fewest_disagreements
    if not plan.can_tell:
        return (
            _tr("No difference"),
            _tr("{0} prove none: two models must disagree on {1} at least").format(
                count_words(cases), fewest
            ),
        )
    return (
        _tr("A lead of {0} or more").format(fewest),
        _tr("with fewer disagreements: “can't tell yet”"),
    )


def waits_words(left_s: float, reason: str) -> str:
    return _tr("waits {0}: {1}").format(seconds(float(max(1, round(left_s)))), reason)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_CHIP else f"{line[: _LONGEST_CHIP - 1]}…"


def results_caption(evaluation: Evaluation) -> str:
    """Return what results are of: `22 messages · 4 models · 2026-11-28 14:20`."""
    count, models = len(evaluation.prompt_set.cases), len(evaluation.targets)
    made = evaluation.created_at
    return " · ".join(
        (
            _tr("1 message") if count == 1 else _tr("{0} messages").format(count),
            _tr("1 model") if models == 1 else _tr("{0} models").format(models),
            "" if made is None else f"{made.astimezone():%Y-%m-%d %H:%M}",
        )
    )


def earlier_words(summary: EvaluationSummary) -> str:
    """Return an earlier run as a menu lists it."""
    moment = f"{summary.created_at.astimezone():%Y-%m-%d %H:%M}"
    return _tr("{0} · {1} of {2} answers").format(moment, summary.done, summary.units)
