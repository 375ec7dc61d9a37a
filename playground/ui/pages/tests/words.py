"""Checks, sets and plans in words that need no explanation."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from PySide6.QtCore import QCoreApplication

from playground.core.amounts import UNKNOWN, money, seconds
from playground.core.checks.reading import COUNTS, LIMITS, TEXTS
from playground.core.evaluations import Evaluation, ModelResult, Plan, Report
from playground.core.expected import CheckKind
from playground.core.names import TargetName
from playground.core.prompt_sets import PromptSet
from playground.core.statistics import SIGNIFICANT, Pair, Spread, Verdict, fewest_disagreements
from playground.store.evaluations import EvaluationSummary
from playground.ui.widgets.basics import breakable

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
    if not done:
        return said
    there = _tr("{0}; 1 is there") if done == 1 else _tr("{0}; {1} are there")
    return there.format(said, f"{done:,}")


def price_words(plan: Plan) -> str:
    """Return what the answers that are left cost."""
    if plan.usd is None:
        return _tr("not known")
    return money(plan.usd, is_estimate=True) if plan.usd else _tr("Electricity only")


def ceiling_words(plan: Plan, max_usd: float | None) -> str:
    """Return what limits the price, and what comes on top of it."""
    if max_usd is not None:
        words = _tr("stops at your ceiling of ${0}").format(f"{max_usd:.2f}")
    elif plan.usd is None:
        words = _tr("enter the price under Providers")
    elif not plan.usd:
        return _tr("nobody sends a bill; the results say what the electricity costs")
    else:
        words = _tr("no ceiling")
    return _tr("{0}; electricity comes on top").format(words) if plan.local_targets else words


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
    return _tr("from answers there were")


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
    """Return whether two models can be told apart at all, and the sentence that explains it."""
    figure = _tr("Yes, if they differ enough") if plan.can_tell else _tr("Too few questions")
    return figure, luck_words(cases)


def luck_words(cases: int) -> str:
    """Return what it takes before luck is ruled out."""
    fewest = fewest_disagreements()
    if cases < fewest:
        return _tr(
            "{0} cannot rule out luck: two models must disagree on at least {1}, all in favour of "
            "the same one."
        ).format(_tr("1 question") if cases == 1 else _tr("{0} questions").format(cases), fewest)
    return _tr(
        "With {0} questions two models must disagree on at least {1}, all in favour of the same "
        "one, before luck can be ruled out."
    ).format(f"{cases:,}", fewest)


def unscored_words(model: ModelResult) -> str:
    """Return what stands beside `2 of 2 right`; empty where every answer was scored."""
    if not model.not_scored:
        return ""
    words = _tr("{0} more not scored").format(model.not_scored)
    if not model.cut_off:
        return words
    if model.cut_off < model.not_scored:
        return _tr("{0}, {1} of them cut off at the longest length").format(words, model.cut_off)
    return _tr("{0}: cut off at the longest length").format(words)


def cut_off_words(count: int, longest: int | None) -> str:
    """Return what helps where answers were cut off."""
    first = (
        _tr("1 answer was cut off at the longest length and is not scored.")
        if count == 1
        else _tr("{0} answers were cut off at the longest length and are not scored.").format(count)
    )
    limit = "" if longest is None else _tr(" (now {0} tokens)").format(f"{longest:,}")
    return (
        first
        + " "
        + _tr(
            "Asked again they would be cut off again: raise “Longest answer”{0}, then run the set."
        ).format(limit)
    )


def interval_words(model: ModelResult, digits: int = 0) -> str:
    """Return the stretch in which the truth lies: `77–99 %`."""
    if model.interval is None:
        return UNKNOWN
    low, high = model.interval
    return f"{100 * low:.{digits}f}–{100 * high:.{digits}f} %"


def spread_words(spread: Spread | None) -> tuple[str, str]:
    """Return the median, and what most answers have: `usual 6`, `mostly 2–22`."""
    if spread is None:
        return UNKNOWN, ""
    usual, low, high = (f"{value:.0f}" for value in (spread.median, spread.low, spread.high))
    if low == high:
        return usual, ""
    return _tr("usual {0}").format(usual), _tr("mostly {0}–{1}").format(low, high)


def model_figures(model: ModelResult, repeats: int) -> str:
    """Return a model's exact figures, a line each."""
    lines = [_tr("{0} of {1} scored questions right").format(model.right, model.scored)]
    if model.interval is not None:
        said = _tr("95 % interval (Wilson): {0}")
        lines.append(said.format(interval_words(model, 1)))
    if unscored := unscored_words(model):
        lines.append(unscored)
    if model.always_right is not None:
        said = _tr("{0} of {1} right all {2} times")
        lines.append(said.format(model.always_right, model.scored, repeats))
    for times, chance in enumerate(model.pass_hat[1:], 2):
        said = _tr("{0} % to be right {1} times in a row (pass^{1})")
        lines.append(said.format(f"{100 * chance:.0f}", times))
    if model.weighted_share is not None and abs(model.weighted_share - (model.share or 0)) > 1e-9:
        said = _tr("{0} with the messages' weights")
        lines.append(said.format(f"{100 * model.weighted_share:.1f} %"))
    return "\n".join(lines)


def pair_figures(pair: Pair) -> str:
    """Return two models' exact figures, a line each."""
    if pair.p_value is None:
        return _tr("No question was scored for both")
    p_value = "p < 0.0001" if pair.p_value < 1e-4 else f"p = {pair.p_value:.3g}"
    counts = _tr("{0} questions scored for both; right where the other was wrong: {1} and {2}")
    return "\n".join(
        (
            _tr("Exact McNemar test, two-sided: {0}").format(p_value),
            counts.format(pair.both_scored, pair.only_a_right, pair.only_b_right),
        )
    )


def exact_figures(known: Report, names: Mapping[str, TargetName], repeats: int) -> str:
    """Return everything the verdicts rest on, pairs first, then models."""
    # the figures are not: a number would be copied in two
    wholes = {key: breakable(name.whole) for key, name in names.items()}
    said = _tr("{0} against {1}")
    parts = [
        f"{said.format(wholes[pair.a], wholes[pair.b])}\n{pair_figures(pair)}"
        for pair in known.pairs
    ]
    if known.pairs:
        end = _tr("Luck counts as ruled out where p < {0}.").format(SIGNIFICANT)
        if len(known.pairs) > 1:
            end += " " + _tr(
                "Groups allow for looking at several pairs at once (Benjamini and Hochberg)."
            )
        parts.append(end)
    parts += [f"{wholes[m.target]}\n{model_figures(m, repeats)}" for m in known.models]
    return "\n\n".join(parts)


def earlier_sentence(name: str, pair: Pair) -> str:
    """Return how a model did now (`a`) and then (`b`)."""
    counts = (pair.only_a_right, pair.only_b_right)
    match pair.verdict:
        case Verdict.A_BETTER:
            said = _tr("{0} is better now. Of {1} questions {2} are right only now, {3} only then.")
        case Verdict.B_BETTER:
            said = _tr("{0} is worse now. Of {1} questions {2} are right only now, {3} only then.")
        case Verdict.SAME:
            said = _tr("{0} did the same. None of {1} questions turned right or wrong.")
        case Verdict.UNDECIDED:
            said = _tr(
                "{0}: can't tell yet. Of {1} questions {2} are right only now, {3} only then."
            )
        case _:
            said = _tr("{0}: no question was scored both times.")
    return said.format(name, pair.both_scored, *counts)


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
