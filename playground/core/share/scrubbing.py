"""Takes out of a text what must not leave with it: keys, folders, a person's and a computer's name.

All of them are handed in as values: nothing here looks at this computer.
"""

import json
import re
import unicodedata
from collections import deque
from collections.abc import Iterable, Sequence
from urllib.parse import quote, quote_plus

from playground.core.characters import whole_characters

KEY, FOLDER, USER, COMPUTER = "[key]", "[folder]", "[user]", "[computer]"
_ORDINARY = frozenset(
    {
        *("admin", "administrator", "debian", "default", "fedora", "guest", "home", "localhost"),
        *("localhost.localdomain", "me", "owner", "pi", "public", "root", "system", "test"),
        *("ubuntu", "user"),
    }
)
"""Names of accounts and computers that tell of nobody, and are words of answers."""
_SHORTEST_NAME = 3
_ADDRESSES = (
    (r"(?<=://)[^\s/@<>\"']{1,400}(?=@)", KEY),
    (
        r"(?:(?<=[?&#])|(?<=&amp;))(?i:[a-z_-]{0,20}(?:key|token|secret|password|sig|auth))=[^\s&#\"'<>)]+",
        KEY,
    ),
    (r"(?i:\bbearer\s+)[A-Za-z0-9._~+/-]{16,}=*", f"Bearer {KEY}"),
    (r"\b(?:(?:sk|pk|csk|xai|nvapi|pplx|xox[a-z])-|github_pat_|AIza)[A-Za-z0-9_-]{16,}", KEY),
    # names in programs begin so too, and have more underscores
    (r"\b(?:hf|gsk|ghp|gho|r8|[spr]k_(?:live|test))_[A-Za-z0-9]{16,}", KEY),
    (r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]+)?", KEY),
)
"""What holds a key by its form: names before a host, parameters, well-known beginnings."""
_START = r"(?:\[folder\]|~|[A-Za-z]:)?[/\\]"
_PATH = re.compile(
    rf"(?<=[“\"'‘]){_START}[^“”\"'‘’\n]+(?=[”\"'’])"
    rf"|(?<![\w/\\.~])(?!(?<=:)//)(?:file://)?{_START}+[^\s/\\:\"'“”‘’<>|()]+"
    r"(?:[/\\]+[^\s/\\:\"'“”‘’<>|()]+)+[/\\]?"
)
"""A folder with what is in it, in a sentence of this program or of a server; spaces in quotes."""
_SLASH = r"(?:[/\\]|%2F|%5C)"
"""What parts the folders of a path, in an address too; in JSON within JSON there are several."""
_LETTER_BEFORE = r"(?:(?<![^\W_])|(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrt]))"
"""Where a word may begin: after an escaped sign too."""
_OVERRIDES = {
    **{code: f"⟨U+{code:04X}⟩" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))},
    0x2028: "\n",
    0x2029: "\n",
}
"""Signs that turn the order of what follows around (Unicode UAX 9); shown instead of obeyed."""
_MOST_MARKS = 8
"""Marks on one letter, more than any script has: a flood of them covers the lines around it."""


def harmless(text: str) -> str:
    """Return `text` without characters that steer, that no file format takes or that hide others.

    Line feeds and tabs stay; half characters become U+FFFD.
    """
    text = whole_characters(text).replace("\r\n", "\n").replace("\r", "\n").translate(_OVERRIDES)
    if text.isascii() and text.isprintable():
        return text
    kept = []
    marks = 0
    for char in text:
        category = unicodedata.category(char)
        if category in {"Mn", "Me"}:
            marks += 1
        elif category != "Cf":
            marks = 0
        if char in "\n\t" or not (
            category == "Cc"
            or marks > _MOST_MARKS
            or ord(char) & 0xFFFE == 0xFFFE
            or 0xFDD0 <= ord(char) <= 0xFDEF
        ):
            kept.append(char)
    return "".join(kept)


