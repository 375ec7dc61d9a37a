"""What is searched for in the history: texts of turns, answers and names, and the words asked."""

import sqlite3

from playground.core.fold import is_ideograph

MAX_TERMS = 16


def matching(query: str, *, has_fts: bool) -> tuple[str, list[str]]:
    """Return a condition on `comparisons.id` that holds where every word of `query` is found.

    A word is looked up as the beginning of a word, letters of any case. What is not made of plain
    letters and digits (`gpt-4o`, `C++`, Chinese, which has no gaps between words) is looked up
    anywhere in the text. Nothing in `query` has a meaning of its own.
    """
    conditions = []
    arguments = []
    for term in query.replace("\0", " ").split()[:MAX_TERMS]:
        if has_fts and term.isalnum() and not any(is_ideograph(letter) for letter in term):
            condition = "id IN (SELECT rowid FROM search_index WHERE search_index MATCH ?)"
            arguments.append(f'"{term}"*')
        else:
            condition = r"text LIKE ? ESCAPE '\'"
            arguments.append(f"%{_escaped(term)}%")
        conditions.append(
            # only the two conditions above are put in; the words are arguments
            f"c.id IN (SELECT comparison_id FROM search_texts WHERE {condition})"  # noqa: S608 - fixed text, values are bound
        )
    return " AND ".join(conditions) or "1", arguments


def put_text(connection: sqlite3.Connection, comparison_id: str, source: str, text: str) -> None:
    """Make `text` the one that is found for `source`; an empty one is found no more."""
    if not text:
        connection.execute("DELETE FROM search_texts WHERE source = ?", (source,))
        return
    connection.execute(
        "INSERT INTO search_texts (comparison_id, source, text) VALUES (?, ?, ?) "
        "ON CONFLICT (source) DO UPDATE SET text = excluded.text WHERE text != excluded.text",
        (comparison_id, source, text),
    )


def forget_for_good(connection: sqlite3.Connection, *, has_fts: bool) -> None:
    """Drop words of removed texts from the index's own pages as well."""
    if has_fts:
        connection.execute("INSERT INTO search_index (search_index) VALUES ('optimize')")


def _escaped(term: str) -> str:
    return term.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
