"""Much of everything: how long the window stalls, and how fast the history is searched.

`history`: 10,000 comparisons, searched while the Models page reads them. `files`: 3,000 model
files. `providers`: 60 with 2,000 models each, in the picker. `cards`: the page of 60 providers.
`prompt`: texts of a megabyte typed, sent and opened in History. `turns`: a comparison of 200,
opened and scaled. `results`: a test of 2,500 messages on 4 models, opened, scrolled and searched.
Stalls are how much later than due a 1 ms timer of Qt's loop fires, on Qt's offscreen platform.
"""

import argparse
import asyncio
import json
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
from PySide6.QtCore import QCoreApplication, QEvent, QMimeData
from PySide6.QtWidgets import QApplication

import qasync  # isort: skip

from playground.core.checks.reading import read_check
from playground.core.checks.scoring import score
from playground.core.codec import encode
from playground.core.evaluations import Evaluation, Unit, new_evaluation, result_of
from playground.core.prompt_sets import filled, new_case, new_set
from playground.core.runs import Comparison, Cost, Provenance, RunOrder, Turn
from playground.core.targets import (
    CloudModel,
    CloudTarget,
    LocalTarget,
    ModelFile,
    Provider,
    Target,
    Tier,
)
from playground.services.comparison import ComparisonService
from playground.services.evaluation import EvaluationService
from playground.services.prompt_sets import PromptSets
from playground.services.replay import Replayer
from playground.store.database import Database
from playground.store.evaluations import (
    EvaluationStore,
)
from playground.store.evaluations import (
    _place as place_of_unit,
)
from playground.store.evaluations import (
    _put_result as put_result,
)
from playground.store.history import ComparisonStore, insert_comparison, insert_turn, put_run
from playground.store.local_runs import LocalRuns
from playground.store.settings import SettingsStore
from playground.ui.answers.judging import Judging
from playground.ui.bridge import Bridge
from playground.ui.pages.compare.page import CompareView
from playground.ui.pages.compare.presenter import ComparePresenter
from playground.ui.pages.compare.targets import TargetSelection
from playground.ui.pages.history.page import HistoryPage
from playground.ui.pages.history.presenter import HistoryNavigation, HistoryPresenter
from playground.ui.pages.tests.page import TestsPage
from playground.ui.pages.tests.presenter import TestsPresenter
from playground.ui.pages.tests.runner import RunSurroundings
from playground.ui.theme.theme import Theme
from playground.ui.window.main_window import MainWindow
from tests.bench.ui_lag import LagMeter, Library
from tests.bench.ui_lag import Providers as NoProviders
from tests.fakes.engine import FakeEngine
from tests.store.history import START, STUDIO, answer_events, folded, waiting_run

STALL_BAR_MS = 100.0
SEARCH_BAR_MS = 50.0
OPEN_BAR_S = 1.0
COMPARISONS = 10_000
ROUNDS = 5
VOCABULARY = [
    "".join(random.Random(seed).choices("abcdefghijklmnopqrstuvwxyz", k=3 + seed % 8))
    for seed in range(4000)
]


async def fill_history(database: Database, count: int = COMPARISONS) -> None:
    """Write finished comparisons of a local and a cloud target, as the store does, in one go."""
    store = ComparisonStore(database)
    chance = random.Random(7)
    small = LocalTarget(ModelFile(Path("/models/a.gguf"), "Small", 94_000_000, "Starter"))
    large = LocalTarget(ModelFile(Path("/models/b.gguf"), "Large", 4_000_000_000, "Downloads"))
    template = folded(waiting_run("r", small), answer_events("word " * 40))

    def write(connection: sqlite3.Connection) -> None:
        for number in range(count):
            name = f"c{number:05}"
            prompt = " ".join(chance.choices(VOCABULARY, k=20))
            targets = (small if number % 2 else large, STUDIO)
            created = START + timedelta(minutes=number)
            comparison = Comparison(name, targets, created_at=created)
            listed = [
                {"key": t.key, "label": t.label, "detail": t.detail, "place": t.place}
                for t in targets
            ]
            connection.execute(
                "INSERT INTO comparisons (id, created_at, targets, body) VALUES (?, ?, ?, ?)",
                (
                    name,
                    created.isoformat(timespec="microseconds"),
                    json.dumps(listed),
                    json.dumps(encode(comparison)),
                ),
            )
            connection.execute(
                "INSERT INTO turns (id, comparison_id, prompt, run_order, hidden_names, position) "
                "VALUES (?, ?, ?, 'fair', 0, 0)",
                (f"t{name}", name, prompt),
            )
            connection.execute(
                "INSERT INTO search_texts (comparison_id, source, text) VALUES (?, ?, ?)",
                (name, f"turn:t{name}", prompt),
            )
            for place, target in enumerate(targets):
                answer = " ".join(chance.choices(VOCABULARY, k=400))
                run = replace(template, id=f"r{name}{place}", target=target, text=answer)
                put_run(connection, f"t{name}", run, store._owner)

    await database.write(write)


