"""The practice cloud: a real server around the starter model, on this computer."""

import asyncio
import json
import os
import signal
import socket
import sys
import textwrap
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

import playground
from playground.core.chat import ChatRequest, Message, Role, SamplingParams
from playground.core.errors import NotAvailable, UsageError
from playground.core.events import Failed, Finished, LoadProgress, RequestSent, TextDelta
from playground.core.fold import RunFold
from playground.core.metrics import figures
from playground.core.runs import Provenance, Run
from playground.core.targets import PRACTICE_MODEL, CloudTarget, Provider
from playground.engines.child_process import child_command, worker_environment
from playground.services.providers.practice import (
    PRACTICE_NAME,
    PracticeCloud,
    PracticeState,
    PracticeStatus,
)
from playground.services.providers.prices import PriceService
from playground.services.providers.service import ProviderService
from playground.store.secrets import SecretStore
from playground.store.settings import SettingsStore

PROMPT = ChatRequest(
    (Message(Role.USER, "Say something about the sea."),), SamplingParams(max_tokens=8, seed=1)
)


@pytest.fixture
async def practice(starter_model: Path) -> AsyncIterator[PracticeCloud]:
    cloud = PracticeCloud(lambda: starter_model)
    yield cloud
    await cloud.stop()


@pytest.fixture
def providers(practice: PracticeCloud, tmp_path: Path) -> ProviderService:
    settings = SettingsStore(tmp_path / "s.json")
    return ProviderService(settings, SecretStore({}), practice, PriceService(settings))


async def ask(
    providers: ProviderService, provider: Provider, request: ChatRequest = PROMPT
) -> list:
    engine = providers.engine(CloudTarget(provider, PRACTICE_MODEL))
    return [event async for event in engine.stream(request)]


async def raw(port: int, request: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request.replace("\n", "\r\n").encode())
    await writer.drain()
    head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return head.decode().lower()


def port_of(provider: Provider) -> int:
    return int(provider.base_url.rsplit(":", 1)[1].split("/")[0])


async def gone(pid: int) -> None:
    """Wait until a process has ended; the suite's own time limit is the limit."""

    def wait() -> None:
        with suppress(psutil.NoSuchProcess):
            while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                time.sleep(0.02)

    await asyncio.to_thread(wait)


@pytest.mark.model
async def test_it_holds_to_a_form(providers):
    """llama_cpp.server refuses `json_schema` with 500 and takes the schema with `json_object`."""
    schema = json.dumps(
        {
            "type": "object",
            "properties": {"sea": {"enum": ["wet", "dry"]}},
            "required": ["sea"],
            "additionalProperties": False,
        }
    )
    sampling = SamplingParams(max_tokens=24, seed=1, temperature=0.0, schema=schema)
    events = await ask(
        providers, await providers.start_practice(), ChatRequest(PROMPT.messages, sampling)
    )
    assert isinstance(events[-1], Finished)
    said = "".join(event.text for event in events if isinstance(event, TextDelta))
    assert json.loads(said)["sea"] in {"wet", "dry"}


@pytest.mark.model
async def test_a_whole_answer_without_a_key_after_one_click(practice, providers):
    seen: list[PracticeStatus] = []

    async def watch() -> None:
        async for status in practice.follow():
            seen.append(status)
            if status.state is PracticeState.RUNNING:
                return

    first, second, _ = await asyncio.gather(
        providers.start_practice(), providers.start_practice(), watch()
    )
    assert first == second, "two clicks start one"
    fractions = [status.fraction for status in seen if status.state is PracticeState.STARTING]
    assert fractions == sorted(fractions)
    assert any(fractions)
    assert first.name == PRACTICE_NAME
    assert "on this computer" in first.name
    assert [model.id for model in await providers.models(first)] == [PRACTICE_MODEL]
    events = await ask(providers, first)
    assert isinstance(events[-1], Finished)
    fold = RunFold(Run("r", CloudTarget(first, PRACTICE_MODEL), PROMPT, 0))
    for event in events:
        fold.add(event)
    assert fold.run.text
    assert fold.run.target.uses_this_machine
    assert figures(fold.run).completion_tokens.provenance is Provenance.ESTIMATED
    again = await ask(providers, first)
    texts = ["".join(e.text for e in es if isinstance(e, TextDelta)) for es in (events, again)]
    assert texts[0] == texts[1], "nothing is kept from one answer to the next"


