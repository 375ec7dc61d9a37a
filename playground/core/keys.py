"""API keys as people paste them."""

import re
from dataclasses import dataclass, field

from playground.core.urls import without_wrapping

_HEADER = re.compile(
    r"(?:-H\s*)?[\"']?(?:authorization|(?:\w+[-_.])*api[-_ ]?key|(?:your |secret )?key"
    r"|(?:\w+[-_])*(?:token|secret))"
    r"[\"']?\s*:\s*(.+)",
    re.IGNORECASE,
)
_BEARER = re.compile(r"(bearer|token|basic)[\s:]+(.+)", re.IGNORECASE)
_COMMENT = re.compile(r"\s+#.*")


@dataclass(frozen=True, slots=True)
class KeyCheck:
    """A key without what was copied along with it."""

    value: str = field(repr=False)
    note: str = ""
    """What was left out, in a sentence; never part of the key."""
    problem: str = ""
    """Why it cannot be a key."""


def check_key(text: str) -> KeyCheck:
    """Return the key in a text: a header, a line of a shell or a .env file, a word in quotes."""
    value, said = without_wrapping(_COMMENT.sub("", text))
    notes = [said] if said else []
    if header := _HEADER.fullmatch(value):
        value = header[1]
        notes.append("The name in front was left out.")
    if bearer := _BEARER.fullmatch(value):
        value = bearer[2]
        notes.append(f"“{bearer[1].capitalize()}” in front was left out.")
    value, _ = without_wrapping(value)
    problem = ""
    if "://" in value:
        problem = "This is an address, not a key."
    elif re.search(r"\s", value):
        problem = "There is a space or a line break in the key."
    elif not (value.isascii() and value.isprintable()):
        problem = "The key contains characters that no key has."
    return KeyCheck(value, " ".join(notes), problem)
