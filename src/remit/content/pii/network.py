"""Addresses in the public network. Those that anybody may use at home name nobody."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from remit.content.pattern import WORD, Hit, personal, stands_before


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


PATTERNS = (
    personal("ip_address", r"\d{1,3}(?:\.\d{1,3}){3}", pick=_addresses),
    personal(
        "ip_address",
        r"[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]{3,34}[0-9A-Fa-f:]",
        cue=r"[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]{4}",
        pick=_ipv6,
    ),
)
