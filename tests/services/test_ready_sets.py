"""The prompt sets that come with the program: whole, readable, and each case can be answered."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from playground.core.chat import ChatRequest
from playground.core.checks.schema import first_fault, read_schema
from playground.core.checks.scoring import score
from playground.core.evaluations import Unit, new_evaluation
from playground.core.expected import CheckKind, Outcome
from playground.core.prompt_sets import Case, PromptSet
from playground.core.runs import Run, RunStatus
from playground.core.targets import CloudTarget, Provider
from playground.services.evaluation import request_of
from playground.services.prompt_sets import ready_sets
from tests.engines.local_run import local_engine, run

TARGET = CloudTarget(Provider("p", "P", "https://api.example.com/v1"), "m")
WRONG = "I eat a big stupid herring."

ANSWERS = {
    "List the three primary": "blue, red, yellow",
    "Write the word hello": "HELLO\nHELLO\nHELLO",
    "Turn this into a line": "Ana,31,Porto",
    "Write a heading": "# Report",
    "Do not use the letter": "Vast",
    "Begin your answer": "Because it is lighter than water.",
}
"""Beginning of a prompt → a right answer, where the checks do not spell one out."""


def answers_to(prompt_set: PromptSet, case: Case) -> tuple[str, str]:
    """Return a right answer, made of what the checks look for, and a wrong one of the same form."""
    for beginning, answer in ANSWERS.items():
        if case.prompt.startswith(beginning):
            return answer, WRONG
    if prompt_set.sampling.schema is None:
        return free_answer_to(case), WRONG
    right = formed_answer_to(json.loads(prompt_set.sampling.schema), case)
    return json.dumps(right), json.dumps(other_than(right))


def free_answer_to(case: Case) -> str:
    words = []
    for check in case.checks:
        if check.kind is CheckKind.SCHEMA:
            return json.dumps(json.loads(check.expected)["const"])
        if check.kind is CheckKind.ANY_OF:
            words.append(check.expected.split("|")[0])
        elif check.kind in (CheckKind.CONTAINS, CheckKind.EQUALS):
            words.append(check.expected)
    return " ".join(words)


def formed_answer_to(form: dict[str, Any], case: Case) -> dict[str, Any]:
    (check,) = case.checks
    *others, last = form["properties"]
    match check.kind:
        case CheckKind.SCHEMA:
            return json.loads(check.expected)["const"]
        case CheckKind.NUMBER:
            return {**dict.fromkeys(others, "1 + 1 = 3"), last: float(check.expected)}
    return {last: check.expected}


def other_than(right: dict[str, Any]) -> dict[str, Any]:
    *_, (last, value) = right.items()
    moods = {"positive": "negative", "negative": "positive"}
    return {**right, last: moods[value] if isinstance(value, str) else value + 1}


def outcome_of(prompt_set: PromptSet, case: Case, text: str, reason: str = "stop") -> Outcome:
    asked = ChatRequest((), prompt_set.sampling)
    made = Run("r", TARGET, asked, 0, status=RunStatus.FINISHED, finish_reason=reason)
    return score(case.checks, replace(made, text=text)).outcome


@pytest.mark.parametrize("prompt_set", ready_sets(), ids=lambda found: found.name)
def test_each_case_can_be_answered_rightly_and_wrongly(prompt_set: PromptSet) -> None:
    for case in prompt_set.cases:
        right, wrong = answers_to(prompt_set, case)
        assert outcome_of(prompt_set, case, right) is Outcome.RIGHT, (case.prompt, right)
        assert outcome_of(prompt_set, case, wrong) is Outcome.WRONG, (case.prompt, wrong)


def test_there_are_eight_of_a_dozen_cases_and_more() -> None:
    found = ready_sets()
    assert len(found) == 8
    for prompt_set in found:
        assert 12 <= len(prompt_set.cases) <= 30
        assert prompt_set.is_ready_made
        assert prompt_set.description
        assert all(case.checks for case in prompt_set.cases)
        assert len({case.prompt for case in prompt_set.cases}) == len(prompt_set.cases)
    ids = [case.id for prompt_set in found for case in prompt_set.cases]
    assert len(set(ids)) == len(ids)


def test_each_tells_what_the_starter_model_reaches() -> None:
    for prompt_set in ready_sets():
        reached = prompt_set.reached
        assert reached is not None
        assert "SmolLM2" in reached.model
        assert reached.right <= reached.scored
        assert reached.scored + reached.not_scored == len(prompt_set.cases)


def test_fixed_forms_can_be_read_and_are_not_held_against_a_case_of_their_own() -> None:
    formed = [chosen for chosen in ready_sets() if chosen.sampling.schema is not None]
    assert [chosen.name for chosen in formed] == [
        "Sort messages", "Pull data into JSON", "Arithmetic",
    ]  # fmt: skip
    for chosen in formed:
        form = read_schema(chosen.sampling.schema or "")
        for case in chosen.cases:
            for answer in answers_to(chosen, case):
                assert first_fault(json.loads(answer), form) is None, answer


def messages_to_sort() -> PromptSet:
    (found,) = [chosen for chosen in ready_sets() if chosen.name == "Sort messages"]
    return found


def test_no_answer_to_all_messages_and_no_example_gives_the_sorting_away() -> None:
    chosen = messages_to_sort()
    sorts = Counter(case.checks[0].expected for case in chosen.cases)
    assert sorts == {"positive": 15, "negative": 15}
    examples = [
        line.partition(" {")[0] for line in chosen.system_prompt.splitlines() if "{" in line
    ]
    assert len(examples) > 8
    for case in chosen.cases:
        assert all(example.rstrip(".!") not in case.prompt for example in examples), case.prompt


async def test_the_starter_model_sorts_messages_in_a_fixed_form(starter_model: Path) -> None:
    chosen = messages_to_sort()
    evaluation = new_evaluation(chosen, [TARGET], 1, chosen.sampling)
    outcomes: Counter[Outcome] = Counter()
    async with local_engine(starter_model) as (engine, _):
        for case in chosen.cases:
            asked = request_of(evaluation, Unit(case.id, TARGET.key, 0), case)
            # the examples are the same each time, and reading them is most of the work
            answer = await run(engine, replace(asked, keep_cache=True))
            reason = answer.finished.finish_reason
            outcomes[outcome_of(chosen, case, answer.text, reason or "")] += 1
    assert outcomes[Outcome.NOT_SCORED] == 0
    assert outcomes[Outcome.RIGHT] / len(chosen.cases) >= 0.8
