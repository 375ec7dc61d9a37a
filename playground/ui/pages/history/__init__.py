"""The History page: what was compared before, found again, read, judged, replayed."""

from collections.abc import Callable

from playground.core.runs import Comparison, Turn
from playground.services.replay import Replayer
from playground.store.comparisons import ComparisonStore
from playground.ui.bridge import Bridge
from playground.ui.page import Page
from playground.ui.theme import Theme


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
) -> Page:
    """Return the page; `start_compare` brings the Compare page to the front."""
    from playground.ui.pages.history.presenter import (  # noqa: PLC0415 - built on the first visit
        HistoryPresenter,
        Ways,
    )
    from playground.ui.pages.history.view import HistoryPage  # noqa: PLC0415 - as above

    view = HistoryPage(theme, can_start=start_compare is not None)
    ways = Ways(open_compare, run_again, replay, start_compare)
    view.presenter = HistoryPresenter(view, bridge, history, replayer, ways)
    return view
