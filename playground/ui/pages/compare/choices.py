"""What a person has chosen about how answers are made, between view, settings and comparison."""

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QObject, QTimer

from playground.core.chat import SamplingParams
from playground.core.errors import PlaygroundError
from playground.core.runs import Comparison, RunOrder
from playground.core.targets import Target
from playground.core.turns import new_comparison
from playground.store.settings import SettingsStore
from playground.ui.pages.compare.answer_settings import Draft
from playground.ui.pages.compare.notify import Notify
from playground.ui.pages.compare.page import CompareView

SETTLE_MS = 400
"""Answer settings are written once the typing has paused."""


class Choices(QObject):
    """Order, hidden names, and the drawer: shown as remembered, remembered as chosen."""

    def __init__(self, view: CompareView, settings: SettingsStore, notify: Notify) -> None:
        super().__init__(view)
        self._view = view
        self._settings = settings
        self._notify = notify
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SETTLE_MS)
        known = settings.settings
        view.set_order(known.run_order.value)
        view.set_hide_names(on=known.hide_names)
        view.settings.set_drafts(Draft(known.sampling, known.system_prompt))
        self._timer.timeout.connect(self._keep_drawer)
        view.order_chosen.connect(self._on_order)
        view.hide_names_toggled.connect(self._on_hide_names)
        view.settings.changed.connect(self._timer.start)

    def prepare(self, comparison: Comparison | None, targets: Sequence[Target]) -> Comparison:
        """Return the comparison to go on with, or a new one, with what the drawer says now."""
        drawer = self._view.settings
        drafts = [(t.key, draft) for t in targets if (draft := drawer.override(t.key)) is not None]
        return replace(
            comparison or new_comparison(targets),
            system_prompt=drawer.shared.system or "",
            sampling=drawer.shared.sampling,
            overrides=tuple((key, draft.sampling) for key, draft in drafts),
            system_overrides=tuple((key, draft.system) for key, draft in drafts if draft.system),
        )

    def take(self, comparison: Comparison) -> None:
        """Put a stored comparison's answer settings into the drawer."""
        samplings = dict(comparison.overrides)
        systems = dict(comparison.system_overrides)
        self._view.settings.set_drafts(
            Draft(comparison.sampling, comparison.system_prompt),
            {
                key: Draft(samplings.get(key, SamplingParams()), systems.get(key))
                for key in {*samplings, *systems}
            },
        )

    def keep(self) -> None:
        """Write at once what has not been written yet."""
        if self._timer.isActive():
            self._timer.stop()
            self._keep_drawer()

    def _keep_drawer(self) -> None:
        shared = self._view.settings.shared
        self._save(sampling=shared.sampling, system_prompt=shared.system or "")

    def _on_order(self, order: str) -> None:
        self._save(run_order=RunOrder(order))

    def _on_hide_names(self, on: bool) -> None:
        self._save(hide_names=on)

    def _save(self, **changes: object) -> None:
        try:
            self._settings.update(**changes)
        except PlaygroundError as error:
            self._notify(f"{error.message} {error.hint}", tone="caution")
