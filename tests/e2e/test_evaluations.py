"""`playground tests` as people use it: import, run, kill, go on, report."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from tests.services.evaluating import Answer, Oracle, number_in

ROOT = Path(__file__).resolve().parents[2]


def start(home: Path, *words: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PLAYGROUND_HOME": str(home), "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", "playground", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip


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
