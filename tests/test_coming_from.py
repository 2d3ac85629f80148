"""The migration guide names everything: what the facades export, and what the documents show."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
PAGES = PROJECT / "docs" / "coming-from"
SEEDS = PROJECT.parent / "shared" / "seeds"

ROOTS = {
    "aegis": "aegis",
    "execlave": "execlave",
    "kitelogik": "kitelogik",
    "waxell": "waxell_observe",
}
"""Facades, and what their systems are imported as."""

SUBMODULES = {
    "aegis": {
        "adapters.base": {"BaseExecutor"},
        "adapters.openai_agents": {"governed_tool"},
        "runtime.approval": {"AutoApprovalHandler"},
        "runtime.audit": {"AuditLogger"},
    },
    "waxell": {"errors": {"PolicyViolationError"}},
}
"""What the documents import from within."""

DOCUMENTS = {
    "aegis": ("002",),
    "execlave": ("004",),
    "kitelogik": ("003",),
    "waxell": ("000", "001"),
}
OBJECTS = ("waxell", "waxell_ctx", "client", "policy", "policy_result", "result", "e")
"""What Waxell's documents call what has its names."""
KEYWORDS = {
    "agent_name", "workflow_name", "enforce_policy", "mid_execution_governance",
    "on_policy_block", "api_url", "api_key", "tool_type", "output", "comment",
}  # fmt: skip
"""What they tell its functions by name."""
NOT_WAXELL = {"ai", "chat"}
"""The host `waxell.ai`, and OpenAI's client, which the documents call `client` as well."""


def rows(page: Path, heading: str) -> list[list[str]]:
    """The cells of the tables below *heading*."""
    _, found, text = page.read_text(encoding="utf-8").partition(f"\n## {heading}\n")
    assert found, f"{page.name} has no part '{heading}'"
    lines = text.partition("\n## ")[0].splitlines()
    return [re.split(r"(?<!\\) \| ", line.strip("| ")) for line in lines if line.startswith("| ")]


