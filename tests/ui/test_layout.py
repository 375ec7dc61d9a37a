"""Nothing is cut, squeezed or off the screen: every page at every size, text scale and length."""

import ast
import asyncio
import math
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMargins, QPoint, QSize, QTranslator
from PySide6.QtGui import QFont, QFontMetrics
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QDialog,
    QFrame,
    QLabel,
    QMenu,
    QMessageBox,
    QPushButton,
    QWidget,
)

import playground
from playground.app.window import _run_program
from playground.core.advice.needs import Situation
from playground.core.advice.situation import Evidence
from playground.core.advice.words import advise
from playground.core.chat import SamplingParams
from playground.core.checks.form_table import FieldKind, FormField, schema_of
from playground.core.checks.reading import check_words
from playground.core.checks.scoring import CheckResult, score
from playground.core.evaluations import UnitResult
from playground.core.expected import Check, CheckKind, Outcome
from playground.core.names import target_names
from playground.core.prompt_sets import new_case
from playground.core.redaction import Redactor
from playground.core.runs import Provenance
from playground.core.share.comparison import About, comparison_document
from playground.core.share.document import EVERYTHING
from playground.core.share.scrubbing import Scrubber
from playground.core.targets import CloudModel, CloudTarget
from playground.services.advice import advice_rules
from playground.services.library.delete import Deletion
from playground.services.machine.telemetry import GpuShare
from playground.store.evaluations import EvaluationSummary
from playground.store.files import default_paths
from playground.ui.answers.difference_dialog import DifferenceDialog
from playground.ui.pages.compare.answer_settings import Draft
from playground.ui.pages.history.add_to_set import AddToSet
from playground.ui.pages.hub.view_models import ResultsState
from playground.ui.pages.models.actions import DeleteDialog
from playground.ui.pages.providers.dialog import ProviderDialog
from playground.ui.pages.providers.prices import PriceDialog
from playground.ui.pages.tests.answers_dialog import AnswersDialog, ShownAnswer
from playground.ui.pages.tests.chart import RightChart
from playground.ui.pages.tests.dialogs import PasteDialog, RunDialog
from playground.ui.pages.tests.words import cut_off_words, results_caption
from playground.ui.share.dialog import ShareDialog
from playground.ui.theme.palette import DARK, LIGHT, Palette
from playground.ui.theme.stylesheet import style_sheet
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import Badge, ElidedLabel, make_button, make_label
from playground.ui.widgets.folding_row import FoldingRow
from playground.ui.widgets.inputs import ComboBox
from playground.ui.widgets.layouts import make_column, make_flow
from playground.ui.widgets.popup import popup_rect
from playground.ui.widgets.segmented import Segmented
from playground.ui.window.bug_report import show_bug
from playground.ui.window.main_window import MainWindow
from tests.core.share.test_decision import OPTIONS, PAIR
from tests.servers.hub import HubServer
from tests.ui import full_home, test_meters_page
from tests.ui.layout_checker import layout_problems, popup_problems, settle
from tests.ui.page_harness import until

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

SIZES = ((900, 600), (1280, 800), (1920, 1080))
SCALES = (1.0, 1.5, 2.0)


STAGE_UNITS = 545
"""Of the screen's height, at which text on stage has its plain size."""
STAGE_WHOLE = {(1280, 800): (2, 3, 4), (1920, 1080): (2, 3, 4), (1024, 768): (2, 3)}
"""How many answers of ordinary length need no scrolling on such a stage."""

_ABOUT = About(EVERYTHING, Scrubber(), machine="16 GB of memory", version="1.0")
NOT_OURS = {
    "QFileDialog in ui/pages/history/page.py",
    "QFileDialog in ui/pages/models/page.py",
    "QFileDialog in ui/pages/settings/page.py",
    "QFileDialog in ui/pages/tests/page.py",
    "QFileDialog in ui/pages/tests/results.py",
    "QFileDialog in ui/share/presenter.py",
}
"""Dialogs of the system, or of Qt where it has none."""

Closer = Callable[[], object]
Opener = Callable[[Any], Closer | None]


class LongWords(QTranslator):
    """A language whose every word is 40 % longer than in English."""

    def translate(
        self, context: str, text: str, disambiguation: str | None = None, n: int = -1
    ) -> str:
        return " ".join(_longer(word) for word in text.split(" "))

    def isEmpty(self) -> bool:
        return False


