"""Texts of strangers in places where Qt would read them as HTML."""

from html import escape


def plain_tip(text: str) -> str:
    """Return `text` for a tooltip, which cannot be told to take it as it is."""
    return f"<span>{escape(text)}</span>" if "<" in text else text
