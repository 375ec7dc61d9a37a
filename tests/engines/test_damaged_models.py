"""Damaged files reach a real worker: each gets a reason or an answer, and the program lives."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from playground.core.errors import ModelFileInvalid
from playground.core.gguf.reader import read_header
from playground.services.worker_pool import WorkerPool
from tests.core.gguf_files import damaged_copies, single_field_edits
from tests.engines.damaged import fate_of, pool

COPIES = 100
READ_EVERY, LOAD_EVERY = 8, 4
"""One in so many edits is read here, and one in so many of those loaded; the bench takes all."""


@pytest.fixture
async def workers() -> AsyncIterator[WorkerPool]:
    running = pool()
    yield running
    await running.close()


@pytest.mark.timeout(300)
async def test_damaged_copies_each_get_a_reason_or_an_answer(
    starter_model: Path, tmp_path: Path, workers: WorkerPool
) -> None:
    fates = [
        await fate_of(path, workers) for _, path in damaged_copies(starter_model, tmp_path, COPIES)
    ]
    assert len(fates) == COPIES
    assert {fate.stage for fate in fates} >= {"header", "load"}
    for fate in fates:
        assert (fate.stage == "runs") == (fate.message == "")
    assert workers.loaded() == ()


@pytest.mark.timeout(300)
async def test_edited_headers_that_can_be_read_do_not_take_the_program_down(
    starter_model: Path, tmp_path: Path, workers: WorkerPool
) -> None:
    readable = 0
    for number, (_, path) in enumerate(single_field_edits(starter_model, tmp_path, tensors=1)):
        if number % READ_EVERY:
            continue
        try:
            read_header(path)
        except ModelFileInvalid:
            continue
        readable += 1
        if readable % LOAD_EVERY == 0:
            fate = await fate_of(path, workers)
            assert (fate.stage == "runs") == (fate.message == "")
    assert readable > LOAD_EVERY
