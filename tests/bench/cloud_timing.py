"""Times of cloud runs beside the stamps of the server that made them, and beside a bare client.

    python -m tests.bench.cloud_timing [--repeats 20]
    python -m tests.bench.cloud_timing --beside-local [--repeats 20]

A scripted server, in a process of its own, waits 0.2 s before the first word and writes the others
20 ms apart; it notes when each left. Ours are runs of the comparison service with a history on
disk; the bare client is an asyncio socket that reads lines. Both alternate: cold, in a new process
each time, warm, and 6 and 32 at once.

`--beside-local`: what a model on this computer loses while the four answers that a test asks a
provider for are read, ours and a bare client's in alternation with silence. The server runs on this
computer too: what our reading costs is the difference to the bare client.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

from playground.core.chat import ChatRequest, Message, Role, SamplingParams
from playground.core.fold import RunFold
from playground.core.metrics import figures
from playground.core.runs import Run, RunOrder
from playground.core.targets import CloudTarget, LocalTarget, ModelFile, Provider, Target
from playground.core.turns import new_comparison
from playground.engines.base import Engine
from playground.engines.openai.engine import OpenAIChatEngine
from playground.services.comparison import ComparisonService, RunEnded
from playground.services.evaluation import AT_ONCE
from playground.services.machine.machine import physical_cores
from playground.store.database import Database
from playground.store.history import ComparisonStore
from tests.conftest import find_starter_model
from tests.engines.local_run import local_engine

FIRST_S, GAP_S, WORDS = 0.2, 0.02, 51
LOCAL_TOKENS, READ_S = 120, 4.0
ALONE_BAR_MS, MEDIAN_BAR_MS, WORST_BAR_MS, SPEED_BAR = 3.0, 3.0, 25.0, 0.01


class Server:
    """The scripted server: the model id of a request names it in the log."""

    def __init__(self) -> None:
        self._stamps: dict[str, dict[str, float]] = {}

    async def serve(self) -> None:
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0, backlog=100)
        print(server.sockets[0].getsockname()[1], flush=True)
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            print(json.dumps(self._stamps.pop(line.strip(), None)), flush=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.partition("content-length:")[2].split("\r\n")[0])
        model = json.loads(await reader.readexactly(length))["model"]
        received = time.perf_counter()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n")
        writer.write(b"Transfer-Encoding: chunked\r\n\r\n")
        stamps = []
        for number in range(WORDS):
            await _until(received + FIRST_S + number * GAP_S)
            if writer.is_closing():
                return
            stamps.append(time.perf_counter() - received)
            _write(writer, {"choices": [{"index": 0, "delta": {"content": f"word{number:02} "}}]})
        usage = {"prompt_tokens": 5, "completion_tokens": WORDS}
        finish = {"index": 0, "delta": {}, "finish_reason": "stop"}
        _write(writer, {"choices": [finish], "usage": usage})
        writer.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
        speed = (WORDS - 1) / (stamps[-1] - stamps[0])
        self._stamps[model] = {"ttft_s": stamps[0], "tokens_per_s": speed}
        with suppress(ConnectionError):
            # who has heard enough may leave
            await writer.drain()
        writer.close()


async def _until(t: float) -> None:
    while (left := t - time.perf_counter()) > 0:
        await asyncio.sleep(left - 0.0008 if left > 0.001 else 0)


def _write(writer: asyncio.StreamWriter, data: Any) -> None:
    event = b"data: " + json.dumps(data).encode() + b"\n\n"
    writer.write(b"%x\r\n%s\r\n" % (len(event), event))


async def run_ours(port: int, names: list[str], folder: Path) -> dict[str, dict[str, float]]:
    """Return TTFT and speed of runs that start together, by the name of their model."""
    provider = Provider("bench", "Bench", f"http://127.0.0.1:{port}/v1")
    targets: list[Target] = [CloudTarget(provider, name) for name in names]
    database = Database(folder / "history.sqlite3")
    await database.open()

    def engine_for(target: Target) -> OpenAIChatEngine:
        assert isinstance(target, CloudTarget)
        return OpenAIChatEngine(target, None)

    service = ComparisonService(engine_for, ComparisonStore(database))
    comparison = new_comparison(tuple(targets), sampling=SamplingParams())
    found = {}
    async for update in service.run_turn(comparison, "Hi", RunOrder.RACE):
        if isinstance(update, RunEnded):
            known = figures(update.run)
            assert known.ttft_s is not None, update.run.error
            assert known.generation_tokens_per_s is not None
            found[update.run.target.label] = {
                "ttft_s": known.ttft_s.value,
                "tokens_per_s": known.generation_tokens_per_s.value,
            }
    await database.close()
    return found


async def run_bare(port: int, names: list[str]) -> dict[str, dict[str, float]]:
    """Return what a client sees that does nothing but read lines."""

    async def ask(name: str) -> dict[str, float]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        body = json.dumps({"model": name, "stream": True, "messages": []}).encode()
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n")
        writer.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        sent, stamps = time.perf_counter(), []
        while line := await reader.readline():
            if line.startswith(b"data: {") and b'"content"' in line:
                stamps.append(time.perf_counter() - sent)
        writer.close()
        speed = (len(stamps) - 1) / (stamps[-1] - stamps[0])
        return {"ttft_s": stamps[0], "tokens_per_s": speed}

    return dict(zip(names, await asyncio.gather(*map(ask, names)), strict=True))


class Bench:
    """Asks the same server in all ways and gathers how far each is from its stamps."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.cloud_timing", "--serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._server.stdout is not None
        self.port = int(self._server.stdout.readline())

    def close(self) -> None:
        self._server.kill()
        self._server.wait()

    def names(self, count: int) -> list[str]:
        self._count += 1
        return [f"run{self._count}-{number}" for number in range(count)]

    def ours(self, count: int, *, is_cold: bool = False) -> list[tuple[float, float]]:
        """Return how much later than the server's TTFT each was (ms), and speed over its speed."""
        names = self.names(count)
        if not is_cold:
            return self._beside(asyncio.run(run_ours(self.port, names, self._folder)))
        order = [str(self.port), str(self._folder), *names]
        command = [sys.executable, "-m", "tests.bench.cloud_timing", "--client", *order]
        return self._beside(json.loads(subprocess.check_output(command, text=True)))

    def bare(self, count: int) -> list[tuple[float, float]]:
        return self._beside(asyncio.run(run_bare(self.port, self.names(count))))

    def _beside(self, found: dict[str, dict[str, float]]) -> list[tuple[float, float]]:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        pairs = []
        for name, seen in found.items():
            self._server.stdin.write(name + "\n")
            self._server.stdin.flush()
            true = json.loads(self._server.stdout.readline())
            later_ms = 1000 * (seen["ttft_s"] - true["ttft_s"])
            pairs.append((later_ms, seen["tokens_per_s"] / true["tokens_per_s"]))
        return pairs


