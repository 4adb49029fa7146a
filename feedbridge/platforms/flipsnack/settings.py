"""What a user can set for Flipsnack."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator

from feedbridge.platforms.base import PlatformSettings

__all__ = ["MAX_BATCH_BYTES", "MAX_BATCH_PRODUCTS", "FlipsnackSettings"]

MAX_BATCH_PRODUCTS = 500  # F8
MAX_BATCH_BYTES = 200_000_000  # F9, counted as A16 says

# What a request already carries, what Flipsnack does not sign, old ways to ask for another answer
# format (a call must be answered in JSON), and the secret, which is never sent.
RESERVED_PARAMETERS = frozenset({
    "action", "apikey", "apisecretkey", "callback", "file", "format", "products", "productssku", "signature",
    "sourcehash",
})


class FlipsnackSettings(PlatformSettings):
    """Settings of one Flipsnack feed."""

    feed: Annotated[str, StringConstraints(min_length=1)] = "feedbridge"
    """Name of the feed. It never leaves this machine; the sourceHash is made from it. Two feeds need two names."""
    source_hash: str | None = None
    """The sourceHash of a feed that exists already (at most 64 characters), instead of the one made from the name."""
    option_delimiter: Annotated[str, StringConstraints(min_length=1, max_length=8)] = ","
    """Stands between the values of an option in ``attribute.optionsN``."""
    item_type: Annotated[str, StringConstraints(min_length=1, pattern=r"\S")] = "product"
    """``type`` of products whose source gives none (canonical field ``presentation.item_type``)."""
    drafts: Literal["exclude", "write"] = "exclude"
    """What becomes of products that are drafts or archived."""
    further_images: Literal["advise", "ignore"] = "advise"
    """Whether products with more than one picture are reported: Flipsnack takes one."""
    batch_products: Annotated[int, Field(ge=1, le=MAX_BATCH_PRODUCTS)] = MAX_BATCH_PRODUCTS
    """Products in one call at most; variants are not counted."""
    batch_bytes: Annotated[int, Field(ge=1_000, le=MAX_BATCH_BYTES)] = MAX_BATCH_BYTES
    """Bytes of one call's whole body at most."""
    extra_parameters: dict[str, str] = Field(default_factory=dict)
    """Further request parameters, sent and signed like any other."""

    @field_validator("extra_parameters")
    @classmethod
    def _not_reserved(cls, parameters: dict[str, str]) -> dict[str, str]:
        for name, value in parameters.items():
            if name.lower() in RESERVED_PARAMETERS:
                raise ValueError(f'"{name}" is set by feedbridge itself or must not be sent')
            if not name or not name.isascii() or not name.isprintable() or '"' in name:
                raise ValueError(f'"{name}" is not a parameter name: printable ASCII without quotes only')
            if not value.isascii():
                raise ValueError(f'the value of "{name}" must be ASCII: a signature over anything else is in doubt')
        return parameters
