"""The records of a log as a verifier reads them, each checked for itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from remit.audit import erasure, rotation
from remit.audit.erasure import Span
from remit.audit.findings import Finding, FindingKind, span_of
from remit.audit.record import ENDS, Kind
from remit.audit.rotation import Rotation
from remit.audit.stored import Leaf, Stored
from remit.audit.tree import TILE_WIDTH, Frontier, Node, leaf_hash
from remit.audit.trust import Keyring
from remit.errors import LogError

TOLERANCE = 5 * 60 * 10**6
"""How far the clocks of those who write and who witness may be apart, in microseconds."""


class Reading:
    """The records read so far, each checked for itself."""

    def __init__(self, keyring: Keyring, nodes: Iterator[Node] | None) -> None:
        self.keyring = keyring
        self.nodes = nodes
        self.doubted: Node | None = None
        """The first inner node that is not what the log keeps."""
        self.findings: list[Finding] = []
        self.frontier = Frontier()
        self.size = 0
        """One more than the highest index seen."""
        self.gapless = True
        """While this holds, `frontier` is that of the first `size` records."""
        self.under_way: dict[str, int] = {}
        self.used: dict[str, int] = {}
        """Which record used up each approval."""
        self.reached = 0
        """The time, in Unix microseconds, that it was when the next record was written."""
        self.backdated: list[Span] = []
        self.missing: list[Span] = []
        """Records whose payload is gone."""
        self.accounted: list[Span] = []
        """Records whose payload a later record says was erased."""

    def find(self, kind: FindingKind, index: int, message: str) -> None:
        """Report something."""
        self.findings.append(Finding(kind, index, message))

    def read(self, entry: Stored) -> None:
        """Take the next record."""
        self.place(entry.index)
        if self.gapless:
            # The stored hash, so that a changed leaf is one finding and not the end of the tree.
            completed: list[Node] = []
            self.frontier = self.frontier.extend((entry.hash,), completed)
            self.follow_nodes(completed)
        unchanged = leaf_hash(entry.leaf) == entry.hash
        if not unchanged:
            why = "its leaf is not what its hash says"
            self.find(FindingKind.CHANGED, entry.index, f"record {entry.index} was changed: {why}")
        try:
            leaf = entry.facts()
        except LogError as error:
            self.find(FindingKind.UNREADABLE, entry.index, str(error))
            return
        self.follow(entry.index, leaf)
        if unchanged:
            self.date(entry.index, leaf.at)
            self.weigh(entry, leaf)

    def place(self, index: int) -> None:
        """See that it stands where it should."""
        if index > self.size:
            what = span_of(self.size, index)
            verb = "is" if index == self.size + 1 else "are"
            self.find(FindingKind.MISSING, self.size, f"{what} {verb} missing")
        elif index < self.size:
            why = f"it stands behind record {self.size - 1}"
            self.find(FindingKind.OUT_OF_ORDER, index, f"record {index} is out of order: {why}")
        self.gapless = self.gapless and index == self.size
        self.size = max(self.size, index + 1)

    def follow(self, index: int, leaf: Leaf) -> None:
        """Keep count of the calls under way."""
        if leaf.kind is Kind.STARTED:
            self.under_way[leaf.call] = index
            for approval in leaf.uses:
                self.use(approval, index)
        elif leaf.kind in ENDS:
            self.under_way.pop(leaf.call, None)

    def date(self, index: int, at: int) -> None:
        """See that it is no older than what was there before it."""
        if at < self.reached - TOLERANCE:
            _add(self.backdated, index)
        self.reached = max(self.reached, at)

    def use(self, approval: str, index: int) -> None:
        """See that no approval releases two calls."""
        first = self.used.setdefault(approval, index)
        if first != index:
            why = f"it released the call of record {first} already"
            self.find(FindingKind.REUSED, index, f"record {index} uses approval {approval}: {why}")

    def follow_nodes(self, completed: Iterable[Node]) -> None:
        """Hold the inner nodes that a record completed against those the log keeps."""
        if self.nodes is None or self.doubted is not None:
            return
        self.doubted = next((one for one in completed if next(self.nodes, None) != one), None)

    def compare_nodes(self) -> None:
        """Say so if what the log keeps of its tree leads to proofs that fail."""
        if self.nodes is None or not self.gapless:
            return
        doubted = self.doubted or next(self.nodes, None)
        known = {FindingKind.REWRITTEN, FindingKind.TRUNCATED}
        if doubted is None or any(finding.kind in known for finding in self.findings):
            return
        level, index, _ = doubted
        span = TILE_WIDTH**level
        what = span_of(index * span, index * span + span)
        message = f"the tree over {what} was changed: the node kept is not theirs"
        self.find(FindingKind.TREE_CHANGED, index * span, message)

    def weigh(self, entry: Stored, leaf: Leaf) -> None:
        """Hold a payload against what its leaf says of it."""
        if entry.payload is None:
            _add(self.missing, entry.index)
        elif entry.payload_digest != leaf.payload:
            message = f"the payload of record {entry.index} was changed: its leaf names another"
            self.find(FindingKind.PAYLOAD_CHANGED, entry.index, message)
        elif leaf.kind is Kind.CHANGED:
            self.take_note(entry, leaf)

    def take_note(self, entry: Stored, leaf: Leaf) -> None:
        """Believe what a record says about the log itself, as far as it can be believed."""
        if leaf.action == rotation.ACTION:
            # Whoever may append may write one that says nothing.
            with suppress(LogError):
                self.keyring.announce(entry.index, Rotation.read(entry.details() or {}))
        elif leaf.action == erasure.ACTION:
            with suppress(LogError):
                self.accounted += erasure.read(entry.details() or {}, entry.index)

    def report_missing(self) -> None:
        """Tell payloads that the log says were erased from those that are just not there."""
        for span, accounted in erasure.split(self.missing, self.accounted):
            what = f"the payload of {span_of(*span)}"
            if accounted:
                self.find(FindingKind.ERASED, span[0], f"{what} was erased")
            else:
                message = f"{what} is missing, and no record says that it was erased"
                self.find(FindingKind.PAYLOAD_MISSING, span[0], message)

    def close(self) -> None:
        """The log has ended: report what was waited for."""
        self.report_missing()
        for span in self.backdated:
            message = f"{span_of(*span)}: dated minutes or more before what was there already"
            self.find(FindingKind.BACKDATED, span[0], message)
        for call, index in self.under_way.items():
            message = f"call {call} started at record {index} and never ended"
            self.find(FindingKind.UNENDED, index, message)


def _add(spans: list[Span], index: int) -> None:
    """Remember *index*; neighbours are reported together."""
    if spans and spans[-1][1] == index:
        spans[-1] = (spans[-1][0], index + 1)
    else:
        spans.append((index, index + 1))
