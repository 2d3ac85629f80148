"""A ledger that lasts as long as its process: for tests, and for trying things out."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from threading import Lock

import msgspec

from remit.audit import erasure, tree
from remit.audit.case import Case, Docket, Standing
from remit.audit.checkpoint import Checkpoint
from remit.audit.findings import Verification
from remit.audit.note import SigningKey, VerifyingKey
from remit.audit.record import Kind, Record, encode
from remit.audit.stored import Stored
from remit.audit.tree import Frontier, Hash, Proof
from remit.audit.trust import Trust
from remit.audit.verify import verify
from remit.errors import LogError
from remit.ledgers import memory_erasing
from remit.ledgers.erasing import account
from remit.ledgers.memory_erasing import Held, choose, emptied
from remit.ledgers.query import Filter
from remit.ledgers.retention import SIX_MONTHS_AT_LEAST, Erased, Erasure, Retention
from remit.ledgers.upkeep import changed
from remit.model import Subject

EVERYTHING = Filter()


class MemoryLedger:
    """Keeps records in a list; they become bytes when somebody asks for bytes."""

    def __init__(
        self,
        *,
        signer: SigningKey | None = None,
        origin: str = "remit/memory",
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.records: list[Record] = []
        self.origin = origin
        self._signer = signer
        self._stored: list[Stored] = []
        self._checkpoints: list[str] = []
        self._cases: dict[str, Case] = {}
        self._standing: dict[str, Standing] = {}
        self._clock = clock
        self._lock = Lock()
        self._erased: set[int] = set()

    def append(self, record: Record, /) -> int:
        """Keep *record* and return its index.

        Raises:
            Conflict: it does to a question what cannot be done.
        """
        with self._lock:
            if record.move is not None:
                Docket(self._cases, self._standing, self._clock()).make(record.move)
            self.records.append(record)
            return len(self.records) - 1

    def case(self, identity: str) -> Case | None:
        """The question to people with this id, and what became of it."""
        return self._cases.get(identity)

    def cases(self, *, waiting: bool = True) -> tuple[Case, ...]:
        """The questions to people that are not closed, or all, in the order they were asked in."""
        return tuple(case for case in tuple(self._cases.values()) if not (waiting and case.closed))

    def open_cases(self, digest: str) -> tuple[Case, ...]:
        """Those of them that are about the request with this digest and not closed."""
        return tuple(case for case in self.cases() if case.question.digest == digest)

    def standing(self) -> tuple[Standing, ...]:
        """The standing rights that were given and not revoked."""
        return tuple(self._standing.values())

    def size(self) -> int:
        """How many records there are."""
        return len(self.records)

    def entries(self) -> tuple[Stored, ...]:
        """Every record as bytes. The salts are drawn once, so the bytes stay the same."""
        with self._lock:
            return tuple(self._encoded())

    def _encoded(self) -> list[Stored]:
        for index in range(len(self._stored), len(self.records)):
            entry = encode(self.records[index], secrets.token_bytes(16))
            hashed = tree.leaf_hash(entry.leaf)
            self._stored.append(Stored(index, entry.leaf, entry.payload, hashed))
        return self._stored

    def entry(self, index: int) -> Stored:
        """The record at *index*."""
        entries = self.entries()
        if not 0 <= index < len(entries):
            raise LogError(f"the ledger has no record {index}", index=index)
        return entries[index]

    def select(self, wanted: Filter = EVERYTHING, /) -> Iterator[Stored]:
        """The records *wanted*, as they are at this moment."""
        found = [one for one in self.entries()[wanted.start :] if wanted.matches(one.facts())]
        if wanted.newest_first:
            found.reverse()
        return iter(found[: wanted.limit])

    def root(self) -> Hash:
        """The root over all records."""
        return tree.root(one.hash for one in self.entries())

    def inclusion_proof(self, index: int, size: int | None = None) -> Proof:
        """Proof that the record at *index* is among the first *size*."""
        return tree.inclusion_proof(self._hashes(size), index)

    def consistency_proof(self, old: int, size: int | None = None) -> Proof:
        """Proof that the first *old* of *size* records have not been rewritten."""
        return tree.consistency_proof(self._hashes(size), old)

    def checkpoint(self) -> str:
        """The signed head of the log as it is now."""
        entries = self.entries()
        signed = Checkpoint(self.origin, len(entries), tree.root(one.hash for one in entries)).sign(
            self._key()
        )
        with self._lock:
            self._checkpoints.append(signed)
        return signed

    def checkpoints(self) -> tuple[str, ...]:
        """Every checkpoint signed so far."""
        return tuple(self._checkpoints)

    def verify(
        self,
        trusted: Trust | Iterable[VerifyingKey] | None = None,
        *,
        checkpoint: str | None = None,
    ) -> Verification:
        """Whether the log is whole, in order and unchanged; *trusted* keys default to its own."""
        entries = self.entries()
        return verify(
            entries,
            self.checkpoints(),
            (self.verifying_key(),) if trusted is None else trusted,
            origin=self.origin,
            outside=checkpoint,
            head=Frontier().extend(one.hash for one in entries),
        )

    def erase(
        self,
        asked: Erasure,
        /,
        *,
        by: Subject,
        retention: Retention = SIX_MONTHS_AT_LEAST,
        dry_run: bool = False,
    ) -> Erased:
        """Erase the payloads that are *asked* for, and that *retention* does not hold back.

        As `SqliteLedger.erase`; `records` lose what their payloads said, too.
        """
        with self._lock:
            now = self._clock()
            held = Held(self.records, self._erased, self._cases)
            chosen = choose(held, asked, retention, now)
            if not dry_run:
                for some in _groups(chosen.erasable, memory_erasing.MOST_AT_ONCE):
                    self._forget(some)
                    args = account(asked, retention, some)
                    self.records.append(changed(erasure.ACTION, args, by, now))
            return Erased(len(chosen.erasable), chosen.too_young, chosen.under_way)

    def _forget(self, indexes: Sequence[int]) -> None:
        stored = self._encoded()
        for index in indexes:
            record = self.records[index]
            if record.kind is Kind.ASKED:
                self._cases.pop(record.call, None)
            stored[index] = msgspec.structs.replace(stored[index], payload=None)
            self.records[index] = emptied(record)
        self._erased.update(indexes)

    def verifying_key(self) -> VerifyingKey:
        """The key that checks the checkpoints."""
        return self._key().verifying

    def _hashes(self, size: int | None) -> list[Hash]:
        hashes = [one.hash for one in self.entries()]
        if size is not None and size > len(hashes):
            raise LogError(f"the ledger has {len(hashes)} records, not {size}")
        return hashes[:size]

    def _key(self) -> SigningKey:
        if self._signer is None:
            self._signer = SigningKey.from_seed(self.origin, secrets.token_bytes(32))
        return self._signer


def _groups(indexes: list[int], most: int) -> Iterator[list[int]]:
    for start in range(0, len(indexes), most):
        yield indexes[start : start + most]
