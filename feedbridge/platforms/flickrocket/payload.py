"""product.json: the pydantic models are the authority, the light twins are what a run writes.

Members come in the order of the documented example; a member that is None is left out, except
``compare_price_id``, which is always there.

Source: developer.flickrocket.com/en/batch-upload/ and its page on advanced settings.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from feedbridge.product import light

__all__ = [
    "PLACEHOLDER_USER",
    "Binding",
    "Category",
    "Cover",
    "CurrencyAmount",
    "FileOptions",
    "Files",
    "Group",
    "LightBinding",
    "LightCategory",
    "LightCover",
    "LightCurrencyAmount",
    "LightFileOptions",
    "LightFiles",
    "LightGroup",
    "LightLocaleTexts",
    "LightOptions",
    "LightPrice",
    "LightProductFile",
    "LightProductPart",
    "LightTheme",
    "LightUser",
    "LocaleTexts",
    "Options",
    "Price",
    "ProductFile",
    "ProductPart",
    "Theme",
    "User",
]


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


Language = Literal["en", "de", "es", "it", "fr", "pt"]
Path = Annotated[str, Field(pattern=r"^[^/\\:\x00]+(/[^/\\:\x00]+)*$")]
"""Relative to the product's folder, with ``/``."""
Slot = Literal["replace", "none"]
Id = Annotated[int, Field(gt=0, lt=2**53)]
Cents = Annotated[int, Field(ge=0, lt=2**53)]


class User(Part):
    """The FlickRocket login, in clear text."""

    email: str
    password: str


class Cover(Part):
    """The cover picture of one language."""

    language_id: Language
    picture: Path


class Files(Part):
    """Paths of the files beside product.json. Empty text: the slot is there and has no file."""

    main: Path | None = None
    flux_dvd: Path | Literal[""] | None = None
    preview: Path | Literal[""] | None = None
    pictures: tuple[Path, ...] | None = None
    product_picture: tuple[Cover, ...] | None = None


class FileOptions(Part):
    """What to do with each file slot."""

    main: Slot
    flux_dvd: Slot
    preview: Slot


class Options(Part):
    """What the uploader does beside storing."""

    files: FileOptions
    add_content_to_uploader: bool
    add_content_to_shop_owner: bool
    send_mail_to_shop_owner: bool
    flux_package_audio_type: str | None = None


class LocaleTexts(Part):
    """Title and description (HTML) in one language."""

    language_id: Language
    title: Annotated[str, Field(min_length=1)]
    description: str | None = None


class CurrencyAmount(Part):
    """An amount in cents."""

    currency: Annotated[str, Field(pattern=r"^[a-z]{3}$")]
    price: Cents


class Price(Part):
    """A price model; its title is the key."""

    title: Annotated[str, Field(min_length=1)]
    currencies: Annotated[tuple[CurrencyAmount, ...], Field(min_length=1)]


class Binding(Part):
    """One licence and its price. ``compare_price_id`` is never left out."""

    license_id: Id
    price_id: Id | None = None
    price: Price | None = None
    hd: bool
    compare_price_id: Id | None
    audio_type: Literal[0, 1] | None = None
    num_users: Annotated[int, Field(ge=1, lt=2**31)] | None = None


class Category(Part):
    """A category of the shop."""

    category_id: Id


class Theme(Part):
    """A theme the product shows in; -1 is the documented value."""

    theme_id: int


class Group(Part):
    """An access group; ``c-1`` is the documented value."""

    group_id: Annotated[str, Field(min_length=1)]


class ProductPart(Part):
    """The product's data. With ``id`` an update, without a create."""

    id: Id | None = None
    title: Annotated[str, Field(min_length=1)] | None = None
    version: str | None = None
    product_type: Literal[1, 4, 5, 7, 9, 16, 23, 24, 27, 29, 30] | None = None
    drm_protected: bool | None = None
    locales: tuple[LocaleTexts, ...] | None = None
    price_license_binding: tuple[Binding, ...] | None = None
    categories: tuple[Category, ...] | None = None
    themes: tuple[Theme, ...] | None = None
    groups: tuple[Group, ...] | None = None
    price: Price | None = None


class ProductFile(Part):
    """One product.json."""

    user: User
    files: Files
    options: Options
    product: ProductPart
    price: Price | None = None


# The twins are typed as Any: they are built from values that were checked one by one.
LightUser: Any = light(User)
LightCover: Any = light(Cover)
LightFiles: Any = light(Files)
LightFileOptions: Any = light(FileOptions)
LightOptions: Any = light(Options)
LightLocaleTexts: Any = light(LocaleTexts)
LightCurrencyAmount: Any = light(CurrencyAmount)
LightPrice: Any = light(Price)
LightBinding: Any = light(Binding)
LightCategory: Any = light(Category)
LightTheme: Any = light(Theme)
LightGroup: Any = light(Group)
LightProductPart: Any = light(ProductPart)
LightProductFile: Any = light(ProductFile)

PLACEHOLDER_USER: Any = LightUser(email="YOUR-FLICKROCKET-LOGIN", password="YOUR-FLICKROCKET-PASSWORD")
"""Stands in every body; only the writer puts a real login in its place, and only when told to."""
