"""Prompt sets as files: CSV with a header, JSONL with the same keys, and plain text."""

import csv
import io
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

from playground.core.characters import whole_characters
from playground.core.checks.reading import LISTS, read_check, require_readable
from playground.core.csv_cells import escaped_cell, unescaped_cell
from playground.core.errors import PlaygroundError, UsageError
from playground.core.expected import Check, CheckKind
from playground.core.prompt_sets import Case, PromptSet, filled, names_used, new_case

MAX_BYTES = 32 * 2**20
MAX_CASES = 10_000
_MOST_FAULTS = 10
"""Lines with mistakes that are told."""
_CHECK_COLUMN = re.compile(r"(check|expected)(\d*)")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_COLUMNS = ("prompt", "check", "expected", "tags", "weight", "system")
_ALSO_CALLED = {
    **dict.fromkeys(("question", "message", "input"), "prompt"),
    **dict.fromkeys(("answer", "output", "target"), "expected"),
}
"""What columns are called where none is called prompt."""


class FileFormat(StrEnum):
    """How a prompt set is written."""

    CSV = "csv"
    JSONL = "jsonl"
    TEXT = "text"


def format_of(name: str) -> FileFormat:
    """Return the format that a file's name tells; plain text where it tells none."""
    ending = name.rpartition(".")[2].casefold()
    if ending in {"csv", "tsv"}:
        return FileFormat.CSV
    return FileFormat.JSONL if ending in {"jsonl", "ndjson", "json"} else FileFormat.TEXT


def read_cases(content: bytes, file_format: FileFormat) -> tuple[Case, ...]:
    """Return the cases of a file.

    Raises `UsageError`, with the line where there is one, for what cannot be read.
    """
    if len(content) > MAX_BYTES:
        raise UsageError(f"The file is larger than {MAX_BYTES // 2**20} MB.")
    text = _decoded(content)
    rows = {
        FileFormat.CSV: _csv_rows,
        FileFormat.JSONL: _jsonl_rows,
        FileFormat.TEXT: _text_rows,
    }[file_format](text)
    cases: list[Case] = []
    faults: list[PlaygroundError] = []
    for line, row in rows:
        if isinstance(row, PlaygroundError):
            faults.append(row)
            continue
        try:
            cases.append(_case(row))
        except PlaygroundError as error:
            faults.append(UsageError(f"Line {line}: {error.message}", error.hint))
        if len(cases) + len(faults) > MAX_CASES:
            raise UsageError(f"The file has more than {MAX_CASES:,} prompts.")
    if faults:
        raise _all_of(faults)
    if not cases:
        raise UsageError("The file has no prompts.")
    return tuple(cases)


def _all_of(faults: Sequence[PlaygroundError]) -> UsageError:
    """Return one error that names every line, so that a file is mended in one go."""
    lines = [fault.message for fault in faults[:_MOST_FAULTS]]
    if rest := len(faults) - len(lines):
        lines.append(f"And {rest:,} more.")
    return UsageError("\n".join(lines), faults[0].hint if len(faults) == 1 else None)


def write_cases(prompt_set: PromptSet, file_format: FileFormat) -> str:
    """Return the set's cases as `read_cases` takes them, with the set's system prompt in each."""
    if file_format is FileFormat.TEXT:
        return "".join(" ".join(case.prompt.split()) + "\n" for case in prompt_set.cases)
    rows = [_row(prompt_set, case) for case in prompt_set.cases]
    if file_format is FileFormat.JSONL:
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    columns = list(dict.fromkeys(name for row in rows for name in row)) or ["prompt"]
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(
        {name: escaped_cell(_cell(value)) for name, value in row.items()} for row in rows
    )
    return out.getvalue()


