"""A planted key is nowhere: in no file, no output, no error, wherever the provider throws it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.scripted_openai import Reply, ScriptedOpenAI, Stream, text

ROOT = Path(__file__).resolve().parents[2]
KEY = "sk-planted-0123456789abcdefKEY"
VARIABLE = "EXAMPLE_CLOUD_API_KEY"


def playground(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PLAYGROUND_HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        VARIABLE: KEY,
        # what the SDK would take from the environment, were it let
        "OPENAI_API_KEY": "sk-somebody-elses-key-000000",
        "OPENAI_ORG_ID": "org-leak",
        "OPENAI_PROJECT_ID": "proj-leak",
        "OPENAI_CUSTOM_HEADERS": "X-Leak: yes",
    }
    return subprocess.run(
        [sys.executable, "-m", "playground", *words],
        capture_output=True, text=True, env=environment, timeout=100, check=False,
    )  # fmt: skip


@pytest.fixture
def server() -> Iterator[ScriptedOpenAI]:
    with ScriptedOpenAI(models={"data": [{"id": "large"}]}) as running:
        yield running


def everything_written(home: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}


def test_the_key_reaches_its_provider_and_nothing_else(
    playground_home: Path, server: ScriptedOpenAI
) -> None:
    thrown_back = {"error": {"message": f"Incorrect API key provided: {KEY}."}}
    server.script(
        Stream(text("All ", f"well, {KEY}. ", KEY[:3], KEY[3:11], KEY[11:], " sk", "y")),
        Reply(401, thrown_back),
        Reply(500, f"panic: Authorization: Bearer {KEY}", content_type="text/plain"),
    )
    said = [
        playground(
            playground_home, "providers", "add", "example", "--base-url", server.base_url,
            "--key-env", VARIABLE, "--json",
        ),
        playground(playground_home, "providers", "list", "--json"),
        playground(playground_home, "providers", "test", "example", "--json"),
    ]  # fmt: skip
    said += [
        playground(playground_home, "compare", "--target", "example:large", "--prompt", "hi", *more)
        for more in (["--json"], ["--json"], [])
    ]
    assert [done.returncode for done in said] == [0, 0, 0, 0, 1, 1]
    assert json.loads(said[3].stdout)["runs"][0]["text"] == "All well, [key]. [key] sky"
    sent = [request.headers["authorization"] for request in server.requests]
    assert set(sent) == {f"Bearer {KEY}"}
    for request in server.requests:
        assert "leak" not in json.dumps(request.headers).lower()
    for done in said:
        assert KEY not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
    files = everything_written(playground_home)
    assert any(path.name == "history.sqlite3" for path in files)
    for path, content in files.items():
        assert KEY.encode() not in content, path
        assert b"somebody-elses" not in content, path


def test_another_host_does_not_get_the_key(playground_home: Path, server: ScriptedOpenAI) -> None:
    server.script(Stream(text("hello")))
    playground(playground_home, "providers", "add", "bare", "--base-url", server.base_url, "--json")
    done = playground(
        playground_home, "compare", "--target", "bare:large", "--prompt", "hi", "--json"
    )
    assert done.returncode == 0, done.stderr
    for request in server.requests:
        assert KEY not in json.dumps(request.headers)
        assert "somebody-elses" not in json.dumps(request.headers)
