"""Tables and amounts as the terminal shows them."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from playground.cli.terminal import one_line
from playground.core.characters import whole_characters
from playground.core.requirements.model import Requirements, Speed


def table(head: Sequence[str], rows: Sequence[Sequence[str]], right: frozenset[int]) -> list[str]:
    """Return a table's lines; columns in `right` are aligned to the right, the last is open."""
    if not rows:
        return []
    lines = []
    whole = [[one_line(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[i]) for row in whole) for i in range(len(head) - 1)]
    for row in whole:
        cells = [
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=False))
        ]
        lines.append("  ".join([*cells, row[-1]]))
    return lines


def size_text(count: int) -> str:
    """Return bytes as the window shows them, in powers of 1,000."""
    return f"{count / 10**9:.1f} GB" if count >= 10**9 else f"{count / 10**6:.0f} MB"


def parameters_text(count: int | None) -> str:
    """Return a number of parameters: `1.7 B`, `135 M`."""
    if count is None:
        return "—"
    return f"{count / 1e9:.1f} B" if count >= 1e9 else f"{count / 1e6:.0f} M"


def speed_text(speed: Speed | None) -> str:
    """Return tokens per second, a range where that is what is known, ≈ before estimates."""
    if speed is None:
        return "—"
    low, high = f"{speed.low_tokens_per_s:.0f}", f"{speed.high_tokens_per_s:.0f}"
    sign = "" if speed.provenance == "measured" else "≈ "
    return f"{sign}{low if low == high else f'{low}–{high}'} tokens/s"


def speed_source(speed: Speed | None) -> str:
    """Return what a speed rests on, in brackets behind it."""
    if speed is None:
        return ""
    if speed.provenance == "measured":
        answers = "1 answer" if speed.run_count == 1 else f"{speed.run_count} answers"
        return f" (measured in {answers} with nothing else at work)"
    if speed.learnt_from:
        return f" (reckoned from what ran here: {', '.join(speed.learnt_from)})"
    return " (reckoned from how fast this computer reads its memory)"


def requirements_json(needs: Requirements | None) -> dict[str, Any]:
    if needs is None:
        return {"verdict": None, "memory": None, "speed": None, "changes": []}
    need = asdict(needs.need)
    del need["mapped_bytes"]
    return {
        "verdict": needs.verdict,
        "memory": {
            **need,
            "total_bytes": needs.need.total_bytes,
            "needed_bytes": needs.need.needed_bytes,
            "minimum_bytes": needs.minimum.memory_bytes,
            "recommended_bytes": needs.recommended.memory_bytes,
            "free_bytes": needs.free_bytes,
            "card_bytes": needs.card_bytes,
            "card_layers": needs.card_layers,
        },
        "speed": asdict(needs.speed) if needs.speed else None,
        "changes": [{**asdict(way), "detail": way.detail or None} for way in needs.changes],
    }


def print_json(value: Any, *, flush: bool = False) -> None:
    """Print one line of plain ASCII, which every terminal, pipe and parser takes."""
    whole = whole_characters(json.dumps(value, ensure_ascii=False))
    print(json.dumps(json.loads(whole)), flush=flush)