async def beside_local(port: int, rounds: int, threads: int) -> None:
    """Print the speed of a local answer alone, beside four cloud answers, and beside a bare client.

    And what the local answer does to the cloud's speed.
    """
    numbers = iter(range(10**6))
    provider = Provider("bench", "Bench", f"http://127.0.0.1:{port}/v1")

    async def answered(engine: Engine, target: Target) -> float:
        request = ChatRequest(
            (Message(Role.USER, "Tell a very long story."),),
            SamplingParams(temperature=0.0, seed=1, max_tokens=LOCAL_TOKENS),
        )
        fold = RunFold(Run("r", target, request, order=0))
        fold.start()
        async with aclosing(engine.stream(request)) as events:
            async for event in events:
                fold.add(event)
        speed = figures(fold.run).generation_tokens_per_s
        assert speed is not None, fold.run.error
        return speed.value

    async def ours() -> None:
        while True:
            target = CloudTarget(provider, f"beside{next(numbers)}")
            cloud.append(await answered(OpenAIChatEngine(target, None), target))

    async def bare() -> None:
        while True:
            await run_bare(port, [f"beside{next(numbers)}"])

    model = find_starter_model()
    assert model is not None
    local = LocalTarget(ModelFile(model, "Starter", model.stat().st_size, "Starter"))
    cloud: list[float] = []
    ways = {"alone": None, "beside four cloud answers": ours, "beside a bare client": bare}
    found: dict[str, list[float]] = {name: [] for name in ways}
    for name, way in ways.items():
        if way is not None:
            began, used = time.perf_counter(), time.process_time()
            tasks = [asyncio.create_task(way()) for _ in range(AT_ONCE)]
            await asyncio.sleep(READ_S)
            share = (time.process_time() - used) / (time.perf_counter() - began)
            print(f"{name}, no local answer: {share:.1%} of a core for the reading", flush=True)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    cloud.clear()
    async with local_engine(model, threads=threads) as (engine, _):
        await answered(engine, local)
        for number in range(rounds):
            # each way comes first, second and last equally often
            turn = number % len(ways)
            for name in [*list(ways)[turn:], *list(ways)[:turn]]:
                way = ways[name]
                tasks = [asyncio.create_task(way()) for _ in range(AT_ONCE)] if way else []
                if tasks:
                    await asyncio.sleep(FIRST_S + 2 * GAP_S)
                found[name].append(await answered(engine, local))
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
    for name, speeds in found.items():
        shares = [speed / alone for speed, alone in zip(speeds, found["alone"], strict=True)]
        low, middle, high = statistics.quantiles(shares, n=4)
        print(
            f"local, {name:<26} {statistics.median(speeds):7.1f} tokens/s   "
            f"x {middle:.3f} (quartiles {low:.3f} ... {high:.3f})"
        )
    if cloud:
        share = statistics.median(cloud) * GAP_S
        print(f"cloud beside the local answer: speed x {share:.4f} of the server's")


