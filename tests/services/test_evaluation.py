"""Evaluations: each unit asked once and kept whole, waits, ceilings, stops, and asking again."""

import asyncio
import json
import threading
from argparse import Namespace
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from playground.cli import tests
from playground.core.checks.reading import read_check
from playground.core.errors import UsageError
from playground.core.evaluations import Evaluation, report
from playground.core.expected import Outcome
from playground.core.prompt_sets import new_case, new_set
from playground.core.runs import Cost, Provenance, Run
from playground.core.statistics import Verdict
from playground.core.targets import CloudTarget, ModelPrice, Target
from playground.engines.base import Engine
from playground.engines.openai.engine import OpenAIChatEngine
from playground.services import evaluation as module
from playground.services.evaluation import (
    EvaluationEnded,
    EvaluationService,
    EvaluationUpdate,
    ProviderWaits,
    TargetGivenUp,
    UnitEnded,
)
from playground.store.database import Database
from playground.store.evaluations import EvaluationStore
from playground.store.history import ComparisonStore
from tests.services.evaluating import Answer, Oracle, number_in, number_set

PRICE = ModelPrice(1000.0, 1000.0)
"""A tenth of a cent a token."""


def elsewhere(target: CloudTarget) -> CloudTarget:
    """Return the target as one that is not on this computer."""
    provider = replace(target.provider, base_url="https://api.example.com/v1")
    return replace(target, provider=provider)


class Bench:
    """A service on a real database and a real server."""

    def __init__(self, database: Database, oracle: Oracle) -> None:
        self.database = database
        self.oracle = oracle
        self.store = EvaluationStore(database)
        self.service = EvaluationService(
            self._engine, self.store, self._cost, lambda _target: PRICE
        )

    def _engine(self, target: Target) -> Engine:
        assert isinstance(target, CloudTarget)
        provider = replace(target.provider, base_url=self.oracle.base_url)
        return OpenAIChatEngine(CloudTarget(provider, target.model), None)

    @staticmethod
    def _cost(run: Run) -> Cost:
        return Cost(0.012 if run.error is None else 0.0, "api", Provenance.REPORTED)

    async def run(
        self, evaluation: Evaluation, max_usd: float | None = None
    ) -> list[EvaluationUpdate]:
        async with aclosing(self.service.run(evaluation, max_usd)) as updates:
            return [update async for update in updates]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(tmp_path / "history.sqlite3")
    await database.open()
    yield database
    await database.close()


def ended(updates: Sequence[EvaluationUpdate]) -> EvaluationEnded:
    (last,) = (update for update in updates if isinstance(update, EvaluationEnded))
    return last


def right(_model: str, prompt: str) -> str:
    return f"It is {number_in(prompt)}."


async def test_every_case_is_asked_of_every_target_once_and_judged(database: Database) -> None:
    def say(model: str, prompt: str) -> str:
        number = number_in(prompt)
        return str(number) if model == "good" or number % 4 == 0 else "no idea"

    with Oracle(say) as oracle:
        bench = Bench(database, oracle)
        targets = (oracle.target("good"), oracle.target("poor"))
        evaluation = await bench.service.begin(number_set(12), targets, 1)
        updates = await bench.run(evaluation)
        assert ended(updates).is_finished
        assert len(oracle.answered) == len(set(oracle.answered)) == 24
    results = await bench.store.results(evaluation.id)
    known = report(evaluation, results)
    good, poor = known.models
    assert (good.right, good.scored, good.not_scored) == (12, 12, 0)
    assert (poor.right, poor.scored) == (3, 12)
    (pair,) = known.pairs
    assert (pair.only_a_right, pair.only_b_right, pair.verdict) == (9, 0, Verdict.A_BETTER)
    assert [model.tier for model in known.models] == [0, 1]
    assert good.usd == pytest.approx(12 * 0.012)


async def test_models_alternate_within_each_case(database: Database) -> None:
    with Oracle(right) as oracle:
        bench = Bench(database, oracle)
        targets = (oracle.target("a"), oracle.target("b"))
        evaluation = await bench.service.begin(number_set(3), targets, 2)
        await bench.run(evaluation)
        assert [model for model, _ in oracle.answered] == ["a", "b"] * 6
        # what runs on this computer has it to itself
        assert oracle.at_once == 1


