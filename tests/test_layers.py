"""Data flows one way through the house: a module imports only from rooms above its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "feedbridge"

ABOVE: dict[str, tuple[str, ...]] = {
    "errors": (),
    "findings": (),
    "product": ("errors", "findings"),
    "rules": ("errors", "findings", "product"),
    "cells": ("errors", "findings", "product"),
    "images": ("errors", "findings", "cells"),
    "sources": ("errors", "findings"),
    "mapping": ("errors", "findings", "product", "cells", "sources.base"),
    "platforms": ("errors", "findings", "product", "rules"),
    "report": ("errors", "findings", "product"),
    "run": ("errors", "findings", "product", "rules", "cells", "images", "sources", "mapping", "platforms", "report"),
}
ABOVE["sync"] = (*ABOVE["run"], "run")
ABOVE["sandbox"] = ("errors", "findings")  # it checks us, so it must not be made of us
ABOVE["api"] = (*ABOVE["sync"], "sync")
ABOVE["cli"] = (*ABOVE["api"], "api", "sandbox")
DOORS = {"__init__", "__main__"}
"""feedbridge/__init__.py and __main__.py lead in from outside, so they may know every room."""


def name_of(path: Path, package: Path = PACKAGE) -> str:
    """``platforms.flipsnack.rules`` of ``…/feedbridge/platforms/flipsnack/rules.py``."""
    parts = path.relative_to(package).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


def is_package(path: Path) -> bool:
    return path.name == "__init__.py"


def is_module(name: str) -> bool:
    path = PACKAGE.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def uses_version_only(tree: ast.Module) -> bool:
    """Whether ``feedbridge.__version__`` is all that a module takes of the house itself."""
    used = {
        node.attr for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "feedbridge"
    }
    return used == {"__version__"}


def imported(tree: ast.Module, module: str, package: bool) -> Iterator[tuple[int, str]]:
    """(line, name inside feedbridge) of every import, also of those inside functions; ``""`` is feedbridge itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name == "feedbridge" and uses_version_only(tree):
                    continue
                if alias.name.split(".")[0] == "feedbridge":
                    yield node.lineno, alias.name.removeprefix("feedbridge").removeprefix(".")
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                here = ["feedbridge", *module.split(".")]
                base = here[: len(here) - node.level + package]
                whole = ".".join([*base, *(node.module or "").split(".")]).rstrip(".")
            else:
                whole = node.module or ""
            if whole == "feedbridge":
                yield from ((node.lineno, alias.name) for alias in node.names if alias.name != "__version__")
            elif whole.startswith("feedbridge."):
                room = whole.removeprefix("feedbridge.")
                inside = {f"{room}.{alias.name}" if is_module(f"{room}.{alias.name}") else room for alias in node.names}
                yield from ((node.lineno, target) for target in sorted(inside))


def complaint(module: str, target: str) -> str:
    """Why a module must not import a target; empty when it may."""
    room, *inside = module.split(".")
    if target.split(".")[0] == room:
        other = target.split(".")
        if room == "platforms" and len(inside) > 1 and len(other) > 1 and other[1] != inside[0]:
            shared = PACKAGE / "platforms" / other[1]
            return "one platform knows nothing of another" if shared.is_dir() else ""
        return ""
    if not target:
        return "a room imports from the room that has a thing, not from the house"
    if any(target == above or target.startswith(f"{above}.") for above in ABOVE[room]):
        return ""
    return f"{room} may import only {', '.join(ABOVE[room]) or 'nothing of feedbridge'}"


MODULES = sorted(PACKAGE.rglob("*.py"))


def test_modules_are_found():
    assert {"errors", "findings", "product.model", "platforms.base"} <= {name_of(path) for path in MODULES}


@pytest.mark.parametrize("path", [pytest.param(path, id=name_of(path)) for path in MODULES])
def test_imports_only_from_rooms_above(path):
    module = name_of(path)
    if module in DOORS:
        return
    room = module.split(".")[0]
    assert room in ABOVE, f"{path}: give the new room {room} its place in ABOVE"
    tree = ast.parse(path.read_bytes(), filename=str(path))
    wrong = [
        f"{path}:{line}: imports {target or 'feedbridge'}, but {why}"
        for line, target in imported(tree, module, is_package(path))
        if (why := complaint(module, target))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", [pytest.param(path, id=name_of(path)) for path in MODULES])
def test_public_module_says_what_it_is(path):
    if path.stem.startswith("_") and not is_package(path):
        return
    assert ast.get_docstring(ast.parse(path.read_bytes())), f"{path}: has no docstring"


@pytest.mark.parametrize(
    ("module", "package", "text", "expected"),
    [
        pytest.param("cells.money", False, "import feedbridge.mapping.load as load", ["mapping.load"], id="import"),
        pytest.param("cells.money", False, "from feedbridge.errors import CommandError", ["errors"], id="from"),
        pytest.param("cells.money", False, "from feedbridge.run import folder, x", ["run", "run.folder"], id="file"),
        pytest.param("cells.money", False, "from feedbridge import errors, run", ["errors", "run"], id="house"),
        pytest.param("cells.money", False, "from feedbridge import __version__", [], id="version"),
        pytest.param("cells.money", False, "import feedbridge\nfeedbridge.__version__", [], id="version of the house"),
        pytest.param("cells.money", False, "import feedbridge\nfeedbridge.read()", [""], id="the house itself"),
        pytest.param("cells.money", False, "from .base import Reader", ["cells.base"], id="relative"),
        pytest.param("cells.money", False, "from ..run import run", ["run"], id="relative, one up"),
        pytest.param("cells", True, "from .base import Reader", ["cells.base"], id="relative in a package"),
        pytest.param("cells.money", False, "def f():\n    import feedbridge.run", ["run"], id="inside a function"),
        pytest.param("cells.money", False, "import decimal, feedbridgement", [], id="others"),
    ],
)
def test_every_way_to_import_is_seen(module, package, text, expected):
    assert [target for _, target in imported(ast.parse(text), module, package)] == expected


@pytest.mark.parametrize(
    ("module", "target", "allowed"),
    [
        pytest.param("cells.money", "findings", True, id="above"),
        pytest.param("cells.money", "cells.base", True, id="own room"),
        pytest.param("cells.money", "mapping", False, id="below"),
        pytest.param("sources.csv", "product", False, id="sources know no products"),
        pytest.param("sources.csv", "cells", False, id="side by side"),
        pytest.param("mapping.compile", "sources.base", True, id="the contract of sources"),
        pytest.param("mapping.compile", "sources.csv", False, id="but no format"),
        pytest.param("mapping.compile", "sources", False, id="nor all of them"),
        pytest.param("platforms.magento.rules", "platforms.base", True, id="what platforms share"),
        pytest.param("platforms.magento.rules", "platforms.magento.payload", True, id="own folder"),
        pytest.param("platforms.magento.rules", "platforms.flipsnack.payload", False, id="another platform"),
        pytest.param("cli.convert", "api", True, id="cli"),
        pytest.param("api", "cli", False, id="api below cli"),
        pytest.param("errors", "findings", False, id="the roof"),
    ],
)
def test_order_of_the_rooms(module, target, allowed):
    assert (complaint(module, target) == "") is allowed
