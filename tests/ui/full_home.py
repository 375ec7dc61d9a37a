"""A home in which every page has something to show, with names as long as they come."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from playground.core.chat import ChatRequest
from playground.core.checks.reading import read_check
from playground.core.downloads import Download, DownloadState
from playground.core.errors import ErrorInfo
from playground.core.evaluations import Evaluation, Plan, UnitResult, new_evaluation
from playground.core.expected import Outcome
from playground.core.hub import HubPart
from playground.core.prompt_sets import new_case, new_set
from playground.core.runs import (
    Comparison,
    Cost,
    HostContact,
    Provenance,
    Run,
    RunOrder,
    RunStatus,
    StreamCounts,
    Thumb,
    Timings,
    TokenUsage,
    Turn,
)
from playground.core.targets import CloudTarget, LocalTarget, ModelFile, Provider, Target, Tier
from playground.core.turns import new_comparison
from playground.services.downloads.manager import QueueFile
from playground.services.evaluation import ProviderWaits, TargetGivenUp, UnitStarted
from playground.store.database import Database
from playground.store.evaluations import EvaluationStore
from playground.store.files import Paths
from playground.store.history import ComparisonStore
from playground.store.settings import SettingsStore, ThemeMode
from playground.ui.pages.tests.progress import Progress
from tests.core.gguf_files import Dense, write_dense
from tests.servers.hub import HubServer

LONG = "Meta-Llama-3.1-8B-Instruct-abliterated-v2.1-i1"
UNBROKEN = "Another" + "Name" * 18
PROVIDERS = (
    Provider("o", "Ollama", "http://127.0.0.1:9/v1"),
    Provider(
        "verylong",
        "A provider whose name somebody has made very long indeed",
        "http://127.0.0.1:9/a/very/long/path/to/an/application/programming/interface/v1",
        Tier.STUDIO,
    ),
)
ANSWER = """A **lighthouse** is a tower by the sea with a strong, turning light.

1. Captains count the seconds between its flashes.
2. Each lighthouse has its own rhythm.

| where | how often |
| --- | --- |
| Heligoland | 5 s |

