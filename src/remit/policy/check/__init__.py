"""What is probably not meant: rules that can never matter, asks that nobody can lift.

What says "never" or "nobody" is certain: such a finding is only reported when no
request can show otherwise. A policy without findings may still be wrong.

    reach        rules that others make pointless
    conditions   that can never be true, or always are (by `logic`)
    pitfalls     comparisons that do not mean what they seem to
    lifting      asks that nobody can lift, or that come together
    binding      limits that are never reached
    grants       policies that allow nothing, or everything
    contents     types of content that no scanner finds
    spelling     patterns that are not what they look like, facts that are misspelt
    stated       what other environments say
    typed        conditions that do not fit the tools they are about, or the facts
    tried        cases under `tests` that name what is not declared, or fail
    undeclared   tools and facts that nothing declares, if the check is strict
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from remit.policy.check.binding import never_binding
from remit.policy.check.conditions import always_true, contradictory
from remit.policy.check.contents import unknown_types
from remit.policy.check.finding import Finding, Kind, Level, Related
from remit.policy.check.grants import everything_allowed, monitored, nothing_allowed
from remit.policy.check.lifting import not_liftable, overlapping
from remit.policy.check.pitfalls import pitfalls
from remit.policy.check.reach import redundant, repeated, shadowed, unreachable
from remit.policy.check.spelling import look_alikes, misspelt
from remit.policy.check.stated import changed
from remit.policy.check.tried import failing, misnamed
from remit.policy.check.typed import ill_typed
from remit.policy.check.undeclared import undeclared
from remit.policy.rule import Document

__all__ = ["Finding", "Kind", "Level", "Related", "check"]

Check = Callable[[Sequence[Document]], Iterator[Finding]]

_CHECKS: tuple[Check, ...] = (
    shadowed,
    unreachable,
    contradictory,
    always_true,
    repeated,
    redundant,
    nothing_allowed,
    everything_allowed,
    not_liftable,
    overlapping,
    monitored,
    look_alikes,
    misspelt,
    pitfalls,
    unknown_types,
    never_binding,
    ill_typed,
    changed,
    misnamed,
    failing,
)


def check(documents: Sequence[Document], *, strict: bool = False) -> tuple[Finding, ...]:
    """All findings, in the order of the documents and their lines.

    Args:
        documents: the layers of a policy.
        strict: look also for what nothing declares.
    """
    files = {document.file: at for at, document in enumerate(documents)}
    checks = (*_CHECKS, undeclared) if strict else _CHECKS
    found = [finding for each in checks for finding in each(documents)]
    # What an included file says stands behind the documents themselves.
    return tuple(sorted(found, key=lambda f: (files.get(f.place.file, len(files)), f.place.line)))
