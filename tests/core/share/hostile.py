"""A comparison in which everything is hostile, and everything that must not leave is planted."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from playground.core.chat import ChatRequest, Message, Role, SamplingParams
from playground.core.checks.scoring import CheckResult, check_results
from playground.core.errors import ErrorInfo
from playground.core.events import (
    Alternative,
    Failed,
    Finished,
    InputPrepared,
    Notice,
    ReasoningDelta,
    RequestSent,
    StreamEvent,
    TextDelta,
    Token,
)
from playground.core.expected import Check, CheckKind
from playground.core.fold import RunFold
from playground.core.runs import (
    Comparison,
    Cost,
    HostContact,
    ModelInput,
    Provenance,
    Run,
    RunOrder,
    Thumb,
    TokenUsage,
    Turn,
)
from playground.core.share.comparison import About
from playground.core.share.document import EVERYTHING, Choice
from playground.core.share.scrubbing import Scrubber
from playground.core.targets import CloudTarget, LocalTarget, ModelFile, Provider, Tier

KEY = "sekrit-5150-walrus-key"
HOME = "/home/zelda"
USER, HOST, BOX = "zelda", "hyrule-laptop", "ganon.local"
SECRETS = (
    KEY,
    HOME,
    USER,
    "Zelda",
    HOST,
    BOX,
    "/srv/models",
    "hunter2",
    "secret place",
    "acme.example",
)
"""None of them may stand in anything that leaves."""
NOON = datetime(2026, 11, 27, 14, 20, tzinfo=UTC)
MARKUP = (
    "</script><script>alert(1)</script>"
    '<img src="http://127.0.0.1:8719/pixel.png" onerror="alert(1)">'
    "<style>@import url(http://127.0.0.1:8719/a.css)</style>"
    "![x](http://127.0.0.1:8719/x.png) [y](javascript:alert(1)) http://127.0.0.1:8719/plain "
    "]]><!--<b>& &amp; &lt;"
)
STEERING = (
    "nul\0 bell\x07 esc\x1b[31m c1\x9b rlo\u202eevil\u202c iso\u2066x\u2069 half\ud800 \uffff"
)
FENCES = "```\n# not a heading\n````html\n<b>\n~~~"
FORMULA = '=HYPERLINK("http://127.0.0.1:8719","x")'
PRIVATE = (
    f"I read {HOME}/notes.txt as {USER} on {HOST} with {KEY} and "
    f"http://me:hunter2@{BOX}/v1?api_key=hunter2"
)
LOCAL = LocalTarget(
    ModelFile(Path("/srv/models/qwen/Qwen3-4B.gguf"), "Qwen3 <4B> | *x*", 2_500_000_000, "Starter")
)
CLOUD = CloudTarget(
    Provider("acme", "Acme & <Co>", "https://api.acme.example/v1", Tier.AAA), "=large-1"
)
SERVER = CloudTarget(Provider("box", BOX, f"http://{BOX}:8080/v1"), "tiny")
CHECKS = (Check(CheckKind.CONTAINS, "lighthouse"), Check(CheckKind.MAX_WORDS, "500"))


def scrubber() -> Scrubber:
    return Scrubber(
        (KEY,), folders=(HOME, "/srv/models/qwen"), users=(USER,), hosts=(HOST, BOX, "localhost")
    )


def about(choice: Choice = EVERYTHING) -> About:
    machine = f"16 GB of memory, 8 cores, {HOST}"
    return About(choice, scrubber(), machine=machine, version="0.1.0", zone=UTC)


def pieces(text: str) -> list[str]:
    """Return a text as a model writes it: four letters at a time."""
    return [text[n : n + 4] for n in range(0, len(text), 4)]


def local_events(text: str) -> list[StreamEvent]:
    given = ModelInput((("temperature", 0.5), ("stop", PRIVATE)), 7, "ab" * 32)
    events: list[StreamEvent] = [
        RequestSent(0.5, was_loaded=False, load_s=0.4),
        InputPrepared(0.51, given),
        Notice(0.52, "note", f"Loaded from /srv/models/qwen/Qwen3-4B.gguf for {USER}."),
        ReasoningDelta(0.6, f"Hm, {KEY}"),
    ]
    at = 0.75
    for n, piece in enumerate(pieces(text)):
        at = 0.75 + n * 0.01
        others = (Alternative("other", 0.25, 3, b"other"),)
        raw = piece.encode("utf-8", "surrogatepass")
        events.append(TextDelta(at, piece, (Token(piece, at, 0.5, others, n, raw, 1),)))
    usage = TokenUsage(12, len(pieces(text)), provenance=Provenance.MEASURED, processed_tokens=12)
    return [*events, Finished(at + 0.1, usage, "stop", 0.2)]


def cloud_events(text: str) -> list[StreamEvent]:
    hosts = (HostContact("api.acme.example", 512, proxy=f"{HOST}:3128"),)
    usage = TokenUsage(15, 40, provenance=Provenance.REPORTED)
    return [
        RequestSent(0.1, hosts=hosts, connect_s=0.05),
        *(TextDelta(0.3 + n * 0.02, piece) for n, piece in enumerate(pieces(text))),
        Finished(9.0, usage, "stop", hosts=hosts),
    ]


def failed_events() -> list[StreamEvent]:
    said = f"{BOX} refused {KEY}: see {HOME}/.cache/log and “/opt/secret place/x.log”"
    return [RequestSent(0.1), Failed(0.2, ErrorInfo("ConnectionFailed", said, f"Look in {HOME}"))]


def folded(run: Run, events: Sequence[StreamEvent], cost: Cost | None) -> Run:
    fold = RunFold(run)
    fold.start()
    for event in events:
        fold.add(event)
    return replace(fold.run, cost=cost, started_at=NOON)


def hostile(
    *, hidden_names: bool = False
) -> tuple[Comparison, Mapping[str, Sequence[StreamEvent]], Mapping[str, Sequence[CheckResult]]]:
    """Return the comparison, its events and what its checks say, both by run id."""
    prompt = f"{FORMULA}\n{MARKUP}\n{STEERING}\n{PRIVATE}"
    request = ChatRequest((Message(Role.USER, prompt),), SamplingParams(temperature=0.5))
    runs = [Run(f"run{n}", t, request, n) for n, t in enumerate((LOCAL, CLOUD, SERVER))]
    events = {
        "run0": local_events(f"{MARKUP}\n{PRIVATE}\nA lighthouse."),
        "run1": cloud_events(f"{FORMULA}\n{FENCES}\n{STEERING}\n{PRIVATE}"),
        "run2": failed_events(),
    }
    costs = (
        Cost(0.00004, "electricity", Provenance.ESTIMATED),
        Cost(0.0011, "api", Provenance.REPORTED),
        None,
    )
    done = tuple(folded(run, events[run.id], cost) for run, cost in zip(runs, costs, strict=True))
    turn = Turn("turn0", prompt, RunOrder.FAIR, done, hidden_names, created_at=NOON, checks=CHECKS)
    thumbs = (("run0", Thumb.UP), ("run1", Thumb.DOWN), ("run2", Thumb.DOWN))
    turn = replace(turn, note=f"{FORMULA}\n{MARKUP}\n{STEERING}\n{PRIVATE}", thumbs=thumbs)
    comparison = Comparison(
        "c0ffee",
        (LOCAL, CLOUD, SERVER),
        system_prompt=f"Be brief. {PRIVATE}",
        sampling=SamplingParams(temperature=0.5, max_tokens=300, seed=7),
        turns=(turn,),
        created_at=NOON,
    )
    return comparison, events, {run.id: check_results(CHECKS, run) for run in done}
