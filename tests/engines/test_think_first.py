"""Whether a model thinks first, as a person chose: in chat templates and in requests."""

import dataclasses
from pathlib import Path

import pytest

from playground.core.chat import ChatRequest, Message, Role, SamplingParams
from playground.core.events import ThinkingEnded
from playground.core.fold import RunFold
from playground.core.runs import Run
from playground.core.targets import LocalTarget, ModelFile, Provider, Tier
from playground.engines.openai.request import build_body
from tests.engines.local_run import ask, local_engine, run
from tests.engines.scripted_model import write_scripted_model

REQUEST = ChatRequest((Message(Role.USER, "Hi"),))


def body(provider: Provider, *, think: bool | None) -> dict[str, object]:
    return build_body(
        provider, "m", dataclasses.replace(REQUEST, sampling=SamplingParams(think=think))
    )[0]


@pytest.mark.parametrize(
    ("provider", "field", "yes", "no"),
    [
        (
            Provider("a", "A", "https://a.example/v1", Tier.AAA),
            "reasoning_effort",
            "medium",
            "none",
        ),
        (
            Provider("a", "A", "https://a.example/v1", Tier.STUDIO, thinking_switch="enabled"),
            "reasoning",
            {"enabled": True},
            {"enabled": False},
        ),
        (
            Provider("a", "A", "http://127.0.0.1:1/v1"),
            "chat_template_kwargs",
            {"enable_thinking": True, "thinking": True},
            {"enable_thinking": False, "thinking": False},
        ),
    ],
)
def test_a_provider_is_told_in_its_own_words_and_only_where_somebody_chose(
    provider: Provider, field: str, yes: object, no: object
) -> None:
    assert body(provider, think=True)[field] == yes
    assert body(provider, think=False)[field] == no
    assert field not in body(provider, think=None)


SWITCHED = (
    "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    "{% if enable_thinking is defined and not enable_thinking %} without thoughts{% endif %}"
)


async def prompt_tokens(path: Path, *, think: bool | None) -> tuple[int | None, list[str]]:
    async with local_engine(path) as (engine, _):
        answer = await run(engine, ask("Hi", think=think))
    return answer.finished.usage.prompt_tokens, answer.notices


async def test_a_chat_format_that_asks_is_told_and_for_another_it_is_said(tmp_path: Path) -> None:
    asking = write_scripted_model(tmp_path / "asking.gguf", ["yes"], template=SWITCHED)
    usual, nothing_said = await prompt_tokens(asking, think=None)
    assert (await prompt_tokens(asking, think=True)) == (usual, nothing_said)
    without, _ = await prompt_tokens(asking, think=False)
    assert usual is not None
    assert without is not None
    assert without > usual
    deaf = write_scripted_model(tmp_path / "deaf.gguf", ["yes"])
    _, said = await prompt_tokens(deaf, think=False)
    assert "parameter_left_out" in said


@pytest.mark.parametrize(
    ("pieces", "control"),
    [
        (["[THINK]", "Let me see.", "[/THINK]", "It is 4."], ("[THINK]", "[/THINK]")),
        (["<th", "ought>", "Let me see.", "</thou", "ght>\n\n", "It is 4."], ()),
        (["Let me ", "see.", "</think>", "It is 4."], ("</think>",)),
    ],
    ids=["control tokens", "cut tags", "closing tag alone"],
)
async def test_thinking_is_told_from_the_answer_of_a_model_here(
    tmp_path: Path, pieces: list[str], control: tuple[str, ...]
) -> None:
    path = write_scripted_model(tmp_path / "m.gguf", pieces, control=control)
    fold = RunFold(Run("run", LocalTarget(ModelFile(path, "m", 1, "here")), REQUEST, 0))
    async with local_engine(path) as (engine, _):
        answer = await run(engine, ask("Hi"))
    for event in answer.events:
        fold.add(event)
    run_now = fold.run
    assert (run_now.reasoning, run_now.text) == ("Let me see.", "It is 4.")
    assert (run_now.timings.first_answer_s or 0) > (run_now.timings.ttft_s or 0)
    assert (ThinkingEnded in map(type, answer.events)) is (pieces[0] == "Let me ")


@pytest.mark.parametrize("said", ["7", "Hm"], ids=["fits", "is masked"])
async def test_a_form_holds_for_the_answer_and_leaves_the_thinking_alone(
    tmp_path: Path, said: str
) -> None:
    pieces, control = ["[THINK]", "Let me see.", "[/THINK]", said], ("[THINK]", "[/THINK]")
    path = write_scripted_model(tmp_path / "m.gguf", pieces, control=control)
    async with local_engine(path) as (engine, _):
        answer = await run(engine, ask("Hi", schema='{"enum": [7]}'))
    assert (answer.reasoning, answer.text) == ("Let me see.", "7")


async def test_a_form_is_filled_in_without_thinking_where_nobody_chose(tmp_path: Path) -> None:
    path = write_scripted_model(tmp_path / "asking.gguf", ["7"], template=SWITCHED)
    without, _ = await prompt_tokens(path, think=False)
    async with local_engine(path) as (engine, _):
        formed = await run(engine, ask("Hi", schema='{"enum": [7]}'))
        chosen = await run(engine, ask("Hi", schema='{"enum": [7]}', think=True))
    assert formed.finished.usage.prompt_tokens == without
    assert formed.notices == ["thinking_left_out"]
    assert chosen.notices == []
