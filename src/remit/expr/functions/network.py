"""Hosts of URLs, and networks.

Whatever two programs might read differently is an error here: a policy that
guesses is a policy that can be talked around.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_network
from typing import TypeAlias

import msgspec

from remit.expr.errors import EvalError
from remit.expr.function import abstract, function
from remit.expr.values import show

Address: TypeAlias = IPv4Address | IPv6Address

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://([^/?#]*)")
_AUTHORITY = re.compile(r"(?:([^@]*)@)?(\[[^\[\]@]*\]|[^:@\[\]]*)(?::([0-9]*))?")
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2028\u2029]")
_LONGEST = 253
_HOST = re.compile(r"[a-z0-9_\-]+(?:\.[a-z0-9_\-]+)*")
_NUMERIC = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
# The older IDNA of the standard library maps these away; the newer one keeps them.
_DEVIATING = re.compile("[\u00df\u03c2\u200c\u200d\u1e9e]")


class Cidr(msgspec.Struct, frozen=True):
    """A network of IP addresses: those from `first` to `last`, as numbers."""

    version: int
    first: int
    last: int


abstract("cidr", Cidr)


@function("url.host(string) -> string")
def host(url: str) -> str:
    """The host of an absolute URL, in one spelling: lower case, ASCII, no trailing dot.

    User names, passwords and ports are left out; international names become
    their `xn--` form; IPv6 addresses lose their brackets. It is an error if there
    is no host, or one that programs disagree about: white space, control
    characters or a backslash anywhere, two `@`, percent-encoding in the host,
    numbers that are no plain IPv4 address (`0x7f.1`, `2130706433`), names that the two
    versions of IDNA spell differently.
    """
    if _UNSAFE.search(url):
        raise EvalError(f"{show(url)} holds white space, a control character or a backslash")
    found = _URL.match(url)
    authority = _AUTHORITY.fullmatch(found[1]) if found else None
    if authority is None or not authority[2]:
        raise EvalError(f"{show(url)} has no host that can be told for sure")
    name = authority[2]
    if name.startswith("["):
        return _address(name[1:-1], IPv6Address, url)
    ascii_name = _ascii(name, url)
    if _NUMERIC.fullmatch(ascii_name):
        return _address(ascii_name, IPv4Address, url)
    return ascii_name


def _address(text: str, version: type[Address], url: str) -> str:
    try:
        address = version(text)
    except AddressValueError:
        raise EvalError(f"the host of {show(url)} is no IP address") from None
    if "%" in text:
        raise EvalError(f"the host of {show(url)} names a zone of this machine")
    return str(address)


def _ascii(name: str, url: str) -> str:
    if not name.isascii():
        if _DEVIATING.search(name) or len(name) > _LONGEST:
            raise EvalError(f"the host of {show(url)} is spelled differently by different programs")
        try:
            name = name.encode("idna").decode()
        except UnicodeError:
            raise EvalError(f"the host of {show(url)} is no domain name") from None
    name = name.lower().removesuffix(".")
    if len(name) > _LONGEST or not _HOST.fullmatch(name):
        raise EvalError(f"the host of {show(url)} is no domain name")
    return name


def _range(text: str) -> Cidr:
    """The addresses that *text* names: one, or a network of them."""
    if not isinstance(text, str) or "%" in text or not text.isascii():
        raise EvalError(f"{show(text)} is no IP address or network")
    try:
        if "/" in text:
            network = ip_network(text)
            return _plain(network.version, int(network[0]), int(network[-1]))
        address = IPv6Address(text) if ":" in text else IPv4Address(text)
        return _plain(address.version, int(address), int(address))
    except ValueError as error:
        raise EvalError(f"{show(text)} is no IP address or network: {error}") from None


def _plain(version: int, first: int, last: int) -> Cidr:
    """The range, as IPv4 if all of it is IPv4 inside IPv6: `::ffff:0:0/96`."""
    if version == 6 and first >> 32 == last >> 32 == 0xFFFF:
        return Cidr(4, first & 0xFFFF_FFFF, last & 0xFFFF_FFFF)
    return Cidr(version, first, last)


@function("cidr(string) -> cidr", literals={0: _range})
def cidr(text: str) -> Cidr:
    """The network `10.0.0.0/8`, or the single address `10.0.0.1`.

    An IPv4 network written inside IPv6 (`::ffff:10.0.0.0/104`) is that IPv4
    network. Bits set to the right of the prefix are an error.
    """
    return _range(text)


@function("cidr.contains(string) -> bool", literals={1: _range})
def contains(cidr: Cidr, address: str) -> bool:
    """Whether the address, or the whole of the network, is in this network.

    `::ffff:10.0.0.1` is `10.0.0.1`. An IPv6 address is never in an IPv4 network.
    What is no address is an error, a host name included.
    """
    return _inside(_range(address), cidr)


@function("cidr.contains(cidr) -> bool")
def contains_network(cidr: Cidr, other: Cidr) -> bool:
    """Whether the whole of the other network is in this one."""
    return _inside(other, cidr)


def _inside(inner: Cidr, outer: Cidr) -> bool:
    same = inner.version == outer.version
    return same and outer.first <= inner.first and inner.last <= outer.last


FUNCTIONS = (*host, *cidr, *contains, *contains_network)
