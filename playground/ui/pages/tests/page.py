"""The Tests page's widgets: sets with their messages, a test on its way, and what came out."""

from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QFileDialog, QMenu, QPushButton, QStackedWidget, QWidget
from typing_extensions import override

from playground.core.checks.prompt_files import FileFormat
from playground.core.evaluations import Evaluation, Plan
from playground.ui.pages.tests.progress import Progress
from playground.ui.pages.tests.results import ResultsView
from playground.ui.pages.tests.running import RunningView
from playground.ui.pages.tests.sets_view import SetsView
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import Badge, ElidedLabel, IconButton, make_button, make_label
from playground.ui.widgets.folding_row import FoldingRow, anchor_of
from playground.ui.widgets.inputs import ComboBox
from playground.ui.widgets.share_button import ShareButton
from playground.ui.window.page import Page

_FOLDS_BELOW = 1000
"""Width of the window, in units of text, below which the list of sets becomes a box in the head."""


class TestsPage(Page):
    """Lays out the page and tells what a person does; it decides nothing."""

    __test__ = False
    """Not a test that pytest would collect."""

    undo_wanted = Signal()
    redo_wanted = Signal()
    back_wanted = Signal()
    pause_wanted = Signal()
    stop_wanted = Signal()
    import_chosen = Signal(object)
    """The path of a file with questions."""
    export_chosen = Signal(object, object)
    """The path of the file to write, and its `FileFormat`."""
    set_picked = Signal(object)
    """Id of the set that was picked in the head."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self._is_on_stage = False
        self._export_name = ""
        self._has_sets = self._is_running = self._is_pause = self._is_finished = False
        self._has_unscored = self._has_earlier = False
        self._build()
        self._connect()
        self._apply_theme()
        self.show_sets()

    def show_sets(self) -> None:
        """Bring the sets to the front."""
        self._bring(self.sets, self.tr("Tests"))

    def show_running(
        self, progress: Progress, evaluation: Evaluation, plan: Plan, max_usd: float | None
    ) -> None:
        """Bring a test on its way to the front."""
        self.running.show_evaluation(progress, evaluation, plan, max_usd)
        self._bring(self.running, evaluation.prompt_set.name)

    def bring_running(self, name: str) -> None:
        """Bring the test that is shown already to the front again."""
        self._bring(self.running, name)

    def show_results(self, name: str) -> None:
        """Bring the results of an evaluation to the front."""
        self._bring(self.results, name or self.tr("Results"))

    def describe_results(self, caption: str, *, not_scored: int, has_earlier: bool) -> None:
        """Say in the head what the results are of, and offer what can be done with them."""
        self._caption.setText(caption)
        self.again_button.setText(
            self.tr("Ask the one not scored again")
            if not_scored == 1
            else self.tr("Ask the {0} not scored again").format(not_scored)
        )
        self.again_button.setAccessibleName(self.again_button.text())
        self._has_unscored, self._has_earlier = not_scored > 0, has_earlier
        self._fit_head()

    def show_count(self, count: int) -> None:
        text = self.tr("1 set") if count == 1 else self.tr("{0} sets").format(count)
        self._count.set_badge(text)
        self._has_sets = count > 0
        self._fit_head()

    def show_names(self, choices: list[tuple[str, str]], chosen: str | None) -> None:
        """Offer the sets in the head, where the list has no room."""
        self._box.set_choices(choices)
        self._box.choose(chosen)
        self._fit_head()

    def show_state(
        self, text: str, tone: str, *, is_running: bool, is_paused: bool, is_finished: bool
    ) -> None:
        """Say how the test is, and offer what can be done; nothing where it is finished."""
        self._is_finished = is_finished
        self._state.set_badge(text, tone)
        self._is_running = is_running
        self.pause_button.setText(
            self.tr("Go on") if is_paused or not is_running else self.tr("Pause")
        )
        self.pause_button.setAccessibleName(self.pause_button.text())
        self._is_pause = is_running and not is_paused
        self._fit_head()
        self._apply_theme()

    def offer_running(self, text: str) -> None:
        """Lead back from the sets to the test that is running; an empty text leads nowhere."""
        self.back_to_run.setText(f" {text}" if text else "")
        self.back_to_run.setAccessibleName(text)
        self._fit_head()

    @property
    def is_showing_sets(self) -> bool:
        return self._body.currentWidget() is self.sets

    @property
    def is_showing_run(self) -> bool:
        return self._body.currentWidget() is self.running

    @property
    def is_showing_results(self) -> bool:
        return self._body.currentWidget() is self.results

    def name_export(self, name: str) -> None:
        """Say what a file of the opened set is called; empty where none can be written."""
        self._export_name = name
        self.export_button.setEnabled(bool(name))

    @property
    @override
    def foot_top(self) -> int:
        if not self.is_showing_sets:
            return super().foot_top
        foot = self.sets.foot
        return foot.mapTo(self, foot.rect().topLeft()).y() if foot.isVisible() else self.height()

    @override
    def focus_first(self) -> None:
        if self.is_showing_sets:
            self.sets.focus_first()
        elif self.is_showing_results:
            self.results.focus_first()
        else:
            self.back_button.setFocus()

    @override
    def handle_escape(self) -> bool:
        if not self.is_showing_sets:
            if self._is_on_stage:
                return False
            self.back_wanted.emit()
            return True
        return self.sets.handle_escape()

    @override
    def set_presentation_mode(self, *, on: bool) -> None:
        super().set_presentation_mode(on=on)
        self._is_on_stage = on
        self.running.set_stage(on=on)
        self._fit_head()

    def _bring(self, view: QWidget, title: str) -> None:
        self._body.setCurrentWidget(view)
        self._title.set_full_text(title)
        self._fit_head()

    def _fit_head(self) -> None:
        """Show in the head what belongs to the view in front."""
        is_sets, is_run = self.is_showing_sets, self.is_showing_run
        is_narrow = self._units < _FOLDS_BELOW or self._is_on_stage
        self.back_button.setVisible(not is_sets)
        self._count.setVisible(is_sets and self._has_sets and not is_narrow)
        self._box.setVisible(is_sets and is_narrow and self._box.count() > 0)
        self._state.setVisible(is_run)
        self.pause_button.setVisible(is_run and not self._is_finished)
        self.stop_button.setVisible(is_run and self._is_running)
        self._files.setVisible(is_sets and not self._is_on_stage)
        self.new_button.setVisible(is_sets and not self._is_on_stage)
        self.back_to_run.setVisible(is_sets and bool(self.back_to_run.text().strip()))
        is_results = self.is_showing_results
        self._caption.setVisible(is_results and not is_narrow)
        self.earlier_button.setVisible(is_results and self._has_earlier and not self._is_on_stage)
        self.again_button.setVisible(is_results and self._has_unscored and not self._is_on_stage)
        self._onwards.setVisible(is_results and not self._is_on_stage)
        self.sets.show_list(is_shown=not is_narrow and self._has_sets, is_narrow=is_narrow)

    def _build(self) -> None:
        self.back_button = IconButton(
            self._theme, "chevron-left", self.tr("Back to the sets (Esc)"), size=20
        )
        self._title = ElidedLabel("", "title")
        self._count: Badge = Badge(self._theme)
        self._state: Badge = Badge(self._theme)
        self._caption = make_label("", "caption", "quiet")
        self.earlier_button = make_button(
            self.tr("Against an earlier run"),
            tooltip=self.tr("What has changed since the same set was run before"),
        )
        self.again_button = make_button(
            "", tooltip=self.tr("Asks only what failed or was cut off, and keeps the rest")
        )
        self.advice_button = make_button(
            self.tr("Local or cloud?"),
            tooltip=self.tr("What this test says about where such questions should go"),
        )
        self.share_button = ShareButton(
            self._theme, self.tr("Save these results as a page, a table or a picture to send on")
        )
        self._onwards = FoldingRow(self._theme, self.advice_button, self.share_button)
        self._box = ComboBox(self._theme, self.tr("Set"))
        self.back_to_run = make_button("", tooltip=self.tr("Show the test that is running"))
        self.import_button = make_button(
            self.tr("Import"), tooltip=self.tr("Read questions from a CSV, JSONL or text file")
        )
        self.export_button = make_button(
            self.tr("Export"), tooltip=self.tr("Write this set into a file")
        )
        self.export_button.setEnabled(False)
        self._files = FoldingRow(self._theme, self.import_button, self.export_button)
        self.new_button = make_button(self.tr("New set"), tooltip=self.tr("Begin an empty set"))
        self.pause_button: QPushButton = make_button(
            self.tr("Pause"), tooltip=self.tr("Ask nothing more for now; what is answered is kept")
        )
        self.stop_button = make_button(
            self.tr("Stop"), tooltip=self.tr("End it here; it can go on from here later")
        )
        head = self._head
        head.addWidget(self.back_button)
        head.addWidget(self._title)
        for part in (self._count, self._state, self._caption):
            head.addWidget(part)
        head.addWidget(self._box, 1)
        head.addStretch(1)
        for button in (
            self.back_to_run,
            self._files,
            self.new_button,
            self.earlier_button,
            self.again_button,
            self.pause_button,
        ):
            head.addWidget(button)
        head.addWidget(self.stop_button)
        head.addWidget(self._onwards)
        self.sets = SetsView(self._theme)
        self.running = RunningView(self._theme)
        self.results = ResultsView(self._theme)
        self._body = QStackedWidget()
        for view in (self.sets, self.running, self.results):
            self._body.addWidget(view)
        self._column.addWidget(self._body, 1)

    def _connect(self) -> None:
        self.back_button.clicked.connect(self.back_wanted)
        self.pause_button.clicked.connect(self.pause_wanted)
        self.stop_button.clicked.connect(self.stop_wanted)
        self.import_button.clicked.connect(self._choose_import)
        self.export_button.clicked.connect(self._open_export)
        self._box.picked.connect(self._on_picked)
        self._theme.changed.connect(self._apply_theme)
        for keys, signal in (
            (QKeySequence.StandardKey.Undo, self.undo_wanted),
            (QKeySequence.StandardKey.Redo, self.redo_wanted),
        ):
            action = QAction(self)
            action.setShortcuts(QKeySequence.keyBindings(keys))
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            action.triggered.connect(signal)
            self.addAction(action)
        find = QShortcut(QKeySequence.StandardKey.Find, self)
        find.activated.connect(self._focus_search)

    def _on_picked(self, set_id: str) -> None:
        self.set_picked.emit(set_id)

    def _focus_search(self) -> None:
        if self.is_showing_sets:
            self.sets.focus_search()

    def _choose_import(self) -> None:
        words = self.tr("Questions (*.csv *.tsv *.jsonl *.ndjson *.json *.txt *.md)")
        dialog = QFileDialog(self, self.tr("Import questions"), str(Path.home()), words)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self._on_import)
        dialog.open()

    def _on_import(self, name: str) -> None:
        self.import_chosen.emit(Path(name))

    def _open_export(self) -> None:
        menu = QMenu(self)
        menu.aboutToHide.connect(menu.deleteLater)
        for file_format, ending, text in (
            (FileFormat.CSV, "csv", self.tr("CSV, for a spreadsheet")),
            (FileFormat.JSONL, "jsonl", self.tr("JSONL, for programs")),
            (FileFormat.TEXT, "txt", self.tr("Text, the messages alone")),
        ):
            action = menu.addAction(text)
            action.setData((file_format, ending))
            action.triggered.connect(self._choose_export)
        anchor = anchor_of(self.export_button)
        menu.popup(anchor.mapToGlobal(anchor.rect().bottomLeft()))

    def _choose_export(self) -> None:
        action = self.sender()
        if not isinstance(action, QAction):
            return
        file_format, ending = action.data()
        name = str(Path.home() / f"{self._export_name}.{ending}")
        dialog = QFileDialog(self, self.tr("Export the set"), name)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(ending)
        dialog.selectFile(name)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda path: self.export_chosen.emit(Path(path), file_format))
        dialog.open()

    def _apply_theme(self) -> None:
        side = self._theme.px(15)
        for button, icon in (
            (self.import_button, "download"),
            (self.export_button, "up"),
            (self.new_button, "plus"),
            (self.pause_button, "pause" if self._is_pause else "play"),
            (self.stop_button, "stop"),
            (self.earlier_button, "history"),
            (self.again_button, "refresh"),
            (self.back_to_run, "chevron-right"),
        ):
            button.setIcon(self._theme.icon(icon, "text"))
            button.setIconSize(QSize(side, side))
            # the space keeps icon and text apart
            button.setText(f" {button.text().strip()}" if button.text() else "")
        self._box.setMinimumWidth(self._theme.px(150))
        self._fit_head()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_head()
