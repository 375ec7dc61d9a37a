"""A document as Markdown, as tables (CSV) and as data (JSON)."""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC
from typing import Any

from playground.core.csv_cells import escaped_cell
from playground.core.share.document import (
    MARKS,
    Block,
    Cell,
    Chart,
    Document,
    LeftOut,
    Quote,
    Row,
    Sentences,
    Table,
    marked,
)

FORMAT = "inference-playground/document"
"""What the data says it is."""
VERSION = 1
_MARKUP = re.compile(r"([\\`*_\[\]<>#|~&!{}$])")
_LINKS = re.compile(r"://|@|www\.", re.IGNORECASE)
"""What GitHub's Markdown makes a link of by itself."""
_LIST = re.compile(r"^(\d{1,9}(?=[.)](?:\s|$))|(?=[-+=]))(.)")
"""What makes a list of a line, or a heading of the one before."""


def markdown(document: Document) -> str:
    """Return the document as Markdown in which no text of a stranger has a meaning of its own."""
    lines = [f"# {_inline(document.title)}", ""]
    moment = document.recorded or document.when
    if moment:
        lines += [f"**{_inline(moment)}**" if document.recorded else _inline(moment), ""]
    lines += [f"- {_inline(name)}: {_inline(words)}" for name, words in document.facts]
    for section in document.sections:
        lines.append("")
        if section.heading:
            lines += [f"## {_inline(section.heading)}", ""]
        for block in section.blocks:
            lines += [*_markdown_block(block), ""]
    # a quote is one of them: its own empty lines stay
    parted = [line for line, before in zip(lines, ["", *lines], strict=False) if line or before]
    return "\n".join(parted).rstrip() + "\n"


def _markdown_block(block: Block) -> list[str]:
    match block:
        case Sentences(texts=texts):
            return [line for text in texts for line in (_inline(text), "")]
        case LeftOut(sentence=sentence):
            return [f"*{_inline(sentence)}.*"]
        case Table():
            return _markdown_table(block)
        case Quote():
            place = f" ({block.place.value})" if block.place is not None else ""
            fence = _fence(block.text)
            text = [fence + "text", block.text, fence] if block.text else []
            notes = [f"- {_inline(note)}" for note in block.notes]
            return [f"**{_inline(block.label)}**{place}", "", *text, "", *notes]
        case Chart():
            return []  # its figures are those of the table


def _markdown_table(table: Table) -> list[str]:
    table = table.as_shown()
    head = [table.head, *(column.title for column in table.columns)]
    ruler = ["---", *("---" if column.is_text else "---:" for column in table.columns)]
    lines = [f"**{_inline(table.caption)}**", "", _line(map(_inline, head)), _line(ruler)]
    for row in table.rows:
        name = _inline(row.name) + (f" ({row.place.value})" if row.place is not None else "")
        lines.append(_line([name, *map(_markdown_cell, row.cells)]))
    used = {cell.provenance for row in table.rows for cell in row.cells}
    legend = [f"{sign} {word}" for mark, (sign, word) in MARKS.items() if mark in used]
    return [*lines, "", *([" · ".join(legend)] if legend else [])]


def _markdown_cell(cell: Cell) -> str:
    text = _inline(marked(cell))
    if cell.is_best:
        text = f"**{text}**"
    return text if cell.provenance is None else f"{text} {MARKS[cell.provenance][0]}"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _inline(text: str) -> str:
    """Return `text` in one line in which nothing is markup; as code where it would be a link."""
    line = " ".join(text.split())
    if _LINKS.search(line):
        ticks = "`" * (_longest_run(line, "`") + 1)
        inner = line.replace("|", "¦")
        return f"{ticks} {inner} {ticks}"
    return _LIST.sub(r"\1\\\2", _MARKUP.sub(r"\\\1", line))


def _fence(text: str) -> str:
    return "`" * max(3, _longest_run(text, "`") + 1)


def _longest_run(text: str, sign: str) -> int:
    return max((len(run) for run in re.findall(re.escape(sign) + "+", text)), default=0)


