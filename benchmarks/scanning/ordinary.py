# ruff: noqa: E501 - a log line is a line
"""5,000 texts in which there is nothing to find, made from a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

SEED = 20_260_501
_START = datetime(2019, 1, 1, tzinfo=UTC)


def texts(faker: Any, seed: int = SEED) -> dict[str, list[str]]:
    """By sort; *faker* is an instance of `faker.Faker("en_US")`."""
    faker.seed_instance(seed)
    chance = random.Random(seed)
    return {
        "sentences": [faker.paragraph(nb_sentences=3) for _ in range(1000)],
        "log lines": [_log(faker, chance) for _ in range(1000)],
        "order numbers": [_order(chance) for _ in range(800)],
        "UUIDs": [_uuid(chance) for _ in range(700)],
        "timestamps": [_timestamp(chance) for _ in range(750)],
        "versions": [_version(chance) for _ in range(750)],
    }


def documents(
    faker: Any, size: int = 2000, count: int = 3000, *, logs: bool = True
) -> Iterator[str]:
    """Sentences, and *logs* between them, *size* characters each."""
    faker.seed_instance(SEED + 1)
    chance = random.Random(SEED + 1)
    for _ in range(count):
        parts: list[str] = []
        while sum(map(len, parts)) < size:
            parts.append(faker.paragraph(nb_sentences=4))
            if logs:
                parts.append(_log(faker, chance))
        yield "\n".join(parts)[:size]


def _digits(chance: random.Random, count: int) -> str:
    return "".join(chance.choice("0123456789") for _ in range(count))


def _hex(chance: random.Random, count: int) -> str:
    return "".join(chance.choice("0123456789abcdef") for _ in range(count))


def _moment(chance: random.Random) -> datetime:
    return _START + timedelta(microseconds=chance.randrange(7 * 365 * 86_400 * 10**6))


def _log(faker: Any, chance: random.Random) -> str:
    at = _moment(chance)
    level = chance.choice(["INFO", "WARN", "ERROR", "DEBUG"])
    what = chance.choice(
        [
            f"request {_hex(chance, 16)} took {chance.randrange(5000)}ms status={chance.choice([200, 301, 404, 500])}",
            f"worker-{chance.randrange(64)} processed {chance.randrange(10**6)} rows in {chance.random() * 60:.3f}s",
            f"GET /api/v2/orders/{chance.randrange(10**8)}?page={chance.randrange(90)}&limit=50 HTTP/1.1 200 {chance.randrange(10**5)}",
            f"cache miss key=user:{chance.randrange(10**7)}:profile ttl={chance.randrange(3600)}",
            f"commit {_hex(chance, 40)} by ci: {faker.bs()}",
            f"connection to db-{chance.randrange(9)}.internal:{chance.randrange(1024, 65535)} refused, retry {chance.randrange(9)}/10",
            f"[{_hex(chance, 8)}] token bucket refilled: {chance.randrange(1000)} of 1000, tokens used {chance.randrange(10**5)}",
            f"password reset requested for account {chance.randrange(10**9)}",
            f"traceId={_hex(chance, 32)} spanId={_hex(chance, 16)} {faker.bs()}",
            f'File "/srv/app/{faker.word()}/{faker.word()}.py", line {chance.randrange(900)}, in {faker.word()}_{faker.word()}',
        ]
    )
    return f"{at.isoformat(timespec='milliseconds')} {level} [{faker.word()}.{faker.word()}] {what}"


def _order(chance: random.Random) -> str:
    number = chance.choice(
        [
            lambda: f"ORD-{chance.randrange(2019, 2027)}-{_digits(chance, 7)}",
            lambda: _digits(chance, chance.choice([8, 9, 10, 11, 12, 13, 14, 16])),
            lambda: f"{_digits(chance, 3)}-{_digits(chance, 7)}-{_digits(chance, 7)}",
            lambda: f"INV/{chance.randrange(2019, 2027)}/{_digits(chance, 5)}",
            lambda: f"45{_digits(chance, 8)}",
            lambda: f"1Z{_hex(chance, 6).upper()}{_digits(chance, 10)}",
            lambda: f"SO{_digits(chance, 6)}-{_digits(chance, 2)}",
            lambda: f"#{_digits(chance, 6)}",
        ]
    )()
    return chance.choice(
        [
            f"Your order {number} has shipped.",
            f"Invoice {number} is due at the end of the month.",
            f"Please quote reference {number} when you write to us.",
            f'{{"order_id": "{number}", "items": {chance.randrange(1, 40)}}}',
            number,
        ]
    )


def _uuid(chance: random.Random) -> str:
    identity = str(UUID(int=chance.getrandbits(128), version=4))
    return chance.choice(
        [
            identity,
            f'{{"id": "{identity}", "state": "done"}}',
            f"https://app.example.com/documents/{identity}/edit",
            f"session {identity} opened",
            identity.replace("-", ""),
        ]
    )


def _timestamp(chance: random.Random) -> str:
    at = _moment(chance)
    seconds = at.timestamp()
    written = chance.choice(
        [
            at.isoformat(),
            at.strftime("%Y-%m-%d %H:%M:%S.%f"),
            at.strftime("%a, %d %b %Y %H:%M:%S +0000"),
            at.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            at.strftime("%m/%d/%Y %I:%M %p"),
            str(int(seconds)),
            str(int(seconds * 1000)),
            str(int(seconds * 10**6)),
            str(int(seconds * 10**9)),
            f"{seconds:.6f}",
            at.strftime("%Y%m%dT%H%M%SZ"),
        ]
    )
    return chance.choice([written, f"updated at {written}", f'{{"created": "{written}"}}'])


def _version(chance: random.Random) -> str:
    major, minor, patch = chance.randrange(30), chance.randrange(40), chance.randrange(300)
    written = chance.choice(
        [
            f"v{major}.{minor}.{patch}",
            f"version {major}.{minor}.{patch}.{chance.randrange(20000)}",
            f"requests=={major}.{minor}.{patch}",
            f"nginx/{major}.{minor}.{patch}",
            f"{major}.{minor}.{patch}-rc.{chance.randrange(9)}+build.{chance.randrange(9999)}",
            f"v{major}.{minor}.{patch}-{chance.randrange(99)}-g{_hex(chance, 7)}",
            f"sha256:{_hex(chance, 64)}",
            f"Chrome/{major + 90}.0.{chance.randrange(1000, 9999)}.{chance.randrange(255)}",
            f"firmware {major}.{minor}.{patch % 256}.{chance.randrange(256)}",
            f"{major}.{minor}.dev{patch}+g{_hex(chance, 9)}",
        ]
    )
    return chance.choice([written, f"upgraded to {written}", f"image: registry/app:{written}"])
