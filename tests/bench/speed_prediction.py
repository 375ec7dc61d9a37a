"""The expected speed beside the real one, for quantizations that have not run yet.

    python -m tests.bench.speed_prediction [--rounds 3] [--save FILE] [--from FILE]
    python -m tests.bench.speed_prediction --disturbed

Writes models of random weights in a dozen quantizations and two sizes, lets each answer through
the real worker (three times in each of `--rounds`, all in turn; answers that had not the machine
to themselves are passed over, as the program does), and then asks what would have been said of each

- before anything had run: the range must hold what was measured;
- after one other model: as above;
- after any two others of different quantizations: the figure must be within 35 %.

`--save` keeps what was measured, and `--from` reckons with it again.

`--disturbed` lets models answer while other programs keep half of the cores busy, and keeps the
answers in a history: no verdict and no speed may have moved.
"""

import argparse
import asyncio
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from playground.core.fold import RunFold
from playground.core.gguf.reader import read_header
from playground.core.metrics import generation_speed
from playground.core.requirements.model import Speed
from playground.core.requirements.speed import Observation, TokenCost, predict, token_cost
from playground.core.runs import Comparison, Run, RunOrder, Turn
from playground.core.targets import LocalTarget, ModelFile
from playground.engines.llama.engine import LlamaEngine
from playground.services.library.service import ModelLibrary
from playground.services.machine.machine import (
    Bandwidth,
    MachineService,
    measure_in_child,
    physical_cores,
)
from playground.services.requirements import RequirementsService
from playground.store.database import Database
from playground.store.history import ComparisonStore
from playground.store.local_runs import LocalRuns
from tests.conftest import find_starter_model
from tests.core.gguf_speaking import Speaker, write_speaker
from tests.engines.local_run import ask, local_engine, run

LARGE = Speaker(layers=6)
SMALL = Speaker(layers=6, width=768, heads=12, kv_heads=4, feed_forward=2_048)
KINDS = (
    "F16", "BF16", "Q8_0", "Q6_K", "Q5_K_M", "Q5_0", "Q4_K_M", "Q4_0", "Q4_1", "IQ4_XS", "Q3_K_M",
    "Q2_K",
)  # fmt: skip
SMALL_KINDS = ("F16", "Q8_0", "Q6_K", "Q4_K_M", "Q4_0")
TOKENS = 256
"""In an answer: of what is over within 0.3 s nothing is known of its disturbances."""
FEW_TOKENS = 24
"""In answers under load, which may take a second for each."""
ANSWERS = 3
TRIES = 60
PAUSE_S = 0.5
BAR = 0.35
"""How far the one figure may be off, as a share of the speed that was measured."""


@dataclass
class Ran:
    """A model, what it reads, and how fast it was each time."""

    name: str
    reading: TokenCost
    speeds: list[float] = field(default_factory=list)

    @property
    def tokens_per_s(self) -> float:
        """The median."""
        return statistics.median(self.speeds)

    @property
    def observation(self) -> Observation:
        """What is learnt from it."""
        return Observation(self.reading, self.tokens_per_s)


async def answered(engine: LlamaEngine, path: Path, name: str = "r", tokens: int = TOKENS) -> Run:
    """Return a run as the program would keep it."""
    model = ModelFile(path, path.stem, path.stat().st_size, "", quantization=kind_of(path))
    request = ask("Tell a long story.", max_tokens=tokens)
    fold = RunFold(Run(name, LocalTarget(model), request, order=0))
    fold.start()
    async for event in engine.stream(request):
        fold.add(event)
    return fold.run


def kind_of(path: Path) -> str | None:
    return read_header(path).quantization


async def answers(path: Path) -> list[float]:
    """Return the generation speed of some answers that had the machine to themselves.

    As the history would keep them; an answer that others disturbed is asked for again.
    """
    speeds: list[float] = []
    async with local_engine(path, threads=physical_cores()) as (engine, _):
        await run(engine, ask("Hi", max_tokens=1))
        for _ in range(TRIES):
            one = await answered(engine, path)
            if not one.is_evidence:
                await asyncio.sleep(PAUSE_S)
                continue
            figure = generation_speed(one)
            assert figure is not None
            speeds.append(figure.value)
            if len(speeds) == ANSWERS:
                break
    return speeds


