"""The duty to redact: what the action returns is given on without personal data and secrets.

    obligations:
      - type: redact                     # all personal data and secrets
      - type: redact
        types: [card, us_ssn]            # these only
        fields: [patient.insurance]      # and whatever stands under this name

It fails closed: what is no data cannot be searched, so it is not given on. The action
has run by then, and its record says that it raised.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from remit.content import Kind, Placeholders, Scanner, Stream, scanner
from remit.content.finding import Path
from remit.content.replace import Replace, replaced
from remit.content.values import rewrite
from remit.errors import Unavailable
from remit.model import Obligation
from remit.ports import Execute

T = TypeVar("T")

REDACTED = "[REDACTED]"
"""What stands for a field that is not given on at all."""
_KNOWN = {"types", "fields"}


class Redact:
    """Discharges `redact`.

    Args:
        replace: makes what stands in the place of a finding, anew for each call.
        using: what finds it, where the obligation names no types.
    """

    def __init__(
        self, replace: Callable[[], Replace] = Placeholders, *, using: Scanner | None = None
    ) -> None:
        self.replace = replace
        self.using = using

    def check(self, obligation: Obligation, /) -> None:
        """See that *obligation* is understood.

        Raises:
            Unavailable: it says something that is not.
        """
        self.cleaner(obligation)

    def __call__(self, obligation: Obligation, execute: Execute[T], /) -> Execute[T]:
        """What to run instead of *execute*.

        Raises:
            Unavailable: the obligation says something that is not understood.
        """
        self.check(obligation)

        def run() -> Any:
            cleaner = self.cleaner(obligation)
            value = execute()
            return cleaner.later(value) if hasattr(value, "__await__") else cleaner.clean(value)

        return cast("Execute[T]", run)

    def cleaner(self, obligation: Obligation) -> Cleaner:
        """What redacts as *obligation* says, with the same placeholders for all it is given.

        Raises:
            Unavailable: the obligation says something that is not understood.
        """
        fields = _names(obligation.properties, "fields")
        return Cleaner(self._finder(obligation.properties), self.replace(), frozenset(fields))

    def _finder(self, properties: Mapping[str, Any]) -> Scanner:
        if unknown := sorted(set(properties) - _KNOWN):
            raise Unavailable(f"'redact' has no {unknown[0]!r}; it has {', '.join(sorted(_KNOWN))}")
        types = _names(properties, "types")
        if not types:
            return self.using or scanner(Kind.PII, Kind.SECRET)
        try:
            return scanner(types=types)
        except ValueError as error:
            raise Unavailable(f"'redact' cannot be carried out: {error}") from error


def _names(properties: Mapping[str, Any], key: str) -> tuple[str, ...]:
    names = properties.get(key, ())
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise Unavailable(f"'{key}' of 'redact' is a list of names, not {names!r}")
    return tuple(names)


@dataclass(frozen=True, slots=True)
class Cleaner:
    """Redacts what one call gives back."""

    scanner: Scanner
    replace: Replace
    fields: frozenset[str]

    async def later(self, value: Any) -> Any:
        """What *value* comes to, redacted."""
        return self.clean(await value)

    def clean(self, value: Any) -> Any:
        """*value* redacted, or a generator of redacted items."""
        if isinstance(value, AsyncIterator):
            return self.astream(value)
        if isinstance(value, Iterator):
            return self.stream(value)
        return rewrite(value, self.change)

    def change(self, text: str, path: Path) -> str:
        """*text*, which stands at *path*, redacted."""
        if self.fields and self._hidden(path):
            return REDACTED
        return replaced(text, self.scanner.find_at(path, text), self.replace)

    def _hidden(self, path: Path) -> bool:
        """Whether *path* leads to, or into, a field that is not given on."""
        names = [each for each in path if isinstance(each, str)]
        return any(
            ".".join(names[first:last]) in self.fields
            for first in range(len(names))
            for last in range(first + 1, len(names) + 1)
        )

    def stream(self, items: Iterator[Any]) -> Generator[Any, None, Any]:
        """*items* redacted; text that comes in pieces is put together, and cut anew."""
        text = Stream(self.scanner, self.replace)
        try:
            for item in items:
                if isinstance(item, str):
                    yield from _some(text.feed(item))
                    continue
                yield from _some(text.finish())
                yield rewrite(item, self.change)
            yield from _some(text.finish())
        finally:
            getattr(items, "close", _nothing)()

    async def astream(self, items: AsyncIterator[Any]) -> AsyncGenerator[Any, None]:
        """The same for what comes asynchronously."""
        text = Stream(self.scanner, self.replace)
        try:
            async for item in items:
                if isinstance(item, str):
                    for piece in _some(text.feed(item)):
                        yield piece
                    continue
                for piece in _some(text.finish()):
                    yield piece
                yield rewrite(item, self.change)
            for piece in _some(text.finish()):
                yield piece
        finally:
            close = getattr(items, "aclose", None)
            if close is not None:
                await close()


def _some(piece: str) -> tuple[str, ...]:
    return (piece,) if piece else ()


def _nothing() -> None:
    pass
