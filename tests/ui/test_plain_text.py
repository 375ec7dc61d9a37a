"""No text from outside is read as HTML: names, prompts, answers, cards, errors and links."""

import ast
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt, QUrl
from PySide6.QtGui import QColor, QHelpEvent, QImage, QTextBlock, QTextCursor, QTextDocument
from PySide6.QtGui import Qt as TextQt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHeaderView,
    QLabel,
    QLineEdit,
    QListWidget,
    QMessageBox,
    QTableView,
    QTableWidget,
    QTextEdit,
    QToolTip,
    QWidget,
)
from pytestqt.qtbot import QtBot

import playground.ui
from playground.core.chat import SamplingParams
from playground.core.errors import PlaygroundError, RateLimited
from playground.core.events import Notice, ReasoningDelta
from playground.core.hub import HubModel
from playground.core.redaction import Redactor
from playground.core.runs import HostContact
from playground.core.targets import CloudModel, CloudTarget, LocalTarget, ModelFile, Provider
from playground.engines.llama.work_log import WorkKind, WorkSpan
from playground.services.machine.gpu import GpuSample
from playground.services.worker_pool import ModelWork
from playground.ui.answers.turn_view import TokenView
from playground.ui.pages.compare.answer_settings import Draft
from playground.ui.pages.hub.results import ResultListModel
from playground.ui.pages.hub.view_models import ResultRow
from playground.ui.pages.meters.page import MetersPage
from playground.ui.pages.models.list import Column
from playground.ui.pages.providers.prices import PriceDialog
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import plain_tooltip
from playground.ui.widgets.markdown.view import MarkdownView
from playground.ui.window.bug_report import show_bug
from playground.ui.window.status_bar import StatusBar
from tests.core.gguf_files import Dense, write_dense
from tests.fakes.engine import FakeEngine, Script
from tests.servers.hub import HubServer
from tests.servers.scripted_openai import Reply, ScriptedOpenAI
from tests.ui import conftest, test_downloads_page, test_history_page, test_hub_page
from tests.ui.conftest import every_text
from tests.ui.page_harness import PageHarness, click, harness, named, until
from tests.ui.test_models_page import Models
from tests.ui.test_providers_page import Providers
from tests.ui.test_status_strip import sample

__all__ = ["harness"]

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

EVIL = "<img src=p.png><b>evil & &lt;i&gt; < x"
"""HTML with a picture and entities, and a plain “less than”; it fits into a file's name."""
EVIL_FILE = "&lt;b&gt;evil"
"""What is left of it in the names that are taken from a server."""

ToolTip = Qt.ItemDataRole.ToolTipRole


def _formats(block: QTextBlock) -> Iterator[Any]:
    while block.isValid():
        iterator = block.begin()
        while not iterator.atEnd():
            yield iterator.fragment().charFormat()
            iterator += 1
        block = block.next()


def check_tooltip(tip: object) -> None:
    """A tooltip is plain, or HTML that shows a plain text to the letter."""
    if not isinstance(tip, str) or not TextQt.mightBeRichText(tip):
        return
    document = QTextDocument()
    document.setHtml(tip)
    assert plain_tooltip(document.toPlainText()) == tip


def check_marked(html: str) -> None:
    """A line with our own marks, and our own links at its end, has nothing else in it."""
    html = html.removesuffix(' <a href="note">Add a note</a>')
    html = html.removesuffix(' <a href="advice">So, local or cloud?</a>')
    html = html.removesuffix(' <a href="difference">What differs?</a>')
    assert set(re.findall(r"</?\w+", html)) <= {"<b", "</b"}
    document = QTextDocument()
    document.setHtml(html)
    for given in _formats(document.begin()):
        assert not given.isImageFormat()
        assert not given.isAnchor()
    # the own marks enclose words and amounts of ours, never a name
    assert "<img src=p" in document.toPlainText() or "img" not in html


def check_view(view: QAbstractItemView) -> None:
    if isinstance(view, QHeaderView):
        for section in range(view.count()):
            data = view.model().headerData(section, view.orientation(), ToolTip)
            check_tooltip(data)
        return
    model = view.model()
    columns = view.model().columnCount() if isinstance(view, QTableView) else 1
    for row in range(model.rowCount() if model is not None else 0):
        for column in range(columns):
            check_tooltip(model.index(row, column).data(ToolTip))


