"""Two answers with what differs marked, word by word."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

MOST_WORDS = 2000
"""Words of each text that are compared; what follows is not marked."""
_TOKENS = re.compile(r"\w+(?:['’]\w+)*|\s+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a text, and whether only this text has it."""

    text: str
    differs: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """Both texts in pieces; joined, each is its text again."""

    one: tuple[Piece, ...]
    other: tuple[Piece, ...]
    shared: float
    """Words both have, of all, 0 … 1; 1 for equal texts."""
    is_whole: bool
    """False where a text is too long to be compared to its end."""


def difference(one: str, other: str) -> Difference:
    """Return what differs between two texts; spaces never do."""
    mine, rest = _tokens(one)
    theirs, other_rest = _tokens(other)
    words, other_words = (
        [t for t in mine if not t.isspace()],
        [t for t in theirs if not t.isspace()],
    )
    # spaces stay out of it: they would tie together what has nothing in common
    matcher = SequenceMatcher(None, words, other_words, autojunk=False)
    blocks = matcher.get_matching_blocks()
    shared = {n for block in blocks for n in range(block.a, block.a + block.size)}
    other_shared = {n for block in blocks for n in range(block.b, block.b + block.size)}
    return Difference(
        _pieces(mine, shared, rest),
        _pieces(theirs, other_shared, other_rest),
        matcher.ratio(),
        not (rest or other_rest),
    )


def _tokens(text: str) -> tuple[list[str], str]:
    found: list[str] = []
    words = 0
    for match in _TOKENS.finditer(text):
        words += not match[0].isspace()
        if words > MOST_WORDS:
            return found, text[match.start() :]
        found.append(match[0])
    return found, ""


def _pieces(tokens: list[str], shared: set[int], rest: str) -> tuple[Piece, ...]:
    found: list[Piece] = []
    number = -1
    for token in tokens:
        is_space = token.isspace()
        number += not is_space
        differs = bool(found) and found[-1].differs if is_space else number not in shared
        if found and found[-1].differs == differs:
            found[-1] = Piece(found[-1].text + token, differs)
        else:
            found.append(Piece(token, differs))
    if rest:
        found.append(Piece(rest, differs=False))
    return tuple(found)
