"""One way from a value to its frozen form, to bytes, and to a digest.

*Freezing* copies a value once into what JSON can say and nobody can change:
`Frozen` mappings, tuples, text, numbers, booleans and None. Policy, approver,
ledger and tool all see that copy, or something rebuilt from it.

| given | frozen as |
|---|---|
| None, booleans, text, integers within 2**53, finite floats | themselves |
| Decimal | the number, when a double holds all its digits |
| mappings with text keys, dataclasses, named tuples, pydantic and msgspec models | a mapping |
| lists, tuples | a tuple |
| sets | a tuple, in the order of the canonical bytes |
| enumeration members | their value |
| date, time, datetime | ISO 8601 text; timedelta: seconds |
| bytes | base64 text (RFC 4648 section 4) |
| paths, UUIDs | text |

Anything else is `NotData`, and so are NaN, infinities, lone surrogates, and
whatever goes beyond `Limits`; a value that contains itself is too deep.

Bytes are those of the JSON Canonicalization Scheme (RFC 8785), so that a
digest can be computed again in any language.
"""

from __future__ import annotations

from remit.canonical.freeze import freeze, freeze_with_rebuild
from remit.canonical.freezer import LIMITS, Limits, Rebuild
from remit.canonical.frozen import NOTHING, Frozen
from remit.canonical.jcs import canonical, digest
from remit.canonical.opaque import Opaque
from remit.canonical.read import read

__all__ = [
    "LIMITS",
    "NOTHING",
    "Frozen",
    "Limits",
    "Opaque",
    "Rebuild",
    "canonical",
    "digest",
    "freeze",
    "freeze_with_rebuild",
    "read",
]
