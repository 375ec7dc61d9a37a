"""The colours of the window, one token for one meaning, in light and dark."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Palette:
    """Every colour the window may use, as `#rrggbb`."""

    is_dark: bool
    background: str
    card: str
    line: str
    text: str
    quiet: str
    accent: str
    """The one thing to press, selection, progress."""
    on_accent: str
    """Text on the accent."""
    accent_ground: str
    accent_ink: str
    """Accent-coloured text on its ground."""
    local: str
    """On this computer; the best figure."""
    local_ground: str
    local_ink: str
    """Text on the ground; the token itself is a little too light there for 4.5 : 1."""
    cloud: str
    cloud_ground: str
    cloud_ink: str
    network: str
    """In one's own network: neither here nor in the cloud."""
    network_ground: str
    network_ink: str
    caution: str
    caution_ground: str
    caution_ink: str
    bad: str
    bad_ground: str
    bad_ink: str
    chip: str
    """Ground of what is neither here nor there: sizes, provider names."""
    chip_ink: str
    track: str
    """The empty part of a time bar."""
    loading: str
    reading: str
    hover: str


LIGHT = Palette(
    is_dark=False,
    background="#f6f7f9",
    card="#ffffff",
    line="#e3e6eb",
    text="#1a1d23",
    quiet="#667085",
    accent="#5b5bd6",
    on_accent="#ffffff",
    accent_ground="#e6e6f8",
    accent_ink="#4b4bc3",
    local="#1a8754",
    local_ground="#e6f4ec",
    local_ink="#14734a",
    cloud="#2f6fde",
    cloud_ground="#e7effc",
    cloud_ink="#2461cb",
    network="#a33a86",
    network_ground="#f9e8f4",
    network_ink="#8f2f75",
    caution="#b25e09",
    caution_ground="#fdf0df",
    caution_ink="#9c5208",
    bad="#c4321c",
    bad_ground="#fde8e4",
    bad_ink="#b92e19",
    chip="#eef0f4",
    chip_ink="#5b6478",
    track="#f0f1f6",
    loading="#98a1b0",
    reading="#e0a44a",
    hover="#f1f2f6",
)

DARK = Palette(
    is_dark=True,
    background="#15171c",
    card="#1d2027",
    line="#2d323c",
    text="#eceef2",
    quiet="#99a2b2",
    accent="#8b8bf5",
    on_accent="#15171c",
    accent_ground="#2a2a44",
    accent_ink="#a3a3f8",
    local="#58c98f",
    local_ground="#19352a",
    local_ink="#58c98f",
    cloud="#78a9ff",
    cloud_ground="#1b2c4a",
    cloud_ink="#78a9ff",
    network="#e58fd0",
    network_ground="#3c2037",
    network_ink="#eea6dc",
    caution="#f0b063",
    caution_ground="#3a2a14",
    caution_ink="#f0b063",
    bad="#ff8f7a",
    bad_ground="#43211b",
    bad_ink="#ff8f7a",
    chip="#2a2f39",
    chip_ink="#a8b0be",
    track="#282c36",
    loading="#8d96a6",
    reading="#e0a44a",
    hover="#262a33",
)

TEXT_PAIRS: tuple[tuple[str, str], ...] = (
    ("text", "background"),
    ("text", "card"),
    ("text", "hover"),
    ("text", "chip"),
    ("quiet", "background"),
    ("quiet", "card"),
    ("accent", "card"),
    ("accent_ink", "accent_ground"),
    ("accent_ink", "background"),
    ("on_accent", "accent"),
    ("local", "card"),
    ("local_ink", "local_ground"),
    ("cloud", "card"),
    ("cloud_ink", "cloud_ground"),
    ("network", "card"),
    ("network_ink", "network_ground"),
    ("caution", "card"),
    ("caution_ink", "caution_ground"),
    ("bad", "card"),
    ("bad_ink", "bad_ground"),
    ("text", "bad_ground"),
    ("text", "caution_ground"),
    ("chip_ink", "chip"),
)
"""Which token is written on which: the pairs that must be readable."""


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two `#rrggbb` colours, 1 … 21 (WCAG 2.2, 1.4.3)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
