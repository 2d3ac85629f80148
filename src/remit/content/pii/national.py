"""Passports and the national identity numbers of the ten largest economies, by their check digits.

Those of the United States have no check digit, and are known by their form. A number whose
check digit lets one number in ten pass is not enough by itself: it needs a word that says
what it is.
"""

from __future__ import annotations

import re
from datetime import date

from remit.content import checkdigits
from remit.content.pattern import WORD, Accept, number, personal, words

_LONE = WORD + b"-"


def _is_ssn(text: str) -> bool:
    area, group, serial = re.findall("[0-9]+", text) if len(text) > 9 else _ssn_parts(text)
    return area not in {"000", "666"} and area < "900" and group != "00" and serial != "0000"


def _ssn_parts(text: str) -> tuple[str, str, str]:
    return text[:3], text[3:5], text[5:]


def _is_itin(text: str) -> bool:
    digits = _digits(text)
    group = int(digits[3:5])
    return 50 <= group <= 65 or 70 <= group <= 88 or 90 <= group <= 92 or 94 <= group <= 99


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


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


_PROVINCES = words(
    "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 "
    "71 81 82 83"
)


def _is_de_card(text: str) -> bool:
    return not text.isdigit() and checkdigits.icao(text[:9], text[9])


def _is_nino(text: str) -> bool:
    return _bare(text)[:2] not in {"BG", "GB", "NK", "KN", "TN", "NT", "ZZ"}


def _is_passport(text: str) -> bool:
    return sum(map(str.isdigit, text)) >= 5 and text.upper() == text


def _is_mrz(text: str) -> bool:
    """The second line of a passport's machine-readable zone."""
    return (
        checkdigits.icao(text[:9], text[9])
        and checkdigits.icao(text[13:19], text[19])
        and checkdigits.icao(text[21:27], text[27])
    )


