"""What each target of a turn is asked, and when."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

from playground.core.chat import Role, SamplingParams
from playground.core.runs import Comparison, Run, RunOrder, RunStatus
from playground.core.targets import CloudTarget, LocalTarget, ModelFile, Provider, Target
from playground.core.turns import hidden_order, is_shared, new_comparison, new_turn


def local(name: str) -> LocalTarget:
    return LocalTarget(ModelFile(Path(f"/models/{name}.gguf"), name, 1, "Starter"))


def cloud(name: str, url: str = "https://api.example.com/v1") -> CloudTarget:
    return CloudTarget(Provider(name, name, url), "large")


def orders(targets: list[Target], order: RunOrder) -> list[int]:
    turn = new_turn(new_comparison(targets), "hi", order, hidden_names=False)
    return [run.order for run in turn.runs]


def test_fair_starts_clouds_together_then_local_models_one_by_one() -> None:
    targets: list[Target] = [local("a"), cloud("one"), local("b"), cloud("two")]
    assert orders(targets, RunOrder.FAIR) == [1, 0, 2, 0]


def test_fair_counts_a_server_on_loopback_as_this_machine() -> None:
    targets: list[Target] = [cloud("mine", "http://127.0.0.1:8080/v1"), local("a"), cloud("far")]
    assert orders(targets, RunOrder.FAIR) == [1, 2, 0]


def test_fair_with_local_models_only_starts_the_first_at_once() -> None:
    assert orders([local("a"), local("b")], RunOrder.FAIR) == [0, 1]


def test_race_starts_all_at_once_and_marks_what_shares_the_machine() -> None:
    comparison = new_comparison([local("a"), cloud("far")])
    turn = new_turn(comparison, "hi", RunOrder.RACE, hidden_names=False)
    assert [run.order for run in turn.runs] == [0, 0]
    assert [is_shared(turn, run) for run in turn.runs] == [True, False]


def test_local_runs_without_a_seed_share_a_drawn_one_and_clouds_get_none() -> None:
    comparison = new_comparison([local("a"), local("b"), cloud("far")])
    first, second, far = new_turn(comparison, "hi", RunOrder.FAIR, hidden_names=False).runs
    assert first.seed is not None
    assert first.seed == second.seed
    assert far.seed is None


def test_a_seed_of_the_persons_goes_to_every_target() -> None:
    comparison = new_comparison([local("a"), cloud("far")], sampling=SamplingParams(seed=7))
    runs = new_turn(comparison, "hi", RunOrder.FAIR, hidden_names=False).runs
    assert [run.seed for run in runs] == [7, 7]


def test_an_override_changes_one_target_only() -> None:
    target, other = local("a"), local("b")
    comparison = new_comparison(
        [target, other],
        system_prompt="Be brief.",
        sampling=SamplingParams(temperature=0.5, max_tokens=9),
        overrides=((target.key, SamplingParams(temperature=0.0)),),
        system_overrides=((other.key, ""),),
    )
    first, second = new_turn(comparison, "hi", RunOrder.FAIR, hidden_names=False).runs
    assert first.request.sampling.temperature == 0.0
    assert first.request.sampling.max_tokens == 9
    assert second.request.sampling.temperature == 0.5
    assert [m.role for m in first.request.messages] == [Role.SYSTEM, Role.USER]
    assert [m.role for m in second.request.messages] == [Role.USER]


def answered(comparison: Comparison, *answers: str) -> Comparison:
    turn = new_turn(comparison, "first", RunOrder.FAIR, hidden_names=False)
    runs: list[Run] = [
        replace(run, text=text, status=RunStatus.FINISHED)
        for run, text in zip(turn.runs, answers, strict=True)
    ]
    return replace(comparison, turns=(replace(turn, runs=tuple(runs)),))


def test_a_follow_up_carries_each_targets_own_answer_and_keeps_the_cache() -> None:
    comparison = answered(new_comparison([local("a"), local("b")]), "from a", "from b")
    first, second = new_turn(comparison, "more", RunOrder.FAIR, hidden_names=False).runs
    assert [m.content for m in first.request.messages] == ["first", "from a", "more"]
    assert [m.content for m in second.request.messages] == ["first", "from b", "more"]
    assert first.request.keep_cache


def test_a_turn_a_target_could_not_answer_is_left_out_of_its_follow_up() -> None:
    comparison = answered(new_comparison([local("a"), local("b")]), "", "from b")
    first, _ = new_turn(comparison, "more", RunOrder.FAIR, hidden_names=False).runs
    assert [m.content for m in first.request.messages] == ["more"]


def test_a_first_turn_starts_with_an_empty_cache() -> None:
    (run,) = new_turn(new_comparison([local("a")]), "hi", RunOrder.FAIR, hidden_names=False).runs
    assert not run.request.keep_cache


def test_without_names_every_order_is_as_likely() -> None:
    comparison = new_comparison([local("a"), local("b"), cloud("far")])
    drawn = Counter(
        tuple(hidden_order([new_turn(comparison, "hi", RunOrder.FAIR, hidden_names=True)], 3))
        for _ in range(3000)
    )
    assert len(drawn) == 6
    # chi-squared with 5 degrees of freedom: beyond 60 once in 10^11 times
    assert sum((count - 500) ** 2 / 500 for count in drawn.values()) < 60
