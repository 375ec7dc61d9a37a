"""What the charts show of the samples: of a graphics card only what it tells."""

import math
import os
from collections.abc import Callable, Sequence

from playground.services.machine.gpu import GpuSample
from playground.services.machine.telemetry import Sample
from playground.ui.format import size_words
from playground.ui.pages.meters.charts import Point, Series

Translate = Callable[[str], str]
_LEAST_WATTS = 20.0
_MOST_DEGREES = 100.0
ON_STAGE = 4
"""Charts that a stage has room for."""


def all_series(samples: Sequence[Sample], tr: Translate) -> list[Series]:
    """Return what there is to show, from the newest of `samples` back."""
    now = samples[-1]

    def points(value: Callable[[Sample], float | None]) -> list[Point]:
        return [(now.t_s - sample.t_s, value(sample)) for sample in samples]

    threads = tr("{0} threads").format(os.cpu_count() or 1)
    load = points(lambda s: s.cpu_percent)
    ram = points(lambda s: float(s.ram_used_bytes))
    found = [
        Series(tr("Processor"), threads, 100.0, percent_words, load, is_for_stage=True),
        Series(
            tr("Memory"),
            tr("of {0}").format(size_words(now.ram_total_bytes)),
            float(now.ram_total_bytes),
            _size,
            ram,
        ),
    ]
    watts = points(lambda s: s.power_w)
    if now.power_w is not None:
        found.append(Series(tr("Power"), tr("processor only"), _top_watts(watts), _watts, watts))
    for number, card in enumerate(now.gpus):
        found += _of_card(number, card, points, tr)
    return found


def for_stage(series: Sequence[Series]) -> list[Series]:
    """Return the few that a room is shown, in their order."""
    ranked = sorted(series, key=lambda one: not one.is_for_stage)[:ON_STAGE]
    return [one for one in series if one in ranked]


def rest_words(series: Sequence[Series]) -> str:
    """Return in one line what a stage has no chart of."""
    shown = for_stage(series)
    return " · ".join(f"{one.title} {one.now}" for one in series if one not in shown)


def _of_card(
    number: int,
    card: GpuSample,
    points: Callable[[Callable[[Sample], float | None]], list[Point]],
    tr: Translate,
) -> list[Series]:
    def of(field: str) -> list[Point]:
        def value(sample: Sample) -> float | None:
            known: float | None = None
            if number < len(sample.gpus):
                known = getattr(sample.gpus[number], field)
            return known

        return points(value)

    found = []
    if card.load_percent is not None:
        load = of("load_percent")
        found.append(
            Series(tr("Graphics card"), card.name, 100.0, percent_words, load, is_for_stage=True)
        )
    if card.memory_used_bytes is not None and card.memory_total_bytes:
        remark = tr("of {0}").format(size_words(card.memory_total_bytes))
        top = float(card.memory_total_bytes)
        used = of("memory_used_bytes")
        found.append(Series(tr("Graphics memory"), remark, top, _size, used, is_for_stage=True))
    if card.temperature_c is not None:
        heat = of("temperature_c")
        found.append(Series(tr("Temperature"), card.name, _MOST_DEGREES, _degrees, heat))
    if card.power_w is not None:
        watts = of("power_w")
        remark = tr("graphics card only")
        found.append(
            Series(tr("Power"), remark, _top_watts(watts), _watts, watts, is_for_stage=True)
        )
    return found


def _top_watts(points: Sequence[Point]) -> float:
    """Return the next round number above all values."""
    most = max((value for _, value in points if value is not None), default=0.0)
    return max(_LEAST_WATTS, math.ceil(most / 20) * 20)


def percent_words(value: float) -> str:
    return f"{value:.0f} %"


def _size(value: float) -> str:
    return f"{value / 1e9:.1f} GB"


def _watts(value: float) -> str:
    return f"{value:.0f} W"


def _degrees(value: float) -> str:
    return f"{value:.0f} °C"
