"""Results out of a real history as files, and a recording into the history of another home."""

import json
import math
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from playground.core.amounts import moment_words
from playground.core.errors import UsageError
from playground.core.machine import GraphicsCard, Machine
from playground.core.metrics import figures
from playground.core.runs import Comparison, RunOrder, RunStatus
from playground.core.share.document import EVERYTHING, Part
from playground.core.targets import CloudTarget, LocalTarget, ModelFile, Provider, Target
from playground.core.turns import new_comparison
from playground.engines.base import Engine
from playground.services.comparison import ComparisonService, RunEnded, TurnEnded
from playground.services.replay import Replayer
from playground.services.sharing import ShareFormat, SharingService, machine_words
from playground.store.database import Database
from playground.store.evaluations import EvaluationStore
from playground.store.history import ComparisonStore
from playground.store.local_runs import LocalRuns
from playground.store.secrets import SecretStore
from playground.store.settings import SettingsStore
from playground.store.target_runs import TargetRuns
from tests.fakes.engine import FakeEngine
from tests.store.history import START, rivers_evaluation, save

KEY = "sekrit-5150-walrus"
HERE = LocalTarget(ModelFile(Path("/srv/ai models/small.gguf"), "Small", 1000, "Starter"))
CLOUD = CloudTarget(
    Provider("example", "Example", "https://api.example.com/v1", key_env="EXAMPLE_API_KEY"),
    "large-1",
)
MACHINE = Machine("hyrule", 16 << 30, 8 << 30, (GraphicsCard("RTX 4070", 12 << 30, 0),))


