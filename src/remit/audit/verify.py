"""Whether a log is whole, in order and unchanged, as far as its checkpoints reach.

A verifier trusts some keys and nothing else. What it reports as broken:

- a record whose leaf or payload is not what its hash says, that is missing, or out of order;
- records that are not those a checkpoint signs, and a log shorter than a checkpoint says;
- two signed histories that cannot both be true;
- an approval that released two calls;
- a checkpoint that no trusted key signed, or that is another log's.

What it reports as fact: calls that never ended, payloads that were erased,
records behind the last checkpoint. Entries and checkpoints are read as streams;
only findings and calls under way are held.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from remit.audit.checkpoint import Checkpoint, open_checkpoint
from remit.audit.findings import Finding, FindingKind, Verification
from remit.audit.note import VerifyingKey
from remit.audit.record import ENDS, Kind
from remit.audit.stored import Leaf, Stored
from remit.audit.tree import TILE_WIDTH, Frontier, Node, leaf_hash
from remit.errors import LogError


def verify(
    entries: Iterable[Stored],
    checkpoints: Iterable[str],
    keys: Iterable[VerifyingKey],
    *,
    origin: str | None = None,
    outside: str | None = None,
    head: Frontier | None = None,
    nodes: Iterable[Node] | None = None,
) -> Verification:
    """Read a log once, from its first entry to its last, and say what is wrong with it.

    Args:
        entries: the records in the order of the log.
        checkpoints: its signed notes, in ascending size.
        keys: whom the verifier trusts.
        origin: which log it should be; any, if None.
        outside: a checkpoint kept elsewhere. It finds what a forger who owns the log can hide.
        head: what the log itself remembers of its tree.
        nodes: the inner nodes it keeps, in the order of the leaves that completed them.

    Raises:
        LogError: *outside* is not a checkpoint of this log by a trusted key.
    """
    keys = tuple(keys)
    log = _Log(None if nodes is None else iter(nodes))
    history = _History(log, None if outside is None else _open(outside, keys, origin))
    marks = _trusted(checkpoints, keys, origin, log.findings)
    mark = history.catch_up(next(marks, None), marks)
    for entry in entries:
        log.read(entry)
        mark = history.catch_up(mark, marks)
    history.close(mark, marks)
    if head is not None:
        history.compare_head(head)
    log.compare_nodes()
    log.close()
    return history.report()


class _Log:
    """The records read so far, each checked for itself."""

    def __init__(self, nodes: Iterator[Node] | None) -> None:
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
        self.erased: tuple[int, int] | None = None

    def find(self, kind: FindingKind, index: int, message: str) -> None:
        self.findings.append(Finding(kind, index, message))

    def read(self, entry: Stored) -> None:
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
            self.weigh(entry, leaf)

    def place(self, index: int) -> None:
        if index > self.size:
            what = _records(self.size, index)
            verb = "is" if index == self.size + 1 else "are"
            self.find(FindingKind.MISSING, self.size, f"{what} {verb} missing")
        elif index < self.size:
            why = f"it stands behind record {self.size - 1}"
            self.find(FindingKind.OUT_OF_ORDER, index, f"record {index} is out of order: {why}")
        self.gapless = self.gapless and index == self.size
        self.size = max(self.size, index + 1)

    def follow(self, index: int, leaf: Leaf) -> None:
        if leaf.kind is Kind.STARTED:
            self.under_way[leaf.call] = index
            for approval in leaf.uses:
                self.use(approval, index)
        elif leaf.kind in ENDS:
            self.under_way.pop(leaf.call, None)

    def use(self, approval: str, index: int) -> None:
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
        what = _records(index * span, index * span + span)
        message = f"the tree over {what} was changed: the node kept is not theirs"
        self.find(FindingKind.TREE_CHANGED, index * span, message)

    def weigh(self, entry: Stored, leaf: Leaf) -> None:
        if entry.payload is None:
            self.note_erased(entry.index)
        elif entry.payload_digest != leaf.payload:
            message = f"the payload of record {entry.index} was changed: its leaf names another"
            self.find(FindingKind.PAYLOAD_CHANGED, entry.index, message)

    def note_erased(self, index: int) -> None:
        if self.erased is not None and self.erased[1] == index:
            self.erased = (self.erased[0], index + 1)
            return
        self.report_erased()
        self.erased = (index, index + 1)

    def report_erased(self) -> None:
        if self.erased is not None:
            message = f"the payload of {_records(*self.erased)} was erased"
            self.find(FindingKind.ERASED, self.erased[0], message)

    def close(self) -> None:
        self.report_erased()
        for call, index in self.under_way.items():
            message = f"call {call} started at record {index} and never ended"
            self.find(FindingKind.UNENDED, index, message)


class _History:
    """What trusted keys say the log was, held against what it is."""

    def __init__(self, log: _Log, outside: Checkpoint | None) -> None:
        self.log = log
        self.outside = outside
        self.signed = 0
        self.holding = 0
        self.doubted: list[Checkpoint] = []
        """Checkpoints that do not hold, since the last that does."""
        self.latest = 0
        """The size of the last checkpoint looked at."""

    def catch_up(self, mark: Checkpoint | None, marks: Iterator[Checkpoint]) -> Checkpoint | None:
        """Compare every checkpoint of the present size; return the first beyond it."""
        log = self.log
        if self.outside is not None and self.outside.size == log.size and log.gapless:
            self.compare_outside(self.outside)
        while mark is not None and mark.size <= log.size:
            if mark.size < self.latest:
                why = "it stands behind a later one"
                message = f"the checkpoint of {mark.size} records is out of order: {why}"
                log.find(FindingKind.OUT_OF_ORDER, mark.size, message)
            elif log.gapless:
                self.compare(mark)
            self.latest = max(self.latest, mark.size)
            mark = next(marks, None)
        return mark

    def compare(self, mark: Checkpoint) -> None:
        if mark.root != self.log.frontier.root():
            self.doubted.append(mark)
            return
        # The log goes on as signed, so it is the doubted ones that belong to another history.
        self.report_forks(self.doubted)
        self.doubted = []
        self.signed = mark.size
        self.holding += 1

    def compare_outside(self, kept: Checkpoint) -> None:
        self.outside = None
        if kept.root == self.log.frontier.root():
            self.signed = kept.size
            self.holding += 1
            return
        first = self.signed if self.signed < kept.size else 0
        message = f"{_records(first, kept.size)}: not those of the checkpoint kept elsewhere"
        self.log.find(FindingKind.FORKED, first, message)

    def report_forks(self, others: Iterable[Checkpoint]) -> None:
        for other in others:
            first = self.signed if self.signed < other.size else 0
            message = (
                f"two histories were signed: a checkpoint of {other.size} records "
                "contradicts one that this log agrees with"
            )
            self.log.find(FindingKind.FORKED, first, message)

    def close(self, mark: Checkpoint | None, marks: Iterator[Checkpoint]) -> None:
        """The log has ended: whatever is still to be compared signs more than there is."""
        promised = 0 if mark is None else max(mark.size, *(one.size for one in marks), 0)
        if self.outside is not None:
            promised = max(promised, self.outside.size)
        size = self.log.size
        if promised > size:
            message = f"the log ends after {size} records, and {promised} were signed"
            self.log.find(FindingKind.TRUNCATED, size, message)
        forks = [one for one in self.doubted if one.size <= self.signed]
        self.report_forks(forks)
        self.report_rewritten([one for one in self.doubted if one.size > self.signed])

    def report_rewritten(self, doubted: list[Checkpoint]) -> None:
        if not doubted:
            return
        first = doubted[0]
        message = (
            f"{_records(self.signed, first.size)}: not those that were signed "
            f"by the checkpoint of {first.size} records"
        )
        self.log.find(FindingKind.REWRITTEN, self.signed, message)
        rivals = [one for one in doubted[1:] if one.size == first.size and one.root != first.root]
        self.report_forks(rivals)

    def compare_head(self, head: Frontier) -> None:
        """Hold the log against its own memory, which no key vouches for."""
        log, size = self.log, self.log.size
        if not log.gapless or head == log.frontier:
            return
        if head.size > size:
            message = f"the log ends after {size} records, and it remembers {head.size}"
            log.find(FindingKind.TRUNCATED, size, message)
        elif not any(finding.kind is FindingKind.REWRITTEN for finding in log.findings):
            first = min(self.signed, head.size)
            message = f"{_records(first, size)}: not those the log remembers"
            log.find(FindingKind.REWRITTEN, first, message)

    def report(self) -> Verification:
        log = self.log
        if self.signed < log.size:
            message = f"{_records(self.signed, log.size)}: behind the last checkpoint that holds"
            log.find(FindingKind.UNSIGNED, self.signed, message)
        worst_first = sorted(log.findings, key=lambda one: (not one.breaks, one.index))
        return Verification(
            log.size, log.frontier.root(), self.signed, self.holding, tuple(worst_first)
        )


def _open(signed: str, keys: tuple[VerifyingKey, ...], origin: str | None) -> Checkpoint:
    checkpoint = open_checkpoint(signed, keys)
    if origin is not None and checkpoint.origin != origin:
        raise LogError(f"it is a checkpoint of {checkpoint.origin}, not of {origin}")
    return checkpoint


def _trusted(
    signed: Iterable[str],
    keys: tuple[VerifyingKey, ...],
    origin: str | None,
    findings: list[Finding],
) -> Iterator[Checkpoint]:
    for position, one in enumerate(signed):
        try:
            yield _open(one, keys, origin)
        except LogError as error:
            message = f"checkpoint {position} counts for nothing: {error}"
            findings.append(Finding(FindingKind.UNTRUSTED, position, message))


def _records(first: int, end: int) -> str:
    return f"record {first}" if end == first + 1 else f"records {first} to {end - 1}"
