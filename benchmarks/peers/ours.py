"""Remit: the strictest wins, or the first match where a document asks for that."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from importlib.metadata import version as _version
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from conform import EPOCH

from peers import TOOLS, CannotSay, Decide, Observing, Tools, Verdict, Work
from remit.errors import Denied, PolicyError
from remit.expr import Duration, Timestamp
from remit.expr.values import shown_key
from remit.guard import Guard
from remit.model import Action, Request, Resource, Session, Subject
from remit.policy import Policy

FIELDS = {
    "amount": "args.amount",
    "hour": "context.hour",
    "note": "args.note",
    "path": "args.path",
    "region": "args.region",
    "role": "session.role",
}
IN_ONE_FILE = 20_000
"""Rules. A policy file has at most 8 MiB."""
NO_RULES = "remit: 1\nrules: []\n"
MOMENT = 1_767_225_600_000_000_000


def version() -> str:
    return f"remit {_version('remit')}"


def decider(variant: str, rules: Any) -> Decide:
    policy = _load(variant, rules)

    def decide(request: Request) -> Verdict:
        decision = policy.decide(request)
        return "ask" if decision.approval else decision.effect, decision.rules

    if variant.endswith("prebuilt"):
        return decide
    return lambda request: decide(_request(request))


def prepared(variant: str, request: dict[str, Any]) -> Any:
    return _request(request) if variant.endswith("prebuilt") else request


def _request(request: dict[str, Any]) -> Request:
    return Request(
        Subject("agent", request["agent"]),
        Action(request["tool"], request["args"]),
        Resource.parse(request["resource"]),
        Session(role=request["role"]),
        {"hour": request["hour"]},
        MOMENT,
    )


def _load(variant: str, rules: Any) -> Policy:
    """The corpus as a policy, in as many documents as it takes.

    The strictest of several documents wins, so a corpus may be cut anywhere; where
    the first match wins it may not.
    """
    parts = [rules]
    if not variant.startswith("first"):
        parts = [rules[at : at + IN_ONE_FILE] for at in range(0, len(rules), IN_ONE_FILE)]
    default = "deny" if len(parts) == 1 else "abstain"
    try:
        first, *others = (
            Policy.parse(_document(f"part-{n}", variant, default, part), file=f"part-{n}.yaml")
            for n, part in enumerate(parts)
        )
    except PolicyError as error:
        raise CannotSay(str(error)) from error
    return first.stack(*others) if others else first


def _document(name: str, variant: str, default: str, rules: Any) -> str:
    """A policy file; a rule is a line of JSON, which is YAML."""
    order = "first-match" if variant.startswith("first") else "severity"
    lines = "".join(f"  - {json.dumps(_rule(rule))}\n" for rule in rules)
    return f"remit: 1\nname: {name}\ndefault: {default}\norder: {order}\nrules:\n{lines}"


def _rule(rule: Any) -> dict[str, str]:
    words = {"id": rule.id, "action": rule.tool, "effect": rule.effect}
    if rule.resource != "*":
        words["resource"] = rule.resource
    if rule.tests:
        words["when"] = " && ".join(map(_test, rule.tests))
    return words


def _test(test: Any) -> str:
    field = FIELDS[test.fact]
    if test.op == "under":
        return f"{field}.startsWith('{test.value}/')"
    if test.op == "matches":
        return f"{field}.matches('{test.value}')"
    if test.op == "in":
        return f"{field} in [{', '.join(repr(value) for value in test.value)}]"
    if test.op == "is":
        return f"{field} == '{test.value}'"
    return f"{field} {test.op} {test.value}"


def tools(variant: str, folder: Path) -> Tools:
    work = Work()
    policy = Policy.parse(_policy(), file="calls.yaml")
    ledger = _ledger(variant, folder)
    guard = Guard(policy, ledger=ledger)

    async def alookup(order: str, amount: int) -> int:
        return work.lookup(order, amount)

    async def awipe(order: str, amount: int) -> int:
        return work.wipe(order, amount)

    asynchronous = variant.endswith("-async")
    functions = (alookup, awipe) if asynchronous else (work.lookup, work.wipe)
    lookup = guard.protect(action="lookup")(functions[0])
    wipe = guard.protect(action="wipe")(functions[1])
    return Tools(
        work,
        lambda: lookup("o-1", amount=5),
        lambda: wipe("o-1", amount=5),
        Denied,
        asynchronous=asynchronous,
        records=lambda: _size(ledger),
        per_call=2,
        close=getattr(ledger, "close", lambda: None),
    )


def _size(ledger: Any) -> int:
    """How many records there are, those that wait for company among them."""
    ledger.checkpoint()
    return int(ledger.size())


def _ledger(variant: str, folder: Path) -> Any:
    if variant.startswith("sqlite"):
        from remit.ledgers.sqlite import SqliteLedger

        return SqliteLedger(folder / "ledger.db")
    from remit.ledgers.memory import MemoryLedger

    return MemoryLedger()


def _policy() -> str:
    rules = "".join(f"  - {{id: {tool}, action: {tool}, effect: allow}}\n" for tool in TOOLS)
    return f"remit: 1\nname: calls\ndefault: deny\nrules:\n{rules}"


def evaluate(expr: str, bindings: dict[str, Any], *, unchecked: bool) -> Any:
    """By the program that runs these cases as a test, whose values are made plain here."""
    made, activation = _conformance().program(
        {"expr": expr, "bindings": bindings, **({"unchecked": True} if unchecked else {})}
    )
    return _plain(made.evaluate(activation))


@cache
def _conformance() -> Any:
    path = Path(__file__).parents[2] / "tests" / "conformance" / "cel.py"
    spec = spec_from_file_location("cel_cases", path)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _plain(value: Any) -> Any:
    if isinstance(value, Timestamp | Duration):
        span = timedelta(microseconds=value.nanos // 1000)
        return EPOCH + span if isinstance(value, Timestamp) else span
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {_plain(shown_key(key)): _plain(item) for key, item in value.items()}
    return value


@contextmanager
def observing(variant: str, folder: Path) -> Iterator[Observing]:
    """*variant*: where records go, and who reads along."""
    import remit
    from remit import MemoryLedger, SqliteLedger

    ledger = SqliteLedger(folder / "ledger.db") if "sqlite" in variant else MemoryLedger()
    readers = [_telemetry()] if "otel" in variant else []
    guard = Guard(Policy.parse(NO_RULES), ledger=ledger, readers=readers)
    ran: list[int] = []

    @remit.observe(agent="bench", guard=guard)
    def nothing() -> None:
        ran.append(1)

    def kept() -> dict[str, int]:
        if isinstance(ledger, SqliteLedger):
            ledger.checkpoint()
        return dict(Counter(stored.facts().action for stored in ledger.select()))

    def inside(work: Callable[[], Any]) -> Any:
        with remit.run("bench", guard=guard):
            return work()

    yield Observing(nothing, lambda: remit.step("read"), inside, lambda: len(ran), kept)
    if isinstance(ledger, SqliteLedger):
        ledger.close()


def _telemetry() -> Any:
    """OpenTelemetry with an SDK that keeps every span, and an exporter that drops them."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

    from remit.telemetry import OpenTelemetry

    class Dropped(SpanExporter):
        def export(self, _spans: Any) -> SpanExportResult:
            return SpanExportResult.SUCCESS

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Dropped()))
    return OpenTelemetry(tracer_provider=provider)