async def bench_history() -> bool:
    """Search while the Models page learns what ran here; print and judge the times."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(Path(folder) / "history.sqlite3")
        await database.open()
        began = time.perf_counter()
        await fill_history(database)
        print(f"  {COMPARISONS} comparisons written in {time.perf_counter() - began:.1f} s")
        store = ComparisonStore(database)
        good = True
        for query in ("", "a", "q", "ab", VOCABULARY[5], "small", "a b c", "-", "nothingofthekind"):
            times = []
            for _ in range(ROUNDS):
                began = time.perf_counter()
                found = await store.search(query, 100)
                times.append((time.perf_counter() - began) * 1000)
            good &= statistics.median(times) < SEARCH_BAR_MS
            print(
                f"  search {query!r}: {statistics.median(times):.0f} ms, "
                f"worst {max(times):.0f}, {len(found)} found"
            )
        began = time.perf_counter()
        learning = asyncio.create_task(LocalRuns(database).uses())
        await asyncio.sleep(0)
        asked = time.perf_counter()
        await store.search("small", 100)
        waited_ms = (time.perf_counter() - asked) * 1000
        await learning
        total_ms = (time.perf_counter() - began) * 1000
        print(f"  search beside the Models page: {waited_ms:.0f} ms of its {total_ms:.0f}")
        await database.close()
        return good and waited_ms < SEARCH_BAR_MS


def bench_files() -> bool:
    """Find 3,000 model files from the Models page of the real window."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.models_window", "--files", "3000", "--rounds", "1"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    print(done.stdout, end="", flush=True)
    return not any("stall" in line and "MISSED" in line for line in done.stdout.splitlines())


class Marks:
    """The worst stall since the mark before, by what was done meanwhile."""

    def __init__(self) -> None:
        self._meter = LagMeter()
        self.stalls_ms: dict[str, float] = {}

    def begin(self) -> None:
        self._meter.lags_ms.clear()

    async def mark(self, what: str, seconds: float = 0.4) -> None:
        """Let the window settle for a while, and note its worst stall."""
        await asyncio.sleep(seconds)
        self.stalls_ms[what] = max(self._meter.lags_ms)
        self._meter.lags_ms.clear()

    def judge(self) -> bool:
        """Print the stalls and return whether all are below the bar."""
        for what, stall_ms in self.stalls_ms.items():
            print(f"  {what}: {stall_ms:.0f} ms", flush=True)
        return max(self.stalls_ms.values()) < STALL_BAR_MS


async def run_to_the_end(stage: "Stage") -> None:
    stage.view.prompt_card.submit()
    while not stage.presenter.is_running:
        await asyncio.sleep(0.01)
    while stage.presenter.is_running:
        await asyncio.sleep(0.01)


async def bench_prompt() -> bool:
    """Paste, type into, send and reopen texts of a megabyte."""
    kinds = {"no spaces": "a" * 10**6, "words": "word " * 200_000, "lines": "a line\n" * 140_000}
    good = True
    for name, prompt in kinds.items():
        with tempfile.TemporaryDirectory() as folder:
            stage = await open_stage(Path(folder))
            box = stage.view.prompt_card._prompt
            data = QMimeData()
            data.setText(prompt)
            marks = Marks()
            box.insertFromMimeData(data)
            await marks.mark(f"{name}: paste")
            box.insertPlainText("b")
            await marks.mark(f"{name}: type")
            await run_to_the_end(stage)
            await marks.mark(f"{name}: run")
            box.set_text(prompt)
            await run_to_the_end(stage)
            await marks.mark(f"{name}: follow-up")
            stage.window.show_page("history")
            await marks.mark(f"{name}: History", 1.5)
            good &= marks.judge()
            await stage.close()
    return good


