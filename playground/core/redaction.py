"""Hides the keys of this program in whatever comes from outside, before it is shown or stored.

There is one list for the whole program: a server may say back any key, not only its own.
"""

import json
import threading
from urllib.parse import quote

_REDACTED = "[key]"
_SHORTEST = 6
"""Below that, redacting would eat ordinary words."""
_PLACEHOLDERS = frozenset(
    {
        "api-key",
        "api_key",
        "lm-studio",
        "no-key",
        "not-needed",
        "not-required",
        "ollama",
        "sk-no-key-required",
    }
)
"""What servers of one's own are given for a key: no secrets, and words of answers."""


class Redactor:
    """The keys the program knows; safe in several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: tuple[tuple[str, ...], ...] = ()
        """Of each key, the longest first: as it is, in an address, in JSON."""

    def know(self, key: str | None) -> None:
        """Hide `key` from now on."""
        key = (key or "").strip()
        if len(key) < _SHORTEST or key.lower() in _PLACEHOLDERS:
            return
        forms = tuple(dict.fromkeys((key, quote(key, safe=""), json.dumps(key)[1:-1])))
        with self._lock:
            if forms not in self._known:
                # one key may be the beginning of another
                known = (*self._known, forms)
                self._known = tuple(sorted(known, key=lambda each: -len(each[0])))

    @property
    def forms(self) -> tuple[str, ...]:
        """Every key in all the forms that are hidden."""
        return tuple(form for forms in self._known for form in forms)

    def clean(self, text: str) -> str:
        """Return `text` without any key, however it was quoted."""
        for forms in self._known:
            for form in forms:
                text = text.replace(form, _REDACTED)
        return text

    def unfinished(self, text: str) -> int:
        """Return how many characters at the end of `text` may be the beginning of a key."""
        return max((_overlap(text, forms[0]) for forms in self._known), default=0)


def _overlap(text: str, key: str) -> int:
    longest = min(len(key) - 1, len(text))
    # where its first character is not, the key does not begin
    at = text.find(key[0], len(text) - longest)
    while at != -1:
        if key.startswith(text[at:]):
            return len(text) - at
        at = text.find(key[0], at + 1)
    return 0
