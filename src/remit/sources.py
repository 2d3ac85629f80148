"""Where policies come from: files, and folders of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from remit.errors import PolicyError
from remit.policy import Document, Policy
from remit.policy.load import load as load_document

StrPath: TypeAlias = str | os.PathLike[str]

SUFFIXES = (".yaml", ".yml")
TESTS = ("remit-test.yaml", "remit-test.yml")
"""How the names of policy tests end, which may lie beside policies and are none."""


def load(*paths: StrPath) -> Policy:
    """The policy made of these files, and of the `*.yaml` and `*.yml` files of these folders.

    Every file is a layer, and the strictest layer wins. Policy tests
    (`*remit-test.yaml`) in a folder are passed over.

    Raises:
        PolicyError: a path leads nowhere or to no policy, or a policy has a mistake.
    """
    if not paths:
        raise PolicyError("no policy is named; name a file or a folder", file="remit.load()")
    return Policy(*(document(path) for path in files(*paths)))


def document(path: StrPath) -> Document:
    """The document in the file at *path*."""
    return load_document(read(path), os.fspath(path))


def read(path: StrPath) -> bytes:
    """The bytes of the file at *path*."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise PolicyError(
            f"the file cannot be read ({error.strerror}); check the path and its permissions",
            file=os.fspath(path),
        ) from error


def files(*paths: StrPath) -> Iterator[Path]:
    """The files that *paths* stand for; those of a folder in the order of their names."""
    for path in map(Path, paths):
        if not path.is_dir():
            yield path
            continue
        found = sorted(
            each
            for each in path.iterdir()
            if each.suffix in SUFFIXES and not each.name.endswith(TESTS) and each.is_file()
        )
        if not found:
            raise PolicyError("the folder has no *.yaml or *.yml file; add one", file=str(path))
        yield from found
