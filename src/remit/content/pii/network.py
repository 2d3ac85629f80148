"""Addresses in the public network. Those that anybody may use at home name nobody."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from remit.content.pattern import WORD, Hit, personal, stands_before


def _ipv4(raw: bytes, start: int, end: int) -> Iterator[Hit]:
    """An IPv4 address of the public network that is not the number of a version."""
    text = raw[start:end].rstrip(b".")
    end = start + len(text)
    before, after = raw[max(start - 1, 0) : start], raw[end : end + 1]
    if len(text) > 15 or _JOINED.intersection(before) or _JOINED_AFTER.intersection(after):
        return
    try:
        address = IPv4Address(text.decode())
    except AddressValueError:
        return
    if _is_public(address) and not stands_before(_VERSION, raw, start):
        yield Hit(start, end, 0.8)


_JOINED = frozenset(WORD + b"-.=")
_JOINED_AFTER = frozenset(WORD + b"-")


def _is_public(address: IPv4Address) -> bool:
    internal = address.is_loopback or address.is_link_local or int(address) >> 24 == 0
    return (
        not internal
        and not address.is_multicast
        and not address.is_reserved
        and (address not in _PRIVATE)
    )


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


PATTERNS = (
    personal(
        "ip_address",
        r"\d{1,3}(?:\.\d{1,3}){3}",
        cue=r"\b\d{1,3}(?:\.\d{1,3}){3}",
        more=r"0-9.",
        pick=_ipv4,
    ),
    personal(
        "ip_address",
        r"[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]{3,34}[0-9A-Fa-f:]",
        cue=r"\b[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]{4}",
        pick=_ipv6,
    ),
)
