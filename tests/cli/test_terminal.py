"""What reaches a terminal of texts that strangers wrote."""

import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from playground.cli import compare
from playground.cli.compare import _Printer
from playground.cli.main import build_parser, main, run_command
from playground.cli.terminal import harmless, tell
from playground.core.chat import ChatRequest
from playground.core.errors import StorageFailed
from playground.core.events import Finished, StreamEvent, TextDelta
from playground.core.fold import RunFold
from playground.core.runs import MachineLoad, Run, TokenUsage
from playground.core.targets import LocalTarget, ModelFile
from playground.services.comparison import ComparisonService, RunEnded, RunEvent, RunStarted
from playground.store.settings import Settings
from tests.core.gguf_files import Dense, write_dense


def test_an_answer_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    target = LocalTarget(ModelFile(Path("/m.gguf"), "m", 1, "Starter"))
    run = Run("r", target, ChatRequest(()), 0)
    printer = _Printer()
    printer.add(RunStarted(run))
    event = TextDelta(0.1, "one\x1b]52;c;aGk=\x07\ttwo\x9b2J\r\n– drei")
    printer.add(RunEvent("r", event, RunFold(run)))
    printer.add(RunEnded(run))
    printed = capsys.readouterr().out
    assert "one]52;c;aGk=\ttwo2J\n– drei" in printed
    assert not set(printed) & {"\x1b", "\x07", "\x9b", "\r"}


@pytest.mark.skipif(sys.platform == "win32", reason="files have no such names there")
def test_names_of_files_and_models_cannot_steer_the_terminal_and_are_one_line_each(
    playground_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = playground_home / "models"
    folder.mkdir(parents=True, exist_ok=True)
    names = (b"new\nline", b"half \xff\xfe", b"clear\x1b[2J", "turned \u202efugg".encode())
    paths = [folder / f"{os.fsdecode(name)}.gguf" for name in names]
    for path in paths:
        write_dense(path, "llama", Dense(layers=1), {"general.name": "Evil\x1b]0;title\x07\nname"})
    for words in (["models"], *(["models", "inspect", str(path)] for path in paths)):
        assert main(words) == 0
        printed = capsys.readouterr().out
        assert not set(printed) & {"\x1b", "\x07", "\u202e"}
        assert "Evil]0;title name" in printed
        lines = printed.splitlines()
        # the head and the starter model
        assert words != ["models"] or len(lines) == len(names) + 2
        assert all(line[:1].isalpha() for line in lines)


def test_every_script_passes() -> None:
    text = "Grüße, 世界, مرحبا, 👩‍🚀\n\tdone"
    assert harmless(text) == text


def test_an_error_is_one_line_whatever_a_provider_says(capsys: pytest.CaptureFixture[str]) -> None:
    tell("large: Far: it\nbroke\x1b[2J Try\nagain.")
    assert capsys.readouterr().err == "playground: large: Far: it broke[2J Try again.\n"


def test_a_command_that_fails_says_so_in_one_line(
    playground_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fail(_args: object) -> int:
        raise StorageFailed("Two\nlines.", "And\na hint.")

    monkeypatch.setattr("playground.cli.main._dispatch", fail)
    assert run_command(build_parser().parse_args(["monitor"])) == 1
    assert capsys.readouterr().err == "playground: Two lines. And a hint.\n"


def test_a_bug_is_one_line_here_and_the_whole_story_in_the_log(
    playground_home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail(_args: object) -> int:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr("playground.cli.main._dispatch", fail)
    assert run_command(build_parser().parse_args(["monitor"])) == 1
    said = capsys.readouterr().err
    assert "The program made a mistake (ZeroDivisionError)." in said
    assert said.count("\n") == 1
    assert "by nothing" in caplog.text


async def test_answers_are_printed_although_one_engine_has_a_bug(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Broken:
        async def stream(self, request: ChatRequest) -> AsyncIterator[TextDelta]:
            yield TextDelta(0.0, "half an answer")
            raise ZeroDivisionError

    class Here:
        async def find(self, name: str) -> ModelFile:
            return ModelFile(Path("/m.gguf"), name, 1, "Starter")

    class Nothing:
        settings = Settings()

    args = build_parser().parse_args(["compare", "--target", "local:m", "--prompt", "hi", "--json"])
    service = ComparisonService(lambda _target: Broken())  # type: ignore[arg-type,return-value]
    with pytest.raises(ZeroDivisionError):
        await compare.run(args, service, Here(), None, Nothing())  # type: ignore[arg-type]
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    assert (run["status"], run["text"]) == ("failed", "half an answer")


async def test_json_says_whether_a_run_had_the_machine_to_itself(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Done:
        async def stream(self, request: ChatRequest) -> AsyncIterator[StreamEvent]:
            yield TextDelta(0.0, "yes")
            load = MachineLoad(0.25, was_throttled=None)
            yield Finished(1.0, TokenUsage(), "stop", machine_load=load)

    class Here:
        async def find(self, name: str) -> ModelFile:
            return ModelFile(Path("/m.gguf"), name, 1, "Starter")

    class Nothing:
        settings = Settings()

    args = build_parser().parse_args(["compare", "--target", "local:m", "--prompt", "hi", "--json"])
    service = ComparisonService(lambda _target: Done())  # type: ignore[arg-type,return-value]
    await compare.run(args, service, Here(), None, Nothing())  # type: ignore[arg-type]
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    assert run["machine_load"] == {"other_cores": 0.25, "was_throttled": None, "is_quiet": False}
    assert run["shared_machine"] is False


@pytest.mark.parametrize(
    ("option", "value"),
    [("--per-day", "1" + "0" * 400), ("--per-day", "0"), ("--computer-usd", "1e300")],
)
def test_what_nobody_can_ask_or_pay_is_refused(
    option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args(["advise", option, value])
    assert "between" in capsys.readouterr().err
