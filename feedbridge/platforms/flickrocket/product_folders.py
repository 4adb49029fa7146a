"""Product folders as they lie on a disk, read: what their product.json says, or why it cannot be read.

Source: docs/platforms/flickrocket.md, section 2.2; K1.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from feedbridge.errors import CommandError
from feedbridge.findings import cut
from feedbridge.platforms.flickrocket.payload import ProductFile

__all__ = ["PARTIAL", "SECOND", "Fault", "Folder", "is_empty", "product_folders", "read_folders"]

PRODUCT_FILE = "product.json"
PARTIAL = ".feedbridge-partial"
"""How the name of a folder ends that is being written into an outbox."""
MOST_JSON_BYTES = 16 * 2**20
SECOND = re.compile(r"(.+)--([1-9][0-9]{0,5})", re.ASCII)


@dataclass(frozen=True)
class Fault:
    """What keeps a product from going live, and how to mend it."""

    message: str
    mend: str = ""
    code: str = ""


@dataclass(frozen=True)
class Folder:
    """A product folder, as far as it can be read.

    ``file``     what its product.json says; None when it cannot be read, and ``fault`` says why
    ``written``  when product.json was written, in seconds since 1970
    """

    path: Path
    file: ProductFile | None = field(default=None, repr=False)
    fault: Fault | None = None
    written: float = 0.0

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def part(self) -> dict[str, Any]:
        """The members of ``product`` that the file names."""
        return {} if self.file is None else self.file.product.model_dump(exclude_unset=True)

    @property
    def brings_files(self) -> bool:
        """Whether it has content or pictures to upload."""
        files = None if self.file is None else self.file.files
        return files is not None and any((files.main, files.flux_dvd, files.preview, files.pictures, files.product_picture))


def product_folders(folder: Path) -> list[Path]:
    """The product folders of a folder: itself, those in it, or those in its ``flickrocket`` (the output of ``convert``);
    ``X--2`` comes after ``X``; none of a folder that is empty. Raises CommandError for a folder of other things."""
    try:
        if (folder / PRODUCT_FILE).exists():
            return [Path(os.path.abspath(folder))]
        inside = sorted((one for one in folder.iterdir() if one.is_dir() and not one.name.startswith(".")), key=_place)
        if any((one / PRODUCT_FILE).exists() for one in inside):
            return inside
        if (folder / "flickrocket").is_dir():
            return product_folders(folder / "flickrocket")
        if is_empty(folder):
            return []
    except OSError as exc:
        raise CommandError(
            f"cannot be read: {exc.strerror or exc}", where=str(folder), code="flickrocket.outbox",
            mend="check the path and its permissions",
        ) from exc
    raise CommandError(
        "holds no product folder", where=str(folder), code="flickrocket.outbox",
        mend="name an outbox, an output of convert --to flickrocket, or one product folder (it holds a product.json)",
    )


def is_empty(folder: Path) -> bool:
    """Whether nothing is in a folder but what feedbridge keeps there, as in an outbox whose folders were all uploaded."""
    return all(one.name.startswith(".") and one.name.endswith(PARTIAL) for one in folder.iterdir())


def read_folders(folder: Path) -> list[Folder]:
    """The product folders of a folder, read. Raises CommandError for a folder of other things."""
    return [_read(path) for path in product_folders(folder)]


def _place(path: Path) -> tuple[str, int]:
    match = SECOND.fullmatch(path.name)
    return (match[1], int(match[2])) if match else (path.name, 0)


def _read(path: Path) -> Folder:
    file = path / PRODUCT_FILE
    again = "have it written anew by feedbridge convert or sync"
    try:
        with file.open("rb") as opened:
            written = os.fstat(opened.fileno()).st_mtime
            data = opened.read(MOST_JSON_BYTES + 1)
    except FileNotFoundError:
        return Folder(path, fault=Fault("it holds no product.json", "drop the whole folder, or take this one out", "flickrocket.K1"))
    except OSError as exc:
        return Folder(path, fault=Fault(f"product.json cannot be read: {exc.strerror or exc}", "check the file", "flickrocket.K1"))
    if data.startswith(b"\xef\xbb\xbf") or len(data) > MOST_JSON_BYTES:
        what = "is far too large" if len(data) > MOST_JSON_BYTES else "begins with a byte order mark"
        return Folder(path, fault=Fault(f"product.json {what}", again, "flickrocket.K1"), written=written)
    try:
        return Folder(path, ProductFile.model_validate_json(data), written=written)
    except ValidationError as exc:
        faults = exc.errors(include_url=False, include_context=False, include_input=False)
        shown = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'JSON'}: {one['msg']}" for one in faults[:3])
        return Folder(path, fault=Fault(f"product.json is not as documented: {cut(shown)}", again, "flickrocket.K1"), written=written)
