"""Cards and accounts, by their check digits and who issues them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from remit.content.checkdigits import luhn, mod97
from remit.content.pattern import Hit, number, personal, words

_CARD_SHAPES = frozenset(
    {(4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 5, 5), (4, 4, 4, 4, 3), (4, 3, 3, 3)}
)


def _cards(raw: bytes, start: int, end: int) -> Iterator[Hit]:
    """The cards in a run of digits and separators, which may hold other numbers too."""
    groups = [
        (start + found.start(), found[0].decode())
        for found in re.finditer(rb"[0-9]+", raw[start:end])
    ]
    taken = 0
    for first, (left, _) in enumerate(groups):
        if left >= taken and _begins(groups[first : first + 4]):
            hit = _card(raw, groups[first : first + 19])
            if hit is not None:
                taken = hit.end
                yield hit


def _begins(groups: list[tuple[int, str]]) -> bool:
    """Whether a card of some issuer begins like this."""
    return "".join(group for _, group in groups)[:2] in _ISSUERS


_ISSUERS = words(
    "18 21 22 23 24 25 26 27 30 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 "
    "58 60 62 63 64 65 67"
)
"""How the numbers of cards begin."""


def _card(raw: bytes, groups: list[tuple[int, str]]) -> Hit | None:
    """The card that these groups of digits begin with."""
    digits = ""
    sizes: list[int] = []
    for at, group in groups:
        digits, end = digits + group, at + len(group)
        sizes.append(len(group))
        if len(digits) > 19:
            return None
        likely = _card_shape(tuple(sizes)) if len(digits) > 11 else 0.0
        if likely and _is_card(digits) and _free(raw, groups[0][0], end):
            return Hit(groups[0][0], end, likely)
    return None


def _card_shape(sizes: tuple[int, ...]) -> float:
    """How likely digits in groups of these sizes are a card."""
    if len(sizes) == 1 or sizes in _CARD_SHAPES:
        return 0.9
    even = len(set(sizes[:-1])) == 1 and sizes[-1] <= sizes[0] <= 5
    return 0.7 if even else 0.0


def _is_card(digits: str) -> bool:
    size, head = len(digits), int(digits[:4])
    issued = (
        (digits[0] == "4" and size in {13, 16, 19})
        or (size == 16 and (5100 <= head <= 5599 or 2221 <= head <= 2720 or 3528 <= head <= 3589))
        or (size == 15 and digits[:2] in {"34", "37"})
        or (size == 14 and (3000 <= head <= 3059 or digits[:2] in {"36", "38", "39"}))
        or (16 <= size <= 19 and (head == 6011 or 6440 <= head <= 6599 or digits[:2] == "62"))
        or (size == 15 and head in {1800, 2131})
        or (
            size >= 12
            and digits[:4]
            in {"5018", "5020", "5038", "5893", "6304", "6759", "6761", "6762", "6763"}
        )
    )
    return issued and len(set(digits)) > 1 and luhn(digits)


def _free(raw: bytes, left: int, right: int) -> bool:
    """Whether no letter, digit or part of a longer number stands at either side."""
    before, after = raw[max(left - 2, 0) : left], raw[right : right + 2]
    if before[-1:].isalnum() or after[:1].isalnum() or before[-1:] in {b".", b"_"}:
        return False
    # A hyphen between hexadecimal digits is that of a UUID.
    return not (before[-1:] == b"-" and before[:1].isalnum()) and not (
        after[:1] == b"-" and after[1:].isalnum()
    )


_IBAN = {
    each[:2]: int(each[2:])
    for each in words(
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 "
        "DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 "
        "IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 "
        "MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 "
        "SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"
    )
}
"""How long the account numbers of each country are."""


def _ibans(raw: bytes, start: int, end: int) -> Iterator[Hit]:
    """The account number that begins at *start*, as long as its country has them."""
    size = _IBAN.get(raw[start : start + 2].decode().upper(), 0)
    if not size or raw[max(start - 1, 0) : start].isalnum():
        return
    at = start
    number = ""
    while at < end and len(number) < size:
        number += chr(raw[at]) if raw[at : at + 1].isalnum() else ""
        at += 1
    if len(number) == size and not raw[at : at + 1].isalnum() and mod97(number):
        yield Hit(start, at, 0.98)


PATTERNS = (
    personal(
        "card",
        r"\d(?:[ .-]?\d){11,99}",
        cue=number(12),
        pick=_cards,
        overlap=40,
    ),
    personal(
        "iban",
        r"[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,29}",
        cue=rf"(?:\b|_)(?i:{'|'.join(sorted(_IBAN))})\d{{2}}[ -]?[A-Za-z0-9]{{4}}",
        pick=_ibans,
    ),
)