PATTERNS = (
    personal(
        "us_ssn",
        r"\d{3}-\d{2}-\d{4}",
        cue=r"\b\d{3}[ -]\d{2}[ -]\d{4}\b",
        accept=_is_ssn,
        confidence=0.9,
        edges=WORD + b"-",
    ),
    personal(
        "us_ssn",
        r"\d{3}[ .]?\d{2}[ .]?\d{4}",
        accept=_is_ssn,
        context=r"(?:\b|_)(?:ssn|social.?security|soc sec|ss#)",
        confidence=0.85,
        edges=WORD + b"-.",
    ),
    personal(
        "us_ssn",
        r"\d{3} \d{2} \d{4}",
        cue=r"\b\d{3}[ -]\d{2}[ -]\d{4}\b",
        accept=_is_ssn,
        confidence=0.6,
        edges=WORD + b"-.",
    ),
    personal(
        "us_itin",
        r"9\d{2}[ -]\d{2}[ -]\d{4}",
        cue=r"\b\d{3}[ -]\d{2}[ -]\d{4}\b",
        accept=_is_itin,
        confidence=0.8,
        edges=WORD + b"-",
    ),
    personal(
        "cn_resident_id",
        r"[1-8]\d{5}(?:19|20)\d{2}[01]\d[0-3]\d\d{3}[0-9Xx]",
        cue=r"\b\d{17}[0-9Xx]\b",
        accept=_is_cn,
        confidence=0.97,
    ),
    personal(
        "de_tax_id",
        r"[1-9]\d ?\d{3} ?\d{3} ?\d{3}",
        accept=_checked(checkdigits.de_tax),
        context=r"steuer|(?:\b|_)tin(?:\b|_)|tax.{0,3}id|idnr|identifikationsnummer|st-?id",
        confidence=0.9,
    ),
    personal(
        "de_id_card",
        r"[CFGHJKLMNPRTVWXYZ][CFGHJKLMNPRTVWXYZ0-9]{8}\d",
        accept=_is_de_card,
        context=r"ausweis|(?:\b|_)id.?card|identity.?card",
    ),
    personal(
        "jp_individual_number",
        r"\d{4}[ -]?\d{4}[ -]?\d{4}",
        accept=_checked(checkdigits.jp_individual),
        context=(
            r"my.?number|individual.?number|"
            r"\xe3\x83\x9e\xe3\x82\xa4\xe3\x83\x8a\xe3\x83\xb3\xe3\x83\x90\xe3\x83\xbc|"
            r"\xe5\x80\x8b\xe4\xba\xba\xe7\x95\xaa\xe5\x8f\xb7"
        ),
    ),
    personal(
        "in_aadhaar",
        r"[2-9]\d{3}[ -]\d{4}[ -]\d{4}",
        cue=r"\b\d{4}[ -]\d{4}[ -]\d{4}\b",
        accept=_checked(checkdigits.verhoeff),
        context=r"aa?dh?aa?r|uidai|(?:\b|_)uid(?:\b|_)",
        bare=0.6,
    ),
    personal(
        "in_aadhaar",
        r"[2-9]\d{11}",
        accept=checkdigits.verhoeff,
        context=r"aa?dh?aa?r|uidai|(?:\b|_)uid(?:\b|_)",
    ),
    personal(
        "in_pan",
        r"[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z]",
        context=r"(?:\b|_)pan(?:\b|_)|permanent.?account|income.?tax",
        bare=0.4,
    ),
    personal(
        "gb_nino",
        r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]",
        accept=_is_nino,
        confidence=0.8,
    ),
    personal(
        "gb_nhs",
        r"\d{3}[ -]?\d{3}[ -]?\d{4}",
        accept=_checked(checkdigits.gb_nhs),
        context=r"(?:\b|_)nhs(?:\b|_)|health.?service",
    ),
    personal(
        "fr_nir",
        r"[1278] ?\d{2} ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}",
        cue=number(13),
        accept=_checked(checkdigits.fr_nir),
    ),
    personal(
        "it_fiscal_code",
        r"(?i)[A-Z]{6}[0-9LMNP-V]{2}[ABCDEHLMPRST][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z]",
        accept=checkdigits.it_fiscal,
        confidence=0.95,
        needs=b"",  # letters stand for its digits where two people would have the same
    ),
    personal(
        "br_cpf",
        r"\d{3}\.\d{3}\.\d{3}-\d{2}",
        cue=r"\b\d{3}\.\d{3}\.\d{3}-\d{2}\b",
        accept=_checked(checkdigits.br_cpf),
        confidence=0.95,
    ),
    personal("br_cpf", r"\d{11}", accept=checkdigits.br_cpf, context=r"(?:\b|_)cpf(?:\b|_)"),
    personal(
        "ca_sin",
        r"[0-79]\d{2}[ -]?\d{3}[ -]?\d{3}",
        accept=_checked(checkdigits.luhn),
        context=r"(?:\b|_)sin(?:\b|_)|(?:\b|_)nas(?:\b|_)|social.?insurance|assurance sociale",
    ),
    personal(
        "passport",
        r"(?:[Pp][Aa][Ss][Ss](?:[Pp][Oo][Rr][Tt]|[Ee][Pp][Oo][Rr][Tt]|[Aa][Pp][Oo][Rr][Tt][EeOo])|"
        r"[Rr]eisepass|\xe6\x8a\xa4\xe7\x85\xa7|\xe3\x83\x91\xe3\x82\xb9\xe3\x83\x9d\xe3\x83\xbc\xe3\x83\x88)"
        r"[^\n0-9]{0,24}?([A-Z]{0,2}[0-9][A-Z0-9]{4,7}[A-Z0-9]{1,2})",
        cue=r"(?i)passport|passeport|passaport|reisepass|\xe6\x8a\xa4\xe7\x85\xa7|\xe3\x83\x91\xe3\x82\xb9",
        accept=_is_passport,
        confidence=0.8,
    ),
    personal(
        "passport",
        r"[A-Z0-9<]{9}\d[A-Z<]{3}\d{6}\d[MFX<]\d{6}\d[A-Z0-9<]{14}[0-9<]\d",
        cue=r"[A-Z<]{3}\d{7}[MFX<]\d{7}",
        accept=_is_mrz,
        confidence=0.98,
    ),
)
