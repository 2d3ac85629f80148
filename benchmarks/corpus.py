"""The same rules and requests for every engine, in words that belong to none of them.

A *mixed* corpus is what a company's tool policy looks like as it grows: about
three rules in four name one tool, 18 % name a service (`svc7.*`), and a
constant few name a verb (`*.delete`) or everything (`*`). Services grow with the
rules, so that a request has about 26 candidates once there are some hundred rules.
In a *patterned* corpus, which else is a mixed one, a rule in eight also has a
regular expression.

In a *spread* corpus every rule's tool is `*`, so that the tool's name decides
nothing. It is a mixed corpus otherwise: kinds of resources grow with the rules as
services do there, so that as many rules match a request at every size. In a *dense*
corpus there is nothing new as it grows: ten times the rules about the same 480
resources, so that ten times as many match.

Every request carries every fact that a rule can ask for. Engines differ on
what a missing fact means, and that difference is not what is measured.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import reference

VERBS = ("read", "write", "list", "delete")
KINDS = ("order", "invoice", "ticket", "file")
ZONES = ("eu", "us", "asia")
REGIONS = ("eu-1", "eu-2", "us-1", "us-2", "asia-1", "asia-2")
ROLES = ("clerk", "agent", "manager", "auditor", "admin")
FOLDERS = tuple(
    path
    for top in ("/srv", "/home")
    for path in (top, f"{top}/data", f"{top}/data/new", f"{top}/data/old", f"{top}/logs/new")
)
FOLDERS_OF_FILES = tuple(folder for folder in FOLDERS if folder.count("/") == 3)
IDS = 40
RULES_OF_ONE_SERVICE = 62
TOOLS_OF_ALL = [f"svc{n}.{verb}" for n in range(16) for verb in VERBS]
BROAD = ("*.delete", "*.write", "*", "*.read", "*.list", "*")


NOTE = "asked for by the customer on the phone"
NOTES = tuple(
    f"{what} {n} asked for by the {who} on the {day} by {how}"
    for n, what in ((4, "order"), (3071, "order"), (77, "refund"), (518, "claim"))
    for who in ("customer", "bank", "court")
    for day in ("first", "last")
    for how in ("phone", "mail")
)
EXPRESSIONS = (
    "^order [0-9]+ ",
    "^(refund|claim) [0-9]{3}",
    " by the (bank|court) ",
    "(phone|fax)$",
    "[0-9]{4}.* last ",
    "^[a-z]+ [0-9]+ asked for by the c.* mail$",
)
ONE_IN = 8


class Test(NamedTuple):
    """One condition: `amount > 100`, `path under /srv/data`, `region in [...]`, `role is clerk`."""

    fact: str
    op: str
    value: Any


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a policy. All of its tests must hold."""

    id: str
    tool: str
    """A name, `service.*`, `*.verb` or `*`."""
    resource: str
    """A name (`order:eu/7`), `order:eu/*`, `order:*` or `*`."""
    effect: str
    """`allow`, `ask` or `deny`."""
    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class Corpus:
    """Rules, requests about their tools, others like them, and requests that no rule matches."""

    name: str
    rules: tuple[Rule, ...]
    requests: tuple[dict[str, Any], ...]
    misses: tuple[dict[str, Any], ...]
    others: tuple[dict[str, Any], ...] = ()
    """Asked once, when all is warm."""

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def load(cls, path: Path) -> Corpus:
        text = json.loads(path.read_text())
        rules = tuple(
            Rule(**{**rule, "tests": tuple(Test(*test) for test in rule["tests"])})
            for rule in text["rules"]
        )
        kinds = (tuple(text[kind]) for kind in ("requests", "misses", "others"))
        return cls(text["name"], rules, *kinds)

    def candidates(self) -> float:
        """How many rules name the tool of a request, on average."""
        counts = [
            sum(reference.fits(rule.tool, request["tool"]) for rule in self.rules)
            for request in self.requests
        ]
        return sum(counts) / len(counts)


