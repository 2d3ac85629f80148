"""One HTTP request with the standard library: no redirects, no proxies, a time limit, TLS."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from remit.approvers.channel import SECONDS, Undelivered

MOST = 1 << 20
"""Bytes of an answer that are read."""


def checked(url: str) -> SplitResult:
    """*url*, if it can be posted to without anybody reading along.

    Raises:
        ValueError: it cannot; plain HTTP is for this machine only.
    """
    parts = urlsplit(url)
    if not parts.hostname or parts.scheme not in {"http", "https"} or parts.username is not None:
        raise ValueError(f"{url!r} is no address to post to; write it like https://host/path")
    if parts.scheme == "http" and not _here(parts.hostname):
        raise ValueError(f"{url!r}: questions are told over https")
    return parts


def post(url: str, headers: Mapping[str, str], body: bytes, *, seconds: float = SECONDS) -> bytes:
    """What the server answers.

    Raises:
        Undelivered: it could not be reached, or answers with an error.
    """
    parts = checked(url)
    connection = _connect(parts, seconds)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", path, body, dict(headers))
        response = connection.getresponse()
        answer = response.read(MOST)
    except (OSError, HTTPException) as error:
        raise Undelivered(f"{parts.hostname} could not be reached: {error}") from error
    finally:
        connection.close()
    if not 200 <= response.status < 300:
        raise Undelivered(f"{parts.hostname} answered {response.status} {response.reason}")
    return answer


def _connect(parts: SplitResult, seconds: float) -> HTTPConnection:
    host = parts.hostname or ""
    if parts.scheme == "http":
        return HTTPConnection(host, parts.port, timeout=seconds)
    return HTTPSConnection(host, parts.port, timeout=seconds, context=ssl.create_default_context())


def _here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
