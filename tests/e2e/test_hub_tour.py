"""From an empty home to an answer: find a model, fetch it, be killed half-way, go on, run it."""

import select
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.screen import Program, can_drive, program
from tests.e2e.test_window import stored_runs
from tests.servers.hub import HubServer
from tests.servers.hub_demo import fill

pytestmark = [
    pytest.mark.xvfb,
    pytest.mark.timeout(240),
    pytest.mark.skipif(not can_drive(), reason="Xvfb and xdotool are not installed"),
]

FIRST = "Try it: a model here against the practice cloud"
FILE = "smollm2-135m-instruct-Q4_1.gguf"
NAME = "SmolLM2 135M Instruct"
RATE = 12e6


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubServer]:
    with HubServer(rate=RATE) as server:
        folder = tmp_path / "published"
        folder.mkdir()
        fill(server, folder)
        yield server


def opened(running: Program) -> None:
    running.wait_for(FIRST)


def test_a_model_is_found_fetched_across_a_kill_and_answers(
    hub: HubServer, playground_home: Path
) -> None:
    variables = {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(playground_home / "hf")}
    with program(playground_home, **variables) as running:
        opened(running)
        running.press("ctrl+5")
        running.wait_for("Search the Hub")
        running.type("smollm2")
        running.wait_for("Back to the first choices")
        running.settle()
        running.press("Down")
        running.press("Return")
        running.wait_text("Recommended")
        running.click("Download 98 MB")
        while hub.bytes_served(FILE) < 40e6:
            assert running.process.poll() is None
            select.select([], [], [], 0.05)
        running.kill()
    assert not list((playground_home / "models").rglob(FILE))
    served = hub.bytes_served(FILE)
    hub.rate.bytes_per_s = None
    with program(playground_home, **variables) as running:
        opened(running)
        running.press("ctrl+6")
        running.click("Try it")
        running.wait_text("Type a prompt below")
        # the chip of the model is still on its way, and moves what stands after it
        running.settle()
        running.click("Add a model")
        running.wait_for("Search models")
        running.settle()
        running.type("practice")
        running.settle()
        running.press("Return")
        running.settle()
        running.press("Escape")
        # the practice cloud is started first: a prompt sent before it is there does not reach it
        running.wait_text(r"^Practice.* · SmolLM2")
        running.press("ctrl+l")
        running.type("Name one fruit.")
        running.press("ctrl+Return")
        running.until(
            lambda: len([r for r in stored_runs(playground_home) if r["text"]]) == 2 or None,
            "two answers in the history",
        )
        assert running.close() == 0
    (path,) = (playground_home / "models").rglob(FILE)
    size = path.stat().st_size
    assert hub.bytes_served(FILE) < size + 20e6
    assert served > 30e6
    runs = stored_runs(playground_home)
    assert [run["status"] for run in runs] == ["finished", "finished"]
    files = [run["target"]["model"] for run in runs if isinstance(run["target"]["model"], dict)]
    assert [file["name"] for file in files] == [NAME]
