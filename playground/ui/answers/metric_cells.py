"""A run's four large figures, and every exact number behind them."""

from PySide6.QtCore import QCoreApplication

from playground.core.amounts import UNKNOWN, estimated, money, rate, seconds, whole
from playground.core.leads import Best
from playground.core.metrics import Figure, RunFigures, figures, measured
from playground.core.runs import Cost, Provenance, Run, RunStatus
from playground.core.targets import LocalTarget
from playground.ui.answers.metrics_card import MetricCell
from playground.ui.format import host_words, provenance_words, size_words


def _tr(text: str) -> str:
    return QCoreApplication.translate("answers", text)


def metric_cells(
    run: Run, known: RunFigures, best: Best, *, in_tokens: bool = False, on_stage: bool = False
) -> tuple[MetricCell, ...]:
    """Return first word, speed, whole answer and cost of `run` as they are shown.

    A room is told what a thousand such answers cost: it can read that number.
    """
    cost = run.cost
    caption = _tr("cost")
    if cost is not None:
        caption = _tr("electricity") if cost.kind == "electricity" else _tr("price")
    if on_stage:
        caption = _tr("{cost}, 1,000 times").format(cost=caption)
    return (
        _first_cell(run, known, is_best=best.first == run.id),
        _speed_cell(known, in_tokens=in_tokens, is_best=best.speed == run.id),
        _total_cell(run, known, is_best=best.total == run.id),
        MetricCell(
            cost_words(cost, 1000 if on_stage else 1),
            caption,
            _cost_explanation(cost),
            best.cost == run.id,
        ),
    )


def empty_cells() -> tuple[MetricCell, ...]:
    captions = (_tr("first word"), _tr("words a second"), _tr("whole answer"), _tr("cost"))
    return tuple(MetricCell(UNKNOWN, caption, "") for caption in captions)


def _first_cell(run: Run, known: RunFigures, *, is_best: bool) -> MetricCell:
    lines = [
        _tr("How long it took from sending the prompt until the first word showed."),
        _exact(known.ttft_s, _tr("seconds")),
    ]
    if run.reasoning and known.first_answer_s is not None:
        lines.append(
            _tr("It thought first: the answer itself began after {time}.").format(
                time=seconds(known.first_answer_s.value)
            )
        )
    caption = _tr("first thought") if run.reasoning else _tr("first word")
    return MetricCell(seconds(_value(known.ttft_s)), caption, "\n".join(lines), is_best)


def _speed_cell(known: RunFigures, *, in_tokens: bool, is_best: bool) -> MetricCell:
    words, tokens = known.words_per_s, known.generation_tokens_per_s
    shown = tokens if in_tokens else words
    lines = [
        _tr("How fast it wrote, counted from the first word to the last."),
        _exact(words, _tr("words a second")),
        _exact(tokens, _tr("tokens a second (a token is a piece of a word)")),
    ]
    caption = _tr("tokens a second") if in_tokens else _tr("words a second")
    return MetricCell(estimated(shown, rate(_value(shown))), caption, "\n".join(lines), is_best)


def _total_cell(run: Run, known: RunFigures, *, is_best: bool) -> MetricCell:
    waiting = {
        RunStatus.WAITING: _tr("waits"),
        RunStatus.LOADING: (
            _tr("loading…") if isinstance(run.target, LocalTarget) else _tr("connecting…")
        ),
        RunStatus.READING: _tr("reading…"),
        RunStatus.WRITING: _tr("writing…"),
    }
    value = waiting.get(run.status) or seconds(_value(known.total_s))
    explanation = "\n".join(
        (
            _tr(
                "From sending the prompt to the end of the answer. Loading a model is not part "
                "of it."
            ),
            _exact(known.total_s, _tr("seconds")),
            _exact(known.prompt_tokens, _tr("tokens in: your prompt"), 0),
            _exact(known.completion_tokens, _tr("tokens out: the answer"), 0),
        )
    )
    captions = {
        RunStatus.CANCELLED: _tr("stopped after"),
        RunStatus.FAILED: _tr("broke off after"),
    }
    return MetricCell(value, captions.get(run.status, _tr("whole answer")), explanation, is_best)


def cost_words(cost: Cost | None, times: int = 1) -> str:
    """Return what `times` such runs cost."""
    if cost is None or cost.usd is None:
        return UNKNOWN
    return money(cost.usd * times, is_estimate=cost.provenance is Provenance.ESTIMATED)


