"""Prompt sets: named lists of cases, each a prompt with what is expected of its answer."""

import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from playground.core.chat import SamplingParams
from playground.core.expected import Check

READY = "ready:"
"""What the id of a set that comes with the program begins with; such a set is not changed."""
USUAL_SAMPLING = SamplingParams(temperature=0.0, max_tokens=256, seed=1)
"""What a set's prompts are asked with unless it says otherwise."""
_PLACE = re.compile(r"\{\{\s*([^{}\s][^{}]*?)\s*\}\}")

Variables = tuple[tuple[str, str], ...]
"""Name → what stands in for `{{name}}`."""


@dataclass(frozen=True, slots=True)
class Case:
    """A prompt with its checks."""

    id: str
    prompt: str
    checks: tuple[Check, ...] = ()
    tags: tuple[str, ...] = ()
    weight: float = 1.0
    """How much it counts in the weighted share; never in an interval."""
    system_prompt: str | None = None
    """Said before it instead of the set's."""
    variables: Variables = ()
    """In place of the set's of the same name."""


@dataclass(frozen=True, slots=True)
class Reached:
    """How a model did on a set when the set was written; counts are of cases."""

    model: str
    """Its name with its quantization."""
    right: int
    scored: int
    not_scored: int
    measured_on: str
    """The day, as ISO 8601 writes it."""


@dataclass(frozen=True, slots=True)
class PromptSet:
    """A named list of cases and how they are asked."""

    id: str
    name: str
    cases: tuple[Case, ...] = ()
    system_prompt: str = ""
    variables: Variables = ()
    sampling: SamplingParams = USUAL_SAMPLING
    description: str = ""
    created_at: datetime | None = None
    reached: Reached | None = None
    """What the starter model does with it; only ready sets tell."""

    @property
    def is_ready_made(self) -> bool:
        """True for one that comes with the program."""
        return self.id.startswith(READY)

    @property
    def tags(self) -> tuple[str, ...]:
        """All tags, in the order in which they first occur."""
        return tuple(dict.fromkeys(tag for case in self.cases for tag in case.tags))


def new_case(prompt: str, checks: tuple[Check, ...] = ()) -> Case:
    return Case(uuid.uuid4().hex, prompt, checks)


def with_known_ids(cases: Iterable[Case], before: Iterable[Case]) -> tuple[Case, ...]:
    """Return `cases`, each with the id of the one `before` that asks the same, if there is one.

    So a file that is read again is still the set whose evaluation was begun.
    """
    ids: dict[tuple[object, ...], list[str]] = {}
    for case in before:
        ids.setdefault(_asked(case), []).append(case.id)
    return tuple(
        replace(case, id=known.pop(0)) if (known := ids.get(_asked(case))) else case
        for case in cases
    )


def _asked(case: Case) -> tuple[object, ...]:
    return case.prompt, case.system_prompt, case.variables


def new_set(name: str, cases: tuple[Case, ...] = (), system_prompt: str = "") -> PromptSet:
    return PromptSet(
        uuid.uuid4().hex, name, cases, system_prompt=system_prompt, created_at=datetime.now(UTC)
    )


def filled(prompt_set: PromptSet, case: Case) -> Case:
    """Return the case as it is asked: `{{name}}` replaced, with the system prompt that it gets.

    A name without a value stays as it is written.
    """
    values = dict(prompt_set.variables) | dict(case.variables)
    system = prompt_set.system_prompt if case.system_prompt is None else case.system_prompt
    return replace(
        case,
        prompt=_with_values(case.prompt, values),
        system_prompt=_with_values(system, values),
        checks=tuple(
            replace(check, expected=_with_values(check.expected, values)) for check in case.checks
        ),
    )


def names_used(case: Case, system_prompt: str = "") -> tuple[str, ...]:
    """Return the names that stand as `{{name}}` in the case, of a set with `system_prompt`."""
    system = system_prompt if case.system_prompt is None else case.system_prompt
    texts = [case.prompt, system, *(check.expected for check in case.checks)]
    return tuple(dict.fromkeys(name for text in texts for name in _PLACE.findall(text)))


def _with_values(text: str, values: Mapping[str, str]) -> str:
    return _PLACE.sub(lambda found: values.get(found[1], found[0]), text)
