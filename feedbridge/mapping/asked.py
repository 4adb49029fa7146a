"""What a mapping asks the user for: all that is known to be missing, in one message."""

from __future__ import annotations

from typing import NamedTuple

from feedbridge.errors import CommandError

__all__ = ["MISSING", "WRONG", "Ask", "Asked"]

MISSING = "command.parameter-missing"
WRONG = "command.parameter"


class Ask(NamedTuple):
    """One thing to be said. ``text`` goes on from the source's name; ``setting`` is ``currency=EUR``; ``only`` the one
    value there is to choose; ``mend`` is the whole of it where one setting is not; ``where`` the row that asks."""

    text: str
    setting: str = ""
    only: str = ""
    mend: str = ""
    code: str = MISSING
    where: str = ""


class Asked:
    """Collects what is asked for, each parameter once: who asks first knows best which values there are."""

    def __init__(self, source_name: str) -> None:
        self.source_name = source_name
        self._asks: dict[str, Ask] = {}

    def __bool__(self) -> bool:
        return bool(self._asks)

    def add(self, parameter: str, ask: Ask) -> None:
        self._asks.setdefault(parameter, ask)

    def error(self) -> CommandError:
        """All of it as one error."""
        asks = list(self._asks.values())
        (first, *others) = asks
        if not others:
            front = "" if first.where else f"{self.source_name} "
            only = f"it has only {first.only}: " if first.only else ""
            mend = first.mend or f"{only}{'say' if first.code == WRONG else 'add'} --set {first.setting}"
            return CommandError(f"{front}{first.text}", where=first.where, code=first.code, mend=mend)
        settings = " ".join(f"--set {ask.setting}" for ask in asks if not ask.mend)
        mends = [f"add {settings}"] if settings else []
        mends += [ask.mend for ask in asks if ask.mend]
        texts = [f"{ask.where}: {ask.text}" if ask.where else f"it {ask.text}" for ask in asks]
        return CommandError(
            f"{self.source_name} " + "; ".join(texts).removeprefix("it "),
            code=MISSING if any(ask.code == MISSING for ask in asks) else WRONG,
            mend="; ".join(mends),
        )
