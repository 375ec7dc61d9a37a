"""The real window on a virtual screen, used by mouse and keyboard as a person would."""

import json
import signal
import sqlite3
from pathlib import Path
from typing import Any

import psutil
import pytest

from playground.core.chat import SamplingParams
from playground.store.settings import SettingsStore
from tests.e2e.screen import Program, can_drive, program

pytestmark = [
    pytest.mark.xvfb,
    pytest.mark.timeout(240),
    pytest.mark.skipif(not can_drive(), reason="Xvfb and xdotool are not installed"),
]

TRY = "Try it: a model here against the practice cloud"
PRACTICE = "smollm2-135m-instruct"


def stored_runs(home: Path) -> list[dict[str, Any]]:
    connection = sqlite3.connect(home / "history.sqlite3")
    rows = connection.execute("SELECT body FROM runs ORDER BY rowid").fetchall()
    connection.close()
    return [json.loads(body) for (body,) in rows]


def wait_until_done(running: Program) -> None:
    running.wait_text(r"(?i)thousand|1,000")
    running.wait_for("Run")


def test_a_newcomer_sees_a_whole_comparison_after_one_click(playground_home: Path) -> None:
    with program(playground_home) as running:
        running.click(TRY)
        wait_until_done(running)
        assert running.wait_for("SmolLM2 135M Instruct")
        assert running.wait_text("Practice cloud")
        assert running.wait_text("Nothing left this computer")
        children = psutil.Process(running.process.pid).children(recursive=True)
        assert len(children) >= 2
        assert running.close() == 0
        _, alive = psutil.wait_procs(children, timeout=10)
        assert alive == []
    here, cloud = stored_runs(playground_home)
    assert (here["status"], cloud["status"]) == ("finished", "finished")
    assert here["text"]
    assert cloud["text"]


def test_a_typed_prompt_runs_with_the_keyboard_alone_and_is_found_in_history(
    playground_home: Path,
) -> None:
    short = SettingsStore(playground_home / "settings.json")
    short.update(sampling=SamplingParams(max_tokens=60))
    with program(playground_home) as running:
        running.click(TRY)
        wait_until_done(running)
        running.press("ctrl+n")
        running.press("ctrl+l")
        running.type("Name three fruits.")
        running.press("Return")
        running.wait_text("Name three fruits")
        wait_until_done(running)
        running.press("ctrl+8")
        running.wait_text("Name three fruits")
        assert running.close() == 0
    runs = stored_runs(playground_home)
    assert "Name three fruits." in {run["request"]["messages"][-1]["content"] for run in runs}
    assert {run["request"]["sampling"]["max_tokens"] for run in runs} == {60}


def test_every_page_opens_by_its_shortcut(playground_home: Path) -> None:
    with program(playground_home) as running:
        running.wait_for(TRY)
        for keys, text in (
            ("ctrl+2", "Copy to change it"),
            ("ctrl+3", "Worked out on this computer"),
            ("ctrl+4", "Models on this computer"),
            ("ctrl+5", "Get models"),
            ("ctrl+6", "Downloads"),
            ("ctrl+7", "Providers"),
            ("ctrl+8", "History"),
            ("ctrl+9", "Settings"),
            ("ctrl+1", "Ask once, see every answer side by side"),
        ):
            running.press(keys)
            running.wait_text(text)
        assert running.close() == 0


def test_closing_in_mid_answer_keeps_the_text_and_leaves_nothing_running(
    playground_home: Path,
) -> None:
    with program(playground_home) as running:
        running.click(TRY)
        running.wait_text(r"words a second")
        running.wait_for("Stop all")
        running.until(
            lambda: next((t for t in running.texts() if len(t) > 200), None), "a longer answer"
        )
        children = psutil.Process(running.process.pid).children(recursive=True)
        assert running.close() == 0
        _, alive = psutil.wait_procs(children, timeout=10)
        assert alive == []
    assert any(run["text"] for run in stored_runs(playground_home))
    assert {run["status"] for run in stored_runs(playground_home)} <= {"finished", "cancelled"}


def test_a_screen_that_goes_away_ends_the_program_and_everything_it_started(
    playground_home: Path,
) -> None:
    with program(playground_home) as running:
        running.click(TRY)
        running.wait_for("Stop all")
        running.wait_text(r"words a second: \d")
        children = psutil.Process(running.process.pid).children(recursive=True)
        running.lose_screen()
        _, alive = psutil.wait_procs([psutil.Process(running.process.pid), *children], timeout=30)
        assert alive == []
    assert any(run["text"] for run in stored_runs(playground_home))


def test_ctrl_c_in_the_terminal_closes_the_window_in_order(playground_home: Path) -> None:
    with program(playground_home) as running:
        running.click(TRY)
        running.wait_text(r"words a second: \d")
        children = psutil.Process(running.process.pid).children(recursive=True)
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(30) == 0
        _, alive = psutil.wait_procs(children, timeout=10)
        assert alive == []