def _cost_explanation(cost: Cost | None) -> str:
    if cost is None:
        return _tr("Known when the answer is complete.")
    if cost.usd is None:
        return cost.explanation or _tr("What this answer cost is not known.")
    what = (
        _tr("What the electricity for this answer costs.")
        if cost.kind == "electricity"
        else _tr("What the provider charges for this answer.")
    )
    return (
        f"{what}\n${cost.usd:.9f}, {provenance_words(cost.provenance)}\n{cost.explanation}".strip()
    )


def details(run: Run) -> list[tuple[str, str, str]]:
    """Return every exact number of `run` as label, value and where it comes from."""
    known = figures(run)
    usage = run.usage
    rows = [
        (_tr("Order of start"), str(run.order + 1), ""),
        (_tr("Model was loaded before"), _yes_no(run.was_loaded), ""),
        _row(_tr("Loading the model"), known.load_s, "s", 3),
        _row(_tr("Connecting, not counted"), known.connect_s, "s", 3),
        _row(_tr("First word or thought (TTFT)"), known.ttft_s, "s", 3),
        _row(_tr("First word of the answer"), known.first_answer_s, "s", 3),
        _row(_tr("Reading the prompt"), measured(run.timings.prompt_s), "s", 3),
        _row(_tr("Writing"), measured(run.timings.generation_s), "s", 3),
        _row(_tr("Whole answer"), known.total_s, "s", 3),
        _row(_tr("Words a second"), known.words_per_s, "", 2),
        _row(_tr("Tokens a second"), known.generation_tokens_per_s, "", 2),
        _row(_tr("Prompt tokens a second"), known.prompt_tokens_per_s, "", 1),
        _row(_tr("Tokens in"), known.prompt_tokens, "", 0),
        _row(_tr("Tokens out"), known.completion_tokens, "", 0),
        _count(_tr("Tokens in, kept or cached"), usage.cached_tokens, run),
        _count(_tr("Tokens in, really read"), usage.processed_tokens, run),
        _count(_tr("Tokens of thinking"), usage.reasoning_tokens, run),
        (_tr("Ended because"), run.finish_reason or UNKNOWN, ""),
        (_tr("Chance number (seed)"), UNKNOWN if run.seed is None else str(run.seed), ""),
    ]
    cost = run.cost
    price = UNKNOWN if cost is None or cost.usd is None else f"${cost.usd:.9f}"
    source = "" if cost is None else f"{provenance_words(cost.provenance)}. {cost.explanation}"
    rows.append((_tr("Cost"), price, source))
    hosts = ", ".join(f"{host_words(h)} ({size_words(h.bytes_sent)})" for h in run.hosts)
    rows.append((_tr("Hosts contacted"), hosts or _tr("none"), ""))
    alone = _had_machine_to_itself(run)
    if alone is not None:
        rows.append((_tr("Had the computer to itself"), *alone))
    return rows


def _had_machine_to_itself(run: Run) -> tuple[str, str] | None:
    """Return whether a run had it, and what else was at work; `None` where that is not known."""
    load = run.machine_load
    if run.shared_machine:
        return _yes_no(False), _tr("Other answers kept this computer busy meanwhile.")
    if load is None or load.other_cores is None:
        return None
    words = _tr("Other work kept {0} of a processor core busy.")
    note = words.format(f"{load.other_cores:.0%}")
    if load.was_throttled:
        note += " " + _tr("The processor slowed down, being too hot.")
    if load.was_throttled is None:
        note += " " + _tr("Whether heat slowed the processor down is not known.")
    if not run.is_evidence:
        note += " " + _tr("So verdicts learn nothing from this answer.")
    return _yes_no(run.is_evidence), note


def _row(label: str, figure: Figure | None, unit: str, digits: int) -> tuple[str, str, str]:
    if figure is None:
        return label, UNKNOWN, ""
    text = f"{figure.value:,.{digits}f} {unit}".strip()
    return label, estimated(figure, text), provenance_words(figure.provenance)


def _count(label: str, value: int | None, run: Run) -> tuple[str, str, str]:
    return label, whole(value), "" if value is None else provenance_words(run.usage.provenance)


def _yes_no(value: bool | None) -> str:
    if value is None:
        return UNKNOWN
    return _tr("yes") if value else _tr("no")


def _exact(figure: Figure | None, unit: str, digits: int = 3) -> str:
    if figure is None:
        return _tr("Not known: {unit}.").format(unit=unit)
    number = estimated(figure, f"{figure.value:,.{digits}f}")
    return f"{number} {unit}, {provenance_words(figure.provenance)}"


def _value(figure: Figure | None) -> float | None:
    return None if figure is None else figure.value
