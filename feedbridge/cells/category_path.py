"""Categories: a path from the root down, or several paths in one cell."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar

from pydantic import Field

from feedbridge.cells.base import CellError, Reader
from feedbridge.cells.list import Character, split_cell
from feedbridge.cells.plain import plain_text, quoted

__all__ = ["CategoryPath", "CategoryPaths"]


COMMA = re.compile(r",(?!\s)")


class CategoryPath(Reader):
    """One path of categories from the root down.

    >>> CategoryPath().read("Clothing > Shirts")
    ('Clothing', 'Shirts')

    Shape:   blanks around the separator do not count; one at either end is nothing; a JSON list gives the steps.
    Returns: tuple of str, empty only when the cell holds separators only.
    Raises:  CellError, code category-path-step (an empty step between two others), category-path-shape.
    """

    kind: ClassVar[str] = "category_path"

    separator: Annotated[str, Field(min_length=1)] = " > "
    """Text between two steps."""
    escape: Character | None = None
    """Character before a separator that makes it part of a name."""

    def read(self, raw: Any) -> tuple[str, ...]:
        if isinstance(raw, list):
            return self.path([plain_text(step, "category-path") for step in raw], raw)
        text = plain_text(raw, "category-path")
        return self.path(list(split_cell(text, self.separator.strip() or self.separator, self.escape)), raw)

    def path(self, steps: list[str], raw: Any) -> tuple[str, ...]:
        steps = [step.strip() for step in steps]
        while steps and not steps[-1]:
            steps.pop()
        while steps and not steps[0]:
            del steps[0]
        if "" in steps:
            raise CellError(
                "cell.category-path-step",
                f"{quoted(raw)} has a step without a name",
                "fill it in, or take one separator out",
            )
        return tuple(steps)


class CategoryPaths(CategoryPath):
    """Several paths of categories in one cell.

    >>> CategoryPaths().read("Clothing > Shirts, Sale")
    (('Clothing', 'Shirts'), ('Sale',))

    Shape:   an escape before ``list_separator`` or ``separator`` makes it part of a name. A JSON list gives the
             paths, each a text or a list of steps.
    Returns: tuple of paths, equal ones once.
    Raises:  CellError, code category-path-step, category-path-shape.
    """

    kind: ClassVar[str] = "category_paths"

    list_separator: Annotated[str, Field(min_length=1)] = ","
    """Text between two paths. ``auto``: a bar where the cell has one, else a comma that no blank follows
    (Adobe Commerce: older exports join with bars, newer ones with commas, and a name may hold a comma)."""

    def read(self, raw: Any) -> tuple[tuple[str, ...], ...]:  # type: ignore[override]  # several of what the parent reads
        if isinstance(raw, list):
            paths = [super(CategoryPaths, self).read(path) for path in raw]
        else:
            text = plain_text(raw, "category-path")
            if self.list_separator == "auto":
                parts = text.split("|") if "|" in text else COMMA.split(text)
            else:
                parts = list(split_cell(text, self.list_separator, self.escape))
            paths = [super(CategoryPaths, self).read(part) for part in parts]
        return tuple(dict.fromkeys(path for path in paths if path))
