"""One policy document -> one `Document`, or every mistake in it with its place and a cure.

A document is put together from the files it includes, its templates are expanded, and
what its environment changes is changed, before any rule is read: what is read are rules
as they stand, and each still knows where it was written.
"""

from __future__ import annotations

import gc
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace

from remit.errors import PolicyError
from remit.expr.errors import suggest
from remit.policy.case import CASE, read_case
from remit.policy.facts import NO_FACTS
from remit.policy.fields import Errors, Fields, settle
from remit.policy.formats import recognise
from remit.policy.include import Includer, Parts, Reader, digest_of
from remit.policy.inline import Scope
from remit.policy.keys import NAME, TEXT, TEXTS, Key, Schema, Shape, list_of, map_of
from remit.policy.let import read_lets
from remit.policy.limit import LIMIT, read_limit
from remit.policy.located import Node, read
from remit.policy.overlay import DOCUMENT_KEYS, ENVIRONMENT, Overlay, read_overlays
from remit.policy.read_rule import RULE, read_rule
from remit.policy.read_tools import FACTS, TOOLS, read_facts, read_tools
from remit.policy.rule import Condition, Default, Document, Limit, Mode, Order, Rule, Window
from remit.policy.template import TEMPLATE, USE, Templates, Written, read_template
from remit.policy.tools import NO_TOOLS, Tools
from remit.policy.used import bind
from remit.policy.window import WINDOW, read_window

VERSION = 1
LARGE = 100_000
"""Characters of a document, some thousand rules, from which on garbage waits."""
_RULE_OR_USE: Schema = {"if": {"required": ["use"]}, "then": USE, "else": RULE}
DOCUMENT = Shape(
    "a policy",
    {
        "remit": Key(
            {"const": VERSION}, "The version of this language.", f"begin it with 'remit: {VERSION}'"
        ),
        "name": Key(NAME, "What the document is called. Left out: the name of its file."),
        **DOCUMENT_KEYS,
        "valid": Key(WINDOW, "When its rules are there at all."),
        "include": Key(TEXTS, "Files whose rules, definitions and templates are part of this."),
        "tools": Key(TOOLS, "The tools it is about, each with the JSON Schema of its arguments."),
        "facts": Key(FACTS, "The facts its conditions read, each with its JSON Schema."),
        "let": Key(map_of(TEXT), "Expressions that conditions can name."),
        "templates": Key(map_of(TEMPLATE), "Rules with parameters."),
        "rules": Key(list_of(_RULE_OR_USE), "The rules, and the uses of templates."),
        "limits": Key(list_of(LIMIT), "How much may be used of what."),
        "environments": Key(
            map_of(ENVIRONMENT), "What holds otherwise in production or elsewhere."
        ),
        "tests": Key(list_of(CASE), "Cases, for remit test. They change no decision."),
    },
)


def load(
    source: str | bytes,
    file: str,
    *,
    reader: Reader | None = None,
    environment: str = "",
    tools: Tools | None = None,
) -> Document:
    """The document in *source*; *file* is what errors call it.

    The digest of a document that is one file is that of its bytes. Included files and
    the environment have a part in it otherwise.

    Args:
        source: the text.
        file: what errors call it.
        reader: reads the files it includes.
        environment: whose changes hold, if the document says anything about environments.
        tools: what it is about, besides the tools it declares itself.

    Raises:
        PolicyError: the first mistake; the notes of the error tell the others.
    """
    errors = Errors()
    with nullcontext() if len(source) < LARGE else _garbage_kept():
        document = _Loading(errors, reader, environment, tools).document(source, file)
    settle(errors)
    return document


@contextmanager
def _garbage_kept() -> Iterator[None]:
    """Have Python look for garbage afterwards: it would look at all that is made, many times."""
    wanted = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if wanted:
            gc.enable()


def mistakes(
    source: str | bytes, file: str, *, reader: Reader | None = None, tools: Tools | None = None
) -> tuple[PolicyError, ...]:
    """Every mistake in *source*, from the top of the file; none if it can be loaded."""
    errors = Errors()
    try:
        _Loading(errors, reader, "", tools).document(source, file)
    except PolicyError as error:
        errors.take(error)
    return errors.sorted()


