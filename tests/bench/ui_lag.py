"""Prints how late Qt's loop is while four scripted streams are painted, and what memory does.

`QT_QPA_PLATFORM=offscreen python tests/bench/ui_lag.py [seconds] [tokens a second] [panes]`; on a
real or virtual screen without the variable. Lag is how much later than due a 1 ms timer of Qt's
loop fires: what a key press would wait.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

import qasync  # isort: skip

from playground.core.targets import CloudTarget, LocalTarget, ModelFile, Provider, Target
from playground.services.comparison import ComparisonService
from playground.store.database import Database
from playground.store.history import ComparisonStore
from playground.store.settings import SettingsStore
from playground.ui.answers.judging import Judging
from playground.ui.bridge import Bridge
from playground.ui.pages.compare.page import CompareView
from playground.ui.pages.compare.presenter import ComparePresenter
from playground.ui.pages.compare.targets import TargetSelection
from playground.ui.theme.theme import Theme
from playground.ui.window.main_window import MainWindow
from tests.fakes.engine import FakeEngine

GIVEN = sys.argv[1:] if __name__ == "__main__" else []
SECONDS = float(GIVEN[0]) if GIVEN else 10.0
TOKENS_PER_S = float(GIVEN[1]) if len(GIVEN) > 1 else 200.0
PANES = int(GIVEN[2]) if len(GIVEN) > 2 else 4
KIND = GIVEN[3] if len(GIVEN) > 3 else "markdown"

_WORDS = [
    "A",
    "**lighthouse**",
    "is",
    "a",
    "tall",
    "tower",
    "by",
    "the",
    "sea",
    "with",
    "a",
    "strong,",
    "turning",
    "light",
    "that",
    "sailors",
    "see",
    "from",
    "far",
    "away,",
    "even",
    "in",
    "*fog*",
    "or",
    "darkness,",
    "and",
    "its",
    "`rhythm`",
    "tells",
    "them",
    "where",
    "they",
    "are.",
    "",
]
_BLOCKS = (
    "\n\n## What it does\n\n",
    "\n\n- it shows the rocks\n- it has a **name**\n- it never sleeps\n\n",
    "\n\n```python\ndef blink(pattern):\n    return [on for on in pattern]\n```\n\n",
    "\n\n| name | height |\n| --- | --- |\n| Pharos | 100 |\n\n",
    "\n\n",
)


def token(index: int) -> str:
    """Return the nth token of a long answer with everything Markdown has."""
    if KIND == "line":
        return f"w{index} "
    if KIND == "code" and index == 0:
        return "```\n"
    if KIND == "code":
        return f"x{index} = 1\n" if index % 7 == 0 else f"y{index} "
    if index % 61 == 60:
        return _BLOCKS[index // 61 % len(_BLOCKS)]
    return _WORDS[index % len(_WORDS)] + " "


class Library:
    """No model files."""

    def starter_path(self) -> None: ...

    async def listed(self) -> tuple[()]:
        return ()

    async def scan(self) -> tuple[()]:
        return ()

    def need(self, *_args: object) -> None: ...


class Providers:
    """No providers."""

    def list(self) -> tuple[()]:
        return ()


class LagMeter:
    """A 1 ms timer that notes how late it is."""

    def __init__(self) -> None:
        self.lags_ms: list[float] = []
        self._due = time.perf_counter() + 0.001
        self._timer = QTimer()
        self._timer.setSingleShot(True)
        self._timer.setTimerType(self._timer.timerType().PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(1)

    def _tick(self) -> None:
        now = time.perf_counter()
        self.lags_ms.append(max(0.0, (now - self._due) * 1000))
        self._due = now + 0.001
        self._timer.start(1)

    def at(self, share: float) -> float:
        """Return the lag that `share` of the ticks stayed below."""
        ordered = sorted(self.lags_ms)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def targets() -> Iterator[Target]:
    """Yield as many targets as there are panes, half of them here."""
    provider = Provider("cloud", "Cloud", "https://api.example.com/v1")
    for index in range(PANES):
        if index % 2:
            yield CloudTarget(provider, f"large-{index}")
        else:
            path = Path(f"/models/{index}.gguf")
            yield LocalTarget(ModelFile(path, f"Model {index}", 1000, "Starter"))


async def main(app: QApplication) -> None:
    """Run the streams and print the figures."""
    settings = SettingsStore(Path(tempfile.mkdtemp()) / "settings.json")
    settings.update(run_order="race")
    theme = Theme(app, mode="light")
    errors: list[BaseException] = []
    bridge = Bridge(errors.append)
    count = int(SECONDS * TOKENS_PER_S)
    service = ComparisonService(
        lambda _target: FakeEngine.paced(tokens_per_s=TOKENS_PER_S, count=count, token=token)
    )
    window = MainWindow(theme, settings, bridge)
    view = CompareView(theme)
    selection = TargetSelection(
        bridge,
        Library(),  # type: ignore[arg-type]  # finds nothing
        Providers(),  # type: ignore[arg-type]  # finds nothing
        settings,
        lambda: 0,
    )
    history = ComparisonStore(Database(Path(tempfile.mkdtemp()) / "history.sqlite3"))
    presenter = ComparePresenter(
        view,
        theme,
        bridge,
        service=service,
        history=history,
        judging=Judging(bridge, history),
        selection=selection,
        settings=settings,
        notify=window.toast,
    )
    window.add_page("compare", "Compare", "compare", lambda: view)
    window.open_remembered()
    window.resize(1280, 800)
    selection.choose(tuple(targets()))
    await asyncio.sleep(0.5)
    view.prompt_card.set_text("Tell me everything about lighthouses.")
    process = psutil.Process()
    memory: list[tuple[float, int]] = []
    cpu_before = sum(process.cpu_times()[:2])
    meter = LagMeter()
    started = time.perf_counter()
    presenter.run()
    while presenter.is_running:
        await asyncio.sleep(0.5)
        memory.append((time.perf_counter() - started, process.memory_info().rss))
    elapsed = time.perf_counter() - started
    cpu = sum(process.cpu_times()[:2]) - cpu_before
    shown = [len(pane.turn.answer.toPlainText()) for pane in view.panes]
    print(f"platform {app.platformName()}, {PANES} panes, {KIND}, {count} tokens each")
    print(
        f"painted {min(shown):,} to {max(shown):,} characters in {elapsed:.1f} s, {cpu:.1f} s CPU"
    )
    print(
        f"lag of Qt's loop: p50 {meter.at(0.5):.1f} ms, p99 {meter.at(0.99):.1f} ms, "
        f"p99.9 {meter.at(0.999):.1f} ms, worst {max(meter.lags_ms):.1f} ms ({len(meter.lags_ms)})"
    )
    third = len(memory) // 3 or 1
    for name, part in (("first", memory[:third]), ("last", memory[-third:])):
        mean = sum(rss for _t, rss in part) / len(part) / 1e6
        print(f"memory, {name} third: {mean:.1f} MB")
    print(f"memory grew {(memory[-1][1] - memory[third][1]) / 1e6:.1f} MB after the first third")
    for error in errors:
        print("error", repr(error))
    window.close()
    await asyncio.sleep(0.2)
    await bridge.close()


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    application = QApplication(sys.argv[:1])
    application.setQuitOnLastWindowClosed(False)
    with asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(application)) as runner:
        runner.run(main(application))
