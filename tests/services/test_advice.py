"""What the history and a test say for “Local or cloud?”."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from playground.core.advice.needs import Leave, Situation
from playground.core.advice.situation import Answer, Step
from playground.core.chat import SamplingParams
from playground.core.checks.reading import read_check
from playground.core.evaluations import Unit, new_evaluation
from playground.core.prompt_sets import filled, new_case, new_set
from playground.core.runs import Cost, Provenance, Run
from playground.core.targets import RECORDED, CloudTarget, LocalTarget, ModelFile, Provider, Target
from playground.services.advice import AdviceService
from playground.store.database import Database
from playground.store.evaluations import EvaluationStore
from playground.store.settings import SettingsStore
from playground.store.target_runs import LOOKED_AT, TargetRuns
from tests.services.test_requirements import Place
from tests.store.history import folded, waiting_run
from tests.store.test_local_runs import QUIET, answer

FAR = CloudTarget(Provider("far", "Far", "https://api.example.com/v1"), "large-1")
PRACTICE = CloudTarget(
    Provider("practice", "Practice", "http://127.0.0.1:1/v1", is_practice=True), "small"
)
LAN = CloudTarget(Provider("own", "Own", "http://127.0.0.1:2/v1"), "mine")


class Desk:
    """The service on a real history."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.place = Place(folder, database)
        self.store = EvaluationStore(database)
        self.database, self.settings = database, folder / "settings.json"
        self.reread()
        self.model = self.place.model("Q8_0")

    def reread(self) -> None:
        """Begin anew with what is kept."""
        settings, runs = SettingsStore(self.settings), TargetRuns(self.database)
        self.service = AdviceService(self.store, runs, self.place.service, settings)

    @property
    def here(self) -> LocalTarget:
        return LocalTarget(self.model)

    async def test(
        self, right_here: int, right_there: int, cases: int = 20, there: Target = FAR
    ) -> str:
        """Keep a finished test in which the first so many answers are right, the rest wrong."""
        asked = [
            replace(
                new_case(f"question {n}", (read_check("contains", "word" if n % 2 else "Word"),)),
                tags=("odd",) if n % 2 else (),
            )
            for n in range(cases)
        ]
        chosen = replace(new_set("Words"), cases=tuple(asked))
        evaluation = new_evaluation(chosen, (self.here, there), 1, SamplingParams())
        await self.store.save(evaluation)
        for target, right in ((self.here, right_here), (there, right_there)):
            for number, case in enumerate(asked):
                run = self.run(target, f"{target.label}{number}", is_right=number < right)
                unit = Unit(case.id, target.key, 0)
                await self.store.keep(evaluation, unit, filled(chosen, case), run)
        return evaluation.id

    def run(self, target: Target, name: str, *, is_right: bool = True) -> Run:
        found = folded(waiting_run(name, target), answer(20, 50.0))
        usd = 0.001 if target is FAR else 0.00001
        return replace(
            found,
            text="a word" if is_right else "nothing",
            machine_load=QUIET,
            cost=Cost(usd, "api", Provenance.REPORTED if target is FAR else Provenance.ESTIMATED),
        )


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    database = Database(tmp_path / "history.sqlite3")
    await database.open()
    yield Desk(tmp_path, database)
    await database.close()


async def test_with_no_history_it_says_measure_first(desk: Desk) -> None:
    evidence = await desk.service.evidence()
    assert not evidence.options
    assert desk.service.advise(Situation(), evidence).answer is Answer.MEASURE


async def test_a_test_of_both_is_an_answer(desk: Desk) -> None:
    evaluation = await desk.test(18, 19)
    [summary] = await desk.service.tests()
    assert summary.id == evaluation
    evidence = await desk.service.evidence(evaluation)
    here, cloud = evidence.options
    assert (here.place, here.right, here.scored, here.fits) == ("here", 18, 20, True)
    assert (cloud.place, cloud.right, cloud.host) == ("cloud", 19, "api.example.com")
    assert here.first_s is not None
    assert here.first_s.provenance is Provenance.MEASURED
    assert cloud.usd is not None
    assert (cloud.usd.value, cloud.usd.provenance) == (0.001, Provenance.REPORTED)
    assert here.comparison
    advice = desk.service.advise(Situation(), evidence)
    assert advice.answer is Answer.HERE
    assert advice.months.pays_from is not None


