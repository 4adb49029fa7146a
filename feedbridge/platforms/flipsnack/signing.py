"""Signed Flipsnack requests: the form fields of one call, ready for POST multipart/form-data.

Source: developers.flipsnack.com, /how-to-sign-a-request and /products/create (docs/platforms/flipsnack.md,
sections 1 to 4; choices A1 to A5, A12, A16, A20, A21).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from feedbridge.errors import CommandError
from feedbridge.platforms.flipsnack.settings import FlipsnackSettings

__all__ = [
    "ENDPOINT", "Credentials", "create_request", "credentials", "delete_request", "request_bytes",
    "request_overhead", "short_source_hash", "sign", "source_hash", "unnamed_feed",
]

ENDPOINT = "https://api.flipsnack.com/v1/"
"""Where product calls go (F1); the upload host takes files only."""

SOURCE_HASH_CHARS = 64
_UNSIGNED = frozenset({"signature", "file"})
# A part's delimiter line (a boundary has at most 70 characters), its Content-Disposition and Content-Type lines
# and the line breaks come to less than this, the name and value left aside; likewise the closing delimiter.
_PART_BYTES = 200
# Room kept for the API key, whose length is not documented and which a conversion need not know.
_KEY_BYTES = 256
_SIGNATURE_BYTES = 32

Action = Literal["products.create", "products.update"]


@dataclass(frozen=True, slots=True)
class Credentials:
    """An account's keys. The secret is only ever hashed, never sent, and not shown when this is printed."""

    api_key: str
    secret: str = field(repr=False)


def credentials(environment: Mapping[str, str]) -> Credentials:
    """The keys from ``FEEDBRIDGE_FLIPSNACK_API_KEY`` and ``FEEDBRIDGE_FLIPSNACK_API_SECRET``. Raises CommandError."""
    values = []
    for name in ("FEEDBRIDGE_FLIPSNACK_API_KEY", "FEEDBRIDGE_FLIPSNACK_API_SECRET"):
        value = environment.get(name, "")
        _ascii(value, name)
        values.append(value)
    return Credentials(*values)


def sign(parameters: Mapping[str, str], secret: str) -> str:
    """The ``signature`` of a call: MD5, 32 lower-case hex digits.

    >>> sign({"action": "collection.getCollection", "apiKey": "45FD-267-7SG7832", "collectionHash": "fxh4k89"},
    ...      "123ABCDE-456-7890-FGH")
    '26e781d3d1751d82ec284acf4a019def'

    Hashed are the secret and then, in the order of the names, each name and its value as they are (before any
    transport encoding). ``signature`` and ``file`` are left out.

    Raises:  CommandError, code flipsnack.F18 (secret empty or not ASCII).
    Source:  signing page, with its published vector above.
    """
    _ascii(secret, "the API secret")
    text = "".join(f"{name}{parameters[name]}" for name in sorted(parameters) if name not in _UNSIGNED)
    return hashlib.md5((secret + text).encode(), usedforsecurity=False).hexdigest()


def source_hash(settings: FlipsnackSettings) -> str:
    """The feed's sourceHash: the user's own, else 64 hex digits made from the feed's name, so the same every run.

    >>> source_hash(FlipsnackSettings(feed="demo-feed"))
    '2d67d6d3542967f637ca1b1ee9cf76ed50adb1dfd0ee2617e1b8f3bb50dd274b'

    Raises:  CommandError, code flipsnack.F5 (empty, longer than 64 characters, or not ASCII).
    """
    own = settings.source_hash
    if own is None:
        return hashlib.sha256(f"feedbridge:{settings.feed}".encode()).hexdigest()
    if not own.strip() or len(own) > SOURCE_HASH_CHARS or not own.isascii() or not own.isprintable():
        raise CommandError(
            f'sourceHash "{own}" has {len(own)} characters; it must be 1 to {SOURCE_HASH_CHARS} printable ASCII ones',
            where="flipsnack.source_hash", code="flipsnack.F5",
            mend="give the sourceHash the feed was created with, or leave it out to have one made from the feed's name",
        )
    return own


def short_source_hash(settings: FlipsnackSettings) -> str:
    """A warning when the user's own sourceHash is shorter than the 64 characters older documentation asks for."""
    own = settings.source_hash
    if own is None or len(own) >= SOURCE_HASH_CHARS:
        return ""
    return (
        f"sourceHash has {len(own)} characters: at most {SOURCE_HASH_CHARS} are allowed, "
        f"but older editions of Flipsnack's documentation ask for exactly {SOURCE_HASH_CHARS}"
    )


def unnamed_feed(settings: FlipsnackSettings) -> str:
    """A warning when the feed was given no name: two feeds would share one sourceHash (F6)."""
    if settings.source_hash is not None or settings.feed != type(settings).model_fields["feed"].default:
        return ""
    return (
        f'the feed has no name of its own, so it shares the sourceHash of every feed called "{settings.feed}": '
        "give it one and keep it, --set flipsnack.feed=NAME"
    )


def create_request(
    products_text: str, settings: FlipsnackSettings, api_key: str, secret: str, *, action: Action = "products.create",
) -> dict[str, str]:
    """The form fields of one create (or update) call.

    ``products_text`` is the text of a batch file; the very same text is signed and sent.
    Returns the fields with their raw values, the signature last; the secret is not among them.
    Raises CommandError when a key or the sourceHash is empty or not ASCII.
    """
    return _request({"products": products_text}, action, settings, api_key, secret)


def delete_request(codes: Iterable[str], settings: FlipsnackSettings, api_key: str, secret: str) -> dict[str, str]:
    """The form fields of one delete call for the products with these codes. Raises CommandError."""
    text = json.dumps(list(codes), separators=(",", ":"))
    return _request({"productsSKU": text}, "products.delete", settings, api_key, secret)


def _request(
    payload: dict[str, str], action: str, settings: FlipsnackSettings, api_key: str, secret: str,
) -> dict[str, str]:
    _ascii(api_key, "the API key")
    fields = {"action": action, "apiKey": api_key, **settings.extra_parameters, "sourceHash": source_hash(settings)}
    _ascii(secret, "the API secret")
    if any(secret in value for value in fields.values()):
        raise CommandError(
            "the API secret stands in a request parameter; it must never be sent", where="flipsnack",
            code="flipsnack.F19", mend="take the secret out of the API key, source_hash and extra_parameters",
        )
    fields |= payload
    fields["signature"] = sign(fields, secret)
    return fields


def request_overhead(settings: FlipsnackSettings) -> int:
    """Bytes of a call's body beside the ``products`` text: an upper bound, whatever the HTTP client writes."""
    sizes = {"action": len("products.create"), "apiKey": _KEY_BYTES, "sourceHash": SOURCE_HASH_CHARS,
             "signature": _SIGNATURE_BYTES, "products": 0}
    sizes |= {name: len(value) for name, value in settings.extra_parameters.items()}
    return sum(_PART_BYTES + len(name) + value for name, value in sizes.items()) + _PART_BYTES


def request_bytes(products_text: str, settings: FlipsnackSettings) -> int:
    """Bytes of the whole body of the call that sends this text, never less than what is sent (A16)."""
    return request_overhead(settings) + len(products_text.encode())


def _ascii(value: str, what: str) -> None:
    if not value or not value.isascii():
        raise CommandError(
            f"{what} is {'not ASCII' if value else 'empty'}", where="flipsnack", code="flipsnack.F18",
            mend="copy it again from Flipsnack's account settings",
        )
