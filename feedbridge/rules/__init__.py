"""Rules: a product (or its payload) in, problems out. A rule reads, never changes.

A platform's rule carries the number its documentation has in docs/platforms/, the page it comes
from, one good and one bad product. ``feedbridge platform show`` and the documentation pages are
made from them, and one test runs the good and the bad product of every rule.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from feedbridge.findings import Severity

__all__ = ["Found", "Problem", "Rule", "rule"]


class Problem(NamedTuple):
    """What one rule says of one product; the run adds file, line, column and SKU.

    ``field`` is the canonical field, as ``price`` or ``variants.2.option_values.0`` (counted from 0).
    """

    field: str
    message: str
    value: str = ""
    mend: str = ""


class Found(NamedTuple):
    """A problem together with the rule that found it."""

    rule: Rule
    problem: Problem


@dataclass(frozen=True, slots=True)
class Rule:
    """One documented rule.

    ``number``   as F12, M8, K5; the finding's code is ``<platform>.<number>``
    ``severity`` error holds the product back for this platform, warning is written all the same
    ``title``    what must hold, one sentence
    ``source``   the page that says so
    ``mend``     what the user can do
    ``check``    ``check(product, payload, settings)``: None when all is well, else a Problem or a list of them.
                 None here when the rule holds by construction; then ``held_by`` says what guarantees it.
    ``good``, ``bad``  for a rule with a check: fields of a Product laid over a minimal one, that pass and
                 fail; otherwise a line of text.
    ``settings`` settings the two examples need
    """

    number: str
    severity: Severity
    title: str
    source: str
    mend: str
    good: Any
    bad: Any
    check: Callable[[Any, Any, Any], Any] | None = None
    held_by: str = ""
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def stated(self) -> str:
        """The title where it heads findings: framed, as it says what must hold and the findings say what does not."""
        return f'rule: "{" ".join(self.title.split())}"'


def rule(
    number: str, severity: Severity, *, source: str, good: Any, bad: Any, mend: str = "",
    settings: dict[str, Any] | None = None,
) -> Callable[[Callable[[Any, Any, Any], Any]], Rule]:
    """Make a Rule of a small function; its docstring is the title."""

    def make(check: Callable[[Any, Any, Any], Any]) -> Rule:
        title = inspect.cleandoc(check.__doc__ or "")
        return Rule(number, severity, title, source, mend, good, bad, check, settings=settings or {})

    return make