class Scrubber:
    """Knows what must not leave, and takes it out of texts."""

    def __init__(
        self,
        secrets: Iterable[str] = (),
        *,
        folders: Iterable[str] = (),
        users: Iterable[str] = (),
        hosts: Iterable[str] = (),
    ) -> None:
        """`secrets` are keys in all their forms, `folders` the home and those of models."""
        found: dict[str, str] = {}
        for secret in sorted({s for s in secrets if s}, key=len, reverse=True):
            found[re.escape(secret)] = KEY
        for folder in sorted({_bare(f) for f in folders}, key=len, reverse=True):
            if len(folder) > 2:
                found[_path_pattern(folder)] = FOLDER
        for names, word in ((hosts, COMPUTER), (users, USER)):
            for name in sorted({n.strip() for n in names}, key=len, reverse=True):
                if len(name) >= _SHORTEST_NAME and name.casefold() not in _ORDINARY:
                    found[rf"{_LETTER_BEFORE}(?i:{re.escape(name)})(?![^\W_])"] = word
        found |= dict(_ADDRESSES)
        self._words = tuple(found.values())
        # each in a group of its own, none of which has groups itself
        self._pattern = re.compile("|".join(f"({pattern})" for pattern in found))

    def clean(self, text: str) -> str:
        """Return a text that a person or a model wrote, harmless and without what must stay."""
        return self._pattern.sub(self._word, harmless(text))

    def is_clean(self, text: str) -> bool:
        """Return whether nothing that must stay is in `text`."""
        return self._pattern.search(harmless(text)) is None

    def clean_message(self, text: str) -> str:
        """Return a sentence of a program: of the paths in it only the last part is left."""
        return _PATH.sub(lambda found: _last_part(found[0]), self.clean(text))

    def clean_name(self, text: str) -> str:
        """Return a name in one line, a path by its last part."""
        name = " ".join(harmless(text).split())
        if re.match(r"[~./\\]|[A-Za-z]:[/\\]", name):
            name = _last_part(name)
        return self.clean(name)

    def clean_pieces(self, pieces: Sequence[str]) -> list[str]:
        """Return the pieces of one text, cleaned as the whole: what is split over several as well.

        What stands for something stands in the piece in which that began.
        """
        # first, as a sign that is taken out may be all that parts a key
        pieces = list(map(harmless, pieces))
        whole = "".join(pieces)
        spans = deque((*m.span(), self._word(m)) for m in self._pattern.finditer(whole))
        cleaned, start = [], 0
        for piece in pieces:
            end, at = start + len(piece), start
            parts = []
            while spans and spans[0][0] < end:
                low, high, word = spans[0]
                parts.append(whole[at : max(at, low)])
                if low >= start:
                    parts.append(word)
                at = min(high, end)
                if high > end:
                    break
                spans.popleft()
            parts.append(whole[at:end])
            cleaned.append("".join(parts))
            start = end
        return cleaned

    def _word(self, found: "re.Match[str]") -> str:
        return self._words[(found.lastindex or 1) - 1]


def _bare(folder: str) -> str:
    return folder.rstrip("/\\")


def _path_pattern(folder: str) -> str:
    """Return a pattern of a folder, in any case: as it is, in an address, in JSON, with any slash.

    Most file systems of Windows and macOS know no case, and those of Linux have no two homes that
    differ in nothing else.
    """
    start, *parts = (
        "|".join(map(re.escape, dict.fromkeys((part, quote(part), quote_plus(part), _json(part)))))
        for part in re.split(r"[/\\]+", folder)
    )
    # of several slashes at the beginning one is enough: all of them, from each of them, takes long
    first = f"(?:{start}){_SLASH}{{1,8}}" if start else _SLASH
    pattern = first + f"{_SLASH}{{1,8}}".join(f"(?:{part})" for part in parts)
    # `/models` is a folder by itself only, not in `/v1/models`
    before = r"(?<!\w)" if len(parts) < 2 else ""
    return f"{before}(?i:{pattern})(?![\\w-])"


def _json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _last_part(path: str) -> str:
    return re.split(r"[/\\]", path.rstrip("/\\"))[-1] or FOLDER