def _longer(word: str) -> str:
    if not word.isalpha() or len(word) < 3:
        # a placeholder, a sign, HTML
        return re.sub(r"^(\w{3,})([.,:;?!…]+)$", lambda m: _longer(m[1]) + m[2], word)
    return word + "ö" * math.ceil(len(word) * 0.4)


class Walk:
    """The real program, shown page by page."""

    def __init__(self, window: MainWindow, scales: Sequence[float]) -> None:
        self.window = window
        self.scales = scales
        self.problems: list[str] = []
        self.sizes = self.all_sizes = SIZES
        self.checked = 0
        self.opened: set[str] = set()
        """What was looked at of `ABOVE`."""
        self.titles: dict[str, QPoint] = {}

    async def everywhere(self, what: str) -> None:
        """Look at what is shown now at each size."""
        for width, height in self.sizes:
            self.window.resize(width, height)
            settle()
            # what was put off to the next turn
            await asyncio.sleep(0)
            settle()
            place = f"{what} at {width}×{height}, {self.window._theme.scale:.0%}"
            if self.window.size() != QSize(width, height):
                self.problems.append(f"{place}: the window is {self.window.size()}")
            self.checked += 1
            self.problems.extend(f"{place}: {found}" for found in layout_problems(self.window))

    async def above(self, what: str, shown: QWidget | None) -> None:
        """Look at what has opened above the page, and close it."""
        for _ in range(2):
            settle()
            await asyncio.sleep(0)
        if shown is None or not shown.isVisible():
            # what folds stands on the page where there is room
            return
        self.opened.add(what)
        place = f"{what} at {self.window._theme.scale:.0%}"
        self.problems.extend(f"{place}: {found}" for found in popup_problems(shown))
        shown.close()
        settle()

    def page(self, key: str) -> Any:
        self.window.show_page(key)
        return self.window.pages.page(key)

    def scale(self, factor: float) -> None:
        # as the Settings page would: it shows what the settings say
        self.window._settings.update(text_scale=factor)
        self.window._theme.set_appearance(scale=factor)
        settle()


def walk(
    app: QApplication, home: Path, body: Callable[[Walk], Awaitable[None]], *, language: bool
) -> Walk:
    """Start the program on a full home, and run `body` once every page can be opened."""
    walks: list[Walk] = []
    tasks: list[asyncio.Task[None]] = []
    translator = LongWords()

    async def live(window: MainWindow) -> None:
        try:
            pages = window.pages
            await until(lambda: all(key in pages._factories for key in pages.keys))
            # long words that fit at both ends fit between them
            walks.append(Walk(window, (SCALES[0], SCALES[-1]) if language else SCALES))
            await body(walks[0])
        finally:
            window.close()

    def on_shown(window: MainWindow) -> None:
        tasks.append(asyncio.ensure_future(live(window)))

    if language:
        app.installTranslator(translator)
    try:
        with HubServer() as hub:
            paths = default_paths()
            full_home.fill(paths, hub, home / "folder")
            assert _run_program(app, paths, on_shown) == 0
    finally:
        app.removeTranslator(translator)
        for seen in walks:
            seen.window.deleteLater()
            seen.window._theme.deleteLater()
    tasks[0].result()
    return walks[0]


async def visit(walk: Walk) -> None:
    """Look at every page as it is, and at what can be opened on some."""
    window = walk.window
    for key in window.pages.keys:
        await SETTLED.get(key, _nothing)(walk.page(key))
    # the first scale comes again after the largest: nothing stays squeezed
    for turn, scale in enumerate((*walk.scales, SCALES[0])):
        walk.scale(scale)
        walk.sizes = SIZES[:1] if turn == len(walk.scales) else walk.all_sizes
        for key in window.pages.keys:
            page = walk.page(key)
            await walk.everywhere(key)
            for name, open_it in OPENED.get(key, {}).items():
                close_it = open_it(page)
                settle()
                await walk.everywhere(f"{key}, {name}")
                if close_it is not None:
                    close_it()
            walk.window.resize(*SIZES[0])
            settle()
            for name, (below, open_above) in ABOVE.items():
                if below == key:
                    await walk.above(name, open_above(walk, page))
            for box in page.findChildren(QComboBox):
                if box.isVisible() and turn < len(walk.scales):
                    box.showPopup()
                    await walk.above("list of a box", box.view().window())
                    box.hidePopup()