async def test_repeats_have_seeds_of_their_own(database: Database) -> None:
    with Oracle(right) as oracle:
        bench = Bench(database, oracle)
        evaluation = await bench.service.begin(number_set(1), (oracle.target(),), 3)
        await bench.run(evaluation)
        assert [body["seed"] for body in oracle.bodies] == [1, 2, 3]
        assert {body["temperature"] for body in oracle.bodies} == {0.0}
        assert {body["max_tokens"] for body in oracle.bodies} == {256}


async def test_a_provider_is_asked_several_at_once_up_to_a_limit(database: Database) -> None:
    with Oracle(right) as oracle:
        oracle.gate = threading.Event()
        bench = Bench(database, oracle)
        evaluation = await bench.service.begin(number_set(12), (elsewhere(oracle.target()),), 1)
        running = asyncio.create_task(bench.run(evaluation))
        while oracle.at_once < module.AT_ONCE:
            await asyncio.sleep(0.01)
        oracle.gate.set()
        assert ended(await running).is_finished
        assert oracle.at_once == module.AT_ONCE


async def test_this_computer_answers_while_nothing_comes_from_elsewhere(
    database: Database,
) -> None:
    with Oracle(right) as oracle:
        bench = Bench(database, oracle)
        targets = (oracle.target("near", "own"), elsewhere(oracle.target("far")))
        evaluation = await bench.service.begin(number_set(6), targets, 1)
        assert ended(await bench.run(evaluation)).is_finished
        assert [model for model, _ in oracle.answered] == ["far"] * 6 + ["near"] * 6


async def test_this_computer_answers_while_a_provider_makes_everybody_wait(
    database: Database,
) -> None:
    refused: list[str] = []

    def say(model: str, prompt: str) -> Answer:
        if model == "far" and len(refused) < module.AT_ONCE:
            refused.append(prompt)
            return 429, {"retry-after": "0.4"}, {"error": {"message": "slow down"}}
        return right(model, prompt)

    with Oracle(say) as oracle:
        bench = Bench(database, oracle)
        targets = (oracle.target("near", "own"), elsewhere(oracle.target("far")))
        evaluation = await bench.service.begin(number_set(module.AT_ONCE), targets, 1)
        assert ended(await bench.run(evaluation)).is_finished
        assert oracle.answered[0][0] == "near"
        assert len(oracle.answered) == 2 * module.AT_ONCE


async def test_what_the_ceiling_leaves_out_does_not_keep_this_computer_waiting(
    database: Database,
) -> None:
    with Oracle(right) as oracle:
        bench = Bench(database, oracle)
        prompts = replace(number_set(20), sampling=replace(number_set(1).sampling, max_tokens=5))
        targets = (oracle.target("near", "own"), elsewhere(oracle.target("far")))
        evaluation = await bench.service.begin(prompts, targets, 1)
        updates = await bench.run(evaluation, max_usd=0.1)
        assert not ended(updates).is_finished
        assert sum(model == "near" for model, _ in oracle.answered) == 20


async def test_too_many_requests_are_waited_for_and_asked_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    refused: set[str] = set()

    def say(_model: str, prompt: str) -> Answer:
        if prompt not in refused and len(refused) < 2:
            refused.add(prompt)
            return 429, {"retry-after": "0.25"}, {"error": {"message": "slow down"}}
        return right(_model, prompt)

    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await real(seconds)

    monkeypatch.setattr(module.asyncio, "sleep", sleep)
    with Oracle(say) as oracle:
        bench = Bench(database, oracle)
        evaluation = await bench.service.begin(number_set(4), (oracle.target(),), 1)
        updates = await bench.run(evaluation)
    waits = [update.seconds for update in updates if isinstance(update, ProviderWaits)]
    assert waits == [0.25, 0.25]
    assert sum(slept) == pytest.approx(0.5, abs=0.1)
    assert ended(updates).is_finished
    assert [result.outcome for result in await bench.store.results(evaluation.id)] == [
        Outcome.RIGHT
    ] * 4


