"""A home of an older version is opened by the code of the day, and nothing of it is lost.

Values are spelled out here, as they were when it was written.
"""

import json
import os
import platform
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from playground.app.services import open_services
from playground.core.chat import ChatRequest, Message, Role, SamplingParams
from playground.core.downloads import Download, DownloadState
from playground.core.errors import ErrorInfo, StorageFailed, kinds
from playground.core.events import (
    Alternative,
    Failed,
    Finished,
    LoadProgress,
    Notice,
    PromptProgress,
    ReasoningDelta,
    RequestSent,
    TextDelta,
    Token,
)
from playground.core.gguf import codec
from playground.core.gguf.header import ArraySummary
from playground.core.hub import HubFile, HubPart
from playground.core.runs import (
    Cost,
    HostContact,
    Provenance,
    Run,
    RunOrder,
    RunStatus,
    StreamCounts,
    Timings,
    TokenUsage,
    VoteOutcome,
)
from playground.core.targets import (
    PRACTICE_ID,
    CloudTarget,
    FlashAttention,
    KvType,
    LoadSettings,
    LocalTarget,
    ModelFile,
    ModelPrice,
    Place,
    Provider,
    Tier,
)
from playground.services.comparison import RunEnded, RunEvent
from playground.services.hub.headers import RemoteHeaders
from playground.services.library.cache import LibraryCache
from playground.services.machine.machine import Bandwidth, BandwidthReading
from playground.services.replay import Replayer
from playground.store.database import Database
from playground.store.files import default_paths
from playground.store.history import ComparisonStore
from playground.store.local_runs import LocalRuns
from playground.store.settings import Settings, SettingsStore, ThemeMode, WindowState
from tests.servers.hub import HubServer
from tests.store.old_home import COMPARISONS, WRITTEN_NS, Fetching, library_of

REPO = "acme/Tiny-GGUF"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
QWEN = "local:/home/someone/models/qwen3-8b-Q4_K_M-00001-of-00002.gguf"

ALL_SAMPLING = SamplingParams(
    temperature=0.7,
    top_p=0.9,
    top_k=40,
    min_p=0.05,
    repeat_penalty=1.1,
    seed=1234,
    max_tokens=512,
    stop=("END", "\n\n"),
    logprobs=3,
)
LOCAL = LocalTarget(
    model=ModelFile(
        path=Path("/home/someone/models/qwen3-8b-Q4_K_M-00001-of-00002.gguf"),
        name="Qwen3 8B",
        size_bytes=5_027_783_488,
        source="/home/someone/models",
        architecture="qwen3",
        quantization="Q4_K_M",
        parameters=8_190_735_360,
        context_length=40_960,
        has_chat_template=True,
        problem="1 of 2 parts missing (number 2).",
        publisher="Qwen",
        licence="apache-2.0",
        repository="Qwen/Qwen3-8B-GGUF",
        is_reasoning=True,
        projector=Path("/home/someone/models/mmproj-qwen3-8b-F16.gguf"),
        projector_bytes=1_160_346_688,
        part_count=2,
        missing_parts=(2,),
        owner="LM Studio",
        is_present=False,
        is_header_read=False,
    ),
    settings=LoadSettings(
        context=8192,
        gpu_layers=20,
        kv_type=KvType.Q8_0,
        threads=6,
        flash_attention=FlashAttention.ON,
    ),
)
ACME = Provider(
    id="acme",
    name="Acme",
    base_url="https://api.acme.example/v1",
    tier=Tier.STUDIO,
    key_env="ACME_API_KEY",
    key_url="https://acme.example/keys",
    price_id="acme-ai",
    rejects=frozenset({"seed", "logprobs"}),
    max_tokens_field="max_completion_tokens",
    seed_field="random_seed",
    repeat_penalty_field="repetition_penalty",
    preset="groq",
)
LARGE = CloudTarget(provider=ACME, model="gpt-large-2")

