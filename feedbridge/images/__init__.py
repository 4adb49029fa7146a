"""Are the pictures there, and are they what they should be? Addresses and files in, findings out.

The addresses come from a feed, so from strangers: only public hosts are asked, at a modest rate, and within limits.
What does the work (``check.check_pictures``) is imported only when pictures are checked: it needs the extra ``images``.
"""

from __future__ import annotations

from feedbridge.images.picture import Picture, Taker
from feedbridge.images.settings import ImageSettings

__all__ = ["ImageSettings", "Picture", "Taker"]
