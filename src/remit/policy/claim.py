"""What a request takes of a limit, and of which share.

What cannot be told is not guessed: a value to count by that is missing, or an expected
use that is no amount, is `Unclaimable`, and the request is denied. A share for whoever
has no name would be one for all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from msgspec.structs import replace

from remit.amounts import ONE, millionths
from remit.canonical import Frozen, canonical, digest
from remit.expr.errors import EvalError
from remit.expr.values import Uint
from remit.model import ApprovalTerms, Claim, Request, Share
from remit.policy import names
from remit.policy.rule import Expression, Limit

LONGEST_KEY = 200
"""Characters of the key of a share; what is longer is named by its digest."""

_EACH_CALL = {"calls": ONE, "concurrent": ONE}


class Unclaimable(Exception):
    """Nobody can tell what the request takes of a limit."""

    def __init__(self, limit: Limit, why: str) -> None:
        super().__init__(f"the limit {limit.id!r} cannot be kept: {why}")


@dataclass(frozen=True, slots=True)
class Metered:
    """A limit of a layer, and the bits of its patterns; no bits stand for any name."""

    limit: Limit
    label: str
    """What its shares are called: its id after the document's name, whatever is stacked."""
    monitored: bool
    subject: int
    resource: int

    @property
    def terms(self) -> ApprovalTerms | None:
        """Who may let a call begin that goes beyond it."""
        terms = self.limit.terms
        return terms and replace(terms, limit=self.label)

    def share(self, request: Request) -> Share:
        """The share that *request* has a part in.

        Raises:
            Unclaimable: it cannot be told.
        """
        values = [self._value(each, request) for each in self.limit.per]
        key = canonical(values).decode() if values else ""
        return Share(self.label, key if len(key) <= LONGEST_KEY else f"sha256:{digest(values)}")

    def claim(
        self, request: Request, lifts: Callable[[ApprovalTerms], tuple[str, ...]]
    ) -> Claim | None:
        """What *request* takes of it; None if the limit is not about it.

        Args:
            request: what is asked.
            lifts: who has lifted denials with these terms.

        Raises:
            Unclaimable: it cannot be told.
        """
        limit, terms = self.limit, self.terms
        try:
            if limit.when is not None and limit.when.program.evaluate(request) is not True:
                return None
        except EvalError as error:
            raise Unclaimable(limit, f"its condition cannot be evaluated: {error}") from error
        return Claim(
            share=self.share(request),
            most=Frozen(limit.max),
            takes=Frozen(self._takes(request)),
            period=limit.period,
            terms=terms,
            reason=limit.reason,
            advice=limit.advice,
            lifted=terms is not None and bool(lifts(terms)),
            monitored=self.monitored,
        )

    def _takes(self, request: Request) -> dict[str, int]:
        takes = {unit: _EACH_CALL.get(unit, 0) for unit, _ in self.limit.max}
        for unit, expected in self.limit.reserve:
            if isinstance(expected, int):
                takes[unit] = expected
                continue
            try:
                takes[unit] = millionths(expected.program.evaluate(request))
            except (EvalError, ValueError) as error:
                why = f"{expected.text} is no amount of {unit}: {error}"
                raise Unclaimable(self.limit, why) from error
        return takes

    def _value(self, per: Expression, request: Request) -> str:
        """One of the values of the key, as text.

        Texts are one if names spelled like them are, and 1 is "1": nobody gets a fresh share
        by writing something in another way.
        """
        try:
            value = per.program.evaluate(request)
        except EvalError as error:
            why = f"{per.text} cannot be told: {error}"
            raise Unclaimable(self.limit, why) from error
        if type(value) in {bool, int, float, Uint}:
            return canonical(value).decode()
        if value is not None and type(value) is not str:
            raise Unclaimable(self.limit, f"{per.text} is neither text nor a number")
        text = names.spell(value or "")
        if not text:
            raise Unclaimable(self.limit, f"{per.text} is missing")
        return text
