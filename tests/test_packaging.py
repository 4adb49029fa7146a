"""What users get: the wheel holds all it needs, runs without the checkout, and importing feedbridge is cheap."""

from __future__ import annotations

import ast
import configparser
import json
import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HEAVY = {"pandas", "pydantic", "requests", "rich", "click", "msgspec", "ruamel", "polars"}


def run(command: list[str], **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=300, **options)


def can_build_here() -> bool:
    """Whether setuptools (new enough) and build are at hand, so that nothing is downloaded."""
    try:
        return int(version("setuptools").split(".")[0]) >= 77 and bool(version("build"))
    except PackageNotFoundError:
        return False


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built from a copy, so that the checkout stays as it is."""
    copy = tmp_path_factory.mktemp("checkout") / "feedbridge"
    keep = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for folder in ("feedbridge", "mappings"):
        shutil.copytree(ROOT / folder, copy / folder, symlinks=True, ignore=keep)
    for pattern in ("setup.cfg", "pyproject.toml", "LICENSE*", "README*", "MANIFEST.in"):
        for path in ROOT.glob(pattern):
            shutil.copy(path, copy)
    out = tmp_path_factory.mktemp("dist")
    if can_build_here():
        command = ["-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(copy)]
    else:
        command = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(out), str(copy)]
    done = run([sys.executable, *command])
    assert done.returncode == 0, done.stdout + done.stderr
    [built] = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """A folder in which nothing but the wheel is unpacked; the dependencies come from the tests' environment."""
    target = tmp_path_factory.mktemp("installed")
    done = run([
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-index",
        "--target", str(target), str(wheel),
    ])
    assert done.returncode == 0, done.stderr
    return target


