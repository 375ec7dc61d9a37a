"""A real window on scripted engines: qasync's loop, the bridge's thread, real services."""

import asyncio
import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QTimer
from PySide6.QtWidgets import QApplication, QToolTip, QWidget
from pytestqt.qtbot import QtBot

# qasync takes the Qt that is imported already
import qasync  # isort: skip

from playground.core.errors import PlaygroundError
from playground.core.requirements.memory import MemoryNeed
from playground.core.runs import Cost, Provenance, Run
from playground.core.targets import (
    CloudModel,
    CloudTarget,
    LoadSettings,
    LocalTarget,
    ModelFile,
    Provider,
    Target,
    Tier,
)
from playground.engines.base import Engine
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
from playground.ui.window.page import Page
from tests.fakes.engine import FakeEngine


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The offscreen platform warns of what a screen would do."""
    for item in items:
        if "tests/ui" in str(item.path):
            item.add_marker(pytest.mark.qt_log_ignore("This plugin does not support", extend=True))


@pytest.fixture(scope="session", autouse=True)
def what_was_imported_is_not_looked_through() -> None:
    """Take what is there before the first of these tests out of the many collections they make."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def _no_windows_left_behind() -> Iterator[None]:
    """Collect what these tests leave, and keep what still lives from tests that have threads.

    A timer of Qt's whose object another thread collects goes on, and takes the process with it.
    """
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture
def qt_loop(qapp: QApplication) -> Iterator[asyncio.AbstractEventLoop]:
    """qasync's loop, running as far as Qt's own does."""
    loop = qasync.QEventLoop(qapp)
    asyncio.set_event_loop(loop)
    asyncio._set_running_loop(loop)
    yield loop
    asyncio._set_running_loop(None)
    loop.close()
    asyncio.set_event_loop(None)


@pytest.fixture
def reports() -> list[BaseException]:
    """What reached the bug handler; a test that expects something empties it."""
    return []


@pytest.fixture
def bridge(qt_loop: asyncio.AbstractEventLoop, reports: list[BaseException]) -> Iterator[Bridge]:
    """A bridge whose thread is gone afterwards, and which nothing unexpected went through."""
    bridge = Bridge(reports.append, qt_loop=qt_loop)
    yield bridge
    bridge.close_now()
    for _ in range(3):
        QCoreApplication.processEvents()
    assert reports == []


@pytest.fixture
def theme(qapp: QApplication) -> Iterator[Theme]:
    """The light theme."""
    theme = Theme(qapp, mode="light")
    yield theme
    theme.deleteLater()


@pytest.fixture
def settings(tmp_path: Path) -> SettingsStore:
    """Settings in a file of their own."""
    return SettingsStore(tmp_path / "settings.json")


STARTER = ModelFile(
    Path("/models/smol.gguf"), "SmolLM2 135M", 98_000_000, "Starter", quantization="Q4_1"
)
OTHER = ModelFile(
    Path("/models/qwen.gguf"), "Qwen3 4B", 2_500_000_000, "Downloads", quantization="Q4_K_M"
)
BROKEN = ModelFile(
    Path("/models/bad.gguf"), "bad.gguf", 40, "Downloads", problem="It ends too early."
)
CLOUD = Provider("example", "Example Cloud", "https://api.example.com/v1", Tier.STUDIO)
PRACTICE = Provider(
    "practice", "Practice cloud (on this computer)", "http://127.0.0.1:9/v1", is_practice=True
)
HERE = LocalTarget(STARTER)
HERE_TOO = LocalTarget(OTHER)
THERE = CloudTarget(CLOUD, "large-1")


@dataclass
class Library:
    """Model files that need no disk."""

    files: tuple[ModelFile, ...] = (STARTER, OTHER, BROKEN)

    def starter_path(self) -> Path | None:
        return STARTER.path

    async def listed(self) -> tuple[ModelFile, ...]:
        return self.files

    async def scan(self) -> tuple[ModelFile, ...]:
        return self.files

    async def find(self, name_or_path: str) -> ModelFile:
        return next(model for model in self.files if str(model.path) == name_or_path)

    def need(
        self, model: ModelFile, settings: LoadSettings, free_bytes: int | None = None
    ) -> MemoryNeed | None:
        return MemoryNeed(4096, settings.kv_type, model.size_bytes, 0, 10, 10)