async def test_each_tag_is_looked_at_apart(desk: Desk) -> None:
    evidence = await desk.service.evidence(await desk.test(10, 20))
    [odd] = evidence.tags
    assert (odd.tag, odd.share) == ("odd", 0.5)
    assert odd.within.both_scored == odd.elsewhere.both_scored == 10
    assert odd.within.only_b_right == odd.elsewhere.only_b_right == 5


async def test_the_practice_cloud_is_known_as_one_until_a_real_one_answers(desk: Desk) -> None:
    await desk.place.history.add(target=PRACTICE)
    await desk.place.history.add(target=LAN)
    evidence = await desk.service.evidence()
    assert {option.target: option.place for option in evidence.options} == {
        PRACTICE.key: "practice",
        LAN.key: "here",
    }
    [stand_in] = [option for option in evidence.options if option.place == "practice"]
    assert (stand_in.first_s, stand_in.usd, stand_in.scored) == (None, None, 0)
    await desk.place.history.add(target=FAR)
    evidence = await desk.service.evidence()
    assert {option.target for option in evidence.options} == {FAR.key, LAN.key}


async def test_a_real_cloud_is_looked_at_beside_a_test_of_the_practice_cloud(desk: Desk) -> None:
    evaluation = await desk.test(18, 20, there=PRACTICE)
    evidence = await desk.service.evidence(evaluation)
    assert [option.place for option in evidence.options] == ["here", "practice"]
    await desk.place.history.add(target=FAR)
    evidence = await desk.service.evidence(evaluation)
    assert {option.target: option.scored for option in evidence.options} == {
        desk.here.key: 20,
        FAR.key: 0,
    }
    steps = [step for step, *_ in desk.service.advise(Situation(), evidence).steps]
    assert Step.TEST in steps
    targets, set_id = await desk.service.to_test([FAR.key, desk.here.key], evaluation)
    assert [target.key for target in targets] == [FAR.key, desk.here.key]
    assert set_id == (await desk.store.load(evaluation)).prompt_set.id


async def test_namesakes_are_told_with_their_places(desk: Desk) -> None:
    await desk.place.history.add(desk.model)
    there = replace(FAR, model=desk.model.name)
    await desk.place.history.add(target=there)
    names = [option.name for option in (await desk.service.evidence()).options]
    assert sorted(names) == [f"{there.model} at Far", f"{there.model} on this computer"]


async def test_what_ran_on_another_computer_says_nothing_of_this_one(desk: Desk) -> None:
    elsewhere = replace(desk.model, source=RECORDED, is_present=False)
    await desk.place.history.add(elsewhere)
    away = replace(FAR.provider, id="recorded-far", base_url="")
    await desk.place.history.add(target=CloudTarget(away, "large-1"))
    assert not (await desk.service.evidence()).options


async def test_what_does_not_fit_means_cloud(desk: Desk) -> None:
    desk.place.computer.looks = replace(desk.place.computer.looks, ram_free_bytes=2**20)
    await desk.place.history.add(desk.model)
    await desk.place.history.add(target=FAR)
    await desk.place.service.refresh()
    evidence = await desk.service.evidence()
    assert desk.service.advise(Situation(leave=Leave.YES), evidence).answer is Answer.CLOUD


async def test_a_model_that_is_gone_is_left_with_what_is_known(desk: Desk) -> None:
    gone = ModelFile(Path("/models/gone.gguf"), "Gone", 1, "own", "llama", "Q4_0")
    await desk.place.history.add(gone)
    [option] = (await desk.service.evidence()).options
    assert option.fits is None


async def test_of_many_answers_the_last_are_read(desk: Desk) -> None:
    for _ in range(LOOKED_AT + 3):
        await desk.place.history.add(target=FAR)
    database = desk.store._database
    [runs] = (await TargetRuns(database).last()).values()
    assert len(runs) == LOOKED_AT
    assert runs[0].comparison_id == f"c{LOOKED_AT + 3}"
