"""What was signed, held against what is there: checkpoints as a verifier reads a log."""

from __future__ import annotations

from collections.abc import Iterable

from remit.audit.checkpoint import Checkpoint, parse_checkpoint_unchecked
from remit.audit.findings import FindingKind, Verification, span_of
from remit.audit.reading import Reading
from remit.audit.tree import Frontier
from remit.audit.trust import Keyring, Mark, check_origin


class History:
    """What trusted keys say the log was, held against what it is.

    Args:
        log: the records, as far as they were read.
        signed: the notes of its checkpoints, in ascending size.
        kept: the note of one kept elsewhere.
    """

    def __init__(self, log: Reading, signed: Iterable[str], kept: str | None) -> None:
        self.log = log
        self.keyring = log.keyring
        self.kept = kept
        self.kept_size = -1 if kept is None else _size_of(kept, self.keyring)
        self.signed = 0
        self.witnessed = 0
        self.holding = 0
        self.doubted: list[Checkpoint] = []
        """Checkpoints that do not hold, since the last that does."""
        self.latest = 0
        """The size of the last checkpoint looked at."""
        self.marks = self.keyring.open_all(signed)
        self.mark = next(self.marks, None)

    def catch_up(self) -> None:
        """Compare every checkpoint of the present size."""
        log, before = self.log, self.signed
        while self.mark is not None and self.mark.checkpoint.size <= log.size:
            size = self.mark.checkpoint.size
            if size < self.latest:
                why = "it stands behind a later one"
                message = f"the checkpoint of {size} records is out of order: {why}"
                log.find(FindingKind.OUT_OF_ORDER, size, message)
            elif log.gapless:
                self.compare(self.mark)
            self.latest = max(self.latest, size)
            self.mark = next(self.marks, None)
        if self.kept is not None and self.kept_size == log.size and log.gapless:
            self.compare_kept(self.keyring.open_kept(self.kept), before)

    def compare(self, mark: Mark) -> None:
        """Hold one checkpoint of the present size against the records."""
        checkpoint = mark.checkpoint
        if checkpoint.root != self.log.frontier.root():
            self.doubted.append(checkpoint)
            return
        if not mark.vouches:
            return
        # The log goes on as signed, so it is the doubted ones that belong to another history.
        self.report_forks(self.doubted)
        self.doubted = []
        self.signed = checkpoint.size
        self.holding += 1
        self.count_witnesses(mark)
        self.keyring.follow(mark)

    def compare_kept(self, mark: Mark, before: int) -> None:
        """Likewise the one kept elsewhere; *before* is what was signed short of its size."""
        self.kept, kept = None, mark.checkpoint
        if kept.root == self.log.frontier.root():
            self.signed = kept.size if mark.vouches else self.signed
            self.holding += 1
            self.count_witnesses(mark)
            return
        first = before if before < kept.size else 0
        message = f"{span_of(first, kept.size)}: not those of the checkpoint kept elsewhere"
        self.log.find(FindingKind.FORKED, first, message)

    def count_witnesses(self, mark: Mark) -> None:
        """See whether enough witnesses cosigned a checkpoint that holds, and when."""
        latest = max(mark.witnessed, default=0) * 10**6
        self.log.reached = max(self.log.reached, latest)
        needed = self.keyring.trust.cosignatures
        if needed and len(mark.witnessed) >= needed:
            self.witnessed = max(self.witnessed, mark.checkpoint.size)

    def report_forks(self, others: Iterable[Checkpoint]) -> None:
        """Say that *others* are of another history than this."""
        for other in others:
            first = self.signed if self.signed < other.size else 0
            message = (
                f"two histories were signed: a checkpoint of {other.size} records "
                "contradicts one that this log agrees with"
            )
            self.log.find(FindingKind.FORKED, first, message)

    def close(self) -> None:
        """The log has ended: whatever is still to be compared signs more than there is."""
        promised = 0
        while self.mark is not None:
            promised = max(promised, self.mark.checkpoint.size)
            self.mark = next(self.marks, None)
        if self.kept is not None:
            promised = max(promised, self.keyring.open_kept(self.kept).checkpoint.size)
        size = self.log.size
        if promised > size:
            message = f"the log ends after {size} records, and {promised} were signed"
            self.log.find(FindingKind.TRUNCATED, size, message)
        forks = [one for one in self.doubted if one.size <= self.signed]
        self.report_forks(forks)
        self.report_rewritten([one for one in self.doubted if one.size > self.signed])

    def report_rewritten(self, doubted: list[Checkpoint]) -> None:
        """Say that the records are not those that *doubted* checkpoints sign."""
        if not doubted:
            return
        first = doubted[0]
        message = (
            f"{span_of(self.signed, first.size)}: not those that were signed "
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
            message = f"{span_of(first, size)}: not those the log remembers"
            log.find(FindingKind.REWRITTEN, first, message)

    def report(self) -> Verification:
        """What was seen, the worst of it first."""
        log = self.log
        if self.signed < log.size:
            message = f"{span_of(self.signed, log.size)}: behind the last checkpoint that holds"
            log.find(FindingKind.UNSIGNED, self.signed, message)
        if self.keyring.trust.witnesses and self.witnessed < log.size:
            what = span_of(self.witnessed, log.size)
            message = f"{what}: behind the last checkpoint that enough witnesses cosigned"
            log.find(FindingKind.UNWITNESSED, self.witnessed, message)
        found = [*self.keyring.findings(), *log.findings]
        return Verification(
            size=log.size,
            root=log.frontier.root(),
            signed=self.signed,
            checkpoints=self.holding,
            findings=tuple(sorted(found, key=lambda one: (not one.breaks, one.index))),
            witnessed=self.witnessed,
            rotations=tuple(self.keyring.followed),
        )


def _size_of(kept: str, keyring: Keyring) -> int:
    """What the checkpoint kept elsewhere signs, if it is one of this log at all."""
    checkpoint = parse_checkpoint_unchecked(kept)
    check_origin(checkpoint, keyring.origin)
    return checkpoint.size