```python
print("an_identifier_that_is_longer_than_any_pane_would_like_it_to_be", 1_000_000)
```
"""


ORDINARY = (
    "A **lighthouse** is a tall tower by the sea with a strong, turning light. Captains of ships "
    "count the seconds between its flashes: each lighthouse has its own rhythm, so they know "
    "exactly where they are, even in fog or darkness."
)
"""An answer as long as most are to such a question."""
NOTE = (
    "The first one explains it best: it says what a lighthouse is not for.\n"
    "Ask again with the-same-model-in-a-smaller-version-without-a-single-place-to-break-it."
)


def targets(count: int) -> tuple[Target, ...]:
    """Return so many targets, the first with the longest names."""
    models = Path("/models")
    return (
        LocalTarget(
            ModelFile(models / f"{LONG}.gguf", LONG, 4_920_000_000, "Folder", "llama", "IQ4_XS")
        ),
        CloudTarget(PROVIDERS[1], "accounts/fireworks/models/deepseek-v3-1-terminus-0324"),
        LocalTarget(
            ModelFile(models / "s.gguf", "SmolLM2 135M", 98_000_000, "Starter", "llama", "Q4_1")
        ),
        CloudTarget(PROVIDERS[0], "qwen3:4b"),
        CloudTarget(PROVIDERS[0], "gpt-oss:20b"),
        CloudTarget(PROVIDERS[0], "another_model_name_without_a_single_place_to_break_it"),
    )[:count]


def comparison(count: int, *, hidden_names: bool = False, ordinary: bool = False) -> Comparison:
    """Return a comparison of `count` answers, one of which failed; or `ordinary` ones alone."""
    chosen = targets(count)
    turn = Turn(
        f"turn-{count}-{hidden_names}",
        "Explain to a ten-year-old what a lighthouse is for, and what it is not for.",
        RunOrder.FAIR,
        tuple(
            _ordinary(run) if ordinary else run
            for run in (_run(target, order, count) for order, target in enumerate(chosen))
        ),
        hidden_names=hidden_names,
        created_at=datetime.now(UTC),
        note=NOTE,
    )
    for run, thumb in zip(turn.runs, Thumb, strict=False):
        turn = turn.with_thumb(run.id, thumb)
    return replace(new_comparison(chosen), turns=(turn,), created_at=datetime.now(UTC))


def evaluation() -> Evaluation:
    """Return an evaluation of a long set on models with long names."""
    check = (read_check("contains", LONG), read_check("max_words", "3"))
    cases = tuple(
        replace(
            new_case(
                f"{LONG} {number}? {{{{a_name}}}} {{{{a_longer_name_of_a_word}}}} {ANSWER}", check
            ),
            tags=(LONG, "a tag", "another"),
            variables=(("a_name", LONG),),
        )
        for number in range(40)
    )
    made = new_set(f"{LONG} with a long name of its own", cases, ANSWER)
    made = replace(
        made, variables=(("a_name", LONG),), description=ANSWER.split("\n", maxsplit=1)[0]
    )
    return new_evaluation(made, targets(6), 3, made.sampling)


def plan(chosen: Evaluation) -> Plan:
    """Return a plan whose models do not fit into memory together."""
    return Plan(
        units=chosen.unit_count,
        seconds=None,
        usd=0.25,
        hosts=("api.a-provider-with-a-long-name.example.com",),
        local_targets=3,
        groups=(("a",), ("b",)),
        loads=5,
        block=25,
        fewest_disagreements=6,
        can_tell=False,
    )


def progress(chosen: Evaluation) -> Progress:
    """Return how far such an evaluation is in the middle: one waits, one has been given up."""
    done = [
        UnitResult(unit, "", "", tuple(Outcome)[number % 3], total_s=1.5)
        for number, unit in enumerate(chosen.units[:90])
    ]
    shown = Progress(chosen, done)
    keys = [target.key for target in chosen.targets]
    shown.add(UnitStarted(chosen.units[100]))
    shown.add(ProviderWaits((keys[1],), 1200.0, "the provider allows no more for now"))
    refused = f"{chosen.targets[3].label}: Enter a key on the Providers page."
    shown.add(TargetGivenUp(keys[3], refused))
    shown.spent_usd = 0.0123
    return shown


async def _keep(paths: Paths, *comparisons: Comparison) -> None:
    """Put comparisons into the history; the last of them is the newest."""
    database = Database(paths.database_file)
    await database.open()
    history = ComparisonStore(database)
    await EvaluationStore(database).save_set(evaluation().prompt_set)
    for comparison in comparisons:
        await history.save_comparison(comparison)
        for turn in comparison.turns:
            await history.save_turn(comparison.id, turn)
            for run in turn.runs:
                await history.save_run(turn.id, run)
            for run_id, thumb in turn.thumbs:
                await history.set_thumb(run_id, thumb)
    await database.close()


def _ordinary(run: Run) -> Run:
    return replace(
        run, text=ORDINARY, reasoning="", notices=(), status=RunStatus.FINISHED, error=None
    )


def _run(target: Target, order: int, count: int) -> Run:
    is_here = isinstance(target, LocalTarget)
    run = Run(
        f"run-{count}-{order}",
        target,
        ChatRequest(()),
        order,
        RunStatus.FINISHED,
        text=ANSWER,
        reasoning="It should be short." if order == 0 else "",
        finish_reason="stop",
        usage=TokenUsage(10, 250, provenance=Provenance.REPORTED),
        timings=Timings(ttft_s=1.31 + order, generation_s=12.5, total_s=13.9 + order, load_s=2.0),
        counts=StreamCounts(chunks=200, tokens=200, characters=900, words=188, first_chunk_words=1),
        sent_t_s=2.0,
        hosts=() if is_here else (HostContact("api.a-provider-with-a-long-name.example", 1432),),
        cost=Cost(0.0000042, "electricity", Provenance.ESTIMATED, "2 s × 15 W")
        if is_here
        else Cost(0.001234, "api", Provenance.REPORTED, "10 tokens in"),
        notices=("The provider took this sentence out of its answer: it does not say why.",),
    )
    if order != 1 or count == 2:
        return run
    error = ErrorInfo(
        "RateLimited",
        "The provider asks to wait: too many requests were sent in the last minute.",
        "Wait a minute, then run it again.",
    )
    return replace(run, status=RunStatus.FAILED, text="It began", error=error, cost=None)


def fill(paths: Paths, hub: HubServer, folder: Path) -> None:
    """Put settings, models, history and downloads into a home, and repositories on the Hub."""
    paths.create()
    SettingsStore(paths.settings_file).update(
        theme=ThemeMode.LIGHT,
        hub_endpoint=hub.endpoint,
        providers=PROVIDERS,
        model_folders=(folder, folder.parent / "a folder that is not there any more"),
    )
    folder.mkdir()
    small = Dense(layers=1, width=64, heads=1, kv_heads=1, feed_forward=64, vocabulary=64)
    for name in (LONG, "tiny", UNBROKEN):
        extra = {"general.name": name, "general.license": "apache-2.0"}
        extra["tokenizer.chat_template"] = "{{ messages }}"
        write_dense(folder / f"{name}-Q4_K_M.gguf", "llama", small, extra)
    (folder / "damaged.gguf").write_bytes(b"GGUF")
    asyncio.run(_keep(paths, comparison(2), comparison(6)))
    _publish(hub, folder)
    QueueFile(paths.downloads_file).save(_downloads(paths.models_dir))


def _publish(hub: HubServer, folder: Path) -> None:
    path = folder / f"{LONG}-Q4_K_M.gguf"
    said = {
        "gguf": {"total": 8_030_261_248, "architecture": "llama", "context_length": 131_072},
        "tags": ["gguf", "license:llama3.1"],
        "downloads": 1_234_567,
        "likes": 4321,
    }
    for repo, gated in (
        (f"a-long-organisation-name/{LONG}-GGUF", "manual"),
        ("acme/T-GGUF", False),
    ):
        files: dict[str, Path | bytes] = {"README.md": ANSWER.encode()}
        for kind in ("IQ1_S", "Q4_K_M", "Q8_0"):
            files[f"{LONG}-{kind}.gguf"] = path
        hub.add(repo, files, gated=gated, **said)


def _downloads(folder: Path) -> tuple[Download, ...]:
    part = HubPart(f"{LONG}-Q4_K_M.gguf", 4_920_000_000)
    error = ErrorInfo(
        "DiskFull", "There is no room for it on this disk: 3.2 GB are missing.", "Make room."
    )
    states = (DownloadState.PAUSED, DownloadState.PAUSED, DownloadState.FAILED, DownloadState.DONE)
    return tuple(
        Download(
            str(place),
            f"a-long-organisation-name/{LONG}-GGUF",
            "main",
            LONG,
            "Q4_K_M",
            (part,),
            folder / str(place),
            state,
            1_230_000_000,
            4_920_000_000,
            place,
            error=error if state is DownloadState.FAILED else None,
            notice="The file had changed on the Hub: it was begun again." if place == 0 else None,
        )
        for place, state in enumerate(states)
    )
