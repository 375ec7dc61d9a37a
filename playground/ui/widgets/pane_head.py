"""Whose answer a pane shows."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PaneHead:
    """What stands above an answer."""

    label: str
    place: str
    """Where it comes from, in words."""
    tone: str
    """`here`, `cloud`, or `quiet` where it must not be told."""
    icon: str | None
    detail: str = ""
    detail_explanation: str = ""
