"""A run's four large figures, and every exact number behind them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from playground.core.metrics import Figure, RunFigures, figures
from playground.core.runs import Cost, Provenance, Run, RunStatus
from playground.core.targets import LocalTarget
from playground.ui.answers.metrics_card import MetricCell
from playground.ui.format import (
    UNKNOWN,
    estimated,
    money,
    provenance,
    rate,
    seconds,
    size_words,
    translate,
    whole,
)


@dataclass(frozen=True, slots=True)
class Best:
    """Which runs hold the best figures, by run id; `None` while it is not decided."""

    first: str | None = None
    speed: str | None = None
    total: str | None = None
    cost: str | None = None


def best_of(runs: Sequence[tuple[Run, RunFigures]]) -> Best:
    """Return who is best at what: only where every run that did not fail has the figure."""
    able = [
        (run, known)
        for run, known in runs
        if run.status not in {RunStatus.FAILED, RunStatus.CANCELLED}
    ]
    if len(able) < 2:
        return Best()
    first = _holder(min, {run.id: known.ttft_s for run, known in able})
    if not all(run.status.is_final for run, _known in able):
        return Best(first)
    return Best(
        first,
        speed=_holder(max, {run.id: known.words_per_s for run, known in able}),
        total=_holder(min, {run.id: known.total_s for run, known in able}),
        cost=_holder(min, {run.id: known.cost_usd for run, known in able}),
    )


def metric_cells(
    run: Run, known: RunFigures, best: Best, *, in_tokens: bool = False
) -> tuple[MetricCell, MetricCell, MetricCell, MetricCell]:
    """Return first word, speed, whole answer and cost of `run` as they are shown."""
    return (
        _first_cell(run, known, is_best=best.first == run.id),
        _speed_cell(known, in_tokens=in_tokens, is_best=best.speed == run.id),
        _total_cell(run, known, is_best=best.total == run.id),
        _cost_cell(run, is_best=best.cost == run.id),
    )


def empty_cells() -> tuple[MetricCell, MetricCell, MetricCell, MetricCell]:
    return (
        MetricCell(UNKNOWN, translate("cells", "first word"), ""),
        MetricCell(UNKNOWN, translate("cells", "words a second"), ""),
        MetricCell(UNKNOWN, translate("cells", "whole answer"), ""),
        MetricCell(UNKNOWN, translate("cells", "cost"), ""),
    )


def _first_cell(run: Run, known: RunFigures, *, is_best: bool) -> MetricCell:
    lines = [
        translate("cells", "How long it took from sending the prompt until the first word showed."),
        _exact(known.ttft_s, translate("cells", "seconds")),
    ]
    if run.reasoning and known.first_answer_s is not None:
        lines.append(
            translate("cells", "It thought first: the answer itself began after {time}.").format(
                time=seconds(known.first_answer_s.value)
            )
        )
    caption = (
        translate("cells", "first thought") if run.reasoning else translate("cells", "first word")
    )
    return MetricCell(seconds(_value(known.ttft_s)), caption, "\n".join(lines), is_best)


def _speed_cell(known: RunFigures, *, in_tokens: bool, is_best: bool) -> MetricCell:
    words, tokens = known.words_per_s, known.generation_tokens_per_s
    shown = tokens if in_tokens else words
    lines = [
        translate("cells", "How fast it wrote, counted from the first word to the last."),
        _exact(words, translate("cells", "words a second")),
        _exact(tokens, translate("cells", "tokens a second (a token is a piece of a word)")),
    ]
    caption = (
        translate("cells", "tokens a second") if in_tokens else translate("cells", "words a second")
    )
    return MetricCell(estimated(shown, rate(_value(shown))), caption, "\n".join(lines), is_best)


def _total_cell(run: Run, known: RunFigures, *, is_best: bool) -> MetricCell:
    waiting = {
        RunStatus.WAITING: translate("cells", "waits"),
        RunStatus.LOADING: (
            translate("cells", "loading…")
            if isinstance(run.target, LocalTarget)
            else translate("cells", "connecting…")
        ),
        RunStatus.READING: translate("cells", "reading…"),
        RunStatus.WRITING: translate("cells", "writing…"),
    }
    value = waiting.get(run.status) or seconds(_value(known.total_s))
    explanation = "\n".join(
        (
            translate(
                "cells",
                "From sending the prompt to the end of the answer. Loading a model is not part "
                "of it.",
            ),
            _exact(known.total_s, translate("cells", "seconds")),
            _exact(known.prompt_tokens, translate("cells", "tokens in: your prompt"), 0),
            _exact(known.completion_tokens, translate("cells", "tokens out: the answer"), 0),
        )
    )
    return MetricCell(value, translate("cells", "whole answer"), explanation, is_best)


def _cost_cell(run: Run, *, is_best: bool) -> MetricCell:
    cost = run.cost
    caption = translate("cells", "cost")
    if cost is not None:
        caption = (
            translate("cells", "electricity")
            if cost.kind == "electricity"
            else translate("cells", "price")
        )
    return MetricCell(cost_words(cost), caption, _cost_explanation(cost), is_best)


def cost_words(cost: Cost | None, times: int = 1) -> str:
    """Return what `times` such runs cost."""
    if cost is None or cost.usd is None:
        return UNKNOWN
    return money(cost.usd * times, is_estimate=cost.provenance is Provenance.ESTIMATED)


def _cost_explanation(cost: Cost | None) -> str:
    if cost is None:
        return translate("cells", "Known when the answer is complete.")
    if cost.usd is None:
        return cost.explanation or translate("cells", "What this answer cost is not known.")
    what = (
        translate("cells", "What the electricity for this answer costs.")
        if cost.kind == "electricity"
        else translate("cells", "What the provider charges for this answer.")
    )
    return f"{what}\n${cost.usd:.9f}, {provenance(cost.provenance)}\n{cost.explanation}".strip()


def details(run: Run) -> list[tuple[str, str, str]]:
    """Return every exact number of `run` as label, value and where it comes from."""
    known = figures(run)
    usage = run.usage
    rows = [
        (translate("cells", "Order of start"), str(run.order + 1), ""),
        (translate("cells", "Model was loaded before"), _yes_no(run.was_loaded), ""),
        _row(translate("cells", "Loading the model"), known.load_s, "s", 3),
        _row(translate("cells", "First word or thought (TTFT)"), known.ttft_s, "s", 3),
        _row(translate("cells", "First word of the answer"), known.first_answer_s, "s", 3),
        _plain(translate("cells", "Reading the prompt"), run.timings.prompt_s, "s"),
        _plain(translate("cells", "Writing"), run.timings.generation_s, "s"),
        _row(translate("cells", "Whole answer"), known.total_s, "s", 3),
        _row(translate("cells", "Words a second"), known.words_per_s, "", 2),
        _row(translate("cells", "Tokens a second"), known.generation_tokens_per_s, "", 2),
        _row(translate("cells", "Prompt tokens a second"), known.prompt_tokens_per_s, "", 1),
        _row(translate("cells", "Tokens in"), known.prompt_tokens, "", 0),
        _row(translate("cells", "Tokens out"), known.completion_tokens, "", 0),
        _count(translate("cells", "Tokens in, kept or cached"), usage.cached_tokens, run),
        _count(translate("cells", "Tokens in, really read"), usage.processed_tokens, run),
        _count(translate("cells", "Tokens of thinking"), usage.reasoning_tokens, run),
        (translate("cells", "Ended because"), run.finish_reason or UNKNOWN, ""),
        (translate("cells", "Seed"), UNKNOWN if run.seed is None else str(run.seed), ""),
    ]
    cost = run.cost
    rows.append(
        (
            translate("cells", "Cost"),
            UNKNOWN if cost is None or cost.usd is None else f"${cost.usd:.9f}",
            "" if cost is None else f"{provenance(cost.provenance)}. {cost.explanation}",
        )
    )
    hosts = ", ".join(f"{h.host} ({size_words(h.bytes_sent)})" for h in run.hosts)
    rows.append((translate("cells", "Hosts contacted"), hosts or translate("cells", "none"), ""))
    if run.shared_machine:
        note = translate("cells", "Other answers kept this computer busy meanwhile.")
        rows.append((translate("cells", "Had the computer to itself"), _yes_no(False), note))
    return rows


def _row(label: str, figure: Figure | None, unit: str, digits: int) -> tuple[str, str, str]:
    if figure is None:
        return label, UNKNOWN, ""
    text = f"{figure.value:,.{digits}f} {unit}".strip()
    return label, estimated(figure, text), provenance(figure.provenance)


def _plain(label: str, value: float | None, unit: str) -> tuple[str, str, str]:
    if value is None:
        return label, UNKNOWN, ""
    return label, f"{value:,.3f} {unit}", provenance(Provenance.MEASURED)


def _count(label: str, value: int | None, run: Run) -> tuple[str, str, str]:
    return label, whole(value), "" if value is None else provenance(run.usage.provenance)


def _yes_no(value: bool | None) -> str:
    if value is None:
        return UNKNOWN
    return translate("cells", "yes") if value else translate("cells", "no")


def _exact(figure: Figure | None, unit: str, digits: int = 3) -> str:
    if figure is None:
        return translate("cells", "Not known: {unit}.").format(unit=unit)
    number = estimated(figure, f"{figure.value:,.{digits}f}")
    return f"{number} {unit}, {provenance(figure.provenance)}"


def _value(figure: Figure | None) -> float | None:
    return None if figure is None else figure.value


def _holder(choose: Callable[..., str], known: dict[str, Figure | None]) -> str | None:
    """Return whose figure `min` or `max` chooses; `None` where one of them is not known."""
    values = {key: figure.value for key, figure in known.items() if figure is not None}
    return choose(values, key=values.__getitem__) if values and len(values) == len(known) else None
