"""What stops work with FlickRocket's REST API.

::

    FeedbridgeError
    ├── CommandError              code flickrocket.setting: a setting or option is wrong; nothing was done (exit 2)
    └── FlickRocketError          all other codes below (exit 3)
"""

from __future__ import annotations

from feedbridge.errors import FeedbridgeError

__all__ = ["CODES", "FlickRocketError"]

CODES: dict[str, str] = {
    "flickrocket.answer": "FlickRocket's answer cannot be read, or lacks what it must have.",
    "flickrocket.authorize-again": "FlickRocket no longer takes the stored permission, and only its owner can give a new one.",
    "flickrocket.down": "FlickRocket cannot be reached, or says that it is busy, also after several tries.",
    "flickrocket.gone": "What was asked for is not there, or no longer.",
    "flickrocket.not-logged-in": "No permission is stored for the shop.",
    "flickrocket.refused": "FlickRocket, or its owner, refused what was asked.",
    "flickrocket.setting": "A setting or an option for FlickRocket cannot be used.",
    "flickrocket.token": "The place where permissions are kept cannot be used, or what lies there is damaged.",
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
