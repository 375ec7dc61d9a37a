"""The Models page with a thousand model files: when they are listed, and whether the window stalls.

    python -m tests.bench.models_window [--files 1000] [--rounds 3]

Each start is a process of its own with the real window, on Qt's offscreen platform; each round
begins without a cache. The clock starts when the window can be used. The page is opened at once,
and every row counts only once it is in the list's item model. Stalls are how much later than due a
1 ms timer of Qt's loop fires, from the usable window until two seconds after the last verdict:
building the services and the page is in it, and told apart as well. One start that is not counted
comes first, so that the program is compiled, as `pip install` leaves it.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.library_scan import write_files

BAR_S = 2.0
STALL_BAR_MS = 100.0
WINDOW = """
import json, sys, time
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QTableView
from playground.app.window import run_window
from tests.bench.ui_lag import LagMeter

count = int(sys.argv[1])
found = {}

def watch(window):
    began = time.perf_counter()
    meter = LagMeter()
    add = window.pages.add_factories

    def add_and_time(factories):
        make = factories["models"]

        def make_and_time():
            started = time.perf_counter()
            try:
                return make()
            finally:
                found["built_ms"] = (time.perf_counter() - started) * 1000

        add({**factories, "models": make_and_time})

    def begin(index):
        if window.pages.widget(index) is window.pages.page("models"):
            QTimer.singleShot(0, lambda: watch_page(window, began, meter))

    window.pages.add_factories = add_and_time
    window.pages.currentChanged.connect(begin)
    window.show_page("models")

def watch_page(window, began, meter):
    found["before_ms"] = max(meter.lags_ms)
    model = window.pages.page("models").findChild(QTableView).model().sourceModel()

    def look():
        now = time.perf_counter() - began
        # looked at from inside: asking the item model for each would keep the loop busy itself
        rows = [row for row in model._rows if row.model.source != "Starter"]
        if len(rows) < count:
            return
        if all(row.model.size_bytes for row in rows):
            found.setdefault("listed", now)
        if all(row.model.is_header_read for row in rows):
            found.setdefault("headers", now)
        if "done" not in found and all(row.needs is not None for row in rows):
            found["done"] = now
            often.stop()
            QTimer.singleShot(2000, end)

    def end():
        found["stall_ms"] = max(meter.lags_ms)
        found["p99_ms"] = meter.at(0.99)
        print(json.dumps(found), flush=True)
        window.close()

    often = QTimer(window)
    often.timeout.connect(look)
    often.start(20)
    window._watch = (meter, often)

sys.argv[1:] = [str(count)]
sys.exit(run_window(watch))
"""


def main() -> None:
    """Print medians of the times, and the longest stall of all starts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    taken: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "models")
        write_files(folder, args.files)
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = str(Path(place, "compiled"))
        home = Path(place, "home")
        home.mkdir()
        start(home, 0)
        for number in range(args.rounds):
            home = Path(place, f"home-{number}")
            home.mkdir()
            for name in ("first", "later"):
                # without the page it was left on: the clock starts before that is opened
                (home / "settings.json").write_text(json.dumps({"model_folders": [str(folder)]}))
                for key, value in start(home, args.files).items():
                    taken.setdefault(f"{name} {key}", []).append(value)
    for words, key, bar in (
        ("first start: all names and sizes", "first listed", BAR_S),
        ("first start: all headers", "first headers", None),
        ("first start: all verdicts", "first done", None),
        ("later start: names, sizes and headers", "later headers", BAR_S),
        ("later start: all verdicts", "later done", None),
    ):
        middle = statistics.median(taken[key])
        verdict = "" if bar is None else f"  bar {bar:.0f} s: {'ok' if middle < bar else 'MISSED'}"
        print(
            f"{words:40} {middle:6.3f} s  ({min(taken[key]):.3f} … {max(taken[key]):.3f}){verdict}"
        )
    for name in ("first", "later"):
        stalls = taken[f"{name} stall_ms"]
        verdict = "ok" if statistics.median(stalls) <= STALL_BAR_MS else "MISSED"
        print(
            f"{name} start: longest stall, median {statistics.median(stalls):.0f} ms"
            f" ({min(stalls):.0f} … {max(stalls):.0f}), p99"
            f" {statistics.median(taken[f'{name} p99_ms']):.1f} ms"
            f"  bar {STALL_BAR_MS:.0f} ms: {verdict}; before the page was there"
            f" {statistics.median(taken[f'{name} before_ms']):.0f} ms, of which building it took"
            f" {statistics.median(taken[f'{name} built_ms']):.0f} ms"
        )


def start(home: Path, count: int) -> dict[str, float]:
    """Return the figures of one start of the window."""
    done = subprocess.run(
        [sys.executable, "-c", WINDOW, str(count)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={
            **os.environ,
            "QT_QPA_PLATFORM": "offscreen",
            "PLAYGROUND_HOME": str(home),
            "HOME": str(home),
            "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        },
    )
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


if __name__ == "__main__":
    main()
