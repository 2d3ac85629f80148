"""What the cases of a policy test have shown of the policy, and what no case has.

rules        a rule is shown when it decides a case, or when it is monitored and reports one
conditions   a condition is shown twice: once true, once false
parts        a part of `a && b` is shown when it alone is false, one of `a || b` when it alone
             is true: when the answer was up to it

A condition is looked at in every case that the rule's patterns fit, whether or
not it was evaluated to decide it. Inside macros nothing is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from remit.expr import tree
from remit.expr.tree import Node
from remit.model import NOBODY, Action, Request
from remit.policy.anatomy import Anatomy
from remit.policy.explain import Explained, Explanation
from remit.policy.located import Place
from remit.policy.policy import Policy


@dataclass(frozen=True, slots=True)
class Tally:
    """How many things were shown, of how many."""

    shown: int = 0
    of: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.shown + other.shown, self.of + other.of)

    @property
    def percent(self) -> float:
        """Of nothing, everything is shown."""
        return 100 * self.shown / self.of if self.of else 100.0

    def __str__(self) -> str:
        return f"{self.shown} of {self.of}"


@dataclass(frozen=True, slots=True)
class Gap:
    """Something no case has shown, and where it stands."""

    place: Place
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


@dataclass(frozen=True, slots=True)
class Coverage:
    """What has been shown of one policy."""

    rules: Tally = Tally()
    conditions: Tally = Tally()
    parts: Tally = Tally()
    gaps: tuple[Gap, ...] = ()

    @property
    def percent(self) -> float:
        """Of rules, conditions and parts together."""
        return (self.rules + self.conditions + self.parts).percent

    def __add__(self, other: Coverage) -> Coverage:
        return Coverage(
            self.rules + other.rules,
            self.conditions + other.conditions,
            self.parts + other.parts,
            self.gaps + other.gaps,
        )


def cover(policy: Policy, requests: Iterable[Request]) -> Coverage:
    """What *requests* show of *policy*."""
    # Every rule is told of whatever the request is: this one only lists them.
    listed = policy.explain(Request(NOBODY, Action("")))
    shown = [_Shown(rule) for rule in listed.rules]
    for request in requests:
        explanation = policy.explain(request)
        for each, explained in zip(shown, explanation.rules, strict=True):
            each.add(explained, explanation, request)
    coverages = [each.coverage() for each in shown]
    return sum(coverages, start=Coverage())


@dataclass(slots=True)
class _Shown:
    """What has been shown of one rule so far."""

    listed: Explained
    decided: bool = False
    values: set[bool] = field(default_factory=set)
    parts: dict[int, Node] = field(init=False)
    deciding: set[int] = field(default_factory=set)
    anatomy: Anatomy | None = field(init=False)

    def __post_init__(self) -> None:
        when = self.listed.rule.when
        self.anatomy = Anatomy(when) if when else None
        self.parts = {id(part): part for part in _parts(when.program.tree)} if when else {}

    def add(self, explained: Explained, explanation: Explanation, request: Request) -> None:
        decision, label = explanation.decision, self.listed.label
        reported = any(each.startswith(f"{label}: ") for each in decision.monitored)
        self.decided = self.decided or reported or label in decision.rules
        if self.anatomy is None or explained.decided is None:
            return
        if explained.value is not None:
            self.values.add(explained.value)
        self._follow(self.anatomy, self.anatomy.tree, request)

    def _follow(self, anatomy: Anatomy, node: Node, request: Request) -> None:
        """Note which operands the answer is up to."""
        if isinstance(node, tree.Call) and node.name == "!":
            self._follow(anatomy, node.operands[0], request)
        if not isinstance(node, tree.And | tree.Or):
            return
        decides = isinstance(node, tree.Or)
        seen = [anatomy.look(operand, request).is_just(decides) for operand in node.operands]
        for operand, alone in zip(node.operands, seen, strict=True):
            if sum(seen) - alone:
                continue
            if alone:
                self.deciding.add(id(operand))
            self._follow(anatomy, operand, request)

    def coverage(self) -> Coverage:
        when = self.listed.rule.when
        return Coverage(
            rules=Tally(int(self.decided), 1),
            conditions=Tally(len(self.values), 2) if when else Tally(),
            parts=Tally(len(self.deciding), len(self.parts)),
            gaps=tuple(self._gaps()),
        )

    def _gaps(self) -> Iterator[Gap]:
        label, rule = self.listed.label, self.listed.rule
        if not self.decided:
            yield Gap(rule.place, label, f"rule {label!r} decides no case")
        if rule.when is None or self.anatomy is None:
            return
        for value, word in ((True, "true"), (False, "false")):
            if value not in self.values:
                message = f"the condition of {label!r} is never {word}"
                yield Gap(rule.when.place, label, message)
        for key, part in self.parts.items():
            if key not in self.deciding:
                text = self.anatomy.text(part)
                message = f"in the condition of {label!r} nothing is ever up to: {text}"
                yield Gap(rule.when.place_of(part.at), label, message)


def _parts(node: Node) -> Iterator[Node]:
    """The operands of `&&` and `||`, from the top down as far as nothing else is between."""
    if isinstance(node, tree.Call) and node.name == "!":
        yield from _parts(node.operands[0])
    if isinstance(node, tree.And | tree.Or):
        for operand in node.operands:
            yield operand
            yield from _parts(operand)