def python(installed: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run([sys.executable, *arguments], cwd=cwd, env={**os.environ, "PYTHONPATH": str(installed)})


def setup_cfg() -> configparser.ConfigParser:
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg")
    return config


def module_version() -> str:
    """``feedbridge.__version__`` as it is written, without importing."""
    tree = ast.parse((ROOT / "feedbridge" / "__init__.py").read_text())
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__version__":
            return str(ast.literal_eval(node.value))
    raise AssertionError("feedbridge/__init__.py: __version__ must be a plain text, so that a build need not import it")


def test_wheel_holds_every_preset(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    presets = [path.relative_to(ROOT / "mappings") for path in (ROOT / "mappings").rglob("*") if path.is_file()]
    assert any(path.suffix == ".yaml" for path in presets)
    assert {f"feedbridge/presets/{path.as_posix()}" for path in presets} <= names


def test_wheel_holds_every_module_and_nothing_else(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "feedbridge").rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == modules
    assert "feedbridge/py.typed" in names
    assert {name.split("/")[0] for name in names} == {"feedbridge", f"feedbridge-{module_version()}.dist-info"}


def test_every_folder_of_modules_is_a_package():
    folders = {path.parent for path in (ROOT / "feedbridge").rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_presets_in_the_checkout_are_the_mappings():
    assert os.path.samefile(ROOT / "feedbridge" / "presets", ROOT / "mappings")


def test_wheel_says_what_it_is(wheel):
    archive = zipfile.ZipFile(wheel)
    [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
    metadata = archive.read(name).decode().splitlines()
    assert "Name: feedbridge" in metadata
    assert f"Version: {module_version()}" in metadata
    assert "Requires-Python: >=3.11" in metadata
    assert "License-Expression: Apache-2.0" in metadata
    scripts = archive.read(name.replace("METADATA", "entry_points.txt")).decode()
    assert "feedbridge = feedbridge.cli:main" in scripts


def test_installed_wheel_tells_its_version(installed, tmp_path):
    done = python(installed, tmp_path, "-m", "feedbridge", "--version")
    assert done.returncode == 0, done.stderr
    assert module_version() in done.stdout


def test_installed_wheel_is_the_one_that_runs(installed, tmp_path):
    done = python(installed, tmp_path, "-c", "import feedbridge; print(feedbridge.__file__)")
    assert Path(done.stdout.strip()).is_relative_to(installed)


def test_installed_wheel_finds_its_presets(installed, tmp_path):
    script = "from feedbridge.mapping.presets import presets; print(*presets().values(), sep='\\n')"
    done = python(installed, tmp_path, "-c", script)
    assert done.returncode == 0, done.stderr
    found = [Path(line) for line in done.stdout.splitlines()]
    assert {path.name for path in found} == {path.name for path in (ROOT / "mappings").glob("*.yaml")}
    assert all(path.is_relative_to(installed) for path in found)


SHOP = """\
Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Variant SKU,Variant Price,Image Src
mug,Mug,<p>Holds tea.</p>,Acme,Kitchen,,TRUE,Title,Default Title,MUG-1,12.50,https://example.com/mug.jpg
"""


def test_installed_wheel_converts_in_an_empty_folder(installed, tmp_path):
    (tmp_path / "shop.csv").write_text(SHOP)
    done = python(
        installed, tmp_path, "-m", "feedbridge", "convert", "shop.csv", "--mapping", "shopify", "--set", "currency=EUR",
        "--to", "flipsnack", "--out", "out",
    )
    assert done.returncode == 0, done.stderr
    [product] = json.loads((tmp_path / "out" / "flipsnack" / "batch-0001.json").read_bytes())
    assert product["title"] == "Mug"
    assert product["sell_price"] == 12.5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "shop.csv"]


def test_import_is_cheap():
    script = f"import sys, feedbridge; print(feedbridge.__version__, sorted({HEAVY!r} & sys.modules.keys()))"
    done = run([sys.executable, "-c", script], cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"{module_version()} []"


def test_public_names_are_there():
    script = "import feedbridge; print([name for name in feedbridge.__all__ if not hasattr(feedbridge, name)])"
    done = run([sys.executable, "-c", script], cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_extras_of_developers_are_all_of_them():
    extras = setup_cfg()["options.extras_require"]
    named = extras["dev"].strip().removeprefix("feedbridge[").removesuffix("]").split(",")
    assert sorted(named) == sorted(name for name in extras if name != "dev")


def test_make_help_names_every_target():
    make = shutil.which("make")
    if make is None:
        pytest.skip("make is not installed")
    done = run([make, "--no-print-directory", "help"], cwd=ROOT)
    assert [line.split()[1] for line in done.stdout.splitlines()] == [
        "help", "install", "demo", "test", "golden", "lint", "bench", "check", "clean",
    ]


@pytest.mark.parametrize(("name", "option"), [
    pytest.param("run", "--large", id="run"),
    pytest.param("ledger", "--items", id="ledger"),
    pytest.param("planning", "ITEMS", id="planning"),
    pytest.param("sync", "PRODUCTS", id="sync"),
])
def test_benchmarks_say_what_they_take(name, option):
    done = run([sys.executable, f"benchmarks/{name}.py", "--help"], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert (done.returncode, done.stderr) == (0, "")
    assert option in done.stdout


@pytest.mark.parametrize(
    ("python", "expected"),
    [
        pytest.param("no-such-python", "no-such-python is not there", id="none"),
        pytest.param("old-python", "old-python is Python 3.10.1", id="too old"),
    ],
)
def test_make_says_which_python_it_needs(tmp_path, python, expected):
    make = shutil.which("make")
    if make is None:
        pytest.skip("make is not installed")
    old = tmp_path / "old-python"
    old.write_text('#!/bin/sh\n[ "$1" = -V ] && echo Python 3.10.1 && exit 0\nexit 1\n')
    old.chmod(0o755)
    search = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = run(
        [make, f"PYTHON={python}", f"VENV={tmp_path / 'venv'}", "install"], cwd=ROOT, env={**os.environ, "PATH": search}
    )
    assert done.returncode != 0
    assert "needs Python 3.11 or newer" in done.stderr
    assert expected in done.stderr
    assert not (tmp_path / "venv").exists()
