"""Runs from a few words, for tests of what is made of them."""

from collections.abc import Iterable
from pathlib import Path

from playground.core.chat import ChatRequest, Message, Role
from playground.core.events import StreamEvent, TextDelta, Token
from playground.core.fold import RunFold
from playground.core.runs import Run
from playground.core.targets import CloudTarget, LocalTarget, ModelFile, Provider

LOCAL = LocalTarget(ModelFile(Path("/m.gguf"), "m", 1, "Starter"))
CLOUD = CloudTarget(Provider("acme", "Acme", "https://acme.example/v1"), "large")
REQUEST = ChatRequest((Message(Role.USER, "x" * 40),))


def local_run() -> Run:
    """Return a waiting run of a model on this computer."""
    return Run("r", LOCAL, REQUEST, order=0)


def cloud_run() -> Run:
    """Return a waiting run of a provider's model; its prompt has 40 characters."""
    return Run("r", CLOUD, REQUEST, order=0)


def fold(run: Run, events: Iterable[StreamEvent]) -> Run:
    """Return what the events make of the run."""
    folding = RunFold(run)
    for event in events:
        folding.add(event)
    return folding.run


def token(t_s: float, text: str) -> TextDelta:
    """Return one sampled token, as a worker reports it."""
    return TextDelta(t_s, text, (Token(text, t_s),))
