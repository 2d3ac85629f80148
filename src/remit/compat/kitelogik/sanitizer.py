"""Takes out of a tool's answer what reads like an instruction to the model.

It is looked for in a copy without compatibility forms and invisible characters, and taken
out of the answer itself. An answer in which nothing is found comes back as it is.

It finds the crude attempts. Nothing here makes an answer safe that is not; what an agent
may do with it is for policy to say.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Any

from remit.compat.kitelogik.models import SanitizedResponse

REDACTED = "[REDACTED]"

_OLD = r"(previous|prior|above|earlier|preceding|foregoing)"
_ORDERS = r"(instructions?|prompts?|rules?|guidelines?|guidance|directives?|directions?|commands?)"
_FEW = r"(\w+\W+){0,4}"
_PATTERNS = {
    "ignore_previous_instructions": (
        rf"\bignore\W+{_FEW}({_OLD}\W+{_FEW}{_ORDERS}|everything\W+{_OLD})"
    ),
    "disregard_instructions": rf"\bdisregard\W+{_FEW}({_ORDERS}|everything\W+{_OLD})",
    "forget_instructions": rf"\bforget\W+{_FEW}({_ORDERS}|everything\W+{_OLD})",
    "override_previous_instructions": (
        rf"\b(override|skip|bypass|cancel)\W+{_FEW}{_OLD}\W+{_ORDERS}"
    ),
    "policy_override": (
        r"\b(override|bypass|disable)\W+(\w+\W+){0,2}(security|safety|polic(y|ies)|guardrails?)\b"
    ),
    "you_are_now_unrestricted": (
        r"\byou\W+are\W+now\W+(\w+\W+){0,2}(unrestricted|jailbroken|dan)\b"
    ),
    "act_as_unrestricted": r"\bact\W+as\W+(\w+\W+){0,2}(unrestricted|jailbroken)\b",
    "prompt_extraction": r"\b(reveal|print|repeat|output)\W+(\w+\W+){0,2}system\W+prompt\b",
    "system_marker": r"<\|(im_start|im_end|system|endoftext)\|>|\[system\]",
    "fake_role_tag": r"</?(system|assistant)>",
    "instructions_tag": r"</?instructions>",
    "markdown_javascript_uri": r"\]\(\s*javascript:",
    "markdown_data_html_uri": r"\]\(\s*data:text/html",
    "ignore_previous_es": r"\bignor\w+\W+(\w+\W+){0,3}instrucciones\W+(anteriores|previas)\b",
    "ignore_previous_fr": r"\bignor\w+\W+(\w+\W+){0,3}instructions\W+pr[eé]c[eé]dentes\b",
    "ignore_previous_de": (
        r"\bignorier\w+\W+(\w+\W+){0,3}(vor(her)?igen|bisherigen)\W+(anweisungen|regeln)\b"
    ),
    "ignore_previous_zh": r"忽略.{0,6}(之前|先前|以前|上面).{0,3}(指令|指示|说明)",
    "ignore_previous_ar": r"تجاهل.{0,20}التعليمات",
    "ignore_previous_hi": r"निर्देशों.{0,12}(अनदेखा|नज़रअंदाज़)",
}


def sanitize_tool_output(content: str) -> SanitizedResponse:
    """*content* without what reads like an instruction, and the names of what was found."""
    text, places = _folded(content)
    found = [
        (places[match.start()], places[match.end() - 1] + 1, name)
        for name, pattern in _compiled().items()
        for match in pattern.finditer(text)
    ]
    if not found:
        return SanitizedResponse(content=content, was_modified=False)
    return SanitizedResponse(
        content=_without(content, sorted(found)),
        was_modified=True,
        injection_patterns_found=list(dict.fromkeys(name for *_, name in found)),
    )


def sanitize(value: Any) -> tuple[Any, list[str]]:
    """*value* with all its texts sanitized, in lists and mappings too, and what was found.

    A value in which nothing is found is returned itself.
    """
    if isinstance(value, str):
        cleaned = sanitize_tool_output(value)
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


@cache
def _compiled() -> dict[str, re.Pattern[str]]:
    return {name: re.compile(pattern, re.IGNORECASE) for name, pattern in _PATTERNS.items()}


def _folded(content: str) -> tuple[str, list[int] | range]:
    """*content* with nothing hidden in it, and where each character of that came from."""
    if content.isascii():
        return content, range(len(content))
    text: list[str] = []
    places: list[int] = []
    for place, char in enumerate(content):
        if unicodedata.category(char) == "Cf" or char == "\u034f":
            continue
        for plain in unicodedata.normalize("NFKC", char):
            text.append(plain)
            places.append(place)
    return "".join(text), places


def _without(content: str, found: list[tuple[int, int, str]]) -> str:
    parts: list[str] = []
    end = 0
    for start, stop, _ in found:
        if start >= end:
            parts += [content[end:start], REDACTED]
        end = max(end, stop)
    return "".join([*parts, content[end:]])