def _decoded(content: bytes) -> str:
    for encoding in (json.detect_encoding(content), "utf-8-sig", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not _CONTROLS.search(text):
            return whole_characters(text.removeprefix("\ufeff"))
    raise UsageError("The file is no text.", "Save it as UTF-8 and try again.")


Rows = Iterator[tuple[int, Mapping[str, Any] | PlaygroundError]]
"""Each with its line; what cannot be read is its error."""


def _text_rows(text: str) -> Rows:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield number, {"prompt": line.strip()}


def _jsonl_rows(text: str) -> Rows:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield number, UsageError(f"Line {number} is not JSON: {error}.")
            continue
        if isinstance(row, str):
            row = {"prompt": row}
        if not isinstance(row, dict):
            row = UsageError(f"Line {number} is not a JSON object.")
        yield number, row


def _csv_rows(text: str) -> Rows:
    head = text.lstrip().split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    csv.field_size_limit(MAX_BYTES)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        columns = _columns(next(filter(any, reader), []))
        if "prompt" not in columns:
            raise UsageError(
                "The first line names no column “prompt” or “question”.",
                f"Columns are: {', '.join(_COLUMNS)}, and check2, expected2 and so on.",
            )
        names = [_check_column(name) or name for name in columns if name]
        if len(set(names)) < len(names):
            raise UsageError("The first line names a column twice.")
        line = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                row: Mapping[str, Any] | PlaygroundError
                row = {n: unescaped_cell(c) for n, c in zip(columns, cells, strict=False)}
                # a first column without a name counts the lines
                unnamed = [n for n, _ in enumerate(cells) if n and not "".join(columns[n : n + 1])]
                if any(cells[n].strip() for n in unnamed):
                    row = UsageError(
                        f"Line {line} has {len(cells)} cells, the first line "
                        f"{sum(map(bool, columns))}.",
                        "A cell that holds the separator stands in quotes.",
                    )
                yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        yield line, UsageError(f"Line {line} cannot be read as CSV: {error}.")


def _case(row: Mapping[str, Any]) -> Case:
    row = dict(zip(_columns(row), row.values(), strict=True))
    prompt = _text(row.pop("prompt", None)).strip()
    if not prompt:
        raise UsageError("There is no prompt.")
    checks = _checks(row)
    variables = tuple(
        (name, _text(value))
        for name, value in row.items()
        if name and name not in _COLUMNS and not _CHECK_COLUMN.fullmatch(name)
    )
    system = _text(row.get("system")).strip() or None
    case = replace(new_case(prompt, checks), system_prompt=system)
    used = names_used(case)
    for name, _value in variables:
        is_used = name in (each.casefold() for each in used)
        if not is_used and get_close_matches(name, _COLUMNS, cutoff=0.75):
            raise UsageError(
                f"“{name}” is no column, and {{{{{name}}}}} stands nowhere in its prompt.",
                f"Columns are: {', '.join(_COLUMNS)}, and check2, expected2 and so on.",
            )
    case = replace(
        case,
        tags=_tags(row.get("tags")),
        weight=_weight(row.get("weight")),
        variables=tuple(
            (each, value) for name, value in variables for each in used if each.casefold() == name
        ),
    )
    for check in filled(PromptSet("", ""), case).checks:
        require_readable(check)
    return case


def _columns(names: Iterable[object]) -> list[str]:
    """Return names of columns as they are known here."""
    known = [str(name).strip().casefold() for name in names]
    return known if "prompt" in known else [_ALSO_CALLED.get(name, name) for name in known]


def _check_column(name: str) -> tuple[str, int] | None:
    """Return what a column of checks holds and of which: `check` is `check1`."""
    found = _CHECK_COLUMN.fullmatch(name)
    return None if found is None else (found[1], int(found[2] or 1))


def _checks(row: Mapping[str, Any]) -> tuple[Check, ...]:
    cells: dict[tuple[str, int], Any] = {}
    for name, value in row.items():
        if (column := _check_column(name)) is not None:
            if column in cells:
                raise UsageError(f"“{name}” is there twice.")
            cells[column] = value
    checks = []
    for number in sorted({number for _, number in cells}):
        kind = _text(cells.get(("check", number))).strip()
        expected = cells.get(("expected", number))
        written = json.dumps(expected) if isinstance(expected, dict) else _text(expected)
        if not kind and not written.strip():
            continue
        check = read_check(kind or CheckKind.CONTAINS, written)
        if isinstance(expected, list) and len(expected) > 1 and check.kind not in LISTS:
            lists = " and ".join(sorted(LISTS))
            raise UsageError(f"“{check.kind}” expects one text, not a list.", f"Use {lists}.")
        checks.append(check)
    return tuple(checks)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return whole_characters(str(value))
    if isinstance(value, list):
        # the space keeps a backslash at the end from escaping the sign behind it
        return "|".join(re.sub(r"\\$", r"\\ ", _text(i).replace("|", r"\|")) for i in value)
    raise UsageError("An object stands where a text is expected.")


def _tags(value: Any) -> tuple[str, ...]:
    parts = (part.strip() for part in re.split(r"[|,;]", _text(value)))
    return tuple(dict.fromkeys(part for part in parts if part))


def _weight(value: Any) -> float:
    written = _text(value).strip()
    if not written:
        return 1.0
    try:
        weight = float(written.replace(",", "."))
    except ValueError:
        weight = math.nan
    if not math.isfinite(weight) or weight <= 0:
        raise UsageError(f"“{written}” is no weight: a number above 0 is.")
    return weight


def _row(prompt_set: PromptSet, case: Case) -> dict[str, Any]:
    system = prompt_set.system_prompt if case.system_prompt is None else case.system_prompt
    row: dict[str, Any] = {"prompt": case.prompt}
    for number, check in enumerate(case.checks, 1):
        ending = "" if number == 1 else str(number)
        row |= {f"check{ending}": check.written_kind, f"expected{ending}": check.expected}
    if case.tags:
        row["tags"] = list(case.tags)
    if case.weight != 1:
        row["weight"] = case.weight
    if system:
        row["system"] = system
    values = dict(prompt_set.variables) | dict(case.variables)
    used = names_used(case, prompt_set.system_prompt)
    return row | {name: values[name] for name in used if name in values and name not in row}


def _cell(value: object) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "|".join(map(str, value))
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)
