"""The window's start in homes that are damaged, and what keeps it from starting."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from playground.__main__ import main
from playground.cli.main import main as command
from playground.core.chat import SamplingParams
from playground.store.settings import SettingsStore
from tests.e2e.screen import can_drive, virtual_screen
from tests.store.history import small_disk

ROOT = Path(__file__).resolve().parents[2]
SAY_AND_CLOSE = """
import sys
from PySide6.QtCore import QTimer
from playground.app.window import run_window
from playground.ui.widgets.toast import Toast

def follow(window):
    def look():
        toast = window.findChild(Toast)
        if toast.isVisible():
            print(toast.accessibleName(), flush=True)
            timer.stop()
            window.close()
    timer = QTimer(window)
    timer.timeout.connect(look)
    timer.start(5)

sys.exit(run_window(follow))
"""
TELL_WHEN_ASKED_FOR = """
import sys
from PySide6.QtCore import QTimer
from playground.app.window import run_window
from playground.ui.window.instance import WindowInstance

def follow(window):
    def look():
        instance = window.findChild(WindowInstance)
        if instance is not None:
            timer.stop()
            print("open", flush=True)
            instance.show_wanted.connect(leave)
    def leave():
        print("asked for", flush=True)
        window.close()
    timer = QTimer(window)
    timer.timeout.connect(look)
    timer.start(5)

sys.exit(run_window(follow))
"""
PRESS_AND_END = """
import sys
from PySide6.QtCore import QTimer
from playground.app.window import run_window
from playground.ui.widgets.toast import Toast

def follow(window):
    def look():
        toast = window.findChild(Toast)
        if toast.isVisible():
            timer.stop()
            print(toast._button.text(), flush=True)
            toast._button.click()
    timer = QTimer(window)
    timer.timeout.connect(look)
    timer.start(5)

sys.exit(run_window(follow))
"""
SAY_WHAT_IS_CHOSEN = """
import sys
from PySide6.QtCore import QTimer
from playground import __main__
from playground.app import window as program

def follow(window):
    def look():
        view = window.pages.page("compare")
        chosen = view.presenter._selection.chosen if hasattr(view, "presenter") else ()
        if chosen:
            timer.stop()
            print(window.pages.current, *(target.model.path for target in chosen), flush=True)
            window.close()
    timer = QTimer(window)
    timer.timeout.connect(look)
    timer.start(5)

shown = program.run_window
program.run_window = lambda **named: shown(follow, **named)
sys.exit(__main__.main(["{path}"]))
"""
FAIL = """
import sys
from playground import __main__
from playground.ui.window.main_window import MainWindow

def fail(*_):
    raise ZeroDivisionError

MainWindow.{method} = fail
sys.exit(__main__.main([]))
"""
FAIL_BEHIND = """
import sys
from playground import __main__
from playground.app.services import Services

def fail(*_):
    raise ZeroDivisionError

Services.{method} = fail
sys.exit(__main__.main([]))
"""
FEW_HANDLES = """
import resource, sys
from playground import __main__
resource.setrlimit(resource.RLIMIT_NOFILE, ({handles}, {handles}))
sys.exit(__main__.main([]))
"""
LOSE_HANDLES = """
import os, resource, sqlite3, sys
from contextlib import closing
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QMessageBox
from playground.app.window import run_window
from playground.ui.widgets.toast import Toast
from playground.ui.window.instance import WindowInstance

soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

def follow(window):
    view = window.pages.page("compare")
    toast = window.findChild(Toast)

    def wait():
        if window.findChild(WindowInstance) is not None and view.empty.try_button.isEnabled():
            resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) - 1, hard))
            then(refused)
            view.empty.try_button.click()

    def refused():
        if toast.isVisible() and "Too many files" in toast.accessibleName():
            print("refused", flush=True)
            toast.hide()
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            then(answered)
            view.empty.try_button.click()

    def answered():
        with closing(sqlite3.connect(sys.argv[1])) as history:
            if history.execute("SELECT 1 FROM runs WHERE status = 'finished'").fetchone():
                print(window.findChild(QMessageBox, "bug"), flush=True)
                timer.stop()
                window.close()

    def then(step):
        timer.timeout.disconnect()
        timer.timeout.connect(step)

    timer = QTimer(window)
    timer.timeout.connect(wait)
    timer.start(20)

