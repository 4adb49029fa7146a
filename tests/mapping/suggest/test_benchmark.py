"""The labelled files: what ``benchmarks/suggest`` measures does not fall."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[3] / "benchmarks" / "suggest"


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("suggest_benchmark", FOLDER / "run.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("held_out", [False, True], ids=["tuned on", "held out"])
def test_precision_and_recall(benchmark, held_out):
    found = benchmark.score(held_out)
    assert found.right.total() > 150
    assert found.precision() >= 0.98
    assert found.recall() >= 0.96


def test_there_are_enough_files_and_a_label_for_each(benchmark):
    labels = benchmark.labels()
    files = {path.name for path in benchmark.FILES.iterdir()} - {"labels.yaml"}
    assert files == set(labels)
    assert len(files) >= 40
    assert sum(map(benchmark.is_held_out, files)) >= 15
