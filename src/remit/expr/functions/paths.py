"""Where a file is, judged by its name alone."""

from __future__ import annotations

from remit.expr.errors import EvalError
from remit.expr.function import function
from remit.expr.values import show


def _parts(path: str) -> list[str]:
    """The names on the way from the root to *path*, with `.` and `..` worked out."""
    if "\0" in path:
        raise EvalError(f"{show(path)} has a NUL character")
    if not path.startswith("/"):
        raise EvalError(f"{show(path)} is not absolute, and there is nothing to resolve it against")
    parts: list[str] = []
    for name in path.split("/"):
        if name == "..":
            del parts[-1:]
        elif name not in ("", "."):
            parts.append(name)
    return parts


@function("path.within(string, string) -> bool", literals={1: _parts})
def within(path: str, root: str) -> bool:
    """Whether *path* is *root* or below it, after `..`, `.` and doubled slashes are worked out.

    Only the text is looked at: symbolic links are not followed, so a tool that
    follows them needs a root without any that lead out. Percent signs and
    backslashes are characters like others, upper and lower case differ. A path
    that is relative or holds NUL is an error.
    """
    parts, above = _parts(path), _parts(root)
    return parts[: len(above)] == above


FUNCTIONS = within
