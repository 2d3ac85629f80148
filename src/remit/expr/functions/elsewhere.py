"""Functions that other parts of Remit provide.

They are known here so that a condition which calls one where it is missing is
told so. Whoever provides one gives the environment a function with the same
parameters.
"""

from __future__ import annotations

from remit.expr.function import Function

_SCANNERS = "a content scanner"

FUNCTIONS = (
    Function("pii(dyn) -> list(string)", doc="Personal data found.", provider=_SCANNERS),
    Function("secrets(dyn) -> list(string)", doc="Credentials found.", provider=_SCANNERS),
    Function(
        "injection(dyn) -> list(string)",
        doc="Signs of instructions hidden in data.",
        provider=_SCANNERS,
    ),
    Function(
        "origin(dyn) -> string", doc="Where a value came from.", provider="the tracking of origins"
    ),
    Function("used(string) -> dyn", doc="What a limit has counted so far.", provider="a meter"),
)
