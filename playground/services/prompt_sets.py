"""The prompt sets there are: those that come with the program, and the person's own."""

import tomllib
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Any

from playground.core.chat import SamplingParams
from playground.core.checks.reading import read_check
from playground.core.codec import decode
from playground.core.errors import UsageError
from playground.core.prompt_sets import READY, USUAL_SAMPLING, Case, PromptSet, Reached
from playground.resources import resource
from playground.store.evaluations import EvaluationStore

FOLDER = "prompt_sets"
MAX_NAME = 200
"""Characters of a set's name."""
_NOT_IN_A_LINE = frozenset({"Cc", "Zl", "Zp"})


class PromptSets:
    """Finds, saves and deletes prompt sets; raises `StorageFailed` where the disk does."""

    def __init__(self, store: EvaluationStore) -> None:
        self._store = store

    async def all(self) -> list[PromptSet]:
        """Return the person's own by name, then the ready ones."""
        return [*await self._store.sets(), *ready_sets()]

    async def find(self, name: str) -> PromptSet:
        """Return the set of that name or id, in any case of letters; raises `UsageError`."""
        found = await self.all()
        wanted = name.strip().casefold()
        for chosen in found:
            if wanted in (chosen.name.casefold(), chosen.id.casefold()):
                return chosen
        raise UsageError(
            f"There is no set called “{name}”.",
            f"There are: {', '.join(chosen.name for chosen in found) or 'none'}.",
        )

    async def save(self, prompt_set: PromptSet) -> None:
        """Keep the set; raises `UsageError` for a name that is taken, and for a ready set."""
        if not prompt_set.name.strip():
            raise UsageError("The set has no name.")
        if len(prompt_set.name) > MAX_NAME:
            raise UsageError(f"The name is longer than {MAX_NAME} characters.")
        if any(unicodedata.category(sign) in _NOT_IN_A_LINE for sign in prompt_set.name):
            raise UsageError("The name is not one line of text.")
        if prompt_set.is_ready_made:
            raise UsageError("A set that comes with the program is not changed: copy it first.")
        if any(prompt_set.name.casefold() == ready.name.casefold() for ready in ready_sets()):
            raise UsageError(f"“{prompt_set.name}” is the name of a set of the program.")
        await self._store.save_set(prompt_set)

    async def delete(self, set_id: str) -> None:
        """Forget the set; its evaluations stay. Saving it again brings it back."""
        await self._store.delete_set(set_id)


@cache
def ready_sets() -> Sequence[PromptSet]:
    """Return the sets that come with the program, in the order of their files' names."""
    folder = resource(FOLDER)
    if not folder.is_dir():
        return ()
    return tuple(
        _ready(file.stem, tomllib.loads(file.read_text("utf-8")))
        for file in sorted(folder.glob("*.toml"))
    )


def _ready(stem: str, data: dict[str, Any]) -> PromptSet:
    name = stem.partition("-")[2] or stem
    cases = tuple(
        Case(
            id=f"{name}-{number}",
            prompt=row["prompt"],
            checks=tuple(read_check(kind, expected) for kind, expected in row["checks"]),
            tags=tuple(row.get("tags", ())),
        )
        for number, row in enumerate(data["cases"], 1)
    )
    return PromptSet(
        id=f"{READY}{name}",
        name=data["name"],
        cases=cases,
        system_prompt=data.get("system_prompt", ""),
        sampling=USUAL_SAMPLING.overridden_by(decode(SamplingParams, data.get("sampling", {}))),
        description=data["description"],
        reached=decode(Reached, data["reached"]),
    )
