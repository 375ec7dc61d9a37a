"""The dialog that shares: what it shows is what leaves, and nothing else does."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication, QImage, QTextCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel

from playground.app.window import _run_program
from playground.core.errors import UsageError
from playground.core.runs import Comparison
from playground.core.share.comparison import comparison_document
from playground.core.share.document import Choice, Document, Part, Quote, QuoteKind, Section
from playground.core.share.recording import write_recording
from playground.services.sharing import Shared, SharedFile, ShareFormat
from playground.store.database import Database
from playground.store.files import default_paths
from playground.ui.pages.history.page import HistoryPage
from playground.ui.share import dialog as dialogs
from playground.ui.share import page_view
from playground.ui.share.dialog import Form, ShareDialog
from playground.ui.share.page_view import LONGEST, PageView, picture
from playground.ui.share.presenter import SharePresenter
from playground.ui.theme.theme import Theme
from playground.ui.widgets.share_button import ShareButton
from playground.ui.window.main_window import MainWindow
from playground.ui.window.page import Page
from tests.core.share.hostile import about, hostile
from tests.core.share.test_decision import decided, voted
from tests.services.test_sharing import KEY, Home, compared
from tests.ui.page_harness import PageHarness, click, harness, until

__all__ = ["harness"]

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")
LEFT_OUT = {
    Part.FIGURES: "Words a second",
    Part.PROMPT: "what is a lighthouse",
    Part.ANSWERS: "the answer of",
    Part.NAMES: "· Example",
    Part.MACHINE: "RTX 4070",
}
"""What each part brings along."""


class Sharing:
    """A history, and the dialog on it."""

    def __init__(self, harness: PageHarness, home: Home) -> None:
        self.harness, self.home = harness, home
        self.page = Page(harness.theme)
        harness.show(self.page)
        self.presenter = SharePresenter(
            self.page, harness.theme, harness.bridge, home.sharing, harness.toasts
        )

    async def open(self, shared: Shared) -> ShareDialog:
        self.presenter.share(shared)
        await until(self.dialog.save_button.isEnabled)
        return self.dialog

    @property
    def dialog(self) -> ShareDialog:
        found = self.page.findChild(ShareDialog)
        assert isinstance(found, ShareDialog)
        return found

    async def choose(self, form: Form) -> None:
        click(self.dialog._tiles[form])
        assert not self.dialog.save_button.isEnabled()
        await until(self.dialog.save_button.isEnabled)

    async def leave_out(self, part: Part) -> None:
        self.dialog._boxes[part].click()
        await until(self.dialog.save_button.isEnabled)

    async def save(self, path: Path) -> None:
        """Save as the file dialog would, under this name."""
        click(self.dialog.save_button)
        chooser = self.dialog.findChild(QFileDialog)
        assert isinstance(chooser, QFileDialog)
        assert not chooser.testOption(QFileDialog.Option.DontConfirmOverwrite)
        chooser.fileSelected.emit(str(path))
        chooser.reject()


Body = Callable[[Sharing, Comparison], Awaitable[None]]


def sharing(harness: PageHarness, body: Body, *, hidden_names: bool = False) -> None:
    async def live() -> None:
        database = Database(harness.home / "history.sqlite3")
        home = Home(harness.home, database)

        async def fill() -> Comparison:
            await database.open()
            return await compared(home, "what is a lighthouse?", hidden_names=hidden_names)

        comparison = await harness.bridge.submit(fill())
        try:
            await body(Sharing(harness, home), comparison)
        finally:
            await until(lambda: not harness.bridge._spawned)
            await harness.bridge.submit(database.close())

    harness.run(live)


@pytest.mark.parametrize("part", list(Part))
def test_what_is_left_out_is_in_neither_preview_nor_source(
    harness: PageHarness, part: Part
) -> None:
    async def body(sharing: Sharing, comparison: Comparison) -> None:
        dialog = await sharing.open(comparison)
        assert LEFT_OUT[part] in dialog.page.toPlainText()
        await sharing.leave_out(part)
        assert LEFT_OUT[part] not in dialog.page.toPlainText()
        dialog._look._buttons["source"].click()
        assert dialog.source.isVisible()
        assert LEFT_OUT[part] not in dialog.source.toPlainText()
        for form in (Form.MARKDOWN, Form.CSV, Form.JSON):
            await sharing.choose(form)
            assert LEFT_OUT[part].casefold() not in dialog.source.toPlainText().casefold()

    sharing(harness, body)


def test_what_was_left_out_once_does_not_go_along_the_next_time(harness: PageHarness) -> None:
    async def body(sharing: Sharing, comparison: Comparison) -> None:
        dialog = await sharing.open(comparison)
        await sharing.leave_out(Part.PROMPT)
        dialog.reject()
        await until(lambda: sharing.page.findChild(ShareDialog) is None)
        dialog = await sharing.open(comparison)
        assert not dialog._boxes[Part.PROMPT].isChecked()
        assert dialog._boxes[Part.ANSWERS].isChecked()
        assert LEFT_OUT[Part.PROMPT] not in dialog.page.toPlainText()

    sharing(harness, body)


def test_the_file_is_the_very_text_of_the_source(harness: PageHarness, tmp_path: Path) -> None:
    async def body(sharing: Sharing, comparison: Comparison) -> None:
        dialog = await sharing.open(comparison)
        dialog._look._buttons["source"].click()
        shown = dialog.source.toPlainText()
        path = tmp_path / "page.html"
        await sharing.save(path)
        await until(lambda: harness.toasts.texts)
        assert harness.toasts.texts == [f"Saved as page.html, in {tmp_path.name}."]
        assert path.read_text("utf-8") == shown
        assert KEY not in shown
        assert not list(tmp_path.glob(".*.part"))

    sharing(harness, body)


def test_a_file_that_cannot_be_written_is_told_in_a_sentence(
    harness: PageHarness, tmp_path: Path
) -> None:
    async def body(sharing: Sharing, comparison: Comparison) -> None:
        dialog = await sharing.open(comparison)
        await sharing.save(tmp_path / "no such folder" / "page.html")
        await until(dialog._problem.isVisible)
        said = "page.html cannot be written: No such file or directory."
        assert dialog._problem.text() == said
        assert dialog.isVisible()
        assert dialog.save_button.isEnabled()

    sharing(harness, body)


def test_a_file_that_is_there_stays_whole_where_another_cannot_be_written(
    harness: PageHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "page.html"
    path.write_text("before")

    def full(_self: Path, _content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)

    async def body(sharing: Sharing, comparison: Comparison) -> None:
        dialog = await sharing.open(comparison)
        await sharing.save(path)
        await until(dialog._problem.isVisible)
        assert "No space left" in dialog._problem.text()
        assert path.read_text() == "before"

    sharing(harness, body)


def test_a_picture_is_light_and_twice_as_large(harness: PageHarness, tmp_path: Path) -> None:
    harness.theme.set_appearance(mode="dark")

    async def body(sharing: Sharing, comparison: Comparison) -> None:
        dialog = await sharing.open(comparison)
        await sharing.choose(Form.PICTURE)
        assert dialog.page.isVisible()
        path = tmp_path / "page.png"
        await sharing.save(path)
        await until(lambda: harness.toasts.texts)
        image = QImage(str(path))
        assert image.width() >= 2 * 860
        assert image.pixelColor(5, 5).name() == "#ffffff"

    sharing(harness, body)


def test_copy_puts_what_leaves_into_the_clipboard(harness: PageHarness) -> None:
    async def body(sharing: Sharing, comparison: Comparison) -> None:
        dialog = await sharing.open(comparison)
        await sharing.choose(Form.MARKDOWN)
        click(dialog.copy_button)
        assert QGuiApplication.clipboard().text().startswith("# One question, two models")
        await sharing.choose(Form.PICTURE)
        click(dialog.copy_button)
        assert not QGuiApplication.clipboard().image().isNull()

    sharing(harness, body)


def test_a_recording_keeps_answers_and_figures(harness: PageHarness) -> None:
    async def body(sharing: Sharing, comparison: Comparison) -> None:
        dialog = await sharing.open(comparison)
        await sharing.leave_out(Part.ANSWERS)
        await sharing.choose(Form.RECORDING)
        assert dialog.source.isVisible()
        assert "inference-playground/recording" in dialog.source.toPlainText()
        assert not dialog._boxes[Part.ANSWERS].isEnabled()
        assert "a recording is made of them" in dialog._boxes[Part.ANSWERS].accessibleDescription()
        await sharing.choose(Form.HTML)
        assert dialog._boxes[Part.ANSWERS].isEnabled()
        assert LEFT_OUT[Part.ANSWERS] not in dialog.page.toPlainText()

    sharing(harness, body)


def test_hidden_names_stay_hidden_and_no_recording_tells_them(harness: PageHarness) -> None:
    async def body(sharing: Sharing, comparison: Comparison) -> None:
        dialog = await sharing.open(comparison)
        text = dialog.page.toPlainText()
        # the scripted answers tell whose they are
        text = re.sub("the answer of [^,]*", "", text)
        assert "large-1" not in text
        assert "Small" not in text
        click(dialog._tiles[Form.RECORDING])
        await until(dialog._problem.isVisible)
        assert "names are still hidden" in dialog._problem.text()
        assert not dialog.save_button.isEnabled()
        assert not dialog.source.toPlainText()

    sharing(harness, body, hidden_names=True)


def test_what_was_chosen_last_is_what_leaves(
    harness: PageHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(sharing: Sharing, comparison: Comparison) -> None:
        dialog = await sharing.open(comparison)
        make = sharing.home.sharing.file
        slow, wanted = asyncio.Event(), list[ShareFormat]()

        async def file(shared: Shared, file_format: ShareFormat, choice: Choice) -> SharedFile:
            wanted.append(file_format)
            if file_format is ShareFormat.CSV:
                await slow.wait()
            return await make(shared, file_format, choice)

        monkeypatch.setattr(sharing.home.sharing, "file", file)
        click(dialog._tiles[Form.CSV])
        await until(lambda: wanted)
        await sharing.choose(Form.JSON)
        harness.bridge.call(slow.set)
        await until(lambda: not harness.bridge._spawned)
        assert dialog.source.toPlainText().startswith("{")
        assert sharing.presenter._content.startswith(b"{")

    sharing(harness, body)


def test_there_is_one_dialog_and_esc_closes_it(harness: PageHarness) -> None:
    async def body(sharing: Sharing, comparison: Comparison) -> None:
        dialog = await sharing.open(comparison)
        sharing.presenter.share(comparison)
        assert sharing.page.findChildren(ShareDialog) == [dialog]
        QTest.keyClick(dialog, Qt.Key.Key_Escape)
        assert not dialog.isVisible()
        sharing.presenter.share(comparison)
        await until(lambda: len(sharing.page.findChildren(ShareDialog)) == 1)
        assert sharing.dialog is not dialog

    sharing(harness, body)


def test_the_keyboard_reaches_everything(harness: PageHarness) -> None:
    async def body(sharing: Sharing, comparison: Comparison) -> None:
        dialog = await sharing.open(comparison)
        assert dialog.focusWidget() is dialog._tiles[Form.HTML]
        reached = set()
        for _ in range(40):
            focused = QApplication.focusWidget() or dialog.focusWidget()
            reached.add(focused)
            dialog.focusNextChild()
        wanted = {*dialog._boxes.values(), dialog.page, dialog.copy_button, dialog.save_button}
        assert wanted <= reached
        assert all(part.accessibleName() for part in wanted)

    sharing(harness, body)


def test_votes_are_shared_without_prompt_and_answers(harness: PageHarness) -> None:
    async def body(sharing: Sharing, comparison: Comparison) -> None:
        history = sharing.home.history
        turn = comparison.turns[0]
        await harness.bridge.submit(history.vote(turn.id, turn.runs[0].id, None, False))
        dialog = await sharing.open(await harness.bridge.submit(sharing.home.sharing.votes()))
        assert dialog.windowTitle() == "Share your votes"
        assert set(dialog._boxes) == {Part.FIGURES, Part.NAMES, Part.MACHINE}
        assert Form.RECORDING not in dialog._tiles
        assert "1 of 1" in dialog.page.toPlainText()

    sharing(harness, body)


def made(name: str, theme: Theme) -> PageView:
    view = PageView(theme, name)
    view.resize(620, 500)
    return view


@pytest.fixture
def hostile_document() -> Document:
    comparison, _events, checked = hostile()
    return comparison_document(comparison, checked, about())


def test_hostile_texts_are_only_text(
    qapp: QApplication, theme: Theme, hostile_document: Document
) -> None:
    view = made("page", theme)
    view.show_document(hostile_document)
    text = view.toPlainText()
    assert '<img src="http://127.0.0.1' in text
    assert "</script>" in text
    cursor = QTextCursor(view.document())
    pictures = set()
    while cursor.movePosition(QTextCursor.MoveOperation.NextCharacter):
        assert not cursor.charFormat().isAnchor()
        if cursor.charFormat().isImageFormat():
            pictures.add(cursor.charFormat().toImageFormat().name())
    assert pictures
    assert all(re.fullmatch(r"picture\d+", name) for name in pictures)
    assert view.loadResource(2, QUrl("http://127.0.0.1/x.png")) is None
    view.deleteLater()


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_page_is_light_in_both_themes(qapp: QApplication, theme: Theme, mode: str) -> None:
    theme.set_appearance(mode=mode)
    view = made("page", theme)
    view.show_document(decided())
    image = view.grab().toImage()
    assert image.pixelColor(300, 15).name() == "#ffffff"
    assert "What 200 questions a day cost" in view.toPlainText()
    assert "Votes on two models" not in view.toPlainText()
    view.show_document(voted())
    assert "9 of 13" in view.toPlainText()
    view.deleteLater()


def test_a_long_text_is_shown_from_its_beginning_and_makes_no_picture(
    qapp: QApplication, theme: Theme, monkeypatch: pytest.MonkeyPatch
) -> None:
    # not for its height alone
    monkeypatch.setattr(page_view, "_TALLEST", 10**9)
    words = "word " * LONGEST
    quotes = tuple(Quote(QuoteKind.ANSWER, name, words) for name in ("First", "Second"))
    document = Document("comparison", "Long", None, "", (), (Section("", quotes),))
    view = made("page", theme)
    view.show_document(document)
    assert not view.is_whole
    assert LONGEST <= len(view.toPlainText()) < LONGEST + 1000
    assert "Second" not in view.toPlainText()
    with pytest.raises(UsageError, match="too long for a picture"):
        picture(document, theme)
    view.deleteLater()


def test_a_word_without_an_end_makes_no_endless_picture(qapp: QApplication, theme: Theme) -> None:
    quote = Quote(QuoteKind.ANSWER, "n" * 300, "x" * 5000)
    document = Document("comparison", "t" * 300, None, "", (), (Section("", (quote,)),))
    assert picture(document, theme).width() < 2 * 1000


def test_a_long_source_says_how_much_more_there_is(
    harness: PageHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialogs, "LONGEST_SOURCE", 500)

    async def body(sharing: Sharing, comparison: Comparison) -> None:
        dialog = await sharing.open(comparison)
        await sharing.choose(Form.JSON)
        assert len(dialog.source.toPlainText()) == 500
        assert "The file goes on:" in dialog._more.text()
        assert len(sharing.presenter._content) > 500

    sharing(harness, body)


def test_the_button_is_not_on_stage(harness: PageHarness) -> None:
    async def body(sharing: Sharing, _comparison: Comparison) -> None:
        theme = harness.theme
        button = ShareButton(theme, "")
        sharing.page._head.addWidget(button)
        button.show()
        theme.set_appearance(presentation_mode=True)
        assert not button.isVisible()
        theme.set_appearance(presentation_mode=False)
        assert button.isVisible()
        button.offer(is_offered=False)
        assert not button.isVisible()

    sharing(harness, body)


def drop(window: MainWindow, *paths: Path) -> list[tuple[str, Any]]:
    told: list[tuple[str, Any]] = []
    window.files_dropped.connect(lambda found: told.append(("models", found)))
    window.recordings_dropped.connect(lambda found: told.append(("recordings", found)))
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    actions, buttons = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    modifiers = Qt.KeyboardModifier.NoModifier
    window.dropEvent(QDropEvent(QPointF(9, 9), actions, data, buttons, modifiers))
    return told


def test_a_recording_can_be_dropped_on_the_window(
    make_compare_window: Callable[..., Any], tmp_path: Path
) -> None:
    path, model = tmp_path / "One question.jsonl", tmp_path / "a.gguf"
    window = make_compare_window().window
    assert drop(window, path) == [("recordings", (path,))]
    assert ("models", (model,)) in drop(window, model, path)
    assert drop(window, tmp_path / "notes.txt") == []


def test_recordings_are_opened_shared_on_and_lead_to_the_answer(
    qapp: QApplication, playground_home: Path, tmp_path: Path
) -> None:
    """In the program itself: what is dropped, and the buttons of the pages."""
    comparison, events, _checked = hostile()
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    starts = {run.id: 0.0 for turn in comparison.turns for run in turn.runs}
    good.write_text(write_recording(comparison, events, starts, about()), "utf-8")
    bad.write_text("not JSON\n", "utf-8")
    tasks: list[asyncio.Task[None]] = []

    async def live(window: MainWindow) -> None:
        pages = window.pages

        async def shown() -> ShareDialog:
            await until(lambda: window.findChild(ShareDialog) is not None)
            dialog = window.findChild(ShareDialog)
            assert isinstance(dialog, ShareDialog)
            await until(dialog.save_button.isEnabled)
            return dialog

        try:
            await until(lambda: all(key in pages._factories for key in pages.keys))
            window.recordings_dropped.emit((bad, good))
            await until(lambda: pages.current == "history")
            # told while the good one is taken in all the same
            words = " ".join(label.text() for label in window._toast.findChildren(QLabel))
            assert "Line 1 of the recording cannot be read" in words
            page: Any = pages.page("history")
            await until(lambda: "Recorded on" in page.detail._caption.text())
            page.share_button.click()
            dialog = await shown()
            assert "Recorded on 27 November 2026" in dialog.page.toPlainText()
            dialog.reject()
            page.detail.summary.advice_wanted.emit()
            assert pages.current == "advice"
            await until(lambda: window.findChild(ShareDialog) is None)
            advice: Any = pages.page("advice")
            advice.share_button.click()
            dialog = await shown()
            assert "Local or cloud?" in dialog.page.toPlainText()
            dialog.reject()
        finally:
            window.close()

    def on_shown(window: MainWindow) -> None:
        tasks.append(asyncio.ensure_future(live(window)))

    assert _run_program(qapp, default_paths(), on_shown) == 0
    tasks[0].result()


def test_compare_shares_once_there_are_answers(
    make_compare_window: Callable[..., Any], qtbot: Any
) -> None:
    from tests.ui.conftest import HERE, THERE

    made = make_compare_window()
    button = made.view.header.share_button
    assert not button.isEnabled()
    made.choose(HERE, THERE)
    made.ask("why?")
    qtbot.waitUntil(button.isEnabled)
    assert made.presenter.ended.turns[0].prompt == "why?"
    advised: list[bool] = []
    made.view.summary.advice_wanted.connect(lambda: advised.append(True))
    line = made.view.summary.findChild(QLabel)
    assert "local or cloud?" in line.text()
    line.setFocus()
    QTest.keyClick(line, Qt.Key.Key_Tab)
    line.linkActivated.emit("advice")
    assert advised == [True]
    made.view.prompt_card.begin_anew()
    assert not button.isEnabled()


def test_history_offers_a_recording_to_open(harness: PageHarness, tmp_path: Path) -> None:
    async def body(sharing: Sharing, _comparison: Comparison) -> None:
        page = HistoryPage(harness.theme)
        harness.show(page)
        chosen: list[Path] = []
        page.recording_chosen.connect(chosen.append)
        page._open_button.click()
        [chooser] = page.findChildren(QFileDialog)
        assert chooser.fileMode() is QFileDialog.FileMode.ExistingFile
        chooser.fileSelected.emit(str(tmp_path / "a.jsonl"))
        chooser.reject()
        assert chosen == [tmp_path / "a.jsonl"]

    sharing(harness, body)
