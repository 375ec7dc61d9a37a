"""`kill -9` at the worst moment: nothing that was saved is lost, nothing is left running."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.servers.scripted_openai import ScriptedOpenAI, Stream, tokens

ROOT = Path(__file__).resolve().parents[2]
LONG = "Write a very long story about a lighthouse keeper, with many chapters."


def start(home: Path, *words: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PLAYGROUND_HOME": str(home), "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", "playground", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip


@pytest.fixture
def telling(playground_home: Path) -> Iterator["subprocess.Popen[str]"]:
    """A comparison whose local model is in mid-answer."""
    process = start(
        playground_home, "compare", "--target", "local:starter", "--prompt", LONG,
        "--max-tokens", "4000", "--temperature", "0.9",
    )  # fmt: skip
    read_characters(process, 300)
    yield process
    process.kill()
    process.communicate()


def read_characters(process: "subprocess.Popen[str]", count: int) -> str:
    assert process.stdout is not None
    heard = ""
    while len(heard) < count:
        piece = process.stdout.read(20)
        assert piece, f"it ended after {heard!r}"
        heard += piece
    return heard


def children_of(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def saved_run(home: Path) -> tuple[str, str]:
    """Return status and text of the only run in the history, as the next start leaves it."""
    start(home, "models", "--json").communicate(timeout=60)
    connection = sqlite3.connect(home / "history.sqlite3")
    (body,) = connection.execute("SELECT body FROM runs").fetchone()
    connection.close()
    run = json.loads(body)
    return run["status"], run["text"]


def test_a_killed_worker_ends_its_run_with_a_name_and_keeps_the_text(
    telling: "subprocess.Popen[str]",
) -> None:
    # beside it there may still be the process that scans folders
    (worker,) = (child for child in children_of(telling) if "--worker" in child.cmdline())
    worker.send_signal(signal.SIGKILL)
    rest, complaint = telling.communicate(timeout=30)
    assert telling.returncode == 1
    assert "failed" in rest
    assert complaint.count("\n") == 1
    assert "Traceback" not in complaint


def test_a_killed_program_leaves_no_worker_and_loses_nothing_that_was_saved(
    telling: "subprocess.Popen[str]", playground_home: Path
) -> None:
    children = children_of(telling)
    # the history is written every quarter of a second: the fixture's part is on disk by now
    heard = read_characters(telling, 600)
    telling.kill()
    telling.communicate()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []
    status, saved = saved_run(playground_home)
    assert status == "cancelled"
    assert len(saved) >= 300
    assert saved[:200] in heard or heard[:200] in saved


def test_a_killed_practice_cloud_fails_its_run_and_the_next_start_works(
    playground_home: Path,
) -> None:
    words = (
        "compare", "--target", "practice:smollm2-135m-instruct", "--prompt", LONG,
        "--max-tokens", "3000",
    )  # fmt: skip
    process = start(playground_home, *words)
    heard = read_characters(process, 300)
    assert heard
    (server,) = children_of(process)
    server.kill()
    rest, complaint = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "failed" in rest
    assert complaint.count("\n") == 1
    again = start(playground_home, *words[:-1], "8", "--json")
    output, _ = again.communicate(timeout=60)
    assert json.loads(output)["runs"][0]["status"] == "finished"


def test_a_killed_program_leaves_no_practice_cloud(playground_home: Path) -> None:
    process = start(
        playground_home, "compare", "--target", "practice:smollm2-135m-instruct",
        "--prompt", LONG, "--max-tokens", "3000",
    )  # fmt: skip
    read_characters(process, 300)
    servers = children_of(process)
    assert servers
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(servers, timeout=10)
    assert alive == []


def test_a_program_killed_in_a_cloud_answer_shows_what_had_arrived(playground_home: Path) -> None:
    with ScriptedOpenAI(models={"data": [{"id": "large"}]}) as server:
        server.script(Stream(tokens(4000, per_s=200)))
        added = start(playground_home, "providers", "add", "far", "--base-url", server.base_url)
        added.communicate(timeout=60)
        process = start(playground_home, "compare", "--target", "far:large", "--prompt", "hi")
        read_characters(process, 1500)
        process.kill()
        process.communicate()
    status, saved = saved_run(playground_home)
    assert status == "cancelled"
    assert len(saved) > 500
    assert set(saved.split()) == {"word"}
