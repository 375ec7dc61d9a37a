"""Decides what the Tests page shows: its sets, what is changed in them, and what is running."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QObject, QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from playground.core.checks.prompt_files import FileFormat, format_of, read_cases, write_cases
from playground.core.errors import PlaygroundError, StorageFailed, UsageError
from playground.core.expected import Outcome
from playground.core.prompt_sets import Case, PromptSet, new_case, new_set
from playground.core.targets import Target
from playground.services.evaluation import EvaluationService
from playground.services.prompt_sets import PromptSets, ready_sets
from playground.store.evaluations import EvaluationSummary
from playground.store.history import ComparisonStore
from playground.ui.bridge import Bridge
from playground.ui.format import as_file_name
from playground.ui.pages.compare.targets import TargetSelection
from playground.ui.pages.tests import words
from playground.ui.pages.tests.answers_dialog import AnswersPresenter
from playground.ui.pages.tests.cases import moved
from playground.ui.pages.tests.dialogs import PasteDialog
from playground.ui.pages.tests.draft import SetDraft
from playground.ui.pages.tests.list import SetRow
from playground.ui.pages.tests.page import TestsPage
from playground.ui.pages.tests.results_presenter import ResultsPresenter
from playground.ui.pages.tests.runner import EvaluationRunner, RunSurroundings
from playground.ui.theme.theme import Theme

SAVE_PAUSE_MS = 400
"""A set is saved once typing rests for so long."""
_UNDO_MS = 30_000
_EARLIER = 20
"""Earlier runs that are offered."""


class TestsPresenter(QObject):
    """Keeps the list, the opened set and the database alike."""

    __test__ = False

    def __init__(
        self,
        view: TestsPage,
        theme: Theme,
        bridge: Bridge,
        *,
        sets: PromptSets,
        service: EvaluationService,
        history: ComparisonStore,
        selection: TargetSelection,
        surroundings: RunSurroundings,
    ) -> None:
        super().__init__(view)
        self._view = view
        self._theme = theme
        self._bridge = bridge
        self._sets = sets
        self._service = service
        self._notify = surroundings.notify
        self._known: dict[str, PromptSet] = {}
        self._last: dict[str, EvaluationSummary] = {}
        self._deleted: list[PromptSet] = []
        self._unsaved: PromptSet | None = None
        self._saving: set[asyncio.Future[None]] = set()
        self._paste: PasteDialog | None = None
        self._tried_asked = 0
        self.draft = SetDraft(self)
        answers = AnswersPresenter(view, theme, bridge, history)
        self.runner = EvaluationRunner(
            view,
            theme,
            bridge,
            service,
            selection,
            surroundings=surroundings,
            answers=answers,
            open_results=self.open_results,
            ended=self.refresh,
            progressed=self._on_progress,
            stopped=self._on_stopped,
        )
        self.results = ResultsPresenter(
            view.results, theme, bridge, service.store, answers, notify=surroundings.notify
        )
        self._earlier: list[EvaluationSummary] = []
        self._save_timer = QTimer(self)
        self._save_timer.setSingleShot(True)
        self._save_timer.setInterval(SAVE_PAUSE_MS)
        self._connect()

    def refresh(self) -> None:
        self._bridge.spawn(self._refresh())

    def open_results(self, evaluation_id: str) -> None:
        """Show what came out of an evaluation."""
        self._bridge.spawn(self._open_results(evaluation_id))

    async def _open_results(self, evaluation_id: str) -> None:
        evaluation = await self.results.open(evaluation_id)
        listed = await self._bridge.submit(self._service.store.listed(evaluation.prompt_set.id))
        self._earlier = [each for each in listed if each.id != evaluation.id and each.done]
        self._view.describe_results(
            words.results_caption(evaluation),
            not_scored=self.results.worth_asking,
            has_earlier=bool(self._earlier),
        )
        self._view.show_results(evaluation.prompt_set.name)
        if self._view.isVisible():
            self._view.focus_first()
        self._view.results.show_top()

    def _on_again(self) -> None:
        if self.results.evaluation is not None:
            self._bridge.spawn(self._ask_again(self.results.evaluation.id))

    async def _ask_again(self, evaluation_id: str) -> None:
        self.runner.go_on(await self._bridge.submit(self._service.ask_again(evaluation_id)))

    def _on_length(self) -> None:
        """Lead to where longer answers are allowed, in the set that was asked."""
        evaluation = self.results.evaluation
        if evaluation is None or evaluation.prompt_set.id not in self._known:
            self._notify(_tr("This set is no longer there."), tone="caution")
            return
        self._open(evaluation.prompt_set.id)
        self._view.show_sets()
        self._view.sets.card.show_length()

    def _on_earlier(self) -> None:
        menu = QMenu(self._view)
        menu.aboutToHide.connect(menu.deleteLater)
        for summary in self._earlier[:_EARLIER]:
            action = menu.addAction(words.earlier_words(summary))
            action.setData(summary.id)
            action.triggered.connect(self._on_earlier_chosen)
        button = self._view.earlier_button
        menu.popup(button.mapToGlobal(button.rect().bottomLeft()))

    def _on_earlier_chosen(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self._bridge.spawn(self.results.compare_with(action.data()))

    def compare_versions(self, targets: Sequence[Target]) -> None:
        """Offer to ask versions of one model the same questions, of a set that can be chosen."""
        self._bridge.spawn(self._compare_versions(targets))

    async def _compare_versions(self, targets: Sequence[Target]) -> None:
        await self._refresh()
        sets = [each for each in self._known.values() if each.cases]
        if sets:
            self.runner.choose(sets[0], targets, sets)

    def offer(self, targets: Sequence[Target], set_id: str = "") -> None:
        """Open a set and offer to ask these models; a ready one where it is gone or empty."""
        self._bridge.spawn(self._offer(targets, set_id))

    async def _offer(self, targets: Sequence[Target], set_id: str) -> None:
        await self._refresh()
        wanted = self._known.get(set_id)
        if wanted is None or not wanted.cases:
            wanted = next(iter(ready_sets()), None)
        if wanted is not None:
            self._open(wanted.id)
            self._view.show_sets()
            self._run_opened(targets)

    def _connect(self) -> None:
        view, sets = self._view, self._view.sets
        view.shown.connect(self.refresh)
        view.hidden.connect(self._save_now)
        view.closing.connect(self._close)
        view.back_wanted.connect(self._on_back)
        view.undo_wanted.connect(self._on_undo)
        view.redo_wanted.connect(self.draft.redo)
        view.new_button.clicked.connect(self._on_new)
        view.import_chosen.connect(self._on_import)
        view.export_chosen.connect(self._on_export)
        view.set_picked.connect(self._open)
        sets.empty.asked.connect(self._on_new)
        sets.list.chosen.connect(self._open)
        sets.list.opened.connect(sets.table.setFocus)
        sets.list.delete_wanted.connect(self._on_delete_set)
        sets.case_chosen.connect(self._on_case_chosen)
        sets.case_action.connect(self._on_case_action)
        sets.editor.edited.connect(self.draft.change_case)
        card = sets.card
        card.edited.connect(self.draft.change)
        card.renamed.connect(self._on_renamed)
        card.run_button.clicked.connect(self._on_run)
        card.results_button.clicked.connect(self._on_results)
        card.go_on_button.clicked.connect(self._on_go_on)
        view.again_button.clicked.connect(self._on_again)
        view.results.length_wanted.connect(self._on_length)
        view.earlier_button.clicked.connect(self._on_earlier)
        card.copy_button.clicked.connect(self._on_duplicate_set)
        card.duplicate_button.clicked.connect(self._on_duplicate_set)
        card.delete_button.clicked.connect(self._on_delete_set)
        self.draft.changed.connect(self._on_changed)
        self._save_timer.timeout.connect(self._save_now)

    # the list

    async def _refresh(self, choose: str | None = None) -> None:
        await asyncio.gather(*self._saving, return_exceptions=True)
        try:
            found = await self._bridge.submit(self._sets.all())
            listed = await self._bridge.submit(self._service.store.listed())
        except StorageFailed as error:
            # those of the program are there all the same
            self._bridge.report(error)
            found, listed = list(ready_sets()), []
        self._known = {each.id: each for each in found}
        self._last = {}
        for summary in listed:
            if summary.done:
                self._last.setdefault(summary.set_id, summary)
        opened = self.draft.prompt_set
        if opened is not None and self._unsaved is not None and opened.id in self._known:
            self._known[opened.id] = opened
        wanted = choose or (None if opened is None else opened.id)
        self._show_list(wanted)

    def _show_list(self, wanted: str | None) -> None:
        """List the sets, and open `wanted`, or the first one."""
        view = self._view
        rows = self._rows()
        waiting = (key for key in self._known if self._unfinished_words(key))
        first = next(waiting, next(iter(self._known), None))
        chosen = wanted if wanted in self._known else first
        view.show_count(len(self._known))
        view.show_names([(each.name, each.id) for each in self._known.values()], chosen)
        self._list_rows(rows, chosen)
        if chosen is None:
            self.draft.open(None)
            self._show_set()
        elif self.draft.prompt_set != self._known[chosen]:
            self._open(chosen)
        else:
            self._show_set()

    def _rows(self) -> list[SetRow]:
        own = [each for each in self._known.values() if not each.is_ready_made]
        ready = [each for each in self._known.values() if each.is_ready_made]
        rows = []
        for title, group in ((_tr("Yours"), own), (_tr("To start with"), ready)):
            if group:
                rows.append(SetRow("", title))
            rows += [SetRow(each.id, each.name, self._caption(each)) for each in group]
        return rows

    def _caption(self, prompt_set: PromptSet) -> str:
        running = self.runner.progress_of(prompt_set.id)
        return words.set_caption(prompt_set, self._last.get(prompt_set.id), running)

    def _on_progress(self) -> None:
        """Follow in the list what is running."""
        if self._view.is_showing_sets and self._view.isVisible():
            opened = self.draft.prompt_set
            self._list_rows(self._rows(), None if opened is None else opened.id)

    def _list_rows(self, rows: list[SetRow], chosen: str | None) -> None:
        sets = self._view.sets
        sets.list.blockSignals(True)
        sets.sets.show_rows(rows)
        sets.list.choose(chosen)
        sets.list.blockSignals(False)

    def _open(self, set_id: str) -> None:
        opened = self.draft.prompt_set
        found = self._known.get(set_id)
        if found is None or (opened is not None and opened == found):
            return
        self._save_now()
        if opened is not None and opened.id != set_id:
            self._view.sets.close_case()
        self.draft.open(found)
        self._view.sets.list.choose(set_id)
        self._view.show_names([(s.name, s.id) for s in self._known.values()], set_id)
        self._show_set()

    def _show_set(self, case_id: str | None = None) -> None:
        prompt_set = self.draft.prompt_set
        self._view.sets.show_set(prompt_set, case_id)
        self._view.name_export(
            "" if prompt_set is None else as_file_name(prompt_set.name, "questions")
        )
        if prompt_set is not None:
            card = self._view.sets.card
            card.show_set(prompt_set, self._is_name_taken)
            card.show_results(
                has_results=prompt_set.id in self._last,
                unfinished=self._unfinished_words(prompt_set.id),
            )

    def _unfinished_words(self, set_id: str) -> str:
        """Return what leads on with a test that has not ended; empty where none is waiting."""
        last = self._last.get(set_id)
        is_waiting = last is not None and last.finished_at is None and not last.is_running
        if last is None or not is_waiting or self.runner.is_running:
            return ""
        return _tr("Go on: {0} of {1}").format(f"{last.done:,}", f"{last.units:,}")

    def _is_name_taken(self, name: str) -> bool:
        opened = self.draft.prompt_set
        return any(
            each.name.casefold() == name.casefold()
            for each in self._known.values()
            if opened is None or each.id != opened.id
        )

    def _free_name(self, wanted: str) -> str:
        taken = {each.name.casefold() for each in self._known.values()}
        name, number = wanted, 2
        while name.casefold() in taken:
            name, number = f"{wanted} {number}", number + 1
        return name

    def _on_new(self) -> None:
        made = new_set(self._free_name(_tr("My questions")))
        self._bridge.spawn(self._add(made, rename=True))

    def _on_duplicate_set(self) -> None:
        opened = self.draft.prompt_set
        if opened is not None:
            copy = new_set(self._free_name(_tr("{0}, copy").format(opened.name)), opened.cases)
            copy = replace(
                opened, id=copy.id, name=copy.name, created_at=copy.created_at, reached=None
            )
            self._bridge.spawn(self._add(copy))

    async def _add(self, made: PromptSet, *, rename: bool = False) -> None:
        self._save_now()
        await self._bridge.submit(self._sets.save(made))
        await self._refresh(made.id)
        self._view.show_sets()
        if rename:
            self._view.sets.card.rename()
        else:
            # the button that was pressed may be gone
            self._view.focus_first()

    def _on_renamed(self, name: str) -> None:
        opened = self.draft.prompt_set
        if opened is not None:
            self.draft.change(replace(opened, name=name))
            self._save_now()

    def _on_delete_set(self) -> None:
        opened = self.draft.prompt_set
        if opened is not None and not opened.is_ready_made:
            self._bridge.spawn(self._delete(opened))

    async def _delete(self, opened: PromptSet) -> None:
        self._save_now()
        await asyncio.gather(*self._saving, return_exceptions=True)
        await self._bridge.submit(self._sets.delete(opened.id))
        self._deleted.append(opened)
        self.draft.open(None)
        self._view.sets.close_case()
        await self._refresh(self._beside(opened.id))
        self._notify(
            _tr("Deleted “{0}”.").format(opened.name),
            action=_tr("Undo"),
            on_action=self._restore,
            stay_ms=_UNDO_MS,
        )

    def _beside(self, set_id: str) -> str | None:
        ids = list(self._known)
        place = ids.index(set_id) if set_id in ids else 0
        rest = [each for each in ids if each != set_id]
        return rest[min(place, len(rest) - 1)] if rest else None

    def _restore(self) -> None:
        if self._deleted:
            gone = self._deleted.pop()
            self._bridge.spawn(self._add(replace(gone, name=self._free_name(gone.name))))

    # files

    def _on_import(self, path: Path) -> None:
        self._bridge.spawn(self._import(path))

    async def _import(self, path: Path) -> None:
        def read() -> tuple[Case, ...]:
            try:
                content = path.read_bytes()
            except OSError as error:
                raise UsageError(
                    _tr("{0} cannot be read: {1}.").format(path.name, error.strerror or error)
                ) from error
            return read_cases(content, format_of(path.name))

        try:
            cases = await self._bridge.submit(asyncio.to_thread(read))
        except PlaygroundError as error:
            said = f"{path.name}: {error.message} {error.hint}".strip()
            self._notify(said, tone="bad", stay_ms=0)
            return
        made = new_set(self._free_name(path.stem.strip() or _tr("My questions")), cases)
        await self._add(made)
        self._notify(_tr("{0} are here.").format(words.count_words(len(cases))))

    def _on_export(self, path: Path, file_format: FileFormat) -> None:
        if self.draft.prompt_set is not None:
            self._bridge.spawn(self._export(self.draft.prompt_set, path, file_format))

    async def _export(self, prompt_set: PromptSet, path: Path, file_format: FileFormat) -> None:
        def write() -> None:
            path.write_text(write_cases(prompt_set, file_format), "utf-8", newline="")

        try:
            await self._bridge.submit(asyncio.to_thread(write))
        except OSError as error:
            said = _tr("{0} cannot be written: {1}.").format(path.name, error.strerror or error)
            self._notify(said, tone="bad", stay_ms=0)
            return
        self._notify(_tr("Written to {0}.").format(path.name))

    # what is changed

    def _on_changed(self, prompt_set: PromptSet) -> None:
        is_renamed = self._known[prompt_set.id].name != prompt_set.name
        has_count = len(self._known[prompt_set.id].cases) != len(prompt_set.cases)
        self._known[prompt_set.id] = prompt_set
        self._unsaved = prompt_set
        self._save_timer.start()
        self._show_set()
        if is_renamed or has_count:
            self._list_rows(self._rows(), prompt_set.id)
        if is_renamed:
            names = [(each.name, each.id) for each in self._known.values()]
            self._view.show_names(names, prompt_set.id)
        self._try_checks()

    def _save_now(self) -> None:
        """Save what is not saved yet, without waiting for typing to rest."""
        self._save_timer.stop()
        unsaved, self._unsaved = self._unsaved, None
        if unsaved is not None:
            saving = self._bridge.submit(self._sets.save(unsaved))
            self._saving.add(saving)
            saving.add_done_callback(self._on_saved)

    def _on_saved(self, saving: "asyncio.Future[None]") -> None:
        self._saving.discard(saving)
        if not saving.cancelled() and (error := saving.exception()) is not None:
            self._bridge.report(error)

    def _on_undo(self) -> None:
        if not self._view.is_showing_sets:
            return
        if not self.draft.undo():
            self._restore()

    def _on_case_action(self, action: str) -> None:
        opened = self.draft.prompt_set
        if opened is None or not self.draft.can_change:
            return
        if action == "paste":
            self._open_paste()
            return
        if action == "add":
            self._insert(opened, (new_case(""),), len(opened.cases))
            self._view.sets.focus_editor()
            return
        chosen = self._view.sets.table.chosen_id
        place = next((n for n, case in enumerate(opened.cases) if case.id == chosen), None)
        if place is None or chosen is None:
            return
        if action == "duplicate":
            copy = replace(opened.cases[place], id=new_case("").id)
            self._insert(opened, (copy,), place + 1)
        elif action == "delete":
            beside = self._view.sets.case_beside(chosen)
            self.draft.change_cases([case for case in opened.cases if case.id != chosen])
            self._view.sets.table.choose(None if beside is None else beside.id)
            self._notify(
                _tr("Message {0} is deleted.").format(place + 1),
                action=_tr("Undo"),
                on_action=self.draft.undo,
                stay_ms=_UNDO_MS,
            )
        else:
            self.draft.change_cases(moved(opened.cases, chosen, -1 if action == "up" else 1))

    def _insert(self, opened: PromptSet, cases: tuple[Case, ...], place: int) -> None:
        self.draft.change_cases((*opened.cases[:place], *cases, *opened.cases[place:]))
        self._show_set(cases[0].id)

    def _open_paste(self) -> None:
        self._paste = dialog = PasteDialog(self._theme, self._view)
        dialog.pasted.connect(self._on_pasted)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _on_pasted(self, text: str, file_format: FileFormat) -> None:
        opened, dialog = self.draft.prompt_set, self._paste
        if opened is None or dialog is None:
            return
        try:
            cases = read_cases(text.encode(), file_format)
        except PlaygroundError as error:
            dialog.show_problem(f"{error.message} {error.hint}".strip())
            return
        dialog.accept()
        self._paste = None
        self._insert(opened, cases, len(opened.cases))

    # what the last answers say

    def _on_case_chosen(self, _case_id: object) -> None:
        self._try_checks()

    def _try_checks(self) -> None:
        """Hold the open message's checks against the answers of the last evaluation."""
        opened, case = self.draft.prompt_set, self._view.sets.editor.case
        self._tried_asked += 1
        if opened is not None and case is not None and case.checks and opened.id in self._last:
            self._bridge.spawn(self._try(opened, case, self._tried_asked))
        else:
            self._view.sets.editor.show_tried("")

    async def _try(self, opened: PromptSet, case: Case, asked: int) -> None:
        last = self._last[opened.id]
        with suppress(PlaygroundError):
            scores = await self._bridge.submit(self._service.store.scores_of(last.id, opened, case))
            if asked == self._tried_asked:
                right = scores.count(Outcome.RIGHT)
                wrong = scores.count(Outcome.WRONG)
                said = _tr("Tried on the last answers: {0} right, {1} wrong").format(right, wrong)
                self._view.sets.editor.show_tried(said if right + wrong else "")

    # what runs

    def _on_run(self) -> None:
        self._run_opened()

    def _run_opened(self, targets: Sequence[Target] = ()) -> None:
        opened = self.draft.prompt_set
        if opened is None or not opened.cases:
            return
        empty = next((n for n, case in enumerate(opened.cases, 1) if not case.prompt.strip()), None)
        if empty is not None:
            self._notify(_tr("Message {0} has no words yet.").format(empty), tone="caution")
            self._show_set(opened.cases[empty - 1].id)
            self._view.sets.focus_editor()
            return
        self._save_now()
        self.runner.choose(opened, targets)

    def _on_results(self) -> None:
        opened = self.draft.prompt_set
        if opened is not None and (last := self._last.get(opened.id)) is not None:
            self.open_results(last.id)

    def _on_go_on(self) -> None:
        opened = self.draft.prompt_set
        if opened is not None and (last := self._last.get(opened.id)) is not None:
            self._bridge.spawn(self._go_on(last.id))

    async def _go_on(self, evaluation_id: str) -> None:
        """Offer the rest of an evaluation: its set as it was then, its models, its repeats."""
        before = await self._bridge.submit(self._service.store.load(evaluation_id))
        self.runner.choose(before.prompt_set, before.targets, repeats=before.repeats)

    def _on_stopped(self, set_id: str) -> None:
        """Show the set whose test was stopped, which offers to go on."""
        self._view.show_sets()
        self._open(set_id)

    def _on_back(self) -> None:
        self._view.show_sets()
        self._view.focus_first()

    def _close(self) -> None:
        self._save_now()
        self.runner.close()


def _tr(text: str) -> str:
    return QCoreApplication.translate("TestsPage", text)