ERROR_KINDS = [
    "AddressRefused", "AuthenticationFailed", "ChecksumWrong", "ConnectionFailed",
    "ContextOverflow", "DiskFull", "DownloadFailed", "EngineError", "HubFailed", "HubTokenRefused",
    "KeyMissing", "ModelFileInvalid", "ModelLoadFailed", "ModelNotFound", "NotAvailable", "Offline",
    "OutOfMemory", "PermissionRefused", "PlaygroundError", "ProviderFailed", "QuotaExceeded",
    "RateLimited", "RepositoryGated", "RepositoryNotFound", "RequestRejected", "StorageFailed",
    "StreamEmpty", "StreamInvalid", "StreamMalformed", "StreamTruncated", "TemplateFailed",
    "TimedOut", "UsageError", "WorkerCrashed",
]  # fmt: skip


def day(number: int, hour: int = 12, minute: int = 0) -> datetime:
    return datetime(2026, 1, number, hour, minute, tzinfo=UTC)


# every file


async def test_the_program_opens_an_old_home_without_a_complaint(old_home: Path) -> None:
    paths = default_paths()
    files = [paths.settings_file, paths.database_file, paths.downloads_file, paths.library_file]
    assert [str(file.relative_to(old_home)) for file in files] == [
        "settings.json",
        "history.sqlite3",
        "downloads.json",
        "cache/library.sqlite3",
    ]
    async with open_services(print) as services:
        await services.downloads.open()
        problems = [services.settings.problem, services.database.problem]
        assert [*problems, services.downloads.problem] == [None, None, None]
        assert services.settings.settings.theme is ThemeMode.DARK
        assert [found.id for found in await services.history.search()] == COMPARISONS
        assert len(services.downloads.downloads()) == 8
        assert list(await LocalRuns(services.database).uses()) == [QWEN.removeprefix("local:")]


async def test_files_set_aside_stay_when_others_are_damaged_as_well(old_home: Path) -> None:
    for name in ("settings.json", "downloads.json", "history.sqlite3"):
        (old_home / name).write_bytes(b"{damaged again" * 400)
    async with open_services(print) as services:
        await services.downloads.open()
        for problem, name in (
            (services.settings.problem, "settings.json.damaged-2"),
            (services.downloads.problem, "downloads.json.damaged-2"),
            (services.database.problem, "history.sqlite3.damaged-2"),
        ):
            assert problem is not None
            assert name in problem
            assert (old_home / name).is_file()
    settings, queue, history = (
        (old_home / f"{name}.damaged-1").read_bytes()
        for name in ("settings.json", "downloads.json", "history.sqlite3")
    )
    assert settings == b'{"theme": "dark", "text_scale": 1.'
    assert queue == b'{"downloads": [{"type": "Down'
    assert b"CREATE TABLE notes" in history


# settings


