"""Half characters: UTF-16 surrogates that stand alone in a text.

Escapes in JSON, arguments that are not UTF-8 (PEP 383) and chat templates bring them in. No
encoding takes them: one would take down whatever writes the text, be it a request, the terminal or
the history.
"""

import codecs
import unicodedata
from typing import Any

REPLACEMENT = "\ufffd"
"""What stands for a half whose other half is missing, and for bytes that are no character."""


class SurrogateJoiner:
    """Makes the pieces of one text whole: the first half of a character waits for the second."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-16-le")("replace").decode

    def feed(self, piece: str, *, is_last: bool = False) -> str:
        """Return what is complete now; a half that stays alone becomes U+FFFD."""
        return self._decode(piece.encode("utf-16-le", "surrogatepass"), is_last)


def whole_characters(text: str) -> str:
    """Return `text` with halves that belong together joined, and U+FFFD for each lone one."""
    return text if text.isascii() else SurrogateJoiner().feed(text, is_last=True)


def visible_line(text: str) -> str:
    """Return `text` in one line, without characters that steer the screen."""
    text = whole_characters(text)
    if not text.isprintable():
        text = "".join(
            " " if char.isspace() else char
            for char in text
            if char.isspace() or not unicodedata.category(char).startswith("C")
        )
    return " ".join(text.split())


def whole_values(value: Any) -> Any:
    """Return a JSON value with all its texts whole."""
    if isinstance(value, str):
        return whole_characters(value)
    if isinstance(value, list):
        return [whole_values(item) for item in value]
    if isinstance(value, dict):
        return {whole_characters(name): whole_values(item) for name, item in value.items()}
    return value
