"""The Get models page against a Hub on loopback, with real services behind it."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import QLabel, QLineEdit

from playground.app.services import use_hub_transport
from playground.core.gguf.header import GgufHeader
from playground.core.hub import HubFile, HubModel, HubPart
from playground.core.machine import Machine
from playground.core.requirements.memory import MemoryNeed
from playground.core.requirements.model import Compatibility, RequirementLevel, Requirements, Speed
from playground.core.runs import Provenance
from playground.core.targets import ModelFile
from playground.services.downloads.manager import DownloadManager
from playground.services.hub.service import HubService
from playground.services.library.service import ModelLibrary
from playground.store.secrets import SecretStore
from playground.ui.pages.hub.details import LONGEST, VersionListModel, readable
from playground.ui.pages.hub.page import HubPage
from playground.ui.pages.hub.presenter import HubPresenter
from playground.ui.pages.hub.repository import RepositoryPresenter
from playground.ui.pages.hub.results import ResultListModel
from playground.ui.pages.hub.view_models import (
    ResultRow,
    ResultsState,
    VersionRow,
    popularity,
    recommended_words,
)
from tests.core.gguf_files import Dense, write_dense
from tests.servers.hub import HubServer
from tests.ui.page_harness import PageHarness, click, harness, named, until

__all__ = ["harness"]

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")
REPO = "acme/Tiny-Instruct-GGUF"


class Assessor:
    """Says that everything runs great, or what a test wants, with figures of its own."""

    def __init__(self) -> None:
        self.verdict = Compatibility.RUNS_GREAT

    async def refresh(self) -> None:
        """Nothing to look at."""

    def guess(self, model: HubModel, size_bytes: int | None) -> Compatibility | None:
        return self.guess_by_size(model.parameters, size_bytes)

    def guess_best(self, model: HubModel) -> Compatibility | None:
        return self.guess_by_size(model.parameters, model.usual_bytes)

    def may_run(self, model: HubModel) -> bool:
        return self.guess_best(model) is Compatibility.RUNS_GREAT

    def guess_by_size(self, parameters: int | None, size_bytes: int | None) -> Compatibility | None:
        if parameters is None and size_bytes is None:
            return None
        return Compatibility.WONT_FIT if (parameters or 0) > 50e9 else Compatibility.RUNS_GREAT

    def assess(
        self,
        header: GgufHeader,
        *,
        projector_bytes: int = 0,
        others: Sequence[tuple[str, int]] = (),
    ) -> Requirements:
        speed = Speed(20, 40, Provenance.ESTIMATED)
        box = RequirementLevel(200 << 20, speed, 8192)
        need = MemoryNeed(8192, "f16", 98 << 20, 0, 10 << 20, 20 << 20)
        machine = Machine("this", 16 << 30, 8 << 30)
        return Requirements(self.verdict, box, box, need, machine, 8 << 30, speed)


class Hub:
    """The page, the Hub behind it, and what a person sees."""

    def __init__(self, harness: PageHarness, server: HubServer) -> None:
        self.harness, self.server = harness, server
        self.compared: list[Path] = []
        self.asked_for_settings = 0
        harness.settings.update(hub_endpoint=server.endpoint)
        self.hub = HubService(
            harness.settings, SecretStore({}), harness.home / "cache", use_hub_transport, {}
        )
        models = harness.home / "models"
        models.mkdir(exist_ok=True)
        self.downloads = DownloadManager(models, None, self.hub, harness.settings)
        self.library = ModelLibrary(lambda: (), models)
        self.page = HubPage(harness.theme)
        self.assessor = Assessor()
        repository = RepositoryPresenter(
            self.page,
            harness.bridge,
            hub=self.hub,
            downloads=self.downloads,
            requirements=self.assessor,
            library=self.library,
            open_downloads=lambda: None,
            open_compare=self.compared.append,
            open_settings=self._count_settings,
            toast=harness.toasts,
        )
        self.page.presenter = HubPresenter(
            self.page,
            harness.bridge,
            repository,
            hub=self.hub,
            requirements=self.assessor,
            settings=harness.settings,
        )
        harness.show(self.page)

    def _count_settings(self) -> None:
        self.asked_for_settings += 1

    @property
    def search(self) -> QLineEdit:
        return named(self.page, "Search the Hub", QLineEdit)

    def listed(self) -> list[str]:
        return [row.model.repo for row in self.page.panel.results.rows]

    def says(self, text: str) -> bool:
        labels = self.page.findChildren(QLabel)
        return any(text in one.text() and one.isVisibleTo(self.page) for one in labels)

    async def close(self) -> None:
        await self.harness.bridge.submit(self.downloads.close())
        await self.harness.bridge.submit(self.hub.close())


def run(harness: PageHarness, body: Any, fill: Any = None) -> None:
    """Run `body(hub)` with a Hub that has a few repositories."""

    async def live() -> None:
        with HubServer() as server:
            (fill or (lambda one: None))(server)
            hub = Hub(harness, server)
            try:
                await body(hub)
            finally:
                hub.page.closing.emit()
                await hub.close()

    harness.run(live)


def tiny(starter: Path, **more: Any) -> Any:
    data = starter.read_bytes()

    def fill(server: HubServer) -> None:
        files = {
            "Tiny-Instruct-Q4_K_M.gguf": data,
            "Tiny-Instruct-Q2_K.gguf": data[:60_000_000],
            "README.md": b"---\nlicense: mit\n---\n# Hello\n<img src='http://x'>A *tiny* model.",
        }
        server.add(REPO, files, gguf={"total": 135_000_000}, **more)

    return fill


def two_versions(starter: Path, **more: Any) -> Any:
    data = starter.read_bytes()

    def fill(server: HubServer) -> None:
        files = {f"Tiny-Instruct-{name}.gguf": data for name in ("Q4_K_M", "Q8_0")}
        server.add(REPO, files, gguf={"total": 135_000_000}, **more)

    return fill


def put_here(hub: Hub, starter: Path) -> None:
    """Let a version be on this computer already, found only after the Hub has answered."""
    folder = hub.harness.home / "models" / REPO
    folder.mkdir(parents=True)
    (folder / "Tiny-Instruct-Q4_K_M.gguf").write_bytes(starter.read_bytes())
    listed = hub.library.listed

    async def late() -> tuple[ModelFile, ...]:
        await asyncio.sleep(0.3)
        return await listed()

    hub.library.listed = late  # type: ignore[method-assign]


def test_the_shelf_is_there_before_anything_is_searched_and_one_click_opens_a_model(
    harness: PageHarness,
) -> None:
    async def body(hub: Hub) -> None:
        card = named(hub.page, "Qwen3 0.6B")
        assert "Runs great" in card.accessibleDescription()
        click(card)
        # this Hub has none of them, and says so beside the shelf
        await until(lambda: hub.says("no such repository"))

    run(harness, body)


def test_searching_lists_what_matches_and_goes_on_as_one_scrolls(harness: PageHarness) -> None:
    def fill(server: HubServer) -> None:
        for number in range(45):
            server.add(f"acme/Model-{number:02d}-GGUF", {"m-Q4_K_M.gguf": b"GGUF"})
        server.add("other/Thing-GGUF", {"m-Q4_K_M.gguf": b"GGUF"})

    async def body(hub: Hub) -> None:
        QTest.keyClicks(hub.search, "model")
        await until(lambda: len(hub.listed()) >= 15)
        assert "other/Thing-GGUF" not in hub.listed()
        results = hub.page.panel.results
        while results.canFetchMore(results.index(-1, -1)):
            before = len(hub.listed())
            results.fetchMore(results.index(-1, -1))
            await until(lambda before=before: len(hub.listed()) > before)
        assert len(hub.listed()) == len(set(hub.listed())) == 45

    run(harness, body, fill)


def test_the_list_says_what_the_header_said_once_it_is_read(
    harness: PageHarness, starter_model: Path
) -> None:
    async def body(hub: Hub) -> None:
        def shown() -> tuple[Compatibility | None, bool]:
            row = hub.page.panel.results.rows[0]
            return row.verdict, row.is_exact

        QTest.keyClicks(hub.search, "tiny")
        await until(lambda: hub.listed() == [REPO])
        assert shown() == (Compatibility.RUNS_GREAT, False)
        hub.assessor.verdict = Compatibility.SLOW
        hub.page.panel.list.chosen.emit(REPO)
        await until(lambda: shown() == (Compatibility.SLOW, True))
        assert hub.page.details.offer._badge.text == "Slow"
        assert hub.page.details.offer._mark.text == "Best of these"

    run(harness, body, two_versions(starter_model))


def test_a_new_search_shows_no_model_of_the_one_before(
    harness: PageHarness, starter_model: Path
) -> None:
    def fill(server: HubServer) -> None:
        two_versions(starter_model)(server)
        server.add("other/Thing-GGUF", {"m-Q4_K_M.gguf": b"GGUF"})

    async def body(hub: Hub) -> None:
        QTest.keyClicks(hub.search, "tiny")
        await until(lambda: hub.listed() == [REPO])
        hub.page.panel.list.choose_row(0)
        choose = "Choose a model to see whether it runs here."
        await until(lambda: not hub.says(choose))
        hub.search.setText("thing")
        await until(lambda: hub.listed() == ["other/Thing-GGUF"])
        await until(lambda: hub.says(choose))
        hub.page.panel.list.choose_row(0)
        await until(lambda: not hub.says(choose))

    run(harness, body, fill)


def test_one_like_is_no_likes() -> None:
    known = HubModel("acme/T-GGUF", downloads=1, likes=1)
    assert popularity(known) == "1 download · 1 like"
    assert popularity(replace(known, downloads=0, likes=2)) == "0 downloads · 2 likes"


def test_a_pasted_address_opens_the_version_it_names(
    harness: PageHarness, starter_model: Path
) -> None:
    async def body(hub: Hub) -> None:
        hub.search.setText(f"{hub.server.endpoint}/{REPO}/blob/main/Tiny-Instruct-Q4_K_M.gguf")
        offer = hub.page.details.offer
        await until(lambda: offer._badge.text == "Runs great")
        assert "Q4_K_M" in offer._caption.text()
        assert hub.listed() == [REPO]

    run(harness, body, two_versions(starter_model))


def test_only_the_last_of_several_questions_is_answered(harness: PageHarness) -> None:
    def fill(server: HubServer) -> None:
        server.add("acme/First-GGUF", {"m-Q4_K_M.gguf": b"GGUF"})
        server.add("acme/Second-GGUF", {"m-Q4_K_M.gguf": b"GGUF"})

    async def body(hub: Hub) -> None:
        hub.server.faults.hang_api = Event()
        hub.search.setText("first")
        await until(lambda: hub.server.asked_for("/api/models"))
        hub.search.setText("second")
        await until(lambda: len(hub.server.asked_for("/api/models")) == 2)
        hub.server.faults.hang_api.set()
        await until(lambda: hub.listed() == ["acme/Second-GGUF"])
        QTest.qWait(0)
        assert hub.listed() == ["acme/Second-GGUF"]

    run(harness, body, fill)


def test_nothing_found_offers_to_clear_and_escape_brings_the_shelf_back(
    harness: PageHarness,
) -> None:
    async def body(hub: Hub) -> None:
        QTest.keyClicks(hub.search, "zzz")
        await until(lambda: hub.says("No model matches"))
        assert hub.page.handle_escape()
        assert hub.search.text() == ""
        assert named(hub.page, "Qwen3 0.6B").isVisibleTo(hub.page)
        assert not hub.page.handle_escape()

    run(harness, body)


def test_offline_mode_says_so_at_once_and_can_be_turned_off_here(harness: PageHarness) -> None:
    async def body(hub: Hub) -> None:
        hub.harness.settings.update(offline=True)
        await until(lambda: hub.says("Offline mode is on"))
        hub.search.setText("tiny")
        await until(lambda: hub.page._listing is ResultsState.OFFLINE)
        assert not hub.server.requests
        click(named(hub.page, "Turn offline mode off"))
        await until(lambda: hub.says("No model matches"))
        assert not hub.harness.settings.settings.offline

    run(harness, body)


def test_a_hub_that_fails_is_told_in_a_sentence_and_asked_again_on_demand(
    harness: PageHarness,
) -> None:
    async def body(hub: Hub) -> None:
        hub.server.faults.portal = True
        hub.search.setText("tiny")
        await until(lambda: hub.says("The Hub cannot be reached"))
        hub.server.faults.portal = False
        click(named(hub.page, "Try again"))
        await until(lambda: hub.says("No model matches"))

    run(harness, body)


def test_enter_on_a_first_choice_goes_on_to_its_download(
    harness: PageHarness, starter_model: Path
) -> None:
    async def body(hub: Hub) -> None:
        await until(hub.page.featured.focus_first)
        card = hub.page.featured._cards[0]
        # what this Hub has, under the name of the first card
        card._repo = REPO
        QTest.keyClick(card, Qt.Key.Key_Return)
        offer = hub.page.details.offer
        await until(lambda: offer._mark.isVisibleTo(hub.page))
        assert hub.page.focusWidget() is offer._get

    run(harness, body, tiny(starter_model))


def test_the_recommended_version_is_fetched_in_place_and_compared_with(
    harness: PageHarness, starter_model: Path
) -> None:
    async def body(hub: Hub) -> None:
        hub.search.setText("tiny")
        await until(lambda: hub.listed() == [REPO])
        hub.page.panel.focus_list()
        offer = hub.page.details.offer
        await until(lambda: offer._mark.isVisibleTo(hub.page))
        assert offer._badge.text == "Runs great"
        assert hub.says("runs great on this computer")
        await until(lambda: hub.says("What its publisher says"))
        assert "img" not in hub.page.details._card.toPlainText()
        click(named(hub.page, "Download 98 MB"))
        await until(lambda: offer.compare.isVisibleTo(hub.page))
        click(named(hub.page, "Try it"))
        (path,) = hub.compared
        assert path.read_bytes() == starter_model.read_bytes()

    run(harness, body, tiny(starter_model))


def test_a_gated_model_says_what_to_do_and_offers_the_token(
    harness: PageHarness, starter_model: Path
) -> None:
    async def body(hub: Hub) -> None:
        hub.page.featured.chosen.emit(REPO)
        await until(lambda: hub.says("accept terms first"))
        await until(lambda: not hub.page.details.offer._get.isEnabled())
        click(named(hub.page, "Enter an access token"))
        assert hub.asked_for_settings == 1

    run(harness, body, tiny(starter_model, gated="auto"))


def test_a_model_with_terms_that_is_here_already_wants_nothing_accepted(
    harness: PageHarness, starter_model: Path
) -> None:
    async def body(hub: Hub) -> None:
        put_here(hub, starter_model)
        hub.page.featured.chosen.emit(REPO)
        await until(lambda: hub.says("It is on this computer, ready to run."))
        details = hub.page.details
        # the Hub would not give out its header: it is read from the file
        await until(lambda: details.offer._badge.text == "Runs great")
        assert not details._notice.isVisibleTo(hub.page)
        assert not hub.server.asked_for("Q4_K_M")

    run(harness, body, tiny(starter_model, gated="auto"))


def test_only_the_versions_that_are_not_here_want_terms_accepted(
    harness: PageHarness, starter_model: Path
) -> None:
    async def body(hub: Hub) -> None:
        put_here(hub, starter_model)
        details = hub.page.details
        hub.page.featured.chosen.emit(REPO)
        await until(lambda: details.offer._get.isVisibleTo(hub.page))
        await until(lambda: not details.offer._get.isEnabled())
        assert hub.says("accept terms first")
        details.versions.chosen.emit("Tiny-Instruct-Q4_K_M.gguf")
        assert hub.says("It is on this computer, ready to run.")
        assert not details._notice.isVisibleTo(hub.page)
        assert details.offer._badge.text == "Runs great"

    run(harness, body, two_versions(starter_model, gated="auto"))


def test_terms_are_not_asked_for_again_of_somebody_who_was_let_in(
    harness: PageHarness, starter_model: Path
) -> None:
    async def body(hub: Hub) -> None:
        await harness.bridge.submit(hub.hub.set_token("hf_right"))
        details = hub.page.details
        hub.server.faults.slow_first_byte_s = 0.3
        was_asked = False

        def is_known() -> bool:
            nonlocal was_asked
            was_asked = was_asked or details._notice.isVisibleTo(hub.page)
            return details.offer._badge.text == "Runs great"

        hub.page.featured.chosen.emit(REPO)
        await until(is_known)
        assert not was_asked
        assert details.offer._get.isEnabled()

    run(harness, body, tiny(starter_model, gated="auto"))


def test_a_model_its_publisher_grants_says_to_ask_for_it_and_what_an_access_token_is(
    harness: PageHarness, starter_model: Path
) -> None:
    async def body(hub: Hub) -> None:
        hub.page.featured.chosen.emit(REPO)
        await until(lambda: hub.says("decides who gets this model"))
        assert hub.says("a kind of password")
        assert named(hub.page, "Ask for it").text() == "Ask for it"

    run(harness, body, tiny(starter_model, gated="manual"))


def test_a_verdict_is_not_shown_before_the_header_is_read(
    harness: PageHarness, starter_model: Path
) -> None:
    async def body(hub: Hub) -> None:
        hub.server.faults.status, hub.server.faults.status_count = 500, 999
        hub.page.featured.chosen.emit(REPO)
        offer = hub.page.details.offer
        await until(lambda: offer._badge.text == "Unknown")
        assert not offer._mark.isVisibleTo(hub.page)
        assert hub.says("could not be found out")

    run(harness, body, tiny(starter_model))


def test_a_version_that_is_chosen_is_looked_at_without_the_list_of_all_being_open(
    harness: PageHarness, starter_model: Path
) -> None:
    async def body(hub: Hub) -> None:
        offer = hub.page.details.offer
        hub.page.featured.chosen.emit(REPO)
        await until(lambda: offer._badge.text == "Runs great")
        assert not hub.server.asked_for("Q4_K_M")
        hub.page.details.needs.version_asked.emit("Q4_K_M")
        assert offer._badge.text == "Checking…"
        await until(lambda: offer._badge.text == "Runs great")

    run(harness, body, two_versions(starter_model))


def test_a_repository_of_damaged_files_is_not_looked_at_for_ever(harness: PageHarness) -> None:
    def fill(server: HubServer) -> None:
        names = ("Q2_K", "Q3_K_M", "Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0")
        server.add(REPO, {f"Tiny-{name}.gguf": name.encode() * 20_000 for name in names})

    async def body(hub: Hub) -> None:
        hub.page.featured.chosen.emit(REPO)
        await until(lambda: hub.page.details.offer._badge.text == "Unknown")

    run(harness, body, fill)


def test_a_repository_of_an_embedding_model_says_what_it_is_and_recommends_nothing(
    harness: PageHarness, tmp_path: Path
) -> None:
    path = write_dense(tmp_path / "m.gguf", "qwen3", Dense(), {".pooling_type": 3})

    def fill(server: HubServer) -> None:
        names = ("Q4_K_M", "Q8_0")
        server.add(REPO, {f"Embed-{name}.gguf": path.read_bytes() for name in names})

    async def body(hub: Hub) -> None:
        hub.page.featured.chosen.emit(REPO)
        offer = hub.page.details.offer
        await until(lambda: offer._badge.text == "Can't chat")
        assert hub.says("turns text into numbers for searching")
        assert not offer._mark.isVisibleTo(hub.page)

    run(harness, body, fill)


def test_what_is_slow_is_not_called_recommended() -> None:
    needs = Assessor().assess(GgufHeader(3, "little", {}, (), 0, 0))
    row = VersionRow(HubFile((HubPart("m", 1),)), needs, is_recommended=True)
    assert recommended_words(row) == "Recommended"
    slow = replace(row, requirements=replace(needs, verdict=Compatibility.SLOW))
    assert recommended_words(slow) == "Best of these"
    assert recommended_words(replace(row, requirements=None)) == ""


def test_a_model_card_loses_pictures_tags_and_comments_but_not_its_code() -> None:
    card = (
        "<div align=center><img src=x onerror=y></div>\n# Name\n<!-- hidden -->\n"
        "![logo](http://x/y.png) text <b>bold</b>\n```html\n<b>kept</b>\n```\n"
    )
    text, is_whole = readable(card)
    assert is_whole
    assert "hidden" not in text
    assert "logo" not in text
    assert "text bold" in text
    assert "<b>kept</b>" in text
    long, is_whole = readable("<!--" * 50_000 + "word\n\n" * 9_000)
    assert len(long) <= LONGEST
    assert not is_whole


def test_the_lists_keep_the_rules_of_item_models(qapp: object) -> None:
    results, versions = ResultListModel(), VersionListModel()
    mode = QAbstractItemModelTester.FailureReportingMode.Warning
    testers = [QAbstractItemModelTester(one, mode) for one in (results, versions)]
    rows = tuple(ResultRow(HubModel(f"a/{n}-GGUF"), Compatibility.RUNS) for n in range(5))
    results.reset_rows(rows[:2], is_complete=False)
    results.add_rows(rows, is_complete=True)
    assert results.rowCount() == 5
    said = results.index(0, 0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert "by a" in said
    results.reset_rows(())
    del testers
