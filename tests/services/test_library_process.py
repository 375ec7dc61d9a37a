"""Folders scanned and headers read in a process of their own."""

import os
import selectors
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from playground.core.errors import ModelFileInvalid
from playground.core.gguf import codec as gguf_codec
from playground.core.gguf.header import GgufHeader
from playground.core.gguf.reader import read_header
from playground.services.library import scanner
from playground.services.library.app_folders import AppModelFolder
from playground.services.library.headers import stamp_of
from playground.services.library.scan_process import ScanProcess
from playground.services.library.scan_server import Responder
from playground.services.library.scanner import ScanFolders, Scanner
from playground.services.library.service import ModelLibrary
from tests.core.gguf_files import Dense, write_dense
from tests.services.model_files import dense, ollama


def header(process: ScanProcess, path: Path) -> GgufHeader:
    """Return a header that was read by the process."""
    found = gguf_codec.loads(process.read(path))
    assert found is not None
    return found


@pytest.fixture
def process() -> Iterator[ScanProcess]:
    """One that ends with the test."""
    process = ScanProcess()
    yield process
    process.close()


def test_a_header_read_elsewhere_is_the_one_read_here(
    process: ScanProcess, starter_model: Path
) -> None:
    assert header(process, starter_model) == read_header(starter_model)
    assert header(process, starter_model) == read_header(starter_model)


async def test_the_library_walks_and_reads_in_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("done where the window is painted")

    folder = tmp_path / "models"
    folder.mkdir()
    dense(folder / "one.gguf")
    monkeypatch.setattr(Responder, "answer", fail)
    monkeypatch.setattr(scanner.Scanner, "scan", fail)
    monkeypatch.setattr("playground.core.gguf.reader.read_header", fail)
    library = ModelLibrary(lambda: (folder,), tmp_path / "own", apps=tuple)
    try:
        found = {model.path.name: model for model in await library.scan()}
        assert (found["one.gguf"].architecture, found["one.gguf"].problem) == ("llama", None)
        assert library._process.pid not in {None, os.getpid()}
    finally:
        await library.close()


def test_what_is_wrong_with_a_file_is_told_as_if_it_were_read_here(
    process: ScanProcess, tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(b"no model, only a few words of text")
    with pytest.raises(ModelFileInvalid, match="not a GGUF model") as caught:
        process.read(damaged)
    assert caught.value.__cause__ is None
    with pytest.raises(ModelFileInvalid, match="gone") as caught:
        process.read(tmp_path / "nowhere.gguf")
    # it may be there at the next look
    assert isinstance(caught.value.__cause__, FileNotFoundError)


def test_names_that_are_no_text_arrive(process: ScanProcess, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(str(tmp_path)) + b"/caf\xe9 \n.gguf"))
    write_dense(tmp_path / "plain.gguf", "llama", Dense(layers=1)).rename(path)
    assert header(process, path).architecture == "llama"


def test_a_process_that_is_killed_is_started_again(
    process: ScanProcess, starter_model: Path
) -> None:
    process.read(starter_model)
    first = process.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    # at once, before anybody can have noticed
    assert header(process, starter_model).architecture == "llama"
    assert process.pid not in {None, first}


async def test_where_no_process_can_be_started_everything_is_done_here(
    process: ScanProcess, starter_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "not-there"))
    assert header(process, starter_model).architecture == "llama"
    path = write_dense(tmp_path / "m.gguf", "llama", Dense(layers=1))
    folders = ScanFolders(None, tmp_path, (), ())
    scan = await process.scan(folders)
    assert [model.path for model in scan.models] == [path]
    assert await process.scan(folders) is scan
    assert process.pid is None


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")
def test_a_frozen_program_starts_its_own_executable(
    process: ScanProcess, starter_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executable = tmp_path / "playground"
    executable.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m playground "$@"\n')
    executable.chmod(0o755)
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(executable))
    assert header(process, starter_model).architecture == "llama"
    assert process.pid is not None


def test_a_process_nobody_asks_ends_and_another_is_started_when_it_is_needed(
    starter_model: Path,
) -> None:
    process = ScanProcess(idle_s=0.05)
    process.read(starter_model)
    with selectors.DefaultSelector() as ended:
        pid = process.pid
        if pid is not None:
            ended.register(os.pidfd_open(pid), selectors.EVENT_READ)
            assert ended.select(20)
    assert header(process, starter_model).architecture == "llama"
    process.close()


async def test_what_is_scanned_arrives_as_it_is_and_is_the_same_until_something_changes(
    process: ScanProcess, tmp_path: Path
) -> None:
    (tmp_path / "own").mkdir()
    path = Path(os.fsdecode(os.fsencode(str(tmp_path)) + b"/own/caf\xe9-Q8_0.gguf"))
    write_dense(tmp_path / "plain.gguf", "llama", Dense(layers=1)).rename(path)
    blob = ollama(tmp_path / "ollama", "r/library/m/1b", dense(tmp_path / "m.gguf"))
    folders = ScanFolders(
        None,
        tmp_path / "own",
        (tmp_path / "gone",),
        (AppModelFolder("Ollama", tmp_path / "ollama"),),
    )
    scan = await process.scan(folders)
    assert scan == Scanner().scan(folders)
    assert [model.path for model in scan.models] == [path, blob]
    assert scan.models[0].stamps == (stamp_of(path),)
    assert await process.scan(folders) is scan
    path.unlink()
    assert [model.path for model in (await process.scan(folders)).models] == [blob]


async def test_a_folder_that_hangs_is_missing_and_holds_up_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = threading.Event()
    files_below = scanner.files_below

    def hang(root: Path, *rest: Any) -> Iterator[Path]:
        if root.name == "hangs":
            answers.wait()
        return files_below(root, *rest)

    monkeypatch.setattr(scanner, "files_below", hang)
    here, away = dense(tmp_path / "own" / "m.gguf"), dense(tmp_path / "hangs" / "n.gguf")
    folders = ScanFolders(None, tmp_path / "own", (away.parent,), ())
    scanning = Scanner(longest_s=0.2)
    for _ in range(2):
        scan = scanning.scan(folders)
        assert [model.path for model in scan.models] == [here]
        assert scan.missing == {str(away.parent)}
        assert scan.problems == {away.parent: "This folder does not answer."}
    answers.set()
    while scanning.scan(folders).missing:
        pass
    assert [model.path for model in scanning.scan(folders).models] == [here, away]


def test_the_process_ends_with_its_parent_and_sees_no_key(starter_model: Path) -> None:
    code = (
        "import os, pathlib, sys\n"
        "from playground.services.library.scan_process import ScanProcess\n"
        "process = ScanProcess()\n"
        f"process.read(pathlib.Path({str(starter_model)!r}))\n"
        "print(process.pid, flush=True)\n"
        "seen = open(f'/proc/{process.pid}/environ').read()\n"
        "print(seen.count('SOME_API_KEY'), flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "SOME_API_KEY": "secret"},
    )
    pid, keys = done.stdout.split()
    assert keys == "0"
    # the output ends only once nobody holds it open: the process had its own
    stat = Path(f"/proc/{pid}/stat")
    while stat.exists() and " Z " not in stat.read_text():
        pass
