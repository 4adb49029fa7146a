"""What stops work with FlickRocket's REST API.

::

    FeedbridgeError
    ├── CommandError       flickrocket.setting and the like: a setting or option is wrong; nothing was done (exit 2)
    └── FlickRocketError   FlickRocket's API cannot be used, or not for this (exit 3)
"""

from __future__ import annotations

from feedbridge.errors import FeedbridgeError

__all__ = ["CODES", "FlickRocketError"]

CODES: dict[str, str] = {
    "flickrocket.answer": "FlickRocket's answer cannot be read, or lacks what it must have.",
    "flickrocket.authorize-again": "FlickRocket no longer takes the stored permission, and only its owner can give a new one.",
    "flickrocket.capture": "A captured webhook cannot be read.",
    "flickrocket.credentials": "The login for the batch folders is to be written, and is missing or cannot be written.",
    "flickrocket.down": "FlickRocket cannot be reached, or says that it is busy, also after several tries.",
    "flickrocket.events": "The file that keeps webhook events cannot be used.",
    "flickrocket.gone": "What was asked for is not there, or no longer.",
    "flickrocket.not-logged-in": "No permission is stored for the shop.",
    "flickrocket.outbox": "The folder that finished product folders are put in cannot be used.",
    "flickrocket.pages": "A list repeats what its earlier pages had, so it would never end.",
    "flickrocket.refused": "FlickRocket, or its owner, refused what was asked.",
    "flickrocket.setting": "A setting or an option for FlickRocket cannot be used.",
    "flickrocket.token": "The place where permissions are kept cannot be used, or what lies there is damaged.",
    "flickrocket.unknown": "Something was sent to FlickRocket, and it is not known whether it was carried out.",
}
"""What each code means."""


class FlickRocketError(FeedbridgeError):
    """FlickRocket's API cannot be used, or not for this. Never holds a token.

    ``code``    one of CODES
    ``status``  the HTTP status of the answer, when there was one
    """

    def __init__(
        self, message: str, *, where: str = "flickrocket", mend: str = "", code: str, status: int | None = None
    ) -> None:
        self.status = status
        super().__init__(message, where=where, mend=mend, code=code)
