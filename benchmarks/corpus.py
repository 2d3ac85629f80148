"""The same rules and requests for every engine, in words that belong to none of them.

A *mixed* corpus is what a company's tool policy looks like as it grows: about
three rules in four name one tool, 18 % name a service (`svc7.*`), and a
constant few name a verb (`*.delete`) or everything (`*`). Services grow with the
rules, so that a request has about 26 candidates once there are some hundred rules.
In a *dense* corpus every rule's tool is `*`, so that the tool's name decides
nothing; its rules are narrower in the other ways, so that few match.

Every request carries every fact that a rule can ask for. Engines differ on
what a missing fact means, and that difference is not what is measured.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
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
BROAD = ("*.delete", "*.write", "*", "*.read", "*.list", "*")


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


def dense(size: int, requests: int, seed: int = 1) -> Corpus:
    """*size* rules, each of them about every tool."""
    random = Random(seed)
    tools = [f"svc{n}.{verb}" for n in range(16) for verb in VERBS]
    rules = tuple(_rule(random, f"r{n}", "*", shapes=(0, 1, 3, 6), fewest=2) for n in range(size))
    return _with_requests(f"dense-{size}", random, rules, tools, requests)


def _rule(
    random: Random,
    name: str,
    tool: str,
    shapes: tuple[int, ...] = (3, 3, 3, 1),
    fewest: int = 0,
) -> Rule:
    effect = random.choices(("allow", "ask", "deny"), (6, 2, 2))[0]
    least = 2 if tool == "*" or effect == "deny" else 1 if effect == "ask" else 0
    facts = random.sample(FACTS, max(least, random.randrange(fewest, 4)))
    return Rule(
        id=name,
        tool=tool,
        resource=_resource_pattern(random, shapes),
        effect=effect,
        tests=tuple(_test(random, fact) for fact in sorted(facts)),
    )


def _resource_pattern(random: Random, weights: tuple[int, ...]) -> str:
    kind, zone = random.choice(KINDS), random.choice(ZONES)
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
    name: str, random: Random, rules: tuple[Rule, ...], tools: list[str], wanted: int
) -> Corpus:
    requests = _requests(random, tools, wanted)
    misses = tuple(_misses(random, rules, tools, wanted // 4))
    return Corpus(name, rules, requests, misses, _requests(random, tools, wanted // 4))


def _requests(random: Random, tools: list[str], wanted: int) -> tuple[dict[str, Any], ...]:
    return tuple(
        _request(random, random.choice(tools), random.choice(ROLES)) for _ in range(wanted)
    )


def _misses(
    random: Random, rules: tuple[Rule, ...], tools: list[str], wanted: int
) -> list[dict[str, Any]]:
    """Requests that the reference says no rule matches, about known and unknown tools by turns."""
    found: list[dict[str, Any]] = []
    for attempt in range(50 * wanted):
        if len(found) == wanted:
            break
        tool = random.choice(tools) if attempt % 2 else f"nobody{attempt}.knows"
        request = _request(random, tool, "stranger")
        if not any(reference.matches(rule, request) for rule in rules):
            found.append(request)
    return found


def _request(random: Random, tool: str, role: str) -> dict[str, Any]:
    resource = f"{random.choice(KINDS)}:{random.choice(ZONES)}/{random.randrange(IDS)}"
    return {
        "agent": f"agent-{random.randrange(8)}",
        "tool": tool,
        "resource": resource,
        "args": {
            "amount": random.randrange(1000),
            "path": f"{random.choice(FOLDERS_OF_FILES)}/report-{random.randrange(100)}.txt",
            "region": random.choice(REGIONS),
            "note": "asked for by the customer on the phone",
        },
        "role": role,
        "hour": random.randrange(24),
    }
