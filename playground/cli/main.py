"""The command line's parser, and the way from its words to a command."""

import argparse
import asyncio
import math
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from playground import __version__
from playground.cli.terminal import FAILED, check_texts, prepare_output, tell, tell_failure
from playground.core.advice.needs import Connection, Leave, Need, Situation, Soon
from playground.core.advice.situation import Criterion
from playground.core.hub import HubSort
from playground.core.targets import KvType

N = TypeVar("N", int, float)


def _number(kind: type[N], low: float, high: float, refusal: str) -> Callable[[str], N]:
    """Return what reads an option's number from `low` to `high`, and says `refusal` to others."""

    def read(text: str) -> N:
        with suppress(ValueError):
            value = kind(text)
            if low <= value <= high:
                return value
        raise argparse.ArgumentTypeError(refusal)

    return read


_positive = _number(int, 1, math.inf, "must be at least 1")
_seed = _number(int, 0, 2**31 - 1, "must be between 0 and 2147483647")
_alternatives = _number(int, 0, 20, "must be between 0 and 20")
_usd = _number(float, 0, sys.float_info.max, "must be an amount in US dollars, 0 or more")
_share = _number(float, 0, 1, "must be between 0 and 1")
_per_day = _number(int, 1, 10**9, "must be between 1 and 1000000000")
_computer_usd = _number(float, 0, 1e9, "must be an amount between 0 and 1000000000 US dollars")
_temperature = _number(float, 0, 2, "must be between 0 and 2")
_context = _number(int, 1, 1 << 24, "the context is a number of tokens, 1 or more")
_interval = _number(float, 0.1, sys.float_info.max, "must be at least 0.1 seconds")


_TARGET_HELP = (
    "local:NAME_OR_PATH or PROVIDER_ID:MODEL; give it once for each model. "
    "local:starter is the model that comes with the program, "
    "practice:MODEL starts the practice cloud on this computer"
)


