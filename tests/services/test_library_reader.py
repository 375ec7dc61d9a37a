"""Headers read in a process of their own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from playground.core.errors import ModelFileInvalid
from playground.core.gguf.reader import read_header
from playground.services.library.reader import HeaderReader
from tests.core.gguf_files import Dense, write_dense


@pytest.fixture
def reader() -> Iterator[HeaderReader]:
    """A reader whose process ends with the test."""
    reader = HeaderReader()
    yield reader
    reader.rest()


def test_a_header_read_elsewhere_is_the_one_read_here(
    reader: HeaderReader, starter_model: Path
) -> None:
    assert reader.read(starter_model) == read_header(starter_model)
    assert reader.read(starter_model) == read_header(starter_model)


def test_what_is_wrong_with_a_file_is_told_as_if_it_were_read_here(
    reader: HeaderReader, tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(b"no model, only a few words of text")
    with pytest.raises(ModelFileInvalid, match="not a GGUF model") as caught:
        reader.read(damaged)
    assert caught.value.__cause__ is None
    with pytest.raises(ModelFileInvalid, match="gone") as caught:
        reader.read(tmp_path / "nowhere.gguf")
    # it may be there at the next look
    assert isinstance(caught.value.__cause__, FileNotFoundError)


def test_names_that_are_no_text_arrive(reader: HeaderReader, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(str(tmp_path)) + b"/caf\xe9 \n.gguf"))
    write_dense(tmp_path / "plain.gguf", "llama", Dense(layers=1)).rename(path)
    assert reader.read(path).architecture == "llama"


def test_a_reader_that_is_killed_is_done_without_and_started_again(
    reader: HeaderReader, starter_model: Path
) -> None:
    reader.read(starter_model)
    process = reader._process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert reader.read(starter_model).architecture == "llama"
    reader.read(starter_model)
    assert reader._process is not None
    assert reader._process.pid != process.pid


def test_a_reader_nobody_asks_ends_and_another_is_started_when_it_is_needed(
    reader: HeaderReader, starter_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("playground.services.library.reader._IDLE_S", 0.05)
    reader.read(starter_model)
    process = reader._process
    assert process is not None
    process.wait(20)
    assert reader.read(starter_model).architecture == "llama"
    assert reader._process is not process


def test_the_reader_ends_with_its_parent_and_sees_no_key(starter_model: Path) -> None:
    code = (
        "import os, pathlib, sys\n"
        "from playground.services.library.reader import HeaderReader\n"
        "reader = HeaderReader()\n"
        f"reader.read(pathlib.Path({str(starter_model)!r}))\n"
        "print(reader._process.pid, flush=True)\n"
        "seen = open(f'/proc/{reader._process.pid}/environ').read()\n"
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
    # the output ends only once nobody holds it open: the reader had its own
    stat = Path(f"/proc/{pid}/stat")
    while stat.exists() and " Z " not in stat.read_text():
        pass
