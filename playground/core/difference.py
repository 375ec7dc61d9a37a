"""Two answers with what differs marked, word by word."""

import re
from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher

MOST_WORDS = 3000
"""Words of each text that are compared; what follows is not marked."""
_MOST_PAIRS = 300_000
"""Pairs of equal words that are looked at: of texts that repeat themselves less is compared."""
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
    mine, rest = _tokens(one, MOST_WORDS)
    theirs, other_rest = _tokens(other, MOST_WORDS)
    words, other_words = _words(mine), _words(theirs)
    most = MOST_WORDS
    while _pairs(words[:most], other_words[:most]) > _MOST_PAIRS:
        most //= 2
    if most < MOST_WORDS:
        mine, rest = _tokens(one, most)
        theirs, other_rest = _tokens(other, most)
        words, other_words = _words(mine), _words(theirs)
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


def _words(tokens: list[str]) -> list[str]:
    return [token for token in tokens if not token.isspace()]


def _pairs(one: list[str], other: list[str]) -> int:
    counts = Counter(other)
    return sum(count * counts[word] for word, count in Counter(one).items())


def _tokens(text: str, most: int) -> tuple[list[str], str]:
    found: list[str] = []
    words = 0
    for match in _TOKENS.finditer(text):
        words += not match[0].isspace()
        if words > most:
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