async def bench_turns() -> bool:
    """Open a comparison of 200 turns in Compare, change the text size, go back and forth."""
    with tempfile.TemporaryDirectory() as folder:
        stage = await open_stage(Path(folder))
        text = "\n\n".join(["A **paragraph** of an answer with `code` in it. " * 6] * 3)
        turns = []
        for number in range(200):
            runs = tuple(
                folded(waiting_run(f"r{number}{place}", target), answer_events(text))
                for place, target in enumerate(stage.targets)
            )
            turns.append(Turn(f"t{number}", f"Question {number}", RunOrder.FAIR, runs))
        comparison = Comparison("c", stage.targets, turns=tuple(turns))
        marks = Marks()
        await asyncio.sleep(0.3)
        marks.begin()
        stage.presenter.open_comparison(comparison)
        await marks.mark("open", 3)
        stage.theme.set_appearance(scale=1.25)
        await marks.mark("text size", 3)
        stage.view.panes[0]._scroll.verticalScrollBar().setValue(0)
        await marks.mark("scroll up", 3)
        stage.window.resize(1000, 700)
        await marks.mark("resize", 3)
        await stage.close()
        return marks.judge()


async def bench_providers() -> bool:
    """Open the picker with 60 providers of 2,000 models each, that answer one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        stage = await open_stage(Path(folder), providers=ManyProviders())
        marks = Marks()
        await asyncio.sleep(0.3)
        marks.begin()
        began = time.perf_counter()
        stage.view.add_button.click()
        while len(stage.view.picker._model.entries) < 60 * 2000:
            await asyncio.sleep(0.02)
        print(f"  filled after {time.perf_counter() - began:.1f} s", flush=True)
        await marks.mark("fill", 0.5)
        for letters in ("m", "mo", "model-1999", "nothing", ""):
            stage.view.picker._search.setText(letters)
            await marks.mark(f"search {letters!r}", 0.5)
        await stage.close()
        return marks.judge()


PROVIDERS_PAGE = """
import json, sys, time
from PySide6.QtCore import QTimer
from playground.app.window import run_window
from tests.bench.ui_lag import LagMeter

def watch(window):
    def begin(index):
        if window.pages.widget(index) is window.pages.page("providers"):
            look.start(20)

    def see():
        if len(window.pages.page("providers")._cards) == int(sys.argv[1]):
            look.stop()
            QTimer.singleShot(1500, end)

    def end():
        print(max(meter.lags_ms), flush=True)
        window.close()

    meter, look = LagMeter(), QTimer(window)
    look.timeout.connect(see)
    window.pages.currentChanged.connect(begin)
    window.show_page("providers")

