"""The prompt sets that come with the program: whole, readable, and each case can be answered."""

import json
from dataclasses import replace

import pytest

from playground.core.chat import ChatRequest
from playground.core.checks.scoring import score
from playground.core.expected import CheckKind, Outcome
from playground.core.prompt_sets import Case, PromptSet
from playground.core.runs import Run, RunStatus
from playground.core.targets import CloudTarget, Provider
from playground.services.prompt_sets import ready_sets

ANSWERS = {
    "List the three primary": "blue, red, yellow",
    "Write the word hello": "HELLO\nHELLO\nHELLO",
    "Turn this into a line": "Ana,31,Porto",
    "Write a heading": "# Report",
    "Do not use the letter": "Vast",
    "Begin your answer": "Because it is lighter than water.",
    'Reply with JSON only: an object with the key "ok"': '{"ok": true}',
}
"""Beginning of a prompt → a right answer, where the checks do not spell one out."""


def answer_to(case: Case) -> str:
    """Return a right answer, made of what the checks look for."""
    for beginning, answer in ANSWERS.items():
        if case.prompt.startswith(beginning):
            return answer
    words = []
    for check in case.checks:
        if check.kind is CheckKind.SCHEMA:
            schema = json.loads(check.expected)
            names = schema.get("properties", {})
            values = {name: inner["const"] for name, inner in names.items()}
            return json.dumps(schema.get("const", values))
        if check.kind is CheckKind.ANY_OF:
            words.append(check.expected.split("|")[0])
        elif check.kind in (CheckKind.CONTAINS, CheckKind.EQUALS, CheckKind.NUMBER):
            words.append(check.expected)
    return " ".join(words)


@pytest.mark.parametrize("prompt_set", ready_sets(), ids=lambda found: found.name)
def test_each_case_can_be_answered_rightly_and_wrongly(prompt_set: PromptSet) -> None:
    target = CloudTarget(Provider("p", "P", "https://api.example.com/v1"), "m")
    run = Run("r", target, ChatRequest(()), 0, status=RunStatus.FINISHED, finish_reason="stop")
    for case in prompt_set.cases:
        right, wrong = run_with(run, answer_to(case)), run_with(run, "I eat a big stupid herring.")
        found = score(case.checks, right)
        assert found.outcome is Outcome.RIGHT, (case.prompt, found.reasons)
        assert score(case.checks, wrong).outcome is Outcome.WRONG, case.prompt


def run_with(run: Run, text: str) -> Run:
    return replace(run, text=text)


def test_there_are_eight_of_a_dozen_cases_and_more() -> None:
    found = ready_sets()
    assert len(found) == 8
    for prompt_set in found:
        assert 12 <= len(prompt_set.cases) <= 30
        assert prompt_set.is_ready_made
        assert prompt_set.description
        assert all(case.checks for case in prompt_set.cases)
    ids = [case.id for prompt_set in found for case in prompt_set.cases]
    assert len(set(ids)) == len(ids)
