"""Verdicts and speeds in the words a person would use, the same on every page."""

from PySide6.QtCore import QCoreApplication

from playground.core.requirements.model import Speed, Verdict
from playground.core.runs import Provenance
from playground.ui.widgets.amounts import WORDS_PER_TOKEN


def _tr(text: str) -> str:
    return QCoreApplication.translate("verdict", text)


def verdict_words(verdict: Verdict) -> tuple[str, str]:
    """Return what a verdict's badge says, and its tone."""
    return {
        Verdict.RUNS_GREAT: (_tr("Runs great"), "here"),
        Verdict.RUNS: (_tr("Runs"), "here"),
        Verdict.SLOW: (_tr("Slow"), "caution"),
        Verdict.WONT_FIT: (_tr("Won't fit"), "bad"),
    }[verdict]


def speed_words(speed: Speed | None) -> str:
    """Return a speed in words per second; marked where it is an estimate."""
    if speed is None:
        return "—"
    is_one = round(speed.high_tokens_per_s * WORDS_PER_TOKEN) <= 1
    return (_tr("{0} word/s") if is_one else _tr("{0} words/s")).format(speed_figure(speed))


def speed_figure(speed: Speed | None) -> str:
    """Return the same without its unit: `24`, `≈ 30–90`, `≈ under 1`."""
    if speed is None:
        return "—"
    sign = "" if speed.provenance is Provenance.MEASURED else "≈ "
    low, high = (
        round(rate * WORDS_PER_TOKEN) for rate in (speed.low_tokens_per_s, speed.high_tokens_per_s)
    )
    if high < 1:
        return _tr("{0}under 1").format(sign)
    if low < 1:
        return _tr("{0}up to {1}").format(sign, high)
    return sign + (f"{low}" if low == high else f"{low}–{high}")


def exact_speed(speed: Speed | None) -> str:
    """Return a speed to the letter, in tokens per second, and where the figure is from."""
    if speed is None:
        return _tr("Not known yet: run it once.")
    low, high = f"{speed.low_tokens_per_s:.1f}", f"{speed.high_tokens_per_s:.1f}"
    figure = low if low == high else f"{low}–{high}"
    if speed.provenance is Provenance.MEASURED:
        return _tr("{0} tokens a second, measured here (median of the last runs)").format(figure)
    return _tr("≈ {0} tokens a second, estimated").format(figure)
