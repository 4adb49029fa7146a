"""Yes or no."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any, ClassVar, Self

from pydantic import model_validator

from feedbridge.cells.base import CellError
from feedbridge.cells.caching import CachingReader
from feedbridge.cells.plain import plain_text, quoted

__all__ = ["Boolean"]

_TRUE = """
1 true t yes y on x ✓ ✔ wahr ja j vrai oui o verdadero si sí s vero sì verdadeiro sim waar tak prawda sand sant ano
kyllä igen evet да
"""
_FALSE = """
0 false f no n off falsch nein faux non falso não nao onwaar nee nie fałsz falsk falskt nej nei ne ei nem hayır нет
"""
TRUE, FALSE = _TRUE.split(), _FALSE.split()


class Boolean(CachingReader):
    """Yes or no, in any case and the words of a dozen languages. Any other word is refused, not taken for no.

    >>> Boolean().read("Ja"), Boolean().read("0"), Boolean(true=["deny"], false=["continue"]).read("DENY")
    (True, False, True)

    Raises: CellError, code boolean-word, boolean-shape.
    """

    kind: ClassVar[str] = "boolean"

    true: list[str] | None = None
    """Words for yes, instead of the usual ones."""
    false: list[str] | None = None
    """Words for no, instead of the usual ones."""

    @model_validator(mode="after")
    def _disjoint(self) -> Self:
        both = _folded(self.true or ()) & _folded(self.false or ())
        if both:
            raise ValueError(f'"{min(both)}" cannot be both true and false')
        return self

    @cached_property
    def words(self) -> dict[str, bool]:
        """The meaning of every word, case folded. A word given goes before a usual one."""
        true = dict.fromkeys(_folded(TRUE if self.true is None else self.true), True)
        false = dict.fromkeys(_folded(FALSE if self.false is None else self.false), False)
        return {**true, **false} if self.true is None else {**false, **true}

    def read(self, raw: Any) -> bool:
        if raw is True or raw is False:
            return raw
        text = plain_text(raw, "boolean").strip()
        meaning = self.words.get(text.casefold())
        if meaning is None:
            yes = self.true or ["yes"]
            no = self.false or ["no"]
            raise CellError(
                "cell.boolean-word",
                f"{quoted(raw)} is neither yes nor no",
                f"write {yes[0]} or {no[0]}, or name the word under true or false in the mapping",
            )
        return meaning


def _folded(words: Iterable[str]) -> set[str]:
    return {word.strip().casefold() for word in words}
