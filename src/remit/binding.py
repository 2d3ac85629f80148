"""From a call of a function to arguments that policy can see, and back.

Both ways are written out as Python functions when the function is decorated,
so that a call costs what Python's own argument passing costs. For

    def pay(self, to, /, amount=1, *notes, **more): ...

they are

    def gather(self, to, /, amount=remit_default_amount, *notes, **more):
        return self, {'to': to, 'amount': amount, 'notes': notes, **remit_extra(more)}

    def spread(function, self, values):
        return function(
            self, values['to'], values['amount'], *values['notes'], **remit_rest(values)
        )
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from inspect import Parameter, Signature, signature
from typing import Any, TypeAlias

from remit.canonical import Frozen, Limits, Opaque, freeze, freeze_with_rebuild
from remit.errors import NotData

_POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


Arguments: TypeAlias = tuple[Frozen, Mapping[str, Any]]
"""Those of one call as policy, approver and ledger see them, and as the function gets them: the
same, in the types that were given. A plain tuple: one is made for every call."""


class Binding:
    """How calls of one function become arguments, and arguments a call.

    Raises:
        TypeError: the function has no signature, or *opaque* names none of its parameters.
    """

    def __init__(self, function: Callable[..., Any], opaque: Opaque, *, method: bool) -> None:
        try:
            self.signature = signature(function)
        except ValueError as error:
            raise TypeError(f"{function!r} has no signature; wrap it in a function") from error
        parameters = list(self.signature.parameters.values())
        self.owner = parameters[0].name if method else None
        self.parameters = tuple(parameters[1:] if method else parameters)
        names = {parameter.name for parameter in self.parameters}
        if unknown := opaque.names - names:
            raise TypeError(
                f"opaque names {sorted(unknown)}, but the parameters are {sorted(names)}"
            )
        self.opaque = opaque
        self.defaults = _opaque_defaults(self.parameters)
        self.hiding = bool(opaque.names or opaque.types or self.defaults)
        self.gather, self.spread = _write(self.signature, self.owner)

    def freeze(self, given: dict[str, Any], limits: Limits, opaque: Opaque) -> Arguments:
        """Freeze what `gather` found; *opaque* adds to what the function declares.

        Raises:
            NotData: an argument is neither data nor declared opaque.
        """
        if not self.hiding and not opaque.types:
            return _freeze(given, limits)
        hidden = self.hidden(given, opaque)
        if not hidden:
            return _freeze(given, limits)
        frozen, values = _freeze({n: v for n, v in given.items() if n not in hidden}, limits)
        seen = {name: Frozen(opaque=_type_name(value)) for name, value in hidden.items()}
        return Frozen({**frozen, **seen}), {**values, **hidden}

    def hidden(self, given: Mapping[str, Any], opaque: Opaque) -> dict[str, Any]:
        """Those of the arguments *given* of which policy is shown only the type."""
        types = self.opaque.types + opaque.types
        return {n: value for n, value in given.items() if self.hides(n, value, types)}

    def hides(self, name: str, value: Any, types: tuple[type, ...]) -> bool:
        """Whether policy is shown only the type of this argument."""
        if name in self.opaque.names or isinstance(value, types):
            return True
        return name in self.defaults and value is self.defaults[name]


def _freeze(given: dict[str, Any], limits: Limits) -> Arguments:
    frozen, rebuild = freeze_with_rebuild(given, limits)
    if rebuild is None or rebuild is dict:
        return frozen, frozen
    return frozen, rebuild(frozen)


def _opaque_defaults(parameters: Collection[Parameter]) -> dict[str, Any]:
    """Defaults that are no data: a sentinel says 'not given', not something to decide on."""
    defaults = {p.name: p.default for p in parameters if p.default is not Parameter.empty}
    return {name: default for name, default in defaults.items() if not _is_data(default)}


def _is_data(value: Any) -> bool:
    try:
        freeze(value)
    except NotData:
        return False
    return True


def _type_name(value: Any) -> str:
    kind = type(value)
    return f"{kind.__module__}.{kind.__qualname__}"


def _write(of: Signature, owner: str | None) -> tuple[Callable[..., Any], Callable[..., Any]]:
    parameters = list(of.parameters.values())
    named = frozenset(p.name for p in parameters if p.kind is not Parameter.VAR_KEYWORD)
    defaults = {
        f"remit_default_{p.name}": p.default for p in parameters if p.default is not Parameter.empty
    }
    bare = of.replace(
        return_annotation=Signature.empty,
        parameters=[
            p.replace(
                annotation=Parameter.empty,
                default=p.default
                if p.default is Parameter.empty
                else _Name(f"remit_default_{p.name}"),
            )
            for p in parameters
        ],
    )
    data = [p for p in parameters if p.name != owner]
    passed = ["owner"] * (owner is not None) + [_spread(p) for p in data]
    source = (
        f"def gather{bare}:\n"
        f"    return {owner}, {{{', '.join(_gathered(p) for p in data)}}}\n"
        f"def spread(function, owner, values):\n"
        f"    return function({', '.join(passed)})\n"
    )

    def extra(more: dict[str, Any]) -> dict[str, Any]:
        if more.keys() & named:
            raise TypeError(f"got {sorted(more.keys() & named)} twice: by position and by name")
        return more

    def rest(values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in values.items() if name not in named}

    namespace: dict[str, Any] = {**defaults, "remit_extra": extra, "remit_rest": rest}
    # The source holds parameter names, which Python has checked to be names, and nothing else.
    exec(source, namespace)  # noqa: S102
    return namespace["gather"], namespace["spread"]


class _Name:
    """A default that `str(signature)` writes as a name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


def _gathered(parameter: Parameter) -> str:
    name = parameter.name
    return (
        f"**remit_extra({name})" if parameter.kind is Parameter.VAR_KEYWORD else f"{name!r}: {name}"
    )


def _spread(parameter: Parameter) -> str:
    name = parameter.name
    if parameter.kind is Parameter.VAR_KEYWORD:
        return "**remit_rest(values)"
    if parameter.kind is Parameter.VAR_POSITIONAL:
        return f"*values[{name!r}]"
    if parameter.kind in _POSITIONAL:
        return f"values[{name!r}]"
    return f"{name}=values[{name!r}]"