def test_every_setting_is_found(old_home: Path) -> None:
    store = SettingsStore(old_home / "settings.json")
    assert store.problem is None
    assert store.settings == Settings(
        theme=ThemeMode.DARK,
        text_scale=1.25,
        stage_scale=2.0,
        watts=45.5,
        usd_per_kwh=0.21,
        model_folders=(Path("/home/someone/models"), Path("/home/someone/drive/models")),
        load_settings={
            QWEN.removeprefix("local:"): LOCAL.settings,
            "/home/someone/models/smol.gguf": LoadSettings(
                context=2048,
                gpu_layers=-1,
                kv_type=KvType.Q4_0,
                threads=4,
                flash_attention=FlashAttention.OFF,
            ),
            "/home/someone/models/plain.gguf": LoadSettings(threads=2),
        },
        providers=(
            ACME,
            Provider(id="shop", name="Shop", base_url="https://shop.example/v1", tier=Tier.AAA),
            Provider(
                id="lab",
                name="Lab",
                base_url="http://192.168.1.20:8080/v1",
                tier=Tier.OWN_SERVER,
            ),
            Provider(
                id="indie", name="Indie", base_url="https://indie.example/v1", tier=Tier.INDIE
            ),
            Provider(
                id="practice",
                name="Practice cloud (on this computer)",
                base_url="http://127.0.0.1:45123/v1",
                rejects=frozenset({"stream_options", "logprobs"}),
                is_practice=True,
            ),
        ),
        price_overrides={
            "acme:gpt-large-2": ModelPrice(
                input_usd_per_mtok=1.5,
                output_usd_per_mtok=6.0,
                cached_input_usd_per_mtok=0.15,
                source="yours",
            ),
            "shop:shop-1": ModelPrice(
                input_usd_per_mtok=None, output_usd_per_mtok=None, source="yours"
            ),
        },
        last_targets=(QWEN, "acme:gpt-large-2"),
        run_order=RunOrder.RACE,
        sampling=ALL_SAMPLING,
        system_prompt="Be brief — 短く。",
        show_tokens=True,
        window=WindowState(
            geometry="AdnQywADAAAAAAAoAAAAPAAABNcAAANbAAAAKAAAADwAAATXAAADWwAAAAAAAAAAAyAAAAAoAAAAPAAA"
            "BNcAAANb",
            page="history",
        ),
        hub_endpoint="https://mirror.example",
        proxy="http://proxy.example:3128",
        offline=True,
        download_limit_bytes_per_s=5_000_000,
        parallel_downloads=3,
    )
    assert store.settings.last_targets == (LOCAL.key, LARGE.key)
    assert store.settings.providers[-1].id == PRACTICE_ID


# the history


async def test_every_comparison_is_listed_with_its_votes(old_history: ComparisonStore) -> None:
    found = await old_history.search()
    assert [(c.id, c.title, c.created_at, c.turns, c.votes) for c in found] == [
        ("unfinished", "The power went", day(4), 1, 0),
        ("stopped", "Stop soon", day(3), 1, 0),
        ("failed", "Fail, please", day(2), 1, 0),
        ("taken-back", "Is water wet?", day(1, 16), 1, 0),
        ("blind-open", "Write a haiku about rain", day(1, 15), 1, 0),
        ("blind-voted", "Write a haiku about snow", day(1, 14), 1, 1),
        ("none-good", "What rhymes with orange?", day(1, 13), 1, 1),
        ("rivers", "Which rivers are long?", day(1), 2, 2),
    ]
    assert [(c.target_labels, c.winner_labels, c.names_hidden) for c in found] == [
        (("SmolLM2", "shop-1"), (), False),
        (("SmolLM2", "shop-1"), (), False),
        (("shop-1",), (), False),
        (("shop-1", "llama-3"), (), False),
        (("A", "B"), (), True),
        (("shop-1", "llama-3"), ("llama-3",), False),
        (("shop-1", "llama-3"), (), False),
        (("Qwen3 8B", "gpt-large-2"), ("Qwen3 8B",), False),
    ]
    assert found[0].places == (Place.LOCAL, Place.CLOUD)
    assert found[2].places == (Place.CLOUD,)
    assert found[4].places == ()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("nile", ["stopped", "rivers"]),
        ("amaz long", ["rivers"]),
        ("naive", ["rivers"]),
        ("C++", ["rivers"]),
        ("長", ["rivers"]),
        ("qwen3", ["rivers"]),
        ("Q4_K_M", ["rivers"]),
        ("gpt-large", ["rivers"]),
        ("lab", ["taken-back", "blind-voted", "none-good"]),
        ("haiku", ["blind-open", "blind-voted"]),
        ("private", []),
    ],
)
async def test_old_comparisons_are_found(
    old_history: ComparisonStore, words: str, found: list[str]
) -> None:
    assert [summary.id for summary in await old_history.search(words)] == found


