"""A comparison of two targets and its events, for tests of the history."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from playground.core.chat import ChatRequest, Message, Role, SamplingParams
from playground.core.evaluations import Evaluation
from playground.core.events import (
    Alternative,
    Finished,
    InputPrepared,
    RequestSent,
    StreamEvent,
    TextDelta,
    Token,
)
from playground.core.expected import Check, CheckKind
from playground.core.fold import RunFold
from playground.core.prompt_sets import Case, PromptSet
from playground.core.runs import (
    Comparison,
    HostContact,
    ModelInput,
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
from playground.store.evaluations import EvaluationStore
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


GIVEN = ModelInput(
    (("repeat_penalty", 1.0), ("temperature", 0.8)),
    7,
    "ab" * 32,
    prompt_ids=(-1, *range(77_000, 77_100)),
)
"""What a model was given."""


def answer_events(text: str, *, t_s: float = 0.1) -> list[StreamEvent]:
    """Return a whole stream that says `text` word by word."""
    events: list[StreamEvent] = [RequestSent(0.01, was_loaded=True), InputPrepared(0.02, GIVEN)]
    words = text.split(" ")
    for index, word in enumerate(words):
        stamp = t_s * (index + 1)
        piece = word if index == len(words) - 1 else word + " "
        others = (Alternative(piece, 0.5, index, piece.encode()), Alternative("x", 0.25))
        token = Token(piece, stamp, 0.5, others, index, piece.encode(), rank=1)
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


def rivers_evaluation(key: str = "0" * 31 + "1") -> Evaluation:
    """Return an evaluation of two cases on one target."""
    check = Check(CheckKind.CONTAINS, "Nile")
    cases = (Case("k1", "Name a river.", (check,)), Case("k2", "Name another.", (check,)))
    prompt_set = PromptSet("s1", "Rivers", cases, created_at=START)
    return Evaluation(key, prompt_set, (INDIE,), created_at=START)


async def save_evaluation(store: EvaluationStore, evaluation: Evaluation, answers: int = 1) -> None:
    """Save an evaluation with its set and the first of its answers."""
    await store.save_set(evaluation.prompt_set)
    await store.save(evaluation)
    for unit, case in zip(evaluation.units[:answers], evaluation.prompt_set.cases, strict=False):
        run = waiting_run(f"{evaluation.id}-{unit.case}", INDIE, case.prompt)
        await store.keep(evaluation, unit, case, folded(run, answer_events("The Nile")))


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


@contextlib.contextmanager
def few_handles(left: int) -> Iterator[None]:
    """Let so many more files be opened meanwhile, and no other."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken: list[int] = []
    probe = os.open(os.devnull, os.O_RDONLY)
    resource.setrlimit(resource.RLIMIT_NOFILE, (probe + 32, hard))
    try:
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        for _ in range(left):
            os.close(taken.pop())
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for handle in (probe, *taken):
            os.close(handle)


class SmallDisk:
    """A disk of its own that can be filled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self) -> None:
        """Leave no room."""
        handle = os.open(self.folder / "filling", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        with contextlib.suppress(OSError):
            while True:
                os.write(handle, bytes(4096))
        os.close(handle)

    def make_room(self) -> None:
        (self.folder / "filling").unlink()


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """A disk of 2 MiB at `folder`; a test is skipped where none can be mounted."""
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    mount = shutil.which("mount")
    if mount is None or subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here: that takes root's rights on Linux")
    try:
        yield SmallDisk(folder)
    finally:
        # a worker that is still ending may have a file open there
        subprocess.run(["umount", "-l", str(folder)], check=True)