async def look_at_titles(walk: Walk) -> None:
    """Note where the title of each page stands."""
    walk.window.resize(*SIZES[1])
    for key in walk.window.pages.keys:
        page = walk.page(key)
        await SETTLED.get(key, _nothing)(page)
        titles = [
            label
            for label in page.findChildren(QLabel)
            if label.property("role") == "title" and label.isVisible()
        ]
        first = min(titles, key=lambda label: label.mapTo(page, QPoint(0, 0)).y())
        walk.titles[key] = first.mapTo(page, first.rect().center())


async def look_at_stage(walk: Walk) -> None:
    """Look at comparisons of two, four and six answers as a room sees them."""
    view = walk.page("compare")
    # what is on the page already has to go along, buttons and all; so have those who read it large
    walk.scale(SCALES[-1])
    view.presenter.open_comparison(full_home.comparison(6))
    settle()
    walk.window.set_presentation_mode(on=True)
    await until(lambda: walk.window.size() == walk.window.screen().size())
    settle()
    walk.sizes = SIZES[1:]
    for count in (6, 4, 3, 2, 6):
        view.presenter.open_comparison(full_home.comparison(count))
        settle()
        walk.window._theme.set_appearance(presentation_scale=SIZES[1][1] / STAGE_UNITS)
        await walk.everywhere(f"stage, {count} panes")
        for size in SIZES[1:]:
            walk.window.resize(*size)
            walk.window._theme.set_appearance(presentation_scale=size[1] / STAGE_UNITS)
            for is_asking in (True, False):
                view.header.ask_button.setChecked(is_asking)
                for _ in range(3):
                    settle()
                    await asyncio.sleep(0)
                place = f"stage, {count} panes at {size}{', asking' if is_asking else ''}"
                if view.grid.verticalScrollBar().maximum():
                    over = view.grid.verticalScrollBar().maximum()
                    walk.problems.append(f"{place}: they have to be scrolled by {over}")
                walk.problems.extend(
                    f"{place}: {pane.accessibleName()} is not read from its beginning"
                    for pane in view.panes
                    # of one that failed, what went wrong is
                    if pane._scroll.verticalScrollBar().value() and not pane.turn.error_card
                )
    assert walk.window._theme.px(15) >= 22
    for (width, height), counts in STAGE_WHOLE.items():
        walk.window._theme.set_appearance(presentation_scale=height / STAGE_UNITS)
        walk.window.resize(width, height)
        for count in counts:
            view.presenter.open_comparison(full_home.comparison(count, ordinary=True))
            settle()
            await until(lambda: not view.grid._fit.isActive())
            settle()
            place = f"stage of {width}×{height}, {count} answers"
            walk.problems.extend(
                f"{place}: {pane.accessibleName()} has to be scrolled"
                for pane in view.panes
                if pane._scroll.verticalScrollBar().maximum()
            )
            for pane in view.panes:
                assert pane.metrics.geometry().bottom() < pane._scroll.geometry().top()
            figures = [figure for pane in view.panes for figure in pane.metrics._figures]
            assert len({figure.shrink for figure in figures if figure.isVisible()}) == 1
            assert not view.grid.horizontalScrollBar().maximum()
            # larger than in the window, whatever had to shrink
            assert view.panes[0].turn.answer.document().begin().charFormat().font().pixelSize() > 15
    page = walk.page("meters")
    _at_work(page)
    await walk.everywhere("stage, live use")
    assert not page._scroll.verticalScrollBar().maximum()
    walk.page("compare")
    walk.window.resize(*SIZES[1])
    settle()
    back = next(b for b in view.findChildren(QPushButton) if b.text() == "Esc or F11: back")
    assert back.isVisible()
    assert not walk.window.status_bar.isVisible()
    back.click()
    assert walk.window.rail.isVisible()
    assert not back.isVisible()


async def _nothing(_page: QWidget) -> None:
    settle()


async def _models(page: Any) -> None:
    await until(page.list.focus_list)
    await until(lambda: page._beside.currentIndex() == 1)
    # the one that has no place to break it
    rows = page.list._table.model()

    def place() -> int | None:
        names = [rows.index(row, 0).data() for row in range(rows.rowCount())]
        return next((row for row, name in enumerate(names) if full_home.UNBROKEN in name), None)

    await until(lambda: place() is not None)
    page.list._table.selectRow(place())
    await until(lambda: page.details._row.model.name == full_home.UNBROKEN)


