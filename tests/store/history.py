"""A comparison of two targets and its events, for tests of the history."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from playground.core.chat import ChatRequest, Message, Role, SamplingParams
from playground.core.events import (
    Alternative,
    Finished,
    RequestSent,
    StreamEvent,
    TextDelta,
    Token,
)
from playground.core.fold import RunFold
from playground.core.runs import (
    Comparison,
    HostContact,
    Provenance,
    Run,
    RunOrder,
    TokenUsage,
    Turn,
)
from playground.core.targets import (
    CloudTarget,
    LoadSettings,
    LocalTarget,
    ModelFile,
    Provider,
    Target,
    Tier,
)
from playground.store.history import ComparisonStore

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
INDIE = LocalTarget(
    ModelFile(Path("/models/smol.gguf"), "SmolLM2 135M", 94_000_000, "Starter", "llama", "Q4_1"),
    LoadSettings(context=2048),
)
STUDIO = CloudTarget(
    Provider(
        "acme", "Acme", "https://api.acme.example/v1", Tier.STUDIO, rejects=frozenset({"seed"})
    ),
    "gpt-large-2",
)


def answer_events(text: str, *, t_s: float = 0.1) -> list[StreamEvent]:
    """Return a whole stream that says `text` word by word."""
    events: list[StreamEvent] = [RequestSent(0.01, was_loaded=True)]
    words = text.split(" ")
    for index, word in enumerate(words):
        stamp = t_s * (index + 1)
        piece = word if index == len(words) - 1 else word + " "
        token = Token(piece, stamp, 0.5, (Alternative(piece, 0.5), Alternative("x", 0.25)))
        events.append(TextDelta(stamp, piece, (token,)))
    usage = TokenUsage(7, len(words), provenance=Provenance.MEASURED)
    hosts = (HostContact("api.acme.example", 120),)
    events.append(Finished(t_s * (len(words) + 1), usage, "stop", 0.05, hosts))
    return events


def waiting_run(name: str, target: Target, prompt: str = "hello") -> Run:
    """Return a run nobody has started."""
    request = ChatRequest((Message(Role.USER, prompt),), SamplingParams(seed=7, stop=("END",)))
    return Run(name, target, request, order=0)


def folded(run: Run, events: list[StreamEvent]) -> Run:
    """Return the run that the events amount to."""
    fold = RunFold(run)
    for event in events:
        fold.add(event)
    return fold.run


async def save(
    store: ComparisonStore,
    name: str,
    prompt: str,
    *,
    targets: tuple[Target, ...] = (INDIE, STUDIO),
    answers: tuple[str, ...] = ("A short answer", "A longer answer from afar"),
    hidden_names: bool = False,
    minutes: int = 0,
) -> Comparison:
    """Save a finished comparison of one turn and return it."""
    comparison = Comparison(name, targets, "Be brief.", created_at=START + timedelta(0, minutes))
    runs = [waiting_run(f"{name}-run{i}", target, prompt) for i, target in enumerate(targets)]
    turn = Turn(f"{name}-turn0", prompt, RunOrder.FAIR, tuple(runs), hidden_names, created_at=START)
    await store.save_comparison(comparison)
    await store.save_turn(name, turn)
    for run in runs:
        await store.save_run(turn.id, run)
    finished = []
    for run, text in zip(runs, answers, strict=True):
        events = answer_events(text)
        await store.append_events(run.id, events[:2])
        await store.append_events(run.id, events[2:])
        finished.append(folded(run, events))
        await store.save_run(turn.id, finished[-1])
    return replace(comparison, turns=(replace(turn, runs=tuple(finished)),))


@contextlib.contextmanager
def full_disk(allowed_bytes: int) -> Iterator[None]:
    """Let no file grow beyond `allowed_bytes` meanwhile, as a full disk would."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (allowed_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
