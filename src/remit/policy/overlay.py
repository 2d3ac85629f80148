"""`environments:` -> what holds otherwise in production, staging, or wherever.

    environments:
      production:
        default: deny
        rules:
          small-refund: {when: args.amount <= 50}

An environment changes keys of rules that exist, and adds none. Whichever holds, the
changes of all of them are checked, and can be listed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from remit.expr.errors import suggest
from remit.policy.fields import Errors, Fields
from remit.policy.keys import NAME_PATTERN, Key, Shape, map_of, one_of
from remit.policy.located import Mapping, Node, Place, Scalar, plain
from remit.policy.read_rule import RULE
from remit.policy.rule import Change, Default, Mode, Order
from remit.policy.template import Written

CHANGED_RULE = Shape(
    "a change of a rule",
    {name: Key(key.value, key.about) for name, key in RULE.keys.items() if name != "id"},
)
DOCUMENT_KEYS = {
    "default": Key(one_of(Default), "What holds when no rule applies. Left out: deny."),
    "order": Key(
        one_of(Order), "severity: the strictest rule decides. first-match: the first does."
    ),
    "mode": Key(one_of(Mode), "monitor: report, and change nothing."),
}
ENVIRONMENT = Shape(
    "an environment",
    {
        **DOCUMENT_KEYS,
        "rules": Key(map_of(CHANGED_RULE), "The rules that change, by their ids, and what does."),
    },
)
ENVIRONMENT_NAME = NAME_PATTERN


@dataclass(frozen=True, slots=True)
class Overlay:
    """What one environment changes."""

    name: str
    place: Place
    fields: Fields
    rules: dict[str, Fields]

    def document(self, fields: Fields) -> Fields:
        """The keys of a document, as they are in this environment."""
        return fields.changed({key: self.fields.members[key] for key in self._own})

    def rule(self, written: Written) -> Written:
        """A rule as it is in this environment."""
        change = self.rules.get(written.id)
        if change is None or not isinstance(written.node, Mapping):
            return written
        node = written.node
        return replace(
            written,
            node=Mapping(node.place, node.members | change.members, node.keys | change.keys),
        )

    def changes(self, fields: Fields, rules: dict[str, Node]) -> Iterator[Change]:
        """Every key it changes, in the order it is written."""
        for key in self._own:
            yield self._change("", key, self.fields, fields.members.get(key))
        for name, change in self.rules.items():
            rule = rules.get(name)
            before = rule.members if isinstance(rule, Mapping) else {}
            for key in change.members:
                yield self._change(name, key, change, before.get(key))

    def _change(self, rule: str, key: str, fields: Fields, before: Node | None) -> Change:
        after = _shown(fields.members[key])
        return Change(self.name, rule, key, fields.keys[key], _shown(before), after)

    @property
    def _own(self) -> list[str]:
        return [key for key in DOCUMENT_KEYS if key in self.fields]


def read_overlays(fields: Fields, rules: dict[str, Node], errors: Errors) -> dict[str, Overlay]:
    """The environments of a document whose rules are *rules*, by their ids."""
    outer = fields.open("environments", "the environments")
    found: dict[str, Overlay] = {}
    for name, node in outer.members.items():
        inner = Fields.of(node, ENVIRONMENT, errors)
        changes = inner.open("rules", "the rules that change")
        overlay = Overlay(name, outer.keys[name], inner, {})
        for rule, change in changes.members.items():
            if rule not in rules:
                hint = suggest(rule, rules) or "; an environment changes rules that exist"
                errors.add(changes.keys[rule], f"there is no rule {rule!r}{hint}")
                continue
            overlay.rules[rule] = Fields.of(change, CHANGED_RULE, errors)
        found[name] = overlay
    return found


def _shown(node: Node | None) -> str:
    if node is None:
        return ""
    if isinstance(node, Scalar):
        return " ".join(str(plain(node)).split())
    return str(plain(node))
