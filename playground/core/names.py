"""What targets are called, the same in the window and in what is shared."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from playground.core.targets import LocalTarget, Target


@dataclass(frozen=True, slots=True)
class TargetName:
    """What a model is called beside others."""

    label: str
    place: str
    """Where it answers; empty where the label alone tells it from the others."""
    whole: str
    """Both, within a sentence."""

    @property
    def line(self) -> str:
        """Both, where there is one line for them."""
        return " · ".join(filter(None, (self.label, self.place)))


def target_names(targets: Sequence[Target]) -> dict[str, TargetName]:
    """Return target key → its name, with its place where names are alike or places differ."""
    alike = Counter(_letters(target.label) for target in targets)
    places = {target.key: _place(target) for target in targets}
    has_places = len(set(places.values())) > 1
    same = Counter((_letters(target.label), places[target.key]) for target in targets)
    found = {}
    for target in targets:
        letters, place, whole = _letters(target.label), places[target.key], target.label
        if has_places or alike[letters] > 1:
            whole = name_with_place(target)
            if same[letters, place] > 1 and target.detail and target.detail != place:
                # two files of one name
                place, whole = f"{place}, {target.detail}", f"{whole} ({target.detail})"
        else:
            place = ""
        found[target.key] = TargetName(target.label, place, whole)
    return found


def name_with_place(target: Target) -> str:
    """Return a target's name within a sentence, with the place it answers from."""
    name = shortened(target.label)
    if isinstance(target, LocalTarget):
        return f"{name} on {'another' if target.model.is_recorded else 'this'} computer"
    if target.provider.is_practice and not target.provider.is_recorded:
        return f"{name} in the practice cloud (on this computer)"
    return f"{name} at {target.provider.name}"


def shortened(name: str, limit: int = 30) -> str:
    """Return a name that fits into a sentence: the last part of a path, beginning and end."""
    is_path = name.startswith(("/", "~", "\\")) or name[1:3] in {":\\", ":/"}
    if len(name) <= limit and not is_path:
        return name
    last = re.split(r"[/\\]", name.rstrip("/\\"))[-1]
    if last and last != name:
        name, limit = f"…/{last}", limit + 2
    if len(name) <= limit:
        return name
    half = limit // 2
    return f"{name[:half].rstrip('-_ ')}…{name[-half + 1 :].lstrip('-_ ')}"


def _place(target: Target) -> str:
    if isinstance(target, LocalTarget):
        return "Another computer" if target.model.is_recorded else "On this computer"
    return "Practice cloud" if target.provider.is_practice else target.provider.name


def _letters(name: str) -> str:
    """Return what a reader remembers of a name: `smollm2-135m` and `SmolLM2 135M` are one."""
    return "".join(filter(str.isalnum, name)).casefold()
