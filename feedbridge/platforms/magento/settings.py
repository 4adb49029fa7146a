"""Settings of the Magento-style platform."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from feedbridge.platforms.base import PlatformSettings

__all__ = ["MagentoSettings"]


class MagentoSettings(PlatformSettings):
    """``platforms.magento.settings`` of a mapping, or ``--set magento.<key>=<value>``."""

    parent: bool = False
    """Also write a product with variants as a configurable parent, before its variants. The request cannot
    express which variants belong to it."""
    category_field: Literal["category_id", "category_ids", "both"] = "category_id"
    """Member the category ids are written to: every sample of the vendor has category_id, its table category_ids."""
    enable_product_designer: Annotated[int, Field(ge=0, le=1)] = 1
    """Switches the designer on for products that do not say so themselves (attribute enable_product_designer)."""
    sku_as_id: bool = False
    """The store knows its products by their SKU: a SKU sent as id is meant so, and nothing is said about it."""
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    """The store's base currency: prices in another one are held back. None: the run's first price decides."""
    name_separator: str = " - "
    """Between the product's title and the option values, in the name of a variant."""
    value_separator: str = " / "
    """Between the option values, in the name of a variant."""
    batch_products: Annotated[int, Field(ge=0)] = 0
    """Most products in one file; 0: no limit. The variants of one product stay together, whatever their number."""
    batch_bytes: Annotated[int, Field(ge=0)] = 0
    """Most bytes in one file; 0: no limit. A single product above it has a file of its own."""
