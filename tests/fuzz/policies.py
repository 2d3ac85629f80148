"""Fuzz the policy loader: `python policies.py --seconds 300`.

Policies made from the grammar of the format, and bytes made by damaging these, the
policies of this repository and the kept corpus, are loaded, and what loads decides a
request, is explained and checked. Anything but a policy or a `PolicyError`
is a finding, and so is an input that takes long. What is worth keeping is kept in
`corpus/policies.json`, which the test suite replays.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from random import Random

sys.path.append(str(Path(__file__).parents[1] / "differential"))
sys.path.append(str(Path(__file__).parent))

from fuzzing import damaged, main
from grammar import made as grown

from remit.errors import PolicyError
from remit.model import Action, Request, Resource, Session, Subject
from remit.policy import Policy

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / "tests" / "fuzz" / "corpus" / "policies.json"
REQUESTS = (
    Request(Subject("agent", "a"), Action("refund", {"amount": 5, "to": "x@acme.com"})),
    Request(
        Subject("user", "m\u0430ria"), Action("KB.Find", {"amount": "5"}),
        Resource("file", "/tmp/x"),
        Session(role="clerk", scopes=("refund",)), {"hour": 3}, at=10**18,
    ),
)  # fmt: skip
PIECES = (
    "remit: 1\n", "rules:\n", "  - id: x\n", "    action: '*'\n", "    effect: allow\n", "when: ",
    "    when: |\n      ", "effect: ask\n", "approvers: [role:x]\n", "quorum: 2\n",
    "expires: 15m\n",
    "mode: monitor\n", "order: first-match\n", "obligations: [{type: x, a: [1]}]\n", "limits: {}\n",
    "let:\n", "tools:\n", "valid: {from: 2026-01-01}\n", "include: x.yaml\n", "use: x\n",
    "default: ",
    "&a ", "*a", "<<: *a", "!!python/object:os.system ", "--- ", "...\n", "%YAML 1.1\n", "? ", "- ",
    ": ", " #", "{", "}", "[", "]", ",", "'", '"', "|", ">", "@", "`", "\t", "\r", "\x85", "\u2028",
    "\ufeff", "\x00", "\ud800", "null", "~", "0o17", "0x1F", "1e400", ".nan", "9" * 30,
    "on", "12:30",
    "[" * 60, "{a: " * 60, "- " * 60, "a" * 300, "*" * 100, "?*" * 100, "\u202e",
    "\u200b", "é" * 100,
)  # fmt: skip
ACTIONS = ("refund", "kb.*", "*", "*_user", "d\u0435lete", "?", "a*b*c")


def corpus() -> list[str]:
    kept: list[str] = json.loads(CORPUS.read_text(encoding="utf-8"))
    shipped = (*ROOT.glob("examples/**/*.yaml"), *ROOT.glob("tests/policies/**/*.y*ml"))
    return [*kept, *(path.read_text(encoding="utf-8") for path in sorted(shipped))]


def document(random: Random) -> str:
    """A policy as the format has it, with conditions by their own grammar."""
    rules = []
    for number in range(random.randrange(6)):
        rule = {"id": f"r{number}", "action": random.sample(ACTIONS, random.choice((1, 2)))}
        rule["effect"] = random.choice(("allow", "deny", "ask", "ask", "maybe"))
        optional = {
            "when": grown(random, "bool", random.choice((1, 2, 3))),
            "subject": random.choice(("agent:*", "user:m*", "*", "nobody")),
            "resource": random.choice(("file:/tmp/*", "*:*", 7)),
            "approvers": random.choice((["role:x"], "user:a", [], ["x"])),
            "quorum": random.choice((1, 2, 0, -1, "2", 2**60)),
            "expires": random.choice(("15m", "1d2h", "", "31d", 5)),
            "mode": random.choice(("monitor", "enforce", True)),
            "obligations": random.choice(([{"type": "redact", "x": {"y": [1, None]}}], [{}], 3)),
            "risk": random.choice(("low", "highest")),
        }
        rule |= {key: value for key, value in optional.items() if random.random() < 0.3}
        rules.append(rule)
    written = {"remit": 1, "default": random.choice(("deny", "ask", "abstain")), "rules": rules}
    if random.random() < 0.3:
        written["order"] = "first-match"
    return json.dumps(written, indent=random.choice((None, 1)), ensure_ascii=False)


def made(random: Random, kept: list[str]) -> str:
    """One input: by the grammar, or damaged."""
    if random.random() < 0.2:
        return document(random)
    start = random.choice(kept) if random.random() < 0.7 else document(random)
    return damaged(random, start, PIECES)


def in_bytes(text: str) -> bytes:
    """*text* as a file may hold it, with single bytes that are no UTF-8 where it has such."""
    return b"".join(
        bytes([ord(char) - 0xDC00])
        if "\udc80" <= char <= "\udcff"
        else char.encode("utf-8", "surrogatepass")
        for char in text
    )


def run(text: str) -> None:
    """Load *text* as text and as bytes, and use it; what must not happen is raised."""
    for source in (text, in_bytes(text)):
        try:
            policy = Policy.parse(source, file="fuzz.yaml")
        except PolicyError:
            continue
        for request in REQUESTS:
            decision = policy.decide(request)
            # What a policy cannot decide it denies, and says so; a bug must not hide behind that.
            assert decision.reason != "the policy could not decide it", decision.errors
            assert policy.explain(request).decision == decision
        policy.check(strict=True)


if __name__ == "__main__":
    sys.exit(main(__doc__, sys.modules[__name__]))
