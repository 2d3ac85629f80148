"""Where a package lets go of what it sends, and takes what comes back.

A seam is tested before anything is put into it: a package whose inside has changed is an
error when it is instrumented or imported, and not a program that is quietly not watched.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from types import ModuleType
from typing import Any, Protocol

from remit.errors import Incompatible
from remit.models.terms import Terms


class Seam(Protocol):
    """How one package is instrumented."""

    module: str
    """The module in which it is done."""

    def open(self, module: ModuleType, terms: Callable[[], Terms], /) -> None:
        """Put watching in place.

        Raises:
            Incompatible: the package is not built as expected.
        """
        ...

    def close(self) -> None:
        """Put the package back as it was."""
        ...


class Patches:
    """Attributes that have been replaced, and what they were."""

    def __init__(self) -> None:
        self._were: list[tuple[Any, str, Any]] = []

    def put(self, owner: Any, name: str, value: Any) -> None:
        """Replace an attribute."""
        self._were.append((owner, name, owner.__dict__[name]))
        setattr(owner, name, value)

    def undo(self) -> None:
        """Put back what has been replaced, the last first."""
        while self._were:
            owner, name, value = self._were.pop()
            setattr(owner, name, value)


class Expected:
    """Collects what a package does not have."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self.missing: list[str] = []

    def has(self, path: str) -> Any:
        """What the module has at *path*."""
        found: Any = self._module
        for name in path.split("."):
            found = found.__dict__.get(name) if hasattr(found, "__dict__") else None
            if found is None:
                self.missing.append(path)
                return None
        return found

    def method(
        self, path: str, *parameters: str, asynchronous: bool = False, calls: str = ""
    ) -> Any:
        """The method at *path*, which takes *parameters* and *calls* another."""
        found = self.has(path)
        if not inspect.isfunction(found):
            return found
        taken = inspect.signature(found).parameters
        lacking = [name for name in parameters if name not in taken]
        if lacking:
            self.missing.append(f"{path}({', '.join(lacking)})")
        if inspect.iscoroutinefunction(found) != asynchronous:
            self.missing.append(f"{path}, {'asynchronous' if asynchronous else 'synchronous'}")
        if calls and calls not in _names(found.__code__.co_names, found.__code__.co_consts):
            self.missing.append(f"{path} that calls {calls}")
        return found

    def require(self, package: str) -> None:
        """Fail loudly if anything is missing."""
        if not self.missing:
            return
        version = _version(package)
        lacks = "; ".join(dict.fromkeys(self.missing))
        raise Incompatible(
            f"{package} {version} cannot be instrumented: {self._module.__name__} has no {lacks}"
        )


def _names(names: Collection[str], constants: Collection[Any]) -> set[str]:
    """The names that code uses, with those that functions inside of it do."""
    inner = [each for each in constants if hasattr(each, "co_names")]
    return set(names).union(*(_names(each.co_names, each.co_consts) for each in inner))


def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return "(of unknown version)"