async def test_votes_are_counted(old_history: ComparisonStore) -> None:
    counts = await old_history.votes()
    found = [(c.target_key, c.label, c.standing) for c in counts]
    assert [(key, label, s.wins, s.ties, s.none_good, s.losses) for key, label, s in found] == [
        (QWEN, "Qwen3 8B", 1, 1, 0, 0),
        ("lab:llama-3", "llama-3", 1, 0, 1, 0),
        ("acme:gpt-large-2", "gpt-large-2", 0, 1, 0, 1),
        ("shop:shop-1", "shop-1", 0, 0, 1, 1),
    ]


async def test_every_kind_of_vote_is_found(old_history: ComparisonStore) -> None:
    await old_history.restore("deleted")
    turns = {
        turn.id: (turn.order, turn.hidden_names, turn.winner_run_id, turn.verdict)
        for name in (*COMPARISONS, "deleted")
        for turn in (await old_history.load(name)).turns
    }
    fair, race = RunOrder.FAIR, RunOrder.RACE
    assert turns == {
        "rivers-1": (race, False, "rivers-1-local", None),
        "rivers-2": (fair, False, None, VoteOutcome.TIE),
        "none-good-1": (fair, False, None, VoteOutcome.NONE_GOOD),
        "blind-voted-1": (fair, True, "blind-voted-1-b", None),
        "blind-open-1": (fair, True, None, None),
        "taken-back-1": (fair, False, None, None),
        "failed-1": (race, False, None, None),
        "stopped-1": (fair, False, None, None),
        "unfinished-1": (fair, False, None, None),
        "deleted-1": (fair, False, None, VoteOutcome.TIE),
    }


async def test_what_was_deleted_can_be_restored_until_it_is_erased(
    old_history: ComparisonStore,
) -> None:
    with pytest.raises(StorageFailed):
        await old_history.load("deleted")
    await old_history.restore("deleted")
    assert (await old_history.load("deleted")).turns[0].prompt == "Something private"
    await old_history.delete("deleted")
    assert await old_history.purge_deleted() == 1
    await old_history.restore("deleted")
    with pytest.raises(StorageFailed):
        await old_history.load("deleted")


async def test_a_comparison_comes_back_with_every_field(old_history: ComparisonStore) -> None:
    found = await old_history.load("rivers")
    assert found.targets == (LOCAL, LARGE)
    assert found.system_prompt == "Be brief — 短く。"
    assert found.sampling == ALL_SAMPLING
    assert found.overrides == (
        (QWEN, SamplingParams(temperature=0.0)),
        ("acme:gpt-large-2", SamplingParams(top_k=5)),
    )
    assert found.system_overrides == (("acme:gpt-large-2", "Be long."),)
    assert found.created_at == day(1)
    assert [(turn.prompt, turn.created_at) for turn in found.turns] == [
        ("Which rivers are long?\nName two.", day(1)),
        ("And lakes?", day(1, 12, 1)),
    ]


async def test_a_local_run_comes_back_with_every_field(old_history: ComparisonStore) -> None:
    run = (await old_history.load("rivers")).turns[0].runs[0]
    assert run == Run(
        id="rivers-1-local",
        target=LOCAL,
        request=ChatRequest(
            messages=(
                Message(role=Role.SYSTEM, content="Be brief — 短く。"),
                Message(role=Role.USER, content="Which rivers are long?"),
                Message(role=Role.ASSISTANT, content="The Nile."),
                Message(role=Role.USER, content="Which rivers are long?\nName two."),
            ),
            sampling=ALL_SAMPLING,
            keep_cache=True,
        ),
        order=0,
        status=RunStatus.FINISHED,
        text="The Nile and the Amazon are the longest rivers , and 長江 is third : "
        "naïve C++ code counts them .",
        reasoning="Rivers.",
        finish_reason="stop",
        usage=TokenUsage(
            prompt_tokens=24,
            completion_tokens=22,
            cached_tokens=4,
            reasoning_tokens=2,
            processed_tokens=20,
            provenance=Provenance.MEASURED,
        ),
        timings=Timings(
            load_s=0.45,
            ttft_s=0.30000000000000004,
            first_answer_s=0.5,
            prompt_s=0.25,
            generation_s=1.2,
            total_s=2.0,
        ),
        counts=StreamCounts(
            chunks=23,
            tokens=23,
            first_tokens=1,
            characters=95,
            first_chunk_characters=6,
            words=20,
            first_chunk_words=1,
            reasoning_characters=7,
        ),
        was_loaded=False,
        sent_t_s=0.5,
        hosts=(HostContact(host="127.0.0.1", bytes_sent=0),),
        cost=Cost(
            usd=7.5e-06,
            kind="electricity",
            provenance=Provenance.ESTIMATED,
            explanation="2.00 s × 45 W above idle × $0.3 per kWh",
        ),
        notices=("This model brings no chat template.",),
        started_at=day(1),
    )