async def _hub(page: Any) -> None:
    await until(lambda: page.featured._cards)
    page._search.setText(full_home.LONG)
    page.searched.emit()
    await until(page.panel.results.rowCount)
    page.panel.list.choose_row(0)
    await until(page.details.versions._versions.rowCount)


async def _history(page: Any) -> None:
    await until(page.comparisons.rowCount)
    page.list.choose_row(0)
    await until(lambda: page.detail.answers.panes)


async def _tests(page: Any) -> None:
    await until(lambda: page.presenter.draft.prompt_set)
    # the first results that are shown load the chart
    close_it = _results(page)
    await until(lambda: page.results.findChildren(RightChart))
    close_it()


SETTLED: dict[str, Callable[[Any], Awaitable[None]]] = {
    "tests": _tests,
    "models": _models,
    "hub": _hub,
    "history": _history,
}


def _compare(count: int, *, hidden_names: bool = False) -> Opener:
    def show(page: Any) -> None:
        comparison = full_home.comparison(count, hidden_names=hidden_names)
        page.presenter.open_comparison(comparison)

    return show


def _no_models(page: Any) -> None:
    page.presenter._selection.choose(())


def _form(page: Any) -> Closer:
    rows = (FormField("mood", FieldKind.ONE_OF, True, ("good", "bad")), FormField("reason"))
    page.header.drawer_button.click()
    page.settings.set_drafts(Draft(SamplingParams(schema=schema_of(rows))))

    def close() -> None:
        page.settings.set_drafts(Draft())
        page.header.drawer_button.click()

    return close


def _checks(page: Any) -> Closer:
    checks = (Check(CheckKind.CONTAINS, "ship"), Check(CheckKind.MAX_WORDS, "60"))
    page.prompt_card.set_checks(checks)
    outcomes = (Outcome.RIGHT, Outcome.WRONG)
    results = [CheckResult(c, o, "So it is.") for c, o in zip(checks, outcomes, strict=True)]
    for pane in page.panes:
        pane.show_checks(results)
    return lambda: page.prompt_card.set_checks(())


def _toggled(part: Callable[[Any], Any]) -> Opener:
    def press(page: Any) -> Closer:
        part(page).click()
        return part(page).click

    return press


def _entry(page: Any) -> Closer:
    page._open_entry()
    return page._close_entry


def _message(page: Any) -> Closer:
    page.sets.table.choose(page.sets.cases.case_at(0).id)
    return page.sets.close_case


def _unreadable(page: Any) -> Closer:
    page.sets.table.choose(page.sets.cases.case_at(1).id)
    page.sets.editor._on_add()
    page.sets.editor._rows[-1]._on_edited()
    return page.sets.close_case


def _folded_open(page: Any) -> Closer:
    card = page.sets.card
    for fold in (card._asked, card._words):
        fold._button.setChecked(True)
    return lambda: [fold.fold() for fold in (card._asked, card._words)]


def _running(page: Any) -> Closer:
    evaluation = full_home.evaluation()
    progress = full_home.progress(evaluation)
    plan = full_home.plan(evaluation)
    page.show_running(progress, evaluation, plan, 0.5)
    page.show_state("Running", "accent", is_running=True, is_paused=False, is_finished=False)
    page.running.show_remark(full_home.ANSWER.split("\n", maxsplit=1)[0])
    return page.show_sets


def _results(page: Any) -> Closer:
    evaluation = full_home.evaluation()
    done = [
        UnitResult(
            unit, "", "", tuple(Outcome)[number % 7 % 3], (full_home.LONG,), words_per_s=12.5,
            usd=0.001, usd_provenance=Provenance.ESTIMATED,
        )
        for number, unit in enumerate(evaluation.units)
    ]  # fmt: skip
    page.presenter.results.show(evaluation, done)
    page.results.show_earlier("Against the run of 2026-11-28 08:02", full_home.ANSWER, "")
    page.results.show_cut_off(cut_off_words(12, 4000))
    page.describe_results(results_caption(evaluation), not_scored=12, has_earlier=True)
    page.show_results(evaluation.prompt_set.name)
    return page.show_sets