@dataclass
class Providers:
    """One cloud provider and the practice cloud."""

    failure: PlaygroundError | None = None
    practice_starts: int = 0

    def list(self) -> tuple[Provider, ...]:
        return (CLOUD,)

    async def models(self, provider: Provider) -> tuple[CloudModel, ...]:
        if provider.is_practice:
            return (CloudModel(provider.id, "smollm2"),)
        if self.failure is not None:
            raise self.failure
        return tuple(CloudModel(provider.id, f"large-{n}") for n in (1, 2, 3))

    async def start_practice(self) -> Provider:
        self.practice_starts += 1
        return PRACTICE


def cost_of(run: Run) -> Cost:
    """What a scripted run costs."""
    if isinstance(run.target, CloudTarget):
        return Cost(0.0011, "api", Provenance.REPORTED, "12 tokens in")
    return Cost(4e-6, "electricity", Provenance.ESTIMATED, "2 s × 15 W")


@dataclass
class CompareWindow:
    """The window, its Compare page and what stands behind it."""

    window: MainWindow
    view: CompareView
    presenter: ComparePresenter
    engines: dict[str, Engine]
    providers: Providers
    votes: list[tuple[object, ...]] = field(default_factory=list)
    thumbs: list[tuple[object, ...]] = field(default_factory=list)
    """Each run id with its thumb."""
    notes: list[tuple[object, ...]] = field(default_factory=list)
    """Each turn id with its note."""

    def choose(self, *targets: Target) -> None:
        """Choose targets as the picker would."""
        self.presenter._selection.choose(targets)

    def ask(self, prompt: str) -> None:
        """Type a prompt and run it."""
        self.view.prompt_card.set_text(prompt)
        self.view.prompt_card._run.click()


@pytest.fixture
def make_compare_window(
    qtbot: QtBot, bridge: Bridge, theme: Theme, settings: SettingsStore, tmp_path: Path
) -> Iterator[Callable[..., CompareWindow]]:
    """Builds the window with engines by target label; it is gone after the test."""
    made: list[MainWindow] = []

    def make(engines: dict[str, Engine] | None = None) -> CompareWindow:
        known = dict(engines or {})
        votes: list[tuple[object, ...]] = []
        thumbs: list[tuple[object, ...]] = []
        notes: list[tuple[object, ...]] = []

        def engine_for(target: Target) -> Engine:
            return known.setdefault(
                target.label, FakeEngine.saying(f"{target.label} answers this.")
            )

        class History(ComparisonStore):
            async def vote(self, *args: object) -> None:  # type: ignore[override]  # only noted
                votes.append(args)

            async def set_thumb(self, *args: object) -> None:  # type: ignore[override]  # only noted
                thumbs.append(args)

            async def set_note(self, *args: object) -> None:  # type: ignore[override]  # only noted
                notes.append(args)

        service = ComparisonService(engine_for, None, cost_of)
        history = History(Database(tmp_path / "history.sqlite3"))
        providers = Providers()
        window = MainWindow(theme, settings, bridge)

        view = CompareView(theme)
        presenter = ComparePresenter(
            view,
            theme,
            bridge,
            service=service,
            history=history,
            judging=Judging(bridge, history),
            selection=TargetSelection(bridge, Library(), providers, settings, lambda: 8 << 30),
            settings=settings,
            notify=window.page_toast,
        )
        window.add_page("compare", "Compare", "compare", lambda: view)
        for key in ("models", "providers", "history"):
            window.add_page(key, key.title(), key, lambda: Page(theme))
        window.add_page("settings", "Settings", "settings", lambda: Page(theme), at_bottom=True)
        window.open_remembered()
        window.resize(1280, 800)
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        made.append(window)
        return CompareWindow(window, view, presenter, known, providers, votes, thumbs, notes)

    yield make
    QToolTip.hideText()
    for window in made:
        window.hide()
        window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    made.clear()
    gc.collect()


def take_turns(qtbot: QtBot, turns: int = 10) -> None:
    """Let everything happen that is due by now, and what that starts: what has not will not.

    Timers without delay fire in the order of their start, so each of these comes after them.
    """
    for _ in range(turns):
        timer = QTimer()
        timer.setSingleShot(True)
        with qtbot.waitSignal(timer.timeout):
            timer.start(0)


def every_text(root: QWidget) -> str:
    """Return everything a person or a screen reader could learn from `root`."""
    found: list[str] = []
    for widget in [root, *root.findChildren(QWidget)]:
        for name in (
            "text",
            "title",
            "windowTitle",
            "toolTip",
            "statusTip",
            "whatsThis",
            "accessibleName",
            "accessibleDescription",
            "objectName",
            "placeholderText",
            "plainText",
            "currentText",
        ):
            value = widget.property(name)
            if isinstance(value, str):
                found.append(value)
        badge = getattr(widget, "_text", None)
        if isinstance(badge, str):
            found.append(badge)
    return "\n".join(found)