async def test_a_run_in_the_cloud_comes_back_with_what_only_it_has(
    old_history: ComparisonStore,
) -> None:
    first, second = (turn.runs[1] for turn in (await old_history.load("rivers")).turns)
    assert (first.target, first.order, first.finish_reason) == (LARGE, 0, "length")
    assert (first.shared_machine, first.was_loaded, first.started_at) == (True, None, day(1))
    assert first.usage == TokenUsage(
        prompt_tokens=30,
        completion_tokens=12,
        cached_tokens=16,
        reasoning_tokens=4,
        provenance=Provenance.REPORTED,
    )
    assert first.hosts == (
        HostContact(host="api.acme.example", bytes_sent=412),
        HostContact(host="login.acme.example", bytes_sent=None),
    )
    assert first.reported_cost_usd == 0.00125
    assert first.cost == Cost(
        usd=0.00125,
        kind="api",
        provenance=Provenance.REPORTED,
        explanation="Acme reports $0.00125 for this answer.",
    )
    assert (second.order, second.usage.provenance) == (1, Provenance.ESTIMATED)
    assert second.cost is not None
    assert (second.cost.usd, second.cost.provenance) == (3.15e-05, Provenance.ESTIMATED)


async def test_measured_and_unknown_costs_come_back(
    old_history: ComparisonStore,
) -> None:
    measured = (await old_history.load("rivers")).turns[1].runs[0].cost
    unknown = (await old_history.load("none-good")).turns[0].runs[0].cost
    assert measured == Cost(
        usd=2e-05,
        kind="electricity",
        provenance=Provenance.MEASURED,
        explanation="A meter said so.",
    )
    assert unknown == Cost(usd=None, kind="api", provenance=None)


async def test_every_kind_of_event_comes_back(old_history: ComparisonStore) -> None:
    local = await old_history.timeline("rivers-1-local")
    assert len(local) == 30
    lakes = Alternative(text="Lakes", probability=0.125)
    assert local[:9] == [
        LoadProgress(t_s=0.1, fraction=0.25),
        LoadProgress(t_s=0.4, fraction=1.0),
        RequestSent(
            t_s=0.5,
            was_loaded=False,
            load_s=0.45,
            hosts=(HostContact(host="127.0.0.1", bytes_sent=0),),
        ),
        PromptProgress(t_s=0.6, processed=8, total=24, kept=4),
        PromptProgress(t_s=0.7, processed=24, total=24, kept=4),
        Notice(t_s=0.75, kind="template_missing", message="This model brings no chat template."),
        ReasoningDelta(
            t_s=0.8,
            text="Rivers",
            tokens=(Token(text="Rivers", t_s=0.8, probability=0.75, alternatives=(lakes,)),),
        ),
        ReasoningDelta(t_s=0.85, text=".", tokens=(Token(text=".", t_s=0.85),)),
        TextDelta(
            t_s=1.0,
            text="The",
            tokens=(
                Token(
                    text="The",
                    t_s=1.0,
                    probability=0.5,
                    alternatives=(
                        Alternative(text="The", probability=0.5),
                        Alternative(text=" other", probability=0.25),
                        # half a character
                        Alternative(text="\ud83d", probability=0.0625),
                    ),
                ),
            ),
        ),
    ]
    cloud = await old_history.timeline("rivers-1-cloud")
    assert cloud[3:] == [
        TextDelta(t_s=0.4, text="Amazon, "),
        TextDelta(t_s=0.6, text="then the Nile."),
        Finished(
            t_s=0.8,
            usage=TokenUsage(
                prompt_tokens=30,
                completion_tokens=12,
                cached_tokens=16,
                reasoning_tokens=4,
                provenance=Provenance.REPORTED,
            ),
            finish_reason="length",
            hosts=(
                HostContact(host="api.acme.example", bytes_sent=412),
                HostContact(host="login.acme.example", bytes_sent=None),
            ),
            reported_cost_usd=0.00125,
        ),
    ]
    ended = local[-1]
    assert isinstance(ended, Finished)
    assert ended.prompt_s == 0.25


