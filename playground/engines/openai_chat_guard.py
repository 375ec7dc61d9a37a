"""Keeps a key out of an answer, also where a server says it back in pieces."""

from collections.abc import Callable


class KeyGuard:
    """Hands text on without the key; what may be the key's beginning waits for what follows."""

    def __init__(self, key: str | None, without_key: Callable[[str], str]) -> None:
        self._key = key or ""
        self._without_key = without_key
        self._held = ""

    def take(self, text: str) -> str:
        """Return what may be shown now that `text` has arrived."""
        text = self._without_key(self._held + text)
        longest = min(len(self._key) - 1, len(text))
        held = next((n for n in range(longest, 0, -1) if text.endswith(self._key[:n])), 0)
        self._held = text[len(text) - held :]
        return text[: len(text) - held]

    def rest(self) -> str:
        """Return what was held back: the stream is over, so it was not the key."""
        held, self._held = self._held, ""
        return held
