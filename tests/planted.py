"""Policies with one known defect each, and policies without: how many are found?

    python tests/planted.py

A clean rule comes with a request that it decides, so that it is known to matter. A defect
is planted among clean rules, in one of several spellings. What is counted as found is a
finding of the right kind on the right rule.
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from dataclasses import dataclass, field

from remit.model import Action, Request, Session, Subject
from remit.policy import Policy
from remit.policy.check import Kind

EACH = 40
SERIOUS = {
    Kind.SHADOWED, Kind.UNREACHABLE, Kind.CONTRADICTORY, Kind.ALWAYS_TRUE, Kind.NOT_LIFTABLE,
}  # fmt: skip
HOUR = 3600 * 10**9
NOON = 1_790_000_000 // 86400 * 24 * HOUR + 12 * HOUR
"""12:00 UTC of a Monday."""
VERBS = ["refund", "send", "delete", "read", "export", "deploy", "pay", "book", "grant", "move"]
NOUNS = ["order", "mail", "file", "invoice", "user", "report", "branch", "ticket", "room", "key"]


@dataclass
class Sample:
    """A policy, the requests that show its rules to matter, and what is wrong with it."""

    rules: list = field(default_factory=list)
    witnesses: list = field(default_factory=list)
    order: str = "severity"
    kind: Kind | None = None
    rule: str = ""
    spelling: str = ""

    @property
    def text(self):
        rules = "".join(f"  - {json.dumps(rule)}\n" for rule in self.rules)
        return f"remit: 1\nname: planted\norder: {self.order}\nrules:\n{rules}"

    def add(self, id_, action, effect, when="", **keys):
        rule = {"id": id_, "action": action, "effect": effect, **keys}
        self.rules.append(rule | {"when": when} if when else rule)


# A condition, and the arguments, the hour and the session for which it is true.
CONDITIONS = [
    ("args.amount > 5 && args.amount <= 100", {"amount": 100}),
    ("100 >= args.amount && !(args.amount < 5)", {"amount": 5}),
    ("args.amount >= 100 && args.amount <= 100", {"amount": 100}),
    ("args.n > 3 && args.n < 4", {"n": 3.5}),
    ("args.a > 5 && args.b < 3", {"a": 6, "b": 2}),
    ('args.region == "eu" && args.kind != "test"', {"region": "eu", "kind": "x"}),
    ('args.region in ["eu", "us"] && args.region in ["us", "ch"]', {"region": "us"}),
    ('args.kind == "a" || args.kind == "b"', {"kind": "b"}),
    ('args.x != "a" && args.x != "b"', {"x": "c"}),
    ('args.code == "1" && args.count == 1', {"code": "1", "count": 1}),
    ('path.within(args.path, "/srv") && args.path.endsWith(".txt")', {"path": "/srv/a.txt"}),
    ('args.path.startsWith("/srv/") && !args.path.startsWith("/srv/old/")', {"path": "/srv/a"}),
    ('glob(args.name, "re*") && args.name.contains("port")', {"name": "report"}),
    ("has(args.note) && size(args.note) < 9", {"note": "short"}),
    ("!has(args.note) || args.note == null", {}),
    ("!args.force && args.dry_run == true", {"force": False, "dry_run": True}),
    ("args.items.exists(i, i.price > 100)", {"items": [{"price": 200}]}),
    ("args.items.exists(i, i > 5) && args.items.exists(i, i < 3)", {"items": [9, 1]}),
    ("args.low < args.high && args.low > 3", {"low": 4, "high": 5}),
    ('within_hours(now, "09:00", "17:00", "UTC")', {}),
    ('within_hours(now, "09:00", "13:00", "UTC") && now.getHours() < 20', {}),
    ('within_hours(now, "11:00", "06:00", "UTC") && now.getHours() == 12', {}),
    ("now.getHours() >= 12 || now.getHours() < 6", {}),
    ('now >= timestamp("2026-01-01T00:00:00Z")', {}),
    ('session.role == "clerk" && session.depth < 3', {}),
    ('"refunds" in session.scopes && !("admin" in session.scopes)', {}),
    ("args.urgent ? args.amount < 10 : args.amount < 1000", {"urgent": False, "amount": 99}),
]  # fmt: skip


def request(action, args=None, subject="agent:support", at=NOON):
    session = Session(role="clerk", scopes=("refunds",))
    return Request(Subject.parse(subject), Action(action, args or {}), session=session, at=at)


def ordinary(sample, rng, action):
    """One rule about an action of its own."""
    when, args = rng.choice(CONDITIONS)
    effect = rng.choice(["allow", "allow", "ask", "deny"])
    keys = {}
    if effect == "ask":
        keys["approvers"] = rng.choice([["role:manager"], ["user:ada", "user:bob"], ["group:ops"]])
    if rng.random() < 0.3:
        keys["subject"] = rng.choice(["agent:*", ["agent:support", "user:ada"], "agent:sup*"])
    sample.add(action.replace("_", "-"), action, effect, when if rng.random() < 0.8 else "", **keys)
    sample.witnesses.append((sample.rules[-1]["id"], request(action, args)))


def tiers(sample, rng, action):
    """Rules about one action that share its amounts."""
    low = rng.randint(10, 500)
    high = low * rng.randint(2, 9)
    name = action.replace("_", "-")
    steps = [
        ("small", "allow", f"args.amount <= {low}", low),
        ("middle", "ask", f"args.amount > {low} && args.amount <= {high}", high),
        ("large", "deny", f"{high} < args.amount", high + 1),
    ]
    for step, effect, when, amount in steps:
        sample.add(f"{name}-{step}", action, effect, when)
        sample.witnesses.append((f"{name}-{step}", request(action, {"amount": amount})))


def exception(sample, rng, action):
    """A narrow denial beside a broad permission."""
    name = action.replace("_", "-")
    broad, args, deny = rng.choice([
        (f"{action}_*", {"to": "x"}, {"action": f"{action}_secret"}),
        ([f"{action}_a", f"{action}_b"], {"to": "x"}, {"action": [f"{action}_b", f"{action}_c"]}),
        (f"{action}_?", {"to": "x"}, {"action": f"{action}_?", "subject": "user:*"}),
        (f"{action}_*", {"to": "x"}, {"action": f"{action}_*", "when": 'args.to != "x"'}),
        (f"{action}_*", {"n": 1}, {"action": f"{action}_*", "when": "args.n > 5 || args.n < 0"}),
    ])  # fmt: skip
    sample.add(f"{name}-most", broad, "allow")
    sample.add(f"{name}-but", deny.pop("action"), "deny", **deny)
    sample.witnesses.append((f"{name}-most", request(f"{action}_a", args)))


def people(sample, rng, action):
    """An ask that somebody can just lift."""
    keys = rng.choice([
        {"subject": ["user:ada", "user:bob"], "approvers": ["user:ada"]},
        {"subject": "user:ada", "approvers": ["user:ada", "user:bob"]},
        {"subject": "user:ada", "approvers": ["user:ada", "role:boss"], "quorum": 2},
        {"subject": "user:a*", "approvers": ["user:ada"]},
        {"subject": "agent:ada", "approvers": ["user:ada"]},
        {"subject": "user:ada"},
    ])  # fmt: skip
    subject = keys["subject"] if isinstance(keys["subject"], str) else "user:bob"
    sample.add(action.replace("_", "-"), action, "ask", **keys)
    asked = request(action, {}, subject.replace("*", "da"))
    sample.witnesses.append((sample.rules[-1]["id"], asked))


def clean(seed):
    """A policy in which every rule that has a witness matters."""
    rng = random.Random(seed)
    sample = Sample(order=rng.choice(["severity", "severity", "first-match"]))
    names = [f"{verb}_{noun}" for verb in VERBS for noun in NOUNS]
    for action in rng.sample(names, rng.randint(3, 8)):
        groups = [ordinary, ordinary, tiers, people]
        groups += [exception] if sample.order == "severity" else []
        rng.choice(groups)(sample, rng, action)
    if sample.order == "first-match":
        sample.add("rest", "*", rng.choice(["ask", "deny"]))
        sample.witnesses.append(("rest", request("something_else")))
    else:
        sample.add("always", "say_hello", "allow")
        sample.witnesses.append(("always", request("say_hello")))
    return sample


NIGHT = 'within_hours(now, "22:00", "06:00", "UTC")'
SHADOWED = [
    ("a literal in a glob", "q_read", "", "q_*", ""),
    ("another spelling", ["Q_READ", "q_write"], "", ["q_read", "q_write", "q_x"], ""),
    ("everything", "q_read", "args.n > 1", "q*", ""),
    ("a narrower glob", "q_read_*", "", "q_*", ""),
    ("a question mark", "q_?", "", "q_*", ""),
    ("a narrower interval", "q_read", "args.n > 10 && args.n < 20", "q_read", "args.n > 5"),
    ("mirrored", "q_read", "args.n == 7", "q_read", "5 < args.n"),
    ("fewer texts", "q_read", 'args.r == "eu"', "q_*", 'args.r in ["eu", "us"]'),
    ("a longer prefix", "q_read", 'args.p.startsWith("/a/b/")', "q_*", 'args.p.startsWith("/a/")'),
    ("one more conjunct", "q_read", "f(args.x)", "q_read", "g"),
    ("a negation", "q_read", 'args.r == "eu"', "q_read", 'args.r != "us"'),
    ("both halves", "q_read", "args.n > 0", "q_read", "args.n <= 5 || args.n > 5"),
    ("spaced otherwise", "q_read", "args.n>3&&args.m<2", "q_*", "args.m < 2 && args.n > 3"),
    ("a flag", "q_read", "args.force && args.n > 1", "q_read", "args.force == true"),
    ("the time", "q_read", "now.getHours() == 23", "q_*", NIGHT),
]  # fmt: skip
OPAQUE = ('args.x.matches("^a+$") && args.n > 1', 'args.x.matches("^a+$")')

CONTRADICTIONS = [
    "args.n > 100 && args.n < 50",
    "args.n > 5 && args.n <= 5",
    "100 < args.n && 50.5 > args.n",
    'args.x == "a" && args.x == "b"',
    'args.x == "a" && args.y > 3 && !(args.x in ["a", "b"])',
    'args.x in ["a", "b"] && args.x in ["c"]',
    "args.x in []",
    'args.x == "7" && args.x == 7',
    "args.force && !args.force",
    'args.p.startsWith("/a/") && args.p.startsWith("/b/")',
    'args.p == "/etc/passwd" && path.within(args.p, "/srv") && args.p.startsWith("/srv/")',
    'args.p.endsWith(".txt") && args.p.endsWith(".md")',
    "!has(args.x) && args.x > 5",
    "!(args.n <= 10 || args.m > 1) && args.n < 10",
    '(args.x == "a" || args.x == "b") && args.x == "c"',
    "size(args.to) < 0",
    "args.n > 5 ? args.n < 3 : args.n > 9",
    "args.items.exists(i, i.price > 5 && i.price < 3)",
    'session.role == "clerk" && session.role == "boss"',
    "args.low < args.high && args.low > args.high",
    "cel.bind(n, args.n, n > 5 && n < 3)",
    "args.a == args.b && args.a != args.b",
    'args.x.matches("^a$") && args.x == "b"',
]  # fmt: skip
WINDOWS = [
    "now.getHours() >= 22 && now.getHours() < 6",
    'now.getHours("Europe/Berlin") > 17 && now.getHours("Europe/Berlin") < 9',
    "now.getHours() == 24",
    "now.getHours() > 23 && args.n > 1",
    'within_hours(now, "09:00", "12:00", "UTC") && within_hours(now, "13:00", "17:00", "UTC")',
    'within_hours(now, "22:00", "06:00", "UTC") && now.getHours() == 12',
    'weekday(now, "UTC") == "monday"',
    'weekday(now, "UTC") in ["Sat", "Sun"]',
    'now > timestamp("2027-01-01T00:00:00Z") && now < timestamp("2026-01-01T00:00:00Z")',
    "now.getDayOfWeek() == 7",
    "now.getMonth() == 12",
    'args.time >= "18:00" && args.time < "08:00"',
]
UNLIFTABLE = [
    {"subject": "user:ada", "approvers": ["user:ada"]},
    {"subject": "User:Ada", "approvers": ["user:ada"]},
    {"subject": "user:ada", "approvers": ["user:ada", "user:bob"], "quorum": 2},
    {"approvers": ["role:*"]},
    {"approvers": ["user:*"]},
    {"approvers": ["user:ada", "user:Ada"], "quorum": 2},
    {"approvers": ["user:ada"], "when": 'session.user == "user:ada"'},
    {"approvers": ["user:ada"], "when": 'args.n > 1 && session.user == "ada"'},
    {"approvers": ["user:ada"], "when": 'subject.type == "user" && subject.id == "ada"'},
]
UNREACHABLE = [
    ("q_*", "", "q_read", ""),
    ("*", "", "q_read", "args.n > 1"),
    ("q_*", "", ["q_read", "Q_write"], 'within_hours(now, "18:00", "24:00", "UTC")'),
    ("q_read", "args.n > 5", "q_read", "args.n > 50"),
    ("q_read", 'args.r in ["eu", "us"]', "q_read", 'args.r == "us" && args.n > 2'),
    ("q_*", 'args.p.startsWith("/a")', "q_read", 'args.p == "/a/b"'),
    ("q_?ead", "", "q_read", ""),
]


def planted(kind, number):
    """A policy with one defect among clean rules."""
    rng = random.Random(f"{kind.name} {number}")
    sample = clean(f"{kind.name} {number}")
    while (sample.order == "first-match") is not (kind is Kind.UNREACHABLE):
        sample = clean(rng.random())
    last = [sample.rules.pop()] if kind is Kind.UNREACHABLE else []
    before = len(sample.rules)
    spelling = PLANT[kind](sample, rng, number)
    added = sample.rules[before:]
    del sample.rules[before:]
    if kind is not Kind.UNREACHABLE:
        rng.shuffle(added)
    for rule in added:
        at = len(sample.rules) if kind is Kind.UNREACHABLE else rng.randint(0, len(sample.rules))
        sample.rules.insert(at, rule)
    # Behind a rule about everything the last one would be a second defect.
    sample.rules += [] if any(rule["action"] == "*" for rule in added) else last
    sample.kind, sample.rule, sample.spelling = kind, "defect", spelling
    return sample


def plant_shadowed(sample, rng, number):
    spelling, action, when, over, unless = SHADOWED[number % len(SHADOWED)]
    if unless == "g":
        when, unless = OPAQUE
    effect = rng.choice(["allow", "allow", "ask"]) if not when else "allow"
    sample.add("defect", action, effect, when)
    if spelling == "both halves":
        first, second = unless.split(" || ")
        sample.add("over-low", over, "deny", first)
        sample.add("over-high", over, "deny", second)
    else:
        sample.add("over", over, "deny", unless)
    return spelling


def plant_contradiction(texts):
    def plant(sample, rng, number):
        text = texts[number % len(texts)]
        if rng.random() < 0.4:
            text = f'({text}) && args.note != "x"'
        sample.add("defect", "q_read", rng.choice(["allow", "deny", "ask"]), text)
        return texts[number % len(texts)]

    return plant


def plant_unliftable(sample, rng, number):
    keys = UNLIFTABLE[number % len(UNLIFTABLE)]
    effect = "deny" if rng.random() < 0.3 else "ask"
    # An error counts as a match for a rule that asks: then nothing is known of an argument.
    sample.add("defect", "q_read", effect, **keys)
    return str(keys)


def plant_unreachable(sample, rng, number):
    over, unless, action, when = UNREACHABLE[number % len(UNREACHABLE)]
    sample.add("over", over, rng.choice(["allow", "ask"]) if when == "" else "ask", unless)
    sample.add("defect", action, rng.choice(["allow", "deny"]) if not unless else "allow", when)
    return f"{over} {unless} before {action} {when}"


PLANT = {
    Kind.SHADOWED: plant_shadowed,
    Kind.CONTRADICTORY: plant_contradiction(CONTRADICTIONS),
    Kind.UNREACHABLE: plant_unreachable,
    Kind.NOT_LIFTABLE: plant_unliftable,
}


def defects():
    """200 policies with a defect: what it is called, and the policy."""
    for number in range(EACH):
        for kind in PLANT:
            yield kind.value.name, planted(kind, number)
        PLANT[Kind.CONTRADICTORY] = plant_contradiction(WINDOWS)
        yield "impossible window", planted(Kind.CONTRADICTORY, number)
        PLANT[Kind.CONTRADICTORY] = plant_contradiction(CONTRADICTIONS)


def serious(sample):
    """What is found of the kinds that are planted."""
    found = Policy.parse(sample.text, file="planted.yaml").check()
    return [finding for finding in found if finding.kind in SERIOUS]


def is_found(sample):
    return any((f.kind, f.rule) == (sample.kind, sample.rule) for f in serious(sample))


def main():
    total, found, missed = Counter(), Counter(), []
    others = 0
    for name, sample in defects():
        total[name] += 1
        found[name] += is_found(sample)
        missed += [] if is_found(sample) else [f"{name}: {sample.spelling}"]
        others += sum(f.rule not in {"defect", "over"} for f in serious(sample))
    for name, count in total.items():
        print(f"{name:20} {found[name]:4} of {count} found")
    share = found.total() / total.total()
    print(f"{'all':20} {found.total():4} of {total.total()} found ({share:.1%})")
    for name, count in Counter(missed).items():
        print(f"  missed {count} x {name}")
    alarms = sum(len(serious(clean(seed))) for seed in range(200))
    print(f"{'clean policies':20} {alarms:4} findings on 200")
    print(f"{'clean rules':20} {others:4} findings beside the defects")
    return 0 if share >= 0.95 and not alarms + others else 1


if __name__ == "__main__":
    sys.exit(main())