async def test_every_kind_of_error_is_still_known(
    old_history: ComparisonStore,
) -> None:
    runs = (await old_history.load("failed")).turns[0].runs
    found = []
    for run in runs:
        assert run.status is RunStatus.FAILED
        assert run.error is not None
        found.append(run.error.kind)
        (_, failed) = await old_history.timeline(run.id)
        assert failed == Failed(
            t_s=0.3,
            error=run.error,
            usage=TokenUsage(prompt_tokens=5, completion_tokens=1, provenance=Provenance.REPORTED),
            hosts=(HostContact(host="shop.example", bytes_sent=77),),
        )
    assert runs[0].error == ErrorInfo(
        kind="AddressRefused",
        message="What AddressRefused says.",
        hint="What to do about AddressRefused.",
    )
    assert found == [*ERROR_KINDS, "InternalError"]
    assert set(ERROR_KINDS) <= kinds().keys()


async def test_a_stopped_run_comes_back(old_history: ComparisonStore) -> None:
    (run,) = (await old_history.load("stopped")).turns[0].runs
    assert (run.status, run.finish_reason) == (RunStatus.CANCELLED, "cancelled")
    assert (run.text, run.reasoning) == ("The Nile and the", "Rivers.")
    assert run.timings.total_s == 2.75


async def test_runs_of_a_killed_program_are_ended_with_what_they_had_written(
    old_history: ComparisonStore,
) -> None:
    before = (await old_history.load("unfinished")).turns[0].runs
    assert [run.status for run in before] == [
        RunStatus.WAITING,
        RunStatus.LOADING,
        RunStatus.READING,
        RunStatus.WRITING,
    ]
    assert await old_history.recover() == 4
    after = (await old_history.load("unfinished")).turns[0].runs
    assert {(run.status, run.finish_reason) for run in after} == {
        (RunStatus.CANCELLED, "interrupted")
    }
    assert [run.text for run in after] == ["", "", "", "The Nile and"]


async def test_an_old_turn_is_played_again(old_history: ComparisonStore) -> None:
    replayer = Replayer(old_history, speed=1000)
    turn = (await old_history.load("rivers")).turns[0]
    assert await replayer.has_recording(turn)
    count, texts = 0, set()
    async with aclosing(replayer.replay_turn("rivers", "rivers-1")) as updates:
        async for update in updates:
            count += isinstance(update, RunEvent)
            if isinstance(update, RunEnded):
                texts.add(update.run.text)
    assert count == 36
    assert texts == {run.text for run in turn.runs}


async def test_what_a_model_did_on_this_computer_is_known(old_database: Database) -> None:
    (use,) = (await LocalRuns(old_database).uses()).values()
    assert use.path == "/home/someone/models/qwen3-8b-Q4_K_M-00001-of-00002.gguf"
    assert (use.run_count, use.last_used_at) == (2, "2026-01-01T12:01:00+00:00")
    # nobody looked then whether others were at work
    assert use.tokens_per_s is None
    assert (use.quantization, use.gpu_layers, use.threads) == ("Q4_K_M", 20, 6)


