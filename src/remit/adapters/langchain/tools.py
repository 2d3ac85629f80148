"""What stands in for a tool: it decides on the arguments the tool would get, then runs it.

Policy sees the arguments as the tool's schema reads them: checked, converted, with
defaults. What the graph injects (its state, store, runtime) is no argument.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import msgspec
from langchain_core.messages import ToolCall, ToolMessage
from langchain_core.tools import BaseTool
from langgraph.prebuilt.tool_node import ToolCallRequest
from msgspec.structs import replace
from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticSerializationError
from typing_extensions import TypeIs

from remit.acting import acting_as, acting_for, who_acts
from remit.adapters.langchain.pausing import Pause
from remit.call import refuse
from remit.canonical import Frozen, Limits, freeze
from remit.errors import NotData
from remit.guard import Guard
from remit.model import Action, Request
from remit.ports import Execute, Ports, finish
from remit.protection import Protection
from remit.refusals import Refusal, attempt, explain


class StandIn:
    """A tool for one call. In all but running it is the tool itself."""

    def __init__(self, request: ToolCallRequest, guard: Guard, pause: Pause) -> None:
        assert request.tool is not None
        self._tool = request.tool
        self._request = request
        self._guard = guard
        self._pause = pause

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tool, name)

    def invoke(self, call: ToolCall, config: Any = None, **options: Any) -> Any:
        """Run the tool if the guard lets it, or say why not."""
        tool, action = _plain(self._tool, self._guard)
        run = partial(tool.invoke, config=config, **options)
        return finish(self._run(call, tool, action, run, self._guard.ports))

    async def ainvoke(self, call: ToolCall, config: Any = None, **options: Any) -> Any:
        """The same, on an event loop."""
        tool, action = _plain(self._tool, self._guard)
        run = partial(tool.ainvoke, config=config, **options)
        return await self._run(call, tool, action, run, self._guard.async_ports)

    async def _run(
        self, call: ToolCall, tool: BaseTool, action: str, run: Callable[..., Any], ports: Ports
    ) -> Any:
        ran = False

        def execute(args: Mapping[str, Any]) -> Any:
            nonlocal ran
            ran = True
            return run({**call, "args": args})

        async def prepare() -> tuple[Request, Execute[Any]]:
            given, injected = _told_apart(tool, call["args"], self._request.tool_call["args"])
            try:
                args = _as_read(tool, given, self._guard.limits)
            except NotData as error:
                reason = f"these arguments cannot be decided on: {error}"
                raise await refuse(self._ask(action, Frozen()), reason, ports) from error
            # What was decided is what runs, however the model wrote it.
            return self._ask(action, args), partial(execute, {**_as_json(args), **injected})

        with acting_in(self._request):
            while True:
                value = await attempt(prepare(), ports)
                if not isinstance(value, Refusal):
                    return value if ran else _message(call, _text(value), status="success")
                pending = value.pending
                if pending is None or ports.inbox is None or not _thread(self._request):
                    return _message(call, value.text, status="error")
                await self._pause.wait(pending.approval_request, call, ports)

    def _ask(self, action: str, args: Frozen) -> Request:
        return self._guard.stamp(who_acts().request(Action(action, args)))


async def refuse_unknown(request: ToolCallRequest, guard: Guard, ports: Ports) -> ToolMessage:
    """Record that the model called a tool that is not there, and say so."""
    name = request.tool_call["name"]
    with acting_in(request):
        try:
            asked = guard.request(name, **request.tool_call["args"])
        except NotData:
            asked = guard.request(name)
        denied = await refuse(guard.stamp(asked), f"there is no tool {name!r}", ports)
    return _message(request.tool_call, explain(denied), status="error")


@contextmanager
def acting_in(request: ToolCallRequest) -> Iterator[None]:
    """Act as the agent that makes the call, in the session of its thread if there is no other."""
    config = request.runtime.config if request.runtime else {}
    agent = config.get("metadata", {}).get("lc_agent_name")
    with acting_for(agent or None):
        subject, session, *_ = who_acts()
        known = session if session.id else replace(session, id=_thread(request))
        with acting_as(subject, session=known):
            yield


def _thread(request: ToolCallRequest) -> str:
    """The thread that a run of the graph can be resumed in."""
    config = request.runtime.config if request.runtime else {}
    return str(config.get("configurable", {}).get("thread_id") or "")


def _plain(tool: BaseTool, guard: Guard) -> tuple[BaseTool, str]:
    """The tool without the guard that its function has already, and the name of the action."""
    ways = {way: getattr(tool, way, None) for way in ("func", "coroutine")}
    protections = {way: getattr(code, "__remit__", None) for way, code in ways.items()}
    found = {way: each for way, each in protections.items() if isinstance(each, Protection)}
    if not found:
        return tool, tool.name
    if any(each.guard_of() is not guard for each in found.values()):
        raise TypeError(f"tool {tool.name!r} is governed by another guard already")
    bare = tool.model_copy(update={way: each.function for way, each in found.items()})
    return bare, next(iter(found.values())).action


def _told_apart(
    tool: BaseTool, args: Mapping[str, Any], written: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arguments of a call, and what the graph has injected beside them.

    What the model wrote under the name of something injected is dropped.
    """
    code = getattr(tool, "func", None) or getattr(tool, "coroutine", None) or tool._run  # noqa: SLF001 - as ToolNode does
    hidden = {*inspect.signature(code).parameters, *_fields(tool)} - {*tool.args}
    given = {name: value for name, value in args.items() if name not in hidden}
    injected = {
        name: value
        for name, value in args.items()
        if name in hidden and not (name in written and value == written[name])
    }
    return given, injected


def _fields(tool: BaseTool) -> Mapping[str, Any]:
    schema = tool.args_schema
    return schema.model_fields if _is_model(schema) else {}


def _as_read(tool: BaseTool, given: dict[str, Any], limits: Limits) -> Frozen:
    """The arguments as the tool's schema reads them; as given, if it does not.

    The tool will read what is frozen here, so that has to read as the same.
    """
    schema = tool.tool_call_schema
    if _is_model(schema):
        for mode in ("python", "json"):
            try:
                read = schema.model_validate(given)
                frozen: Frozen = freeze(read.model_dump(mode=mode, by_alias=True), limits)
                if schema.model_validate(_as_json(frozen)) == read:
                    return frozen
            except (ValidationError, PydanticSerializationError, NotData):
                continue
    as_given: Frozen = freeze(given, limits)
    return as_given


def _as_json(frozen: Frozen) -> dict[str, Any]:
    data: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(frozen))
    return data


def _is_model(schema: Any) -> TypeIs[type[BaseModel]]:
    return isinstance(schema, type) and issubclass(schema, BaseModel)


def _message(call: ToolCall, text: str, *, status: Any) -> ToolMessage:
    return ToolMessage(text, name=call["name"], tool_call_id=call["id"] or "", status=status)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
