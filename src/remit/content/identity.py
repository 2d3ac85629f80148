"""Passports and the national identity numbers of the ten largest economies, by their check digits.

Brazil, Canada, China, France, Germany, India, Italy, Japan, the United Kingdom; those of the
United States, which have no check digit, are in `personal`. A number whose check digit lets
one number in ten pass is not enough by itself: it needs a word that says what it is.
"""

from __future__ import annotations

from datetime import date

from remit.content import checkdigits
from remit.content.finding import Kind
from remit.content.pattern import WORD, Accept, Pattern

_LONE = WORD + b"-"


def _bare(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def _checked(check: Accept) -> Accept:
    return lambda text: check(_bare(text))


def _is_cn(text: str) -> bool:
    try:
        date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    return text[:2] in _PROVINCES and checkdigits.cn_resident(text)


_PROVINCES = frozenset(
    "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 "
    "71 81 82 83".split()
)


def _is_de_card(text: str) -> bool:
    return not text.isdigit() and checkdigits.icao(text[:9], text[9])


def _is_nino(text: str) -> bool:
    return _bare(text)[:2] not in {"BG", "GB", "NK", "KN", "TN", "NT", "ZZ"}


def _is_passport(text: str) -> bool:
    return 5 <= sum(map(str.isdigit, text)) and text.upper() == text


def _is_mrz(text: str) -> bool:
    """The second line of a passport's machine-readable zone."""
    return (
        checkdigits.icao(text[:9], text[9])
        and checkdigits.icao(text[13:19], text[19])
        and checkdigits.icao(text[21:27], text[27])
    )


def _identity(type_: str, regex: str, **rest: object) -> Pattern:
    return Pattern(type_, Kind.PII, regex, edges=_LONE, **rest)  # type: ignore[arg-type] # passed on


PATTERNS = (
    _identity(
        "cn_resident_id",
        r"[1-8]\d{5}(?:19|20)\d{2}[01]\d[0-3]\d\d{3}[0-9Xx]",
        accept=_is_cn,
        confidence=0.97,
    ),
    _identity(
        "de_tax_id",
        r"[1-9]\d ?\d{3} ?\d{3} ?\d{3}",
        accept=_checked(checkdigits.de_tax),
        context=r"steuer|\btin\b|tax.{0,3}id|idnr|identifikationsnummer|st-?id",
        confidence=0.9,
    ),
    _identity(
        "de_id_card",
        r"[CFGHJKLMNPRTVWXYZ][CFGHJKLMNPRTVWXYZ0-9]{8}\d",
        accept=_is_de_card,
        context=r"ausweis|\bid.?card|identity card",
    ),
    _identity(
        "jp_individual_number",
        r"\d{4}[ -]?\d{4}[ -]?\d{4}",
        accept=_checked(checkdigits.jp_individual),
        context=(
            r"my.?number|individual number|"
            r"\xe3\x83\x9e\xe3\x82\xa4\xe3\x83\x8a\xe3\x83\xb3\xe3\x83\x90\xe3\x83\xbc|"
            r"\xe5\x80\x8b\xe4\xba\xba\xe7\x95\xaa\xe5\x8f\xb7"
        ),
    ),
    _identity(
        "in_aadhaar",
        r"[2-9]\d{3}[ -]\d{4}[ -]\d{4}",
        accept=_checked(checkdigits.verhoeff),
        context=r"aa?dh?aa?r|uidai|\buid\b",
        bare=0.6,
    ),
    _identity(
        "in_aadhaar",
        r"[2-9]\d{11}",
        accept=checkdigits.verhoeff,
        context=r"aa?dh?aa?r|uidai|\buid\b",
    ),
    _identity(
        "in_pan",
        r"[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z]",
        context=r"\bpan\b|permanent account|income tax",
        bare=0.4,
    ),
    _identity(
        "gb_nino",
        r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]",
        accept=_is_nino,
        confidence=0.8,
    ),
    _identity(
        "gb_nhs",
        r"\d{3}[ -]?\d{3}[ -]?\d{4}",
        accept=_checked(checkdigits.gb_nhs),
        context=r"\bnhs\b|health service",
    ),
    _identity(
        "fr_nir",
        r"[1278] ?\d{2} ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}",
        accept=_checked(checkdigits.fr_nir),
    ),
    _identity(
        "it_fiscal_code",
        r"(?i)[A-Z]{6}[0-9LMNP-V]{2}[ABCDEHLMPRST][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z]",
        accept=checkdigits.it_fiscal,
        confidence=0.95,
    ),
    _identity(
        "br_cpf",
        r"\d{3}\.\d{3}\.\d{3}-\d{2}",
        accept=_checked(checkdigits.br_cpf),
        confidence=0.95,
    ),
    _identity("br_cpf", r"\d{11}", accept=checkdigits.br_cpf, context=r"\bcpf\b"),
    _identity(
        "ca_sin",
        r"[0-79]\d{2}[ -]?\d{3}[ -]?\d{3}",
        accept=_checked(checkdigits.luhn),
        context=r"\bsin\b|\bnas\b|social insurance|assurance sociale",
    ),
    _identity(
        "passport",
        r"(?:[Pp][Aa][Ss][Ss](?:[Pp][Oo][Rr][Tt]|[Ee][Pp][Oo][Rr][Tt]|[Aa][Pp][Oo][Rr][Tt][EeOo])|"
        r"[Rr]eisepass|\xe6\x8a\xa4\xe7\x85\xa7|\xe3\x83\x91\xe3\x82\xb9\xe3\x83\x9d\xe3\x83\xbc\xe3\x83\x88)"
        r"[^\n0-9]{0,24}?([A-Z]{0,2}[0-9][A-Z0-9]{4,7}[A-Z0-9]{1,2})",
        cue=r"(?i)passport|passeport|passaport|reisepass|\xe6\x8a\xa4\xe7\x85\xa7|\xe3\x83\x91\xe3\x82\xb9",
        accept=_is_passport,
        confidence=0.8,
    ),
    _identity(
        "passport",
        r"[A-Z0-9<]{9}\d[A-Z<]{3}\d{6}\d[MFX<]\d{6}\d[A-Z0-9<]{14}[0-9<]\d",
        cue=r"\d[A-Z<]{3}\d{7}[MFX<]\d{7}",
        accept=_is_mrz,
        confidence=0.98,
    ),
)
