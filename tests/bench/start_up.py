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

BAR = 3.0
"""The most that the program may take, in times of the empty window; and never above `BAR_S`."""
BAR_S = 1.0
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from tests.e2e.screen import virtual_screen  # noqa: E402 - found through the line above

WATCH = """
import time
from PySide6.QtCore import QTimer
def stop_when_painted(kind, ready):
    paint = kind.paintEvent
    def paint_and_tell(self, event):
        paint(self, event)
        if ready(self) and not said:
            said.append(True)
            QTimer.singleShot(0, lambda: print(time.perf_counter(), flush=True))
    kind.paintEvent = paint_and_tell
said = []
"""
EMPTY = (
    WATCH
    + """
from PySide6.QtWidgets import QApplication, QMainWindow
class Window(QMainWindow): pass
stop_when_painted(Window, lambda window: True)
app = QApplication([])
window = Window()
window.setWindowTitle("Inference Playground")
window.resize(1280, 800)
window.show()
app.exec()
"""
)
EDIT = (
    WATCH
    + """
from PySide6.QtWidgets import QApplication, QMainWindow, QPlainTextEdit
class Edit(QPlainTextEdit): pass
stop_when_painted(Edit, lambda edit: bool(edit.toPlainText()))
app = QApplication([])
window = QMainWindow()
window.setWindowTitle("Inference Playground")
window.resize(1280, 800)
edit = Edit()
window.setCentralWidget(edit)
window.show()
edit.setFocus()
app.exec()
"""
)
PROGRAM = (
    WATCH
    + """
import sys
from playground.ui.widgets.prompt_box import PromptBox
from playground.app.window import run_window
def is_typed(prompt):
    heavy = {"openai", "huggingface_hub", "genai_prices", "llama_cpp"} & set(sys.modules)
    assert not heavy, heavy
    return bool(prompt.toPlainText())
stop_when_painted(PromptBox, is_typed)
sys.exit(run_window())
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
        spread = f"{min(values):.3f} … {max(values):.3f}"
        print(f"{name:14} median {statistics.median(values):.3f} s  ({spread})")
    for name, bar in (("empty window", BAR), ("edit field", None)):
        ratios = [p / r for p, r in zip(taken["program"], taken[name], strict=True)]
        middle = statistics.median(ratios)
        verdict = "" if bar is None else f"  bar {bar}: {'ok' if middle <= bar else 'MISSED'}"
        print(f"program ÷ {name}: median of pair ratios {middle:.2f}{verdict}")
    middle = statistics.median(taken["program"])
    print(f"program on a quiet machine: bar {BAR_S} s: {'ok' if middle <= BAR_S else 'MISSED'}")


if __name__ == "__main__":
    main()
