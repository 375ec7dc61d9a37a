"""The sampling parameters as the drawer shows them, and text into values."""

from collections.abc import Callable
from dataclasses import dataclass

from playground.core.chat import SamplingParams
from playground.core.turns import SEED_LIMIT
from playground.ui.format import translate

Value = float | int | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Parameter:
    """One field: `name` is the technical name, the rest is in plain words."""

    name: str
    label: Callable[[], str]
    explanation: Callable[[], str]
    low: float = 0
    high: float = 1
    is_whole: bool = False
    is_text: bool = False

    def unset(self) -> str:
        """Return what stands in an empty field."""
        return translate("parameters", "up to the model")


PARAMETERS: tuple[Parameter, ...] = (
    Parameter(
        "temperature",
        lambda: translate("parameters", "Variety"),
        lambda: translate(
            "parameters",
            "0: always the likeliest word. 1: as the model learned it. Higher: more surprising.",
        ),
        high=2,
    ),
    Parameter(
        "max_tokens",
        lambda: translate("parameters", "Longest answer"),
        lambda: translate(
            "parameters", "In tokens (pieces of words; three words are about four tokens)."
        ),
        low=1,
        high=1_000_000,
        is_whole=True,
    ),
    Parameter(
        "seed",
        lambda: translate("parameters", "Chance number"),
        lambda: translate(
            "parameters",
            "The same number makes a local model answer the same way again. Empty: a new one "
            "each time, which is shown in the details.",
        ),
        high=SEED_LIMIT - 1,
        is_whole=True,
    ),
    Parameter(
        "top_p",
        lambda: translate("parameters", "Only likely words"),
        lambda: translate(
            "parameters", "Choose among the likeliest words that together reach this probability."
        ),
    ),
    Parameter(
        "top_k",
        lambda: translate("parameters", "Words to choose from"),
        lambda: translate("parameters", "Choose among so many of the likeliest words; 0 is all."),
        high=100_000,
        is_whole=True,
    ),
    Parameter(
        "min_p",
        lambda: translate("parameters", "Leave out unlikely words"),
        lambda: translate(
            "parameters", "Leave out words less likely than this share of the likeliest one."
        ),
    ),
    Parameter(
        "repeat_penalty",
        lambda: translate("parameters", "Avoid repeating"),
        lambda: translate("parameters", "1: not at all. 1.1: a little. More may sound odd."),
        low=0.1,
        high=5,
    ),
    Parameter(
        "stop",
        lambda: translate("parameters", "End the answer at"),
        lambda: translate(
            "parameters", "The answer ends where one of these texts comes; separated by | signs."
        ),
        is_text=True,
    ),
    Parameter(
        "logprobs",
        lambda: translate("parameters", "Show probabilities"),
        lambda: translate(
            "parameters", "How many words that could have come instead to show for each; 0 to 20."
        ),
        high=20,
        is_whole=True,
    ),
)


def parse(text: str, parameter: Parameter) -> Value:
    """Return the value of a field; raises `ValueError` with a sentence for a person."""
    if parameter.is_text:
        return tuple(part for part in text.split("|") if part)
    cleaned = text.strip().replace(",", ".")
    if not cleaned:
        return None
    try:
        value = int(cleaned) if parameter.is_whole else float(cleaned)
    except ValueError as error:
        raise ValueError(_range(parameter)) from error
    if not parameter.low <= value <= parameter.high:
        raise ValueError(_range(parameter))
    return value


def as_text(sampling: SamplingParams, parameter: Parameter) -> str:
    """Return what stands in a field."""
    value = getattr(sampling, parameter.name)
    if parameter.is_text:
        return "|".join(value)
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _range(parameter: Parameter) -> str:
    kind = (
        translate("parameters", "A whole number from {low} to {high}, or nothing.")
        if parameter.is_whole
        else translate("parameters", "A number from {low} to {high}, or nothing.")
    )
    return kind.format(low=f"{parameter.low:g}", high=f"{parameter.high:,.10g}")
