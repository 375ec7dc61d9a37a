"""Speed of the worker's decode loop beside a bare `llama_decode` loop, in one process.

    python -m tests.bench.engine_speed [--model FILE] [--blocks 12] [--only NAME]

Prints the median of pair ratios. Each pair is a block of ours and a block of the bare loop on the
same context, in turn, so that what else the machine does hits both. Ours is the whole path: sampler
chain, text, JSON, and a real pipe that another process empties. `--llama-bench PATH` prints the
figures of llama.cpp's own bench beside them; it is built from the llama-cpp-python sdist:

    cmake -S vendor/llama.cpp -B build -DCMAKE_BUILD_TYPE=Release
    cmake --build build --target llama-bench
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import llama_cpp.llama_cpp as api

from playground.core.chat import ChatRequest, Message, Role, SamplingParams
from playground.core.targets import FlashAttention, KvType
from playground.engines.llama.protocol import LoadRequest
from playground.engines.worker.decode import Decoder
from playground.engines.worker.log import LogLines
from playground.engines.worker.model import AbortSwitch, LoadedModel, load_model
from playground.engines.worker.prompt import Pieces, Prompt, PromptRenderer
from playground.services.machine.machine import physical_cores
from tests.conftest import find_starter_model

BLOCK = 100
DEPTH = 2_000
PROMPT = 512
DRAIN = "import os\nwhile os.read(0, 1 << 16): pass"


class Bench:
    """One loaded model, our decoder on it, and a process that reads what it writes."""

    def __init__(self, model: Path, threads: int) -> None:
        self.log = LogLines()
        self.log.install()
        order = LoadRequest(str(model), DEPTH + 512, 0, KvType.F16, threads, FlashAttention.AUTO)
        self.loaded: LoadedModel = load_model(order, self.log, lambda _: None, lambda: False)
        self.abort = AbortSwitch()
        self.abort.attach(self.loaded.context)
        reading, self.pipe = os.pipe()
        self.reader = subprocess.Popen([sys.executable, "-c", DRAIN], stdin=reading)
        os.close(reading)
        self.stamps: list[float] = []
        self.decoder = Decoder(self.loaded, Pieces(self.loaded), self.log, self._emit)
        self.prompts = PromptRenderer(self.loaded)

    def close(self) -> None:
        os.close(self.pipe)
        self.reader.wait()
        self.loaded.close()

    def _emit(self, line: bytes) -> None:
        self.stamps.append(perf_counter())
        os.write(self.pipe, line)

    def tokens(self, count: int) -> tuple[int, ...]:
        words = self.prompts.tokens_of(
            "The quick brown fox jumps over the lazy dog. " * 80, special=False
        )
        return tuple(words[:count])

    def ours(self, prompt: tuple[int, ...], count: int, logprobs: int | None = None) -> list[float]:
        """Return the stamps of `count` written tokens."""
        request = ChatRequest(
            (Message(Role.USER, ""),),
            SamplingParams(temperature=0.0, seed=1, max_tokens=count, logprobs=logprobs),
        )
        self.stamps = []
        self.decoder.answer(Prompt(prompt), request, lambda: False, ignores_end=True)
        return self.stamps[-count - 1 : -1]

    def our_prompt_s(self, prompt: tuple[int, ...]) -> float:
        """Return the seconds from the first to the last message about the prompt."""
        self.ours(prompt, 1)
        return self.stamps[-3] - self.stamps[0]

    def bare(self, prompt: tuple[int, ...], count: int) -> list[float]:
        """Return the stamps of `count` calls of `llama_decode`, one token each."""
        token = (api.llama_token * 1)(prompt[0])
        batch = api.llama_batch_get_one(token, 1)
        stamps = [perf_counter()]
        for _ in range(count - 1):
            api.llama_decode(self.loaded.context, batch)
            stamps.append(perf_counter())
        return stamps

    def fill(self, prompt: tuple[int, ...], count: int) -> None:
        """Bring the context to `count` tokens."""
        self.bare_prompt_s(prompt)
        array = (api.llama_token * PROMPT)(*[prompt[0]] * PROMPT)
        for done in range(len(prompt), count, PROMPT):
            size = min(PROMPT, count - done)
            api.llama_decode(self.loaded.context, api.llama_batch_get_one(array, size))

    def bare_prompt_s(self, prompt: tuple[int, ...]) -> float:
        """Return the seconds one undivided `llama_decode` of `prompt` takes."""
        api.llama_memory_clear(self.loaded.memory, False)
        array = (api.llama_token * len(prompt))(*prompt)
        batch = api.llama_batch_get_one(array, len(prompt))
        begun = perf_counter()
        status = api.llama_decode(self.loaded.context, batch)
        seconds = perf_counter() - begun
        if status:
            raise RuntimeError(f"llama_decode returned {status}")
        return seconds


def per_token(stamps: list[float]) -> float:
    return (stamps[-1] - stamps[0]) / (len(stamps) - 1)


def compare(
    name: str, floor: float, pairs: int, ours: Callable[[], float], other: Callable[[], float]
) -> None:
    """Print other ÷ ours, in seconds for the same work: above 1 is faster than the other."""
    ours(), other()
    ratios, mine, theirs = [], [], []
    for number in range(pairs):
        first, second = (ours, other) if number % 2 == 0 else (other, ours)
        one, two = first(), second()
        own, foreign = (one, two) if number % 2 == 0 else (two, one)
        mine.append(own)
        theirs.append(foreign)
        ratios.append(foreign / own)
    middle = statistics.median(ratios)
    low, _, high = statistics.quantiles(ratios, n=4)
    verdict = "ok" if middle >= floor else "BELOW"
    sys.stdout.write(
        f"{name:34} {middle:6.3f}  (quartiles {low:.3f} … {high:.3f}; floor {floor}; {verdict})"
        f"   ours {statistics.median(mine) * 1e3:8.3f} ms, other"
        f" {statistics.median(theirs) * 1e3:8.3f} ms\n"
    )
    sys.stdout.flush()


def high_level(model: Path, threads: int) -> Callable[[], float]:
    """Return a function that measures `create_chat_completion`, per token.

    Nothing is put in its way: the story it tells is longer than a block by itself.
    """
    from llama_cpp import Llama

    llama = Llama(
        str(model), n_ctx=DEPTH + 512, n_threads=threads, n_threads_batch=threads, verbose=False
    )

    def measure() -> float:
        llama.reset()
        stamps = [
            perf_counter()
            for chunk in llama.create_chat_completion(
                [{"role": "user", "content": "Tell a very long story."}],
                stream=True,
                temperature=0.0,
                max_tokens=BLOCK,
            )
            if chunk["choices"][0]["delta"].get("content")
        ]
        if len(stamps) < BLOCK - 2:
            raise RuntimeError(f"the story ended after {len(stamps)} pieces")
        return per_token(stamps)

    return measure


def llama_bench(program: Path, model: Path, threads: int) -> None:
    """Print what llama.cpp's own bench says of prompt and generation, in tokens per second."""
    sizes = ["-p", str(PROMPT), "-n", str(BLOCK)]
    settings = ["-t", str(threads), "-r", "5", "-ngl", "0", "-o", "json"]
    done = subprocess.run(
        [program, "-m", model, *sizes, *settings], capture_output=True, text=True, check=True
    )
    for row in json.loads(done.stdout):
        name = f"prompt {row['n_prompt']}" if row["n_prompt"] else f"generation {row['n_gen']}"
        sys.stdout.write(
            f"llama-bench, {name:21} {row['avg_ts']:8.1f} ± {row['stddev_ts']:.1f} tokens/s\n"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=find_starter_model())
    parser.add_argument("--threads", type=int, default=physical_cores())
    parser.add_argument("--blocks", type=int, default=12)
    parser.add_argument("--only", default="")
    parser.add_argument(
        "--llama-bench", type=Path, help="llama.cpp's llama-bench, to be printed beside"
    )
    chosen = parser.parse_args()
    bench = Bench(chosen.model, chosen.threads)
    short, long = bench.tokens(16), bench.tokens(PROMPT)
    story = bench.prompts.make((Message(Role.USER, "Tell a very long story."),)).tokens

    def deep_ours() -> float:
        return per_token(bench.ours(short, DEPTH)[-BLOCK:])

    def deep_bare() -> float:
        bench.fill(short, DEPTH - BLOCK)
        return per_token(bench.bare(short, BLOCK))

    def shallow_bare() -> float:
        bench.bare_prompt_s(short)
        return per_token(bench.bare(short, BLOCK))

    rows: list[tuple[str, float, int, Callable[[], float], Callable[[], float]]] = [
        (
            "generation",
            0.96,
            chosen.blocks,
            lambda: per_token(bench.ours(short, BLOCK)),
            shallow_bare,
        ),
        (
            "generation, top-5 probabilities",
            0.90,
            chosen.blocks,
            lambda: per_token(bench.ours(short, BLOCK, 5)),
            shallow_bare,
        ),
        (
            "512-token prompt",
            0.95,
            chosen.blocks,
            lambda: bench.our_prompt_s(long),
            lambda: bench.bare_prompt_s(long),
        ),
        (
            "create_chat_completion",
            1.05,
            chosen.blocks,
            lambda: per_token(bench.ours(story, BLOCK)),
            high_level(chosen.model, chosen.threads),
        ),
        ("last 100 of 2,000 tokens", 0.96, chosen.blocks, deep_ours, deep_bare),
    ]
    for name, floor, pairs, ours, other in rows:
        if chosen.only in name:
            compare(name, floor, pairs, ours, other)
    bench.close()
    if chosen.llama_bench:
        llama_bench(chosen.llama_bench, chosen.model, chosen.threads)


if __name__ == "__main__":
    main()