def words(cells: list[str]) -> set[str]:
    """The identifiers in the code of *cells*."""
    code = " ".join(part for cell in cells for part in re.findall(r"`([^`]+)`", cell))
    return set(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", code))


def named(facade: str) -> set[str]:
    """What the table of *facade* has rows for: the system's name, and what it is here."""
    return {word for row in rows(PAGES / f"{facade}.md", "Every name") for word in words(row[:2])}


def exported(facade: str) -> set[str]:
    package = f"remit.compat.{facade}"
    within = [package, *(f"{package}.{each}" for each in SUBMODULES.get(facade, ()))]
    names = {name for each in within for name in getattr(import_module(each), "__all__", ())}
    return names - {"__version__"}


def document(prefix: str) -> str:
    found = sorted(SEEDS.glob(f"{prefix}_*.txt"))
    if not found:
        pytest.skip(f"the documents are not beside the project: no {SEEDS}/{prefix}_*.txt")
    return found[0].read_text(encoding="utf-8")


def imported(text: str, root: str) -> set[tuple[str, str]]:
    """The modules and names of *root* that *text* imports."""
    several = re.compile(rf"^from {root}([\w.]*) import (?:\(([^)]*)\)|(.+))$", re.MULTILINE)
    return {
        (module.strip("."), name.partition(" as ")[0].strip())
        for module, inside, line in several.findall(text)
        for name in (inside or line.partition("#")[0]).split(",")
        if name.strip()
    }


@pytest.mark.parametrize("facade", ROOTS)
def test_every_name_that_a_facade_exports_has_its_row(facade):
    assert exported(facade) - named(facade) == set()


@pytest.mark.parametrize("facade", ROOTS)
def test_what_the_documents_import_from_within_is_there_and_has_its_row(facade):
    for module, names in SUBMODULES.get(facade, {}).items():
        there = import_module(f"remit.compat.{facade}.{module}")
        assert {name for name in names if not hasattr(there, name)} == set()
        assert names - named(facade) == set()


@pytest.mark.parametrize("facade", ROOTS)
def test_every_name_that_a_document_imports_is_there_and_has_its_row(facade):
    found = {
        each for prefix in DOCUMENTS[facade] for each in imported(document(prefix), ROOTS[facade])
    }
    assert found, "nothing was found, so nothing was shown"
    for module, name in found:
        there = import_module(f"remit.compat.{facade}" + (f".{module}" if module else ""))
        assert hasattr(there, name), (module, name)
    assert {name for _, name in found} - named(facade) == set()
    known = SUBMODULES.get(facade, {})
    assert {module for module, _ in found} - {""} == set(known)


@pytest.mark.parametrize("facade", ROOTS)
def test_every_method_that_a_document_calls_has_its_row(facade):
    """Of the classes of the facade, whatever the documents call their objects."""
    there = import_module(f"remit.compat.{facade}")
    classes = [each for each in map(there.__dict__.get, there.__all__) if isinstance(each, type)]
    methods = {name for each in classes for name in dir(each) if not name.startswith("_")}
    called = {
        name
        for prefix in DOCUMENTS[facade]
        for name in re.findall(r"\b[a-z_]+\.([a-z_]+)\(", document(prefix))
    }
    of_the_language = {"get", "run", "loads", "dumps", "invoke", "search"}
    assert (called & methods) - of_the_language, "nothing was found, so nothing was shown"
    assert (called & methods) - of_the_language - named(facade) == set()


def test_every_name_in_waxells_documents_has_a_native_one():
    text = "\n".join(document(prefix) for prefix in DOCUMENTS["waxell"])
    objects = "|".join(OBJECTS)
    shown = set(re.findall(rf"\b(?:{objects})\.([a-z_]\w*)", text)) - NOT_WAXELL
    shown |= set(re.findall(r"\b([a-z_]+)=", text)) & KEYWORDS
    shown |= set(re.findall(r"\b(?:Waxell|Policy|Run)[A-Z]\w+", text)) | {"waxell_ctx"}
    shown |= set(re.findall(r"\bWAXELL_\w+", text))
    native = rows(PROJECT / "docs" / "coming-from.md", "Waxell's documents, natively")
    assert len(shown) > 30, "little was found, so little was shown"
    assert shown - words([row[0] for row in native]) == set()
    assert [row[0] for row in native if len(row) < 2 or not row[1].strip()] == []


@pytest.mark.parametrize("page", [*(f"coming-from/{each}.md" for each in ROOTS), "coming-from.md"])
def test_every_native_name_in_a_table_is_there(page):
    text = (PROJECT / "docs" / page).read_text(encoding="utf-8")
    tables = "\n".join(line for line in text.splitlines() if line.startswith("| "))
    code = " ".join(re.findall(r"`([^`]+)`", tables))
    dotted = set(re.findall(r"\bremit((?:\.[A-Za-z_]\w*)+)", code))
    missing = [name for name in dotted if not _resolves(name.strip("."))]
    assert dotted
    assert missing == []


def _resolves(name: str) -> bool:
    """Whether `remit.<name>` is a module, or something in one."""
    module, parts = "remit", name.split(".")
    while parts:
        try:
            import_module(f"{module}.{parts[0]}")
        except ImportError:
            break
        module, parts = f"{module}.{parts[0]}", parts[1:]
    thing = import_module(module)
    for part in parts:
        if not hasattr(thing, part):
            return False
        thing = getattr(thing, part)
    return True


@pytest.mark.parametrize("page", ["README.md", "CHANGELOG.md", "docs/coming-from.md"])
def test_the_guide_is_pointed_to_and_points_to_every_page(page):
    text = (PROJECT / page).read_text(encoding="utf-8")
    if page != "docs/coming-from.md":
        assert "docs/coming-from.md" in text
        return
    linked = set(re.findall(r"\]\(coming-from/([\w-]+\.md)", text))
    assert linked == {each.name for each in PAGES.glob("*.md")}


def test_links_within_the_guide_lead_somewhere():
    text = (PROJECT / "docs/coming-from.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([\w/.-]+\.md(?:#[\w-]+)?)\)", text):
        name, _, anchor = target.partition("#")
        page = (PROJECT / "docs" / name).read_text(encoding="utf-8")
        heads = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
        known = {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}
        assert not anchor or anchor in known, target
