"""Domains that are looked for in texts."""

from __future__ import annotations

import re

from remit.policy.check.pitfalls.comparison import Comparison

_DOMAIN = re.compile(r"(?:[a-z0-9-]+\.)+[a-z]{2,}", re.IGNORECASE)
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#]+", re.IGNORECASE)
_COMMON = frozenset(
    {"com", "org", "net", "edu", "gov", "mil", "int", "io", "dev", "ai", "app", "co", "cloud"}
    | {"eu", "uk", "us", "de", "fr", "nl", "ch", "at", "es", "it", "jp", "cn", "in", "au", "ca"}
    | {"br", "info", "biz", "example", "test", "internal", "local"}
)
"""Ends of domains. Others are taken for such where what is compared is called a URL or a host."""
_URL = frozenset({"url", "uri", "link", "href", "webhook", "callback", "endpoint", "redirect"})
_HOST = frozenset({"host", "hostname", "domain", "server", "site", "origin"})
_MAIL = frozenset({"to", "from", "cc", "bcc", "email", "mail", "recipient", "sender", "address"})


def host_in_text(comparison: Comparison) -> str:
    """A text that is to show where something goes, and that others can have as well."""
    if not comparison.grants:
        return ""
    domain = comparison.text.lstrip(".@")
    words = comparison.words
    if comparison.sign == "startsWith" and _ORIGIN.fullmatch(comparison.text):
        return (
            f"also holds for {comparison.text + '.evil.example'!r}; "
            "compare url.host(), or end it with '/'"
        )
    if not _DOMAIN.fullmatch(domain):
        return ""
    if domain.rpartition(".")[2].lower() not in _COMMON and not words & (_URL | _HOST | _MAIL):
        return ""
    if comparison.sign == "contains":
        return f"also holds for '{domain}.evil.example'; {_cure(comparison, domain)}"
    if comparison.sign != "endsWith":
        return ""
    if words & _URL and comparison.function != "url.host":
        return f"also holds for 'https://evil.example/{domain}'; {_cure(comparison, domain)}"
    if comparison.text == domain:
        return f"also holds for 'evil{domain}'; {_cure(comparison, domain)}"
    return ""


def _cure(comparison: Comparison, domain: str) -> str:
    if comparison.function == "url.host" or comparison.words & _HOST:
        return f'write == "{domain}", or endsWith(".{domain}") for what is below it'
    if comparison.words & _MAIL:
        return f'write endsWith("@{domain}")'
    return f'compare the host: url.host(...) == "{domain}", or endsWith(".{domain}")'
