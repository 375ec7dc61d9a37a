"""Takes the README's pictures: every page, light and dark, of the program on a real comparison.

    python packaging/screenshots.py [FOLDER]

Needs Xvfb and xdotool. The answers are the starter model's own, here and in the practice cloud.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from tests.e2e.screen import program  # noqa: E402 - found through the line above

TRY = "Try it: a model here against the practice cloud"
PAGES = {"models": "ctrl+2", "providers": "ctrl+3", "history": "ctrl+4", "settings": "ctrl+5"}
WIDTH = 960
QUALITY = 78


def take(folder: Path, theme: str) -> None:
    """Take the pictures of one theme."""
    with tempfile.TemporaryDirectory() as home:
        settings = {"theme": theme, "sampling": {"seed": 7, "max_tokens": 120}}
        (Path(home) / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
        with program(Path(home), size="1280x800") as running:
            running.click(TRY)
            running.wait_text(r"(?i)thousand|1,000")
            running.settle()
            running.grab(folder / f"compare-{theme}.png")
            for page, keys in PAGES.items():
                running.press(keys)
                running.settle()
                running.grab(folder / f"{page}-{theme}.png")
            running.close()
    for page in ("compare", *PAGES):
        shrink(folder / f"{page}-{theme}.png")


def shrink(path: Path) -> None:
    """Make a picture small enough for a README."""
    image = QImage(str(path)).scaledToWidth(WIDTH, Qt.TransformationMode.SmoothTransformation)
    image.save(str(path.with_suffix(".jpg")), "JPG", QUALITY)
    path.unlink()


def main() -> None:
    """Take all pictures."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "packaging" / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    for theme in ("light", "dark"):
        take(folder, theme)
    for picture in sorted(folder.glob("*.jpg")):
        print(f"{picture.name:24} {picture.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
