"""Workers that crash, hang, are killed or lose their parent; files that cannot be loaded."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from contextlib import aclosing
from pathlib import Path

import psutil
import pytest

from playground.core.events import Failed, TextDelta
from playground.engines.child_process import worker_environment
from playground.engines.llama.process import SilenceLimits
from tests.engines.local_run import ask, local_engine, run
from tests.engines.scripted_model import write_scripted_model

ROOT = Path(__file__).parents[2]


async def test_a_killed_worker_ends_its_run_and_the_next_one_works(starter_model: Path) -> None:
    async with local_engine(starter_model) as (engine, worker):
        text, last = "", None
        async with aclosing(engine.stream(ask("Tell a story.", max_tokens=1500))) as events:
            async for event in events:
                last = event
                if isinstance(event, TextDelta):
                    text += event.text
                    if worker.pid is not None and len(text) > 20:
                        os.kill(worker.pid, signal.SIGKILL)
        assert isinstance(last, Failed)
        assert last.error.kind == "WorkerCrashed"
        assert "SIGKILL" in last.error.message
        assert len(text) > 20
        again = await run(engine, ask("Say hello."))
        assert again.finished
        assert again.sent.was_loaded is False


async def test_a_worker_that_died_unnoticed_costs_a_load_and_no_error(
    starter_model: Path,
) -> None:
    async with local_engine(starter_model) as (engine, worker):
        await run(engine, ask("Say hello."))
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)
        answer = await run(engine, ask("Say hello."))
        assert answer.finished
        assert answer.sent.was_loaded is False


async def test_a_worker_that_hangs_is_ended(starter_model: Path) -> None:
    limits = SilenceLimits(token_s=0.5, prompt_s=5.0)
    async with local_engine(starter_model, limits=limits) as (engine, worker):
        last = None
        async with aclosing(engine.stream(ask("Tell a story.", max_tokens=1500))) as events:
            async for event in events:
                if isinstance(event, TextDelta) and not isinstance(last, TextDelta):
                    assert worker.pid is not None
                    os.kill(worker.pid, signal.SIGSTOP)
                last = event
        assert isinstance(last, Failed)
        assert last.error.kind == "WorkerCrashed"
        assert "0.5 seconds" in last.error.message
        assert (await run(engine, ask("Say hello."))).finished


async def test_a_worker_that_does_not_confirm_a_stop_is_ended(starter_model: Path) -> None:
    async with local_engine(starter_model, limits=SilenceLimits(stop_s=0.3)) as (engine, worker):
        async with aclosing(engine.stream(ask("Tell a story.", max_tokens=1500))) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    break
            hung = worker.pid
            assert hung is not None
            os.kill(hung, signal.SIGSTOP)
        assert (await run(engine, ask("Say hello."))).finished
        assert worker.pid != hung
        assert not psutil.pid_exists(hung)


async def test_a_template_that_never_ends_fails(tmp_path: Path) -> None:
    endless = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    model = write_scripted_model(tmp_path / "model.gguf", ["x"], template=endless)
    async with local_engine(model, limits=SilenceLimits(template_s=0.5)) as (engine, _):
        assert (await run(engine, ask("?"))).failed.error.kind == "TemplateFailed"


PARENT = """
import asyncio, subprocess, sys
from pathlib import Path
from tests.engines.local_run import ask, local_engine