async def test_a_provider_that_refuses_for_ever_is_given_up_and_nobody_waits_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE_S", 0.2)

    def say(model: str, prompt: str) -> Answer:
        if model == "full":
            return 429, {"retry-after": "0.05"}, {"error": {"message": "too many"}}
        return right(model, prompt)

    with Oracle(say) as oracle:
        bench = Bench(database, oracle)
        targets = (oracle.target("full"), oracle.target("open", "other"))
        evaluation = await bench.service.begin(number_set(20), targets, 1)
        updates = await bench.run(evaluation)
        refused = sum(body["model"] == "full" for body in oracle.bodies)
    assert len(oracle.answered) == 20
    assert refused < 20
    assert not ended(updates).is_finished
    assert "too many" in ended(updates).reason
    given_up = [update.target for update in updates if isinstance(update, TargetGivenUp)]
    assert given_up == [targets[0].key]
    full, other = report(evaluation, await bench.store.results(evaluation.id)).models
    assert (full.scored, other.right) == (0, 20)
    assert 1 <= full.not_scored <= module.AT_ONCE


async def test_a_wait_of_an_hour_is_told_and_kept_to(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock.append(clock[-1] + seconds)

    clock = [0.0]
    monkeypatch.setattr(module.asyncio, "sleep", sleep)
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[-1])
    told = ["3600"]

    def say(_model: str, prompt: str) -> Answer:
        if told:
            return 429, {"retry-after": told.pop()}, {"error": {"message": "too many"}}
        return right(_model, prompt)

    with Oracle(say) as oracle:
        bench = Bench(database, oracle)
        evaluation = await bench.service.begin(number_set(1), (oracle.target(),), 1)
        updates = await bench.run(evaluation)
    assert [u.seconds for u in updates if isinstance(u, ProviderWaits)] == [3600.0]
    assert slept == [3600.0]
    assert ended(updates).is_finished


async def test_an_outage_is_not_scored_and_asked_again_by_itself(database: Database) -> None:
    is_out = True

    def say(_model: str, prompt: str) -> Answer:
        if is_out and number_in(prompt) in (3, 4, 5):
            return 503, {}, {"error": {"message": "out of order"}}
        return right(_model, prompt)

    with Oracle(say) as oracle:
        bench = Bench(database, oracle)
        evaluation = await bench.service.begin(number_set(8), (oracle.target(),), 1)
        assert ended(await bench.run(evaluation)).is_finished
        (model,) = report(evaluation, await bench.store.results(evaluation.id)).models
        assert (model.right, model.scored, model.not_scored) == (5, 5, 3)
        is_out = False
        oracle.answered.clear()
        again = await bench.service.ask_again(evaluation.id)
        assert ended(await bench.run(again)).is_finished
        assert sorted(number_in(prompt) for _, prompt in oracle.answered) == [3, 4, 5]
    (model,) = report(evaluation, await bench.store.results(evaluation.id)).models
    assert (model.right, model.scored, model.not_scored) == (8, 8, 0)


async def test_a_key_that_is_refused_is_not_tried_a_hundred_times(database: Database) -> None:
    def say(model: str, prompt: str) -> Answer:
        if model == "locked":
            return 401, {}, {"error": {"message": "wrong key"}}
        return right(model, prompt)

    with Oracle(say) as oracle:
        bench = Bench(database, oracle)
        targets = (oracle.target("locked"), oracle.target("open"))
        evaluation = await bench.service.begin(number_set(20), targets, 1)
        updates = await bench.run(evaluation)
        assert sum(body["model"] == "locked" for body in oracle.bodies) == 3
        assert len(oracle.answered) == 20
    (given_up,) = (update for update in updates if isinstance(update, TargetGivenUp))
    assert "wrong key" in given_up.reason
    assert not ended(updates).is_finished
    assert "wrong key" in ended(updates).reason


async def test_nothing_is_asked_beyond_the_ceiling(database: Database) -> None:
    with Oracle(right) as oracle:
        bench = Bench(database, oracle)
        prompts = replace(number_set(20), sampling=replace(number_set(1).sampling, max_tokens=5))
        evaluation = await bench.service.begin(prompts, (elsewhere(oracle.target()),), 1)
        # an answer of 5 tokens to 4 may cost a cent, and costs 1.2
        updates = await bench.run(evaluation, max_usd=0.1)
        spent = sum(u.result.usd or 0.0 for u in updates if isinstance(u, UnitEnded))
        assert spent <= 0.1
        assert not ended(updates).is_finished
        assert "ceiling" in ended(updates).reason
        before = len(oracle.answered)
        assert 5 <= before < 9
        assert ended(await bench.run(evaluation, max_usd=1.0)).is_finished
        assert len(oracle.answered) == 20


