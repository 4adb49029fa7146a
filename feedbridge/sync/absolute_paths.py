"""Paths of a job file from the folder it lies in."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

__all__ = ["absolute_path", "absolute_pattern", "with_absolute_paths"]


def absolute_path(path: str, folder: Path) -> str:
    return os.path.normpath(folder / os.path.expanduser(path))


def absolute_pattern(pattern: str, folder: Path) -> str:
    """A source's path or glob from the job file's folder, whose own name is never part of the pattern."""
    whole = absolute_path(pattern, folder)
    if glob.has_magic(pattern) and not os.path.lexists(whole) and not os.path.isabs(os.path.expanduser(pattern)):
        return os.path.join(glob.escape(str(folder)), pattern)
    return whole


def with_absolute_paths(values: dict[str, Any], model: type[BaseModel], folder: Path) -> dict[str, Any]:
    made = dict(values)
    for name, info in model.model_fields.items():
        if isinstance(made.get(name), str) and (info.annotation is Path or Path in get_args(info.annotation)):
            made[name] = absolute_path(made[name], folder)
    return made
