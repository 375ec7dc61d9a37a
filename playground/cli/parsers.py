"""What the command line takes: every command and its options, without the services."""

import argparse
import math

from playground.core.hub import HubSort
from playground.core.targets import KvType


def add_compare(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `playground compare`."""
    parser = subparsers.add_parser(
        "compare", help="run one prompt on several models and compare the answers"
    )
    parser.add_argument(
        "--target",
        action="append",
        required=True,
        metavar="TARGET",
        dest="targets",
        help="local:NAME_OR_PATH or PROVIDER_ID:MODEL; give it once for each model. "
        "local:starter is the model that comes with the program, "
        "practice:MODEL starts the practice cloud on this computer",
    )
    parser.add_argument("--prompt", required=True, help="what to ask; - reads standard input")
    parser.add_argument("--system", default="", help="the system prompt")
    parser.add_argument("--max-tokens", type=_positive, metavar="N")
    parser.add_argument("--temperature", type=_temperature, metavar="X")
    parser.add_argument("--seed", type=_seed, metavar="N")
    parser.add_argument(
        "--logprobs", type=_alternatives, metavar="K", help="probability and K alternatives"
    )
    parser.add_argument("--race", action="store_true", help="start all at once")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _seed(text: str) -> int:
    number = int(text)
    if not 0 <= number < 2**31:
        raise argparse.ArgumentTypeError("must be between 0 and 2147483647")
    return number


def _alternatives(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 20:
        raise argparse.ArgumentTypeError("must be between 0 and 20")
    return number


def _temperature(text: str) -> float:
    number = float(text)
    if not 0 <= number <= 2:
        raise argparse.ArgumentTypeError("must be between 0 and 2")
    return number


def add_models(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `playground models`."""
    parser = subparsers.add_parser("models", help="list the models on this computer")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    inspect = actions.add_parser("inspect", help="what a model file says, and the memory it needs")
    inspect.add_argument("path", metavar="PATH", help="a GGUF file, or the name of a listed model")
    inspect.add_argument(
        "--context", type=_context, metavar="N", help="tokens of prompt and answer together"
    )
    inspect.add_argument(
        "--kv-type",
        type=KvType,
        choices=list(KvType),
        default=KvType.F16,
        metavar="TYPE",
        help="how the conversation is kept: f16 (usual), q8_0 (half), q4_0 (a quarter)",
    )
    # given after the action it must not be reset to the default of the command's own option
    inspect.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON object"
    )


def _context(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if not 1 <= value <= 1 << 24:
        raise argparse.ArgumentTypeError("the context is a number of tokens, 1 or more")
    return value


def add_hub(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `playground hub`."""
    parser = subparsers.add_parser("hub", help="search the Hugging Face Hub and download models")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    search = actions.add_parser("search", help="find repositories with GGUF models")
    search.add_argument("query", metavar="QUERY", help='words of the name, or "" for all')
    search.add_argument(
        "--sort",
        type=HubSort,
        choices=list(HubSort),
        default=HubSort.TRENDING,
        metavar="ORDER",
        help="trending (usual), downloads, likes or updated",
    )
    search.add_argument("--limit", type=_positive, default=20, metavar="N", help="how many")
    search.add_argument("--licence", metavar="L", help="such as apache-2.0")
    search.add_argument("--task", metavar="T", help="such as text-generation")
    search.add_argument("--fits", action="store_true", help="only what runs on this computer")
    files = actions.add_parser("files", help="the versions of a model, and which runs best here")
    files.add_argument("repo", metavar="REPO", help="owner/name")
    download = actions.add_parser("download", help="fetch a model; the same again goes on")
    download.add_argument("repo", metavar="REPO", help="owner/name")
    download.add_argument(
        "file", metavar="FILE", help="a file of it, or the first part of one that was split"
    )
    for action in (files, download):
        action.add_argument("--revision", metavar="R", help="branch, tag or commit; else main")
    for action in (search, files, download):
        action.add_argument("--json", action="store_true", help="print one JSON object")


def add_providers(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `playground providers`."""
    parser = subparsers.add_parser("providers", help="set up providers and test their connection")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="what is set up, and where its key is")
    adding = actions.add_parser("add", help="set up a provider: a known one, or any address")
    adding.add_argument("id", metavar="ID", help="a short name, or that of a known provider")
    adding.add_argument("--base-url", metavar="URL", help="where its OpenAI-compatible API is")
    adding.add_argument("--key-env", metavar="VAR", help="environment variable that holds the key")
    adding.add_argument("--name", metavar="N", help="its name on screen")
    removing = actions.add_parser("remove", help="forget a provider and its key")
    removing.add_argument("id", metavar="ID")
    testing = actions.add_parser("test", help="connect and list the models")
    testing.add_argument("id", metavar="ID")
    for action in (listing, adding, removing, testing):
        action.add_argument("--json", action="store_true", help="print one JSON object")


def add_monitor(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `playground monitor`."""
    parser = subparsers.add_parser("monitor", help="show what this computer is doing")
    parser.add_argument("--json", action="store_true", help="print each sample as one JSON object")
    parser.add_argument(
        "--count",
        type=_count,
        metavar="N",
        help="how many samples; 1 with --json, otherwise until Ctrl-C",
    )
    parser.add_argument(
        "--interval", type=_interval, default=1.0, metavar="S", help="seconds between samples"
    )


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def _interval(text: str) -> float:
    value = float(text)
    if not math.isfinite(value) or value < 0.1:
        raise argparse.ArgumentTypeError("must be at least 0.1 seconds")
    return value