def _named(page: Any) -> Closer:
    page.sets.card.rename()
    page.sets.card._on_name_typed("")
    return page.sets.card._end_renaming


def _featured(page: Any) -> None:
    page.show_listing(ResultsState.FEATURED)


def _found(page: Any) -> None:
    page.show_listing(ResultsState.RESULTS)


def _at_work(page: Any) -> None:
    """Show a graphics card and two models with long names, one of them writing."""
    page._strip.stop()
    now_s = time.perf_counter()
    sample = test_meters_page.sample(test_meters_page.CARD, qwen=GpuShare(61.0, 3_100_000_000))
    names = (full_home.LONG, full_home.UNBROKEN)
    work = [
        replace(model, name=name)
        for model, name in zip(test_meters_page.at_work(now_s), names, strict=True)
    ]
    workers = [replace(one, name=name) for one, name in zip(sample.workers, names, strict=True)]
    page._work = lambda _since_s: work
    page._strip.show_sample(replace(sample, workers=tuple(workers)))


def _advised(page: Any) -> None:
    """Show an answer on models with long names."""
    evidence = Evidence(
        tuple(
            replace(option, label=name, name=f"{name} on this computer")
            for option, name in zip(OPTIONS, (full_home.LONG, full_home.UNBROKEN), strict=True)
        ),
        (PAIR,),
    )
    page.show_advice(advise(Situation(), evidence, advice_rules()), 200)


OPENED: dict[str, dict[str, Opener]] = {
    "advice": {"an answer": _advised},
    "compare": {
        "nothing chosen": _no_models,
        "two panes": _compare(2),
        "answer settings": _toggled(lambda page: page.header.drawer_button),
        "a form": _form,
        "checks": _checks,
        "names hidden": _compare(2, hidden_names=True),
        "six panes": _compare(6),
    },
    "tests": {
        "results": _results,
        "a message": _message,
        "a check that cannot be read": _unreadable,
        "all open": _folded_open,
        "being renamed": _named,
        "running": _running,
    },
    "models": {
        "one model": _entry,
        "cards": _toggled(lambda page: page._layout_choice._buttons["grid"]),
        "list": _toggled(lambda page: page._layout_choice._buttons["list"]),
    },
    "meters": {"models at work": _at_work},
    "hub": {"featured": _featured, "one model": _entry, "found": _found},
    "history": {
        "one comparison": _entry,
        "votes": _toggled(lambda page: page._sections._buttons["votes"]),
        "comparisons": _toggled(lambda page: page._sections._buttons["list"]),
    },
}
"""What is opened on each page, in this order; `None` leaves it open for the next."""


def _menu(open_it: Callable[[Any], object]) -> Callable[[Walk, Any], QWidget | None]:
    def show(_walk: Walk, page: Any) -> QWidget | None:
        open_it(page)
        return QApplication.activePopupWidget()

    return show


def _file_menu(_walk: Walk, page: Any) -> QWidget:
    menu = page.details.findChild(QMenu)
    menu.popup(page.mapToGlobal(QPoint(0, 0)))
    return menu


def _machine(walk: Walk, _page: Any) -> QWidget | None:
    walk.window.status_bar.show_details(walk.window.status_bar)
    return QApplication.activePopupWidget()


def _bug(walk: Walk, _page: Any) -> QWidget | None:
    show_bug(walk.window, ValueError("it broke"), Redactor())
    return walk.window.findChild(QMessageBox, "bug")


def _deletion(_walk: Walk, page: Any) -> QWidget:
    model = full_home.targets(1)[0].model
    dialog = DeleteDialog(page, model, Deletion((model.path,), model.size_bytes, "LM Studio"))
    dialog.open()
    return dialog


def _new_provider(_walk: Walk, page: Any) -> QWidget | None:
    page._add.click()
    return page.findChild(ProviderDialog)


def _prices(walk: Walk, page: Any) -> QWidget:
    provider = full_home.PROVIDERS[1]
    dialog = PriceDialog(walk.window._theme, provider, page)
    models = [target.model for target in full_home.targets(6) if isinstance(target, CloudTarget)]
    dialog.show_models(tuple(CloudModel(provider.id, model) for model in models))
    dialog.open()
    return dialog


