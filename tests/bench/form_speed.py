"""Speed of an answer with a fixed form beside a free one, in one process.

    python -m tests.bench.form_speed [--model FILE] [--rounds 15]

The same prompt asks for JSON. Free, with the form, and with the whole vocabulary masked at every
token (for reference) take turns, so that what else the machine does hits all three; the median of
each in tokens a second, and its share of the free speed. The bar is 0.85.
"""

import argparse
import json
import statistics
from collections.abc import Callable
from pathlib import Path

from playground.core.chat import ChatRequest, Message, Role, SamplingParams
from playground.engines.llama.protocol import unpack
from playground.engines.worker.form import Form, make_form
from playground.services.machine.machine import physical_cores
from tests.bench.engine_speed import Bench
from tests.conftest import find_starter_model

BAR = 0.85
LENGTH = 200
PROMPT = (
    "Write a JSON array of objects with the fields name (text), kind (text) and legs (whole "
    "number), one for each of ten animals. Write only JSON."
)
SCHEMA = json.dumps(
    {
        "type": "array",
        "minItems": 10,
        "items": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "kind": {"type": "string"},
                "legs": {"type": "integer"},
            },
            "required": ["name", "kind", "legs"],
            "additionalProperties": False,
        },
    }
)


class AlwaysMasking(Form):
    """Takes nothing at first sight."""

    def admits(self, token: int) -> bool:
        return False


def tokens_per_s(bench: Bench, form: Form | None, seed: int) -> float:
    """Return the speed of one answer of at most `LENGTH` tokens, without its prompt."""
    messages = (Message(Role.USER, PROMPT),)
    prompt = bench.prompts.make(messages)
    sampling = SamplingParams(temperature=0.8, seed=seed, max_tokens=LENGTH)
    stamps: list[float] = []

    def emit(line: bytes) -> None:
        message = unpack(line)
        if message["type"] == "delta":
            stamps.extend(row[1] for row in message["tokens"])

    bench.decoder._emit = emit
    bench.decoder.answer(prompt, ChatRequest(messages, sampling), lambda: False, form=form)
    return (len(stamps) - 1) / (stamps[-1] - stamps[0])


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=Path, default=find_starter_model())
    parser.add_argument("--threads", type=int, default=physical_cores())
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args()
    bench = Bench(args.model, args.threads)
    kinds: dict[str, Callable[[Form], Form | None]] = {
        "free": lambda _: None,
        "form": lambda form: form,
        "always masked": lambda form: AlwaysMasking(form._grammar, form.not_held),
    }
    found: dict[str, list[float]] = {name: [] for name in kinds}
    for seed in range(args.rounds):
        for name, make in kinds.items():
            form = make_form(bench.loaded.vocab, SCHEMA)
            if form is None:
                raise RuntimeError("the schema gives no grammar")
            found[name].append(tokens_per_s(bench, make(form), seed))
            form.close()
    bench.close()
    free = statistics.median(found["free"])
    for name, speeds in found.items():
        median = statistics.median(speeds)
        print(f"{name:14} {median:7.1f} tokens/s   {median / free:.2f} of free")
    share = statistics.median(found["form"]) / free
    print(f"bar {BAR}: {'held' if share >= BAR else 'MISSED'}")
    return 0 if share >= BAR else 1


if __name__ == "__main__":
    raise SystemExit(main())