def comma_separated(document: Document) -> str:
    """Return the document's tables, then its texts and what it says of itself, as CSV.

    Tables with the same columns follow each other under one head; an empty line parts the others.
    Exact values stand beside their mark; no cell is taken for a formula.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    head: list[str] = []
    for section, block in _blocks(document):
        if not isinstance(block, Table):
            continue
        columns = ["part", block.head.casefold(), "place"]
        for column in block.columns:
            name = column.title if column.is_text else column.key
            columns += [name] if column.is_text else [name, f"{column.key} is"]
        if columns != head:
            if head:
                writer.writerow([])
            _write(writer, columns)
            head = columns
        for row in block.rows:
            _write(writer, [section, *_csv_row(block, row)])
    if head:
        writer.writerow([])
    _write(writer, ["part", "what", "who", "text"])
    for section, block in _blocks(document):
        for what, who, text in _csv_texts(block):
            _write(writer, [section, what, who, text])
    writer.writerow([])
    _write(writer, ["about", "value"])
    about = [("title", document.title), ("when", document.when), ("recorded", document.recorded)]
    for name, value in (*about, *document.facts):
        if value:
            _write(writer, [name, value])
    return out.getvalue()


def _csv_row(table: Table, row: Row) -> list[str | float]:
    cells: list[str | float] = [row.name, "" if row.place is None else row.place.value]
    for column, cell in zip(table.columns, row.cells, strict=True):
        value = cell.value
        cells.append(cell.text if column.is_text else "" if value is None else value)
        if not column.is_text:
            unmarked = "unknown" if value is None else ""
            cells.append(unmarked if cell.provenance is None else cell.provenance.value)
    return cells


def _csv_texts(block: Block) -> Iterator[tuple[str, str, str]]:
    match block:
        case Quote():
            yield block.kind.value, block.label, block.text
            for note in block.notes:
                yield "note", block.label, note
        case Sentences(texts=texts):
            for text in texts:
                yield "sentence", "", text
        case LeftOut(part=part, sentence=sentence):
            yield part.value, "", sentence
        case _:
            return


def _write(writer: Any, cells: Iterable[str | float]) -> None:
    """Write a row; of a number the sign is no formula."""
    writer.writerow([escaped_cell(cell) if isinstance(cell, str) else cell for cell in cells])


def _blocks(document: Document) -> Iterator[tuple[str, Block]]:
    for section in document.sections:
        for block in section.blocks:
            yield section.heading, block


def data(document: Document) -> str:
    """Return the document as JSON with stable keys; each figure exact, with its mark."""
    moment = document.created_at
    whole = {
        "format": FORMAT,
        "version": VERSION,
        "kind": document.kind,
        "title": document.title,
        "created_at": None if moment is None else moment.astimezone(UTC).isoformat(),
        "recorded": document.recorded or None,
        "facts": dict(document.facts),
        "sections": [
            {
                "heading": section.heading or None,
                "blocks": [_block_data(block) for block in section.blocks],
            }
            for section in document.sections
        ],
    }
    return json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _block_data(block: Block) -> dict[str, Any]:
    match block:
        case Sentences(texts=texts):
            return {"type": "sentences", "texts": list(texts)}
        case LeftOut(part=part, sentence=sentence):
            return {"type": "left_out", "part": part.value, "sentence": sentence}
        case Quote():
            return {
                "type": block.kind.value,
                "label": block.label,
                "place": None if block.place is None else block.place.value,
                "text": block.text,
                "notes": list(block.notes),
            }
        case Chart():
            return {
                "type": "chart",
                "key": block.key,
                "caption": block.caption,
                "axis": block.axis,
                "unit": block.unit,
                "points": [
                    {
                        "label": point.label,
                        "value": point.value,
                        "low": point.low,
                        "high": point.high,
                        "height": point.height,
                    }
                    for point in block.points
                ],
            }
        case Table():
            return _table_data(block)


def _table_data(table: Table) -> dict[str, Any]:
    return {
        "type": "table",
        "key": table.key,
        "caption": table.caption,
        "columns": [
            {"key": column.key, "title": column.title, "unit": column.unit or None}
            for column in table.columns
        ],
        "rows": [
            {
                "name": row.name,
                "place": None if row.place is None else row.place.value,
                "figures": {
                    column.key: {
                        "value": cell.value,
                        "provenance": None if cell.provenance is None else cell.provenance.value,
                        "text": marked(cell),
                    }
                    for column, cell in zip(table.columns, row.cells, strict=True)
                },
            }
            for row in table.rows
        ],
    }
