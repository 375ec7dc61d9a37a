"""What the history tells of models that ran on this computer."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from playground.core.events import Finished, RequestSent, StreamEvent, TextDelta, Token
from playground.core.runs import (
    Comparison,
    MachineLoad,
    Provenance,
    Run,
    RunOrder,
    RunStatus,
    TokenUsage,
    Turn,
)
from playground.core.targets import LoadSettings, LocalTarget, ModelFile, Target
from playground.store.database import Database
from playground.store.history import ComparisonStore
from playground.store.local_runs import LocalRuns
from tests.store.history import START, STUDIO, folded, waiting_run

SMOL = ModelFile(Path("/models/smol.gguf"), "Smol", 94_000_000, "Starter", "llama", "Q4_1")
GEMMA = ModelFile(Path("/models/gemma.gguf"), "Gemma", 300_000_000, "own", "gemma3", "Q8_0")

QUIET = MachineLoad(0.03, was_throttled=False)


def answer(tokens: int, tokens_per_s: float) -> list[StreamEvent]:
    """Return the stream of an answer of so many words at this speed."""
    events: list[StreamEvent] = [RequestSent(0.01, was_loaded=True)]
    for index in range(tokens):
        stamp = 0.1 + index / tokens_per_s
        events.append(TextDelta(stamp, "word ", (Token("word ", stamp),)))
    usage = TokenUsage(7, tokens, provenance=Provenance.MEASURED)
    return [*events, Finished(0.2 + tokens / tokens_per_s, usage, "stop", 0.05)]


class History:
    """Saves runs as the program does, each later than the one before."""

    def __init__(self, store: ComparisonStore) -> None:
        self.store = store
        self.count = 0

    async def add(
        self,
        model: ModelFile = SMOL,
        tokens_per_s: float = 50.0,
        *,
        tokens: int = 40,
        settings: LoadSettings | None = None,
        shared: bool = False,
        load: MachineLoad | None = QUIET,
        status: RunStatus | None = None,
        target: Target | None = None,
    ) -> str:
        """Save a comparison of one run, and return its name."""
        self.count += 1
        name = f"c{self.count}"
        target = target or LocalTarget(model, settings or LoadSettings())
        started = START + timedelta(hours=self.count)
        run: Run = replace(
            folded(waiting_run(f"{name}-run", target), answer(tokens, tokens_per_s)),
            started_at=started,
            shared_machine=shared,
            machine_load=load,
        )
        if status is not None:
            run = replace(run, status=status)
        await self.store.save_comparison(Comparison(name, (target,), created_at=started))
        await self.store.save_turn(name, Turn(f"{name}-turn", "hello", RunOrder.FAIR, (run,)))
        await self.store.save_run(f"{name}-turn", run)
        return name


@pytest.fixture
def history(store: ComparisonStore) -> History:
    return History(store)


async def test_the_speed_of_a_model_is_the_median_of_its_runs(
    history: History, database: Database
) -> None:
    for speed in (40.0, 50.0, 90.0):
        await history.add(SMOL, speed)
    await history.add(GEMMA, 10.0)
    uses = await LocalRuns(database).uses()
    assert set(uses) == {"/models/smol.gguf", "/models/gemma.gguf"}
    smol = uses["/models/smol.gguf"]
    assert smol.tokens_per_s == pytest.approx(50.0)
    assert smol.run_count == 3
    assert smol.quantization == "Q4_1"
    assert smol.last_used_at == (START + timedelta(hours=3)).isoformat()


async def test_only_the_last_nine_runs_count(history: History, database: Database) -> None:
    for speed in (*[1.0] * 20, *[60.0] * 9):
        await history.add(SMOL, speed)
    assert (await LocalRuns(database).uses())[str(SMOL.path)].tokens_per_s == pytest.approx(60.0)


async def test_runs_that_shared_the_machine_say_nothing_of_speed(
    history: History, database: Database
) -> None:
    await history.add(SMOL, 10.0, shared=True)
    use = (await LocalRuns(database).uses())[str(SMOL.path)]
    assert use.tokens_per_s is None
    assert use.run_count == 1
    await history.add(SMOL, 50.0)
    await history.add(SMOL, 10.0, shared=True)
    use = (await LocalRuns(database).uses())[str(SMOL.path)]
    assert use.tokens_per_s == pytest.approx(50.0)


@pytest.mark.parametrize(("tokens", "is_known"), [(15, False), (16, True)])
async def test_short_answers_say_nothing_of_speed(
    history: History, database: Database, tokens: int, is_known: bool
) -> None:
    await history.add(SMOL, tokens=tokens)
    use = (await LocalRuns(database).uses())[str(SMOL.path)]
    assert (use.tokens_per_s is not None) is is_known


async def test_failed_stopped_and_cloud_runs_are_no_use_of_a_model(
    history: History, database: Database
) -> None:
    await history.add(SMOL, status=RunStatus.FAILED)
    await history.add(SMOL, status=RunStatus.CANCELLED)
    await history.add(target=STUDIO)
    assert await LocalRuns(database).uses() == {}


async def test_a_speed_is_that_of_the_way_the_model_ran_last(
    history: History, database: Database
) -> None:
    await history.add(SMOL, 50.0)
    await history.add(SMOL, 20.0, settings=LoadSettings(threads=1))
    slow = (await LocalRuns(database).uses())[str(SMOL.path)]
    assert slow.tokens_per_s == pytest.approx(20.0)
    assert slow.is_of(LoadSettings(threads=1))
    assert not slow.is_of(LoadSettings())
    await history.add(SMOL, 52.0, settings=LoadSettings(context=512))
    quick = (await LocalRuns(database).uses())[str(SMOL.path)]
    assert quick.tokens_per_s == pytest.approx(51.0)
    assert quick.is_of(LoadSettings(context=4_096))


async def test_another_file_under_the_same_name_starts_anew(
    history: History, database: Database
) -> None:
    await history.add(SMOL, 50.0)
    await history.add(replace(SMOL, quantization="Q8_0", size_bytes=145_000_000), 30.0)
    use = (await LocalRuns(database).uses())[str(SMOL.path)]
    assert use.tokens_per_s == pytest.approx(30.0)
    assert use.quantization == "Q8_0"


async def test_deleted_runs_are_forgotten_and_restored_ones_known_again(
    history: History, database: Database
) -> None:
    runs = LocalRuns(database)
    await history.add(SMOL, 50.0)
    gone = await history.add(SMOL, 90.0)
    assert (await runs.uses())[str(SMOL.path)].tokens_per_s == pytest.approx(70.0)
    await history.store.delete(gone)
    assert (await runs.uses())[str(SMOL.path)].tokens_per_s == pytest.approx(50.0)
    await history.store.restore(gone)
    assert (await runs.uses())[str(SMOL.path)].run_count == 2
    await history.store.delete(gone)
    await history.store.purge_deleted()
    assert (await runs.uses())[str(SMOL.path)].run_count == 1


async def test_a_damaged_row_is_passed_over(history: History, database: Database) -> None:
    await history.add(SMOL, 50.0)
    await history.add(GEMMA, 50.0)
    for body in ("{", "[]", '{"id": 7}', "null"):
        await database.write(
            lambda connection, body=body: connection.execute(
                "UPDATE runs SET body = ? WHERE id = 'c2-run'", (body,)
            )
        )
        assert set(await LocalRuns(database).uses()) == {str(SMOL.path)}


async def test_a_run_is_decoded_once(history: History, database: Database) -> None:
    runs = LocalRuns(database)
    await history.add(SMOL, 50.0)
    await runs.uses()
    await database.write(
        lambda connection: connection.execute("UPDATE runs SET body = '{' WHERE id = 'c1-run'")
    )
    assert (await runs.uses())[str(SMOL.path)].tokens_per_s == pytest.approx(50.0)


async def test_many_runs_take_no_more_queries_than_one(
    history: History, database: Database
) -> None:
    for _ in range(40):
        await history.add(SMOL, 50.0)
    asked: list[str] = []
    await database.read(lambda c: c.set_trace_callback(asked.append), takes_long=True)
    runs = LocalRuns(database)
    assert (await runs.uses())[str(SMOL.path)].run_count == 40
    assert len(asked) == 2
    assert len(runs._seen) < 40


async def test_without_a_history_nothing_is_known(tmp_path: Path) -> None:
    assert await LocalRuns(Database(tmp_path / "history.sqlite3")).uses() == {}


@pytest.mark.parametrize(
    "load",
    [
        None,
        MachineLoad(None),
        MachineLoad(0.2),
        MachineLoad(0.0, was_throttled=True),
    ],
)
async def test_a_run_that_may_have_been_disturbed_says_nothing_of_the_speed(
    history: History, database: Database, load: MachineLoad | None
) -> None:
    await history.add(SMOL, 5.0, load=load)
    use = (await LocalRuns(database).uses())[str(SMOL.path)]
    assert (use.tokens_per_s, use.run_count, use.speed_run_count) == (None, 1, 0)
    await history.add(SMOL, 50.0)
    await history.add(SMOL, 4.0, load=load)
    use = (await LocalRuns(database).uses())[str(SMOL.path)]
    assert use.tokens_per_s == pytest.approx(50.0)
    assert (use.run_count, use.speed_run_count) == (3, 1)