def check_plain(*roots: QWidget) -> int:
    """Walk every widget below `roots`; return how many of them show text from outside."""
    found = 0
    for widget in (one for root in roots for one in (root, *root.findChildren(QWidget))):
        check_tooltip(widget.toolTip())
        is_part = not widget.findChildren(QWidget)
        found += is_part and "evil" in every_text(widget)
        if isinstance(widget, QLabel) and widget.text():
            if widget.textFormat() is Qt.TextFormat.RichText:
                check_marked(widget.text())
            else:
                assert widget.textFormat() is Qt.TextFormat.PlainText, widget.text()
        elif isinstance(widget, QMessageBox):
            assert widget.textFormat() is Qt.TextFormat.PlainText
        elif isinstance(widget, QAbstractItemView):
            check_view(widget)
        elif isinstance(widget, QTextEdit):
            for given in _formats(widget.document().begin()):
                check_tooltip(given.toolTip())
                assert not given.isImageFormat()
    return found


def hover(widget: QWidget, place: QPoint) -> str:
    """Rest the pointer on a place; return the tooltip as a person reads it."""
    event = QHelpEvent(QEvent.Type.ToolTip, place, widget.mapToGlobal(place))
    QApplication.sendEvent(widget, event)
    tip = QToolTip.text()
    check_tooltip(tip)
    if not TextQt.mightBeRichText(tip):
        return tip
    document = QTextDocument()
    document.setHtml(tip)
    return document.toPlainText()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A picture on this computer."""
    path = tmp_path / "private.png"
    image = QImage(900, 700, QImage.Format.Format_RGB32)
    image.fill(QColor("red"))
    assert image.save(str(path))
    return path


def test_hovering_a_link_shows_its_address_and_opens_no_file(
    picture: Path, theme: Theme, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = MarkdownView(theme)
    qtbot.addWidget(view)
    view.resize(420, 200)
    view.show()
    address = f"http://a.example/<img src='{QUrl.fromLocalFile(str(picture)).toString()}'>"
    escaped = re.sub("([<>])", r"\\\1", address)
    view.set_text(f"[click](<{escaped}>)")
    assert view.toPlainText() == "click"
    shown = hover(view.viewport(), QPoint(8, 14))
    assert shown == address.replace("<", "%3C").replace(">", "%3E").replace(" ", "%20")
    tips = [w for w in QApplication.topLevelWidgets() if w.inherits("QTipLabel")]
    assert all(tip.sizeHint().height() < 200 for tip in tips), "the picture is in the tooltip"
    QToolTip.hideText()


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        ("[a](http://a.example/x?b=1&c=2)", "http://a.example/x?b=1&c=2"),
        ('[a](http://a.example "<b>http://bank.example</b>")', "http://a.example"),
        (r"[a](<http://a.example/\<b\>bank\</b\>>)", "http://a.example/%3Cb%3Ebank%3C/b%3E"),
        ("[a](<http://a.example/&lt;b&gt;>)", "http://a.example/&lt;b&gt;"),
        ("[a](http://a.example/\u202egnp.knab)", "http://a.example/%E2%80%AEgnp.knab"),
        ("[a](http://b\u0430nk.example)", "http://xn--bnk-6cd.example"),
    ],
)
def test_the_address_of_a_link_cannot_be_faked(
    markdown: str, shown: str, theme: Theme, qtbot: QtBot
) -> None:
    view = MarkdownView(theme)
    qtbot.addWidget(view)
    view.resize(420, 200)
    view.show()
    view.set_text(markdown)
    assert hover(view.viewport(), QPoint(3, 14)) == shown
    QToolTip.hideText()


@pytest.mark.parametrize("text", [EVIL, "a < b & c", "a  <b>\n\n  c", "&lt;b&gt;", "1 & 2\n3", ""])
def test_a_tooltip_reads_to_the_letter(text: str, qtbot: QtBot) -> None:
    widget = QWidget()
    qtbot.addWidget(widget)
    widget.resize(40, 40)
    widget.setToolTip(plain_tooltip(text))
    widget.show()
    QToolTip.hideText()
    qtbot.waitUntil(lambda: not QToolTip.isVisible())
    assert hover(widget, QPoint(5, 5)) == text
    QToolTip.hideText()


def test_the_compare_page_reads_nothing_as_html(
    make_compare_window: Callable[..., conftest.CompareWindow],
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = ModelFile(Path(f"/m/{EVIL}.gguf"), EVIL, 98_000_000, EVIL, quantization=EVIL)
    broken = replace(model, path=Path(f"/m/{EVIL}2.gguf"), problem=EVIL)
    provider = Provider("evil", EVIL, f"https://evil.example/{EVIL}")
    here, there = LocalTarget(model), CloudTarget(provider, f"{EVIL} large")
    failing = CloudTarget(provider, f"{EVIL} failing")

    async def files(_self: object) -> tuple[ModelFile, ...]:
        return (model, broken)

    async def offered(_self: object, _provider: Provider) -> tuple[CloudModel, ...]:
        return (CloudModel("evil", EVIL),)

    monkeypatch.setattr(conftest.Library, "listed", files)
    monkeypatch.setattr(conftest.Library, "scan", files)
    monkeypatch.setattr(conftest.Providers, "models", offered)
    monkeypatch.setattr(conftest.Providers, "list", lambda _self: (provider,))
    answer = f"{EVIL} [link](<http://a/\\<img src='p.png'\\>>)"
    steps = ((0, ReasoningDelta(0, EVIL)), (0, Notice(0, "evil", EVIL)), (0, answer))
    stage = make_compare_window(
        {
            here.label: FakeEngine(Script(steps=steps)),
            there.label: FakeEngine(Script(steps=steps, hosts=(HostContact(EVIL, 9),))),
            failing.label: FakeEngine.failing(RateLimited(EVIL, hint=EVIL), after=[EVIL]),
        }
    )
    stage.view.settings.set_drafts(Draft(SamplingParams(logprobs=3), ""))
    stage.choose(here, there, failing)
    stage.ask(EVIL)
    qtbot.waitUntil(lambda: not stage.presenter.is_running)
    tokens = stage.view.findChild(TokenView)
    tokens._text.moveCursor(QTextCursor.MoveOperation.Start)
    assert tokens._text.find("link")
    assert "evil" in tokens._about.text()
    stage.view.panes[0].metrics.clicked.emit()
    stage.presenter._target_bar.open_picker()
    qtbot.waitUntil(lambda: stage.view.picker._model.rowCount() > 2)
    stage.window.toast(EVIL)
    stage.window.report(PlaygroundError(EVIL, hint=EVIL))
    show_bug(stage.window, RuntimeError(EVIL), Redactor())
    assert check_plain(stage.window, stage.view.picker) > 10
    box = stage.window.findChild(QMessageBox, "bug")
    assert box is not None
    assert EVIL in box.detailedText()
    box.reject()
    stage.view.picker.close()


def test_the_strip_reads_nothing_as_html(theme: Theme, qtbot: QtBot) -> None:
    strip = StatusBar(theme)
    qtbot.addWidget(strip)
    # wide enough for the name of the card
    strip.resize(1600, 34)
    strip.show()
    strip.show_sample(sample(GpuSample(EVIL, 63.0, 4_100_000_000, 8_000_000_000)))
    spans = (WorkSpan(WorkKind.WRITING, time.perf_counter() - 9),)
    page = MetersPage(theme, strip, lambda _since_s: (ModelWork(EVIL, 4242, spans),))
    qtbot.addWidget(page)
    page.show()
    strip.show_sample(sample(GpuSample(EVIL, 63.0, 4_100_000_000, 8_000_000_000)))
    assert check_plain(page) > 0
    told = page._charts[0]._plot._told_at(int(page._charts[0]._plot._area().right()))
    assert EVIL in told
    page.set_presentation_mode(on=True)
    assert check_plain(page) > 0
    strip.show_details(strip)
    assert check_plain(strip) > 0


def test_the_history_page_reads_nothing_as_html(harness: PageHarness) -> None:
    model = ModelFile(Path(f"/m/{EVIL}.gguf"), EVIL, 98_000_000, EVIL, quantization=EVIL)
    targets = (LocalTarget(model), CloudTarget(Provider("evil", EVIL, "https://e.example"), EVIL))

    async def body() -> None:
        history = test_history_page.History(harness)
        await history.open()
        await history.compare(
            EVIL, targets=targets, engine_for=lambda _target: FakeEngine.saying(EVIL)
        )
        history.show()
        await until(history.titles)
        await history.shown(EVIL)
        assert check_plain(history.page) > 5
        search = history.page.findChild(QLineEdit)
        QTest.keyClicks(search, f"{EVIL} nowhere")
        await until(lambda: history.says("Nothing found"))
        assert check_plain(history.page) > 0
        assert any("evil" in tip for tip in _tooltips(history.page))

    harness.run(body)


def whole(text: str) -> str:
    """Return a name without the places where it may be broken."""
    return text.replace("\N{ZERO WIDTH SPACE}", "")


def test_the_models_page_reads_nothing_as_html(harness: PageHarness) -> None:
    async def body() -> None:
        models = Models(harness)
        folder = harness.home / EVIL
        folder.mkdir()
        facts = {"general.name": EVIL, "general.license": EVIL, "tokenizer.chat_template": EVIL}
        facts |= {"general.organization": EVIL, "general.evil": EVIL}
        write_dense(folder / f"{EVIL}.gguf", "llama", Dense(), facts)
        (folder / f"{EVIL} broken.gguf").write_bytes(b"GGUF\x03\0\0\0")
        harness.settings.update(model_folders=(folder,))
        models.presenter.rescan()
        await models.listed(EVIL)
        for row in range(models.table.model().rowCount()):
            models.table.selectRow(row)
            check_plain(models.page)
        models.table.selectRow(models.cells(Column.MODEL).index(EVIL))
        await until(lambda: whole(models.page.details._title.text()) == EVIL)
        await until(lambda: check_plain(models.page) > 2)
        models.page.details.delete_action.trigger()
        await until(lambda: models.page.findChild(QMessageBox))
        check_plain(models.page)
        models.page.findChild(QMessageBox).reject()
        QTest.keyClicks(named(models.page, "Search models", QLineEdit), f"{EVIL} nowhere")
        await until(lambda: models.says("No model matches"))
        assert check_plain(models.page) > 0

    harness.run(body)


def test_the_providers_page_reads_nothing_as_html(
    harness: PageHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    with ScriptedOpenAI(models={"data": [{"id": EVIL}, {"id": f"{EVIL} 2"}]}) as server:

        async def body() -> None:
            providers = Providers(harness)
            await providers.add(server.base_url, EVIL)
            click(named(providers.page, f"Test {EVIL}"))
            await until(lambda: providers.says("Connected: 2 models"))
            click(named(providers.page, f"Models and prices of {EVIL}"))
            (prices,) = (d for d in providers.page.findChildren(PriceDialog) if d.isVisible())
            named(prices, f"Models of {EVIL}", QTableWidget).selectRow(0)
            assert check_plain(providers.page, prices) > 5
            prices.reject()
            server.models = Reply(401, {"error": {"message": EVIL}})
            click(named(providers.page, f"Test {EVIL}"))
            await until(lambda: not providers.says("Connected"))
            await until(lambda: providers.says("<b>evil"))
            click(named(providers.page, "Add a provider"))
            dialog = providers.dialog()
            names = named(dialog, "Known providers", QListWidget)
            names.setCurrentRow(0)
            named(dialog, "Name", QLineEdit).setText(EVIL)
            named(dialog, "Address", QLineEdit).setText(f"http://{EVIL}")
            dialog.show_problem(EVIL)
            assert check_plain(providers.page, dialog) > 2
            dialog.reject()

        harness.run(body)


def test_the_hub_page_reads_nothing_as_html(harness: PageHarness) -> None:
    card = f"---\nlicense: mit\n---\n# {EVIL}\n{EVIL}\n[link](http://a/&lt;b&gt;)"

    def fill(server: HubServer) -> None:
        names = (f"{EVIL_FILE}-Q4_K_M.gguf", f"{EVIL_FILE}-Q8_0.gguf")
        files = {**dict.fromkeys(names, b"GGUF" * 4000), "README.md": card.encode()}
        tags = ["gguf", EVIL, f"license:{EVIL}", f"base_model:{EVIL}"]
        server.add(test_hub_page.REPO, files, tags=tags, author=EVIL)

    async def body(hub: test_hub_page.Hub) -> None:
        QTest.keyClicks(hub.search, "Tiny")
        await until(hub.listed)
        hub.page.panel.focus_list()
        card_shown = hub.page.details._card
        await until(lambda: "link" in card_shown.toPlainText())
        assert check_plain(hub.page) > 0
        hub.server.faults.portal = True
        hub.search.clear()
        QTest.keyClicks(hub.search, EVIL)
        await until(lambda: hub.says("cannot be reached"))
        assert check_plain(hub.page) > 0

    test_hub_page.run(harness, body, fill)


def test_results_of_the_hub_are_explained_in_plain_text(qapp: QApplication) -> None:
    model = ResultListModel()
    model.reset_rows((ResultRow(HubModel(f"acme/{EVIL}", downloads=5)),))
    tip = model.index(0, 0).data(ToolTip)
    check_tooltip(tip)
    assert "evil" in tip


def test_the_downloads_page_reads_nothing_as_html(harness: PageHarness) -> None:
    async def body(scene: test_downloads_page.Scene) -> None:
        scene.server.add("acme/Evil-GGUF", {f"{EVIL_FILE}-Q4_K_M.gguf": b"GGUF" * 400_000})
        await scene.add("acme/Evil-GGUF")
        await until(lambda: any("evil" in tip for tip in _tooltips(scene.page)))
        check_plain(scene.page)

    test_downloads_page.run(harness, body, rate=100_000)


def _tooltips(root: QWidget) -> list[str]:
    return [widget.toolTip() for widget in root.findChildren(QWidget)]


_OURS = {"tr", "plain_tooltip", "with_whole_text", "tier_explained", "exact_bytes"}
"""Functions whose result is a tooltip as it is: our own words and figures."""


def _is_ours(given: ast.expr) -> bool:
    if isinstance(given, ast.Constant):
        return True
    if isinstance(given, ast.IfExp):
        return _is_ours(given.body) and _is_ours(given.orelse)
    if isinstance(given, ast.JoinedStr):
        # figures alone are written with separators
        values = [part for part in given.values if isinstance(part, ast.FormattedValue)]
        return all(part.format_spec is not None for part in values)
    if not isinstance(given, ast.Call):
        return False
    function = given.func
    if isinstance(function, ast.Attribute) and function.attr == "format":
        return _is_ours(function.value) and all(map(_is_ours, given.args)) and not given.keywords
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in _OURS


def test_every_tooltip_that_is_not_our_own_words_is_made_plain() -> None:
    (folder,) = playground.ui.__path__
    wrong = []
    for path in sorted(Path(folder).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        # a field of two parts hands on what it was given
        overrides = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef) and node.name == "setToolTip"
        ]
        handed_on = {inner for override in overrides for inner in ast.walk(override)}
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            place = {"setToolTip": 0, "showText": 1}.get(node.func.attr)
            if place is not None and node not in handed_on and not _is_ours(node.args[place]):
                wrong.append(f"{path.name}:{node.lineno}")
    assert wrong == []


def test_html_is_written_in_the_summary_alone() -> None:
    (folder,) = playground.ui.__path__
    asks = r"QMessageBox\.(?:about|critical|information|question|warning)\("
    marks = rf"\b(?:RichText|AutoText|setHtml|insertHtml|appendHtml|fromHtml)\b|{asks}|QLabel\([^)]"
    found = {
        path.name
        for path in Path(folder).rglob("*.py")
        if path.name != "basics.py" and re.search(marks, path.read_text(encoding="utf-8"))
    }
    assert found == {"summary.py"}
