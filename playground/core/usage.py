"""What a provider said it used, into what is believed of it."""

import math
from dataclasses import dataclass, fields
from typing import Any

from playground.core.runs import Provenance, TokenUsage

MOST_TOKENS = 20_000_000
"""No model reads or writes more at once: a greater count is a mistake."""
MOST_WRITTEN_TOKENS = 2_000_000
"""No model writes more at once."""
MOST_TOKEN_CHARACTERS = 200
"""No token is longer, be it of white space: fewer tokens than that are no count of a text."""
MOST_USD = 10_000.0
"""No single answer costs more."""


@dataclass(frozen=True, slots=True)
class ReportedUsage:
    """Counts as a provider sent them, one that is impossible left out; `None` is unknown."""

    prompt: int | None = None
    completion: int | None = None
    total: int | None = None
    cached: int | None = None
    reasoning: int | None = None
    cost_usd: float | None = None

    def merged(self, later: "ReportedUsage") -> "ReportedUsage":
        """Return the richer of two, count by count: some end with zeros, some send parts."""
        return ReportedUsage(
            **{
                field.name: _greater(getattr(self, field.name), getattr(later, field.name))
                for field in fields(self)
            }
        )


def _greater(first: Any, second: Any) -> Any:
    if first is None or second is None:
        return second if first is None else first
    return max(first, second)


def read_count(value: Any) -> int | None:
    """Return a count of tokens; `None` for what cannot be one.

    Some send whole numbers as floats or as text.
    """
    number = read_number(value)
    if number is None or number != int(number) or not 0 <= number <= MOST_TOKENS:
        return None
    return int(number)


def read_usd(value: Any) -> float | None:
    """Return a price in US dollars; `None` for what cannot be one."""
    number = read_number(value)
    return None if number is None or not 0 <= number <= MOST_USD else number


def read_number(value: Any) -> float | None:
    """Return a finite number, also one that is written as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and (len(value) > 40 or not value.strip()[:1].isdigit()):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def believed_usage(
    said: ReportedUsage, *, answer_characters: int, reasoning_characters: int
) -> TokenUsage:
    """Return what a report amounts to beside the text that came.

    - `completion_tokens` holds everything that was written, thinking included. xAI and Gemini leave
      thinking out of it, which `total − prompt` tells, or more thinking than the whole.
    - Zero beside a text is no count, nor is one that the text is too long for. More cached tokens
      than the prompt has are none.
    """
    written = answer_characters + reasoning_characters
    prompt, completion, reasoning = said.prompt, said.completion, said.reasoning
    if prompt == 0:
        prompt = None
    if completion == 0 and written:
        completion = None
    if reasoning == 0 and reasoning_characters:
        reasoning = None
    if said.total is not None and prompt is not None:
        rest = said.total - prompt
        if rest > (completion or 0):
            if completion is not None and reasoning is None and not reasoning_characters:
                reasoning = rest - completion
            completion = rest
    # the answer alone takes at least one token
    least = (reasoning or 0) + bool(answer_characters)
    if reasoning and completion is not None and completion < least:
        completion += reasoning
    if completion is not None and not (
        written <= completion * MOST_TOKEN_CHARACTERS and completion <= MOST_WRITTEN_TOKENS
    ):
        completion = reasoning = None
    cached = said.cached
    if cached is not None and prompt is not None and cached > prompt:
        cached = None
    if prompt is None and completion is None:
        return TokenUsage()
    return TokenUsage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        cached_tokens=cached,
        reasoning_tokens=reasoning,
        provenance=Provenance.REPORTED,
    )
