"""`playground tests` as people use it: import, run, kill, go on, report."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.screen import can_drive, program
from tests.services.evaluating import Answer, Oracle, number_in, right_three_times_of_four

ROOT = Path(__file__).resolve().parents[2]


def start(home: Path, *words: str, module: str = "playground") -> "subprocess.Popen[str]":
    environment = {**os.environ, "PLAYGROUND_HOME": str(home), "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", module, *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip


@contextmanager
def provider(home: Path, port: int, *words: str) -> Iterator["subprocess.Popen[str]"]:
    """A scripted provider in a process of its own; its log is `asked` in the home."""
    process = start(
        home, str(port), str(home / "asked"), *words, module="tests.services.evaluating"
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def llama_server(model: Path, home: Path) -> Iterator[str]:
    """`python -m llama_cpp.server` with the starter model; its address."""
    port = free_port()
    words = ("--model", str(model), "--port", str(port), "--n_ctx", "512", "--n_threads", "1")
    process = start(home, *words, module="llama_cpp.server")
    # what it logs is read, or it would wait for somebody who does
    reader = threading.Thread(target=process.communicate, daemon=True)
    reader.start()
    address = f"http://127.0.0.1:{port}/v1"
    try:
        until(lambda: answers(f"{address}/models") or process.poll() is not None)
        assert process.poll() is None
        yield address
    finally:
        process.kill()
        reader.join()


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except OSError:
        return False


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


def call(home: Path, *words: str, code: int = 0) -> dict:
    process = start(home, *words, "--json")
    said, complaint = process.communicate(timeout=100)
    assert process.returncode == code, complaint
    assert "Traceback" not in complaint
    return json.loads(said)


def import_numbers(home: Path, count: int) -> None:
    path = home / "numbers.csv"
    rows = [f"Say the number {n}.,number,{n}" for n in range(count)]
    path.write_text("\n".join(["prompt,check,expected", *rows]), "utf-8")
    made = call(home, "tests", "import", str(path), "--name", "Numbers")
    assert made["cases"] == count


def add_provider(home: Path, oracle: Oracle) -> None:
    call(home, "providers", "add", "oracle", "--base-url", oracle.base_url)


def test_kill_9_again_and_again_loses_nothing_and_asks_nothing_twice(
    playground_home: Path,
) -> None:
    answered = threading.Event()

    def say(model: str, prompt: str) -> str:
        if len(oracle.answered) in stops:
            answered.set()
        is_right = model == "good" or number_in(prompt) % 2 == 0
        return str(number_in(prompt)) if is_right else "no idea"

    stops = {7, 61, 113, 160}
    with Oracle(say) as oracle:
        import_numbers(playground_home, 50)
        add_provider(playground_home, oracle)
        command = (
            "tests", "run", "numbers", "--target", "oracle:good", "--target", "oracle:poor",
            "--repeats", "2", "--json",
        )  # fmt: skip
        for _ in stops:
            answered.clear()
            process = start(playground_home, *command)
            assert answered.wait(60)
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=30)
        found = call(playground_home, *command[:-1])
        times = Counter(oracle.answered)
    assert found["finished"]
    assert len(found["cases"]) == 200
    units = {(case["case"], case["target"], case["repeat"]) for case in found["cases"]}
    assert len(units) == 200
    # two repeats of each; what was on its way when the program died may have been asked again
    assert sum(count - 2 for count in times.values()) <= len(stops)
    assert all(2 <= count <= 3 for count in times.values())
    good, poor = found["models"]
    assert (good["right"], good["scored"], good["not_scored"]) == (50, 50, 0)
    assert (poor["right"], poor["scored"]) == (25, 50)
    (pair,) = found["pairs"]
    assert (pair["only_a_right"], pair["only_b_right"]) == (25, 0)
    assert pair["verdict"] == "a_better"
    assert pair["p_value"] < 1e-6
    assert call(playground_home, "tests", "report", "last") == found


def test_the_same_again_after_the_end_begins_anew(playground_home: Path) -> None:
    with Oracle(lambda _model, prompt: str(number_in(prompt))) as oracle:
        import_numbers(playground_home, 3)
        add_provider(playground_home, oracle)
        command = ("tests", "run", "NUMBERS", "--target", "oracle:m")
        first = call(playground_home, *command)
        second = call(playground_home, *command)
        assert first["evaluation"] != second["evaluation"]
        assert len(oracle.answered) == 6
    listed = call(playground_home, "tests", "list")
    assert [run["evaluation"] for run in listed["evaluations"]] == [
        second["evaluation"],
        first["evaluation"],
    ]


def test_a_file_that_is_read_again_is_still_the_set_that_was_begun(playground_home: Path) -> None:
    def say(model: str, prompt: str) -> Answer:
        return (401, {}, {"error": {"message": "no"}}) if is_shut else str(number_in(prompt))

    is_shut = True
    with Oracle(say) as oracle:
        import_numbers(playground_home, 5)
        add_provider(playground_home, oracle)
        command = ("tests", "run", "Numbers", "--target", "oracle:m")
        first = call(playground_home, *command, code=1)
        assert not first["finished"]
        is_shut = False
        path = playground_home / "numbers.csv"
        # another check for the first question
        path.write_text(path.read_text("utf-8").replace("0.,number,0", "0.,number,7"), "utf-8")
        call(playground_home, "tests", "import", str(path), "--name", "numbers", "--replace")
        second = call(playground_home, *command)
    assert second["evaluation"] == first["evaluation"]
    assert len(second["cases"]) == 5


def test_at_least_decides_the_exit_code(playground_home: Path) -> None:
    def say(_model: str, prompt: str) -> str:
        return "7" if number_in(prompt) == 0 else str(number_in(prompt))

    with Oracle(say) as oracle:
        import_numbers(playground_home, 4)
        add_provider(playground_home, oracle)
        command = ("tests", "run", "Numbers", "--target", "oracle:m", "--at-least")
        call(playground_home, *command, "0.75")
        call(playground_home, *command, "0.76", code=1)


def test_an_outage_is_not_scored_and_only_that_is_asked_again(playground_home: Path) -> None:
    is_out = True

    def say(_model: str, prompt: str) -> Answer:
        if is_out and number_in(prompt) < 2:
            return 500, {}, {"error": {"message": "out"}}
        return str(number_in(prompt))

    with Oracle(say) as oracle:
        import_numbers(playground_home, 5)
        add_provider(playground_home, oracle)
        first = call(playground_home, "tests", "run", "Numbers", "--target", "oracle:m")
        (model,) = first["models"]
        assert (model["right"], model["scored"], model["not_scored"]) == (3, 3, 2)
        outcomes = {case["case"]: case["outcome"] for case in first["cases"]}
        assert outcomes == {1: "not_scored", 2: "not_scored", 3: "right", 4: "right", 5: "right"}
        is_out = False
        again = call(playground_home, "tests", "again", "last")
        assert (again["models"][0]["right"], len(oracle.answered)) == (5, 5)


def test_a_provider_that_dies_leaves_not_scored_and_only_that_is_asked_again(
    playground_home: Path,
) -> None:
    port, log = free_port(), playground_home / "asked"
    import_numbers(playground_home, 12)
    address = f"http://127.0.0.1:{port}/v1"
    call(playground_home, "providers", "add", "oracle", "--base-url", address)
    with provider(playground_home, port, "4") as dying:
        running = start(
            playground_home, *["tests", "run", "numbers", "--target", "oracle:m", "--json"]
        )
        until(lambda: log.exists() and log.read_text("utf-8").count("\n") == 5)
        dying.kill()
        said, complaint = running.communicate(timeout=60)
    assert running.returncode == 0, complaint
    (model,) = json.loads(said)["models"]
    # the first four, of which one was wrong
    assert (model["right"], model["scored"], model["not_scored"]) == (3, 4, 8)
    log.unlink()
    with provider(playground_home, port):
        again = call(playground_home, "tests", "again", "last")
    assert sorted(map(number_in, log.read_text("utf-8").splitlines())) == list(range(4, 12))
    (model,) = again["models"]
    assert (model["right"], model["scored"], model["not_scored"]) == (9, 12, 0)


@pytest.mark.model
def test_a_model_here_a_real_server_and_a_provider_stopped_killed_and_gone_on_with(
    playground_home: Path, starter_model: Path
) -> None:
    """Given a set from a CSV: run, stop, kill -9, go on, results; nothing is asked twice."""
    stops = {2: signal.SIGINT, 4: signal.SIGKILL}
    reached = threading.Event()

    def say(model: str, prompt: str) -> str:
        if len(oracle.answered) in stops:
            reached.set()
        return right_three_times_of_four(model, prompt)

    with Oracle(say) as oracle, llama_server(starter_model, playground_home) as address:
        import_numbers(playground_home, 6)
        add_provider(playground_home, oracle)
        call(playground_home, "providers", "add", "llama", "--base-url", address)
        command = (
            "tests", "run", "numbers", "--target", "local:starter", "--target", "llama:any",
            "--target", "oracle:m", "--max-tokens", "8",
        )  # fmt: skip
        for number in stops.values():
            reached.clear()
            process = start(playground_home, *command)
            assert reached.wait(60)
            process.send_signal(number)
            _, complaint = process.communicate(timeout=30)
            assert "Traceback" not in complaint
            if number is signal.SIGINT:
                assert "the same command goes on from here" in complaint
        found = call(playground_home, *command)
        # what was on its way may have been asked again
        assert len(oracle.answered) <= 6 + len(stops)
    assert found["finished"]
    units = {(case["case"], case["target"]) for case in found["cases"]}
    assert len(units) == len(found["cases"]) == 18
    local, served, scripted = found["models"]
    for model in (local, served):
        assert model["scored"] + model["not_scored"] == 6
        assert model["tokens_per_s"]["median"] > 0
    assert local["tokens_per_s"]["provenance"] == "measured"
    assert (scripted["right"], scripted["scored"]) == (4, 6)
    assert len(found["pairs"]) == 3


@pytest.mark.xvfb
@pytest.mark.timeout(240)
@pytest.mark.skipif(not can_drive(), reason="Xvfb and xdotool are not installed")
def test_the_window_pauses_is_killed_and_goes_on(playground_home: Path) -> None:
    """Given a test that stopped: gone on with, paused, killed, gone on with; nothing is lost."""
    reached, gate = threading.Event(), threading.Event()

    def say(model: str, prompt: str) -> str:
        if len(oracle.answered) >= 2:
            reached.set()
            gate.wait(60)
        return right_three_times_of_four(model, prompt)

    with Oracle(say) as oracle:
        import_numbers(playground_home, 16)
        add_provider(playground_home, oracle)
        process = start(playground_home, "tests", "run", "numbers", "--target", "oracle:m")
        assert reached.wait(60)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        asked = len(oracle.bodies)
        with program(playground_home) as running:
            running.press("ctrl+2")
            running.click(running.wait_text(r"^Go on: \d+ of 16$"))
            running.click("Go on")
            until(lambda: len(oracle.bodies) > asked)
            running.click("Pause")
            running.wait_text("^Paused$")
            gate.set()
            running.settle()
            paused = len(oracle.answered)
            assert paused < 16
            running.settle()
            assert len(oracle.answered) == paused, "nothing is asked while it is paused"
            gate.clear()
            asked = len(oracle.bodies)
            running.click("Go on")
            until(lambda: len(oracle.bodies) > asked)
            running.kill()
        gate.set()
        with program(playground_home) as running:
            running.press("ctrl+2")
            running.click(running.wait_text(r"^Go on: \d+ of 16$"))
            running.click("Go on")
            running.wait_text(r"^12 of 16 right")
            assert running.close() == 0
    found = call(playground_home, "tests", "report", "last")
    assert found["finished"]
    assert (found["models"][0]["right"], found["models"][0]["scored"]) == (12, 16)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("tests", "run", "nothing", "--target", "local:starter"), "no set called"),
        (("tests", "report", "last"), "no evaluation"),
        (("tests", "import", "/nowhere/x.csv", "--name", "x"), "cannot be read"),
        (("tests", "import", __file__, "--name", "x" * 201), "longer than 200"),
        (("tests", "import", __file__, "--name", "a\nb"), "not one line"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(
    playground_home: Path, words: tuple[str, ...], sentence: str
) -> None:
    process = start(playground_home, *words)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 2
    assert sentence in complaint
    assert complaint.count("\n") == 1


@pytest.mark.model
def test_the_starter_model_takes_a_test(playground_home: Path) -> None:
    path = playground_home / "q.jsonl"
    rows = [
        {"prompt": "What is 2 + 2? Answer with the number.", "check": "number", "expected": 4},
        {"prompt": "Write a very long story.", "check": "contains", "expected": "x"},
    ]
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    call(playground_home, "tests", "import", str(path), "--name", "Q")
    found = call(
        playground_home, "tests", "run", "Q", "--target", "local:starter", "--max-tokens", "24"
    )
    (model,) = found["models"]
    # the story is cut off, and so not scored
    assert (model["scored"], model["not_scored"]) == (1, 1)
    assert model["interval"][0] < model["interval"][1]
    assert model["tokens_per_s"]["provenance"] == "measured"
    assert model["provenance"] == "estimated"
