"""A provider that says one thing, and a terminal of any encoding."""

import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from playground.cli.main import main
from tests.servers.scripted_openai import ScriptedOpenAI, Stream, text

SAID = "Zürich 日本 👩‍🔬 ≈ ende"


@pytest.fixture
def cloud(playground_home: Path) -> Iterator[ScriptedOpenAI]:
    with ScriptedOpenAI() as server:
        server.script(Stream(text(SAID)))
        provider = {"id": "lab", "name": "Lab", "base_url": server.base_url}
        settings = json.dumps({"providers": [provider]})
        (playground_home / "settings.json").write_text(settings, encoding="utf-8")
        yield server


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, bytes, bytes]]:
    """Runs a command with streams of an encoding; returns its exit code and what it wrote."""

    def run(*words: str, encoding: str = "utf-8", typed: bytes = b"") -> tuple[int, bytes, bytes]:
        written = io.BytesIO(), io.BytesIO()
        streams = [io.TextIOWrapper(raw, encoding=encoding) for raw in written]
        monkeypatch.setattr(sys, "stdout", streams[0])
        monkeypatch.setattr(sys, "stderr", streams[1])
        monkeypatch.setattr(
            sys, "stdin", io.TextIOWrapper(io.BytesIO(typed), encoding=encoding, errors="strict")
        )
        code = main(["compare", "--target", "lab:m", *words])
        for stream in streams:
            stream.flush()
        return code, written[0].getvalue(), written[1].getvalue()

    return run
