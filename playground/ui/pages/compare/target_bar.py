"""Chips and picker: shows which targets are chosen and takes what a person chooses."""

import asyncio
from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, QObject

from playground.core.errors import PlaygroundError
from playground.core.targets import LocalTarget, Target
from playground.ui.bridge import Bridge
from playground.ui.format import PLACE_LOOKS, place_words
from playground.ui.pages.compare.page import ChipState, CompareView, starter_prompts
from playground.ui.pages.compare.targets import MOST, PROVIDER_HELP, START_PRACTICE, TargetSelection
from playground.ui.widgets.toast import Notify


def _tr(text: str) -> str:
    return QCoreApplication.translate("ComparePage", text)


_TRIAL_TOKENS = 300
"""Longest answer to the first question, where nobody has chosen one."""


class TargetBarPresenter(QObject):
    """Between the selection and the view.

    `run` sends the prompt of the one-click comparison; it takes how many tokens an answer may have.
    """

    def __init__(
        self,
        view: CompareView,
        bridge: Bridge,
        selection: TargetSelection,
        *,
        notify: Notify,
        run: Callable[[int], None],
    ) -> None:
        super().__init__(view)
        self._view = view
        self._bridge = bridge
        self._selection = selection
        self._notify = notify
        self._run = run
        self._is_picker_connected = False
        choose = (view.add_button, view.empty.choose_button, view.prompt_card.choose_button)
        for button in choose:
            button.clicked.connect(self.open_picker)
        view.target_removed.connect(selection.remove)
        view.empty.try_button.clicked.connect(self._on_try)
        view.empty.set_starter(available=selection.has_starter)

    def show_targets(self) -> None:
        targets = self._selection.chosen
        labels = [target.label for target in targets]
        self._view.set_chips(
            [_chip(target, is_alone=labels.count(target.label) == 1) for target in targets]
        )
        self._view.add_button.setVisible(len(targets) < MOST)
        self._view.settings.set_targets([(target.key, target.label) for target in targets])

    def open_picker(self) -> None:
        """Show what can be added; the list fills as folders and providers answer."""
        if not self._is_picker_connected:
            self._is_picker_connected = True
            self._view.picker.chosen.connect(self._on_picked)
        self._refresh()
        self._view.open_picker()
        self._bridge.spawn(self._selection.look_everywhere(self._refresh))

    def _refresh(self) -> None:
        self._view.picker.set_entries(self._selection.entries())

    def _on_picked(self, key: str) -> None:
        if key == START_PRACTICE:
            self._view.picker.close()
            self._bridge.spawn(self._add_practice())
        elif key.startswith(PROVIDER_HELP):
            self._view.picker.close()
            action, provider_id = key.removeprefix(PROVIDER_HELP).split(" ", maxsplit=1)
            self._view.provider_asked.emit(provider_id, action)
        else:
            self._selection.toggle(key)
            self._refresh()

    async def _add_practice(self) -> None:
        self._notify(_tr("Starting the practice cloud…"))
        target = await self._selection.practice()
        self._selection.choose((*self._selection.chosen, target))
        self._notify(_tr("The practice cloud is ready."))

    def _on_try(self) -> None:
        self._bridge.spawn(self._try())

    async def _try(self) -> None:
        empty = self._view.empty
        empty.set_busy(_tr("Starting the practice cloud…"))
        try:
            starter, practice = await asyncio.gather(
                self._selection.starter(), self._selection.practice()
            )
        finally:
            empty.set_busy(None)
        if starter is None:
            raise PlaygroundError(_tr("The starter model was not found."))
        self._selection.choose((starter, practice))
        if not self._view.prompt_card.text.strip():
            self._view.prompt_card.set_text(starter_prompts()[0].text)
        # so small a model may go on for minutes
        self._run(_TRIAL_TOKENS)


def _chip(target: Target, *, is_alone: bool) -> ChipState:
    """Return a target's chip; two files of the same name are told apart by their quantization."""
    is_local = isinstance(target, LocalTarget)
    whole = f"{target.label} · {target.detail}" if is_local and target.detail else target.label
    if not is_local:
        whole = f"{target.detail} · {target.label}"
    text = target.label if is_local and is_alone else whole
    tone, icon = PLACE_LOOKS[target.place]
    return ChipState(
        key=target.key,
        text=text,
        tone=tone,
        icon=icon,
        tooltip=_tr("{name}: {place}. Click for its own answer settings.").format(
            name=whole, place=place_words(target)
        ),
    )
