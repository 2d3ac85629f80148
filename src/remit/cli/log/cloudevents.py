"""Records as CloudEvents 1.0 in JSON (https://github.com/cloudevents/spec).

id                   index of the record, unique in its source
source               the log, as its checkpoints call it
type                 `remit.call.` and the kind
subject              id of the call
time                 when, in UTC
data                 the record as `remit log export` writes it
actor, action, …     what events are routed by, as extensions
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from remit.audit.stored import Stored
from remit.cli.log.record import document
from remit.cli.moment import shown


def event(stored: Stored, origin: str) -> dict[str, Any]:
    """The record as an event of the log *origin*."""
    leaf = stored.facts()
    time = shown(leaf.at)
    extensions = {
        "actor": leaf.subject,
        "action": leaf.action,
        "run": leaf.run,
        "session": leaf.session,
        "effect": leaf.effect,
        "risk": leaf.risk,
    }
    return {
        "specversion": "1.0",
        "id": str(stored.index),
        # A reference to a URI: what cannot be in one is escaped.
        "source": quote(origin, safe="/:@-._~"),
        "type": f"remit.call.{leaf.kind}",
        # No attribute is empty, and a time that no calendar has is none.
        **({"time": time} if time.endswith("Z") else {}),
        **({"subject": leaf.call} if leaf.call else {}),
        **{name: value for name, value in extensions.items() if value},
        "datacontenttype": "application/json",
        "data": document(stored),
    }