sys.exit(run_window(follow))
"""
TRY_ON_A_FULL_DISK = """
import os, sqlite3, sys
from contextlib import closing
from PySide6.QtCore import QTimer
from playground.app.window import run_window
from playground.ui.widgets.toast import Toast
from playground.ui.window.instance import WindowInstance

def kept():
    with closing(sqlite3.connect(sys.argv[1])) as history:
        try:
            runs = history.execute("SELECT status FROM runs").fetchall()
            votes = history.execute("SELECT winner_run_id FROM turns").fetchall()
        except sqlite3.OperationalError:
            return [], []
        return [status for (status,) in runs], [winner for (winner,) in votes if winner]

def follow(window):
    view = window.pages.page("compare")
    toast = window.findChild(Toast)
    told = []

    def look():
        if toast.isVisible() and "disk is full" in toast.accessibleName():
            told.append(toast.accessibleName())
            toast.hide()
        step()

    def wait():
        if window.findChild(WindowInstance) is not None and view.empty.try_button.isEnabled():
            then(answered)
            view.empty.try_button.click()

    def answered():
        comparison = view.presenter.comparison
        if comparison is None or view.presenter.is_running or not comparison.turns:
            return
        # one that starts with a history it cannot open, one that meets it with the first answer
        print([run.status.value for run in comparison.turns[-1].runs], len(set(told)), flush=True)
        told.clear()
        then(refused)
        view.panes[0].vote_button.click()

    def refused():
        if told:
            print(view.panes[0].vote_button.isChecked(), kept()[1], flush=True)
            os.unlink(sys.argv[2])
            then(written)

    def written():
        if kept()[0] == ["finished", "finished"]:
            then(voted)
            view.panes[0].vote_button.click()

    def voted():
        if kept()[1] and view.panes[0].vote_button.isChecked():
            print("voted", flush=True)
            timer.stop()
            window.close()

    def then(next_step):
        nonlocal step
        step = next_step

    step = wait
    timer = QTimer(window)
    timer.timeout.connect(look)
    timer.start(20)