async def main():
    async with local_engine(Path(sys.argv[1])) as (engine, worker):
        async for event in engine.stream(ask("Tell a story.", max_tokens=2000)):
            if type(event).__name__ == "TextDelta":
                break
        holder = 0
        if sys.argv[2] == "held":
            pipe = worker._process.stdin.get_extra_info("pipe").fileno()
            holder = subprocess.Popen(["sleep", "60"], pass_fds=[pipe], stdout=-3).pid
        print(worker.pid, holder, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.parametrize(
    "pipe",
    [
        "closed",
        pytest.param(
            "held", marks=pytest.mark.skipif(sys.platform != "linux", reason="PDEATHSIG is Linux's")
        ),
    ],
)
def test_a_worker_does_not_outlive_a_killed_parent(starter_model: Path, pipe: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(starter_model), pipe],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as parent:
        assert parent.stdout is not None
        worker, holder = map(int, parent.stdout.readline().split())
        child = psutil.Process(worker)
        parent.kill()
        parent.wait()
    try:
        psutil.wait_procs([child], timeout=10)
        assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    finally:
        if holder:
            os.kill(holder, signal.SIGKILL)


async def test_a_worker_that_loses_its_pipe_ends(starter_model: Path) -> None:
    async with local_engine(starter_model) as (engine, worker):
        await run(engine, ask("Say hello."))
        child = psutil.Process(worker.pid)
        assert worker._process is not None
        assert worker._process.stdin is not None
        worker._process.stdin.close()
        assert await asyncio.to_thread(psutil.wait_procs, [child], 10) == ([child], [])


async def test_a_worker_has_no_keys_in_its_environment(
    starter_model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    names = ["OPENAI_API_KEY", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "PYTHON_KEYRING_PASSWORD"]
    for name in [*names, "MY_PROVIDER"]:
        monkeypatch.setenv(name, "sk-planted-4711")
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path))
    async with local_engine(starter_model) as (engine, worker):
        await run(engine, ask("Say hello."))
        environment = psutil.Process(worker.pid).environ()
        command = psutil.Process(worker.pid).cmdline()
    assert "sk-planted-4711" not in str(environment)
    assert environment["PLAYGROUND_HOME"] == str(tmp_path)
    assert "--worker" in command


def test_what_a_graphics_card_needs_is_passed_on() -> None:
    given = {"CUDA_VISIBLE_DEVICES": "1", "GGML_VK_VISIBLE_DEVICES": "0", "OMP_NUM_THREADS": "2"}
    assert given.items() <= worker_environment(given).items()


def damaged_copy(model: Path, path: Path, damage: str) -> Path:
    """Return `path`, holding what `damage` leaves of `model`."""
    whole = bytearray(model.read_bytes())
    if damage == "empty":
        whole = bytearray()
    elif damage == "text":
        whole = bytearray(b"This is not a model." * 100)
    elif damage == "cut":
        del whole[len(whole) // 2 :]
    elif damage == "header":
        whole[8:24] = b"\xff" * 16
    elif damage == "layers":
        place = whole.index(b"llama.block_count") + len(b"llama.block_count") + 4
        whole[place : place + 4] = (600).to_bytes(4, "little")
    if damage != "missing":
        path.write_bytes(whole)
    return path


@pytest.mark.parametrize("damage", ["missing", "empty", "text", "cut", "header"])
async def test_a_damaged_file_is_told_in_a_sentence(
    starter_model: Path, tmp_path: Path, damage: str
) -> None:
    path = damaged_copy(starter_model, tmp_path / "model.gguf", damage)
    async with local_engine(path) as (engine, worker):
        error = (await run(engine, ask("?"))).failed.error
        assert worker.pid is None
    assert error.kind in {"ModelLoadFailed", "ModelFileInvalid"}
    assert error.message.endswith(".")
    assert error.hint


async def test_a_file_that_kills_the_loader_ends_only_its_run(
    starter_model: Path, tmp_path: Path
) -> None:
    path = damaged_copy(starter_model, tmp_path / "model.gguf", "layers")
    async with local_engine(path) as (engine, _):
        error = (await run(engine, ask("?"))).failed.error
    assert error.kind in {"WorkerCrashed", "ModelLoadFailed", "ModelFileInvalid"}


def write(path: Path, content: bytes) -> Path:
    """Return `path` with `content` in it."""
    path.write_bytes(content)
    return path


async def test_randomly_damaged_files_each_get_a_reason(tmp_path: Path) -> None:
    whole = write_scripted_model(tmp_path / "whole.gguf", ["a", "b"]).read_bytes()
    chance = random.Random(4711)
    for number in range(6):
        damaged = bytearray(whole)
        for _ in range(8):
            damaged[chance.randrange(4000)] = chance.randrange(256)
        path = write(tmp_path / f"{number}.gguf", damaged)
        async with local_engine(path, limits=SilenceLimits(load_s=20, token_s=20)) as (engine, _):
            last = (await run(engine, ask("?"))).events[-1]
        assert not isinstance(last, Failed) or last.error.message


async def test_too_large_a_context_is_a_lack_of_memory(starter_model: Path) -> None:
    async with local_engine(starter_model, context=2**23) as (engine, _):
        error = (await run(engine, ask("?"))).failed.error
    assert error.kind == "OutOfMemory"
