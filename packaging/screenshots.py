"""Takes the README's pictures: every page, light and dark, of the program on a real comparison.

    python packaging/screenshots.py [FOLDER]

Needs Xvfb and xdotool. The answers are the starter model's own, here and in the practice cloud. The
Hub is the one on loopback that the tests use: all its models but the starter's are real headers
with empty weights.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from tests.e2e.screen import Program, program  # noqa: E402 - found through the line above
from tests.servers.hub import HubServer  # noqa: E402
from tests.servers.hub_demo import fill  # noqa: E402

TRY = "Try it: a model here against the practice cloud"
OTHERS = {"providers": "ctrl+7", "history": "ctrl+8", "settings": "ctrl+9"}
PAGES = ("compare", "tests", "results", "advice", "models", "hub", "downloads", *OTHERS)
QUESTIONS = "Answer from a text"
OWN_SET = "Reading, my library"
"""The set of questions whose results are shown, and what its copy is called."""
HERE = (
    "Llama-3.2-1B-Instruct-Q4_K_M.gguf",
    "An-Even-Longer-Model-Name-v2.1-Instruct-abliterated-i1-Q4_K_M.gguf",
    "Colossus-70B-Instruct-Q2_K.gguf",
)
"""Files of the Hub that the list of models shows as well."""
RATE = 8e6
"""Bytes per second the Hub gives, so that something is still on its way."""
WIDTH = 960
QUALITY = 78


def take(folder: Path, theme: str) -> None:
    """Take the pictures of one theme."""
    with (
        tempfile.TemporaryDirectory() as home,
        tempfile.TemporaryDirectory() as published,
        HubServer(rate=RATE) as hub,
    ):
        fill(hub, Path(published))
        prepare(Path(home), Path(published), theme)
        ask_questions(Path(home))
        variables = {"HF_ENDPOINT": hub.endpoint, "HF_HOME": f"{home}/hf", "HOME": home}
        with program(Path(home), size="1280x800", **variables) as running:
            running.click(TRY)
            running.wait_text(r"(?i)thousand|1,000")
            running.settle()
            running.grab(folder / f"compare-{theme}.png")
            take_tests(running, folder, theme)
            take_downloads(running, folder, theme)
            running.press("ctrl+4")
            running.wait_text("Where else would it run")
            # the folders of the computer the pictures are taken on are nobody's business
            running.click(running.wait_text(r"^Looked for in \d"))
            time.sleep(3)
            running.grab(folder / f"models-{theme}.png")
            for page, keys in OTHERS.items():
                running.press(keys)
                time.sleep(2)
                running.grab(folder / f"{page}-{theme}.png")
            running.close()
    for page in PAGES:
        shrink(folder / f"{page}-{theme}.png")


def prepare(home: Path, published: Path, theme: str) -> None:
    """Write the settings, and give the program's own folder some models."""
    settings = {"theme": theme, "sampling": {"seed": 7, "max_tokens": 120}}
    (home / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    (home / "models").mkdir()
    for name in HERE:
        (home / "models" / name).symlink_to(published / name)


def ask_questions(home: Path) -> None:
    """Ask the starter model a set of one's own, here and in the practice cloud."""
    file = str(home / "questions.jsonl")
    models = ("--target", "local:starter", "--target", "practice:smollm2-135m-instruct")
    for words in (
        ("export", QUESTIONS, file),
        ("import", file, "--name", OWN_SET),
        ("run", OWN_SET, *models, "--max-tokens", "48"),
    ):
        subprocess.run(
            [sys.executable, "-m", "playground", "tests", *words],
            env={**os.environ, "PLAYGROUND_HOME": str(home), "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            check=True,
        )


def take_tests(running: Program, folder: Path, theme: str) -> None:
    """Take the set that was asked, what came out, and what is advised after it."""
    running.press("ctrl+2")
    running.wait_text(f"^{OWN_SET}$")
    time.sleep(1)
    running.grab(folder / f"tests-{theme}.png")
    running.click("Results")
    running.wait_text("Top group")
    time.sleep(3)
    running.grab(folder / f"results-{theme}.png")
    running.press("ctrl+3")
    running.wait_text("What would change this")
    time.sleep(2)
    running.grab(folder / f"advice-{theme}.png")


def take_downloads(running: Program, folder: Path, theme: str) -> None:
    """Find two models on the Hub, fetch them, and take the pictures of both pages."""
    running.press("ctrl+5")
    running.wait_for("Search the Hub")
    for words, file in (("smollm2", "smollm2-135m"), ("qwen3", "Qwen3-0.6B-")):
        open_repository(running, words, file)
        button = running.wait_text(r"^Download \d")
        running.click(button)
        running.wait_for("Show downloads")
    open_repository(running, "instruct", "Llama-3.2-1B-Instruct-")
    running.grab(folder / f"hub-{theme}.png")
    running.press("ctrl+6")
    running.wait_text(r"\d .* left")
    time.sleep(2)
    running.grab(folder / f"downloads-{theme}.png")


def open_repository(running: Program, words: str, file: str) -> None:
    """Search, and open the first result; what arrives meanwhile never settles."""
    running.press("ctrl+f")
    running.press("ctrl+a")
    running.type(words)
    time.sleep(2)
    running.press("Down")
    running.press("Return")
    running.wait_text(file)
    running.wait_text("^Recommended$")
    time.sleep(1.5)


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
