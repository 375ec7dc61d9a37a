"""Lists the functions a prompt, a model file and a download pass through, one hop each.

    python packaging/trace_calls.py [--write] [--hops]

Follows the real program on a virtual screen (Xvfb, xdotool) and its child processes with
`sys.setprofile`. Each way has stations: the functions in which something of it is done, such as a
row written or a figure shown. When a station is reached, the program's own functions on the stack,
awaiting ones included, are how the work came there. A hop is such a function, or a station. What is
called on the way and comes back before a station (values, layout, painting) is no hop.

`--hops` prints every hop, `--write` puts the lists into `playground/README.md`.
"""

import argparse
import json
import os
import re
import shutil
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
STATIONS = frozenset(os.environ["PYTHON_TRACE_STATIONS"].split())
QUIET_S = 0.3
seen = {}
output = os.open(FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def note(frame, event, argument):
    if event != "call" or frame.f_code.co_qualname not in STATIONS:
        return
    now = time.monotonic()
    way = []
    while frame is not None:
        code = frame.f_code
        if code.co_filename.startswith(ROOT) and code.co_name[0] != "<":
            way.append(code.co_filename[len(ROOT):] + "\\t" + code.co_qualname)
        frame = frame.f_back
    line = "\\t".join((str(now), *reversed(way)))
    last, seen[line.partition("\\t")[2]] = seen.get(line.partition("\\t")[2], 0.0), now
    if now - last > QUIET_S:
        os.write(output, (line + "\\n").encode())


threading.setprofile(note)
sys.setprofile(note)
"""
"""What every process of the program imports at its start: notes how each station is reached."""
START = re.compile(r"^(__main__|app/window|ui/start)|\tBridge._run_loop$")
"""Where every stack of a thread begins."""


PROMPT_STATIONS = """
Bridge.follow CompareView.set_running Database.write _put_run WorkerPool._entry
MemoryPlanner.plan HeaderCache.of LlamaWorker._start LlamaWorker._send JobQueue.add load_model
PromptRenderer._tokenise_around Decoder._read_prompt AnswerText.add Decoder._emit_chunk _event
RunFold.add Follower._pass_on Follower._deliver PaneController.begin PaneController.update
MarkdownView.set_text _Figure.set_cell PriceService.cost ComparisonStore.append_events
ComparisonStore.save_run PaneController.end
"""
"""Sent, stored, loaded, generated, folded, shown, priced, stored again."""
FILE_STATIONS = """
ModelsPresenter._on_shown Bridge.follow ScanProcess._send _scan_root grouped _with_projector
stamped Responder.answer LibraryIndex.update LibraryIndex._described HeaderCache._read _header
model_of ModelLibrary._publish Follower._deliver RowStore._made ModelTableModel.show_rows
RequirementsService.assess LibraryCache.get parse_header _files_below _repository starter_path
app_model_folders disambiguate ListingCache.note ModelsPresenter._assess_rows assess
ModelDelegate._paint_name ModelDelegate._paint_badge
"""
"""Found, grouped, paired, read, indexed, shown, assessed, shown again."""
DOWNLOAD_STATIONS = """
RepositoryPresenter._on_download Bridge.submit DownloadManager.add bytes_on_disk
check_disk_space QueueFile.save DownloadManager._notify DownloadTask._run FileTransfer.__init__
PartFile.__init__ _open_locked PartFile._start_journal PartFile.claim HubService.source
SecretStore.get ConnectionPool.get version_of FileTransfer._copy PartFile.write
RateLimiter.spend PrefixHash.check PartFile.finish DownloadTask.progress DownloadTask._settle
"""
"""Queued, room made, opened, resolved, fetched, written, checked, named."""


QUIET_BYTES = 2_000
"""Most the list of calls grows in two seconds in which nothing is asked of the program."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One function on a way."""

    module: str
    name: str


class Trace:
    """What the program and its children note while they run."""

    def __init__(self, folder: Path, stations: str) -> None:
        self._file = folder / "calls"
        self._file.touch()
        (folder / "sitecustomize.py").write_text(TRACER, encoding="utf-8")
        self.variables = {
            "PYTHONPATH": os.pathsep.join((str(ROOT), str(folder))),
            "PYTHON_TRACE_ROOT": f"{ROOT / 'playground'}{os.sep}",
            "PYTHON_TRACE_FILE": str(self._file),
            "PYTHON_TRACE_STATIONS": stations,
        }

    def settle(self) -> None:
        """Wait until only what runs all the time still runs."""
        size, before = -1, 0
        while size < 0 or size - before > QUIET_BYTES:
            before = self._file.stat().st_size
            time.sleep(2)
            size = self._file.stat().st_size

    def hops(self, since_s: float) -> list[Hop]:
        """Return the functions on the ways to the stations reached from then until now."""
        until_s = time.monotonic()
        time.sleep(1)
        found: dict[tuple[str, str], Hop] = {}
        for line in self._file.read_text(encoding="utf-8").splitlines():
            at, *places = line.split("\t")
            if not since_s <= float(at) <= until_s:
                continue
            for module, name in zip(places[::2], places[1::2], strict=True):
                if not START.search(f"{module}\t{name}"):
                    found.setdefault((module, name), Hop(module, name))
        return list(found.values())


@contextmanager
def traced(home: Path, stations: str, **variables: str) -> Iterator[tuple[Program, Trace]]:
    """Run the program in this home, and note what it and its children call."""
    with tempfile.TemporaryDirectory() as folder:
        trace = Trace(Path(folder), stations)
        with program(home, size="1280x800", **variables, **trace.variables) as running:
            trace.settle()
            yield running, trace
            running.close()


def trace_prompt(home: Path) -> list[Hop]:
    """Return the way of a prompt: from *Run* until the card shows the answer's figures."""
    settings = {"sampling": {"seed": 7, "max_tokens": 8}}
    (home / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    with traced(home, PROMPT_STATIONS) as (running, trace):
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
        running.wait_text(r"^electricity: .*\d")
        return trace.hops(began)


def trace_file(home: Path) -> list[Hop]:
    """Return the way of a model file: from a new file until its verdict is on the Models page."""
    (home / "models").mkdir()
    starter = find_starter_model()
    if starter is None:
        sys.exit("install the extra `starter`: its model is followed")
    copy = Path(shutil.copy(starter, home / "one.gguf"))
    with traced(home, FILE_STATIONS) as (running, trace):
        # the details of a chosen model, which another way leads to, are there before
        running.press("ctrl+3")
        running.wait_text("Where else would it run")
        running.press("ctrl+1")
        trace.settle()
        began = time.monotonic()
        copy.rename(home / "models" / copy.name)
        running.press("ctrl+3")
        running.wait_text("^2 models")
        time.sleep(2)
        return trace.hops(began)


def trace_download(home: Path) -> list[Hop]:
    """Return the way of a download: from the click until the file has its name."""
    with tempfile.TemporaryDirectory() as published, HubServer() as hub:
        fill(hub, Path(published))
        variables = {"HF_ENDPOINT": hub.endpoint, "HF_HOME": f"{home}/hf", "HOME": str(home)}
        with traced(home, DOWNLOAD_STATIONS, **variables) as (running, trace):
            running.press("ctrl+4")
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
            running.until(lambda: next(files.rglob("smollm2*Q4_1.gguf"), None), "the file")
            time.sleep(1)
            return trace.hops(began)


WAYS: dict[str, tuple[str, Callable[[Path], list[Hop]], int]] = {
    "prompt": ("Run to the figures on the card", trace_prompt, 75),
    "file": ("a new file to its row with the verdict", trace_file, 60),
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
