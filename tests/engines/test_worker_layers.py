"""Which layers and devices llama.cpp is asked for; without a card, what is asked is what counts."""

import ctypes
from pathlib import Path
from typing import Any

import llama_cpp.llama_cpp as api
import pytest

from playground.engines.worker.log import LogLines
from playground.engines.worker.model import load_model
from tests.engines.local_run import order
from tests.engines.scripted_model import write_scripted_model


def asked_for(
    path: Path, monkeypatch: pytest.MonkeyPatch, gpu_layers: int | None
) -> tuple[int, list[int | None] | None]:
    """Load a model; return the layers llama.cpp was asked to offload, and to which devices."""
    asked: list[tuple[int, list[int | None] | None]] = []
    real = api.llama_model_load_from_file

    def load(name: bytes, parameters: Any) -> Any:
        devices: list[int | None] | None = None
        if parameters.devices:
            devices = [ctypes.c_void_p.from_address(parameters.devices).value]
        asked.append((parameters.n_gpu_layers, devices))
        return real(name, parameters)

    monkeypatch.setattr(api, "llama_model_load_from_file", load)
    log = LogLines()
    log.install()
    load_model(order(path, context=256, gpu_layers=gpu_layers), log, lambda _: None,
               lambda: False).close()  # fmt: skip
    (found,) = asked
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_scripted_model(tmp_path / "m.gguf", ["word"])


@pytest.mark.parametrize(
    ("gpu_layers", "asked"),
    [
        (None, (-1, None)),
        (-1, (-1, None)),
        (20, (20, None)),
        # an empty list of devices: none of the card's memory is touched
        (0, (0, [None])),
    ],
)
def test_a_build_for_cards_is_asked_for_the_layers_of_the_order(
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    gpu_layers: int | None,
    asked: tuple[int, list[int | None] | None],
) -> None:
    monkeypatch.setattr(api, "llama_supports_gpu_offload", lambda: True)
    assert asked_for(path, monkeypatch, gpu_layers) == asked


@pytest.mark.parametrize("gpu_layers", [None, -1, 20, 0])
def test_a_build_for_the_processor_is_asked_for_none(
    path: Path, monkeypatch: pytest.MonkeyPatch, gpu_layers: int | None
) -> None:
    monkeypatch.setattr(api, "llama_supports_gpu_offload", lambda: False)
    assert asked_for(path, monkeypatch, gpu_layers) == (0, [None])
