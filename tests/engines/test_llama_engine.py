"""Answers of a local model, through a real worker."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from playground.core.events import LoadProgress, PromptProgress, ReasoningDelta, RequestSent
from playground.core.runs import Provenance
from playground.core.targets import FlashAttention, KvType
from playground.engines.llama.engine import LlamaEngine
from playground.engines.llama.process import LlamaWorker
from tests.engines.local_run import ask, local_engine, run
from tests.engines.scripted_model import CHATML, write_scripted_model


@pytest.fixture
async def starter(starter_model: Path) -> AsyncIterator[LlamaEngine]:
    async with local_engine(starter_model) as (engine, _):
        yield engine


@pytest.mark.asyncio(loop_scope="session")
async def test_an_answer_ends_with_counts_that_match_what_was_streamed(
    loaded: LlamaEngine,
) -> None:
    answer = await run(loaded, ask("Say hello.", max_tokens=12))
    usage = answer.finished.usage
    assert answer.text.strip()
    assert answer.finished.finish_reason == "length"
    assert usage.completion_tokens == len(answer.tokens) == 12
    assert usage.processed_tokens == usage.prompt_tokens
    assert usage.cached_tokens == 0
    assert usage.provenance is Provenance.MEASURED
    assert answer.finished.hosts == ()
    assert answer.finished.prompt_s is not None
    assert "".join(token.text for token in answer.tokens) == answer.text


async def test_events_come_in_their_order_and_time_only_moves_forward(
    starter: LlamaEngine,
) -> None:
    answer = await run(starter, ask("Say hello."))
    stamps = [event.t_s for event in answer.events if not isinstance(event, RequestSent)]
    assert stamps == sorted(stamps)
    assert isinstance(answer.events[0], LoadProgress)
    assert answer.sent.was_loaded is False
    assert answer.sent.load_s is not None
    progress = [event for event in answer.events if isinstance(event, PromptProgress)]
    assert progress[-1].processed == progress[-1].total == answer.finished.usage.prompt_tokens
    assert answer.tokens[0].t_s > answer.sent.t_s
    token_stamps = [token.t_s for token in answer.tokens]
    assert token_stamps == sorted(set(token_stamps))


async def test_a_loaded_model_is_not_loaded_again(starter: LlamaEngine) -> None:
    await run(starter, ask("Say hello."))
    again = await run(starter, ask("Say hello."))
    assert again.sent.was_loaded is True
    assert again.sent.load_s is None
    assert not any(isinstance(event, LoadProgress) for event in again.events)


@pytest.mark.asyncio(loop_scope="session")
async def test_the_seed_decides_what_is_said(loaded: LlamaEngine) -> None:
    texts = [
        (await run(loaded, ask("Tell a story.", temperature=1.5, seed=seed))).text
        for seed in (7, 7, 8)
    ]
    assert texts[0] == texts[1] != texts[2]


@pytest.mark.asyncio(loop_scope="session")
async def test_temperature_zero_says_the_same_whatever_the_seed(loaded: LlamaEngine) -> None:
    texts = {(await run(loaded, ask("Tell a story.", seed=seed))).text for seed in (1, 2, 3)}
    assert len(texts) == 1


@pytest.mark.asyncio(loop_scope="session")
async def test_sampling_parameters_reach_the_sampler(loaded: LlamaEngine) -> None:
    greedy = (await run(loaded, ask("Count: one two one two", max_tokens=40))).text
    narrow = ask("Count: one two one two", max_tokens=40, temperature=5.0, top_k=1, seed=3)
    assert (await run(loaded, narrow)).text == greedy
    narrow = ask("Count: one two one two", max_tokens=40, temperature=5.0, min_p=1.0, seed=3)
    assert (await run(loaded, narrow)).text == greedy
    narrow = ask("Count: one two one two", max_tokens=40, temperature=5.0, top_p=0.0, seed=3)
    assert (await run(loaded, narrow)).text == greedy
    varied = ask("Count: one two one two", max_tokens=40, repeat_penalty=1.8)
    assert (await run(loaded, varied)).text != greedy


@pytest.mark.asyncio(loop_scope="session")
async def test_the_same_request_twice_processes_the_same_prompt(loaded: LlamaEngine) -> None:
    request = ask("What is the capital of France?")
    first, second = await run(loaded, request), await run(loaded, request)
    assert first.finished.usage == second.finished.usage
    assert first.text == second.text


@pytest.mark.asyncio(loop_scope="session")
async def test_a_follow_up_keeps_what_was_processed(loaded: LlamaEngine) -> None:
    first = await run(loaded, ask("What is the capital of France?"))
    request = ask("What is the capital of France?", first.text, "And of Italy?", keep_cache=True)
    kept = (await run(loaded, request)).finished.usage
    assert kept.cached_tokens is not None
    assert kept.processed_tokens is not None
    assert kept.prompt_tokens == kept.cached_tokens + kept.processed_tokens
    assert kept.cached_tokens >= (first.finished.usage.prompt_tokens or 0)
    fresh = await run(loaded, ask("What is the capital of France?", first.text, "And of Italy?"))
    assert fresh.finished.usage.cached_tokens == 0


@pytest.mark.asyncio(loop_scope="session")
async def test_an_answer_with_kept_tokens_is_the_answer_without(loaded: LlamaEngine) -> None:
    first = await run(loaded, ask("Name a fruit."))
    follow_up = ("Name a fruit.", first.text, "Name another one.")
    kept = await run(loaded, ask(*follow_up, keep_cache=True))
    fresh = await run(loaded, ask(*follow_up))
    assert kept.text == fresh.text


@pytest.mark.asyncio(loop_scope="session")
async def test_a_prompt_longer_than_the_context_fails_with_the_numbers(
    loaded: LlamaEngine,
) -> None:
    answer = await run(loaded, ask("word " * 3000))
    assert answer.failed.error.kind == "ContextOverflow"
    assert "3,0" in answer.failed.error.message
    assert "2,048" in answer.failed.error.message
    assert not any(isinstance(event, PromptProgress) for event in answer.events)
    assert (await run(loaded, ask("Say hello."))).finished


async def test_an_answer_ends_where_the_context_is_full(tmp_path: Path) -> None:
    model = write_scripted_model(tmp_path / "model.gguf", ["again"], ends=False)
    async with local_engine(model, context=256) as (engine, _):
        answer = await run(engine, ask("Write a very long story.", max_tokens=None, min_p=0.0))
    usage = answer.finished.usage
    assert answer.finished.finish_reason == "length"
    assert (usage.prompt_tokens or 0) + (usage.completion_tokens or 0) == 256


@pytest.mark.parametrize("kv_type", [KvType.Q8_0, KvType.Q4_0])
async def test_a_compressed_conversation_memory_answers_as_well(
    starter_model: Path, kv_type: KvType
) -> None:
    async with local_engine(starter_model, kv_type=kv_type, flash_attention=FlashAttention.ON) as (
        engine,
        _,
    ):
        assert (await run(engine, ask("Say hello."))).text


@pytest.mark.asyncio(loop_scope="session")
async def test_what_a_person_types_is_never_a_control_token(loaded: LlamaEngine) -> None:
    async def size(text: str) -> int:
        return (await run(loaded, ask(text, max_tokens=1))).finished.usage.prompt_tokens or 0

    plain = await size("Hello there")
    assert await size("Hello<|im_end|> there") >= plain + 4
    # beside it in the same conversation, the template's own tokens stay what they are
    assert (await run(loaded, ask("What does <|im_end|> mean?"))).finished


async def test_a_second_stream_waits_for_its_turn(starter: LlamaEngine) -> None:
    import asyncio

    answers = await asyncio.gather(*(run(starter, ask("Say hello.")) for _ in range(3)))
    assert len({answer.text for answer in answers}) == 1


@pytest.mark.parametrize(
    "text",
    ["😀👩‍👩‍👧", "नमस्ते दुनिया", "世界你好", "\t" * 60, "x" * 700, "שלום"],
)
async def test_any_script_and_any_length_of_token_comes_out_whole(
    tmp_path: Path, text: str
) -> None:
    model = write_scripted_model(tmp_path / "model.gguf", ["Say ", text, " done"])
    async with local_engine(model) as (engine, _):
        assert (await run(engine, ask("?"))).text == f"Say {text} done"


async def test_a_character_made_of_four_tokens_is_one_character(tmp_path: Path) -> None:
    model = write_scripted_model(tmp_path / "model.gguf", ["a", *"😀".encode(), "b"])
    async with local_engine(model) as (engine, _):
        answer = await run(engine, ask("?"))
    assert [token.text for token in answer.tokens] == ["a", "", "", "", "😀", "b"]
    assert answer.finished.finish_reason == "stop"


async def test_a_stop_string_across_tokens_ends_the_answer(tmp_path: Path) -> None:
    model = write_scripted_model(tmp_path / "model.gguf", ["one", " ST", "O", "P two"])
    async with local_engine(model) as (engine, _):
        answer = await run(engine, ask("?", stop=("STOP",)))
    assert answer.text == "one "
    assert answer.finished.finish_reason == "stop"
    assert answer.finished.usage.completion_tokens == len(answer.tokens) == 4


async def test_reasoning_is_kept_apart(tmp_path: Path) -> None:
    script = ["<th", "ink>", "hm", ", 4", "</", "think", ">", "\n\nFour", "."]
    model = write_scripted_model(tmp_path / "model.gguf", script)
    async with local_engine(model) as (engine, _):
        answer = await run(engine, ask("?"))
    assert (answer.reasoning, answer.text) == ("hm, 4", "Four.")
    assert len(answer.tokens) == len(script)
    reasoned = sum(len(e.tokens) for e in answer.events if isinstance(e, ReasoningDelta))
    assert answer.finished.usage.reasoning_tokens == reasoned == 7


async def test_reasoning_that_the_template_opens_is_kept_apart(tmp_path: Path) -> None:
    template = CHATML.replace("assistant\n", "assistant\n<think>\n")
    model = write_scripted_model(
        tmp_path / "model.gguf", ["hm", "</think>", "Four"], template=template
    )
    async with local_engine(model) as (engine, _):
        answer = await run(engine, ask("?"))
    assert (answer.reasoning, answer.text) == ("hm", "Four")


async def test_a_model_without_a_template_continues_the_text_and_says_so(tmp_path: Path) -> None:
    model = write_scripted_model(tmp_path / "model.gguf", ["and", " on"], template=None)
    async with local_engine(model) as (engine, _):
        answer = await run(engine, ask("On"))
    assert answer.notices == ["no_template"]
    assert answer.text == "and on"


async def test_a_template_that_refuses_the_conversation_is_a_named_error(tmp_path: Path) -> None:
    template = "{{ raise_exception('roles must alternate') }}"
    model = write_scripted_model(tmp_path / "model.gguf", ["x"], template=template)
    async with local_engine(model) as (engine, worker):
        answer = await run(engine, ask("?"))
        assert answer.failed.error.kind == "TemplateFailed"
        assert "roles must alternate" in answer.failed.error.message
        assert worker.is_loaded


async def test_an_empty_answer_is_a_finished_one(tmp_path: Path) -> None:
    model = write_scripted_model(tmp_path / "model.gguf", ["x"])
    async with local_engine(model) as (engine, _):
        answer = await run(engine, ask("?", max_tokens=0))
    assert answer.finished.usage.completion_tokens == 0
    assert answer.text == ""


async def test_a_worker_is_shown_as_what_it_does(starter_model: Path) -> None:
    async with local_engine(starter_model) as (engine, worker):
        assert (worker.state, worker.pid) == ("unloaded", None)
        seen = set()
        async for _ in engine.stream(ask("Say hello.")):
            seen.add(str(worker.state))
        assert {"loading", "busy"} <= seen
        assert worker.state == "ready"
        await _closed(worker)


async def _closed(worker: LlamaWorker) -> None:
    await worker.close()
    assert (str(worker.state), worker.pid) == ("unloaded", None)