def _earlier(_walk: Walk, page: Any) -> QWidget | None:
    when = datetime.now(UTC)
    page.presenter._earlier = [EvaluationSummary("e", "s", "S", when, when, 240, 240, False)]
    page.presenter._on_earlier()
    return QApplication.activePopupWidget()


def _paste(walk: Walk, page: Any) -> QWidget:
    dialog = PasteDialog(walk.window._theme, page)
    dialog.show_problem(full_home.ANSWER.split("\n", maxsplit=1)[0])
    dialog.open()
    return dialog


def _run_dialog(walk: Walk, page: Any) -> RunDialog:
    evaluation = full_home.evaluation()
    name = evaluation.prompt_set.name
    dialog = RunDialog(walk.window._theme, name, page, [(name, "a"), ("Another", "b")])
    dialog.show_targets(evaluation.targets, 8)
    plan = full_home.plan(evaluation)
    dialog.show_plan(evaluation, plan, [full_home.ANSWER.split("\n", maxsplit=1)[0]])
    dialog.open()
    return dialog


def _run_picker(walk: Walk, page: Any) -> QWidget:
    dialog = _run_dialog(walk, page)
    dialog.open_picker()
    dialog.picker.closed.connect(dialog.reject)
    return dialog.picker


def _answers(walk: Walk, page: Any) -> QWidget:
    (turn,) = full_home.comparison(6).turns
    check = Check(CheckKind.CONTAINS, full_home.LONG)
    dialog = AnswersDialog(walk.window._theme, page)
    names = target_names([run.target for run in turn.runs])
    answers = [
        ShownAnswer(run, score((check,), run), 0, names[run.target.key]) for run in turn.runs
    ]
    dialog.show_answers("Message 12", turn.prompt, [check_words(check)], answers)
    dialog.open()
    return dialog


def _share(_walk: Walk, page: Any) -> QWidget | None:
    """Open it on six answers with long names, with what it says where a file cannot be written."""
    page.presenter.open_comparison(full_home.comparison(6))
    page.header.share_button.click()
    dialog = page.window().findChild(ShareDialog)
    dialog.show_file(comparison_document(page.presenter.ended, {}, _ABOUT), "a text", 123_456)
    dialog.show_problem(full_home.ANSWER.split("\n", maxsplit=1)[0])
    return dialog


def _difference(_walk: Walk, page: Any) -> QWidget | None:
    (turn,) = full_home.comparison(6).turns
    page.show_difference(turn)
    return page.window().findChild(DifferenceDialog)


ABOVE: dict[str, tuple[str, Callable[[Walk, Any], QWidget | None]]] = {
    "QMenu in ui/pages/compare/page.py": (
        "compare",
        _menu(lambda page: page.prompt_card._open_ideas()),
    ),
    "QMenu in ui/pages/models/details.py": ("models", _file_menu),
    "QMenu in ui/widgets/folding_row.py": (
        "compare",
        _menu(lambda page: page.header._actions._open_menu()),
    ),
    "Foldable in ui/pages/compare/page.py": (
        "compare",
        _menu(lambda page: page._folded_chips._open()),
    ),
    "Foldable in ui/pages/hub/page.py": ("hub", _menu(lambda page: page._folded_filters._open())),
    "Popup in ui/widgets/popup.py": ("compare", _menu(lambda page: page._folded_chips._open())),
    "TargetPicker in ui/pages/compare/page.py": ("compare", _menu(lambda page: page.open_picker())),
    "DetailsPopup in ui/answers/response_pane.py": (
        "compare",
        _menu(lambda page: page.panes[0].metrics.clicked.emit()),
    ),
    "DetailsPopup in ui/window/status_bar.py": ("settings", _machine),
    "QMessageBox in ui/window/bug_report.py": ("settings", _bug),
    "DeleteDialog in ui/pages/models/actions.py": ("models", _deletion),
    "ProviderDialog in ui/pages/providers/presenter.py": ("providers", _new_provider),
    "PriceDialog in ui/pages/providers/presenter.py": ("providers", _prices),
    "Popup in ui/pages/compare/checks.py": (
        "compare",
        _menu(lambda page: page.prompt_card.check_bar.open_editor(page.prompt_card._run)),
    ),
    "QMenu in ui/pages/history/add_to_set.py": (
        "history",
        _menu(lambda page: page.findChild(AddToSet)._open_menu([], new_case("?"))),
    ),
    "QMenu in ui/pages/tests/page.py": ("tests", _menu(lambda page: page._open_export())),
    "QMenu in ui/pages/tests/sets_view.py": (
        "tests",
        _menu(lambda page: page.sets._open_menu(page.mapToGlobal(QPoint(200, 200)))),
    ),
    "QMenu in ui/pages/tests/presenter.py": ("tests", _earlier),
    "PasteDialog in ui/pages/tests/presenter.py": ("tests", _paste),
    "RunDialog in ui/pages/tests/runner.py": ("tests", _run_dialog),
    "TargetPicker in ui/pages/tests/dialogs.py": ("tests", _run_picker),
    "AnswersDialog in ui/pages/tests/answers_dialog.py": ("tests", _answers),
    "ShareDialog in ui/share/presenter.py": ("compare", _share),
    "DifferenceDialog in ui/answers/difference_dialog.py": ("history", _difference),
}
"""What opens above a page, by where it is made → the page it is looked at on, and its opener."""


