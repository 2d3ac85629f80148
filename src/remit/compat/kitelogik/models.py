"""What Kite Logik calls its nouns.

They are made by keyword, typed strictly and frozen: a context that somebody could append
a scope to after it was decided on would be no context. Lists are lists that refuse to
change. What a field does not fit, and a field that is not known, is a `ValueError` or a
`TypeError` here and not passed over.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NoReturn, Self, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from remit.canonical import freeze


class RiskTier(StrEnum):
    """How much is at stake, in the order in which Kite Logik lists them."""

    OPERATIONAL = "OPERATIONAL"
    INFORMATIONAL = "INFORMATIONAL"
    TRANSACTIONAL_LOW = "TRANSACTIONAL_LOW"
    TRANSACTIONAL_HIGH = "TRANSACTIONAL_HIGH"
    DESTRUCTIVE = "DESTRUCTIVE"
    SECURITY_CRITICAL = "SECURITY_CRITICAL"


class FrozenList(list[Any]):
    """A list that refuses to change."""

    __slots__ = ()

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("what was decided on cannot be changed; make another with model_copy")

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = extend = insert = pop = remove = clear = sort = reverse = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return FrozenList, (list(self),)

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self))


_EMPTY = FrozenList()


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """What all of them have, by the names pydantic gives it."""

    def __post_init__(self) -> None:
        for name, kind, fits in _fields(type(self)):
            value = getattr(self, name)
            if type(value) in fits:
                continue
            try:
                fitting = msgspec.convert(_plain(value), kind, strict=True)
            except msgspec.ValidationError as error:
                raise ValueError(f"{type(self).__name__}.{name}: {error}") from error
            msgspec.structs.force_setattr(self, name, _frozen(fitting, name))

    def model_dump(self, *, mode: str = "python") -> dict[str, Any]:
        """All fields, as plain values; *mode* is there because pydantic has it."""
        del mode
        return {name: _dumped(getattr(self, name)) for name in self.__struct_fields__}

    def model_copy(self, *, update: dict[str, Any] | None = None) -> Self:
        """The same but for the fields in *update*, which are checked."""
        given = {name: getattr(self, name) for name in self.__struct_fields__}
        return type(self)(**{**given, **(update or {})})

    @classmethod
    def model_validate(cls, value: dict[str, Any]) -> Self:
        """One with the fields of *value*."""
        return cls(**value)


Count = Annotated[int, Meta(ge=0)]


class SessionContext(Model, frozen=True, kw_only=True):
    """For whom, and with which powers, tools are called."""

    session_id: str
    user_role: str
    session_scopes: list[str]
    sandbox_verified: bool = False
    token_id: str = ""
    delegation_depth: Count = 0
    parent_token_id: str = ""
    parent_session_id: str = ""
    tenant_id: str | None = None
    budget_total_tokens: Count | None = None
    budget_used_tokens: Count | None = None
    budget_total_api_calls: Count | None = None
    budget_used_api_calls: Count | None = None
    budget_total_cost_cents: Count | None = None
    budget_used_cost_cents: Count | None = None

    def __repr__(self) -> str:
        return f"SessionContext({self.session_id!r}, {self.user_role!r}, {self.session_scopes!r})"


class ToolCallInput(Model, frozen=True, kw_only=True):
    """One call of a tool."""

    action: str
    tool_name: str
    args: dict[str, Any]
    resource_path: str | None = None


class PolicyInput(Model, frozen=True, kw_only=True):
    """One call of a tool, and for whom."""

    action: str
    tool_name: str
    args: dict[str, Any]
    context: SessionContext
    resource_path: str | None = None


EventType = Literal["tool_call", "agent.spawn", "agent.delegate", "agent.plan", "agent.budget"]


class GovernanceEvent(Model, frozen=True, kw_only=True):
    """A call of a tool, or something that agents do among themselves."""

    event_type: EventType
    session_id: str
    action: str
    context: SessionContext
    tool_name: str | None = None
    args: dict[str, Any] = {}
    resource_path: str | None = None
    requested_capabilities: list[str] = []
    delegation_target: str | None = None
    steps: list[dict[str, Any]] = []
    data_classification: str | None = None


class ResolutionStep(Model, frozen=True, kw_only=True):
    """What one tier of a `HierarchicalEvaluator` said."""

    tier: str
    allow: bool
    deny: bool
    risk_tier: str
    reason: str
    rule_matched: str | None = None


class PolicyDecision(Model, frozen=True, kw_only=True):
    """The outcome: of *allow*, *deny* and *requires_hitl* one holds, or none: a soft denial."""

    allow: bool
    deny: bool
    risk_tier: RiskTier
    requires_hitl: bool
    reason: str
    rule_matched: str | None = None
    resolution_trace: list[ResolutionStep] = []
    rules: list[str] = []
    """The ids of the rules that decided, which Kite Logik does not tell."""


class SanitizedResponse(Model, frozen=True, kw_only=True):
    """What is left of a tool's answer, and what was found in it."""

    content: str
    was_modified: bool
    injection_patterns_found: list[str] = []


@cache
def _fields(model: type[Model]) -> tuple[tuple[str, Any, frozenset[type]], ...]:
    """Each field, what it takes, and the types whose values fit as they are."""
    hints = get_type_hints(model, include_extras=True)
    return tuple((name, hints[name], _fitting(hints[name])) for name in model.__struct_fields__)


def _fitting(kind: Any) -> frozenset[type]:
    kinds = get_args(kind) if get_origin(kind) is UnionType else (kind,)
    return frozenset(each for each in kinds if each in {str, bool, RiskTier, NoneType})


def _plain(value: Any) -> Any:
    """*value* as `msgspec.convert` takes it; a frozen list is a list."""
    return list(value) if type(value) is FrozenList else value


def _frozen(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return freeze(value, path=name)
    if isinstance(value, list):
        if not value:
            return _EMPTY
        items = (freeze(one, path=name) if isinstance(one, dict) else one for one in value)
        return FrozenList(items)
    return value


def _dumped(value: Any) -> Any:
    if isinstance(value, Model):
        return value.model_dump()
    if isinstance(value, dict):
        return {key: _dumped(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_dumped(item) for item in value]
    return value
