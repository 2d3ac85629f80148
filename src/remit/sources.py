"""Where policies come from: files, and folders of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeAlias

from remit.errors import PolicyError
from remit.policy import Document, Policy
from remit.policy.load import load as load_document
from remit.policy.load import mistakes as find_mistakes
from remit.policy.tools import NO_TOOLS, Tools

StrPath: TypeAlias = str | os.PathLike[str]

SUFFIXES = (".yaml", ".yml")
TESTS = ("remit-test.yaml", "remit-test.yml")
"""How the names of policy tests end, which may lie beside policies and are none."""


def load(*paths: StrPath, environment: str = "", tools: Tools = NO_TOOLS) -> Policy:
    """The policy made of these files, and of the `*.yaml` and `*.yml` files of these folders.

    Every file is a layer, and the strictest layer wins. Policy tests
    (`*remit-test.yaml`) in a folder are passed over.

    Args:
        paths: files and folders.
        environment: whose changes hold, of those under `environments` in the files.
        tools: what the rules are about: conditions are checked against them.

    Raises:
        PolicyError: a path leads nowhere or to no policy, or a policy has a mistake.
    """
    if not paths:
        raise PolicyError("no policy is named; name a file or a folder", file="remit.load()")
    documents = [document(path, environment, tools) for path in files(*paths)]
    _refuse_doubles(documents)
    if environment and all(each.environment != environment for each in documents):
        raise PolicyError(
            f"no environment is called {environment!r} here; write it under 'environments'",
            file=documents[0].file,
        )
    return Policy(*documents)


def document(path: StrPath, environment: str = "", tools: Tools = NO_TOOLS) -> Document:
    """The document in the file at *path*, with what it includes."""
    file = os.fspath(path)
    reader = partial(_read_beside, file)
    return load_document(read(path), file, reader=reader, environment=environment, tools=tools)


def mistakes(path: StrPath, tools: Tools = NO_TOOLS) -> tuple[PolicyError, ...]:
    """Every mistake in the document at *path* and in what it includes, given *tools*."""
    file = os.fspath(path)
    return find_mistakes(read(path), file, reader=partial(_read_beside, file), tools=tools)


def _read_beside(root: str, name: str, file: str) -> tuple[str, bytes]:
    """The file that *file* includes as *name*, and what errors call it; *root* includes all."""
    if Path(name).is_absolute():
        raise PolicyError("name it relative to the file that includes it", file=name)
    found = os.path.normpath(Path(file).parent / name)
    return (root if found == os.path.normpath(root) else found), read(found)


def _refuse_doubles(documents: Iterable[Document]) -> None:
    """Nobody means a file to be a layer of its own and a part of another."""
    included = {file: each.file for each in documents for file in each.includes}
    for each in documents:
        if outer := included.get(os.path.normpath(each.file)):
            raise PolicyError(
                f"this is a layer of its own, and {outer} includes it; move what is included "
                "into a folder of its own",
                file=each.file,
            )


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
