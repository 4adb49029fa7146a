"""The mappings that come with feedbridge: the files of the project's ``mappings/`` folder."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from feedbridge.errors import MappingError
from feedbridge.mapping.nearest import nearest

__all__ = ["find_mapping", "preset_folder", "presets"]


@cache
def preset_folder() -> Path:
    """The folder the presets lie in: part of the package (in a checkout a link to ``mappings/``)."""
    folder = Path(__file__).resolve().parents[1] / "presets"
    if not folder.is_dir():
        folder = Path(__file__).resolve().parents[2] / "mappings"
    if not folder.is_dir():
        raise MappingError("the presets are missing from this installation", mend="install feedbridge again")
    return folder


@cache
def presets() -> dict[str, Path]:
    """Every preset by name."""
    return {path.stem: path for path in sorted(preset_folder().glob("*.yaml"))}


def find_mapping(name: str) -> tuple[Path, str]:
    """A preset's name or a file's path: the file and how to show it. Raises MappingError."""
    if name in presets():
        return presets()[name], f"mappings/{name}.yaml"
    path = Path(name)
    if path.suffix in {".yaml", ".yml"} or path.is_file():
        if not path.is_file():
            raise MappingError("there is no such file", where=name, code="mapping.missing", mend="check the path")
        return path, name
    near = nearest(name, presets())
    raise MappingError(
        f'there is no preset "{name}"; there are {", ".join(presets())}',
        code="mapping.unknown-preset",
        mend=f'did you mean "{near}"?' if near else "name a preset, or a file that ends in .yaml",
    )
