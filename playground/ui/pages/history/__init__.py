"""The History page: what was compared before, found again, read, judged, replayed."""

from collections.abc import Callable

from PySide6.QtWidgets import QWidget

from playground.core.runs import Comparison, Turn
from playground.services.replay import Replayer
from playground.store.history import ComparisonStore
from playground.ui.bridge import Bridge
from playground.ui.pages.history.page import HistoryPage
from playground.ui.pages.history.presenter import HistoryPresenter, Ways
from playground.ui.theme.theme import Theme
from playground.ui.window.page import Page


def make_history_page(  # noqa: PLR0917 - the parts and the ways it leads to, each once
    theme: Theme,
    bridge: Bridge,
    history: ComparisonStore,
    replayer: Replayer,
    open_compare: Callable[[Comparison], None],
    run_again: Callable[[Comparison], None],
    replay: Callable[[Comparison, Turn], None],
    *,
    start_compare: Callable[[], None] | None = None,
    parent: QWidget | None = None,
) -> Page:
    """Return the page; `start_compare` brings the Compare page to the front."""
    view = HistoryPage(theme, parent, can_start=start_compare is not None)
    ways = Ways(open_compare, run_again, replay, start_compare)
    view.presenter = HistoryPresenter(view, bridge, history, replayer, ways)
    return view
