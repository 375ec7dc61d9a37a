"""The Providers page with real settings, a real key store and a real server on loopback."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox, QLabel, QLineEdit, QListWidget, QTableWidget, QWidget

from playground.core.targets import CloudTarget, Provider, Target, Tier
from playground.services.library.service import ModelLibrary
from playground.services.providers.practice import PracticeCloud
from playground.services.providers.prices import PriceService
from playground.services.providers.service import ProviderService
from playground.store.secrets import SecretStore
from playground.ui.pages.providers.dialog import ProviderDialog
from playground.ui.pages.providers.page import ProviderCard, ProvidersPage
from playground.ui.pages.providers.presenter import ProvidersPresenter
from playground.ui.pages.providers.prices import PriceDialog
from tests.servers.scripted_openai import Reply, ScriptedOpenAI
from tests.ui.page_harness import PageHarness, click, harness, named, until

__all__ = ["harness"]

# Qt's offscreen platform says so of every window that has a smallest size
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

KEY = "sk-never-to-be-seen-0123456789"


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")


@pytest.fixture
def server() -> Iterator[ScriptedOpenAI]:
    models = {"data": [{"id": "small", "context_length": 8192}, {"id": "<b>large</b>"}]}
    with ScriptedOpenAI(models=models) as running:
        yield running


class Providers:
    """The page, and what a person sees of it."""

    def __init__(self, harness: PageHarness) -> None:
        self.harness = harness
        self.compared: list[Target] = []
        library = ModelLibrary(lambda: (), harness.home / "models")
        self.practice = PracticeCloud(library.starter_path)
        self.secrets = SecretStore()
        prices = PriceService(harness.settings)
        self.service = ProviderService(harness.settings, self.secrets, self.practice, prices)
        self.page = ProvidersPage(harness.theme)
        self.page.presenter = ProvidersPresenter(
            harness.theme,
            self.page,
            harness.bridge,
            service=self.service,
            secrets=self.secrets,
            practice=self.practice,
            settings=harness.settings,
            open_compare=self.compared.append,
            toast=harness.toasts,
        )
        harness.show(self.page)

    def says(self, text: str) -> bool:
        return says(self.page, text)

    def dialog(self) -> ProviderDialog:
        found = [d for d in self.page.findChildren(ProviderDialog) if d.isVisible()]
        assert found
        return found[0]

    async def add(self, base_url: str, name: str = "Box") -> None:
        await self.harness.bridge.submit(self.service.add(Provider("box", name, base_url)))
        await until(lambda: self.says(base_url))


def says(widget: QWidget, text: str) -> bool:
    labels = widget.findChildren(QLabel)
    return any(text in label.text() and label.isVisibleTo(widget) for label in labels)


def test_an_empty_page_says_what_to_do_and_offers_the_practice_cloud(harness: PageHarness) -> None:
    async def body() -> None:
        providers = Providers(harness)
        assert providers.says("No provider yet")
        assert named(providers.page, "Add a provider")
        assert providers.says("Practice cloud (on this computer)")
        await until(lambda: providers.says("no password store"))

    harness.run(body)


def test_a_server_is_added_by_address_and_its_models_are_listed(
    harness: PageHarness, server: ScriptedOpenAI
) -> None:
    async def body() -> None:
        providers = Providers(harness)
        click(named(providers.page, "Add a provider"))
        dialog = providers.dialog()
        named(dialog, "Known providers", QListWidget).setCurrentRow(0)
        add = named(dialog, "Add a provider")
        assert not add.isEnabled()
        QTest.keyClicks(named(dialog, "Name", QLineEdit), "My <b>box</b>")
        QTest.keyClicks(named(dialog, "Address", QLineEdit), server.base_url)
        key = named(dialog, "Key", QLineEdit)
        assert key.echoMode() is QLineEdit.EchoMode.Password
        QTest.keyClicks(key, KEY)
        assert add.isEnabled()
        click(add)
        assert key.text() == ""
        await until(lambda: providers.says("Connected: 2 models"))
        assert providers.says("My <b>box</b>")
        assert providers.says("Key kept for this run of the program only")
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
        everything = " ".join(
            [label.text() for label in providers.page.findChildren(QLabel)]
            + [field.text() for field in providers.page.findChildren(QLineEdit)]
        )
        assert KEY not in everything
        for path in harness.home.rglob("*"):
            assert path.is_dir() or KEY.encode() not in path.read_bytes()

    harness.run(body)


def test_what_was_copied_along_with_address_and_key_is_left_out_and_said(
    harness: PageHarness, server: ScriptedOpenAI
) -> None:
    async def body() -> None:
        providers = Providers(harness)
        click(named(providers.page, "Add a provider"))
        dialog = providers.dialog()
        named(dialog, "Known providers", QListWidget).setCurrentRow(0)
        address, key = (named(dialog, label, QLineEdit) for label in ("Address", "Key"))
        address.setText(f"BASE_URL='127.0.0.1:{server.port}/v1/chat/completions'")
        assert says(dialog, "What stood before the “=” was left out. http:// was put in front.")
        add = named(dialog, "Add a provider")
        key.setText(f"{KEY} and more")
        assert says(dialog, "There is a space or a line break in the key.")
        assert not add.isEnabled()
        key.setText(f'Authorization: Bearer "{KEY}"')
        assert says(dialog, "“Bearer” in front was left out.")
        click(add)
        await until(lambda: providers.says("Connected: 2 models"))
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
        (stored,) = harness.settings.settings.providers
        assert stored.base_url == server.base_url

    harness.run(body)


def test_presets_fill_the_address_and_the_key_page_opens_in_the_browser_only_when_asked(
    harness: PageHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))

    async def body() -> None:
        providers = Providers(harness)
        click(named(providers.page, "Add a provider"))
        dialog = providers.dialog()
        names = named(dialog, "Known providers", QListWidget)
        (item,) = names.findItems("OpenAI", Qt.MatchFlag.MatchExactly)
        names.setCurrentItem(item)
        assert named(dialog, "Address", QLineEdit).text() == "https://api.openai.com/v1"
        assert says(dialog, "OPENAI_API_KEY")
        assert opened == []
        click(named(dialog, "Get a key"))
        assert [QUrl(url).scheme() for url in opened] == ["https"]
        click(named(dialog, "Cancel"))
        assert harness.settings.settings.providers == ()

    harness.run(body)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://example.com/v1", "Without https://"),
        ("ftp://example.com", "starts with https://"),
        ("https://me:secret@example.com/v1", "must not contain a name or password"),
    ],
)
def test_an_address_that_would_give_the_key_away_is_refused_while_it_is_typed(
    harness: PageHarness, address: str, why: str
) -> None:
    async def body() -> None:
        providers = Providers(harness)
        click(named(providers.page, "Add a provider"))
        dialog = providers.dialog()
        named(dialog, "Name", QLineEdit).setText("x")
        named(dialog, "Address", QLineEdit).setText(address)
        assert says(dialog, why)
        assert not named(dialog, "Add a provider").isEnabled()

    harness.run(body)


def test_a_server_without_a_name_takes_that_of_its_host(harness: PageHarness) -> None:
    async def body() -> None:
        providers = Providers(harness)
        click(named(providers.page, "Add a provider"))
        dialog = providers.dialog()
        named(dialog, "Known providers", QListWidget).setCurrentRow(0)
        name, address = (named(dialog, label, QLineEdit) for label in ("Name", "Address"))
        address.setText("https://[::1")
        assert not named(dialog, "Add a provider").isEnabled()
        address.setText("https://127.0.0.1:1/v1")
        assert name.placeholderText() == "127.0.0.1"
        click(named(dialog, "Add a provider"))
        await until(lambda: providers.says("127.0.0.1"))
        assert [provider.name for provider in harness.settings.settings.providers] == ["127.0.0.1"]

    harness.run(body)


def test_an_unencrypted_address_in_the_own_network_must_be_confirmed(harness: PageHarness) -> None:
    async def body() -> None:
        providers = Providers(harness)
        click(named(providers.page, "Add a provider"))
        dialog = providers.dialog()
        named(dialog, "Name", QLineEdit).setText("box")
        named(dialog, "Address", QLineEdit).setText("http://192.168.1.5:8000/v1")
        add = named(dialog, "Add a provider")
        assert says(dialog, "not encrypted")
        assert not add.isEnabled()
        named(dialog, "Use it all the same: I trust this network", QCheckBox).click()
        assert add.isEnabled()
        named(dialog, "Address", QLineEdit).setText("http://192.168.1.6:8000/v1")
        named(dialog, "Address", QLineEdit).setText("http://example.com/v1")
        assert not add.isEnabled()

    harness.run(body)


def test_an_address_without_v1_is_found_with_it_and_its_model_can_be_tried(
    harness: PageHarness, server: ScriptedOpenAI
) -> None:
    server.list_path = "/v1/models"

    async def body() -> None:
        providers = Providers(harness)
        await providers.add(server.base_url.removesuffix("/v1"))
        click(named(providers.page, "Test Box"))
        await until(lambda: providers.says("It answers at the address with /v1"))
        assert harness.settings.settings.providers[0].base_url == server.base_url
        assert providers.says(server.base_url)
        click(named(providers.page, "Try Box"))
        (target,) = providers.compared
        assert isinstance(target, CloudTarget)
        assert (target.provider.base_url, target.model) == (server.base_url, "<b>large</b>")

    harness.run(body)


def test_editing_begins_in_the_address_where_nothing_answers(harness: PageHarness) -> None:
    async def body() -> None:
        providers = Providers(harness)
        await providers.add("http://127.0.0.1:9/v1")
        click(named(providers.page, "Test Box"))
        await until(lambda: providers.says("Nothing answers at 127.0.0.1:9"))
        click(named(providers.page, "Edit Box"))
        await until(lambda: _dialogs(providers))
        dialog = providers.dialog()
        assert dialog.focusWidget() is named(dialog, "Address", QLineEdit)

    harness.run(body)


def test_edit_and_remove_stay_in_the_first_line_of_a_narrow_card(harness: PageHarness) -> None:
    async def body() -> None:
        providers = Providers(harness)
        await providers.add("http://127.0.0.1:9/v1", "A server whose name is rather long")
        providers.page.resize(700, 500)
        (card,) = providers.page.findChildren(ProviderCard)
        await until(lambda: card.width() < 700)
        middle = card._buttons["edit"].geometry().center().y()
        assert abs(card._name.geometry().center().y() - middle) < card._name.height()
        assert card._buttons["test"].geometry().top() > card._buttons["edit"].geometry().bottom()

    harness.run(body)


def test_a_missing_key_is_told_in_plain_words_and_not_sent_to_the_page_one_is_on(
    harness: PageHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body() -> None:
        providers = Providers(harness)
        lab = Provider("lab", "Lab", "http://127.0.0.1:9/v1", Tier.STUDIO, key_env="LAB_KEY")
        await harness.bridge.submit(providers.service.add(lab))
        await until(lambda: providers.says("No key yet"))
        click(named(providers.page, "Test Lab"))
        await until(lambda: providers.says("No key for Lab is known. Enter one, or set LAB_KEY."))
        assert not providers.says("on the Providers page")
        monkeypatch.setenv("LAB_KEY", KEY)
        providers.page.presenter.refresh()
        await until(lambda: providers.says("Key from this system's variable LAB_KEY"))
        assert not providers.says("environment variable")
        (card,) = providers.page.findChildren(ProviderCard)
        assert card._key.toolTip() == "Environment variable LAB_KEY"

    harness.run(body)


def test_a_failed_test_says_what_happened_and_what_to_try(
    harness: PageHarness, server: ScriptedOpenAI
) -> None:
    server.models = Reply(401, {"error": {"message": "Incorrect API key provided"}})

    async def body() -> None:
        providers = Providers(harness)
        await providers.add(server.base_url)
        click(named(providers.page, "Test Box"))
        await until(lambda: providers.says("Incorrect API key provided"))
        server.models = {"data": [{"id": "small"}]}
        click(named(providers.page, "Test Box"))
        await until(lambda: providers.says("Connected: 1 model,"))
        assert not providers.says("Incorrect API key provided")

    harness.run(body)


@pytest.mark.parametrize("by_key", [False, True], ids=["button", "Ctrl+Z"])
def test_a_removed_provider_comes_back_with_its_key(
    harness: PageHarness, server: ScriptedOpenAI, *, by_key: bool
) -> None:
    async def body() -> None:
        providers = Providers(harness)
        await providers.add(server.base_url)
        await harness.bridge.submit(providers.secrets.set(providers.service.find("box"), KEY))
        click(named(providers.page, "Remove Box"))
        await until(lambda: harness.settings.settings.providers == ())
        await until(lambda: harness.toasts.undo)
        assert providers.says("No provider yet")
        assert harness.toasts.undo is not None
        assert harness.toasts.stay_ms == 30_000
        if by_key:
            providers.page.activateWindow()
            QTest.keySequence(providers.page, QKeySequence.StandardKey.Undo)
        else:
            harness.toasts.undo()
        await until(lambda: providers.says("Key kept for this run of the program only"))
        (provider,) = harness.settings.settings.providers
        secret = await harness.bridge.submit(providers.secrets.get(provider))
        assert secret is not None
        assert secret.value == KEY

    harness.run(body)


def test_editing_keeps_the_key_unless_another_is_typed(
    harness: PageHarness, server: ScriptedOpenAI
) -> None:
    async def body() -> None:
        providers = Providers(harness)
        await providers.add(server.base_url)
        await harness.bridge.submit(providers.secrets.set(providers.service.find("box"), KEY))
        click(named(providers.page, "Edit Box"))
        await until(lambda: any(d.isVisible() for d in _dialogs(providers)))
        dialog = providers.dialog()
        assert named(dialog, "Key", QLineEdit).text() == ""
        assert named(dialog, "Key", QLineEdit).placeholderText()
        named(dialog, "Name", QLineEdit).setText("Kitchen")
        click(named(dialog, "Save"))
        await until(lambda: providers.says("Kitchen"))
        await until(lambda: providers.says("Connected: 2 models"))
        assert server.requests[-1].headers["authorization"] == f"Bearer {KEY}"

    harness.run(body)


def test_a_price_can_be_set_made_unknown_and_taken_back(
    harness: PageHarness, server: ScriptedOpenAI
) -> None:
    async def body() -> None:
        providers = Providers(harness)
        await providers.add(server.base_url)
        click(named(providers.page, "Test Box"))
        await until(lambda: providers.says("Connected: 2 models"))
        click(named(providers.page, "Models and prices of Box"))
        (dialog,) = (d for d in providers.page.findChildren(PriceDialog) if d.isVisible())
        table = named(dialog, "Models of Box", QTableWidget)
        rows = [table.item(row, 0).text() for row in range(table.rowCount())]
        assert rows == ["<b>large</b>", "small"]
        table.selectRow(1)
        named(dialog, "Price of what you send").setValue(0.5)
        named(dialog, "Price of what it writes").setValue(2)
        click(named(dialog, "Use my price"))
        await until(lambda: table.item(1, 3).text() == "$2.00")
        assert table.item(1, 4).text() == "yours"
        override = harness.settings.settings.price_overrides["box:small"]
        assert (override.input_usd_per_mtok, override.output_usd_per_mtok) == (0.5, 2)
        click(named(dialog, "Unknown"))
        await until(lambda: table.item(1, 3).text() == "—")
        click(named(dialog, "Price list"))
        await until(lambda: harness.settings.settings.price_overrides == {})
        click(named(dialog, "Try it"))
        (target,) = providers.compared
        assert isinstance(target, CloudTarget)
        assert target.key == "box:small"

    harness.run(body)


@pytest.mark.model
def test_the_practice_cloud_starts_and_stops_with_one_click(harness: PageHarness) -> None:
    async def body() -> None:
        providers = Providers(harness)
        click(named(providers.page, "Start the practice cloud"))
        await until(lambda: providers.says("Running on this computer."))
        assert [p.name for p in providers.service.list()] == ["Practice cloud (on this computer)"]
        assert providers.practice.pid is not None
        click(named(providers.page, "Try the practice cloud"))
        (target,) = providers.compared
        assert isinstance(target, CloudTarget)
        offered = await harness.bridge.submit(providers.service.models(target.provider))
        assert target.model in [model.id for model in offered]
        click(named(providers.page, "Stop the practice cloud"))
        await until(lambda: not providers.practice.is_running)
        await until(lambda: not providers.says("Running on this"))
        assert named(providers.page, "Start the practice cloud").isEnabled()
        await harness.bridge.submit(providers.practice.stop())

    harness.run(body)


def _dialogs(providers: Providers) -> list[ProviderDialog]:
    return providers.page.findChildren(ProviderDialog)


def test_a_model_is_named_where_a_provider_has_no_list(
    harness: PageHarness, server: ScriptedOpenAI
) -> None:
    server.models = Reply(404, {"detail": "Not Found"})

    async def body() -> None:
        providers = Providers(harness)
        await providers.add(server.base_url)
        click(named(providers.page, "Test Box"))
        await until(lambda: providers.says("Box has no list of its models at this address."))
        button = named(providers.page, "Models and prices of Box")
        assert button.text() == "Type a model's name"
        click(button)
        (dialog,) = (d for d in providers.page.findChildren(PriceDialog) if d.isVisible())
        name, add = named(dialog, "Name of a model", QLineEdit), named(dialog, "Add the model")
        assert not add.isEnabled()
        QTest.keyClicks(name, "two\twords")
        name.setText("x" * 300)
        click(add)
        await until(lambda: says(dialog, "This is not a model's name."))
        name.setText(" large-2 ")
        assert not says(dialog, "This is not a model's name.")
        QTest.keyClick(name, Qt.Key.Key_Return)
        table = named(dialog, "Models of Box", QTableWidget)
        await until(lambda: table.rowCount() == 1)
        assert dialog.isVisible()
        click(named(dialog, "Try it"))
        (target,) = providers.compared
        assert target.key == "box:large-2"
        await until(lambda: providers.says("Connected: 1 model,"))
        click(named(providers.page, "Test Box"))
        await until(lambda: not providers.says("Testing"))
        assert providers.says("Connected: 1 model,")

    harness.run(body)


def test_a_key_that_is_gone_after_a_restart_is_asked_for_with_a_button(
    harness: PageHarness, server: ScriptedOpenAI
) -> None:
    async def body() -> None:
        before = Providers(harness)
        await harness.bridge.submit(
            before.service.add(Provider("box", "Box", server.base_url), KEY)
        )
        await until(lambda: before.says("Key kept for this run of the program only"))
        assert not before.says("ended")
        before.page.close()
        again = Providers(harness)
        await until(lambda: again.says("The key was kept only until the program ended"))
        button = named(again.page, "Enter the key of Box")
        assert button.text() == "Enter the key again"
        click(button)
        await until(lambda: any(d.isVisible() for d in _dialogs(again)))
        dialog = again.dialog()
        assert named(dialog, "Key", QLineEdit).hasFocus()
        QTest.keyClicks(named(dialog, "Key", QLineEdit), KEY)
        click(named(dialog, "Save"))
        await until(lambda: again.says("Connected: 2 models"))
        assert server.requests[-1].headers["authorization"] == f"Bearer {KEY}"
        assert not button.isVisibleTo(again.page)

    harness.run(body)


def test_many_providers_get_their_cards_one_after_the_other(
    harness: PageHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[int] = []
    show_cards = ProvidersPage._show_cards

    def noted(page: ProvidersPage, most_new: int) -> None:
        before = len(page._cards)
        show_cards(page, most_new)
        built.append(len(page._cards) - before)

    async def body() -> None:
        many = [Provider(f"p{n}", f"Box {n}", f"http://127.0.0.1:{9000 + n}/v1") for n in range(20)]
        harness.settings.update(providers=tuple(many))
        monkeypatch.setattr(ProvidersPage, "_show_cards", noted)
        page = Providers(harness).page
        await until(lambda: len(page._cards) == 20)
        # the window answers after each few
        assert max(built) <= 4
        shown = [page._list.itemAt(place).widget().accessibleName() for place in range(20)]
        assert shown == [provider.name for provider in many]

    harness.run(body)
