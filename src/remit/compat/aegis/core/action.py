"""What an agent wants done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from remit.canonical import Frozen

_MAPPINGS = (dict, Frozen)


@dataclass(frozen=True)
class Action:
    """One call of a tool: its name, what it acts on, and with which parameters.

    Raises:
        TypeError: a name is no text, the parameters are no mapping, or the depth is no number.
    """

    type: str
    target: str
    params: Mapping[str, Any] = field(default_factory=dict)
    description: str = ""
    agent_id: str = ""
    parent_agent_id: str = ""
    chain_id: str = ""
    chain_depth: int = 0

    def __post_init__(self) -> None:
        # What nearly all actions are is seen at once: there are several to a governed call.
        if (
            type(self.type)
            is type(self.target)
            is type(self.description)
            is type(self.agent_id)
            is type(self.parent_agent_id)
            is type(self.chain_id)
            is str
            and type(self.chain_depth) is int
            and type(self.params) in _MAPPINGS
        ):
            return
        for each in fields(self):
            value = getattr(self, each.name)
            wanted = {"params": Mapping, "chain_depth": int}.get(each.name, str)
            if not isinstance(value, wanted):
                kind = type(value).__name__
                raise TypeError(f"{each.name} of an action is a {wanted.__name__}, not a {kind}")

    def __str__(self) -> str:
        told = f" - {self.description}" if self.description else ""
        agent = f" [agent={self.agent_id}]" if self.agent_id else ""
        return f"Action({self.type} -> {self.target}{told}{agent})"


def given(action: Action, params: Mapping[str, Any], agent: str) -> Action:
    """*action* with these parameters, and *agent* where it names none."""
    agent = action.agent_id or agent
    if type(action) is not Action:
        return replace(action, params=params, agent_id=agent)
    # It was checked when it was made; to check a copy takes longer than to decide on it.
    made = object.__new__(Action)
    vars(made).update(vars(action), params=params, agent_id=agent)
    return made
