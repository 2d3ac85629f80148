"""What our records are called in OpenTelemetry. This is the one table.

The names are those of the GenAI semantic conventions, which are in development and will
change; what those have no name for begins with `remit.`. A fact that no row names is content.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

CHECKED = ("run.", "model.")
"""Begin the names of actions that are no calls of tools: moments at which policy is asked."""

INVOKE_AGENT, EXECUTE_TOOL, CHAT = "invoke_agent", "execute_tool", "chat"

OPERATION = "gen_ai.operation.name"
AGENT = "gen_ai.agent.name"
TOOL = "gen_ai.tool.name"
TOOL_TYPE = "gen_ai.tool.type"
ARGUMENTS = "gen_ai.tool.call.arguments"
CONVERSATION = "gen_ai.conversation.id"
MODEL = "gen_ai.request.model"
PROVIDER = "gen_ai.provider.name"
TOKEN_TYPE = "gen_ai.token.type"  # noqa: S105 - a name
ERROR = "error.type"
FINISH = "gen_ai.response.finish_reasons"
SCORE_VALUE, SCORE_LABEL = "gen_ai.evaluation.score.value", "gen_ai.evaluation.score.label"

RUN, CALL, PARENT = "remit.run.id", "remit.call.id", "remit.run.parent"
RUN_NAME = "remit.run.name"
SUBJECT, RESOURCE = "remit.subject", "remit.resource"
EFFECT = "remit.decision.effect"
RULES = "remit.decision.rules"
REASON = "remit.decision.reason"
RISK = "remit.decision.risk"
MONITORED = "remit.decision.monitored"
MISTAKES = "remit.decision.errors"
POLICY = "remit.policy.digest"
APPROVAL = "remit.approval.id"
APPROVED = "remit.approval.approved"
APPROVERS = "remit.approval.approvers"
MESSAGE = "remit.error.message"
ACTION, OUTCOME = "remit.action", "remit.outcome"
CUT_OFF = "remit.cut_off"
TAG = "remit.tag."
"""Before the key of a tag, as an attribute of the run's span."""


def own(*facts: str) -> dict[str, str]:
    """Facts that the conventions have no name for."""
    return {fact: f"remit.{fact}" for fact in facts}


@dataclass(frozen=True, slots=True)
class Named:
    """What something told is called, and its facts."""

    name: str
    facts: Mapping[str, str] = field(default_factory=dict)
    """Always exported: names and numbers."""
    content: Mapping[str, str] = field(default_factory=dict)
    """Exported where content is switched on."""


EVENTS: Mapping[str, Named] = {
    "step": Named("remit.step", own("name", "seconds"), own("output")),
    "tag": Named("remit.tag", own("key", "value")),
    "metadata": Named("remit.metadata", own("key"), own("value")),
    "score": Named(
        "gen_ai.evaluation.result",
        {"name": "gen_ai.evaluation.name", "value": SCORE_VALUE},
        {"comment": "gen_ai.evaluation.explanation"},
    ),
    "decision": Named(
        "remit.decision",
        own("name", "confidence", "seconds"),
        own("chosen", "options", "reasoning"),
    ),
    "policy_check": Named(
        "remit.policy_check",
        own("policy", "effect", "category", "seconds"),
        own("reason"),
    ),
    "reasoning": Named(
        "remit.reasoning", own("name", "seconds"), own("thought", "evidence", "conclusion")
    ),
    "retrieval": Named(
        "remit.retrieval",
        {**own("name", "seconds"), "source": "gen_ai.data_source.id"},
        {"query": "gen_ai.retrieval.query.text", "documents": "gen_ai.retrieval.documents"},
    ),
    "message": Named("remit.message", own("role"), own("content")),
    "again": Named("remit.again", own("attempt", "strategy"), own("reason", "error")),
    "retry": Named("remit.retry", own("attempt"), own("feedback")),
    "input": Named("remit.input", own("seconds", "error"), own("prompt", "answer")),
    "pause": Named("remit.pause", own("seconds"), own("reason")),
    "phase": Named("remit.phase", own("name")),
    "phase_end": Named("remit.phase_end", own("name", "seconds")),
    "check": Named("remit.check", own("moment")),
}
"""What is told in a run, as an event of its span; anything else is `remit.<what>`."""

MODEL_CALL = Named(
    CHAT,
    {
        "model": MODEL,
        "provider": PROVIDER,
        "operation": OPERATION,
        "server": "server.address",
        "answered": "gen_ai.response.model",
        "finish": FINISH,
        "stream": "gen_ai.request.stream",
        "retries": "remit.retries",
        "input_tokens": "gen_ai.usage.input_tokens",
        "output_tokens": "gen_ai.usage.output_tokens",
        "cached_tokens": "gen_ai.usage.cache_read.input_tokens",
        "written_tokens": "gen_ai.usage.cache_creation.input_tokens",
        "reasoning_tokens": "gen_ai.usage.reasoning.output_tokens",
        "first_token": "gen_ai.response.time_to_first_chunk",
        "error": ERROR,
        "cost": "remit.cost",
    },
    {
        "input": "gen_ai.input.messages",
        "system": "gen_ai.system_instructions",
        "response": "gen_ai.output.messages",
        "message": MESSAGE,
    },
)
"""What is told of a model call, as a span. `seconds` is how long it is."""

RUN_END = Named(
    INVOKE_AGENT,
    {
        "error": ERROR,
        **{
            fact: f"remit.run.{fact}"
            for fact in ("attempt", "steps", "model_calls", "tokens", "cost", "unpriced")
        },
    },
    {"message": MESSAGE, "output": "remit.output"},
)
"""What the end of a run says, as attributes of its span."""

RUN_START = Named(INVOKE_AGENT, {}, {"input": "remit.input"})

SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
LONG = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6)
COUNTS = (1, 2, 4, 8, 16, 32, 64, 128)
TOKENS = tuple(4**power for power in range(14))


@dataclass(frozen=True, slots=True)
class Metric:
    """One instrument."""

    name: str
    unit: str
    says: str
    kind: Literal["histogram", "counter"] = "histogram"
    bounds: tuple[float, ...] = ()


METRICS: Mapping[str, Metric] = {
    "run": Metric("gen_ai.invoke_agent.duration", "s", "How long a run took.", bounds=LONG),
    "run_calls": Metric(
        "gen_ai.invoke_agent.tool_calls", "{tool_call}", "Calls of a run.", bounds=COUNTS
    ),
    "run_model_calls": Metric(
        "gen_ai.invoke_agent.inference_calls",
        "{inference_call}",
        "Model calls of a run.",
        bounds=COUNTS,
    ),
    "call": Metric("gen_ai.execute_tool.duration", "s", "How long a call took.", bounds=SECONDS),
    "model_call": Metric(
        "gen_ai.client.operation.duration", "s", "How long a model took.", bounds=SECONDS
    ),
    "first_token": Metric(
        "gen_ai.client.operation.time_to_first_chunk",
        "s",
        "How long a model took to begin.",
        bounds=SECONDS,
    ),
    "tokens": Metric(
        "gen_ai.client.token.usage", "{token}", "Tokens of a model call.", bounds=TOKENS
    ),
    "cost": Metric("remit.cost", "USD", "What model calls cost.", "counter"),
    "calls": Metric("remit.calls", "{call}", "Calls that ended, by outcome.", "counter"),
    "decisions": Metric("remit.decisions", "{decision}", "Decisions, by effect.", "counter"),
}
"""Instruments. Their attributes have few values: no id, nothing that was told."""
