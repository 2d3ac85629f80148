"""The tools that objects of a program stand for."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from remit.binding import Binding
from remit.canonical import Opaque
from remit.guard import Guard
from remit.parameters import frozen_schema
from remit.policy.tools import Tools
from remit.protection import Protection
from remit.toolbox import Toolbox


def tools_of(*things: Any) -> Tools:
    """The tools of guards, toolboxes, functions, tools of a framework, and lists of them.

    Raises:
        TypeError: one of them is none of these.
        PolicyError: a list of schemas has a mistake.
    """
    return Tools().joined(map(_tools, things))


def _tools(thing: Any) -> Tools:
    if isinstance(thing, Tools):
        return thing
    if isinstance(thing, Guard):
        return thing.tools
    if isinstance(thing, Toolbox):
        return tools_of(*(tool.governed for tool in thing.tools.values()))
    protection = _protection(thing)
    if protection is not None:
        return protection.tools
    if isinstance(getattr(thing, "params_json_schema", None), Mapping):
        described = {"name": thing.name, "parameters": thing.params_json_schema}
        return Tools.listed([described], source=f"the tool {thing.name!r}")
    if isinstance(thing, Mapping):
        return Tools.listed(thing if _is_listing(thing) else [thing], source="the list of tools")
    if isinstance(thing, Iterable) and not isinstance(thing, str | bytes):
        return tools_of(*thing)
    if callable(thing) and not inspect.isclass(thing):
        return _of_function(thing)
    raise TypeError(f"{thing!r} is no guard, no toolbox, no function and no list of tools")


def _protection(thing: Any) -> Protection | None:
    inner = thing.__func__ if isinstance(thing, classmethod | staticmethod) else thing
    found = getattr(inner, "__remit__", None)
    return found if isinstance(found, Protection) else None


def _is_listing(thing: Mapping[str, Any]) -> bool:
    """Whether this is not one tool, but several: a list of them, or schemas by name."""
    return isinstance(thing.get("tools"), list) or not isinstance(thing.get("name"), str)


def _of_function(function: Any) -> Tools:
    """A function that nothing governs yet, as it will be known when something does."""
    binding = Binding(function, Opaque(), method=False)
    name = getattr(function, "__name__", type(function).__name__)
    return Tools.of({name: frozen_schema(function, binding)})