class _Loading:
    def __init__(
        self, errors: Errors, reader: Reader | None, environment: str, tools: Tools | None
    ) -> None:
        self.errors = errors
        self.reader = reader
        self.environment = environment
        self.tools = NO_TOOLS if tools is None else tools
        self.facts = NO_FACTS
        self.name = ""
        self.limits: Mapping[str, Limit] = {}

    def document(self, source: str | bytes, file: str) -> Document:
        includer = Includer(DOCUMENT, self.reader, self.errors)
        root = read(source, file, DOCUMENT.what)
        if (other := recognise(root)) is not None:
            digest = digest_of(source)
            return self.foreign(other.document(root, _stem(file), file, digest, self.errors))
        fields, parts = includer.take(root, source, file), includer.parts
        for each in parts.fields:
            if "remit" in each and each.whole("remit", VERSION) != VERSION:
                each.fail("remit", f"this version of Remit reads 'remit: {VERSION}' only")
        lets = parts.named("let", "the definitions", self.errors)
        scope = Scope(read_lets(lets, self.errors))
        written = self.written(parts, scope)
        nodes = {each.id: each.node for each in written if each.id}
        overlays = read_overlays(fields, nodes, self.errors)
        chosen = self.chosen(fields, overlays)
        own = chosen.document(fields) if chosen else fields
        valid = read_window(fields)
        self.tools = _tools(parts, self.tools)
        self.facts = NO_FACTS.joined(read_facts(each) for each in parts.fields if "facts" in each)
        self.name = fields.name("name", _stem(file))
        limits = tuple(self.limit(node, scope) for node in parts.items("limits"))
        self.limits = {limit.id: limit for limit in limits}
        document = Document(
            name=self.name,
            file=file,
            digest=_digest(parts, chosen),
            rules=self.rules(written, chosen, valid),
            default=own.choice("default", Default, Default.DENY),
            order=own.choice("order", Order, Order.SEVERITY),
            mode=own.choice("mode", Mode, Mode.ENFORCE),
            valid=valid,
            tools=self.tools,
            facts=self.facts,
            tests=tuple(read_case(node, self.errors) for node in fields.nodes("tests")),
            limits=tuple(replace(each, when=self.bound(each.when)) for each in limits),
            includes=tuple(each for each in parts.digests if each != file),
            changes=tuple(c for each in overlays.values() for c in each.changes(fields, nodes)),
            environment=chosen.name if chosen else "",
        )
        self.distinct((*document.rules, *document.limits))
        self.others(overlays, chosen, fields, written, valid)
        return document

    def written(self, parts: Parts, scope: Scope) -> list[Written]:
        """The rules as they stand in the files, with those that uses of templates stand for."""
        named = parts.named("templates", "the templates", self.errors)
        templates = Templates(
            {t.name: read_template(t.name, t.place, t.node, self.errors) for t in named}, scope
        )
        written = list(templates.expand(parts.items("rules"), self.errors))
        for each in templates.rest(self.errors):
            read_rule(each.node, each.errors, each.scope)
        return written

    def rules(
        self, written: Iterable[Written], chosen: Overlay | None, valid: Window
    ) -> tuple[Rule, ...]:
        return tuple(self.rule(chosen.rule(each) if chosen else each, valid) for each in written)

    def rule(self, written: Written, valid: Window) -> Rule:
        """A rule as it is written."""
        rule = self.typed(_read(written, valid))
        when = self.bound(rule.when)
        return rule if when is rule.when else replace(rule, when=when)

    def bound(self, condition: Condition | None) -> Condition | None:
        """*condition*, which knows what limits there are."""
        return condition and bind(condition, self.name, self.limits, self.errors)

    def limit(self, node: Node, scope: Scope) -> Limit:
        """A limit, whose condition is held against the tools as that of a rule is."""
        found = read_limit(node, self.errors, scope)
        self.typed(found.rule)
        return found

    def foreign(self, document: Document) -> Document:
        """A document of another format, its rules held against the tools they are about."""
        return replace(document, rules=tuple(map(self.typed, document.rules)), tools=self.tools)

    def typed(self, rule: Rule) -> Rule:
        """*rule*, held against the tools and the facts that are known."""
        if self.tools or self.facts:
            from remit.policy.check.typed import mistakes

            for place, message in mistakes(rule, self.tools, self.facts):
                self.errors.add(place, message)
        return rule

    def chosen(self, fields: Fields, overlays: dict[str, Overlay]) -> Overlay | None:
        """What the environment changes that was asked for."""
        if not self.environment or "environments" not in fields:
            return None
        if self.environment not in overlays:
            hint = suggest(self.environment, overlays) or f"; there are {', '.join(overlays)}"
            fields.fail("environments", f"there is no environment {self.environment!r}{hint}")
        return overlays.get(self.environment)

    def distinct(self, named: Iterable[Rule | Limit]) -> None:
        """Every id stands once."""
        places: dict[str, Rule | Limit] = {}
        for each in named:
            first = places.setdefault(each.id, each)
            if first is each or not each.id:
                continue
            file = "" if first.place.file == each.place.file else f" of {first.place.file}"
            message = f"the id {each.id!r} stands twice, first on line {first.place.line}{file}"
            self.errors.add(each.place, f"{message}; rename one")

    def others(
        self,
        overlays: dict[str, Overlay],
        chosen: Overlay | None,
        fields: Fields,
        written: Iterable[Written],
        valid: Window,
    ) -> None:
        """Look for mistakes in the environments that do not hold now."""
        for overlay in overlays.values():
            if overlay is chosen:
                continue
            own = overlay.document(fields)
            own.choice("default", Default, Default.DENY)
            own.choice("order", Order, Order.SEVERITY)
            own.choice("mode", Mode, Mode.ENFORCE)
            for each in written:
                if each.id in overlay.rules:
                    self.rule(overlay.rule(each), valid)


def _read(written: Written, valid: Window) -> Rule:
    return read_rule(
        written.node, written.errors, written.scope, valid, prefix=written.prefix, used=written.used
    )


def _tools(parts: Parts, given: Tools) -> Tools:
    return given.joined(read_tools(fields) for fields in parts.fields if "tools" in fields)


def _digest(parts: Parts, chosen: Overlay | None) -> str:
    own, *included = parts.digests.values()
    if not included and chosen is None:
        return own
    named = [own, *included, *([f"environment {chosen.name}"] if chosen else [])]
    return hashlib.sha256("\n".join(named).encode()).hexdigest()


def _stem(file: str) -> str:
    return re.split(r"[/\\]", file)[-1].rsplit(".", 1)[0] or "policy"
