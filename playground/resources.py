"""Finds the data files that come with the program: presets, icons, starter prompts."""

from importlib.resources import files
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parent.parent / "resources"


def resource(*parts: str) -> Path:
    """Return the path of a data file, for example `resource("providers.toml")`.

    A wheel carries them inside the package; an editable install leaves them in the checkout.
    """
    packaged = Path(str(files("playground"))) / "resources"
    root = packaged if packaged.is_dir() else _CHECKOUT
    return root.joinpath(*parts)
