"""The layers of DESIGN §3: imports go only to the right, and nothing below `ui` needs Qt."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "playground"
MAY_IMPORT = {
    "core": {"core"},
    "engines": {"core", "engines"},
    "store": {"core", "store"},
    "services": {"core", "engines", "store", "services"},
    "ui": {"core", "engines", "store", "services", "ui"},
}
"""Layer → the layers it may import. `app`, `cli` and `__main__` build and start everything."""
COMMON = {"playground", "playground.__version__", "playground.resources"}
"""The version and the data files, which stand below every layer."""
STARTS_THE_WINDOW = {
    ("playground/ui/start.py", "playground.app.services"),
    ("playground/ui/page_factories.py", "playground.app.services"),
}
"""The modules that hand what `app` built to the pages."""
ONLY_HERE = {
    "llama_cpp": ("playground/engines/worker", "playground/services/practice"),
    "qasync": ("playground/ui/",),
    "PySide6": ("playground/ui/", "playground/__main__.py"),
}
SLOW = ("openai", "huggingface_hub", "genai_prices", "llama_cpp", "keyring", "numpy", "pydantic")
"""Not imported before they are needed: the window must be there first."""


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and name of every import, those inside functions included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports by a relative name"
            assert node.module is not None
            yield node.lineno, node.module
            if node.module == "playground":
                yield from ((node.lineno, f"playground.{alias.name}") for alias in node.names)


def sources(*layers: str) -> list[Path]:
    return [path for layer in layers for path in sorted((PACKAGE / layer).rglob("*.py"))]


def modules_below_ui() -> list[str]:
    found = [module_name(path) for path in sources("core", "engines", "store", "services", "cli")]
    return [
        *found,
        *(name for name in ("playground.app.services",) if (PACKAGE / "app.py").exists()),
    ]


@pytest.mark.parametrize("layer", MAY_IMPORT)
def test_imports_go_only_to_the_right(layer: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sources(layer)
        for line, name in imports(path)
        if name.split(".")[0] == "playground"
        and name not in COMMON
        and (path.relative_to(ROOT).as_posix(), name) not in STARTS_THE_WINDOW
        and name.split(".")[1] not in MAY_IMPORT[layer]
    ]
    assert wrong == []


@pytest.mark.parametrize("package", ONLY_HERE)
def test_heavy_packages_are_imported_only_where_they_belong(package: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for line, name in imports(path)
        if name.split(".")[0] == package
        and not path.relative_to(ROOT).as_posix().startswith(ONLY_HERE[package])
    ]
    assert wrong == []


def imported_without(*blocked: str, names: list[str]) -> "subprocess.CompletedProcess[str]":
    """Import each module in a fresh interpreter in which `blocked` cannot be imported."""
    program = (
        "import importlib, sys\n"
        f"sys.modules.update(dict.fromkeys({blocked!r}))\n"
        f"for name in {names!r}:\n"
        "    importlib.import_module(name)\n"
    )
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_nothing_below_the_window_needs_qt() -> None:
    done = imported_without("PySide6", "shiboken6", "qasync", names=modules_below_ui())
    assert done.returncode == 0, done.stderr


def test_importing_everything_below_the_window_loads_no_slow_package() -> None:
    workers = ("playground.engines.worker.main", "playground.services.practice_")
    names = [name for name in modules_below_ui() if not name.startswith(workers)]
    done = imported_without("PySide6", *SLOW, names=names)
    assert done.returncode == 0, done.stderr
