"""Before bindings are sent: has the shop their price models and licences, valid, in the currencies it needs?

The rules are those of ``feedbridge flickrocket check``. The shop's two lists are read when the first binding is to be sent,
and once a run: the deliveries of a job share them while they are there.

Source: docs/platforms/flickrocket.md, 2.2 and 2.7; K12, K15.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from weakref import WeakValueDictionary

from feedbridge.errors import FeedbridgeError
from feedbridge.platforms.delivery import Answer, DeliverySettings, Rate, Reach, Way
from feedbridge.platforms.flickrocket.calls import CallError
from feedbridge.platforms.flickrocket.check import BindingCheck
from feedbridge.platforms.flickrocket.client import connect
from feedbridge.platforms.flickrocket.errors import FlickRocketError
from feedbridge.platforms.flickrocket.hosts import hosts_of
from feedbridge.platforms.flickrocket.tokens import TokenStore

__all__ = ["Bindings", "not_checked"]

PATIENCE_SECONDS = 120.0
"""Longest wait for other processes' calls."""


class _Lists:
    """A shop's price models and licences, once they were read; ``silent``: why a plan could not read them, and the
    remedy."""

    def __init__(self) -> None:
        self.check: BindingCheck | None = None
        self.silent: tuple[str, str] | None = None


_SHARED: WeakValueDictionary[tuple[str, str, str], _Lists] = WeakValueDictionary()
"""By the place of the API, the place of the tokens, and the shop."""


class Bindings:
    """The check of one target. ``currencies``: every price has to have these; none: the usual ones of the shop."""

    def __init__(
        self, shop: str, delivery: DeliverySettings, environment: Mapping[str, str], currencies: tuple[str, ...]
    ) -> None:
        self.shop = shop
        self._delivery = delivery
        self._environment = environment
        self._currencies = currencies
        self._lists: _Lists | None = None

    def ready(self, part: Mapping[str, Any]) -> Way:
        """For the plan: an update, or refused. A shop that cannot be asked is told of, and asked once."""
        if not part.get("price_license_binding"):
            return Way("update")
        try:
            if (silent := self._of_shop().silent) is None:
                return self._way(part)
        except FeedbridgeError as exc:
            silent = exc.message, exc.mend
            if self._lists is not None:
                self._lists.silent = silent
        return Way(
            "update", f"its licences and prices could not be checked ({silent[0]}); they are before it is sent", silent[1],
            "flickrocket.unchecked", unchecked=True,
        )

    def fault(self, part: Mapping[str, Any]) -> str:
        """For the delivery: why bindings are not sent, and how to mend it; empty when they are. Raises FeedbridgeError
        when the shop cannot be asked."""
        if not part.get("price_license_binding"):
            return ""
        way = self._way(part)
        return f"{way.message}; mend: {way.mend}" if way.how == "refused" else ""

    def _way(self, part: Mapping[str, Any]) -> Way:
        lists = self._of_shop()
        if lists.check is None:
            rate = self._delivery.rate
            with connect(
                self.shop, environment=self._environment, rate=Rate() if rate == "off" else rate,
                connect_seconds=self._delivery.connect_seconds, answer_seconds=self._delivery.answer_seconds, tries=1,
                patience_seconds=PATIENCE_SECONDS,
            ) as client:
                lists.check = BindingCheck(client)
        faults = lists.check.faults(part, self._currencies)
        if not faults:
            return Way("update")
        mends = dict.fromkeys(one.mend.replace("with --currency", "by currencies: in the job file") for one in faults)
        return Way("refused", "; ".join(one.message for one in faults), "; ".join(mends), faults[0].code)

    def _of_shop(self) -> _Lists:
        if self._lists is None:
            key = (
                hosts_of(self._environment).api, str(TokenStore(environment=self._environment).folder), self.shop,
            )
            self._lists = _SHARED.get(key)
            if self._lists is None:
                self._lists = _SHARED[key] = _Lists()
        return self._lists


def not_checked(exc: FeedbridgeError) -> Answer:
    """The answer to a call that was not made, since the shop could not be asked about its bindings."""
    reach, wait = Reach.STOP, None
    if isinstance(exc, CallError):
        reach = Reach.WAIT if exc.reach is Reach.UNKNOWN else Reach.STOP if exc.reach is Reach.REFUSED else exc.reach
        wait = exc.wait_seconds
    elif isinstance(exc, FlickRocketError) and exc.code == "flickrocket.down":
        reach = Reach.WAIT
    return Answer(
        reach, message=f"licences and prices cannot be checked: {exc.message}", mend=exc.mend, wait_seconds=wait,
        http_status=getattr(exc, "status", None),
    )