class Home:
    """A home's history and what is shared of it."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.database = database
        self.history = ComparisonStore(database)
        self.evaluations = EvaluationStore(database)
        self.settings = SettingsStore(folder / "settings.json")
        self.settings.change(lambda s: replace(s, providers=(CLOUD.provider,)))
        secrets = SecretStore(environment={"EXAMPLE_API_KEY": KEY})
        secrets.hide_keys_of(lambda: self.settings.settings.providers)
        self.sharing = SharingService(
            self.history, self.evaluations, secrets, self.settings, lambda: MACHINE
        )


@asynccontextmanager
async def opened(folder: Path) -> AsyncGenerator[Home, None]:
    folder.mkdir()
    database = Database(folder / "history.sqlite3")
    await database.open()
    try:
        yield Home(folder, database)
    finally:
        await database.close()


@pytest.fixture
async def home(tmp_path: Path) -> AsyncGenerator[Home, None]:
    async with opened(tmp_path / "here") as found:
        yield found


def answering(target: Target) -> Engine:
    text = f"the answer of {target.label}, {KEY}, {Path.home()}/notes, /srv/ai models/x.gguf"
    return FakeEngine.saying(text, reasoning="hm well")


async def compared(home: Home, *prompts: str, hidden_names: bool = False) -> Comparison:
    service = ComparisonService(answering, home.history)
    comparison = new_comparison((HERE, CLOUD))
    for prompt in prompts:
        turn = service.run_turn(comparison, prompt, RunOrder.FAIR, hidden_names=hidden_names)
        async for update in turn:
            if isinstance(update, TurnEnded):
                comparison = update.comparison
    return comparison


@pytest.mark.parametrize("file_format", list(ShareFormat))
async def test_an_old_comparison_leaves_without_keys_and_folders(
    home: Home, file_format: ShareFormat
) -> None:
    comparison = await compared(home, f"is {KEY} in {Path.home()}?", "and then?")
    text = (await home.sharing.file(comparison, file_format, EVERYTHING)).text
    assert KEY not in text
    assert f"{Path.home()}/" not in text
    assert "/srv/ai models" not in text
    assert "16 GB of memory" in text
    if file_format is ShareFormat.RECORDING:
        said = [json.loads(line)[2] for line in text.splitlines()[1:]]
        text = "".join(data.get("text", "") for data in said)
    assert "the answer of Small, [key]," in text.replace("\\", "")


async def test_a_recording_replays_on_another_computer_as_it_was(
    home: Home, tmp_path: Path
) -> None:
    comparison = await compared(home, "first", "second")
    text = (await home.sharing.file(comparison, ShareFormat.RECORDING, EVERYTHING)).text
    async with opened(tmp_path / "there") as there:
        added = await there.sharing.add_recording(text.encode())
        found = await there.history.load(added.id)
        assert [turn.prompt for turn in found.turns] == ["first", "second"]
        turn, before = found.turns[1], comparison.turns[1]
        assert await Replayer(there.history).has_recording(turn)
        replay = Replayer(there.history, speed=math.inf).replay_turn(found.id, turn.id)
        async with aclosing(replay) as updates:
            ended = [u.run async for u in updates if isinstance(u, RunEnded)]
        # the cloud first, as it was asked
        assert [run.target.label for run in ended] == ["large-1", "Small"]
        for old, new in zip(before.runs, turn.runs, strict=True):
            assert new.status is RunStatus.FINISHED
            known, again = figures(old), figures(new)
            assert known.ttft_s is not None
            assert again.ttft_s is not None
            assert again.ttft_s.value == pytest.approx(known.ttft_s.value, abs=1e-5)
            assert new.reasoning == old.reasoning
        gap = (before.runs[0].started_at - before.runs[1].started_at).total_seconds()  # type: ignore[operator]
        again_gap = (turn.runs[0].started_at - turn.runs[1].started_at).total_seconds()  # type: ignore[operator]
        assert again_gap == pytest.approx(gap, abs=1e-3)


async def test_a_recording_is_marked_wherever_it_is_listed_and_teaches_no_speed(
    home: Home, tmp_path: Path
) -> None:
    comparison = await compared(home, "first")
    text = (await home.sharing.file(comparison, ShareFormat.RECORDING, EVERYTHING)).text
    async with opened(tmp_path / "there") as there:
        await there.sharing.add_recording(text.encode())
        (listed,) = await there.history.search()
        assert listed.recorded is not None
        assert listed.recorded.at == comparison.created_at
        assert listed.recorded.machine.startswith("16 GB of memory")
        assert await LocalRuns(there.database).uses() == {}
        assert await TargetRuns(there.database).last() == {}, "nor anything of what is here"
        # and out again
        found = await there.sharing.find("last")
        assert isinstance(found, Comparison)
        page = (await there.sharing.file(found, ShareFormat.HTML, EVERYTHING)).text
        assert comparison.created_at is not None
        assert f"Recorded on {moment_words(comparison.created_at)}" in page
    (own,) = await home.history.search()
    assert own.recorded is None
    assert await LocalRuns(home.database).uses()


async def test_a_vote_on_a_recording_is_none_on_a_model_that_is_here(
    home: Home, tmp_path: Path
) -> None:
    comparison = await compared(home, "first")
    text = (await home.sharing.file(comparison, ShareFormat.RECORDING, EVERYTHING)).text
    async with opened(tmp_path / "there") as there:
        added = (await there.sharing.add_recording(text.encode())).turns[0]
        await there.history.vote(added.id, added.runs[0].id, None, hidden_names=False)
        assert (await there.sharing.votes()).counts == ()


async def test_a_recording_that_cannot_be_read_leaves_the_history_as_it_was(home: Home) -> None:
    with pytest.raises(UsageError, match="Line 1"):
        await home.sharing.add_recording(b"{}")
    assert await home.history.search() == []


async def test_what_is_shared_is_found_by_id_its_beginning_or_last(home: Home) -> None:
    older = await save(home.history, "0123456789", "older")
    newer = await save(home.history, "0123999999", "newer", minutes=5)
    assert (await home.sharing.find("01234")).id == older.id
    assert (await home.sharing.find("last")).id == newer.id
    evaluation = replace(rivers_evaluation(), created_at=START + timedelta(hours=1))
    await home.evaluations.save(evaluation)
    assert (await home.sharing.find("last")).id == evaluation.id
    for name, said in (("0123", "several"), ("nowhere", "no comparison"), ("01", "no comparison")):
        with pytest.raises(UsageError, match=said):
            await home.sharing.find(name)


async def test_an_evaluation_is_no_recording(home: Home) -> None:
    evaluation = rivers_evaluation()
    await home.evaluations.save(evaluation)
    with pytest.raises(UsageError, match="Only a comparison"):
        await home.sharing.file(evaluation, ShareFormat.RECORDING, EVERYTHING)
    text = (await home.sharing.file(evaluation, ShareFormat.MARKDOWN, EVERYTHING)).text
    assert "Name a river." in text


async def test_an_open_vote_stays_open_in_what_is_shared(home: Home) -> None:
    comparison = await compared(home, "first", hidden_names=True)
    for file_format in (
        ShareFormat.HTML,
        ShareFormat.MARKDOWN,
        ShareFormat.CSV,
        ShareFormat.JSON,
    ):
        text = (await home.sharing.file(comparison, file_format, EVERYTHING - {Part.ANSWERS})).text
        assert "large-1" not in text
        assert "Small" not in text
        assert "Example" not in text


def test_the_kind_of_machine_is_told_without_its_name() -> None:
    words = machine_words(MACHINE, cores=8)
    assert words.startswith("16 GB of memory, 8 cores, RTX 4070 (12 GB)")
    assert "hyrule" not in words
