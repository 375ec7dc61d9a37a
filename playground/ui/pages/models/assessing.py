"""Works out what models need, a few at a time, and remembers it."""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Sequence

from playground.core.requirements.model import Requirements
from playground.core.targets import LoadSettings, ModelFile
from playground.services.requirements import RequirementsService
from playground.ui.bridge import Bridge
from playground.ui.pages.models import reckoning

Wanted = tuple[ModelFile, LoadSettings]
_AT_ONCE = 100


class Assessments:
    """Requirements by model file; `changed` gets the keys of those that have become known."""

    def __init__(
        self,
        bridge: Bridge,
        requirements: RequirementsService,
        changed: Callable[[Collection[str]], None],
    ) -> None:
        self._bridge = bridge
        self._requirements = requirements
        self._changed = changed
        self._known: dict[str, tuple[Wanted, Requirements | None]] = {}
        self._stale: set[str] = set()
        self._ages = 0
        self._wanted: deque[Wanted] = deque()
        self._task: asyncio.Task[None] | None = None

    def of(self, model: ModelFile) -> Requirements | None:
        """Return what a model needs as far as that is known; stale figures stay until better."""
        known = self._known.get(str(model.path))
        return known[1] if known is not None and _is_same(known[0][0], model) else None

    def ask(self, wanted: Sequence[Wanted]) -> None:
        """Work out what is not known of `wanted`, in its order."""
        self._wanted = deque(wanted)
        if self._task is None or self._task.done():
            self._task = self._bridge.spawn(self._work())

    def age(self) -> None:
        """Work everything out again when it is asked for next: memory has changed."""
        self._stale = set(self._known)
        self._ages += 1

    def close(self) -> None:
        """Work nothing out any more."""
        if self._task is not None:
            self._task.cancel()

    async def _work(self) -> None:
        while todo := self._next():
            age = self._ages
            found = await self._bridge.submit(reckoning.assess_some(self._requirements, todo))
            for wanted in todo:
                key = str(wanted[0].path)
                if key in found:
                    self._known[key] = (wanted, found[key])
                    if age == self._ages:
                        self._stale.discard(key)
                    else:
                        # worked out, at least in part, with the memory there was before
                        self._stale.add(key)
            self._changed(found.keys())

    def _next(self) -> tuple[Wanted, ...]:
        """Return the next ones that are not known, more than a moment allows."""
        todo: list[Wanted] = []
        while self._wanted and len(todo) < _AT_ONCE:
            wanted = self._wanted.popleft()
            if self._is_unknown(wanted):
                todo.append(wanted)
        # what the moment was too short for comes first the next time
        self._wanted.extendleft(reversed(todo))
        return tuple(todo)

    def _is_unknown(self, wanted: Wanted) -> bool:
        key = str(wanted[0].path)
        known = self._known.get(key)
        if known is None or key in self._stale:
            return True
        return not _is_same(known[0][0], wanted[0]) or known[0][1] != wanted[1]


def _is_same(first: ModelFile, second: ModelFile) -> bool:
    # of a thousand files nearly all are the very same value
    return first is second or first == second
