"""The one entry: the window, the command line, and every process the program starts."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from playground import __version__
from playground.core.errors import UsageError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the first argument asks for and return the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["--worker"]:
        from playground.engines.worker import main as worker

        return worker.main()
    if given[:1] == ["--practice-cloud"]:
        from playground.services.providers import practice_server

        return practice_server.main()
    if given == ["--memory-speed"]:
        from playground.services.machine import machine as bandwidth

        return bandwidth.main()
    if given[:1] == ["--scan-library"]:
        from playground.services.library import scan_server

        return scan_server.main(*map(float, given[1:]))
    if given == ["--version"]:
        # asked by scripts: answered without building the parser
        sys.stdout.write(f"playground {__version__}\n")
        return 0
    if given and all(word.lower().endswith(".gguf") for word in given):
        return _open_window(given)
    if given:
        from playground.cli.main import main as command_line

        return command_line(given)
    return _open_window(())


def _open_window(models: Sequence[str]) -> int:
    """Open the window, with these model files chosen for the next comparison.

    What keeps it from opening is told in the terminal and, to whoever pressed an icon, on screen.
    """
    from playground.cli.terminal import describe_failure, prepare_output, tell

    prepare_output()
    if not has_display():
        tell(
            "There is no screen to open a window on; "
            "“playground compare” does the same in the terminal."
        )
        return 2
    try:
        from playground.app.window import run_window, show_failure
    except ImportError as error:
        tell(f"A part that the window needs is missing: {error}.")
        return 1
    try:
        _check_files(models)
        return run_window(models=models)
    except Exception as error:  # noqa: BLE001 - the last one to explain it
        sentence, code = describe_failure(error)
        tell(sentence)
        show_failure(sentence)
        return code


def _check_files(names: Sequence[str]) -> None:
    for name in names:
        if not Path(name).is_file():
            raise UsageError(f"There is no file {name}.")


def has_display() -> bool:
    """Return False where Qt would abort for want of a screen."""
    if not sys.platform.startswith("linux"):
        return True
    platform = os.environ.get("QT_QPA_PLATFORM", "").partition(":")[0]
    if platform in {"offscreen", "minimal", "vnc", "linuxfb"}:
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


if __name__ == "__main__":
    sys.exit(main())
