"""The command line's parser, and the way from its words to a command."""

import argparse
import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Sequence

from playground import __version__
from playground.cli import parsers
from playground.cli.terminal import error_line
from playground.core.errors import AddressRefused, PlaygroundError, UsageError

log = logging.getLogger(__name__)

DONE, FAILED, WRONG_USAGE = 0, 1, 2


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of every command."""
    parser = argparse.ArgumentParser(
        prog="playground",
        description="Runs the same prompt on this computer and in the cloud, and shows what "
        "each place costs. Without a command it opens the window.",
    )
    parser.add_argument("--version", action="version", version=f"playground {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    parsers.add_compare(commands)
    parsers.add_models(commands)
    parsers.add_hub(commands)
    parsers.add_providers(commands)
    parsers.add_monitor(commands)
    return parser


def run_command(args: argparse.Namespace) -> int:
    """Run the command and return the exit code; an error is one line on stderr."""
    try:
        return asyncio.run(_dispatch(args))
    except (UsageError, AddressRefused) as error:
        print(error_line(error.info()), file=sys.stderr)
        return WRONG_USAGE
    except PlaygroundError as error:
        print(error_line(error.info()), file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return FAILED
    except BrokenPipeError:
        # the reader has gone; Python would complain again while closing stdout
        sys.stderr.close()
        return FAILED
    except Exception as error:
        log.exception("bug")
        mistake = f"playground: The program made a mistake ({type(error).__name__})."
        print(mistake, "The log tells more: please report it.", file=sys.stderr)
        return FAILED


async def _dispatch(args: argparse.Namespace) -> int:
    # imported here so that --help stays instant
    from playground.app.services import open_services
    from playground.cli import compare, hub, models, monitor, providers

    async with open_services() as services:
        commands: dict[str, Callable[[], Awaitable[int]]] = {
            "compare": lambda: compare.run(
                args, services.comparison, services.library, services.providers, services.settings
            ),
            "models": lambda: models.run(args, services.library, services.requirements),
            "hub": lambda: hub.run(
                args, services.hub, services.requirements, services.settings, services.paths
            ),
            "providers": lambda: providers.run(args, services.providers, services.secrets),
            "monitor": lambda: monitor.run(args, services.telemetry),
        }
        return await commands[args.command]()


def main(arguments: Sequence[str]) -> int:
    """Parse `arguments` and run what they ask for."""
    return run_command(build_parser().parse_args(arguments))
