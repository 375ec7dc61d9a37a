"""Start until a typed key shows in the prompt box, against an empty PySide6 window.

    python tests/bench/start_up.py [ROUNDS]

Both are started as processes of their own on one virtual screen, in turns. The program's clock
stops when the prompt box has painted a key typed through the X server; the empty window's when it
has painted itself for the first time. A second reference is an empty window with an edit field
that has painted a typed key.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from tests.e2e.screen import virtual_screen  # noqa: E402 - found through the line above

WATCH = """
import sys, time
from PySide6.QtCore import QEvent, QObject
class Watch(QObject):
    def __init__(self, painted, ready):
        super().__init__(painted)
        self.painted, self.ready = painted, ready
        painted.installEventFilter(self)
    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Paint and self.ready():
            watched.removeEventFilter(self)
            from PySide6.QtCore import QTimer
            QTimer.singleShot(0, done)
        return False
def done():
    print(time.perf_counter(), flush=True)
"""
EMPTY = (
    WATCH
    + """
from PySide6.QtWidgets import QApplication, QMainWindow
app = QApplication([])
window = QMainWindow()
window.setWindowTitle("Inference Playground")
window.resize(1280, 800)
watch = Watch(window, lambda: True)
window.show()
app.exec()
"""
)
EDIT = (
    WATCH
    + """
from PySide6.QtWidgets import QApplication, QMainWindow, QPlainTextEdit
app = QApplication([])
window = QMainWindow()
window.setWindowTitle("Inference Playground")
window.resize(1280, 800)
edit = QPlainTextEdit()
window.setCentralWidget(edit)
watch = Watch(edit.viewport(), lambda: bool(edit.toPlainText()))
window.show()
edit.setFocus()
app.exec()
"""
)
PROGRAM = (
    WATCH
    + """
from playground.ui.start import run_window
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit, QWidget
watches = []
def shown(window):
    prompt = next(w for w in window.findChildren(QWidget) if w.accessibleName() == "Prompt")
    watches.append(Watch(prompt.viewport(), lambda: bool(prompt.toPlainText())))
    heavy = {"openai", "huggingface_hub", "genai_prices", "llama_cpp"} & set(sys.modules)
    assert not heavy, heavy
sys.exit(run_window(shown))
"""
)


def seconds(script: str, display: str, *, types: bool) -> float:
    """Return how long `script` takes from its start to what it prints."""
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "DISPLAY": display, "PLAYGROUND_HOME": home}
        environment["PYTHONPATH"] = str(ROOT)
        environment.pop("QT_QPA_PLATFORM", None)
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-c", script],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=home,
        )
        typist = None
        if types:
            # the pointer is over the window, so keys reach it as soon as it is there
            words = "mousemove 400 700 key --delay 5 --repeat 4000 a"
            typist = subprocess.Popen(["xdotool", *words.split()], env=environment)
        assert process.stdout is not None
        ended = float(process.stdout.readline())
        for running in (typist, process):
            if running is not None:
                running.kill()
                running.wait()
        process.stdout.close()
        return ended - started


def main() -> None:
    """Print medians and ratios."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    scripts = {
        "empty window": (EMPTY, False),
        "edit field": (EDIT, True),
        "program": (PROGRAM, True),
    }
    taken: dict[str, list[float]] = {name: [] for name in scripts}
    with virtual_screen() as display:
        for script, types in scripts.values():
            seconds(script, display, types=types)
        for _ in range(rounds):
            for name, (script, types) in scripts.items():
                taken[name].append(seconds(script, display, types=types))
    for name, values in taken.items():
        print(
            f"{name:14} median {statistics.median(values):.3f} s  ({min(values):.3f} … {max(values):.3f})"
        )
    for name in ("empty window", "edit field"):
        ratios = [p / r for p, r in zip(taken["program"], taken[name], strict=True)]
        print(f"program ÷ {name}: median of pair ratios {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
