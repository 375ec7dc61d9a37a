"""`playground hub` against a Hub on loopback: what is asked, and how a version may be named."""

import argparse
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from playground.app.services import Services, open_services
from playground.cli import hub as command
from playground.cli.main import build_parser
from playground.core.errors import UsageError
from playground.services.machine.machine import Bandwidth, BandwidthReading
from playground.store.files import default_paths
from tests.core.gguf_files import Dense, store_as, write_dense
from tests.servers.hub import HubServer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    with HubServer() as served:
        monkeypatch.setenv("HF_ENDPOINT", served.endpoint)
        yield served


@pytest.fixture
async def services(playground_home: Path) -> AsyncIterator[Services]:
    # measured beside other tests it would be unknown
    await Bandwidth(default_paths().bandwidth_file, lambda: BandwidthReading(20e9)).get()
    async with open_services(print) as opened:
        yield opened


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_dense(tmp_path / "m.gguf", "llama", Dense(layers=1))


async def test_the_login_of_hugging_face_is_hidden_from_the_start(
    playground_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("hf_planted01\n")
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "token"))
    async with open_services(print) as services:
        assert services.secrets.redactor.clean("said hf_planted01") == "said [key]"


async def run(services: Services, *words: str) -> int:
    args: argparse.Namespace = build_parser().parse_args(["hub", *words])
    return await command.run(
        args, services.hub, services.requirements, services.settings, services.paths
    )


async def test_of_many_files_only_the_headers_of_those_shown_are_read(
    server: HubServer, services: Services, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.add("x/Huge-GGUF", {f"f{n:03}/m-{n:03}-Q4_K_M.gguf": model for n in range(300)})
    assert await run(services, "files", "x/Huge-GGUF", "--limit", "5") == 0
    read = {asked.path for asked in server.requests if "/resolve/" in asked.path}
    assert len(read) == 5
    assert len(server.asked_for("/api/")) == 1
    shown = capsys.readouterr().out
    assert shown.count("Q4_K_M.gguf") == 5 + 1
    assert "… and 295 more" in shown


async def test_what_is_recommended_is_looked_at_wherever_it_stands(
    server: HubServer, services: Services, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    larger = write_dense(model.with_name("larger.gguf"), "llama", Dense(layers=2))
    server.add("x/Two-GGUF", {"m-Q2_K.gguf": model, "m-Q8_0.gguf": larger})
    assert await run(services, "files", "x/Two-GGUF", "--limit", "1", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["recommended"] == "m-Q8_0.gguf"
    assert [file["verdict"] for file in found["files"]] == ["runs great"] * 2


async def test_a_version_that_cannot_be_loaded_says_why_and_is_not_recommended(
    server: HubServer, services: Services, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_as(model, "blk.0.ffn", 36)
    search = write_dense(model.with_name("s.gguf"), "qwen3", Dense(), {".pooling_type": 3})
    files = {"ggml-model-i2_s.gguf": model, "s-Q8_0.gguf": search, "m-Q4_0.gguf.part1of2": b"GGUF"}
    server.add("x/Odd-GGUF", files)
    assert await run(services, "files", "x/Odd-GGUF", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    problems = {file["path"]: file["problem"] for file in found["files"]}
    assert (
        "I2_S, which this version of llama.cpp does not support" in problems["ggml-model-i2_s.gguf"]
    )
    assert "for searching" in problems["s-Q8_0.gguf"]
    assert "cut into pieces" in problems["m-Q4_0.gguf.part1of2"]
    assert found["recommended"] is None
    assert {file["verdict"] for file in found["files"]} == {None}


@pytest.mark.parametrize(
    "words",
    [
        ("x/Tiny-GGUF", "q4_k_xl"),
        ("x/Tiny-GGUF:Q4_K_XL",),
        ("hf.co/x/Tiny-GGUF:ud-q4_k_xl",),
        ("{endpoint}/x/Tiny-GGUF/blob/main/tiny-UD-Q4_K_XL.gguf",),
    ],
)
async def test_a_version_is_downloaded_however_it_is_named(
    server: HubServer,
    services: Services,
    model: Path,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
) -> None:
    server.add("x/Tiny-GGUF", {"tiny-UD-Q4_K_XL.gguf": model, "tiny-Q8_0.gguf": b"GGUF"})
    named = (word.format(endpoint=server.endpoint) for word in words)
    assert await run(services, "download", *named) == 0
    assert Path(capsys.readouterr().out.strip()).read_bytes() == model.read_bytes()


async def test_a_download_of_no_version_says_which_there_are(
    server: HubServer, services: Services, model: Path
) -> None:
    server.add("x/Tiny-GGUF", {"tiny-Q4_0.gguf": model, "tiny-Q8_0.gguf": model})
    with pytest.raises(UsageError) as caught:
        await run(services, "download", "x/Tiny-GGUF")
    assert caught.value.hint == "There are: Q4_0, Q8_0."
