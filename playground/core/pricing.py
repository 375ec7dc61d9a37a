"""What a run costs: a provider's price for its tokens, or this computer's electricity."""

from playground.core.runs import Cost, Provenance, TokenUsage
from playground.core.targets import ModelPrice


def api_cost(price: ModelPrice, usage: TokenUsage) -> Cost:
    """Return the price of `usage`; unknown where a price or a count that matters is unknown.

    Cached tokens are part of `prompt_tokens` and reasoning tokens part of `completion_tokens`, as
    OpenAI reports them (https://platform.openai.com/docs/api-reference/usage).
    """
    prompt, completion = usage.prompt_tokens, usage.completion_tokens
    if (
        price.input_usd_per_mtok is None
        or price.output_usd_per_mtok is None
        or prompt is None
        or completion is None
    ):
        return Cost(None, "api", None)
    cached = min(usage.cached_tokens or 0, prompt)
    cached_price = price.cached_input_usd_per_mtok
    if cached_price is None:
        cached_price = price.input_usd_per_mtok
    usd = (
        (prompt - cached) * price.input_usd_per_mtok
        + cached * cached_price
        + completion * price.output_usd_per_mtok
    ) / 1_000_000
    estimated = usage.provenance is Provenance.ESTIMATED
    return Cost(
        usd,
        "api",
        Provenance.ESTIMATED if estimated else Provenance.REPORTED,
        f"{prompt} tokens in × ${price.input_usd_per_mtok:g} and {completion} out × "
        f"${price.output_usd_per_mtok:g} per million ({price.source})",
    )


def electricity_cost(seconds: float, watts: float, usd_per_kwh: float) -> Cost:
    """Return what `seconds` at `watts` above idle cost; always an estimate."""
    usd = seconds * watts / 3_600_000 * usd_per_kwh
    return Cost(
        usd,
        "electricity",
        Provenance.ESTIMATED,
        f"{seconds:.2f} s × {watts:g} W above idle × ${usd_per_kwh:g} per kWh",
    )
