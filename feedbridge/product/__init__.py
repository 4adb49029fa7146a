"""The canonical model: every other room speaks in its words."""

from feedbridge.product.light import light, to_light, to_model
from feedbridge.product.model import *  # noqa: F403
from feedbridge.product.model import __all__ as _models

__all__ = [*_models, "light", "to_light", "to_model"]
