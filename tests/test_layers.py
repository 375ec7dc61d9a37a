"""The layers and packages of DESIGN §3: imports go only downwards; nothing below `ui` needs Qt."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "playground"
LAYERS = ("core", "network", "engines", "store", "services", "ui", "app", "cli")
"""The layers from the lowest to the highest; `engines` and `store` do not know each other."""
MAY_IMPORT = {
    "core": {"core"},
    "network": {"core", "network"},
    "engines": {"core", "network", "engines"},
    "store": {"core", "store"},
    "services": {"core", "network", "engines", "store", "services"},
    "ui": {"core", "network", "engines", "store", "services", "ui"},
    "app": {"core", "network", "engines", "store", "services", "ui", "app"},
    "cli": {"core", "engines", "store", "services", "app", "cli"},
}
"""Layer → the layers it may import. `__main__` starts everything."""
SIBLINGS = {
    "core.advice": {"core"},
    "core.checks": {"core"},
    "core.gguf": {"core"},
    "core.share": {"core", "core.advice", "core.checks"},
    "core.requirements": {"core", "core.gguf"},
    "engines.llama": {"engines"},
    "engines.openai": {"engines"},
    "engines.worker": {"engines", "engines.llama"},
    "services.library": set(),
    "services.machine": set(),
    "services.hub": set(),
    "services.downloads": {"services.hub"},
    "services.providers": {"services.machine"},
    "services": {"services.library", "services.machine"},
    "ui": set(),
    "ui.theme": set(),
    "ui.widgets": {"ui", "ui.theme"},
    "ui.widgets.markdown": {"ui", "ui.theme", "ui.widgets"},
    "ui.window": {"ui", "ui.theme", "ui.widgets"},
    "ui.answers": {"ui", "ui.theme", "ui.widgets", "ui.widgets.markdown"},
    "ui.share": {"ui", "ui.theme", "ui.widgets"},
}
"""Package → the packages of its own layer it may import besides itself."""
PAGE = {"ui", "ui.theme", "ui.widgets", "ui.widgets.markdown", "ui.window", "ui.answers"}
"""What a page may import of the window; one page imports another only where `PAGES` says so."""
PAGES = {
    "ui.pages.hub": {"ui.pages.downloads"},
    "ui.pages.settings": {"ui.pages.downloads"},
    "ui.pages.tests": {"ui.pages.compare"},
}
COMMON = {"playground", "playground.__version__", "playground.resources"}
"""The version and the data files, which stand below every layer."""
ONLY_HERE = {
    "llama_cpp": ("playground/engines/worker/", "playground/services/providers/practice_server.py"),
    "qasync": ("playground/ui/", "playground/app/"),
    "PySide6": ("playground/ui/", "playground/app/window.py", "playground/app/pages.py"),
}
"""Distribution → where it may be imported."""
SLOW = (
    "jsonschema",
    "regex",
    "openai",
    "huggingface_hub",
    "genai_prices",
    "llama_cpp",
    "keyring",
    "numpy",
    "pydantic",
)
"""Not imported before they are needed: the window must be there first."""
LOADED_LATER = (
    "playground.engines.worker",
    "playground.services.providers.practice_server",
    "playground.services.hub.transport",
)
"""Processes of their own, and what the first call to the Hub loads in its thread."""


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def package_name(path: Path) -> str:
    """Return the package a module stands in, without the program's name: `services.hub`."""
    return ".".join(path.relative_to(PACKAGE).parent.parts)


@cache
def modules() -> dict[str, Path]:
    return {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and module of every import, those inside functions included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports by a relative name"
            assert node.module is not None
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            found = [name for name in inside if name in modules()]
            yield from ((node.lineno, name) for name in found)
            if len(found) < len(inside):
                yield node.lineno, node.module


def own_imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the imports of the program's own modules, without those every layer may have."""
    for line, name in imports(path):
        if name.split(".")[0] == "playground" and name not in COMMON:
            yield line, name


def sources(*layers: str) -> list[Path]:
    return [path for layer in layers for path in sorted((PACKAGE / layer).rglob("*.py"))]


def packages() -> list[str]:
    return sorted({package_name(path) for path in sources(*LAYERS)})


def may_import(package: str) -> set[str]:
    """Return the packages of the same layer that `package` may import."""
    beside = SIBLINGS.get(package, set())
    if package.startswith("ui.pages."):
        beside = PAGE | PAGES.get(package, set())
    return {package, *beside}


def modules_below_ui() -> list[str]:
    found = [
        module_name(path)
        for path in sources("core", "network", "engines", "store", "services", "cli")
    ]
    return [*found, "playground.app.services"]


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_go_only_to_lower_layers(layer: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sources(layer)
        for line, name in own_imports(path)
        if name.split(".")[1] not in MAY_IMPORT[layer]
    ]
    assert wrong == []


@pytest.mark.parametrize("package", packages())
def test_a_package_imports_only_those_beside_it_that_the_table_allows(package: str) -> None:
    layer = package.split(".", maxsplit=1)[0]
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sorted((PACKAGE / package.replace(".", "/")).glob("*.py"))
        for line, name in own_imports(path)
        if name.split(".")[1] == layer and package_name(modules()[name]) not in may_import(package)
    ]
    assert wrong == []


def test_the_table_names_packages_that_are_there() -> None:
    named = {*SIBLINGS, *PAGES, *PAGE}.union(*SIBLINGS.values(), *PAGES.values())
    assert named - set(packages()) == set()


def test_neither_modules_nor_packages_import_each_other_in_a_circle() -> None:
    between_modules: dict[str, set[str]] = {}
    between_packages: dict[str, set[str]] = {}
    for name, path in modules().items():
        if name == "playground.__main__":
            continue
        found = {other for _, other in own_imports(path)} - {name}
        between_modules[name] = found
        beside = {package_name(modules()[other]) for other in found}
        between_packages.setdefault(package_name(path), set()).update(beside)
    for package, beside in between_packages.items():
        beside.discard(package)
    for graph in (between_modules, between_packages):
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            pytest.fail(f"a circle: {' → '.join(error.args[1])}")


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
    names = [name for name in modules_below_ui() if not name.startswith(LOADED_LATER)]
    done = imported_without("PySide6", *SLOW, names=names)
    assert done.returncode == 0, done.stderr
