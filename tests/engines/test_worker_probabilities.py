"""Probabilities of tokens, against llama.cpp's own logits."""

import math
from pathlib import Path

import numpy as np
import pytest

from playground.core.codec import text_to_bytes
from playground.core.errors import PlaygroundError
from playground.engines.llama.engine import LlamaEngine
from playground.engines.worker.log import LogLines, explain
from playground.engines.worker.model import load_model, set_fields
from playground.engines.worker.prompt import Pieces, PromptRenderer
from playground.engines.worker.sampling import Logits, Probabilities
from tests.engines.local_run import ask, order, run


@pytest.mark.asyncio(loop_scope="session")
async def test_probabilities_are_those_of_the_model_before_any_sampler(
    loaded: LlamaEngine,
) -> None:
    greedy = await run(loaded, ask("The sky is", logprobs=5))
    warped = await run(
        loaded, ask("The sky is", logprobs=5, temperature=0.1, top_k=1, max_tokens=1)
    )
    plain = await run(loaded, ask("The sky is"))
    for token in greedy.tokens:
        probabilities = [a.probability for a in token.alternatives]
        assert len(probabilities) == 5
        assert probabilities == sorted(probabilities, reverse=True)
        assert 0 < sum(probabilities) <= 1
        assert token.probability == probabilities[0]
    assert warped.tokens[0].alternatives == greedy.tokens[0].alternatives
    assert greedy.text == plain.text
    assert all(t.probability is None and t.alternatives == () for t in plain.tokens)


@pytest.mark.asyncio(loop_scope="session")
async def test_a_token_that_was_not_the_likeliest_has_its_own_probability(
    loaded: LlamaEngine,
) -> None:
    answer = await run(
        loaded, ask("Tell a story.", logprobs=20, temperature=3.0, top_k=20, top_p=1.0)
    )
    odd = [t for t in answer.tokens if t.text and t.text != t.alternatives[0].text]
    assert odd
    for token in odd:
        assert token.probability is not None
        assert token.probability < token.alternatives[0].probability


@pytest.mark.asyncio(loop_scope="session")
async def test_no_alternatives_leaves_the_probability(loaded: LlamaEngine) -> None:
    answer = await run(loaded, ask("The sky is", logprobs=0))
    assert all(t.probability is not None and t.alternatives == () for t in answer.tokens)


def test_the_row_equals_a_softmax_of_all_logits(starter_model: Path) -> None:
    import llama_cpp.llama_cpp as api

    log = LogLines()
    log.install()
    loaded = load_model(order(starter_model), log, lambda _: None, lambda: False)
    try:
        tokens = PromptRenderer(loaded).tokens_of("The capital of France is", special=False)
        batch = (api.llama_token * len(tokens))(*tokens)
        assert api.llama_decode(loaded.context, api.llama_batch_get_one(batch, len(tokens))) == 0
        pieces = Pieces(loaded)
        pointer = api.llama_get_logits_ith(loaded.context, -1)
        logits = np.array(pointer[: loaded.vocabulary_size], np.float64)
        softmax = np.exp(logits - logits.max())
        softmax /= softmax.sum()
        order_of_all = np.argsort(-softmax)
        for count in (1, 5, 20):
            chosen = int(order_of_all[3])
            _, _, token, raw, probability, rank, alternatives = Probabilities(
                loaded, Logits(loaded), pieces, count
            ).row(chosen, 0.0)
            assert math.isclose(probability, softmax[chosen], rel_tol=1e-4)
            assert (token, text_to_bytes(raw), rank) == (chosen, pieces[chosen], 4)
            assert [number for number, _, _ in alternatives] == order_of_all[:count].tolist()
            assert np.allclose([p for _, _, p in alternatives], softmax[order_of_all[:count]])
    finally:
        loaded.close()


def test_a_parameter_that_llama_cpp_does_not_have_is_refused() -> None:
    import llama_cpp.llama_cpp as api

    with pytest.raises(AttributeError, match="use_mmap"):
        set_fields(api.llama_model_default_params(), use_mmap=True)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("ggml_backend_cpu_buffer_type_alloc_buffer: failed to allocate buffer of", "OutOfMemory"),
        (
            "llama_model_load: error loading model: unknown model architecture: 'x'",
            "ModelUnsupported",
        ),
        ("error loading model vocabulary: unknown pre-tokenizer type: 'new'", "ModelUnsupported"),
        ("gguf_init_from_file_impl: invalid magic characters: 'xxxx'", "ModelFileInvalid"),
        ("something new", "ModelLoadFailed"),
    ],
)
def test_llama_cpps_last_words_become_a_sentence(line: str, kind: str) -> None:
    error: PlaygroundError = explain(("earlier", line), "It could not be loaded.")
    assert error.kind == kind
    assert line in error.hint
    assert line not in error.message