async def test_what_is_only_on_its_way_does_not_reach_the_ceiling(database: Database) -> None:
    with Oracle(right) as oracle:
        bench = Bench(database, oracle)
        prompts = replace(number_set(12), sampling=replace(number_set(1).sampling, max_tokens=5))
        target = elsewhere(oracle.target())
        evaluation = await bench.service.begin(prompts, (target,), 1)
        request = module.request_of(evaluation, evaluation.units[-1], prompts.cases[-1])
        most = bench.service.most_usd(target, request)
        assert most is not None
        # two at once could go beyond it, all of them together do not
        updates = await bench.run(evaluation, max_usd=1.5 * most + 12 * 0.012)
        assert ended(updates).is_finished
        assert len(oracle.answered) == 12


async def test_a_ceiling_needs_a_price(database: Database) -> None:
    with Oracle(right) as oracle:
        bench = Bench(database, oracle)
        bench.service.price_of = lambda _target: None
        evaluation = await bench.service.begin(number_set(2), (elsewhere(oracle.target()),), 1)
        with pytest.raises(UsageError, match="ceiling"):
            await bench.run(evaluation, max_usd=1.0)
        assert oracle.bodies == []


async def test_a_pause_begins_nothing_and_ends_what_runs(database: Database) -> None:
    with Oracle(right) as oracle:
        bench = Bench(database, oracle)
        evaluation = await bench.service.begin(number_set(10), (oracle.target(),), 1)
        done = 0
        async with aclosing(bench.service.run(evaluation)) as updates:
            async for update in updates:
                if not isinstance(update, UnitEnded):
                    continue
                done += 1
                if done == 3:
                    bench.service.pause(evaluation.id)
                    await asyncio.sleep(0.1)
                    asked = len(oracle.bodies)
                    await asyncio.sleep(0.1)
                    assert len(oracle.bodies) == asked <= 5
                    bench.service.go_on(evaluation.id)
        assert done == 10
        assert len(oracle.answered) == 10


async def test_leaving_in_the_middle_loses_no_answer_and_the_next_goes_on(
    database: Database,
) -> None:
    with Oracle(right) as oracle:
        bench = Bench(database, oracle)
        prompts = number_set(10)
        evaluation = await bench.service.begin(prompts, (oracle.target(),), 1)
        async with aclosing(bench.service.run(evaluation)) as updates:
            async for update in updates:
                if isinstance(update, UnitEnded) and number_in(oracle.answered[-1][1]) >= 4:
                    break
        kept = len(await bench.store.results(evaluation.id))
        assert kept >= 4
        again = await bench.service.begin(prompts, (oracle.target(),), 1)
        assert again.id == evaluation.id
        assert ended(await bench.run(again)).is_finished
        # the one that was being answered may be asked again, none that was kept
        assert len(oracle.answered) <= 11
        assert len(await bench.store.results(evaluation.id)) == 10


async def test_what_asks_something_else_begins_anew(database: Database) -> None:
    with Oracle(right) as oracle:
        bench = Bench(database, oracle)
        prompts, target = number_set(4), oracle.target()
        first = await bench.service.begin(prompts, (target,), 1)
        colder = replace(prompts, sampling=replace(prompts.sampling, temperature=0.5))
        more = replace(prompts, cases=(*prompts.cases, new_case("Say the number 9.")))
        for others in (
            await bench.service.begin(prompts, (target,), 2),
            await bench.service.begin(prompts, (oracle.target("x"),), 1),
            await bench.service.begin(colder, (target,), 1),
            await bench.service.begin(more, (target,), 1),
            await bench.service.begin(prompts, (target,), 1, anew=True),
        ):
            assert others.id != first.id


