"""The opened set while it is changed: each change can be undone, and is told at once."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack
from typing_extensions import override

from playground.core.prompt_sets import Case, PromptSet

_ONE_CHANGE_S = 1.0
"""Typing without a longer pause is one change."""
_MOST_CHANGES = 500


class _Change(QUndoCommand):
    """A set before and after; sets share the cases that are the same."""

    def __init__(
        self,
        show: Callable[[PromptSet], None],
        before: PromptSet,
        after: PromptSet,
        field: str,
    ) -> None:
        super().__init__()
        self._show = show
        self._before = before
        self.after = after
        self.field = field
        self.changed_s = time.monotonic()

    @override
    def undo(self) -> None:
        self._show(self._before)

    @override
    def redo(self) -> None:
        self._show(self.after)

    @override
    def id(self) -> int:
        return 1 if self.field else -1

    @override
    def mergeWith(self, other: QUndoCommand) -> bool:
        # letters typed one after the other into the same field are one change
        if not isinstance(other, _Change) or other.field != self.field:
            return False
        if other.changed_s - self.changed_s > _ONE_CHANGE_S:
            return False
        self.after, self.changed_s = other.after, other.changed_s
        return True


class SetDraft(QObject):
    """Holds the opened set; a set that comes with the program is not changed."""

    changed = Signal(object)
    """The set as it is now."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._stack = QUndoStack(self)
        self._stack.setUndoLimit(_MOST_CHANGES)
        self.prompt_set: PromptSet | None = None

    @property
    def can_change(self) -> bool:
        return self.prompt_set is not None and not self.prompt_set.is_ready_made

    def open(self, prompt_set: PromptSet | None) -> None:
        """Take another set, without telling; what was done to the one before is not undone here."""
        self._stack.clear()
        self.prompt_set = prompt_set

    def change(self, after: PromptSet, field: str = "") -> None:
        """Put the set as it is after a change; `field` names where letters are typed."""
        before = self.prompt_set
        if before is None or not self.can_change or after == before:
            return
        self._stack.push(_Change(self._show, before, after, field))

    def change_case(self, case: Case, field: str = "") -> None:
        """Put a case in place of the one with its id."""
        if self.prompt_set is not None:
            cases = tuple(case if c.id == case.id else c for c in self.prompt_set.cases)
            self.change(
                replace(self.prompt_set, cases=cases), f"{case.id} {field}" if field else ""
            )

    def change_cases(self, cases: Sequence[Case]) -> None:
        if self.prompt_set is not None:
            self.change(replace(self.prompt_set, cases=tuple(cases)))

    def undo(self) -> bool:
        """Take the last change back; return False where there is none."""
        can_undo = self._stack.canUndo()
        self._stack.undo()
        return can_undo

    def redo(self) -> None:
        self._stack.redo()

    def _show(self, prompt_set: PromptSet) -> None:
        self.prompt_set = prompt_set
        self.changed.emit(prompt_set)
