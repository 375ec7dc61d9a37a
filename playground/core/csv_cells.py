"""Cells of CSV that no spreadsheet takes for formulas."""

import re

_FORMULA = re.compile(r"['\"\s\u00ad\u061c\u200b-\u200f\u2060\ufeff]*[=+\-@＝＋－＠]|'*[\t\r\n]")
"""What a spreadsheet takes for a formula at the beginning of a cell, after what some of them drop
(https://owasp.org/www-community/attacks/CSV_Injection)."""


def escaped_cell(text: str) -> str:
    """Return the cell so that no spreadsheet takes it for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def unescaped_cell(cell: str) -> str:
    """Return what `escaped_cell` made the cell of."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
