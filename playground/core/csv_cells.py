"""Cells of CSV that no spreadsheet takes for formulas."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula at the beginning of a cell
(https://owasp.org/www-community/attacks/CSV_Injection)."""


def escaped_cell(text: str) -> str:
    """Return the cell so that no spreadsheet takes it for a formula."""
    return f"'{text}" if text.lstrip("'").startswith(_FORMULA) else text


def unescaped_cell(cell: str) -> str:
    """Return what `escaped_cell` made the cell of."""
    is_escaped = cell.startswith("'") and cell.lstrip("'").startswith(_FORMULA)
    return cell[1:] if is_escaped else cell