# downloads


async def test_every_download_is_listed_where_it_stood(old_home: Path) -> None:
    stored = json.loads((old_home / "downloads.json").read_text("utf-8"))["downloads"]
    assert [item["state"] for item in stored] == [
        "paused", "queued", "running", "waiting", "paused", "verifying", "done", "failed",
    ]  # fmt: skip
    fetching = Fetching(old_home)
    await fetching.downloads.open()
    found = fetching.downloads.downloads()
    await fetching.close()
    assert [(item.title, item.state, item.received_bytes) for item in found] == [
        ("Tiny", DownloadState.PAUSED, 20_000),
        ("Queued", DownloadState.QUEUED, 0),
        ("Running", DownloadState.QUEUED, 1000),
        ("Waiting", DownloadState.QUEUED, 2000),
        ("Full", DownloadState.PAUSED, 3000),
        ("Verifying", DownloadState.QUEUED, 1_000_500),
        ("Done", DownloadState.DONE, 1_000_500),
        ("Wrong", DownloadState.FAILED, 1_000_500),
    ]
    assert found[0] == Download(
        id="0" * 32,
        repo=REPO,
        revision=COMMIT,
        title="Tiny",
        quantization="Q4_K_M",
        parts=(
            HubPart(
                path="tiny-Q4_K_M.gguf",
                size_bytes=48_000,
                sha256="5e4865ba639cbd84feec44a73fd21f387bbd68f0dedf1f6ada22498aa0caca56",
            ),
        ),
        folder=old_home / "models" / "acme" / "Tiny-GGUF",
        state=DownloadState.PAUSED,
        received_bytes=20_000,
        total_bytes=48_000,
        position=0,
    )
    assert [item.error.kind if item.error else None for item in found] == [
        None, None, None, "DownloadFailed", "DiskFull", None, None, "ChecksumWrong",
    ]  # fmt: skip
    assert found[6].notice == "The file has changed on the Hub: it started again."
    assert found[6].parts[1] == HubPart(path="mmproj-F16.gguf", size_bytes=500, sha256=None)


async def test_half_a_download_goes_on_where_it_stopped(old_home: Path) -> None:
    content = bytes(number * 31 % 251 for number in range(48_000))
    with HubServer() as hub:
        hub.add(REPO, {"tiny-Q4_K_M.gguf": content}).commit = COMMIT
        fetching = Fetching(old_home, hub.endpoint)
        fetching.settings.update(
            hub_endpoint=None, proxy=None, download_limit_bytes_per_s=None, parallel_downloads=1
        )
        await fetching.downloads.open()
        for item in fetching.downloads.downloads()[1:]:
            await fetching.downloads.cancel(item.id)
        fetching.settings.update(offline=False)
        await fetching.downloads.resume("0" * 32)
        (item,) = fetching.downloads.downloads()
        async for (done,) in fetching.downloads.follow():
            if done.state.is_over:
                break
        await fetching.close()
        asked = [request.range for request in hub.requests if request.range is not None]
    assert done.state is DownloadState.DONE, done.error
    # what was not yet on the disk itself when the computer ended is fetched again
    assert min(start for start, _ in asked) == 20_000
    assert done.path.read_bytes() == content
    assert [path.name for path in done.folder.iterdir()] == ["tiny-Q4_K_M.gguf"]


# the library


