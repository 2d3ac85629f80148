"""Finds what patterns and detectors find, in a text or in all texts of a value.

One pass over the text for each kind tells which patterns can match at all (an RE2 set of
their cues); only those are looked for. A text without a cue is done after that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any

from remit.content.encoded import BASE64, ESCAPED, HEX, decoded, unescape
from remit.content.finding import Detector, Finding, Kind, Path, settle
from remit.content.folded import CONTROL, Folded, fold
from remit.content.pattern import CONTEXT, Pattern, options
from remit.content.values import texts

LEAST = 0.5
"""The confidence below which a finding is not worth a mention."""
LAYERS = 2
"""How many encodings one within another are undone."""
ENCODED = "encoded_payload"
"""The type of a run that decodes to an injection."""


class Scanner:
    """A detector made of patterns, and of other detectors.

    Args:
        patterns: what to look for.
        detectors: others to ask about each text, as it was given.
        types: the only types that are reported; none means all.
        least: the lowest confidence that is reported.
    """

    def __init__(
        self,
        patterns: Iterable[Pattern] = (),
        *,
        detectors: Iterable[Detector] = (),
        types: Iterable[str] | None = None,
        least: float = LEAST,
    ) -> None:
        self.patterns = tuple(patterns)
        self.detectors = tuple(detectors)
        self.types = None if types is None else frozenset(types)
        self.least = least

    def scan(self, value: Any) -> tuple[Finding, ...]:
        """What is found in *value*: in its texts, numbers and keys, with the path to each.

        Raises:
            NotData: *value* is nested too deep, or holds something that is no data.
        """
        if type(value) is str:
            return self.find(value)
        return tuple(each for path, text in texts(value) for each in self.find_at(path, text))

    def find_at(self, path: Path, text: str) -> tuple[Finding, ...]:
        """What is found in *text*, which stands at *path*: the last key says what it is about."""
        key = next((each for each in reversed(path) if isinstance(each, str)), "")
        if not key:
            return tuple(each.at(path) for each in self.find(text))
        before = f'"{key[-CONTEXT:]}": '
        size = len(before)
        return tuple(
            replace(each, start=max(each.start - size, 0), end=each.end - size, path=path)
            for each in self.find(before + text)
            if each.end > size
        )

    def find(self, text: str, /) -> tuple[Finding, ...]:
        """What is found in *text*, in its order."""
        found = [] if self.passes(text) else self._find(fold(text), LAYERS)
        if not found and not self.detectors:
            return ()
        others = [each for detector in self.detectors for each in detector.find(text)]
        return settle(each for each in (*found, *others) if self._reports(each))

    def passes(self, text: str, /) -> bool:
        """Whether the pass for cues shows that no pattern finds anything in *text*.

        Folding leaves ASCII text as it is, so that is not folded first.
        """
        return text.isascii() and not self._wanted(text.encode())

    def _reports(self, finding: Finding) -> bool:
        wanted = self.types is None or finding.type in self.types
        return wanted and finding.confidence >= self.least

    def _find(self, view: Folded, layers: int) -> list[Finding]:
        wanted = self._wanted(view.raw)
        if not wanted:
            return []
        if CONTROL in wanted and len(view.raw) == len(view.text):
            return self._find(fold(view.text, controlled=True), layers)
        found = [
            Finding(pattern.type, pattern.kind, *view.span(hit.start, hit.end), hit.confidence)
            for pattern in self._patterns(wanted)
            for hit in pattern.find(view.raw)
        ]
        if layers and ESCAPED in wanted:
            plain = unescape(view)
            found += self._find(plain, layers - 1) if plain is not None else ()
        for encoding in (BASE64, HEX):
            if layers and encoding in wanted:
                found += self._decoded(view, encoding, layers - 1)
        return found

    def _decoded(self, view: Folded, encoding: str, layers: int) -> Iterator[Finding]:
        """What is found inside encoded runs; each finding is where its run is."""
        for start, end, text in decoded(view.raw, encoding):
            span = view.span(start, end)
            for inner in self._find(fold(text), layers):
                hidden = ENCODED if inner.kind is Kind.INJECTION else inner.type
                yield Finding(hidden, inner.kind, *span, inner.confidence)

    def _patterns(self, wanted: frozenset[str]) -> Iterator[Pattern]:
        return (each for each in self.patterns if each.hint in wanted)

    def _wanted(self, raw: bytes) -> frozenset[str]:
        """The cues that are somewhere in *raw*."""
        wanted = _NOTHING
        for needs, cues, expressions in self._cues:
            if needs and not _has_one(needs, raw):
                continue
            found = cues.Match(raw)
            # The last cue matches anything: without it, RE2 ran out of memory and knows nothing.
            if not found or len(expressions) not in found:
                raise MemoryError("RE2 could not search the text within its memory")
            if len(found) > 1:
                wanted |= {expressions[at] for at in found if at < len(expressions)}
        return wanted

    @cached_property
    def _cues(self) -> list[tuple[tuple[bytes, ...], Any, list[str]]]:
        """A set for each kind, and what a text needs to be worth its pass.

        One for all takes longer: what one cue has to keep in mind multiplies with what another
        has. So it was measured which of them goes well with what any text may have.
        """
        groups: dict[tuple[Kind, bytes], list[str]] = {}
        needy = {each.kind for each in self.patterns if each.needs}
        lone = [each.hint for each in self.patterns if not each.needs and each.kind in needy]
        for each in self.patterns:
            if each.needs or each.kind not in needy:
                groups.setdefault((each.kind, each.needs), []).append(each.hint)
        always = [group for (_, needs), group in groups.items() if not needs]
        if not always:
            always = [groups.setdefault((Kind.SECRET, b""), [])]
        always[0] += (*lone, BASE64, CONTROL)
        always[-1] += (ESCAPED, HEX)
        return [
            (tuple(bytes([each]) for each in needs), *_set(list(dict.fromkeys(group))))
            for (_, needs), group in groups.items()
        ]


def _has_one(needs: tuple[bytes, ...], raw: bytes) -> bool:
    """Whether one of *needs* is in *raw*."""
    for each in needs:  # noqa: SIM110 - a generator would take longer than the search
        if each in raw:
            return True
    return False


def _set(expressions: list[str]) -> tuple[Any, list[str]]:
    import re2

    chosen = options()
    chosen.never_capture = True
    cues = re2.Set.SearchSet(chosen)
    for expression in (*expressions, ""):
        cues.Add(expression.encode())
    cues.Compile()
    return cues, expressions


_NOTHING: frozenset[str] = frozenset()
