"""A starting mapping for a file nobody has described: names in many languages and values vote, every line says why.

``propose`` makes the draft; what it would write is tried by ``feedbridge.api.suggest``, which knows the platforms.
"""

from feedbridge.mapping.suggest.draft import Draft
from feedbridge.mapping.suggest.proposal import propose

__all__ = ["Draft", "propose"]
