"""The Hub over real HTTP: search, files, headers, tokens, and everything that goes wrong."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from playground.app.services import use_hub_transport
from playground.core.errors import (
    HubFailed,
    HubTokenRefused,
    ModelFileInvalid,
    Offline,
    RepositoryGated,
    RepositoryNotFound,
)
from playground.core.gguf.reader import read_header
from playground.core.hub import Gate, HubModel, HubQuery, HubSort
from playground.services.hub.exchange import terms_wanted
from playground.services.hub.service import HubService, featured_models
from playground.services.hub.tokens import TokenSource
from playground.store.secrets import KeySource, SecretStore
from playground.store.settings import SettingsStore
from tests.core.gguf_files import write_model
from tests.servers.hub import HubServer
from tests.servers.hub_content import Generated

CARD = b"---\nlicense: mit\n---\n# Tiny\n\nHello."


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        yield server


@pytest.fixture
def settings(tmp_path: Path) -> SettingsStore:
    return SettingsStore(tmp_path / "settings.json")


@pytest.fixture
async def service(
    hub: HubServer, settings: SettingsStore, tmp_path: Path
) -> AsyncIterator[HubService]:
    made = service_at(hub.endpoint, settings, tmp_path)
    yield made
    await made.close()


def service_at(
    endpoint: str, settings: SettingsStore, folder: Path, **environment: str
) -> HubService:
    variables = {"HF_ENDPOINT": endpoint, "HF_HOME": str(folder / "hf"), **environment}
    return HubService(
        settings, SecretStore(variables), folder / "cache", use_hub_transport, variables
    )


def publish(hub: HubServer, count: int) -> None:
    for i in range(count):
        hub.add(
            f"acme/Model-{i:02}-GGUF",
            {f"model-{i:02}-Q4_K_M.gguf": b"GGUF", f"model-{i:02}-Q8_0.gguf": b"GGUF"},
            downloads=i,
            likes=count - i,
            lastModified=f"2026-10-{i % 28 + 1:02}T00:00:00.000Z",
            tags=["gguf", f"license:{'mit' if i % 2 else 'apache-2.0'}"],
            gguf={"total": i * 10**9, "architecture": "llama", "context_length": 4096},
        )


async def test_search_lists_repositories_with_what_the_hub_says(
    hub: HubServer, service: HubService
) -> None:
    publish(hub, 3)
    page = await service.search(HubQuery(sort=HubSort.DOWNLOADS))
    assert [model.name for model in page.models] == [
        "Model-02-GGUF",
        "Model-01-GGUF",
        "Model-00-GGUF",
    ]
    first = page.models[0]
    assert (first.publisher, first.parameters, first.licence) == ("acme", 2 * 10**9, "apache-2.0")
    assert first.smallest_bytes == pytest.approx(1.2e9, rel=0.05)
    assert page.next_cursor is None


async def test_each_order_is_the_hubs_own(hub: HubServer, service: HubService) -> None:
    publish(hub, 3)
    liked = await service.search(HubQuery(sort=HubSort.LIKES))
    assert liked.models[0].name == "Model-00-GGUF"
    new = await service.search(HubQuery(sort=HubSort.UPDATED))
    assert new.models[0].name == "Model-02-GGUF"


async def test_scrolling_on_reaches_every_repository_once(
    hub: HubServer, service: HubService
) -> None:
    publish(hub, 45)
    found: list[HubModel] = []
    cursor = None
    while True:
        page = await service.search(HubQuery(), cursor)
        found += page.models
        cursor = page.next_cursor
        if cursor is None:
            break
    assert len(found) == len({model.repo for model in found}) == 45


async def test_filters_narrow_the_search(hub: HubServer, service: HubService) -> None:
    publish(hub, 12)
    some = HubQuery(min_parameters=2 * 10**9, max_parameters=5 * 10**9)
    assert {m.name for m in (await service.search(some)).models} == {
        f"Model-{i:02}-GGUF" for i in range(2, 6)
    }
    free = await service.search(HubQuery(licence="mit"))
    assert {m.licence for m in free.models} == {"mit"}
    small = await service.search(HubQuery(max_size_bytes=2_000_000_000))
    assert {m.parameters for m in small.models} == {i * 10**9 for i in range(4)}
    mine = await service.search(
        HubQuery(fits_only=True), runs_here=lambda model: model.parameters == 10**9
    )
    assert [m.name for m in mine.models] == ["Model-01-GGUF"]
    assert (await service.search(HubQuery(text="model-07"))).models[0].name == "Model-07-GGUF"
    assert (await service.search(HubQuery(text="nothing like it"))).models == ()


async def test_half_a_character_in_what_is_asked_or_answered_does_no_harm(
    hub: HubServer, service: HubService
) -> None:
    hub.add("acme/Tiny-GGUF", {"tiny-\ud83d-Q8_0.gguf": b"GGUF"}, pipeline_tag="a\ude00")
    page = await service.search(HubQuery(text="tin\udcff"))
    assert page.models == ()
    (model,) = (await service.search(HubQuery(text="Tiny"))).models
    assert model.task == "a\ufffd"
    found = await service.repository("acme/Tiny-GGUF")
    assert [file.path for file in found.files] == ["tiny-\ufffd-Q8_0.gguf"]
    with pytest.raises(RepositoryNotFound):
        await service.repository("acme/Tiny-GGUF", "bran\udcffch")


async def test_a_call_that_is_called_off_ends_at_once(hub: HubServer, service: HubService) -> None:
    hub.faults.hang_api = threading.Event()
    search = asyncio.create_task(service.search(HubQuery(text="slow")))
    while not hub.requests:
        await asyncio.sleep(0.01)
    search.cancel()
    with pytest.raises(asyncio.CancelledError):
        await search
    hub.faults.hang_api.set()
    hub.faults.hang_api = None
    assert (await service.search(HubQuery())).models == ()


async def test_files_are_grouped_with_size_and_checksum(
    hub: HubServer, service: HubService
) -> None:
    repo = hub.add(
        "acme/Tiny-GGUF",
        {
            "README.md": CARD,
            "tiny-Q8_0.gguf": Generated(40_000),
            "UD-Q4_K_XL/tiny-UD-Q4_K_XL-00001-of-00002.gguf": Generated(15_000),
            "UD-Q4_K_XL/tiny-UD-Q4_K_XL-00002-of-00002.gguf": Generated(12_000),
            "tiny-IQ2_XXS-00002-of-00003.gguf": Generated(11_000),
            "mmproj-tiny-F16.gguf": Generated(20_000),
            "../escape-Q4_0.gguf": b"GGUF",
            "C:\\evil-Q4_0.gguf": b"GGUF",
            "imatrix.gguf": b"GGUF",
        },
        gated="manual",
    )
    found = await service.repository("acme/Tiny-GGUF")
    assert found.revision == repo.commit
    assert found.model.gate is Gate.MANUAL
    assert found.page_url == f"{hub.endpoint}/acme/Tiny-GGUF"
    assert [(f.quantization, f.size_bytes, f.missing_parts) for f in found.files] == [
        ("IQ2_XXS", 11_000, (1, 3)),
        ("UD-Q4_K_XL", 27_000, ()),
        ("Q8_0", 40_000, ()),
    ]
    assert [f.path for f in found.projectors] == ["mmproj-tiny-F16.gguf"]
    assert len(found.files[2].parts[0].sha256 or "") == 64


async def test_an_adapters_name_hides_no_model_and_pieces_are_listed_as_what_they_are(
    hub: HubServer, service: HubService
) -> None:
    files = {
        "mistral-lora-merged.Q4_K_M.gguf": Generated(10_000),
        "m.Q8_0.gguf.part1of2": Generated(8_000),
        "m.Q8_0.gguf.part2of2": Generated(7_000),
    }
    hub.add("me/lora-merged-GGUF", files)
    found = await service.repository("me/lora-merged-GGUF")
    merged, cut = found.files
    assert (merged.quantization, merged.problem) == ("Q4_K_M", None)
    assert (cut.quantization, cut.size_bytes, len(cut.parts)) == ("Q8_0", 15_000, 2)
    assert "cut into pieces" in (cut.problem or "")
    with pytest.raises(ModelFileInvalid, match="cut into pieces"):
        await service.header("me/lora-merged-GGUF", found.revision, cut)


async def test_a_pasted_address_is_searched_for_by_its_repository(
    hub: HubServer, service: HubService
) -> None:
    hub.add("me/Tiny-GGUF", {"m-Q4_0.gguf": b"GGUF"})
    address = f"{hub.endpoint}/me/Tiny-GGUF/tree/main"
    assert service.reference(address).repo == "me/Tiny-GGUF"
    found = await service.search(HubQuery(address))
    assert [model.repo for model in found.models] == ["me/Tiny-GGUF"]
    with pytest.raises(RepositoryNotFound, match="no repository's name"):
        service.reference("tiny models")


async def test_a_card_comes_without_its_front_matter(hub: HubServer, service: HubService) -> None:
    hub.add("acme/Tiny-GGUF", {"README.md": CARD})
    hub.add("acme/Bare-GGUF", {"x.gguf": b"GGUF"})
    assert await service.card("acme/Tiny-GGUF") == "# Tiny\n\nHello."
    assert await service.card("acme/Bare-GGUF") == ""


async def test_a_key_in_a_card_or_a_list_is_not_shown(
    hub: HubServer, settings: SettingsStore, tmp_path: Path
) -> None:
    token, key = "hf_right", "sk-planted-0123456789"
    hub.add(
        "acme/Tiny-GGUF",
        {"README.md": f"Use {key} or {token}.".encode(), "tiny-Q4_K_M.gguf": b"GGUF"},
        tags=["gguf", f"license:{key}"],
    )
    service = service_at(hub.endpoint, settings, tmp_path, HF_TOKEN=token, OPENAI_API_KEY=key)
    assert await service.card("acme/Tiny-GGUF") == "Use [key] or [key]."
    assert key not in repr(await service.search(HubQuery()))
    assert key not in repr(await service.repository("acme/Tiny-GGUF"))
    assert {asked.token for asked in hub.requests} == {token}
    await service.close()


async def test_a_header_is_read_over_ranges_and_only_once(
    hub: HubServer, service: HubService, tmp_path: Path
) -> None:
    tensors = {"token_embd.weight": ((4096, 32_000), "Q4_K")}
    path = write_model(tmp_path / "m.gguf", "llama", {}, tensors)
    hub.add("acme/Tiny-GGUF", {"m-Q4_K_M.gguf": path})
    found = await service.repository("acme/Tiny-GGUF")
    header = await service.header("acme/Tiny-GGUF", found.revision, found.files[0])
    assert header == read_header(path)
    assert hub.bytes_served("m-Q4_K_M") == 64 << 10
    assert await service.header("acme/Tiny-GGUF", found.revision, found.files[0]) == header
    assert hub.bytes_served("m-Q4_K_M") == 64 << 10


async def test_a_server_without_ranges_gives_the_header_too(
    hub: HubServer, service: HubService, starter_model: Path
) -> None:
    hub.add("acme/Tiny-GGUF", {"m-Q4_1.gguf": starter_model})
    hub.faults.no_ranges = True
    found = await service.repository("acme/Tiny-GGUF")
    header = await service.header("acme/Tiny-GGUF", found.revision, found.files[0])
    assert header == read_header(starter_model)


async def test_a_file_that_is_no_model_gets_a_reason(hub: HubServer, service: HubService) -> None:
    hub.add("acme/Tiny-GGUF", {"m-Q4_1.gguf": Generated(100_000)})
    found = await service.repository("acme/Tiny-GGUF")
    with pytest.raises(ModelFileInvalid, match="not a GGUF"):
        await service.header("acme/Tiny-GGUF", found.revision, found.files[0])


async def test_a_gated_file_says_what_to_do_and_a_token_opens_it(
    hub: HubServer, settings: SettingsStore, service: HubService, tmp_path: Path
) -> None:
    tensors = {"token_embd.weight": ((4096, 320), "Q4_K")}
    path = write_model(tmp_path / "m.gguf", "llama", {}, tensors)
    hub.add("acme/Gated-GGUF", {"m-Q4_K_M.gguf": path}, gated="auto")
    found = await service.repository("acme/Gated-GGUF")
    with pytest.raises(RepositoryGated) as refused:
        await service.header("acme/Gated-GGUF", found.revision, found.files[0])
    assert "accept" in refused.value.hint
    known = service_at(hub.endpoint, settings, tmp_path, HF_TOKEN="hf_right")
    await known.header("acme/Gated-GGUF", found.revision, found.files[0])
    await known.close()
    asked = hub.asked_for("m-Q4_K_M.gguf")
    assert {a.token for a in asked if a.server == "cdn"} == {None}
    assert "hf_right" in {a.token for a in asked if a.server == "hub"}


def test_an_access_token_is_explained_and_only_asked_for_where_there_is_none() -> None:
    assert "a kind of password from huggingface.co" in terms_wanted(has_token=False).hint
    assert "token" not in terms_wanted(has_token=True).hint


async def test_private_and_missing_repositories_look_the_same(
    hub: HubServer, settings: SettingsStore, service: HubService, tmp_path: Path
) -> None:
    hub.add("acme/Secret-GGUF", {"m.gguf": b"GGUF"}, private=True)
    for name in ("acme/Secret-GGUF", "acme/Nothing"):
        with pytest.raises(RepositoryNotFound):
            await service.repository(name)
    with pytest.raises(RepositoryNotFound, match="no repository's name"):
        await service.repository("../../etc")
    known = service_at(hub.endpoint, settings, tmp_path, HF_TOKEN="hf_right")
    assert (await known.repository("acme/Secret-GGUF")).model.is_private
    with pytest.raises(RepositoryNotFound, match="revision"):
        await known.repository("acme/Secret-GGUF", "no-such")
    await known.close()


@pytest.mark.parametrize(
    ("variables", "place"),
    [
        ({"HF_TOKEN_PATH": "$BASE/mine"}, "mine"),
        ({"HF_HOME": "$BASE/hf"}, "hf/token"),
        ({"HF_HOME": "~/hf"}, "home/hf/token"),
        ({"XDG_CACHE_HOME": "$BASE/cache"}, "cache/huggingface/token"),
        ({}, "home/.cache/huggingface/token"),
    ],
)
async def test_the_login_of_hugging_face_is_hidden_before_the_hub_is_asked(
    settings: SettingsStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    place: str,
) -> None:
    monkeypatch.setenv("BASE", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    secrets = SecretStore({})
    service = HubService(settings, secrets, tmp_path / "cache", never, variables)
    await service.hide_login()
    assert secrets.redactor.clean("said hf_planted01") == "said hf_planted01"
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).write_text("hf_planted01\n")
    await service.hide_login()
    assert secrets.redactor.clean("said hf_planted01") == "said [key]"


def never() -> None:
    raise AssertionError("the library is not needed")


async def test_the_token_in_force_says_where_it_is_from(
    hub: HubServer, settings: SettingsStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = tmp_path / "token"
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(login))
    service = service_at(hub.endpoint, settings, tmp_path)
    assert await service.token() is None
    login.write_text("hf_login\n")
    token = await service.token()
    assert token is not None
    assert (token.value, token.source) == ("hf_login", TokenSource.LOGIN)
    assert token.detail == str(login)
    assert "hf_login" not in repr(token)
    variable = service_at(hub.endpoint, settings, tmp_path, HF_TOKEN="hf_variable")
    token = await variable.token()
    assert token is not None
    assert (token.source, token.detail) == (TokenSource.ENVIRONMENT, "HF_TOKEN")
    assert await variable.set_token("hf_right") == (KeySource.SESSION, "reader")
    token = await variable.token()
    assert token is not None
    assert token.source is TokenSource.SESSION
    await variable.forget_token()
    assert (await variable.token()) is not None
    await variable.close()
    await service.close()


async def test_address_and_token_in_variables_are_taken_as_people_write_them(
    hub: HubServer, settings: SettingsStore, tmp_path: Path
) -> None:
    hub.add("acme/Tiny-GGUF", {"README.md": CARD}, private=True)
    bare = hub.endpoint.removeprefix("http://")
    service = service_at(f"'{bare}/'", settings, tmp_path, HF_TOKEN='"Bearer hf_right"')
    assert service.endpoint == hub.endpoint
    assert await service.card("acme/Tiny-GGUF") == "# Tiny\n\nHello."
    await service.close()


async def test_a_mirror_from_settings_gets_no_token_of_another_address(
    hub: HubServer, settings: SettingsStore, tmp_path: Path
) -> None:
    settings.update(hub_endpoint=hub.endpoint)
    service = service_at("https://elsewhere.example", settings, tmp_path, HF_TOKEN="hf_right")
    await service.search(HubQuery())
    assert [asked.token for asked in hub.requests] == [None]
    await service.close()


async def test_a_wrong_token_is_refused_and_not_kept(hub: HubServer, service: HubService) -> None:
    with pytest.raises(HubTokenRefused):
        await service.set_token("hf_wrong")
    assert await service.token() is None


async def test_offline_mode_says_so_at_once_and_asks_nothing(
    hub: HubServer, settings: SettingsStore, service: HubService, tmp_path: Path
) -> None:
    settings.update(offline=True)
    with pytest.raises(Offline):
        await service.search(HubQuery())
    with pytest.raises(Offline):
        await service.source("acme/Tiny", "main", "x.gguf")
    settings.update(offline=False)
    variable = service_at(hub.endpoint, settings, tmp_path, HF_HUB_OFFLINE="1")
    with pytest.raises(Offline):
        await variable.repository("acme/Tiny")
    assert hub.requests == []


async def test_a_hub_that_is_not_there_is_told(settings: SettingsStore, tmp_path: Path) -> None:
    service = service_at("http://127.0.0.1:9", settings, tmp_path)
    with pytest.raises(HubFailed, match="Nothing answers at"):
        await service.search(HubQuery())
    await service.close()


async def test_a_hotels_log_in_page_is_recognised(hub: HubServer, service: HubService) -> None:
    hub.faults.portal = True
    with pytest.raises(HubFailed, match="log in"):
        await service.search(HubQuery())


@pytest.mark.parametrize(("status", "words"), [(429, "too often"), (503, "fault of its own")])
async def test_faults_of_the_hub_are_told(
    hub: HubServer, service: HubService, status: int, words: str
) -> None:
    hub.faults.status, hub.faults.status_count = status, 1
    hub.faults.status_where = "/api/"
    hub.faults.status_headers = {"Retry-After": "7"}
    with pytest.raises(HubFailed, match=words):
        await service.search(HubQuery())


async def test_an_address_without_encryption_is_refused(
    settings: SettingsStore, tmp_path: Path
) -> None:
    service = service_at("http://hub.example", settings, tmp_path, HF_TOKEN="hf_right")
    with pytest.raises(HubFailed, match="https"):
        await service.search(HubQuery())


async def test_a_proxy_that_makes_no_sense_is_told(settings: SettingsStore, tmp_path: Path) -> None:
    settings.update(proxy="gopher://proxy.example")
    service = service_at("https://hub.example", settings, tmp_path)
    with pytest.raises(HubFailed, match="proxy"):
        await service.search(HubQuery())


async def test_a_proxy_that_is_not_there_is_told(settings: SettingsStore, tmp_path: Path) -> None:
    settings.update(proxy="http://127.0.0.1:9")
    service = service_at("https://hub.example", settings, tmp_path)
    with pytest.raises(HubFailed):
        await service.search(HubQuery())
    await service.close()


def test_the_shelf_holds_about_ten_models_each_with_a_reason_to_take_it() -> None:
    models = featured_models()
    assert 8 <= len(models) <= 14
    assert len({model.repo for model in models}) == len(models)
    for model in models:
        assert model.good_at.endswith(".")
        assert model.licence
        assert 100_000_000 < model.size_bytes < 6_000_000_000