@contextmanager
def busy_programs() -> Iterator[None]:
    """Keep half of the cores busy."""
    command = [sys.executable, "-c", "while True: pass"]
    programs = [subprocess.Popen(command) for _ in range(max(1, physical_cores() // 2))]
    try:
        yield
    finally:
        for program in programs:
            program.kill()
            program.wait()


async def is_unmoved(folder: Path) -> bool:
    """Print each model's verdict before and after answers under load; return whether all stayed."""
    starter = find_starter_model()
    assert starter is not None
    paths = [starter, *(write_speaker(folder / f"{k}.gguf", k, SMALL) for k in ("Q8_0", "Q4_0"))]
    database = Database(folder / "history.sqlite3")
    await database.open()
    store = ComparisonStore(database)
    service = RequirementsService(
        MachineService(Bandwidth(folder / "memory.json")),
        LocalRuns(database),
        ModelLibrary(lambda: (), folder),
    )

    async def said() -> list[tuple[str, Speed | None]]:
        await service.refresh()
        found = [service.assess(read_header(path)) for path in paths]
        return [(needs.verdict.value, needs.speed) for needs in found]

    before = await said()
    for path in paths:
        async with local_engine(path, threads=physical_cores()) as (engine, _):
            with busy_programs():
                for number in range(ANSWERS):
                    one = await answered(engine, path, f"{path.stem}-{number}", FEW_TOKENS)
                    comparison = Comparison(f"c-{one.id}", (one.target,), created_at=one.started_at)
                    turn = Turn(f"t-{one.id}", "story", RunOrder.FAIR, (one,))
                    await store.save_comparison(comparison)
                    await store.save_turn(comparison.id, turn)
                    await store.save_run(turn.id, one)
                    print(f"{path.stem}: {generation_speed(one)}, {one.machine_load}")
    after = await said()
    await database.close()
    for path, was, now in zip(paths, before, after, strict=True):
        print(f"{path.stem:30} {was} → {now}{'' if was == now else '  MOVED'}")
    return before == after


async def measure(rounds: int, folder: Path) -> tuple[float, list[Ran]]:
    """Return the memory bandwidth, and every model with its speeds."""
    starter = find_starter_model()
    assert starter is not None
    wanted: list[tuple[str, str, Speaker]] = [(f"{kind} large", kind, LARGE) for kind in KINDS]
    wanted += [(f"{kind} small", kind, SMALL) for kind in SMALL_KINDS]
    found = {"starter": Ran("starter", token_cost(read_header(starter)))}
    bandwidths = []
    for number in range(rounds):
        if (reading := measure_in_child()) is not None:
            bandwidths.append(reading.bytes_per_s)
        found["starter"].speeds += await answers(starter)
        for name, kind, size in wanted:
            # written anew each time: all together they would fill a disk
            path = write_speaker(folder / "m.gguf", kind, size)
            if name not in found:
                found[name] = Ran(name, token_cost(read_header(path)))
            found[name].speeds += await answers(path)
            speeds = " ".join(f"{speed:.1f}" for speed in found[name].speeds)
            print(f"round {number + 1}: {name:14} {speeds} tokens/s", file=sys.stderr)
    return statistics.median(bandwidths), [one for one in found.values() if one.speeds]


def pairs(ran: Sequence[Ran], apart: Ran) -> Iterator[tuple[Ran, Ran]]:
    """Yield any two others of different quantizations."""
    others = [one for one in ran if one is not apart]
    for pair in itertools.combinations(others, 2):
        if pair[0].reading.quantization != pair[1].reading.quantization:
            yield pair


def ratio(expected: Speed | None, measured: float) -> float:
    """Return what was said as a share of what was measured."""
    assert expected is not None
    return (expected.low_tokens_per_s * expected.high_tokens_per_s) ** 0.5 / measured


def is_held(expected: Speed | None, measured: float) -> bool:
    """Return True where the range holds what was measured."""
    assert expected is not None
    return expected.low_tokens_per_s <= measured <= expected.high_tokens_per_s


def show(bandwidth: float, ran: Sequence[Ran]) -> bool:
    """Print what would have been said of each, and return whether every bar is met."""
    print(f"memory bandwidth {bandwidth / 1e9:.1f} GB/s, {physical_cores()} cores")
    print("model            MB/token  tokens/s   GB/s  unseen: said/real, held   "
          "after one: held   after two: worst, within 35 %")  # fmt: skip
    missed, total, worst_of_all, out_of_range = 0, 0, 1.0, 0
    for one in ran:
        real = one.tokens_per_s
        unseen = predict(one.reading, bandwidth)
        after_one = [
            is_held(predict(one.reading, bandwidth, [other.observation]), real)
            for other in ran
            if other is not one
        ]
        said = [
            ratio(predict(one.reading, bandwidth, [a.observation, b.observation]), real)
            for a, b in pairs(ran, one)
        ]
        good = sum(1 - BAR <= value <= 1 + BAR for value in said)
        worst = max(said, key=lambda value: max(value, 1 / value))
        worst_of_all = max(worst_of_all, worst, 1 / worst)
        missed, total = missed + len(said) - good, total + len(said)
        out_of_range += (not is_held(unseen, real)) + after_one.count(False)
        reached = one.reading.total_bytes * real / 1e9
        line = f"{one.name:15} {one.reading.total_bytes / 1e6:9.1f} {real:9.1f} {reached:6.1f}"
        line += f"   {ratio(unseen, real):5.2f} {'yes' if is_held(unseen, real) else 'NO ':3}"
        line += f"   {sum(after_one):9}/{len(after_one)}       {worst:8.2f}  {good}/{len(said)}"
        print(line)
    print(f"after two: {total - missed} of {total} within 35 %, worst by a factor of "
          f"{worst_of_all:.2f}; ranges that did not hold: {out_of_range}")  # fmt: skip
    return not missed and not out_of_range


async def main() -> int:
    """Print the table and return 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--save", type=Path)
    parser.add_argument("--from", dest="source", type=Path)
    parser.add_argument("--disturbed", action="store_true")
    chosen = parser.parse_args()
    if chosen.disturbed:
        with tempfile.TemporaryDirectory() as folder:
            return 0 if await is_unmoved(Path(folder)) else 1
    if chosen.source:
        data = json.loads(chosen.source.read_text())
        bandwidth = data["bandwidth"]
        ran = [
            Ran(one["name"], TokenCost(**one["reading"]), one["speeds"]) for one in data["models"]
        ]
    else:
        with tempfile.TemporaryDirectory() as folder:
            bandwidth, ran = await measure(chosen.rounds, Path(folder))
    if chosen.save:
        models = [asdict(one) for one in ran]
        chosen.save.write_text(json.dumps({"bandwidth": bandwidth, "models": models}, indent=1))
    return 0 if show(bandwidth, ran) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
