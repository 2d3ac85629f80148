"""A policy of another system -> the same policy as text of ours: what `remit import` writes."""

from __future__ import annotations

from remit.errors import PolicyError
from remit.policy.formats import recognise
from remit.policy.formats.write import write
from remit.policy.load import load
from remit.policy.located import decode, read


def translate(source: str | bytes, file: str) -> str:
    """The policy in *source*, which another system reads, in YAML of ours. It decides the same.

    Raises:
        PolicyError: it is in no format that is known, or has a mistake.
    """
    if recognise(read(source, file, "a policy")) is None:
        raise PolicyError(
            "this is no policy of Aegis (rules with 'match') or Kite Logik (rules with 'then'); "
            "one that begins with 'remit: 1' need not be imported",
            file=file,
        )
    return write(load(source, file), decode(source, file))
