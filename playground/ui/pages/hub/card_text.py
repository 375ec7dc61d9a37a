"""Makes a model card readable where no HTML is: cards are full of it, and of pictures.

What is shown is safe without this (`MarkdownView` shows HTML as text and fetches nothing); this
takes away what a reader would stumble over. Every step is linear in the length of the card.
"""

import re

LONGEST = 12_000
"""Characters of a model card that are shown; the rest is on its page."""
_MOST_READ = 60_000
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,2000}>")
_BREAK = re.compile(r"<(?:br|/p|/div|/li|/tr|/h[1-6])\s*/?>", re.IGNORECASE)
_PICTURE = re.compile(r"\[?!\[[^\[\]]{0,500}\]\([^()\s]{0,2000}\)(?:\]\([^()\s]{0,2000}\))?")
_BLANK = re.compile(r"\n[ \t]*\n(?:[ \t]*\n)+")


def readable(markdown: str) -> tuple[str, bool]:
    """Return a card without pictures, tags and comments, and whether that is all of it."""
    pieces: list[str] = []
    lines: list[str] = []
    is_code = False
    for line in _without_comments(markdown[:_MOST_READ]).splitlines():
        if line.lstrip().startswith(("```", "~~~")):
            pieces.append(_prose(lines) if not is_code else "\n".join(lines))
            pieces.append(line)
            lines = []
            is_code = not is_code
        else:
            lines.append(line)
    pieces.append("\n".join(lines) if is_code else _prose(lines))
    whole = _BLANK.sub("\n\n", "\n".join(pieces)).strip()
    text = whole[:LONGEST]
    if len(whole) > LONGEST:
        text = text.rpartition("\n\n")[0] or text
    return text, len(text) == len(whole) and len(markdown) <= _MOST_READ


def _prose(lines: list[str]) -> str:
    text = _PICTURE.sub("", "\n".join(lines))
    return _TAG.sub("", _BREAK.sub("\n", text))


def _without_comments(text: str) -> str:
    kept: list[str] = []
    at = 0
    while True:
        start = text.find("<!--", at)
        if start < 0:
            kept.append(text[at:])
            return "".join(kept)
        kept.append(text[at:start])
        end = text.find("-->", start + 4)
        if end < 0:
            return "".join(kept)
        at = end + 3