async def test_models_on_a_drive_that_is_away_are_listed_as_they_were(old_home: Path) -> None:
    library = library_of(old_home)
    models = {model.name: model for model in await library.scan() if model.source != "Starter"}
    await library.close()
    assert sorted(models) == ["Big", "Qwen3", "Small", "letter", "llama3:8b"]
    folder = Path("/home/someone/drive/models/Qwen/Qwen3-GGUF")
    assert models["Qwen3"] == ModelFile(
        path=folder / "Qwen3-Q8_0.gguf",
        name="Qwen3",
        size_bytes=17_760,
        source="/home/someone/drive/models",
        architecture="qwen3",
        quantization="Q8_0",
        parameters=7840,
        context_length=4096,
        has_chat_template=True,
        publisher="Qwen",
        licence="apache-2.0",
        repository="Qwen/Qwen3-GGUF",
        is_reasoning=True,
        projector=folder / "mmproj-Qwen3-F16.gguf",
        projector_bytes=672,
        is_present=False,
    )
    assert (models["Big"].part_count, models["Big"].missing_parts) == (3, (2,))
    assert models["Big"].problem == "1 of 3 parts missing (number 2)."
    assert models["letter"].problem == "This is not a GGUF model file."
    assert (models["llama3:8b"].owner, models["llama3:8b"].source) == ("Ollama", "Ollama")
    assert {name for name, model in models.items() if model.is_present} == {"Small"}


async def test_the_header_of_a_file_that_has_not_changed_is_not_read_again(old_home: Path) -> None:
    small = old_home / "models" / "acme" / "Small-GGUF" / "small-F16.gguf"
    # no header could be read from it
    small.write_bytes(bytes(small.stat().st_size))
    os.utime(small, ns=(WRITTEN_NS, WRITTEN_NS))
    library = library_of(old_home)
    (found,) = [model for model in await library.scan() if model.path == small]
    header = library.header(found.path)
    await library.close()
    assert (found.name, found.publisher, found.repository) == ("Small", "acme", "acme/Small-GGUF")
    assert (header.version, header.byte_order, header.file_size) == (3, "little", 16_992)
    assert (header.architecture, header.name, header.context_length) == ("llama", "Small", 4096)
    first = header.tensors[0]
    assert (first.name, first.shape, first.type.name) == ("token_embd.weight", (32, 16), "F16")
    assert len(header.tensors) == 11
    assert header.data_offset + header.weights_bytes <= header.file_size


def test_every_cached_header_and_problem_is_read(old_home: Path) -> None:
    cache = LibraryCache(old_home / "cache" / "library.sqlite3")
    drive = "/home/someone/drive/models"
    qwen = cache.get(f"{drive}/Qwen/Qwen3-GGUF/Qwen3-Q8_0.gguf")
    letter = cache.get(f"{drive}/letter.gguf")
    cache.close()
    assert qwen is not None
    assert (qwen.stamp.size, qwen.stamp.mtime_ns) == (17_760, WRITTEN_NS)
    assert qwen.packed is not None
    header = codec.loads(qwen.packed)
    assert header is not None
    metadata = header.metadata
    assert metadata["general.is_tested"] is True
    assert metadata["general.license"] == "apache-2.0"
    assert metadata["qwen3.attention.sliding_window_pattern"] == (1, 0, 1)
    assert metadata["tokenizer.ggml.tokens"] == ArraySummary(element_type=8, length=3)
    assert metadata["qwen3.attention.layer_norm_rms_epsilon"] == pytest.approx(1e-5)
    assert letter is not None
    assert letter.problem == ("This is not a GGUF model file.", "Download the file again.")


async def test_a_header_of_the_hub_is_not_fetched_again(old_home: Path) -> None:
    async def piece(path: str, offset: int, length: int) -> bytes:
        raise AssertionError(f"{length} bytes of {path} at {offset} were asked for")

    headers = RemoteHeaders(old_home / "cache" / "hub" / "headers")
    file = HubFile((HubPart("remote-F16.gguf", 16_992),))
    header = await headers.read("acme/Remote-GGUF", COMMIT, file, piece)
    assert (header.architecture, header.name) == ("llama", "Remote")


async def test_the_memory_speed_is_not_measured_again(
    old_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "node", lambda: "a-computer")
    monkeypatch.setattr(platform, "processor", lambda: "x86_64")
    known = Bandwidth(default_paths().bandwidth_file, lambda: BandwidthReading(1.0))
    assert await known.get() == 25.6e9
