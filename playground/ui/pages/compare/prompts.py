"""The starter prompts of `resources/prompts.toml`."""

import tomllib
from dataclasses import dataclass

from playground.ui.theme.icons import resource


@dataclass(frozen=True, slots=True)
class StarterPrompt:
    """Something to press Run on."""

    kind: str
    title: str
    text: str


def starter_prompts() -> tuple[StarterPrompt, ...]:
    """Return the starter prompts in their order."""
    data = tomllib.loads(resource("prompts.toml").read_text(encoding="utf-8"))
    return tuple(StarterPrompt(p["kind"], p["title"], p["text"]) for p in data["prompt"])
