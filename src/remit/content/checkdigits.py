"""Check digits: what tells a number of a kind from any other number of its length.

Each function takes the characters of a number without separators.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def luhn(digits: str) -> bool:
    """ISO/IEC 7812: payment cards, Canadian social insurance numbers."""
    odd = sum(map(int, digits[-1::-2]))
    even = sum(_DOUBLED[int(each)] for each in digits[-2::-2])
    return (odd + even) % 10 == 0


_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def mod97(iban: str) -> bool:
    """ISO 13616: the first four characters go to the end, and letters count from 10."""
    return int("".join(str(int(each, 36)) for each in iban[4:] + iban[:4])) % 97 == 1


def verhoeff(digits: str) -> bool:
    """Aadhaar numbers: the dihedral group of ten elements."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        check = _product(check, _permuted(int(digit), place % 8))
    return check == 0


def _product(left: int, right: int) -> int:
    """Of rotations (0 to 4) and reflections (5 to 9) of a pentagon."""
    turn = (left + right) if left < 5 else (left - right)
    return turn % 5 + 5 * ((left < 5) != (right < 5))


def _permuted(digit: int, times: int) -> int:
    for _ in range(times):
        digit = _PERMUTATION[digit]
    return digit


_PERMUTATION = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def weighted(digits: Iterable[str], weights: Sequence[int]) -> int:
    """The sum of digits, each times its weight."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))


def cn_resident(number: str) -> bool:
    """ISO 7064 MOD 11-2; the check character may be an X."""
    weights = [2 ** (17 - place) % 11 for place in range(17)]
    return "10X98765432"[weighted(number[:17], weights) % 11] == number[17].upper()


def de_tax(digits: str) -> bool:
    """ISO 7064 MOD 11,10; of the first ten digits one is there twice or thrice."""
    counts = sorted(digits.count(each) for each in set(digits[:10]))
    often = max(digits[:10].count(each) for each in set(digits[:10]))
    if digits[0] == "0" or often not in {2, 3} or len(counts) < 8:
        return False
    product = 10
    for digit in digits[:10]:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(digits[10])


def icao(text: str, check: str) -> bool:
    """ICAO 9303: passports and identity cards; letters count from 10, and `<` for nothing."""
    total = sum(
        (0 if each == "<" else int(each, 36)) * (7, 3, 1)[place % 3]
        for place, each in enumerate(text)
    )
    return str(total % 10) == check


def jp_individual(digits: str) -> bool:
    """Japanese individual numbers."""
    rest = weighted(digits[:11], (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return (0 if rest <= 1 else 11 - rest) == int(digits[11])


def gb_nhs(digits: str) -> bool:
    """British health service numbers."""
    check = 11 - weighted(digits[:9], range(10, 1, -1)) % 11
    return check % 11 == int(digits[9])


def fr_nir(number: str) -> bool:
    """French social security numbers; the departments of Corsica have a letter."""
    body = number[:13].upper().replace("2A", "19").replace("2B", "18")
    return body.isdigit() and 97 - int(body) % 97 == int(number[13:])


def it_fiscal(code: str) -> bool:
    """Italian tax codes."""
    code = code.upper()
    odd = sum(_ODD[int(each, 36) if each.isdigit() else ord(each) - 65] for each in code[:15:2])
    even = sum(int(each) if each.isdigit() else ord(each) - 65 for each in code[1:15:2])
    return chr(65 + (odd + even) % 26) == code[15]


_ODD = (
    1,
    0,
    5,
    7,
    9,
    13,
    15,
    17,
    19,
    21,
    2,
    4,
    18,
    20,
    11,
    3,
    6,
    8,
    12,
    14,
    16,
    10,
    22,
    25,
    24,
    23,
)


def br_cpf(digits: str) -> bool:
    """Brazilian taxpayer numbers; eleven times the same digit is none."""
    if digits == digits[0] * 11:
        return False
    first = weighted(digits[:9], range(10, 1, -1)) * 10 % 11 % 10
    second = weighted(digits[:10], range(11, 1, -1)) * 10 % 11 % 10
    return digits[9:] == f"{first}{second}"


def base58(text: str) -> bytes | None:
    """What *text* encodes in Base58Check; None if the check fails."""
    from hashlib import sha256

    number = 0
    for each in text:
        number = number * 58 + _BASE58.index(each)
    found = number.to_bytes(max((number.bit_length() + 7) // 8, 5))
    body, check = found[:-4], found[-4:]
    return body if sha256(sha256(body).digest()).digest()[:4] == check else None


_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
