"""Sizes and counts in the words a person would use."""

from PySide6.QtCore import QCoreApplication

WORDS_PER_TOKEN = 0.75
"""A rule of thumb for English text; other languages take more tokens for a word."""


def tr(text: str) -> str:
    """Return `text` in the interface's language."""
    return QCoreApplication.translate("amounts", text)


def size_words(size_bytes: int | None) -> str:
    """Return bytes as files are usually shown, in powers of 1,000: `1.4 KB`, `98 MB`, `2.5 GB`."""
    if size_bytes is None:
        return "—"
    if size_bytes < 999.5:
        return tr("{0} bytes").format(size_bytes)
    for unit, words in ((10**3, tr("{0} KB")), (10**6, tr("{0} MB"))):
        value = size_bytes / unit
        if value < 999.5:
            return words.format(f"{value:.1f}" if value < 9.95 else f"{value:.0f}")
    return tr("{0} GB").format(f"{size_bytes / 10**9:,.1f}")


def exact_bytes(size_bytes: int) -> str:
    """Return every digit: `94,371,840 bytes`."""
    return tr("{0} bytes").format(f"{size_bytes:,}")


def parameters_words(count: int | None) -> str:
    """Return a number of parameters: `135 million`, `4.0 billion`."""
    if count is None:
        return "—"
    if count >= 10**9:
        return tr("{0} billion").format(f"{count / 10**9:,.1f}")
    if count >= 10**6:
        return tr("{0} million").format(f"{count / 10**6:,.0f}")
    return f"{count:,}"


def words_in(tokens: int | None) -> str:
    """Return roughly how many words `tokens` are, rounded down: `6,000 words`."""
    if tokens is None:
        return "—"
    words = int(tokens * WORDS_PER_TOKEN)
    step = 1000 if words >= 1000 else 50
    return tr("{0} words").format(f"{max(words // step * step, min(words, step)):,}")
