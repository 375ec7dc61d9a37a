"""Every distribution the program imports is declared, and only by its public modules."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]
OWN = {"playground", *sys.stdlib_module_names}


def normal(name: str) -> str:
    """Return a distribution's name as the index compares it, without version and extras."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\s<>=!~;\[]", name, maxsplit=1)[0]).lower()


@cache
def declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["starter"]]
    return {normal(name) for name in needed}


def imports_of_others() -> Iterator[tuple[str, str]]:
    """Yield place and full name of whatever is imported from neither here nor the standard library.

    `from a.b import c` is `a.b.c`.
    """
    for path in sorted((ROOT / "playground").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            for name in names:
                if name.split(".", maxsplit=1)[0] not in OWN:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", name


def test_every_imported_distribution_is_declared() -> None:
    distributions = packages_distributions()
    undeclared = [
        f"{place} imports {name}"
        for place, name in imports_of_others()
        if not {normal(found) for found in distributions.get(name.split(".")[0], [])} & declared()
    ]
    assert undeclared == []


def test_nothing_private_of_another_distribution_is_imported() -> None:
    private = [
        f"{place} imports {name}"
        for place, name in imports_of_others()
        if any(re.fullmatch(r"_\w*(?<!__)", part) for part in name.split("."))
    ]
    assert private == []
