"""What editors are told of policies and their tests agrees with what is read."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cli_shell import Shell
from jsonschema import Draft202012Validator

from remit import sources
from remit.errors import PolicyError
from remit.policy import cases, describe, located
from remit.policy.keys import Shape
from remit.policy.load import load

ROOT = Path(__file__).parent.parent
LANGUAGE = ROOT / "tests" / "policies" / "language" / "refunds.yaml"


def data(path: Path) -> Any:
    return located.plain(located.read(path.read_bytes(), str(path), "a file"))


def written(*patterns: str) -> dict[str, Any]:
    found = sorted(path for pattern in patterns for path in ROOT.glob(pattern))
    read = {str(path.relative_to(ROOT)): data(path) for path in found}
    # Policies of other systems are none of ours.
    return {name: each for name, each in read.items() if {"remit", "remit-test"} & {*each}}


ALL = written("tests/policies/**/*.y*ml", "examples/**/*.yaml")
MUTATED = written(
    "tests/policies/language/*.yaml", "tests/policies/*.test.yaml", "tests/policies/layers/*"
)
SCHEMAS = {
    "remit": Draft202012Validator(describe.policy_schema()),
    "remit-test": Draft202012Validator(describe.test_schema()),
}


def schema_of(document: Any) -> Draft202012Validator:
    return SCHEMAS["remit-test" if "remit-test" in document else "remit"]


def loads(document: Any, name: str) -> bool:
    """Whether the loader takes *document*, which stands where the file *name* does."""
    file = str(ROOT / name)
    text = json.dumps(document)
    try:
        if schema_of(document) is SCHEMAS["remit-test"]:
            cases.load(text, file)
        else:
            load(text, file, reader=partial(sources._read_beside, file))
    except PolicyError:
        return False
    return True


@pytest.mark.parametrize("of", SCHEMAS)
def test_the_schemas_are_schemas(of):
    Draft202012Validator.check_schema(SCHEMAS[of].schema)


@pytest.mark.parametrize("name", ALL)
def test_every_policy_here_is_one_by_the_schema(name):
    assert [error.message for error in schema_of(ALL[name]).iter_errors(ALL[name])] == []


OTHERS = [7, True, None, " ", "zzz!", [], {"zzz": 1}]


def mutations(document: Any) -> Iterator[tuple[str, Any]]:
    """*document* with one thing changed, and what was."""
    for way in ways(document):
        *outer, last = way
        shown = ".".join(map(str, way))
        for change in (*OTHERS, KeyError, NameError):
            other = copy.deepcopy(document)
            holder = other
            for step in outer:
                holder = holder[step]
            if change is KeyError:
                del holder[last]
            elif change is not NameError:
                holder[last] = change
            elif isinstance(last, str):
                holder[f"{last}x"] = holder.pop(last)
            yield f"{shown} -> {change}", other


def ways(value: Any) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict | list):
        for key, member in value.items() if isinstance(value, dict) else enumerate(value):
            yield (key,)
            yield from ((key, *rest) for rest in ways(member))


@pytest.mark.parametrize("name", MUTATED)
def test_what_the_schema_refuses_the_loader_refuses(name):
    refused = [
        (what, mutated)
        for what, mutated in mutations(MUTATED[name])
        if isinstance(mutated, dict) and not schema_of(mutated).is_valid(mutated)
    ]
    assert len(refused) > 30
    assert [what for what, mutated in refused if loads(mutated, name)] == []


def shapes(found: Any) -> Iterator[Shape]:
    if isinstance(found, Shape):
        yield found
        found = [key.value for key in found.keys.values()] + [found.others]
    for each in (
        found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
    ):
        yield from shapes(each)


@pytest.mark.parametrize("root", [describe.DOCUMENT, describe.SUITE], ids=lambda root: root.what)
def test_every_key_is_described_and_every_shape_has_a_name_of_its_own(root):
    found = {id(shape): shape for shape in shapes(root)}.values()
    for shape in found:
        assert all(key.about.endswith(".") for key in shape.keys.values()), shape.what
    assert len({shape.name for shape in found}) == len(found)


def test_every_key_of_a_document_is_in_the_manual():
    manual = (ROOT / "docs" / "policy.md").read_text("utf-8")
    for shape in shapes(describe.DOCUMENT):
        for key in shape.keys:
            assert f"`{key}`" in manual or f"{key}:" in manual, f"{key} of {shape.what}"


@pytest.mark.parametrize("of", ["policy", "test"])
def test_the_command_prints_the_schema(of, capsys):
    ended = Shell(capsys)("schema", of)
    expected = describe.policy_schema() if of == "policy" else describe.test_schema()
    assert (ended.code, ended.err) == (0, "")
    assert msgspec.json.decode(ended.out) == expected
