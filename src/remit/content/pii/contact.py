"""Ways to reach people: e-mail addresses, telephone numbers, places."""

from __future__ import annotations

import re

from remit.content.pattern import WORD, number, personal, words

_NO_NAMES = words(
    "png jpg jpeg gif svg webp ico bmp pdf js ts css scss html htm json yaml yml toml xml md txt "
    "py rb rs go java kt php sh exe dll so zip gz tar log conf cfg ini lock service timer socket "
    "target mount local internal localdomain"
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


_COUNTRIES = words(
    "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 "
    "65 66 81 82 84 86 90 91 92 93 94 95 98"
)
_REGIONS = words("21 22 23 24 25 26 29 35 37 38 42 50 59 67 68 69 80 85 87 88 96 97 99")


def _balanced(text: str) -> bool:
    return text.count("(") == text.count(")")


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


_STATE = (
    r"(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|"
    r"T[NX]|UT|V[AIT]|W[AIVY]|A[AEPS]|PR|GU|M[HP]|FM|PW)"
)
_STRASSE = r"(?:str(?:asse|\.)|weg|platz|allee|gasse|ring|damm)"
_POSTCODE = r"[A-Z]{1,2}\d[A-Z\d]? ?\d[ABD-HJLNP-UW-Z]{2}"
_PHONE = (
    r"\b(?:phone|tel|telephone|mobile|cell|cellphone|fax|call|whatsapp|sms|dial|telefon|telefono|"
    r"mobil|movil|celular|cellulare|portable|handy|rufnummer)\b|phone_?number|"
    r"\xe7\x94\xb5\xe8\xaf\x9d|\xe9\x9b\xbb\xe8\xa9\xb1|\xe6\x89\x8b\xe6\x9c\xba"
)

_EXTENSION = r"(?:[ ,]{0,2}(?:x|ext\.?) ?\d{1,6})?"
_NAME = r"(?:[A-Z#0-9][A-Za-z0-9.'-]{0,23},?[ \n]{1,2})"
"""A word that names a place, or numbers one."""

PATTERNS = (
    personal(
        "email",
        r"[A-Za-z0-9_][A-Za-z0-9._%+'-]{0,63}@(?:[A-Za-z0-9][A-Za-z0-9-]{0,62}\.){1,6}[A-Za-z]{2,24}",
        cue=r"[\w.%+'-]@[A-Za-z0-9-]+\.[A-Za-z0-9]",
        accept=_is_email,
        confidence=0.95,
    ),
    personal(
        "phone",
        r"\+\d{1,3}[ .()/-]{0,3}\d(?:[ .()/-]{0,2}\d){5,13}" + _EXTENSION,
        cue=r"\+\d{1,3}[ .()/-]{0,3}\d(?:[ .()/-]{0,2}\d){5}",
        accept=_is_international,
        word=False,
        confidence=0.85,
    ),
    personal(
        "phone",
        r"(?:(?:\+?1|001)[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[ .-])[2-9]\d\d[ .-]\d{4}" + _EXTENSION,
        cue=number(10),
        word=False,
        confidence=0.75,
        edges=WORD + b"-/#",
    ),
    personal(
        "phone",
        r"(?i)(?:"
        + _PHONE
        + r")(?:[^\n\d+(a-z]{1,3}[a-z]{1,12}){0,3}[^\n\d+(a-z]{1,6}"
        + r"([(0-9][0-9]{1,7}(?:[ .()/-]{0,2}\d){4,13})",
        cue=r"(?i)(?:" + _PHONE + r")(?:[^\n\dA-Za-z]+[a-z]+){0,3}[^\n\dA-Za-z]+\d",
        accept=_is_national,
        word=False,
        confidence=0.7,
    ),
    personal(
        "address",
        r"(?:\d{1,6}|PO Box|P\.O\. Box|PSC|Unit|[A-Z]{4}) "
        + _NAME
        + r"{1,9}"
        + _STATE
        + r",? \d{5}(?:-\d{4})?",
        cue=r"[a-z]{2},?[ \n]" + _STATE + r",? \d{5}|[AFD]PO,? " + _STATE,
        confidence=0.85,
    ),
    personal(
        "address",
        r"\d{1,4}[A-Za-z]? (?:[A-Z][A-Za-z'.-]{0,24},?[ \n]){2,8}" + _POSTCODE,
        cue=r"\b" + _POSTCODE,
        confidence=0.8,
    ),
    personal(
        "address",
        rf"(?i)[a-z\x80-\xff-]{{2,30}}{_STRASSE} ?\d{{1,4}}[a-z]?"
        r",?[ \n]{1,2}\d{5} [a-z\x80-\xff]{2,30}",
        cue=rf"(?i){_STRASSE} ?\d",
        confidence=0.8,
    ),
)