def mixed(size: int, requests: int, seed: int = 1) -> Corpus:
    """A tool policy of *size* rules."""
    random = Random(seed)
    services = max(1, round(size / RULES_OF_ONE_SERVICE))
    tools = [f"svc{n}.{verb}" for n in range(services) for verb in VERBS]
    broad = BROAD[: min(len(BROAD), size // 10)]
    wide = [f"svc{n % services}.*" for n in range(round(size * 0.18))]
    exact = [tools[n % len(tools)] for n in range(size - len(broad) - len(wide))]
    patterns = [*exact, *wide, *broad]
    random.shuffle(patterns)
    rules = tuple(_rule(random, f"r{n}", pattern) for n, pattern in enumerate(patterns))
    return _with_requests(f"mixed-{size}", random, rules, tools, requests)


def patterned(size: int, requests: int, seed: int = 1) -> Corpus:
    """A tool policy of *size* rules, an eighth of them with a regular expression over a note."""
    plain = mixed(size, requests, seed)
    random = Random(seed)
    rules = tuple(
        replace(rule, tests=(*rule.tests, Test("note", "matches", random.choice(EXPRESSIONS))))
        if n % ONE_IN == seed % ONE_IN
        else rule
        for n, rule in enumerate(plain.rules)
    )
    requests_, misses, others = (
        tuple(_noted(random, each, new=asked is plain.others) for each in asked)
        for asked in (plain.requests, plain.misses, plain.others)
    )
    # What no rule matches, none with one condition more does.
    return Corpus(f"patterned-{size}", rules, requests_, misses, others)


def _noted(random: Random, request: dict[str, Any], *, new: bool) -> dict[str, Any]:
    """*request* with one of the notes; if *new*, about a number that no other note is about."""
    note = random.choice(NOTES)
    if new:
        number = next(word for word in note.split() if word.isdigit())
        other = str(random.randrange(10 ** (len(number) + 2), 10 ** (len(number) + 3)))
        note = note.replace(number, other)
    return {**request, "args": {**request["args"], "note": note}}


def spread(size: int, requests: int, seed: int = 1) -> Corpus:
    """*size* rules, each of them about every tool, and about ever more kinds of resources."""
    random = Random(seed)
    kinds = tuple(f"kind{n}" for n in range(max(1, round(size / RULES_OF_ONE_SERVICE))))
    rules = tuple(
        _rule(random, f"r{n}", "*", shapes=(0, 3, 3, 1), fewest=2, kinds=kinds) for n in range(size)
    )
    return _with_requests(f"spread-{size}", random, rules, TOOLS_OF_ALL, requests, kinds=kinds)


def dense(size: int, requests: int, seed: int = 1) -> Corpus:
    """*size* rules, each of them about every tool."""
    random = Random(seed)
    rules = tuple(_rule(random, f"r{n}", "*", shapes=(0, 1, 3, 6), fewest=2) for n in range(size))
    return _with_requests(f"dense-{size}", random, rules, TOOLS_OF_ALL, requests)


def _rule(
    random: Random,
    name: str,
    tool: str,
    shapes: tuple[int, ...] = (3, 3, 3, 1),
    *,
    fewest: int = 0,
    kinds: tuple[str, ...] = KINDS,
) -> Rule:
    effect = random.choices(("allow", "ask", "deny"), (6, 2, 2))[0]
    least = 2 if tool == "*" or effect == "deny" else 1 if effect == "ask" else 0
    facts = random.sample(FACTS, max(least, random.randrange(fewest, 4)))
    return Rule(
        id=name,
        tool=tool,
        resource=_resource_pattern(random, shapes, kinds),
        effect=effect,
        tests=tuple(_test(random, fact) for fact in sorted(facts)),
    )


def _resource_pattern(random: Random, weights: tuple[int, ...], kinds: tuple[str, ...]) -> str:
    kind, zone = random.choice(kinds), random.choice(ZONES)
    exact = f"{kind}:{zone}/{random.randrange(IDS)}"
    shapes = ("*", f"{kind}:*", f"{kind}:{zone}/*", exact)
    return random.choices(shapes, weights)[0]


FACTS = ("amount", "hour", "path", "region", "role")


def _test(random: Random, fact: str) -> Test:
    if fact == "amount":
        return Test(fact, random.choice((">", ">=", "<", "<=")), random.randrange(50, 950, 50))
    if fact == "hour":
        return Test(fact, random.choice((">=", "<")), random.randrange(6, 20))
    if fact == "path":
        return Test(fact, "under", random.choice(FOLDERS))
    if fact == "region":
        return Test(fact, "in", sorted(random.sample(REGIONS, random.randrange(2, 4))))
    return Test(fact, "is", random.choice(ROLES))


def _with_requests(
    name: str,
    random: Random,
    rules: tuple[Rule, ...],
    tools: list[str],
    wanted: int,
    *,
    kinds: tuple[str, ...] = KINDS,
) -> Corpus:
    requests = _requests(random, tools, wanted, kinds)
    misses = tuple(_misses(random, rules, tools, wanted // 4, kinds))
    return Corpus(name, rules, requests, misses, _requests(random, tools, wanted // 4, kinds))


def _requests(
    random: Random, tools: list[str], wanted: int, kinds: tuple[str, ...]
) -> tuple[dict[str, Any], ...]:
    return tuple(
        _request(random, random.choice(tools), random.choice(ROLES), kinds) for _ in range(wanted)
    )


def _misses(
    random: Random,
    rules: tuple[Rule, ...],
    tools: list[str],
    wanted: int,
    kinds: tuple[str, ...],
) -> list[dict[str, Any]]:
    """Requests that the reference says no rule matches, about known and unknown tools by turns."""
    found: list[dict[str, Any]] = []
    for attempt in range(50 * wanted):
        if len(found) == wanted:
            break
        tool = random.choice(tools) if attempt % 2 else f"nobody{attempt}.knows"
        request = _request(random, tool, "stranger", kinds)
        if not any(reference.matches(rule, request) for rule in rules):
            found.append(request)
    return found


def _request(random: Random, tool: str, role: str, kinds: tuple[str, ...]) -> dict[str, Any]:
    resource = f"{random.choice(kinds)}:{random.choice(ZONES)}/{random.randrange(IDS)}"
    return {
        "agent": f"agent-{random.randrange(8)}",
        "tool": tool,
        "resource": resource,
        "args": {
            "amount": random.randrange(1000),
            "path": f"{random.choice(FOLDERS_OF_FILES)}/report-{random.randrange(100)}.txt",
            "region": random.choice(REGIONS),
            "note": NOTE,
        },
        "role": role,
        "hour": random.randrange(24),
    }
