"""What a local model was really given, and the ids and bytes of what it wrote."""

import hashlib
from contextlib import aclosing
from pathlib import Path

import gguf
import pytest

from playground.core.events import InputPrepared, PromptProgress
from playground.core.runs import NO_TEMPLATE_SHA256, ModelInput
from playground.engines.llama.engine import LlamaEngine
from playground.engines.worker.log import LogLines
from playground.engines.worker.model import LoadedModel, load_model
from playground.engines.worker.prompt import Pieces
from playground.engines.worker.sampling import Logits
from tests.engines.local_run import Answer, ask, local_engine, order, run
from tests.engines.scripted_model import CHATML, write_scripted_model

QUESTION = "Which colour has the sky? 🌤"


def given(answer: Answer) -> ModelInput:
    (event,) = [event for event in answer.events if isinstance(event, InputPrepared)]
    return event.model_input


def next_token(loaded: LoadedModel, ids: tuple[int, ...]) -> int:
    """Return the most probable token after `ids`."""
    import llama_cpp.llama_cpp as api

    batch = (api.llama_token * len(ids))(*ids)
    assert api.llama_decode(loaded.context, api.llama_batch_get_one(batch, len(ids))) == 0
    return int(Logits(loaded).row().argmax())


@pytest.mark.asyncio(loop_scope="session")
async def test_the_ids_of_prompt_and_answer_are_the_bytes_of_both_and_lead_to_it_again(
    loaded: LlamaEngine, starter_model: Path
) -> None:
    answer = await run(loaded, ask(QUESTION))
    ids = given(answer).prompt_ids
    assert len(ids) == answer.finished.usage.prompt_tokens
    log = LogLines()
    log.install()
    model = load_model(order(starter_model), log, lambda _: None, lambda: False)
    try:
        pieces = Pieces(model)
        assert QUESTION.encode() in b"".join(pieces[number] for number in ids)
        written = [token.id for token in answer.tokens if token.id is not None]
        assert len(written) == len(answer.tokens)
        assert b"".join(pieces[number] for number in written) == answer.text.encode()
        assert [pieces[number] for number in written] == [token.raw for token in answer.tokens]
        assert next_token(model, ids) == written[0]
    finally:
        model.close()


async def test_the_bytes_of_a_character_made_of_four_tokens_join_to_it(tmp_path: Path) -> None:
    model = write_scripted_model(tmp_path / "model.gguf", ["a", *"😀".encode(), "b"])
    async with local_engine(model) as (engine, _):
        answer = await run(engine, ask("?", logprobs=1))
    raws = [token.raw for token in answer.tokens]
    assert raws == [b"a", *(bytes([each]) for each in "😀".encode()), b"b"]
    assert b"".join(raw for raw in raws if raw is not None).decode() == answer.text == "a😀b"
    assert [(t.rank, t.alternatives[0].id, t.alternatives[0].raw) for t in answer.tokens] == [
        (1, token.id, token.raw) for token in answer.tokens
    ]


@pytest.mark.asyncio(loop_scope="session")
async def test_settings_are_told_with_their_defaults_in_the_order_in_which_they_act(
    loaded: LlamaEngine,
) -> None:
    usual = given(await run(loaded, ask("Hi", temperature=None, seed=9, max_tokens=1)))
    assert usual.settings == (
        ("repeat_penalty", 1.0),
        ("top_k", 40),
        ("top_p", 0.95),
        ("min_p", 0.05),
        ("temperature", 0.8),
    )
    assert usual.seed == 9
    drawn = given(await run(loaded, ask("Hi", temperature=1.0, seed=None, max_tokens=1)))
    assert drawn.seed is not None
    # the others are not looked at
    greedy = given(await run(loaded, ask("Hi", top_k=3, repeat_penalty=1.5, max_tokens=1)))
    assert greedy.settings == (("repeat_penalty", 1.5), ("repeat_last_n", 64), ("temperature", 0.0))


@pytest.mark.asyncio(loop_scope="session")
async def test_the_chat_format_is_told_by_the_hash_of_its_text_in_the_file(
    loaded: LlamaEngine, starter_model: Path
) -> None:
    field = gguf.GGUFReader(starter_model).fields["tokenizer.chat_template"]
    expected = hashlib.sha256(field.contents().encode()).hexdigest()
    assert given(await run(loaded, ask("Hi", max_tokens=1))).template_sha256 == expected


@pytest.mark.parametrize("template", [None, " \n"])
async def test_a_model_without_a_chat_format_has_no_hash(
    tmp_path: Path, template: str | None
) -> None:
    model = write_scripted_model(tmp_path / "model.gguf", ["x"], template=template)
    async with local_engine(model) as (engine, _):
        assert given(await run(engine, ask("?"))).template_sha256 == NO_TEMPLATE_SHA256


async def test_the_input_is_known_before_any_of_it_is_read(tmp_path: Path) -> None:
    model = write_scripted_model(tmp_path / "model.gguf", ["x"], template=CHATML)
    async with local_engine(model) as (engine, _), aclosing(engine.stream(ask("?"))) as events:
        async for event in events:
            assert not isinstance(event, PromptProgress)
            if isinstance(event, InputPrepared):
                break
    assert event.model_input.prompt_ids