sys.exit(run_window(watch))
"""


def bench_provider_cards() -> bool:
    """Open the real window on the Providers page with 60 of them, none of which answers."""
    providers = [
        {"id": f"p{n}", "name": f"Box {n}", "base_url": f"http://127.0.0.1:{9000 + n}/v1"}
        for n in range(60)
    ]
    stalls = []
    for _ in range(3):
        with tempfile.TemporaryDirectory() as home:
            Path(home, "settings.json").write_text(json.dumps({"providers": providers}), "utf-8")
            done = subprocess.run(
                [sys.executable, "-c", PROVIDERS_PAGE, str(len(providers))],
                stdout=subprocess.PIPE,
                text=True,
                check=True,
                env={
                    **os.environ,
                    "PLAYGROUND_HOME": home,
                    "HOME": home,
                    "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
                },
            )
            stalls.append(float(done.stdout.split()[-1]))
    stall = statistics.median(stalls)
    print(f"  60 cards: {stall:.0f} ms, worst {max(stalls):.0f}")
    return stall <= STALL_BAR_MS


async def fill_results(database: Database, evaluation: Evaluation) -> None:
    """Write a finished answer for every unit, as the store does, in one go."""
    store = EvaluationStore(database)
    await store.save(evaluation)
    chance = random.Random(11)
    targets = {target.key: target for target in evaluation.targets}
    template = folded(waiting_run("r", evaluation.targets[0]), answer_events("word " * 40))

    def write(connection: sqlite3.Connection) -> None:
        for case in evaluation.prompt_set.cases:
            asked = filled(evaluation.prompt_set, case)
            comparison, turn = place_of_unit(evaluation, asked, 0)
            insert_comparison(connection, comparison, evaluation.id)
            insert_turn(connection, comparison.id, turn)
            for key, target in targets.items():
                text = " ".join([*chance.choices(VOCABULARY, k=60), chance.choice(("42", "43"))])
                run_id = f"{case.id}-{key}"
                run = replace(template, id=run_id, target=target, text=text)
                put_run(connection, turn.id, run, store._owner)
                unit = Unit(case.id, key, 0)
                found = score(asked.checks, run)
                result = result_of(unit, comparison.id, run, found.outcome, found.reasons)
                put_result(connection, evaluation.id, result)

    await database.write(write)


async def bench_results() -> bool:
    """Open 10,000 results on their page, scroll, search, and open the answers to a message."""
    chance = random.Random(5)
    prompts = new_set(
        "Many",
        tuple(
            replace(
                new_case(" ".join(chance.choices(VOCABULARY, k=20)), (read_check("number", "42"),)),
                tags=("a" if number % 2 else "b",),
            )
            for number in range(2_500)
        ),
    )
    targets = [CloudTarget(STUDIO.provider, name) for name in ("ann", "bob", "cyd", "dan")]
    evaluation = new_evaluation(prompts, targets, 1, prompts.sampling)
    with tempfile.TemporaryDirectory() as folder:
        stage = await open_stage(Path(folder))
        await stage.bridge.submit(fill_results(stage.database, evaluation))
        page, presenter = add_tests_page(stage)
        stage.window.show_page("tests")
        await asyncio.sleep(1)
        marks = Marks()
        opened = []
        for _ in range(ROUNDS):
            marks.begin()
            began = time.perf_counter()
            await presenter._open_results(evaluation.id)
            page.results.table.viewport().repaint()
            opened.append(time.perf_counter() - began)
            await marks.mark("open", 1)
            page.show_sets()
        typical, worst = 1000 * statistics.median(opened), 1000 * max(opened)
        print(f"  opened after {typical:.0f} ms, worst {worst:.0f}")
        await presenter._open_results(evaluation.id)
        await asyncio.sleep(0.5)
        marks.begin()
        page.results.choose_messages(disputed=False)
        page.results.filter_changed.emit()
        await marks.mark("all messages", 0.5)
        bar = page.results.table.verticalScrollBar()
        marks.begin()
        for step in range(60):
            bar.setValue(bar.maximum() * step // 59)
            await asyncio.sleep(0.016)
        await marks.mark("scroll")
        searched = []
        for query in (VOCABULARY[5], VOCABULARY[9][:3], "a", "42", "nothingofthekind", ""):
            times = []
            for _ in range(ROUNDS):
                began = time.perf_counter()
                await stage.bridge.submit(presenter._service.store.cases_with(evaluation, query))
                times.append(1000 * (time.perf_counter() - began))
            searched.append(statistics.median(times))
            marks.begin()
            page.results._search.setText(query)
            await marks.mark(f"search {query!r}", 0.6)
            print(
                f"  search {query!r}: {searched[-1]:.0f} ms, worst {max(times):.0f}, "
                f"{page.results.outcomes.rowCount()} shown"
            )
        marks.begin()
        page.results.table._open(page.results.outcomes.index(100, 3))
        await marks.mark("open a cell", 0.6)
        page.results._tags.choose("a")
        page.results._on_filter()
        await marks.mark("a tag", 0.6)
        await stage.close()
        is_quick = statistics.median(opened) < OPEN_BAR_S and max(searched) < SEARCH_BAR_MS
        return marks.judge() and is_quick


def add_tests_page(stage: "Stage") -> tuple[TestsPage, TestsPresenter]:
    """Return the real page on the stage's database, and its presenter."""
    nothing = lambda *_: None  # noqa: E731
    page = TestsPage(stage.theme)
    store = EvaluationStore(stage.database)
    service = EvaluationService(
        lambda _: FakeEngine.saying("42"),
        store,
        lambda _: Cost(0.0, "api", Provenance.REPORTED),
        nothing,
    )
    selection = TargetSelection(
        stage.bridge, Library(), NoProviders(), stage.settings, lambda: 0, is_remembered=False
    )
    presenter = TestsPresenter(
        page,
        stage.theme,
        stage.bridge,
        sets=PromptSets(store),
        service=service,
        history=ComparisonStore(stage.database),
        selection=selection,
        surroundings=RunSurroundings(*(nothing, nothing, nothing, lambda: False, nothing, nothing)),
    )
    stage.window.add_page("tests", "Tests", "tests", lambda: page)
    return page, presenter


