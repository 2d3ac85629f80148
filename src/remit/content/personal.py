"""Personal data that people give each other: addresses, numbers, cards, accounts, dates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from remit.content.checkdigits import luhn, mod97
from remit.content.finding import Kind
from remit.content.pattern import WORD, Hit, Pattern, stands_before

_NO_NAMES = frozenset(
    "png jpg jpeg gif svg webp ico bmp pdf js ts css scss html htm json yaml yml toml xml md txt "
    "py rb rs go java kt php sh exe dll so zip gz tar log conf cfg ini lock service timer socket "
    "target mount local internal localdomain".split()
)
"""What ends the name of a file or of a machine, and not an address."""


def _is_email(text: str) -> bool:
    local, _, domain = text.rpartition("@")
    last = domain.rpartition(".")[2].lower()
    return local.lower() != "git" and last not in _NO_NAMES and ".." not in text


def _is_international(text: str) -> bool:
    digits = _digits(_EXTRA.sub("", text))
    code = digits[:2] in _COUNTRIES or digits[0] in "17" or digits[:2] in _REGIONS
    return code and 8 <= len(digits) <= 15 and _balanced(text)


_EXTRA = re.compile("(?:x|ext).*")


def _is_national(text: str) -> bool:
    return 7 <= len(_digits(text)) <= 15 and _balanced(text)


_COUNTRIES = frozenset(
    "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 "
    "65 66 81 82 84 86 90 91 92 93 94 95 98".split()
)
_REGIONS = frozenset("21 22 23 24 25 26 29 35 37 38 42 50 59 67 68 69 80 85 87 88 96 97 99".split())


def _balanced(text: str) -> bool:
    return text.count("(") == text.count(")")


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def _is_ssn(text: str) -> bool:
    area, group, serial = re.findall("[0-9]+", text) if len(text) > 9 else _ssn_parts(text)
    return area not in {"000", "666"} and area < "900" and group != "00" and serial != "0000"


def _ssn_parts(text: str) -> tuple[str, str, str]:
    return text[:3], text[3:5], text[5:]


def _is_itin(text: str) -> bool:
    digits = _digits(text)
    group = int(digits[3:5])
    return 50 <= group <= 65 or 70 <= group <= 88 or 90 <= group <= 92 or 94 <= group <= 99


_CARD_SHAPES = frozenset({(4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 5, 5), (4, 4, 4, 4, 3), (4, 3, 3, 3)})


def _cards(raw: bytes, start: int, end: int) -> Iterator[Hit]:
    """The cards in a run of digits and separators, which may hold other numbers too."""
    groups = [
        (start + found.start(), found[0].decode())
        for found in re.finditer(rb"[0-9]+", raw[start:end])
    ]
    taken = 0
    for first, (left, head) in enumerate(groups):
        if left >= taken and head[0] in "123456":
            hit = _card(raw, groups[first : first + 19])
            if hit is not None:
                taken = hit.end
                yield hit


def _card(raw: bytes, groups: list[tuple[int, str]]) -> Hit | None:
    """The card that these groups of digits begin with."""
    digits = ""
    sizes: tuple[int, ...] = ()
    for at, group in groups:
        digits, sizes, end = digits + group, (*sizes, len(group)), at + len(group)
        if len(digits) > 19:
            return None
        likely = _card_shape(sizes) if len(digits) > 11 else 0.0
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
        or (size >= 12 and digits[:4] in {"5018", "5020", "5038", "5893", "6304", "6759", "6761", "6762", "6763"})
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


_IBAN = dict(
    (each[:2], int(each[2:]))
    for each in (
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 "
        "DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 "
        "IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 "
        "MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 "
        "SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"
    ).split()
)
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


def _addresses(raw: bytes, start: int, end: int) -> Iterator[Hit]:
    """An IPv4 address of the public network that is not the number of a version."""
    try:
        address = IPv4Address(raw[start:end].decode())
    except AddressValueError:
        return
    around = raw[max(start - 1, 0) : start] + raw[end : end + 1]
    dotted = raw[end : end + 1] == b"." and raw[end + 1 : end + 2].isdigit()
    glued = any(each in WORD + b"-." for each in raw[max(start - 1, 0) : start])
    if dotted or glued or raw[end : end + 1].isalnum() or raw[end : end + 1] in {b"-", b"_"}:
        return
    internal = (
        address.is_loopback or address.is_link_local or address.is_multicast
        or address.is_reserved or address in _PRIVATE or int(address) >> 24 == 0
    )  # fmt: skip
    if internal or stands_before(_VERSION, raw, start) or around[:1] == b"=":
        return
    yield Hit(start, end, 0.8)


class _Private:
    """The networks that anybody may use at home."""

    def __contains__(self, address: IPv4Address) -> bool:
        high = int(address) >> 16
        return high >> 8 == 10 or 0xAC10 <= high <= 0xAC1F or high == 0xC0A8


_PRIVATE = _Private()
_VERSION = (
    r"(?:\b(?:version|ver|v|release|rev|revision|build|firmware|upgrad(?:e|ed|ing)|updat(?:e|ed|ing)|"
    r"section|chapter|clause|oid|driver|bump(?:ed)?|sdk)\b[^\n.;]{0,24}|[=@/~^]=?)\z"
)


def _ipv6(raw: bytes, start: int, end: int) -> Iterator[Hit]:
    """An IPv6 address of the public network."""
    text = raw[start:end].decode()
    if raw[max(start - 1, 0) : start].isalnum() or raw[end : end + 1].isalnum():
        return
    try:
        IPv6Address(text.rstrip(":") if not text.endswith("::") else text)
    except AddressValueError:
        return
    if text.count(":") >= 3:
        yield Hit(start, end, 0.85)


_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()


def _is_birthday(text: str) -> bool:
    """Whether *text* is a day on which somebody alive may have been born."""
    month = next((at for at, name in enumerate(_MONTHS, 1) if name in text.lower()), 0)
    numbers = [int(each) for each in re.findall("[0-9]+", text)]
    year = max(numbers)
    days = [each for each in numbers if each != year] or [year]
    if month:
        return _is_day(year, month, days[0])
    return _is_day(year, days[0], days[-1]) or _is_day(year, days[-1], days[0])


def _is_day(year: int, month: int, day: int) -> bool:
    if year < 100:
        year += 1900
    try:
        return 1900 <= date(year, month, day).year < 2100
    except ValueError:
        return False


_BORN = (
    r"(?:\b(?:born|birth\s?date|date of birth|dob|d\.o\.b|birth\s?day|geboren|geburtsdatum|"
    r"n(?:e|ee) le|date de naissance|nat[oa] il|data di nascita|nascid[oa]|data de nascimento|"
    r"nacid[oa]|fecha de nacimiento)\b|birth_?date|date_of_birth|birthday|\xe5\x87\xba\xe7\x94\x9f|"
    r"\xe7\x94\x9f\xe5\xb9\xb4\xe6\x9c\x88\xe6\x97\xa5)"
)
_DATE = (
    r"(\d{4}[-/. ]\d{1,2}[-/. ]\d{1,2}|\d{1,2}[-/. ]\d{1,2}[-/. ]\d{2,4}|"
    r"\d{1,2}(?:st|nd|rd|th|\.)?(?: of)? (?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?,? \d{4}|"
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.? \d{1,2}(?:st|nd|rd|th)?,? \d{4})"
)
_STATE = (
    r"(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|"
    r"T[NX]|UT|V[AIT]|W[AIVY]|A[AEPS]|PR|GU|M[HP]|FM|PW)"
)
_POSTCODE = r"[A-Z]{1,2}\d[A-Z\d]? ?\d[ABD-HJLNP-UW-Z]{2}"


def _personal(type_: str, regex: str, **rest: object) -> Pattern:
    return Pattern(type_, Kind.PII, regex, **rest)  # type: ignore[arg-type] # passed on


_PHONE = (
    r"\b(?:phone|tel|telephone|mobile|cell|cellphone|fax|call|whatsapp|sms|dial|telefon|telefono|"
    r"mobil|movil|celular|cellulare|portable|handy|rufnummer)\b|phone_?number|"
    r"\xe7\x94\xb5\xe8\xaf\x9d|\xe9\x9b\xbb\xe8\xa9\xb1|\xe6\x89\x8b\xe6\x9c\xba"
)

_EXTENSION = r"(?:[ ,]{0,2}(?:x|ext\.?) ?\d{1,6})?"
_NAME = r"(?:[A-Z#0-9][A-Za-z0-9.'-]{0,23},?[ \n]{1,2})"
"""A word that names a place, or numbers one."""

PATTERNS = (
    _personal(
        "email",
        r"[A-Za-z0-9_][A-Za-z0-9._%+'-]{0,63}@(?:[A-Za-z0-9][A-Za-z0-9-]{0,62}\.){1,6}[A-Za-z]{2,24}",
        cue=r"[\w.%+'-]@[A-Za-z0-9-]+\.[A-Za-z0-9]",
        accept=_is_email,
        confidence=0.95,
    ),
    _personal(
        "phone",
        r"\+\d{1,3}[ .()/-]{0,3}\d(?:[ .()/-]{0,2}\d){5,13}" + _EXTENSION,
        cue=r"\+\d{1,3}[ .()/-]{0,3}\d(?:[ .()/-]{0,2}\d){5}",
        accept=_is_international,
        confidence=0.85,
    ),
    _personal(
        "phone",
        r"(?:(?:\+?1|001)[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[ .-])[2-9]\d\d[ .-]\d{4}"
        + _EXTENSION,
        cue=r"[2-9]\d\d\)? ?[ .-]?[2-9]\d\d[ .-]\d{4}",
        confidence=0.75,
        edges=WORD + b"-/#",
    ),
    _personal(
        "phone",
        r"(?i)(?:" + _PHONE + r")[^\n\d+(]{0,16}([(0-9][0-9]{1,7}(?:[ .()/-]{0,2}\d){4,13})",
        cue=r"(?i)(?:" + _PHONE + r")(?:[ :.,#-]+[a-z]+){0,3}[ :.#(+\"'=-]+\d",
        accept=_is_national,
        confidence=0.7,
    ),
    _personal(
        "card",
        r"\d(?:[ .-]?\d){11,99}",
        cue=r"\d(?:[ .-]?\d){11}",
        pick=_cards,
        overlap=40,
    ),
    _personal("us_ssn", r"\d{3}-\d{2}-\d{4}", accept=_is_ssn, confidence=0.9, edges=WORD + b"-"),
    _personal(
        "us_ssn",
        r"\d{3}[ .]?\d{2}[ .]?\d{4}",
        accept=_is_ssn,
        context=r"\b(?:ssn|social security|soc sec|ss#)",
        confidence=0.85,
        edges=WORD + b"-.",
    ),
    _personal(
        "us_ssn", r"\d{3} \d{2} \d{4}", accept=_is_ssn, confidence=0.6, edges=WORD + b"-."
    ),
    _personal(
        "us_itin", r"9\d{2}[ -]\d{2}[ -]\d{4}", accept=_is_itin, confidence=0.8, edges=WORD + b"-"
    ),
    _personal(
        "iban",
        r"[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,29}",
        cue=r"\b[A-Za-z]{2}\d{2}[ -]?[A-Za-z0-9]{4}",
        pick=_ibans,
    ),
    _personal("ip_address", r"\d{1,3}(?:\.\d{1,3}){3}", pick=_addresses),
    _personal(
        "ip_address",
        r"[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]{3,34}[0-9A-Fa-f:]",
        cue=r"[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]{4}",
        pick=_ipv6,
    ),
    _personal(
        "date_of_birth",
        r"(?i)" + _BORN + r"[^\n\d]{0,20}?" + _DATE,
        cue=r"(?i)" + _BORN,
        accept=_is_birthday,
    ),
    _personal(
        "address",
        r"(?:\d{1,6}|PO Box|P\.O\. Box|PSC|Unit|[A-Z]{4}) " + _NAME + r"{1,9}" + _STATE + r",? \d{5}(?:-\d{4})?",
        cue=r"[a-z]{2},?[ \n]" + _STATE + r",? \d{5}|[AFD]PO,? " + _STATE,
        confidence=0.85,
    ),
    _personal(
        "address",
        r"\d{1,4}[A-Za-z]? (?:[A-Z][A-Za-z'.-]{0,24},?[ \n]){2,8}" + _POSTCODE,
        cue=r"\b" + _POSTCODE,
        confidence=0.8,
    ),
    _personal(
        "address",
        r"(?i)[a-z\x80-\xff-]{2,30}(?:str(?:asse|\.)|weg|platz|allee|gasse|ring|damm) ?\d{1,4}[a-z]?"
        r",?[ \n]{1,2}\d{5} [a-z\x80-\xff]{2,30}",
        cue=r"(?i)(?:str(?:asse|\.)|weg|platz|allee|gasse|ring|damm) ?\d",
        confidence=0.8,
    ),
)
