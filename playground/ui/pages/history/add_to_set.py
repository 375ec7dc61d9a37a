"""Makes a message of a test of what was compared: the prompt, with its checks."""

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QCoreApplication, QObject, QPoint
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from playground.core.prompt_sets import Case, PromptSet, new_case, new_set
from playground.core.runs import Comparison, Turn
from playground.services.prompt_sets import PromptSets
from playground.ui.bridge import Bridge
from playground.ui.pages.history.page import HistoryPage
from playground.ui.pages.history.presenter import HistoryPresenter
from playground.ui.widgets.toast import Notify

_UNDO_MS = 30_000
_SHOWN_LETTERS = 60


class AddToSet(QObject):
    """Offers the person's sets, and adds the shown prompt to the one that is chosen."""

    def __init__(
        self,
        view: HistoryPage,
        bridge: Bridge,
        presenter: HistoryPresenter,
        sets: PromptSets,
        notify: Notify,
    ) -> None:
        super().__init__(view)
        self._view = view
        self._bridge = bridge
        self._presenter = presenter
        self._sets = sets
        self._notify = notify
        view.detail.test_button.clicked.connect(self._on_clicked)

    def _on_clicked(self) -> None:
        opened, turn = self._presenter.opened, self._presenter.turn
        if opened is not None and turn is not None:
            self._bridge.spawn(self._offer(_case(opened, turn)))

    async def _offer(self, case: Case) -> None:
        found = await self._bridge.submit(self._sets.all())
        self._open_menu([each for each in found if not each.is_ready_made], case)

    def _open_menu(self, sets: Sequence[PromptSet], case: Case) -> None:
        menu = QMenu(self._view)
        menu.setAccessibleName(_tr("Add to a test"))
        menu.aboutToHide.connect(menu.deleteLater)
        for chosen in sets:
            name = chosen.name[:_SHOWN_LETTERS].replace("&", "&&")
            menu.addAction(name).setData((chosen, case))
        if sets:
            menu.addSeparator()
        menu.addAction(_tr("A new set")).setData((None, case))
        menu.triggered.connect(self._on_chosen)
        button = self._view.detail.test_button
        menu.popup(button.mapToGlobal(QPoint(0, button.height())))

    def _on_chosen(self, action: QAction) -> None:
        chosen, case = action.data()
        self._bridge.spawn(self._add(chosen, case))

    async def _add(self, chosen: PromptSet | None, case: Case) -> None:
        is_new = chosen is None
        if chosen is None:
            taken = {each.name.casefold() for each in await self._bridge.submit(self._sets.all())}
            name, number = _tr("From History"), 2
            while name.casefold() in taken:
                name, number = _tr("From History {0}").format(number), number + 1
            chosen = new_set(name)
        await self._bridge.submit(self._sets.save(replace(chosen, cases=(*chosen.cases, case))))
        set_id = chosen.id
        self._notify(
            _tr("Added to “{0}”.").format(chosen.name),
            action=_tr("Undo"),
            on_action=lambda: self._bridge.spawn(self._take_back(set_id, case, is_new=is_new)),
            stay_ms=_UNDO_MS,
        )

    async def _take_back(self, set_id: str, case: Case, *, is_new: bool) -> None:
        """Take the message away again; what was changed in the set since stays."""
        now = await self._bridge.submit(self._sets.find(set_id))
        cases = tuple(each for each in now.cases if each.id != case.id)
        if is_new and not cases:
            await self._bridge.submit(self._sets.delete(set_id))
        else:
            await self._bridge.submit(self._sets.save(replace(now, cases=cases)))
        self._notify(_tr("“{0}” is as it was.").format(now.name))


def _case(comparison: Comparison, turn: Turn) -> Case:
    system = comparison.system_prompt or None
    return replace(new_case(turn.prompt, turn.checks), system_prompt=system)


def _tr(text: str) -> str:
    return QCoreApplication.translate("HistoryPage", text)