def _made_above_pages() -> set[str]:
    """Return every class of a menu, dialog or popup with the module that makes one."""
    root = Path(playground.__file__).parent
    trees = {path: ast.parse(path.read_text("utf-8")) for path in (root / "ui").rglob("*.py")}
    kinds = {"QMenu", "QDialog", "QMessageBox", "QFileDialog", "QInputDialog", "Foldable"}
    classes = [
        one for tree in trees.values() for one in ast.walk(tree) if isinstance(one, ast.ClassDef)
    ]
    for one in classes:
        bases = {base.id for base in one.bases if isinstance(base, ast.Name)}
        if bases & kinds or "WindowType.Popup" in ast.unparse(one):
            kinds.add(one.name)
    return {
        f"{call.func.id} in {path.relative_to(root).as_posix()}"
        for path, tree in trees.items()
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in kinds
    }


def test_every_dialog_menu_and_popup_is_looked_at() -> None:
    assert _made_above_pages() == ABOVE.keys() | NOT_OURS


@pytest.fixture(autouse=True)
def runtime_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder a desktop has for what lives as long as its session."""
    folder = tmp_path / "runtime"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))


def test_nothing_is_cut_on_any_page(qapp: QApplication, playground_home: Path) -> None:
    look_at_every_page(qapp, playground_home, language=False)


def look_at_every_page(app: QApplication, home: Path, *, language: bool) -> None:
    seen = walk(app, home, visit, language=language)
    assert seen.checked > 100
    assert ABOVE.keys() <= seen.opened
    assert not seen.problems, f"{len(seen.problems)} faults:\n{chr(10).join(seen.problems)}"


def test_light_and_dark_differ_in_colours_alone() -> None:
    """What holds for the sizes in one theme holds in the other."""
    light, dark = (
        re.sub(r"#[0-9a-f]{6}", "colour", style_sheet(palette, 1.5)) for palette in (LIGHT, DARK)
    )
    assert light == dark


@pytest.fixture
def shown(qapp: QApplication) -> Iterator[QWidget]:
    """A widget on the screen, 300 by 200."""
    widget = QWidget()
    widget.resize(300, 200)
    widget.show()
    yield widget
    widget.hide()
    widget.deleteLater()


def test_the_checker_sees_what_is_cut(shown: QWidget, theme: Theme) -> None:
    label, button = make_label("A rather long sentence", "title"), make_button("Press this")
    elided, badge = ElidedLabel("A rather long name"), Badge(theme, "A rather long verdict")
    button.setCheckable(True)
    for place, part in enumerate((label, button, elided, badge)):
        part.setParent(shown)
        part.setGeometry(0, 40 * place, 30, 20)
        part.show()
    QLabel("outside", shown).move(280, 0)
    shown.findChildren(QLabel)[-1].show()
    found = "\n".join(layout_problems(shown))
    for part in ("sentence", "Press this", "long name", "long verdict", "is not inside"):
        assert part in found


def test_words_in_bold_have_room_in_every_button_that_can_be_chosen(
    shown: QWidget, theme: Theme
) -> None:
    segments = Segmented((("a", "One at a time · fair", ""), ("b", "All at once", "")))
    make_column(segments, 1, parent=shown)
    shown.resize(500, 200)
    settle()
    assert layout_problems(shown) == []
    for button in segments.findChildren(QPushButton):
        bold = QFont(button.font())
        bold.setWeight(QFont.Weight.DemiBold)
        # the style sheet's padding on both sides, and a border on one at least
        assert button.width() >= QFontMetrics(bold).horizontalAdvance(button.text()) + 27


def test_a_row_folds_before_what_is_beside_it_goes_to_another_line(
    shown: QWidget, theme: Theme
) -> None:
    rare, often = make_button("Something rare"), make_button("Often")
    row = FoldingRow(theme, rare)
    make_column(make_flow(make_label("Title"), 1, row, often), 1, parent=shown)
    settle()
    assert rare.isVisible()
    shown.resize(220, 200)
    settle()
    assert not rare.isVisible()
    assert often.y() < 40
    pressed: list[bool] = []
    rare.clicked.connect(lambda: pressed.append(True))
    row.more.click()
    menu = row.findChild(QMenu)
    assert menu is not None
    menu.actions()[0].trigger()
    menu.close()
    assert pressed == [True]


def test_a_folded_row_whose_buttons_become_shorter_unfolds(shown: QWidget, theme: Theme) -> None:
    rare = make_button("Something that there is no room for at all")
    make_column(make_flow(make_label("Title"), 1, FoldingRow(theme, rare)), 1, parent=shown)
    shown.resize(220, 200)
    settle()
    assert not rare.isVisible()
    for words in ("Something that there is still no room for", "Short"):
        rare.setText(words)
        settle()
    assert rare.isVisible()


def test_what_scales_comes_back_to_its_first_size(shown: QWidget, theme: Theme) -> None:
    column = make_column(make_label("Words"), parent=shown, margins=(7, 5, 3, 1), spacing=9)
    for scale, margins, gap in ((1.5, (10, 8, 4, 2), 14), (2.0, (14, 10, 6, 2), 18)):
        theme.set_appearance(scale=scale)
        assert column.contentsMargins() == QMargins(*margins)
        assert column.spacing() == gap
    theme.set_appearance(scale=1.0)
    assert column.contentsMargins() == QMargins(7, 5, 3, 1)
    assert column.spacing() == 9


@pytest.mark.parametrize("corner", [(0, 0), (700, 0), (0, 700), (700, 700)])
def test_a_popup_is_whole_on_the_screen(
    shown: QWidget, theme: Theme, corner: tuple[int, int]
) -> None:
    shown.move(*corner)
    screen = shown.screen().availableGeometry()
    for size in (QSize(300, 300), QSize(5000, 5000)):
        assert screen.contains(popup_rect(shown, size))


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_a_dialog_has_a_border(qapp: QApplication, theme: Theme, palette: Palette) -> None:
    theme.set_appearance(mode="dark" if palette.is_dark else "light")
    dialog = QDialog()
    dialog.resize(200, 100)
    dialog.show()
    image = dialog.grab().toImage()
    dialog.hide()
    dialog.deleteLater()
    assert image.pixelColor(0, 50).name() == palette.line
    assert image.pixelColor(100, 50).name() == palette.background


def test_a_drop_down_list_has_round_corners_and_one_frame(shown: QWidget, theme: Theme) -> None:
    box = ComboBox(theme, "Order", [("One", 1), ("Two", 2)])
    make_column(box, 1, parent=shown)
    settle()
    box.showPopup()
    popup = box.view().window()
    assert not popup.mask().contains(QPoint(0, 0))
    assert popup.mask().contains(popup.rect().center())
    assert box.view().frameShape() is QFrame.Shape.NoFrame
    box.hidePopup()


def test_on_stage_everything_is_large_and_fits_up_to_six_answers(
    qapp: QApplication, playground_home: Path
) -> None:
    seen = walk(qapp, playground_home, look_at_stage, language=False)
    assert not seen.problems, "\n".join(seen.problems)


def test_titles_of_all_pages_stand_at_one_height(qapp: QApplication, playground_home: Path) -> None:
    seen = walk(qapp, playground_home, look_at_titles, language=False)
    assert seen.titles.keys() == set(seen.window.pages.keys)
    heights = {key: title.y() for key, title in seen.titles.items()}
    assert max(heights.values()) - min(heights.values()) <= 1, heights


def test_nothing_is_cut_where_a_language_has_longer_words(
    qapp: QApplication, playground_home: Path
) -> None:
    # so far from the other walk that two processes take one each
    look_at_every_page(qapp, playground_home, language=True)