def add_compare(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser(
        "compare", help="run one prompt on several models and compare the answers"
    )
    parser.add_argument(
        "--target",
        action="append",
        required=True,
        metavar="TARGET",
        dest="targets",
        help=_TARGET_HELP,
    )
    parser.add_argument("--prompt", required=True, help="what to ask; - reads standard input")
    parser.add_argument("--system", default="", help="the system prompt")
    parser.add_argument("--max-tokens", type=_positive, metavar="N")
    parser.add_argument("--temperature", type=_temperature, metavar="X")
    parser.add_argument("--seed", type=_seed, metavar="N")
    parser.add_argument(
        "--think", choices=("yes", "no"), help="think before answering; else as the model likes"
    )
    parser.add_argument(
        "--logprobs", type=_alternatives, metavar="K", help="probability and K alternatives"
    )
    parser.add_argument(
        "--schema", type=Path, metavar="FILE", help="a JSON schema: the form each answer shall have"
    )
    parser.add_argument(
        "--check",
        action="append",
        default=[],
        metavar="KIND=VALUE",
        dest="checks",
        help="what makes an answer right, such as contains=ship or max_words=60; may come again",
    )
    parser.add_argument("--race", action="store_true", help="start all at once")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")


def add_models(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
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


_REPO_HELP = "owner/name, owner/name:Q4_K_M, or an address of the Hub"


def add_hub(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
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
    files.add_argument("repo", metavar="REPO", help=_REPO_HELP)
    files.add_argument(
        "--limit", type=_positive, default=30, metavar="N", help="how many; the smallest first"
    )
    download = actions.add_parser("download", help="fetch a model; the same again goes on")
    download.add_argument("repo", metavar="REPO", help=_REPO_HELP)
    download.add_argument(
        "file", metavar="VERSION", nargs="?", help="a quantization such as Q4_K_M, or a file's name"
    )
    for action in (files, download):
        action.add_argument("--revision", metavar="R", help="branch, tag or commit; else main")
    for action in (search, files, download):
        action.add_argument("--json", action="store_true", help="print one JSON object")


def add_providers(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
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
    parser = subparsers.add_parser("monitor", help="show what this computer is doing")
    parser.add_argument("--json", action="store_true", help="print each sample as one JSON object")
    parser.add_argument(
        "--count",
        type=_positive,
        metavar="N",
        help="how many samples; 1 with --json, otherwise until Ctrl-C",
    )
    parser.add_argument(
        "--interval", type=_interval, default=1.0, metavar="S", help="seconds between samples"
    )


def add_backup(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    for name, words in (
        ("backup", "keep history and settings in one file; never keys"),
        ("restore", "add a backup's comparisons to those here, and take its settings"),
    ):
        parser = subparsers.add_parser(name, help=words)
        parser.add_argument("path", metavar="FILE", help="the backup, a .zip")
        parser.add_argument("--json", action="store_true", help="print one JSON object")


def add_share(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    exporting = subparsers.add_parser(
        "export", help="write a comparison, an evaluation, votes or the decision into a file"
    )
    exporting.add_argument(
        "shared",
        metavar="WHICH",
        help="the id of a comparison or an evaluation, or last; votes; decision, for “Local or "
        "cloud?” with the usual answers",
    )
    exporting.add_argument(
        "--format",
        choices=("html", "md", "csv", "json", "recording"),
        help="else the ending of the file chooses; a recording can be replayed elsewhere",
    )
    exporting.add_argument(
        "-o", "--output", required=True, metavar="FILE", dest="file", help="a new file, or -"
    )
    exporting.add_argument(
        "--without",
        action="append",
        default=[],
        choices=("figures", "prompt", "answers", "names", "machine"),
        metavar="PART",
        help="leave out figures, prompt, answers, names or machine; may come again",
    )
    importing = subparsers.add_parser("import", help="add a recording to the history")
    importing.add_argument("path", metavar="FILE", help="what `export --format recording` wrote")
    for action in (exporting, importing):
        action.add_argument("--json", action="store_true", help="print one JSON object")


def add_tests(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser(
        "tests", help="ask several models many questions and count the right answers"
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="the sets of questions, and what was run")
    importing = actions.add_parser("import", help="make a set of a file: CSV, JSONL or plain text")
    importing.add_argument("path", metavar="FILE", help="a prompt a line, or with columns")
    importing.add_argument("--name", required=True, metavar="NAME", help="what the set is called")
    importing.add_argument(
        "--replace", action="store_true", help="take the place of the set of that name"
    )
    exporting = actions.add_parser("export", help="write a set into a file")
    exporting.add_argument("name", metavar="NAME")
    exporting.add_argument("path", metavar="FILE", help="its ending chooses .csv, .jsonl or text")
    running = actions.add_parser("run", help="run a set; the same again goes on where it stopped")
    running.add_argument("name", metavar="NAME", help="the set's name")
    running.add_argument(
        "--target",
        action="append",
        required=True,
        metavar="TARGET",
        dest="targets",
        help=_TARGET_HELP,
    )
    running.add_argument(
        "--repeats", type=_positive, default=1, metavar="K", help="ask each question K times"
    )
    running.add_argument("--max-tokens", type=_positive, metavar="N", help="else as the set says")
    running.add_argument("--temperature", type=_temperature, metavar="X")
    running.add_argument("--seed", type=_seed, metavar="N")
    running.add_argument("--max-usd", type=_usd, metavar="X", help="stop before it costs more")
    running.add_argument(
        "--at-least",
        type=_share,
        metavar="X",
        help="exit with 1 where a model has fewer right, 0 … 1",
    )
    running.add_argument("--new", action="store_true", help="begin anew")
    again = actions.add_parser("again", help="ask again what was not scored")
    reporting = actions.add_parser("report", help="what an evaluation says")
    for action in (again, reporting):
        action.add_argument("evaluation", metavar="EVALUATION", help="its id, or last")
    for action in (listing, importing, exporting, running, again, reporting):
        action.add_argument("--json", action="store_true", help="print one JSON object")


def add_advise(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser(
        "advise", help="local or cloud? an answer from your own runs, with its reasons"
    )
    usual = Situation()
    for name, kind, words in (
        ("--leave", Leave, "may the words leave this computer"),
        ("--soon", Soon, "how soon the first word must be there"),
        ("--need", Need, "how clever it must be"),
        ("--connection", Connection, "whether there is always a connection"),
    ):
        parser.add_argument(
            name,
            type=kind,
            choices=list(kind),
            default=getattr(usual, name.removeprefix("--")),
            metavar="|".join(kind),
            help=f"{words}; %(default)s where it is left out",
        )
    parser.add_argument(
        "--per-day", type=_per_day, default=usual.per_day, metavar="N", help="questions a day"
    )
    parser.add_argument(
        "--evaluation",
        default="last",
        metavar="EVALUATION",
        help="which test shows how good they are: its id, last (usual) or none",
    )
    parser.add_argument(
        "--weight",
        action="append",
        default=[],
        type=_weight,
        metavar="NAME=X",
        dest="weights",
        help=f"how much {', '.join(Criterion)} counts, 0 … 1; may come again",
    )
    parser.add_argument(
        "--computer-usd", type=_computer_usd, metavar="X", help="what a bigger computer would cost"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _weight(text: str) -> tuple[Criterion, float]:
    name, _, value = text.partition("=")
    with suppress(ValueError):
        return Criterion(name.strip()), _share(value)
    raise argparse.ArgumentTypeError(f"must be one of {', '.join(Criterion)}, = and 0 … 1")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="playground",
        description="Runs the same prompt on this computer and in the cloud, and shows what "
        "each place costs. Without a command it opens the window; with the name of a .gguf file "
        "it opens the window with that model chosen.",
    )
    parser.add_argument("--version", action="version", version=f"playground {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    add_compare(commands)
    add_tests(commands)
    add_advise(commands)
    add_models(commands)
    add_hub(commands)
    add_providers(commands)
    add_monitor(commands)
    add_share(commands)
    add_backup(commands)
    return parser


def run_command(args: argparse.Namespace) -> int:
    """Run the command and return the exit code; an error is one line on stderr."""
    try:
        return asyncio.run(_dispatch(args))
    except KeyboardInterrupt:
        return FAILED
    except BrokenPipeError:
        # the reader has gone; Python would complain again while closing stdout
        sys.stderr.close()
        return FAILED
    except Exception as error:  # noqa: BLE001 - the last one to explain it
        return tell_failure(error)


async def _dispatch(args: argparse.Namespace) -> int:
    check_texts(args)
    # imported here so that --help stays instant
    from playground.app.services import open_services
    from playground.cli import (
        advise,
        backup,
        compare,
        hub,
        models,
        monitor,
        providers,
        share,
        tests,
    )

    async with open_services(tell) as services:
        commands: dict[str, Callable[[], Awaitable[int]]] = {
            "compare": lambda: compare.run(
                args,
                services.comparison,
                services.library,
                services.providers,
                services.settings,
                told=services.problems,
            ),
            "tests": lambda: tests.run(
                args,
                services.evaluation,
                services.prompt_sets,
                services.library,
                providers=services.providers,
                settings=services.settings,
            ),
            "advise": lambda: advise.run(args, services.advice),
            "models": lambda: models.run(args, services.library, services.requirements),
            "hub": lambda: hub.run(
                args, services.hub, services.requirements, services.settings, services.paths
            ),
            "providers": lambda: providers.run(
                args, services.providers, services.secrets, services.settings
            ),
            "export": lambda: share.export(args, services.sharing, services.advice),
            "import": lambda: share.take_in(args, services.sharing),
            "backup": lambda: backup.back_up(args, services.backups),
            "restore": lambda: backup.restore(args, services.backups, services.settings),
            "monitor": lambda: monitor.run(args, services.telemetry),
        }
        code = await commands[args.command]()
        if (unsaved := services.settings.unsaved) is not None:
            tell(f"{unsaved.message} {unsaved.hint}")
    sys.stdout.flush()
    return code


def main(arguments: Sequence[str]) -> int:
    prepare_output()
    return run_command(build_parser().parse_args(arguments))