class ManyProviders:
    """Providers with many models each, which answer after a moment."""

    def __init__(self) -> None:
        self._listed = tuple(
            Provider(f"p{n}", f"Provider {n}", "https://p.example/v1", Tier.STUDIO)
            for n in range(60)
        )

    def list(self) -> tuple[Provider, ...]:
        return self._listed

    async def models(self, provider: Provider) -> tuple[CloudModel, ...]:
        await asyncio.sleep(int(provider.id[1:]) * 0.05)
        return tuple(CloudModel(provider.id, f"model-{n}") for n in range(2000))

    async def start_practice(self) -> Provider:
        raise NotImplementedError


@dataclass
class Stage:
    """The window with Compare and History on a real history, and scripted engines."""

    window: MainWindow
    view: CompareView
    presenter: ComparePresenter
    bridge: Bridge
    theme: Theme
    database: Database
    settings: SettingsStore
    targets: tuple[Target, ...]

    async def close(self) -> None:
        self.window.hide()
        self.presenter.close()
        await self.bridge.submit(self.database.close())
        await self.bridge.close()
        self.window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


async def open_stage(folder: Path, providers: Any = None) -> Stage:
    app = QApplication.instance()
    bridge = Bridge(lambda error: print("  reported:", repr(error), flush=True))
    theme = Theme(app, mode="light")
    settings = SettingsStore(folder / "settings.json")
    database = Database(folder / "history.sqlite3")
    await bridge.submit(database.open())
    history = ComparisonStore(database)
    service = ComparisonService(lambda _: FakeEngine.saying("A short answer."), history)
    window = MainWindow(theme, settings, bridge)
    view = CompareView(theme)
    selection = TargetSelection(bridge, Library(), providers or NoProviders(), settings, lambda: 0)
    judging = Judging(bridge, history)
    presenter = ComparePresenter(
        view,
        theme,
        bridge,
        service=service,
        history=history,
        judging=judging,
        selection=selection,
        settings=settings,
        notify=window.toast,
    )

    def make_history() -> HistoryPage:
        page = HistoryPage(theme)
        nothing = lambda *_: None  # noqa: E731
        HistoryPresenter(
            page,
            bridge,
            history,
            Replayer(history),
            judging=judging,
            navigation=HistoryNavigation(*[nothing] * 6),
            notify=window.toast,
        )
        return page

    window.add_page("compare", "Compare", "compare", lambda: view)
    window.add_page("history", "History", "history", make_history)
    window.resize(1280, 800)
    window.open_remembered()
    targets = (
        LocalTarget(ModelFile(Path("/models/a.gguf"), "Small", 94_000_000, "Starter")),
        STUDIO,
    )
    selection.choose(targets)
    await asyncio.sleep(0.3)
    return Stage(window, view, presenter, bridge, theme, database, settings, targets)


def in_window(bench: Callable[[], Coroutine[Any, Any, bool]]) -> bool:
    app = QApplication.instance() or QApplication(["scale", "-style", "fusion"])
    sys.setswitchinterval(0.001)
    with asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(app)) as runner:
        return runner.run(bench())


PARTS = {
    "history": lambda: asyncio.run(bench_history()),
    "files": bench_files,
    "providers": lambda: in_window(bench_providers),
    "cards": bench_provider_cards,
    "prompt": lambda: in_window(bench_prompt),
    "turns": lambda: in_window(bench_turns),
    "results": lambda: in_window(bench_results),
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.scale",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all if none")
    wanted = parser.parse_args().parts or list(PARTS)
    if unknown := [name for name in wanted if name not in PARTS]:
        parser.error(f"there is no part {unknown[0]}; the parts are {', '.join(PARTS)}")
    failed = []
    for name in wanted:
        print(name, flush=True)
        if not PARTS[name]():
            failed.append(name)
    print("beyond the bar:", ", ".join(failed) or "nothing")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
