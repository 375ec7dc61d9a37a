"""`playground models` as a person or a script uses it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import constants

from tests.core.gguf_files import Dense, write_dense


def playground(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the program's command line."""
    return subprocess.run(
        [sys.executable, "-m", "playground", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(autouse=True)
def home(playground_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with an empty Hugging Face cache."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(playground_home / "hub"))
    monkeypatch.setenv("HF_HUB_CACHE", str(playground_home / "hub"))
    return playground_home


def test_the_list_names_the_starter_model_and_whether_it_fits(starter_model: Path) -> None:
    done = playground("models", "--json")
    assert done.returncode == 0, done.stderr
    (model,) = json.loads(done.stdout)["models"]
    assert model["name"] == "SmolLM2 135M Instruct"
    assert model["path"] == str(starter_model)
    assert model["verdict"] in {"runs great", "runs", "slow", "won't fit"}
    assert model["problem"] is None
    table = playground("models").stdout.splitlines()
    assert len(table) == 2
    assert "135 M" in table[1]
    assert table[0].index("FORMAT") == table[1].index("Q4_1")


def test_models_in_the_programs_own_folder_are_listed(home: Path) -> None:
    folder = home / "models" / "any" / "depth"
    folder.mkdir(parents=True)
    write_dense(folder / "mine.gguf", "llama", Dense(layers=1), {"general.name": "Mine"})
    (folder / "broken.gguf").write_bytes(b"GGUF")
    models = {m["name"]: m for m in json.loads(playground("models", "--json").stdout)["models"]}
    assert models["Mine"]["memory"]["weights_bytes"] > 0
    assert models["broken"]["problem"] == "The file has only 4 bytes: it is no model."
    assert models["broken"]["memory"] is None
    assert models["Mine"]["is_chat_model"]


def test_inspect_gives_the_parts_of_the_memory_that_was_measured(starter_model: Path) -> None:
    arguments = ("models", "inspect", str(starter_model), "--context", "2048", "--json")
    done = playground(*arguments)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["architecture"] == "llama"
    assert report["quantization"] == "Q4_1"
    assert report["context_length"] == 8_192
    need = report["memory"]
    assert (need["context"], need["kv_type"]) == (2_048, "f16")
    assert need["kv_bytes"] == 45 << 20
    parts = ("weights_bytes", "repacked_bytes", "kv_bytes", "compute_bytes")
    assert need["total_bytes"] == sum(need[part] for part in parts)


def test_inspect_takes_a_name_and_a_smaller_kv_type() -> None:
    done = playground("models", "inspect", "smollm2", "--kv-type", "q8_0")
    assert done.returncode == 0, done.stderr
    assert "tokens, kept as q8_0" in done.stdout
    assert "135 M" in done.stdout


def test_a_broken_file_is_reported_in_one_line_and_as_json(tmp_path: Path) -> None:
    path = write_dense(tmp_path / "cut.gguf", "llama", Dense())
    os.truncate(path, path.stat().st_size - 1_000)
    done = playground("models", "inspect", str(path), "--json")
    assert done.returncode == 1
    assert "ends before its last tensor" in json.loads(done.stdout)["problem"]
    assert done.stderr.count("\n") == 1
    assert "ends before its last tensor" in done.stderr


def test_what_is_no_chat_model_gets_no_verdict_and_no_advice_to_download(tmp_path: Path) -> None:
    path = write_dense(tmp_path / "m.gguf", "qwen3", Dense(), {".pooling_type": 3})
    done = playground("models", "inspect", str(path))
    assert done.returncode == 1
    assert "qwen3" in done.stdout
    assert "Verdict" not in done.stdout
    assert done.stderr == (
        "playground: m.gguf: This model turns text into numbers for searching: it cannot answer. "
        "Choose a chat model.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("models", "inspect", "nosuchmodel"), 1),
        (("models", "inspect", "starter", "--context", "0"), 2),
        (("models", "inspect", "starter", "--kv-type", "f64"), 2),
        (("models", "inspect"), 2),
    ],
)
def test_wrong_usage_and_missing_models_have_their_exit_codes(
    arguments: tuple[str, ...], code: int
) -> None:
    done = playground(*arguments)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
