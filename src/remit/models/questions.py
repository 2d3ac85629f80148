"""What policy is asked about a model, before anything is sent and before anybody gets an answer.

The actions are `model.call` and `model.response`. What is asked and answered is decided on
whole or not at all: what cannot be frozen is refused, and nothing is cut to fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from remit.acting import Acting
from remit.call import Call, begin, refuse
from remit.canonical import freeze
from remit.deciding import foresee
from remit.errors import NotData
from remit.guard import Guard
from remit.identities import new_id
from remit.model import Action, Request
from remit.models.dialects import ASKED
from remit.models.duty import Owed
from remit.models.terms import Asked
from remit.models.usage import Answer
from remit.ports import Ports
from remit.runs.run import concealed

CONTENT = frozenset({"input", "system", "options", "output"})
"""What policy is shown of a model call, and the ledger is not, unless content is captured."""


class Questions:
    """The questions about one call of a model."""

    def __init__(self, asked: Asked, guard: Guard, acting: Acting, *, capture: bool) -> None:
        self._asked = asked
        self._guard = guard
        self._acting = acting
        self._hidden = frozenset() if capture else CONTENT

    async def call(self, ports: Ports) -> Call:
        """The begun call of asking the model.

        Raises:
            Blocked: it may not be asked this.
        """
        body = self._asked.body
        prompt = self._asked.dialect.prompt(body)
        facts = {
            "stream": self._asked.streams,
            "tools": list(prompt.tools),
            "input": prompt.input,
            "system": prompt.system,
            "options": {name: value for name, value in body.items() if name not in ASKED},
        }
        return await self._begun("model.call", facts, ports)

    async def response(self, answer: Answer, output: Any, ports: Ports) -> Call:
        """The begun call of giving *output* on.

        Raises:
            Blocked: the caller may not have it.
        """
        return await self._begun("model.response", _about(answer, output), ports)

    async def part(self, answer: Answer, text: str, ports: Ports) -> Owed | None:
        """Decide on a part of an answer. Only a refusal is put on record: the end of it is.

        Raises:
            Blocked: the caller may not have it.
        """
        request = await self._request("model.response", _about(answer, text), ports)
        decision = await foresee(request, ports)
        if decision.allowed:
            call = Call(new_id(), request, ports, self._conceal)
            call.decision = decision
            call.carry_out()
        else:
            call = await begin(request, ports, self._conceal)
            await call.returned()
        return Owed.by(call)

    async def _begun(self, action: str, facts: Mapping[str, Any], ports: Ports) -> Call:
        return await begin(await self._request(action, facts, ports), ports, self._conceal)

    async def _request(self, action: str, facts: Mapping[str, Any], ports: Ports) -> Request:
        named = self._asked.named()
        now = ports.clock()
        try:
            args = freeze({**named, **facts}, self._guard.limits)
        except NotData as error:
            bare = self._acting.request(Action(action, named), at=now)
            raise await refuse(bare, f"it cannot be decided on: {error}", ports) from error
        return self._acting.request(Action(action, args), at=now)

    def _conceal(self, request: Request) -> Request:
        return concealed(request, self._hidden, self._guard.scrub)


def _about(answer: Answer, output: Any) -> dict[str, Any]:
    tools = [call.name for call in answer.tools.values()]
    return {"output": output, "tool_calls": tools, "finish": answer.finish}
