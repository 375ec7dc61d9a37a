"""Tells model files apart that carry the same name inside."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from playground.core.gguf.naming import name_from_file
from playground.core.targets import ModelFile
from playground.services.library.scanner import STARTER


def disambiguate(models: Sequence[ModelFile]) -> tuple[ModelFile, ...]:
    """Return `models`, namesakes by their file's name, and by their place where that is one too.

    The name inside a file is often that of its training: copies and fine-tunes all carry it.
    """
    by_file = _renamed(models, lambda model: name_from_file(model.path))
    return _renamed(by_file, lambda model: f"{model.name} ({_place(model)})")


def _place(model: ModelFile) -> str:
    """Return the program a file belongs to, else its folder."""
    return STARTER if model.source == STARTER else model.owner or model.path.parent.name


def _renamed(
    models: Sequence[ModelFile], name: Callable[[ModelFile], str]
) -> tuple[ModelFile, ...]:
    # the quantization stands beside the name wherever a model is chosen
    count = Counter(_shown(model) for model in models)
    return tuple(
        replace(model, name=name(model)) if count[_shown(model)] > 1 else model for model in models
    )


def _shown(model: ModelFile) -> tuple[str, str | None]:
    return model.name.casefold(), model.quantization
