"""Finds the data files that come with the program: presets, icons, starter prompts."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def resource(*parts: str) -> Path:
    """Return the path of a data file, for example `resource("providers.toml")`.

    A wheel carries them inside the package; an editable install leaves them in the checkout.
    """
    # not importlib.resources: importing it costs as much as the window's own modules together
    packaged = _PACKAGE / "resources"
    root = packaged if packaged.is_dir() else _PACKAGE.parent / "resources"
    return root.joinpath(*parts)
