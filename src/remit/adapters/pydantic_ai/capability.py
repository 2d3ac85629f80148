"""All tools of an agent, governed."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic_ai import RunContext
from pydantic_ai.capabilities import AbstractCapability, CapabilityOrdering
from pydantic_ai.models import ModelRequestContext
from pydantic_ai.tools import AgentDepsT
from pydantic_ai.toolsets import AbstractToolset

from remit.adapters.pydantic_ai.toolset import GovernedToolset
from remit.guard import Guard


@dataclass
class Remit(AbstractCapability[AgentDepsT]):
    """Has a guard decide every tool call of an agent, whatever its toolsets offer, now or later.

    Raises:
        TypeError: there is no guard.
    """

    guard: Guard

    def __post_init__(self) -> None:
        if not isinstance(self.guard, Guard):
            raise TypeError(f"{self.guard!r} is no guard; write Remit(guard)")

    @classmethod
    def get_serialization_name(cls) -> str | None:
        """None: a guard has no place in a file that describes an agent."""
        return None

    def get_ordering(self) -> CapabilityOrdering | None:
        """Innermost: nothing comes between the decision and the tool."""
        return CapabilityOrdering(position="innermost")

    async def before_model_request(
        self,
        ctx: RunContext[AgentDepsT],  # noqa: ARG002 - the hook has it
        request_context: ModelRequestContext,
    ) -> ModelRequestContext:
        """Let no model have a tool that nobody can stand in front of.

        Raises:
            TypeError: it is offered one that runs at its provider.
        """
        for tool in request_context.model_request_parameters.native_tools:
            if tool.kind != "tool_search":
                raise TypeError(
                    f"a {type(tool).__name__} runs at the model's provider, where nothing can be "
                    "decided before it acts: leave it out, or offer the same as a function"
                )
        return request_context

    def get_wrapper_toolset(
        self, toolset: AbstractToolset[AgentDepsT]
    ) -> AbstractToolset[AgentDepsT] | None:
        """*toolset*, governed."""
        return GovernedToolset(toolset, self.guard)
