"""Compare the compiled policy with the slow reference: `python policies.py 100000`.

Makes policies nobody would write and requests about them from a seed, and compares
every decision, without and with approvals, with `reference_policy.py`. Prints how many
pairs agreed and each that did not, with all it takes to see it again.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))

from reference_policy import decide
from test_policy_reference import TERMS, answer, lifts, summary

from remit.model import Action, Request, Resource, Session, Subject
from remit.policy import Policy, consult, narrow, part

NOW = 10**18
REQUESTS_OF_A_POLICY = 20
ACTIONS = ("a.x", "a.y", "b.x")
SUBJECTS = ("agent:a", "agent:b", "user:a")
RESOURCES = ("file:/t", "file:/u", "")
PEOPLE = (
    Subject("user", "maria"),
    Subject("user", "boris", {"roles": ["boss"]}),
    Subject("user", "carla", {"roles": ["boss", "cook"]}),
)
NUMBERS = (-1, 0, 1, 2.5, 3, 9)
TEXTS = ("", "eu", "eu-1", "us", "/srv/x", "/srv0", "9")
EXPRESSIONS = ("^eu", "[0-9]$", "s|u", "^$", "x")
ANYTHING = (*NUMBERS, *TEXTS, True, None, [1], {"n": 1})

Condition = Callable[[dict[str, Any]], bool]


def condition(random: Random) -> tuple[str, Condition]:
    """Some comparisons joined by `&&`, as text and as a function that raises where it errs."""
    tests = [comparison(random) for _ in range(random.choice((1, 1, 2, 2, 3)))]

    def holds(args: dict[str, Any]) -> bool:
        # What is false decides, whatever errors stand beside it.
        answers = [outcome(test, args) for _, test in tests]
        if False in answers:
            return False
        if None in answers:
            raise TypeError
        return True

    return " && ".join(text for text, _ in tests), holds


def outcome(test: Condition, args: dict[str, Any]) -> bool | None:
    """What *test* says, or None where it errs."""
    try:
        return test(args)
    except (KeyError, TypeError):
        return None


def comparison(random: Random) -> tuple[str, Condition]:
    name = random.choice("nm")
    kind = random.randrange(8)
    number, text = random.choice(NUMBERS), random.choice(TEXTS)
    if kind == 0:
        return f"args.{name} > {number}", lambda args: numeric(args[name]) > number
    if kind == 1:
        return f"{number} >= args.{name}", lambda args: number >= numeric(args[name])
    if kind == 2:
        return f"args.{name} == {number}", lambda args: is_equal(args[name], number)
    if kind == 3:
        return f"args.{name} == {json.dumps(text)}", lambda args: is_equal(args[name], text)
    if kind == 4:
        texts = random.sample(TEXTS, 2)
        return f"args.{name} in {json.dumps(texts)}", lambda args: any(
            is_equal(args[name], text) for text in texts
        )
    if kind == 5:
        prefix = json.dumps(text)
        return f"args.{name}.startsWith({prefix})", lambda args: textual(args[name]).startswith(
            text
        )
    if kind == 6:
        pattern = random.choice(EXPRESSIONS)
        return f"args.{name}.matches({json.dumps(pattern)})", lambda args: bool(
            re.search(pattern, textual(args[name]))
        )
    return f"size(args.{name}) > 1", lambda args: len(sized(args[name])) > 1


def is_equal(one: Any, other: Any) -> bool:
    """Equality without Python's own ideas about booleans."""
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def numeric(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(value)
    return value


def textual(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def sized(value: Any) -> Any:
    if not isinstance(value, str | tuple | list | dict):
        raise TypeError(value)
    return value


def patterns(random: Random, names: tuple[str, ...]) -> list[str]:
    first = names[0]
    globs = [*filter(None, names), "*", first[:2] + "*", "*" + first[-1], "?" + first[1:], "a*x"]
    found = random.sample(globs, random.choice((1, 1, 2)))
    return [each for each in found if ":" in first or "*" in each or each in names] or ["*"]


def typed(random: Random, names: tuple[str, ...]) -> list[str]:
    """Patterns over `type:id`."""
    return [each for each in patterns(random, names) if ":" in each or "*" in each] or ["*"]


def rule(random: Random, number: int, conditions: dict[str, Condition]) -> dict[str, Any]:
    effect = random.choice(("deny", "ask", "allow"))
    made: dict[str, Any] = {"id": f"r{number}", "effect": effect, "terms": None}
    made["action"] = patterns(random, ACTIONS)
    optional: dict[str, Callable[[], Any]] = {
        "subject": lambda: typed(random, SUBJECTS),
        "resource": lambda: typed(random, RESOURCES),
        "risk": lambda: random.choice(("low", "medium", "high", "critical")),
        "advice": lambda: f"advice {number}",
        "mode": lambda: random.choice(("enforce", "monitor")),
    }
    made |= {key: value() for key, value in optional.items() if random.random() < 0.3}
    if random.random() < 0.7:
        made["when"], conditions[made["when"]] = condition(random)
    if effect != "allow":
        terms = random.choice(TERMS)
        made |= terms
        if effect == "ask" or terms:
            made["terms"] = (tuple(terms.get("approvers", ())), terms.get("quorum", 1))
    if effect != "deny" and random.random() < 0.3:
        made["obligations"] = [{"type": random.choice(("redact", "notify"))}]
    return made


def documents(random: Random, conditions: dict[str, Condition]) -> list[dict[str, Any]]:
    return [
        {
            "remit": 1,
            "name": f"d{number}",
            "default": random.choice(("deny", "ask", "allow", "abstain")),
            "order": random.choice(("severity", "severity", "first-match")),
            "mode": random.choice(("enforce", "enforce", "enforce", "monitor")),
            "rules": [rule(random, n, conditions) for n in range(random.randrange(12))],
        }
        for number in range(random.choice((1, 1, 2, 3)))
    ]


def compiled(written: list[dict[str, Any]]) -> Policy:
    policies = []
    for document in written:
        rules = [{k: v for k, v in each.items() if k != "terms"} for each in document["rules"]]
        # JSON is YAML.
        policies.append(Policy.parse(json.dumps({**document, "rules": rules})))
    return policies[0].stack(*policies[1:])


def request(random: Random) -> Request:
    args = {name: random.choice(ANYTHING) for name in "nm" if random.random() < 0.8}
    return Request(
        Subject.parse(random.choice(SUBJECTS)),
        Action(random.choice((*ACTIONS, "other")), args),
        Resource.parse(random.choice(RESOURCES)),
        Session(user=random.choice(("", "maria"))),
        at=NOW,
    )


def approved(random: Random, asked: Request) -> Request:
    """*asked*, put to people."""
    answers = tuple(
        answer(asked, random.choice(PEOPLE), random.randrange(6))
        for _ in range(random.randrange(1, 4))
    )
    return Request(
        asked.subject, asked.action, asked.resource, asked.session, at=NOW, approvals=answers
    )


def disagreements(count: int, seed: int) -> Iterator[str]:
    """A paragraph for each of *count* pairs that policy and reference decide differently."""
    random = Random(seed)
    done = 0
    while done < count:
        conditions: dict[str, Condition] = {"true": lambda _: True}
        written = documents(random, conditions)
        # Half of the policies are indexed wherever that is possible.
        narrow.WORTH_AN_INDEX = random.choice((1, 4))
        narrow.ALWAYS_WORTH_IT = random.choice((0, 12))
        consult.MANY = random.choice((2, 500))
        consult.FIRST = random.choice((1, 2, 500))
        part.MANY = random.choice((1, 500))
        part.OFTEN = random.choice((1, 2))
        policy = compiled(written)
        for _ in range(min(REQUESTS_OF_A_POLICY, count - done)):
            asked = request(random)
            if random.random() < 0.3:
                asked = approved(random, asked)
            lifted = lifts(asked, asked.approvals)
            found = summary(policy.decide(asked))
            expected = decide(written, conditions, asked, lifted)
            if found != expected:
                yield f"{json.dumps(written)}\n{asked}\nsaid {found}\nis   {expected}\n"
            done += 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("count", type=int, nargs="?", default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    found = list(disagreements(options.count, options.seed))
    for each in found[:10]:
        print(each)
    agreed = options.count - len(found)
    print(f"{options.count:,} pairs, seed {options.seed}: {agreed:,} agree, {len(found):,} do not")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
