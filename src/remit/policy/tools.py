"""The tools that policies are about, and what they take.

A tool is an action: rules are matched with its name, and their conditions read
its arguments. What no declared tool takes cannot be meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from remit.errors import PolicyError
from remit.expr.errors import suggest
from remit.policy import names
from remit.policy.declared import Record, arguments, unite
from remit.policy.glob import Glob, rewrite

if TYPE_CHECKING:
    from remit.policy.rule import Patterns

_SCHEMAS = ("inputSchema", "input_schema", "parameters", "params_json_schema")
"""Where a list of tools keeps what they take: MCP, Anthropic, OpenAI, its Agents SDK."""


@dataclass(frozen=True)
class Tools:
    """Declared tools: the name of the action, and the type of its arguments."""

    arguments: Mapping[str, Record] = field(default_factory=dict)
    complete: bool = False
    """There are no others: a rule about one is a mistake."""

    @classmethod
    def of(cls, schemas: Mapping[str, Any]) -> Tools:
        """Tools by name, each with the JSON Schema of its arguments."""
        return cls({name: arguments(schema, name)[0] for name, schema in schemas.items()})

    @classmethod
    def listed(cls, listing: Any, *, source: str) -> Tools:
        """The tools of a list as models and MCP servers are given it.

        Args:
            listing: `{"tools": [...]}` or the list alone, of `{name, inputSchema}` as MCP
                has it or `{name, parameters}` as OpenAI has it; or schemas by name.
            source: what errors call it.

        Raises:
            PolicyError: it is none of these.
        """
        if isinstance(listing, Mapping) and isinstance(listing.get("tools"), list):
            listing = listing["tools"]
        if isinstance(listing, Mapping):
            schemas = [{"name": name, "parameters": each} for name, each in listing.items()]
        elif isinstance(listing, list | tuple):
            schemas = list(listing)
        else:
            raise PolicyError("this is no list of tools, and no schemas by name", file=source)
        return cls().joined(_listed(each, source) for each in schemas)

    def joined(self, others: Iterable[Tools]) -> Tools:
        """These tools and those of *others*; one that is declared twice may be called either way.

        They are complete if any of them are.
        """
        found, complete = dict(self.arguments), self.complete
        for other in others:
            complete = complete or other.complete
            for name, record in other.arguments.items():
                known = found.get(name)
                found[name] = record if known is None or known is record else unite(known, record)
        return Tools(found, complete)

    def completed(self) -> Tools:
        """The same tools, and no others."""
        return replace(self, complete=True)

    def fitting(self, patterns: Patterns) -> dict[str, bool]:
        """The tools a rule with these action patterns is about, and whether it names them."""
        found: dict[str, bool] = {}
        for pattern in patterns:
            tools = self._by_pattern.get(pattern)
            if tools is None:
                tools = self._by_pattern[pattern] = self._find(_spelled(pattern))
            if literal(pattern):
                found.update(dict.fromkeys(tools, True))
            else:
                found |= {tool: found.get(tool, False) for tool in tools}
        return found

    def _find(self, spelled: str) -> Sequence[str]:
        """The tools whose names fit."""
        if literal(spelled):
            return self._by_spelling.get(spelled, ())
        glob = Glob(spelled)
        return [
            tool
            for spelling, tools in self._by_spelling.items()
            if glob.matches(spelling)
            for tool in tools
        ]

    @cached_property
    def _by_pattern(self) -> dict[str, Sequence[str]]:
        """What was found before: a policy has far fewer patterns than rules."""
        return {}

    def unknown(self, pattern: str) -> str:
        """Why *pattern* names no declared tool; empty if it does, or names none in particular."""
        if not self.arguments or not literal(pattern) or _spelled(pattern) in self._by_spelling:
            return ""
        hint = suggest(pattern, self.arguments)
        return f"no tool is called {pattern!r}{hint or f'; there is {_some(self.arguments)}'}"

    @cached_property
    def _by_spelling(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name in self.arguments:
            found.setdefault(names.spell(name), []).append(name)
        return found

    def __bool__(self) -> bool:
        return bool(self.arguments)


NO_TOOLS = Tools()


def literal(pattern: str) -> bool:
    """Whether *pattern* is the name of one action."""
    return "*" not in pattern and "?" not in pattern


def _spelled(pattern: str) -> str:
    return rewrite(pattern.strip(), names.fold)


def _some(known: Iterable[str]) -> str:
    """The first few names of a list that may be long."""
    listed = [repr(name) for name in known]
    more = [f"{len(listed) - 5} more"] if len(listed) > 6 else []
    *first, last = [*listed[:5], *more] if more else listed
    return f"{', '.join(first)} and {last}" if first else last


def _listed(tool: Any, source: str) -> Tools:
    """One tool of a list."""
    if isinstance(tool, Mapping) and isinstance(tool.get("function"), Mapping):
        tool = tool["function"]
    name = tool.get("name") if isinstance(tool, Mapping) else None
    if not isinstance(name, str) or not name:
        raise PolicyError(
            "a tool in the list has no 'name'; write {name, inputSchema}", file=source
        )
    schema = next((tool[key] for key in _SCHEMAS if tool.get(key) is not None), None)
    # OpenAI leaves the schema out where a function takes nothing.
    record, wrong = arguments({} if schema is None else schema, name)
    for mistake in wrong:
        if not mistake.way:
            raise PolicyError(f"{name}: {mistake.message}", file=source)
    return Tools({name: record})
