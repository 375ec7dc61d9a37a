"""Amounts and moments as they are read, the same in the window and in what is shared."""

import math
from datetime import datetime, tzinfo

from playground.core.metrics import Figure
from playground.core.runs import Provenance

UNKNOWN = "—"
"""What stands where a value is not known."""
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August"),
    *("September", "October", "November", "December"),
)


def seconds(value: float | None) -> str:
    """Return a duration as it is read at a glance."""
    if value is None:
        return UNKNOWN
    if value < 0.095:
        return f"{value:.2f} s"
    if value < 99.95:
        return f"{value:.1f} s"
    return f"{int(value) // 60} min {int(value) % 60} s"


def rate(value: float | None) -> str:
    """Return a speed without a unit."""
    if value is None:
        return UNKNOWN
    return f"{value:.1f}" if value < 9.95 else f"{value:,.0f}"


def money(usd: float | None, *, is_estimate: bool = False) -> str:
    """Return an amount with two significant digits below a cent, and no `e-06`."""
    if usd is None:
        return UNKNOWN
    sign = "≈ " if is_estimate else ""
    if usd == 0:
        return f"{sign}$0"
    if usd >= 0.0995:
        return f"{sign}${usd:,.2f}"
    if usd < 1e-9:
        return f"{sign}< $0.000000001"
    significant = 2 if usd >= 1e-4 else 1
    digits = significant - 1 - math.floor(math.log10(usd))
    return f"{sign}${usd:.{digits}f}".rstrip("0")


def whole(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:,.0f}"


def estimated(figure: Figure | None, text: str) -> str:
    if figure is not None and figure.provenance is Provenance.ESTIMATED:
        return f"≈ {text}"
    return text


def moment_words(moment: datetime, zone: tzinfo | None = None) -> str:
    """Return a moment in words, in `zone` or else in that of this computer."""
    local = moment.astimezone(zone)
    return f"{local.day} {_MONTHS[local.month - 1]} {local.year}, {local:%H:%M}"
