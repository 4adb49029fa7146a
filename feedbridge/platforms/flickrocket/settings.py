"""Settings of the FlickRocket batch folders."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from feedbridge.platforms.base import PlatformSettings

__all__ = ["FlickRocketSettings"]


def _split(value: Any) -> Any:
    """``--set flickrocket.themes=1,2`` gives one text for a list."""
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


class FlickRocketSettings(PlatformSettings):
    """What a feed cannot say and FlickRocket wants to know."""

    locale: Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*$")] = "en"
    """Language of the texts when neither the source nor the mapping says."""
    drafts: Literal["exclude", "write"] = "exclude"
    """What to do with draft and archived products."""
    drm: bool = False
    """Protect new products whose feed does not say; types without DRM are never protected."""
    write_price_models: Literal["off", "binding", "product", "top"] = "off"
    """Where to write price models made in the batch file; FlickRocket does not document the place."""
    themes: Annotated[tuple[int, ...], BeforeValidator(_split)] = (-1,)
    """Themes of new products that name none."""
    groups: Annotated[tuple[str, ...], BeforeValidator(_split)] = ("c-1",)
    """Groups of new products that name none."""
    package_audio_type: str | None = None
    """Kind of DRM audio packages that name none; ``music`` is the only documented word."""

    add_content_to_uploader: bool = True
    """Put the content in the uploading user's library."""
    add_content_to_shop_owner: bool = True
    """Put the content in the shop owner's library."""
    send_mail_to_shop_owner: bool = True
    """Mail the shop owner when a product is done."""

    files: Literal["link", "copy"] = "copy"
    """Copy content into the folders, or hard-link it where the disk allows it (quicker, no room needed). A linked
    file shares its bytes with the source: changed in place here or there, it changes in both."""
    with_credentials: bool = False
    """Write the real login into every product.json, from FEEDBRIDGE_FLICKROCKET_EMAIL and _PASSWORD."""

    download: bool = False
    """Fetch content and pictures given as http(s) addresses."""
    download_folder: Path | None = None
    """Where fetched files lie until they are written; by default a temporary folder."""
    download_max_bytes: Annotated[int, Field(gt=0)] = 4 * 1024**3
    """Largest file that is fetched."""
    download_timeout_seconds: Annotated[float, Field(gt=0)] = 30.0
    """Longest silence of a server."""
    download_total_seconds: Annotated[float, Field(gt=0)] = 1800.0
    """Longest time for one file."""
    download_private_addresses: bool = False
    """Also fetch from this machine itself (loopback). For tests only."""