sys.exit(run_window(follow))
"""


def environment(home: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PLAYGROUND_HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "QT_QPA_PLATFORM": "offscreen",
    }


def run(home: Path, program: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, str(home / "history.sqlite3"), *words],
        capture_output=True,
        text=True,
        env=environment(home),
        timeout=60,
        check=False,
    )


def test_a_window_starts_with_rubbish_for_a_place_and_tells_what_a_command_set_aside(
    playground_home: Path,
) -> None:
    sentence = "The history was damaged."
    window = {"geometry": "\u00fcb\u00e4r!", "page": "compare"}
    settings = playground_home / "settings.json"
    settings.write_text(json.dumps({"window": window, "untold_problems": [sentence]}))
    done = run(playground_home, SAY_AND_CLOSE)
    assert (done.returncode, done.stdout.strip()) == (0, sentence), done.stderr
    assert json.loads(settings.read_text())["untold_problems"] == []


def test_a_second_window_says_so_and_shows_the_first(playground_home: Path) -> None:
    first = subprocess.Popen(
        [sys.executable, "-c", TELL_WHEN_ASKED_FOR],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(playground_home),
    )
    try:
        assert first.stdout is not None
        assert first.stdout.readline() == "open\n"
        second = run(playground_home, PRESS_AND_END)
        assert (second.returncode, second.stdout.strip()) == (0, "Show the other window")
        assert first.stdout.readline() == "asked for\n"
        assert first.wait(20) == 0
    finally:
        first.kill()
        first.communicate()


def test_a_model_file_on_the_command_line_is_chosen(
    playground_home: Path, starter_model: Path
) -> None:
    settings = {"last_targets": ["nowhere:else"], "window": {"page": "history"}}
    (playground_home / "settings.json").write_text(json.dumps(settings))
    done = run(playground_home, SAY_WHAT_IS_CHOSEN.format(path=str(starter_model)))
    assert (done.returncode, done.stdout.split()) == (0, ["compare", str(starter_model)])


def test_a_model_file_that_is_not_there_is_one_line(
    playground_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["no such model.gguf"]) == 2
    assert capsys.readouterr().err == "playground: There is no file no such model.gguf.\n"


def test_a_mistake_while_the_window_is_built_ends_the_program_with_a_sentence(
    playground_home: Path,
) -> None:
    for method in ("_build", "open_remembered"):
        done = run(playground_home, FAIL.format(method=method))
        assert done.returncode == 1
        assert "The program made a mistake (ZeroDivisionError)." in done.stderr


def test_a_mistake_behind_the_window_ends_the_program_with_a_sentence(
    playground_home: Path,
) -> None:
    for method in ("__init__", "open"):
        done = run(playground_home, FAIL_BEHIND.format(method=method))
        assert done.returncode == 1
        assert "The program made a mistake (ZeroDivisionError)." in done.stderr


def test_a_history_of_another_program_keeps_the_window_from_opening(playground_home: Path) -> None:
    history = playground_home / "history.sqlite3"
    with closing(sqlite3.connect(history)) as connection:
        connection.execute("CREATE TABLE moz_places (url)")
    before = history.read_bytes()
    done = run(
        playground_home, "import sys; from playground.__main__ import main; sys.exit(main([]))"
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"playground: {history} is a database of another program")
    assert done.stderr.count("\n") == 1
    assert history.read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
@pytest.mark.parametrize("handles", [11, 24])
def test_a_window_with_too_few_file_handles_ends_with_a_sentence(
    playground_home: Path, handles: int
) -> None:
    done = run(playground_home, FEW_HANDLES.format(handles=handles))
    assert done.returncode == 1
    assert done.stderr.startswith("playground: Too many files are open.")
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are counted there")
def test_a_window_that_runs_out_of_file_handles_works_again_when_there_are_some(
    playground_home: Path,
) -> None:
    done = run(playground_home, LOSE_HANDLES)
    assert (done.returncode, done.stdout.split()) == (0, ["refused", "None"]), done.stderr


@pytest.mark.parametrize("is_begun", [False, True], ids=["no history yet", "a history"])
def test_trying_it_on_a_full_disk_answers_tells_it_once_and_keeps_it_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_begun: bool
) -> None:
    home = tmp_path / "disk"
    monkeypatch.setenv("PLAYGROUND_HOME", str(home))
    with small_disk(home) as disk:
        SettingsStore(home / "settings.json").update(sampling=SamplingParams(max_tokens=4))
        if is_begun:
            assert command(["monitor", "--json"]) == 0
        disk.fill()
        done = run(home, TRY_ON_A_FULL_DISK, str(home / "filling"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "['finished', 'finished'] 1",
        "False []",
        "voted",
    ], done.stderr


PAINT_MUCH = """
import os
from pathlib import Path
from PySide6.QtGui import QImage
from playground.app.window import _make_application

application = _make_application()
image = QImage(3000, 3000, QImage.Format.Format_RGB32)
image.fill(0)
image.convertToFormat(QImage.Format.Format_RGB888)
print(*(Path(f"/proc/self/task/{task}/comm").read_text() for task in os.listdir("/proc/self/task")))
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted there")
def test_no_thread_is_taken_for_painting(playground_home: Path) -> None:
    done = run(playground_home, PAINT_MUCH)
    assert done.returncode == 0, done.stderr
    assert "pooled" not in done.stdout


@pytest.mark.skipif(not can_drive(), reason="Xvfb and xdotool are not installed")
def test_what_keeps_the_window_from_opening_is_shown_on_screen(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with virtual_screen() as display:
        on_screen = {
            **environment(tmp_path / "home"), "DISPLAY": display, "QT_QPA_PLATFORM": "xcb"
        }  # fmt: skip
        process = subprocess.Popen(
            [sys.executable, "-m", "playground"], stderr=subprocess.PIPE, text=True, env=on_screen
        )
        try:
            assert process.stderr is not None
            assert "is no folder" in process.stderr.readline()
            find = ["xdotool", "search", "--sync", "--onlyvisible", "--name", "Inference"]
            subprocess.run([*find, "windowfocus"], env=on_screen, timeout=60, check=True)
            subprocess.run(["xdotool", "key", "Return"], env=on_screen, check=True)
            assert process.wait(20) == 2
        finally:
            process.kill()
            process.communicate()
