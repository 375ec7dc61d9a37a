"""Verdicts and speeds in the words a person would use, the same on every page."""

from PySide6.QtCore import QCoreApplication

from playground.core.requirements import Speed, Verdict
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
    low, high = (
        round(rate * WORDS_PER_TOKEN) for rate in (speed.low_tokens_per_s, speed.high_tokens_per_s)
    )
    text = f"{low}" if low == high else f"{low}–{high}"
    sign = "" if speed.provenance is Provenance.MEASURED else "≈ "
    return _tr("{0}{1} words/s").format(sign, text)
