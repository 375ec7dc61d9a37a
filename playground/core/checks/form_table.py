"""The little table a form can be built from, and the JSON schema it stands for."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from playground.core.errors import UsageError


class FieldKind(StrEnum):
    """What a field of the form holds."""

    TEXT = "text"
    NUMBER = "number"
    WHOLE = "whole"
    YES_NO = "yes_no"
    TEXTS = "texts"
    ONE_OF = "one_of"


_TYPES: dict[FieldKind, dict[str, Any]] = {
    FieldKind.TEXT: {"type": "string"},
    FieldKind.NUMBER: {"type": "number"},
    FieldKind.WHOLE: {"type": "integer"},
    FieldKind.YES_NO: {"type": "boolean"},
    FieldKind.TEXTS: {"type": "array", "items": {"type": "string"}},
}


@dataclass(frozen=True, slots=True)
class FormField:
    """One line of the table."""

    name: str
    kind: FieldKind = FieldKind.TEXT
    is_needed: bool = True
    choices: tuple[str, ...] = ()
    """What `ONE_OF` chooses from."""


def schema_of(rows: Sequence[FormField]) -> str:
    """Return the JSON schema of a table; raises `UsageError` with what is wrong with it."""
    if not rows:
        raise UsageError("The form has no line.")
    fields: dict[str, Any] = {}
    for row in rows:
        if not row.name.strip():
            raise UsageError("A line of the form has no name.")
        if row.name in fields:
            raise UsageError(f"“{row.name}” is there twice.")
        if row.kind is FieldKind.ONE_OF and not row.choices:
            raise UsageError(f"“{row.name}” has nothing to choose from.")
        is_choice = row.kind is FieldKind.ONE_OF
        fields[row.name] = {"enum": [*row.choices]} if is_choice else _TYPES[row.kind]
    return json.dumps(
        {
            "type": "object",
            "properties": fields,
            "required": [row.name for row in rows if row.is_needed],
            "additionalProperties": False,
        },
        ensure_ascii=False,
    )


def rows_of(schema: str) -> tuple[FormField, ...] | None:
    """Return the table that makes this schema; `None` where none does."""
    try:
        found = json.loads(schema)
        rows = tuple(
            _row(name, part, is_needed=name in found["required"])
            for name, part in found["properties"].items()
        )
        return rows if json.loads(schema_of(rows)) == found else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, UsageError):
        return None


def _row(name: str, part: dict[str, Any], *, is_needed: bool) -> FormField:
    if "enum" in part:
        choices = tuple(part["enum"])
        if not all(isinstance(choice, str) for choice in choices):
            raise ValueError(name)
        return FormField(name, FieldKind.ONE_OF, is_needed, choices)
    kind = next((kind for kind, made in _TYPES.items() if made == part), None)
    if kind is None:
        raise ValueError(name)
    return FormField(name, kind, is_needed)
