"""Each scanner as one function: from a text to the kinds of things it found there."""

# ruff: noqa: SLF001 - what they scan with is private in two of them
from __future__ import annotations

from collections.abc import Callable

Find = Callable[[str], set[str]]


def remit() -> tuple[Find, str]:
    from remit import __version__
    from remit.content import scanner

    everything = scanner()
    return lambda text: {each.kind.value for each in everything.find(text)}, __version__


def of_kind(kind: str) -> Callable[[], tuple[Find, str]]:
    """Remit, asked about one kind only."""

    def make() -> tuple[Find, str]:
        from remit import __version__
        from remit.content import Kind, scanner

        one = scanner(Kind(kind))
        return lambda text: {each.kind.value for each in one.find(text)}, __version__

    return make


def floor() -> tuple[Find, str]:
    """The passes that Remit makes over every text, and nothing else."""
    from remit import __version__
    from remit.content import scanner

    sets = [(needs, cues) for needs, cues, _ in scanner()._cues]

    def find(text: str) -> set[str]:
        raw = text.encode()
        due = (cues for needs, cues in sets if not needs or any(each in raw for each in needs))
        return {str(cues.Match(raw)) for cues in due}

    return find, __version__


def execlave() -> tuple[Find, str]:
    from importlib.metadata import version

    from execlave.client import Execlave

    client = Execlave.__new__(Execlave)

    def find(text: str) -> set[str]:
        personal = {name for name, _ in client._detect_pii(text)}
        kinds = {"secret" if "key" in name else "pii" for name in personal}
        return kinds | (
            {"injection"} if client._scan_injection({"input": text})["detected"] else set()
        )

    return find, version("execlave-sdk")


def aegis() -> tuple[Find, str]:
    from importlib.metadata import version

    from aegis.guardrails.injection import InjectionGuardrail
    from aegis.guardrails.pii import PIIGuardrail

    personal, injection = PIIGuardrail(), InjectionGuardrail()

    def find(text: str) -> set[str]:
        found = personal.check(text).categories_found
        kinds = {"secret" if _secret(name) else "pii" for name in found}
        return kinds | (set() if injection.check(text).passed else {"injection"})

    return find, version("agent-aegis")


def _secret(name: str) -> bool:
    return any(part in name.lower() for part in ("key", "secret", "token", "password"))


def waxell() -> tuple[Find, str]:
    from importlib.metadata import version

    from waxell_observe.instrumentors import _guard

    detectors = {
        "pii": _guard._detect_pii,
        "secret": _guard._detect_credentials,
        "injection": _guard._detect_injection,
    }
    return lambda text: {k for k, detect in detectors.items() if detect(text)}, version(
        "waxell-observe"
    )


def datafog() -> tuple[Find, str]:
    from importlib.metadata import version

    from datafog.engine import scan

    plain = {"DATE", "ZIP_CODE", "DE_POSTAL_CODE"}

    def find(text: str) -> set[str]:
        found = {each.type for each in scan(text, engine="regex").entities}
        return {"pii"} if found - plain else set()

    return find, version("datafog")


PEERS: dict[str, tuple[Callable[[], tuple[Find, str]], frozenset[str]]] = {
    "remit": (remit, frozenset({"pii", "secret", "injection"})),
    "execlave": (execlave, frozenset({"pii", "secret", "injection"})),
    "aegis": (aegis, frozenset({"pii", "secret", "injection"})),
    "waxell": (waxell, frozenset({"pii", "secret", "injection"})),
    "datafog": (datafog, frozenset({"pii"})),
}
"""How each is made, and the kinds of things it looks for."""

PARTS = {
    "floor": floor,
    "pii": of_kind("pii"),
    "secret": of_kind("secret"),
    "injection": of_kind("injection"),
}
"""What only takes time, and is no peer."""
