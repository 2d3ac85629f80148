r"""How a log changes the key that signs it, so that whoever trusts the old one can follow.

The change is a record of the log (`changed`, action `key.rotated`). In it stands a note
that both keys signed:

    remit/key.rotated/v1
    remit/support-desk-5d1c09aa                      which log
    remit/support-desk-5d1c09aa+033de0ae+Ac4z…       the key that signed until now
    remit/support-desk-5d1c09aa+7b1c9f02+AYq3…       the key that signs from now on

Anybody who may append can write such a record; only who has the old key can sign
such a note. The same transaction adds a checkpoint over that record, signed by both.
A verifier follows where it has seen both: from there on, the old key counts for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from remit.audit import note
from remit.audit.note import SigningKey, VerifyingKey
from remit.audit.stored import Stored
from remit.errors import LogError

ACTION = "key.rotated"
_FORM = "remit/key.rotated/v1"


class Rotation(msgspec.Struct, frozen=True):
    """One key's word that another takes its place."""

    origin: str
    previous: VerifyingKey
    key: VerifyingKey
    statement: str
    """The note that both signed."""

    @classmethod
    def make(cls, origin: str, old: SigningKey, new: SigningKey) -> Rotation:
        """The word of *old* that *new* signs the log *origin* from now on."""
        if old.verifying == new.verifying:
            raise LogError(f"{old.name}+{old.hash.hex()} cannot take its own place")
        lines = (_FORM, origin, str(old.verifying), str(new.verifying))
        statement = note.sign("".join(f"{line}\n" for line in lines), old, new)
        return cls(origin, old.verifying, new.verifying, statement)

    @classmethod
    def read(cls, details: dict[str, Any]) -> Rotation:
        """The rotation in the payload of its record.

        Raises:
            LogError: there is none, or one of the two keys did not sign it.
        """
        args = details.get("args")
        statement = args.get("statement") if isinstance(args, dict) else None
        if not isinstance(statement, str):
            raise LogError("there is no statement of a rotation here")
        lines = note.parse_unchecked(statement).text.split("\n")
        if len(lines) != 5 or lines[0] != _FORM:
            raise LogError("this is not the statement of a rotation")
        previous, key = VerifyingKey.parse(lines[2]), VerifyingKey.parse(lines[3])
        if not vouched_by_both(statement, previous, key):
            raise LogError("a rotation is signed by the key that goes and the one that comes")
        return cls(lines[1], previous, key, statement)

    @property
    def properties(self) -> dict[str, str]:
        """What the record says: the arguments of its action."""
        keys = {"previous": str(self.previous), "key": str(self.key)}
        return {**keys, "statement": self.statement}


def check_in_use(records: Iterable[Stored], key: SigningKey) -> None:
    """Say so if the *records* say that *key* was replaced: what it signs counts for nothing."""
    for record, one in _all(records):
        if (one.previous.name, one.previous.hash) == (key.name, key.hash):
            why = f"record {record.index} says that another took its place"
            raise LogError(f"{key.name}+{key.hash.hex()} signs no more: {why}")


def is_done(records: Iterable[Stored], old: SigningKey, new: SigningKey) -> bool:
    """Whether the *records* say already that *new* took the place of *old*.

    Raises:
        LogError: they say something else about one of the two.
    """
    found = [one for _, one in _all(records)]
    if any((one.previous, one.key) == (old.verifying, new.verifying) for one in found):
        return True
    check_in_use(records, old)
    if any(new.verifying in {one.previous, one.key} for one in found):
        raise LogError(f"{new.name}+{new.hash.hex()} has signed this log before: make a new key")
    return False


def _all(records: Iterable[Stored]) -> Iterator[tuple[Stored, Rotation]]:
    for record in records:
        try:
            found = Rotation.read(record.details() or {})
        except LogError:
            continue  # whoever may append may write one that says nothing
        yield record, found


def vouched_by_both(signed: str, one: VerifyingKey, other: VerifyingKey) -> bool:
    """Whether both keys signed the note *signed*."""
    if one == other:
        return False
    try:
        return len(note.open_note(signed, (one, other)).signatures) == 2
    except LogError:
        return False
