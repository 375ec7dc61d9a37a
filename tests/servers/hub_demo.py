"""A loopback Hub with something on it, to try the program by hand and to take its pictures.

    python -m tests.servers.hub_demo [--port N] [--rate BYTES_PER_S]

The starter model's own file is real; all others are headers of known families with empty weights.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.conftest import find_starter_model
from tests.core.gguf_files import Dense, write_dense
from tests.servers.hub import HubServer

CARD = """---
license: {licence}
---
# {name}

A language model that was made to be small. It answers questions, rewrites texts and summarises.

| use | how well |
| --- | --- |
| everyday questions | well |
| long texts | fairly |

![picture from elsewhere](https://tracker.example/pixel.png) ![own file](file:///etc/passwd)

<script>alert("no")</script> <b>raw</b>

See [its makers' page](https://example.com) or [a file](file:///etc/passwd).
"""
QUANTIZATIONS = {"Q2_K": "Q2_K", "Q4_K_M": "Q4_K", "Q5_K_M": "Q5_K", "Q8_0": "Q8_0", "F16": "F16"}


def fill(hub: HubServer, folder: Path) -> None:
    """Publish some repositories, their files in `folder`."""
    starter = find_starter_model()
    if starter is not None:
        hub.add(
            "HuggingFaceTB/SmolLM2-135M-Instruct-GGUF",
            {
                "smollm2-135m-instruct-Q4_1.gguf": starter,
                "README.md": CARD.format(name="SmolLM2 135M", licence="apache-2.0").encode(),
            },
            **_said(134_515_008, "llama", 8192, "apache-2.0", 90_000, 310),
        )
    small = Dense(16, 2048, 32, 8, 64, 8192, 128_256, 131_072)
    _add(
        hub,
        folder,
        "bartowski/Llama-3.2-1B-Instruct-GGUF",
        "llama",
        small,
        "llama3.2",
        1_235_814_400,
    )
    middle = Dense(28, 1024, 16, 8, 128, 3072, 151_936, 40_960)
    _add(hub, folder, "Qwen/Qwen3-0.6B-GGUF", "qwen3", middle, "apache-2.0", 596_049_920)
    large = Dense(80, 8192, 64, 8, 128, 28_672, 128_256, 131_072)
    _add(hub, folder, "acme/Colossus-70B-Instruct-GGUF", "llama", large, "llama3.3", 70_553_706_496)
    _add(
        hub,
        folder,
        "a-very-long-organisation-name-indeed/An-Even-Longer-Model-Name-v2.1-Instruct-abliterated-i1-GGUF",
        "qwen2",
        Dense(24, 1024, 16, 2, 64, 4864, 151_936, 32_768),
        "other",
        494_032_768,
    )
    _add(hub, folder, "acme/Gated-2B-GGUF", "llama", small, "gemma", 2_000_000_000, gated="manual")
    for number in range(1, 55):
        hub.add(
            f"community/Finetune-{number:02}-GGUF",
            {f"finetune-{number:02}-Q4_K_M.gguf": b"GGUF", "README.md": b"# Finetune"},
            **_said(number * 400_000_000, "llama", 8192, "mit", 5_000 - number, 60 - number),
        )


def _add(
    hub: HubServer,
    folder: Path,
    repo: str,
    architecture: str,
    size: Dense,
    licence: str,
    parameters: int,
    gated: str | bool = False,
) -> None:
    name = repo.rpartition("/")[2].removesuffix("-GGUF")
    files: dict[str, Path | bytes] = {}
    for quantization, kind in QUANTIZATIONS.items():
        path = folder / f"{name}-{quantization}.gguf"
        figures = {**{f: getattr(size, f) for f in size.__dataclass_fields__}, "kind": kind}
        write_dense(
            path,
            architecture,
            Dense(**figures),
            {"general.name": name.replace("-", " "), "tokenizer.chat_template": "{{ messages }}"},
        )
        files[path.name] = path
    card = CARD.format(name=name.replace("-", " "), licence=licence)
    files["README.md"] = card.encode()
    said = _said(parameters, architecture, size.context, licence, 400_000, 900)
    hub.add(repo, files, gated=gated, **said)


def _said(
    parameters: int, architecture: str, context: int, licence: str, downloads: int, likes: int
) -> dict[str, object]:
    return {
        "gguf": {"total": parameters, "architecture": architecture, "context_length": context},
        "tags": ["gguf", f"license:{licence}"],
        "downloads": downloads,
        "likes": likes,
        "trendingScore": downloads,
    }


def main() -> None:
    """Serve until Enter is pressed or standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--rate", type=float, default=None)
    args = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        HubServer(rate=args.rate, port=args.port) as hub,
    ):
        fill(hub, Path(folder))
        sys.stdout.write(f"HF_ENDPOINT={hub.endpoint}\n")
        sys.stdout.flush()
        sys.stdin.readline()


if __name__ == "__main__":
    main()
