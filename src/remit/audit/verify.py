"""Whether a log is whole, in order and unchanged, as far as its checkpoints reach.

A verifier trusts some keys and nothing else. What it reports as broken:

- a record whose leaf or payload is not what its hash says, that is missing, or out of order;
- a payload that is missing, and that no record says was erased;
- records that are not those a checkpoint signs, and a log shorter than a checkpoint says;
- two signed histories that cannot both be true;
- an approval that released two calls;
- a checkpoint that no trusted key signed, or that is another log's.

What it reports as fact: calls that never ended, payloads that were erased, records
dated before what was there already, or behind the last checkpoint. Entries and
checkpoints are read as streams; only findings and calls under way are held.
"""

from __future__ import annotations

from collections.abc import Iterable

from remit.audit.findings import Verification
from remit.audit.history import History
from remit.audit.note import VerifyingKey
from remit.audit.reading import Reading
from remit.audit.stored import Stored
from remit.audit.tree import Frontier, Node
from remit.audit.trust import Keyring, Trust


def verify(
    entries: Iterable[Stored],
    checkpoints: Iterable[str],
    trusted: Trust | Iterable[VerifyingKey],
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
        trusted: whom the verifier believes; where the log replaces a key, it follows.
        origin: which log it should be; any, if None.
        outside: a checkpoint kept elsewhere. It finds what a forger who owns the log can hide.
        head: what the log itself remembers of its tree.
        nodes: the inner nodes it keeps, in the order of the leaves that completed them.

    Raises:
        LogError: *outside* is not a checkpoint of this log by a trusted key.
    """
    keyring = Keyring(Trust.of(trusted), origin)
    log = Reading(keyring, None if nodes is None else iter(nodes))
    history = History(log, checkpoints, outside)
    history.catch_up()
    for entry in entries:
        log.read(entry)
        history.catch_up()
    history.close()
    if head is not None:
        history.compare_head(head)
    log.compare_nodes()
    log.close()
    return history.report()
