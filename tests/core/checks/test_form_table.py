"""The little table a form is built from."""

import json

import pytest

from playground.core.checks.form_table import FieldKind, FormField, rows_of, schema_of
from playground.core.checks.schema import first_fault, read_schema
from playground.core.errors import UsageError

ROWS = (
    FormField("name"),
    FormField("age", FieldKind.WHOLE),
    FormField("mood", FieldKind.ONE_OF, False, ("good", "bad")),
    FormField("tags", FieldKind.TEXTS, False),
    FormField("weight", FieldKind.NUMBER, False),
    FormField("tame", FieldKind.YES_NO, False),
)


def test_a_table_comes_back_from_its_schema() -> None:
    assert rows_of(schema_of(ROWS)) == ROWS


def test_its_schema_takes_what_fits_and_nothing_else() -> None:
    schema = read_schema(schema_of(ROWS))
    assert first_fault({"name": "Rex", "age": 3, "mood": "good"}, schema) is None
    for wrong in ({"name": "Rex"}, {"name": "Rex", "age": 1.5}, {"name": "R", "age": 1, "x": 1}):
        assert first_fault(wrong, schema) is not None


@pytest.mark.parametrize(
    "rows",
    [(), (FormField(" "),), (FormField("a"), FormField("a")), (FormField("a", FieldKind.ONE_OF),)],
)
def test_a_table_that_makes_no_form_is_refused(rows: tuple[FormField, ...]) -> None:
    with pytest.raises(UsageError):
        schema_of(rows)


@pytest.mark.parametrize(
    "schema",
    [
        "",
        "[]",
        "{}",
        '{"properties": [1], "required": []}',
        '{"properties": {"a": {"enum": [[1]]}}, "required": []}',
        json.dumps({**json.loads(schema_of(ROWS)), "title": "Dog"}),
    ],
)
def test_another_schema_has_no_table(schema: str) -> None:
    assert rows_of(schema) is None
