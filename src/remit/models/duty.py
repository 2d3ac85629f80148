"""What the decision on a model call lays on its answer."""

from __future__ import annotations

from typing import Any

from remit.call import Call
from remit.content import Stream
from remit.duties import redact
from remit.duties.redact import Cleaner, Redact


class Owed:
    """The duties of one call, to be carried out on one answer, whole or in pieces."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._cleaners = _cleaners(call)

    @classmethod
    def by(cls, call: Call | None) -> Owed | None:
        """What is owed by *call*, if anything is."""
        return cls(call) if call is not None and call.discharges else None

    def streams(self) -> list[Stream]:
        """What carries the duties out on a text in pieces; nothing, if they need it whole."""
        return [Stream(each.scanner, each.replace) for each in self._cleaners]

    async def discharge(self, value: Any) -> Any:
        """*value* as the caller may have it."""
        if self._cleaners:
            for each in self._cleaners:
                value = each.clean(value)
            return value
        done = self._call.discharged(lambda: value)()
        return await done if hasattr(done, "__await__") else done


def _cleaners(call: Call) -> list[Cleaner]:
    """Those that redact, if that is all there is to do and it does not depend on names."""
    found: list[Cleaner] = []
    for obligation, discharge in call.discharges:
        duty = Redact() if discharge is redact else discharge
        if not isinstance(duty, Redact):
            return []
        cleaner = duty.cleaner(obligation)
        if cleaner.fields:
            return []
        found.append(cleaner)
    return found
