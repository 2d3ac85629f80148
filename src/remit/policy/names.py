r"""When two names are the same name.

Names are compared as they are *spelled*: without surrounding space, NFKC, without
characters nobody can see, case-folded. `delete\u200b_user`, `DELETE_USER` and the
full-width form are all `delete_user`.

A rule that denies or asks also sees what a name *looks like*: letters of other
scripts become the ASCII letters they are mistaken for (Unicode TR 39), accents
go, and what is alike within ASCII becomes one (`l 1 I |`, `0 o`, `rn m`). An
allow never does: a look-alike of an allowed name is another name.

The table of look-alikes is read when the first name comes that is not ASCII.
"""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache

LONGEST = 4096
"""A longer name is not compared: whoever sends it gets the stricter answer."""

# Default_Ignorable_Code_Point (Unicode 16) where the category alone does not say it, and the
# empty Braille pattern, which fonts draw as a space that is not one.
_UNSEEN = frozenset(
    chr(code)
    for first, last in (
        (0x034F, 0x034F),
        (0x115F, 0x1160),
        (0x17B4, 0x17B5),
        (0x180B, 0x180F),
        (0x2065, 0x2065),
        (0x2800, 0x2800),
        (0x3164, 0x3164),
        (0xFE00, 0xFE0F),
        (0xFFA0, 0xFFA0),
        (0xFFF0, 0xFFF8),
        (0xE0000, 0xE0FFF),
    )
    for code in range(first, last + 1)
)
_UNSEEN_CATEGORIES = frozenset({"Cc", "Cf", "Zl", "Zp"})

_ALIKE_IN_ASCII = str.maketrans(
    {"i": "l", "1": "l", "|": "l", "0": "o", "m": "rn", "`": "'", '"': "''"}
    # What only looks like a wildcard must not become one.
    | {"*": "\u2217", "?": "\u2047"}
)


def spell(name: str) -> str:
    """The form in which names are compared."""
    return fold(name).strip()


def fold(text: str) -> str:
    """The spelling of a part of a name: space at its ends counts."""
    if text.isascii():
        return (text if text.isprintable() else _visible(text)).lower()
    text = _visible(unicodedata.normalize("NFKC", _visible(text)))
    return unicodedata.normalize("NFKC", text.casefold())


def looks(name: str) -> tuple[str, str]:
    """What *name* can be mistaken for, by what is drawn and by what is meant.

    They differ where a character is the compatibility form of one letter and looks
    like another: U+017F is an s that looks like an f.
    """
    return drawn(name).strip(), meant(name).strip()


def drawn(text: str) -> str:
    """A part of a name as what it looks like."""
    return _merge("".join(map(_drawn, _base(_visible(text)))))


def meant(text: str) -> str:
    """A part of a name as what it stands for, and only then as what it looks like."""
    return _merge("".join(map(_meant, _base(_visible(text)))))


def _visible(text: str) -> str:
    return "".join(
        c for c in text if c not in _UNSEEN and unicodedata.category(c) not in _UNSEEN_CATEGORIES
    )


def _merge(text: str) -> str:
    return text.translate(_ALIKE_IN_ASCII)


@lru_cache(4096)
def _drawn(char: str) -> str:
    """What *char* looks like, or else what it stands for."""
    if char.isascii():
        return char.lower()
    return _ascii_like(char) or _stands_for(char)


@lru_cache(4096)
def _meant(char: str) -> str:
    """What *char* stands for, where that is ASCII, or else what it looks like."""
    spelled = _base(spell(char))
    return spelled if spelled.isascii() else _drawn(char)


def _stands_for(char: str) -> str:
    """The parts of *char*, each as what it looks like, or as one of those that look like it."""
    parts = _base(spell(char))
    return "".join(c if c.isascii() else _ascii_like(c) or min(_class_of(c)) for c in parts)


def _ascii_like(char: str) -> str:
    alike = _class_of(char)
    cased = [form for each in alike for form in (each.upper(), each.casefold())]
    related = (member for form in cased for member in _class_of(form))
    for candidate in (*alike, *related):
        base = _base(candidate)
        if base and base.isascii():
            return base.lower()
    return ""


def _base(text: str) -> str:
    """*text* without its accents."""
    decomposed = unicodedata.normalize("NFD", text)
    return "".join(c for c in decomposed if unicodedata.category(c) not in {"Mn", "Me"})


def _class_of(text: str) -> tuple[str, ...]:
    """*text* and all it can be mistaken for, the nearest first."""
    table = _look_alikes()
    found = {text: None}
    queue = [text]
    for each in queue:
        near = [entry["c"] for entry in table.get(each, ()) if entry["c"] not in found]
        found.update(dict.fromkeys(near))
        queue.extend(near)
    return tuple(found)


@cache
def _look_alikes() -> dict[str, list[dict[str, str]]]:
    from confusable_homoglyphs.confusables import confusables_data

    table: dict[str, list[dict[str, str]]] = confusables_data
    return table