@pytest.mark.model
async def test_only_the_holder_of_the_key_gets_in_and_no_web_page(practice, providers):
    provider = await providers.start_practice()
    port = port_of(provider)
    for path in ("/v1/models", "/docs", "/openapi.json", "/"):
        head = await raw(port, f"GET {path} HTTP/1.1\nHost: 127.0.0.1\nConnection: close\n\n")
        assert " 401 " in head.splitlines()[0]
    asked = await raw(
        port,
        "OPTIONS /v1/chat/completions HTTP/1.1\nHost: 127.0.0.1\nOrigin: https://evil.example\n"
        "Access-Control-Request-Method: POST\nConnection: close\n\n",
    )
    with_key = await raw(
        port,
        "GET /v1/models HTTP/1.1\nHost: 127.0.0.1\nOrigin: https://evil.example\n"
        f"Authorization: Bearer {practice.key}\nConnection: close\n\n",
    )
    assert " 200 " in with_key.splitlines()[0]
    assert "access-control" not in asked + with_key
    with socket.socket() as outside:
        outside.settimeout(0.5)
        addresses = [
            a.address
            for each in psutil.net_if_addrs().values()
            for a in each
            if a.family is socket.AF_INET and not a.address.startswith("127.")
        ]
        for address in addresses:
            assert outside.connect_ex((address, port)) != 0


@pytest.mark.model
async def test_its_key_is_in_no_place_others_can_read(practice, providers, monkeypatch, tmp_path):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-0123456789")
    await providers.start_practice()
    child = psutil.Process(practice.pid)
    visible = " ".join(child.cmdline()) + str(child.environ())
    assert practice.key not in visible
    assert "planted" not in visible
    assert practice.key not in (tmp_path / "s.json").read_text()


@pytest.mark.model
async def test_a_killed_practice_cloud_is_named_and_starts_again_by_itself(practice, providers):
    provider = await providers.start_practice()
    engine = providers.engine(CloudTarget(provider, PRACTICE_MODEL))
    long = ChatRequest(PROMPT.messages, SamplingParams(max_tokens=2000, seed=1))
    kept = ""
    pid = practice.pid
    last = None
    async for last in engine.stream(long):
        if isinstance(last, TextDelta):
            kept += last.text
            if len(kept) > 20 and practice.pid is not None:
                os.kill(pid, signal.SIGKILL)
                await gone(pid)
    assert isinstance(last, Failed)
    assert last.error.kind == "ConnectionFailed"
    assert "again" in last.error.hint
    assert kept
    assert isinstance((await ask(providers, provider))[-1], Finished)
    assert practice.pid != pid
    assert practice.status.state is PracticeState.RUNNING


@pytest.mark.model
async def test_a_practice_cloud_that_never_ran_is_started_by_the_first_run(practice, providers):
    stored = Provider("practice", PRACTICE_NAME, "http://127.0.0.1:9/v1", is_practice=True)
    events = await ask(providers, stored)
    assert isinstance(events[0], LoadProgress)
    sent = next(event for event in events if isinstance(event, RequestSent))
    assert sent.was_loaded is False
    assert sent.load_s > 0
    assert isinstance(events[-1], Finished)


@pytest.mark.model
async def test_a_prompt_that_does_not_fit_is_named(practice, providers):
    provider = await providers.start_practice()
    long = ChatRequest((Message(Role.USER, "sea " * 6000),))
    events = await ask(providers, provider, long)
    assert events[-1].error.kind == "ContextOverflow"


@pytest.mark.model
async def test_it_does_not_outlive_a_program_that_is_killed(starter_model, tmp_path):
    program = textwrap.dedent(f"""
        import asyncio
        from pathlib import Path
        from playground.services.providers.practice import PracticeCloud

        async def main():
            cloud = PracticeCloud(lambda: Path({str(starter_model)!r}))
            await cloud.start()
            print(cloud.pid, flush=True)
            await asyncio.sleep(600)

        asyncio.run(main())
    """)
    root = Path(playground.__file__).parent.parent
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        program,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    pid = int(await parent.stdout.readline())
    assert psutil.pid_exists(pid)
    parent.kill()
    await parent.wait()
    await gone(pid)


@pytest.mark.model
async def test_it_is_gone_after_stop(practice, providers):
    await providers.start_practice()
    pid = practice.pid
    with pytest.raises(UsageError):
        await providers.update(replace(providers.find("practice"), name="A real cloud"))
    await providers.remove("practice")
    await gone(pid)
    assert not practice.is_running
    assert providers.list() == ()


async def test_what_is_missing_is_said_before_anything_starts(tmp_path):
    cloud = PracticeCloud(lambda: None)
    with pytest.raises(NotAvailable) as caught:
        await cloud.start()
    assert "starter" in caught.value.hint
    assert cloud.status.state is PracticeState.FAILED
    assert caught.value.hint in cloud.status.problem


async def test_a_model_that_is_broken_is_said_to_be(tmp_path):
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + b"\x00" * 64)
    cloud = PracticeCloud(lambda: broken)
    with pytest.raises(Exception, match="practice cloud could not start") as caught:
        await cloud.start()
    assert caught.value.kind == "ConnectionFailed"
    assert not cloud.is_running


@pytest.mark.model
async def test_its_process_ends_with_the_pipe_alone(starter_model):
    process = await asyncio.create_subprocess_exec(
        *child_command("--practice-cloud"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=worker_environment(os.environ),
    )
    order = {"key": "k", "model": str(starter_model), "alias": "m", "context": 256}
    process.stdin.write(json.dumps(order).encode() + b"\n")
    while b"port" not in await process.stdout.readline():
        pass
    process.stdin.close()
    assert await process.wait() == 0
