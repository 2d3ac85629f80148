"""Google's generateContent."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from remit.models.dialects.dialect import Body, Channel, Piece, Prompt, mapping, members
from remit.models.usage import Answer, ToolCall, Usage, count

_USUAL_TIERS = frozenset({None, "ON_DEMAND", "STANDARD", "standard"})
_OTHER = frozenset({"AUDIO"})
"""What is read or written at other rates than text, in some of the models."""


class Gemini:
    """`candidates`, each with parts; an event is an answer that has only what is new."""

    def prompt(self, body: Body) -> Prompt:
        """What *body* asks."""
        asked = body.get("contents", body.get("content", body.get("requests")))
        return Prompt(asked, body.get("systemInstruction"), list(_declared(body)))

    def read(self, body: Body, answer: Answer) -> None:
        """Note what an answer says."""
        answer.model = str(body.get("modelVersion") or answer.model)
        for candidate in members(body.get("candidates")):
            answer.finish = str(candidate.get("finishReason") or answer.finish)
            for part in _parts(candidate):
                if isinstance(called := part.get("functionCall"), dict):
                    arguments = json.dumps(called.get("args") or {}, ensure_ascii=False)
                    call = ToolCall(str(called.get("name") or ""), arguments)
                    answer.tools[len(answer.tools)] = call
        if isinstance(used := body.get("usageMetadata"), dict):
            before = answer.usage.besides if answer.usage is not None else ""
            answer.usage = _usage(used, before or _besides(used, body))

    def hear(self, event: Body, answer: Answer) -> None:
        """Note what an event says."""
        self.read(event, answer)

    def told(self, body: Body) -> Any:
        """The candidates."""
        return body.get("candidates")

    def pieces(self, event: Body) -> Iterator[Piece]:
        """The texts of the parts; what is thought is another text than what is said."""
        for candidate in members(event.get("candidates")):
            for part in _parts(candidate):
                if isinstance(part.get("text"), str):
                    channel = (candidate.get("index", 0), bool(part.get("thought")))
                    yield _piece(channel, part)

    def ended(self, event: Body) -> Iterable[Channel]:
        """A candidate ends with a reason."""
        return [
            (candidate.get("index", 0),)
            for candidate in members(event.get("candidates"))
            if candidate.get("finishReason")
        ]

    def last(self, event: Body) -> bool:
        """The end of the stream says so."""
        del event
        return False

    def event(self, channel: Channel, text: str, like: dict[str, Any]) -> dict[str, Any]:
        """An answer with one part."""
        index, thought = channel
        part = {"text": text, "thought": True} if thought else {"text": text}
        candidate = {"index": index, "content": {"role": "model", "parts": [part]}}
        named = {"modelVersion": like["modelVersion"]} if "modelVersion" in like else {}
        return {**named, "candidates": [candidate]}


def _declared(body: Body) -> Iterator[str]:
    for tool in members(body.get("tools")):
        functions = members(tool.get("functionDeclarations"))
        yield from (str(each.get("name") or "") for each in functions)
        yield from (name for name in tool if name != "functionDeclarations")


def _parts(candidate: Body) -> list[dict[str, Any]]:
    return members(mapping(candidate.get("content")).get("parts"))


def _piece(channel: Channel, part: dict[str, Any]) -> Piece:
    return Piece(channel, part["text"], lambda text: part.__setitem__("text", text))


def _usage(used: Body, besides: str) -> Usage:
    thought = count(used.get("thoughtsTokenCount"))
    return Usage(
        input=count(used.get("promptTokenCount")) + count(used.get("toolUsePromptTokenCount")),
        output=count(used.get("candidatesTokenCount")) + thought,
        cached=count(used.get("cachedContentTokenCount")),
        reasoning=thought,
        besides=besides,
    )


def _besides(used: Body, body: Body) -> str:
    tier = used.get("trafficType") or used.get("serviceTier")
    if tier not in _USUAL_TIERS:
        return f"traffic {tier}"
    kinds = [
        str(each.get("modality"))
        for side in ("promptTokensDetails", "candidatesTokensDetails")
        for each in members(used.get(side))
        if count(each.get("tokenCount"))
    ]
    if any(kind in _OTHER for kind in kinds):
        return "audio"
    grounded = any(each.get("groundingMetadata") for each in members(body.get("candidates")))
    return "grounding" if grounded else ""
