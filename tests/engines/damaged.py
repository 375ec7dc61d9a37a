"""Gives files to real workers that no model should look like."""

from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from playground.core.chat import ChatRequest, Message, Role, SamplingParams
from playground.core.errors import ModelFileInvalid
from playground.core.events import Failed, Finished, StreamEvent
from playground.core.gguf.reader import read_header
from playground.core.targets import LoadSettings, LocalTarget, ModelFile
from playground.engines.llama.process import SilenceLimits
from playground.services.worker_pool import WorkerPool
from tests.fakes.planner import FixedPlanner

REQUEST = ChatRequest(
    (Message(Role.USER, "Hello"),), SamplingParams(temperature=0, seed=1, max_tokens=2)
)


@dataclass(frozen=True)
class Fate:
    """What became of a file: where it was stopped, and the sentence for it."""

    stage: str
    """`header`, `load` (refused by the worker), or `runs`."""
    kind: str
    message: str


def pool() -> WorkerPool:
    return WorkerPool(
        FixedPlanner(budget_bytes=8 << 30, ram_bytes=300 << 20),
        SilenceLimits(load_s=30, prompt_s=30, token_s=30),
    )


async def fate_of(path: Path, workers: WorkerPool) -> Fate:
    """Read the header, and where it can be read, load the file and ask for two tokens."""
    try:
        read_header(path)
    except ModelFileInvalid as error:
        return Fate("header", error.kind, error.message)
    model = ModelFile(path, path.name, 1, "test")
    target = LocalTarget(model, LoadSettings(context=512, threads=1))
    last: StreamEvent | None = None
    async with aclosing(workers.engine(target).stream(REQUEST)) as events:
        async for event in events:
            last = event
    await workers.unload(path)
    if isinstance(last, Failed):
        return Fate("load", last.error.kind, last.error.message)
    assert isinstance(last, Finished), f"{path.name}: the stream ended with {last}"
    return Fate("runs", "", "")