async def test_other_checks_are_held_against_the_answers_there_are(database: Database) -> None:
    with Oracle(right) as oracle:
        bench = Bench(database, oracle)
        case = new_case("Say the number 4.", (read_check("equals", "four"),))
        prompts, target = new_set("one", (case,)), oracle.target()
        evaluation = await bench.service.begin(prompts, (target,), 2)
        await bench.store.save(evaluation)
        async with aclosing(bench.service.run(evaluation)) as updates:
            async for update in updates:
                if isinstance(update, UnitEnded):
                    break
        calls = len(oracle.bodies)
        eased = replace(prompts, cases=(replace(case, checks=(read_check("number", "4"),)),))
        again = await bench.service.begin(eased, (target,), 2)
        assert again.id == evaluation.id
        results = await bench.store.results(evaluation.id)
        assert {result.outcome for result in results} == {Outcome.RIGHT}
        assert len(oracle.bodies) == calls


async def test_the_history_lists_no_answers_of_evaluations_but_opens_them(
    database: Database,
) -> None:
    history = ComparisonStore(database)
    with Oracle(right) as oracle:
        bench = Bench(database, oracle)
        targets = (oracle.target("a"), oracle.target("b"))
        evaluation = await bench.service.begin(number_set(3), targets, 1)
        await bench.run(evaluation)
    assert await history.search() == []
    assert await history.search("number") == []
    results = await bench.store.results(evaluation.id)
    comparison = await history.load(results[0].comparison_id)
    (turn,) = comparison.turns
    assert [run.target.label for run in turn.runs] == ["a", "b"]
    assert turn.prompt == "Say the number 0."
    assert turn.checks == evaluation.prompt_set.cases[0].checks


async def test_prompts_and_answers_are_found(database: Database) -> None:
    def say(_model: str, prompt: str) -> str:
        return "a heron" if number_in(prompt) == 2 else "a gull"

    with Oracle(say) as oracle:
        bench = Bench(database, oracle)
        evaluation = await bench.service.begin(number_set(4), (oracle.target(),), 1)
        await bench.run(evaluation)
    cases = evaluation.prompt_set.cases
    assert await bench.store.cases_with(evaluation, "heron") == {cases[2].id}
    assert await bench.store.cases_with(evaluation, "number 3") == {cases[3].id}
    assert await bench.store.cases_with(evaluation, "pelican") == set()


async def test_two_do_not_run_the_same_evaluation(database: Database) -> None:
    with Oracle(right) as oracle:
        bench = Bench(database, oracle)
        evaluation = await bench.service.begin(number_set(2), (oracle.target(),), 1)
        # init is another process that lives
        other = "1:0:x"
        await database.write(
            lambda c: c.execute("UPDATE evaluations SET owner = ?", (_owner_of_init() or other,))
        )
        with pytest.raises(UsageError, match="running"):
            await bench.run(evaluation)
        await database.write(lambda c: c.execute("UPDATE evaluations SET owner = '999999:1:x'"))
        assert ended(await bench.run(evaluation)).is_finished


def _owner_of_init() -> str:
    import psutil

    return f"1:{psutil.Process(1).create_time():.0f}:x"


async def test_the_computer_is_kept_awake_until_the_end_and_after_a_stop(
    database: Database,
) -> None:
    held: list[bool] = []

    @contextmanager
    def stay_awake() -> Iterator[None]:
        held.append(True)
        try:
            yield
        finally:
            held.append(False)

    with Oracle(right) as oracle:
        bench = Bench(database, oracle)
        bench.service.stay_awake = stay_awake
        evaluation = await bench.service.begin(number_set(4), (oracle.target(),), 1)
        async with aclosing(bench.service.run(evaluation)) as updates:
            async for update in updates:
                if isinstance(update, UnitEnded):
                    assert held == [True]
                    break
        assert held == [True, False]
        await bench.run(evaluation)
        assert held == [True, False, True, False]


async def test_an_evaluation_is_found_by_its_beginning_however_many_came_after(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    with Oracle(right) as oracle:
        bench = Bench(database, oracle)
        first = await bench.service.begin(number_set(1), (oracle.target(),), 1)
        for number in range(250):
            await bench.store.save(replace(first, id=f"{number:032x}", created_at=None))
    asked = Namespace(action="report", evaluation=first.id[:12], json=True)
    unused: Any = None
    await tests.run(asked, bench.service, unused, unused, providers=unused, settings=unused)
    assert json.loads(capsys.readouterr().out)["evaluation"] == first.id
