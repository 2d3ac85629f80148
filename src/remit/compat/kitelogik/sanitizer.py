"""Takes out of a tool's answer what reads like an instruction to the model.

It is found by the scanner that policies use (`remit.content`), which looks through compatibility
forms, invisible characters and encodings, and by what Kite Logik looks for besides. An answer in
which nothing is found comes back as it is.

It finds the crude attempts. Nothing here makes an answer safe that is not; what an agent
may do with it is for policy to say.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from remit.compat.kitelogik.models import SanitizedResponse
from remit.content import Kind, Scanner, scanner
from remit.content.folded import fold
from remit.content.pattern import Pattern
from remit.content.replace import replaced

REDACTED = "[REDACTED]"

LEAST = 0.75
"""The confidence from which on something is taken out of an answer, and not only reported."""

_TYPES = frozenset(
    {"encoded_payload", "instruction_override", "persona_override", "prompt_extraction",
     "role_marker"}
)  # fmt: skip
"""What is told to the model. Signs of anything else are for policy to weigh."""

_OLD = r"(?:previous|prior|above|earlier|preceding|foregoing)"
_ORDERS = (
    r"(?:instructions?|prompts?|rules?|guidelines?|guidance|directives?|directions?|commands?)\b"
)
_GAP = r"\W{1,3}"
_FEW = rf"{_GAP}(?:\w{{1,20}}{_GAP}){{0,4}}"
_TWO = rf"{_GAP}(?:\w{{1,20}}{_GAP}){{0,2}}"
_ALL = rf"{_FEW}(?:{_ORDERS}|everything{_GAP}{_OLD}\b)"
# As they are once the marks of vowels are gone, which are folded away like accents.
_ORDERS_HI, *_IGNORE_HI = (fold(word).text for word in ("निर्देशों", "अनदेखा", "नज़रअंदाज़"))
_PATTERNS = {
    "ignore_previous_instructions": (
        rf"\bignore{_FEW}(?:{_OLD}{_FEW}{_ORDERS}|everything{_GAP}{_OLD}\b)"
    ),
    "disregard_instructions": rf"\bdisregard{_ALL}",
    "forget_instructions": rf"\bforget{_ALL}",
    "override_previous_instructions": (
        rf"\b(?:override|skip|bypass|cancel){_FEW}{_OLD}{_GAP}{_ORDERS}"
    ),
    "policy_override": (
        rf"\b(?:override|bypass|disable){_TWO}(?:security|safety|polic(?:y|ies)|guardrails?)\b"
    ),
    "you_are_now_unrestricted": (
        rf"\byou{_GAP}are{_GAP}now{_TWO}(?:unrestricted|jailbroken|dan)\b"
    ),
    "act_as_unrestricted": rf"\bact{_GAP}as{_TWO}(?:unrestricted|jailbroken)\b",
    "prompt_extraction": rf"\b(?:reveal|print|repeat|output){_TWO}system{_GAP}prompt\b",
    "system_marker": r"<\|(?:im_start|im_end|system|endoftext)\|>|\[system\]",
    "fake_role_tag": r"</?(?:system|assistant)>",
    "instructions_tag": r"</?instructions>",
    "markdown_javascript_uri": r"\]\(\s{0,4}javascript:",
    "markdown_data_html_uri": r"\]\(\s{0,4}data:text/html",
    "ignore_previous_es": (
        rf"\bignor\w{{1,9}}{_GAP}(?:\w{{1,20}}{_GAP}){{0,3}}instrucciones{_GAP}(?:anteriores|previas)\b"
    ),
    "ignore_previous_fr": (
        rf"\bignor\w{{1,9}}{_GAP}(?:\w{{1,20}}{_GAP}){{0,3}}instructions{_GAP}precedentes\b"
    ),
    "ignore_previous_de": (
        rf"\bignorier\w{{1,9}}{_GAP}(?:\w{{1,20}}{_GAP}){{0,3}}(?:vor(?:her)?igen|bisherigen){_GAP}"
        r"(?:anweisungen|regeln)\b"
    ),
    "ignore_previous_zh": r"忽略.{0,6}(?:之前|先前|以前|上面).{0,3}(?:指令|指示|说明)",
    "ignore_previous_ar": r"تجاهل.{0,20}التعليمات",
    "ignore_previous_hi": rf"{_ORDERS_HI}.{{0,12}}(?:{'|'.join(_IGNORE_HI)})",
}
"""What Kite Logik looks for, by its names."""

_CUES = {
    "ignore_previous_instructions": r"\bignore\W",
    "disregard_instructions": r"\bdisregard\W",
    "forget_instructions": r"\bforget\W",
    "override_previous_instructions": r"\b(?:override|skip|bypass|cancel)\W",
    "policy_override": r"\b(?:override|bypass|disable)\W",
    "you_are_now_unrestricted": r"\b(?:unrestricted|jailbroken|dan)\b",
    "act_as_unrestricted": r"\b(?:unrestricted|jailbroken)\b",
    "prompt_extraction": r"\bsystem\W{1,3}prompt\b",
    "ignore_previous_es": r"\bignor\w",
    "ignore_previous_fr": r"\bignor\w",
    "ignore_previous_de": r"\bignorier",
    "ignore_previous_zh": "忽略",
    "ignore_previous_ar": "التعليمات",
    "ignore_previous_hi": _ORDERS_HI,
}
"""What those with gaps cannot do without."""


def sanitize_tool_output(content: str) -> SanitizedResponse:
    """*content* without what reads like an instruction, and the names of what was found."""
    if passes(content):
        return SanitizedResponse(content=content, was_modified=False)
    return _sanitized(content)


def passes(text: str) -> bool:
    """Whether one pass shows that nothing is found in *text*: so it is with most answers."""
    return _together().passes(text)


def sanitize(value: Any) -> tuple[Any, list[str]]:
    """*value* with all its texts sanitized, in lists and mappings too, and what was found.

    A value in which nothing is found is returned itself.
    """
    if isinstance(value, str):
        if passes(value):
            return value, []
        cleaned = _sanitized(value)
        return (cleaned.content if cleaned.was_modified else value), list(
            cleaned.injection_patterns_found
        )
    if type(value) is dict:
        members = {key: sanitize(item) for key, item in value.items()}
        found = [name for _, names in members.values() for name in names]
        return ({key: item for key, (item, _) in members.items()} if found else value), found
    if type(value) in {list, tuple}:
        items = [sanitize(item) for item in value]
        found = [name for _, names in items for name in names]
        return (type(value)(item for item, _ in items) if found else value), found
    return value, []


def _sanitized(content: str) -> SanitizedResponse:
    theirs, ours = (each.find(content) for each in _scanners())
    found = (*theirs, *ours)
    if not found:
        return SanitizedResponse(content=content, was_modified=False)
    return SanitizedResponse(
        content=replaced(content, found, lambda *_: REDACTED),
        was_modified=True,
        injection_patterns_found=list(dict.fromkeys(each.type for each in theirs or ours)),
    )


@cache
def _scanners() -> tuple[Scanner, Scanner]:
    """For what Kite Logik looks for, and for what policies of ours do."""
    theirs = [
        Pattern(name, f"(?i){regex}", Kind.INJECTION, _cue(name), edges=b"", word=False)
        for name, regex in _PATTERNS.items()
    ]
    ours = scanner(Kind.INJECTION, types=_TYPES).patterns
    return Scanner(theirs), Scanner(ours, types=_TYPES, least=LEAST)


@cache
def _together() -> Scanner:
    """All that either looks for."""
    return Scanner(pattern for each in _scanners() for pattern in each.patterns)


def _cue(name: str) -> str:
    return f"(?i){_CUES[name]}" if name in _CUES else ""