def tell(what: str, pairs: list[tuple[float, float]]) -> tuple[float, float]:
    """Print and return median and worst of the delays, in milliseconds."""
    later, speeds = sorted(p[0] for p in pairs), [p[1] for p in pairs]
    middle = statistics.median(later)
    print(
        f"{what:<28} TTFT {middle:6.2f} ms above the server's (worst {later[-1]:6.2f}), "
        f"speed x {statistics.median(speeds):.4f} ({min(speeds):.3f} ... {max(speeds):.3f})"
    )
    return middle, later[-1]


def main() -> None:
    """Run the bench, or its server, or one cold run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--beside-local", action="store_true")
    parser.add_argument("--threads", type=int, default=physical_cores(), help="of the model")
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--client", nargs="+")
    arguments = parser.parse_args()
    if arguments.serve:
        asyncio.run(Server().serve())
        return
    if arguments.client:
        port, folder, *names = arguments.client
        print(json.dumps(asyncio.run(run_ours(int(port), names, Path(folder)))))
        return
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        try:
            if arguments.beside_local:
                asyncio.run(beside_local(bench.port, arguments.repeats, arguments.threads))
                return
            cold = [bench.ours(1, is_cold=True)[0] for _ in range(arguments.repeats)]
            bench.ours(1)
            warm, bare = [], []
            for _ in range(arguments.repeats):
                warm += bench.ours(1)
                bare += bench.bare(1)
            alone = [tell("alone, cold", cold), tell("alone, warm", warm)]
            tell("alone, bare client", bare)
            print("  ", "ok" if max(m for m, _ in alone) <= ALONE_BAR_MS else "TOO LATE", "(bar 3)")
            for count in (6, 32):
                ours, others = [], []
                for _ in range(max(3, arguments.repeats // 4)):
                    ours += bench.ours(count, is_cold=True)
                    others += bench.bare(count)
                middle, worst = tell(f"{count} at once, cold", ours)
                usual, _ = tell(f"{count} at once, bare client", others)
                is_ok = middle - usual <= MEDIAN_BAR_MS and worst <= WORST_BAR_MS
                print(
                    "  ", "ok" if is_ok else "TOO LATE", "(median 3 above the bare one's, all 25)"
                )
        finally:
            bench.close()


if __name__ == "__main__":
    main()
