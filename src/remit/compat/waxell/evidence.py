"""What an agent tells of itself for policies to judge: what it touched, sent, changed, relied on.

Each of these is a record of the run, and, where steps are checked, a question: policy sees it
as `run.step`, with `args.kind` and the facts told, and the run stops there if it says no.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class Evidence:
    """The part of a `WaxellContext` that tells evidence."""

    _impact: dict[str, float]

    def note(self, kind: str, /, **facts: Any) -> None:
        """Record *facts*, and go on only if policy lets the run."""
        raise NotImplementedError

    def record_data_access(self, *, source: str, operation: str = "read", records: int = 0) -> None:
        """Tell that data was read or written."""
        self.note("data_access", source=source, operation=operation, records=records)

    def record_network_request(self, *, url: str) -> None:
        """Tell that an address was asked."""
        self.note("network_request", url=url)

    def record_scope_impact(
        self,
        *,
        records_modified: int = 0,
        records_deleted: int = 0,
        files_changed: int = 0,
        transaction_total: float = 0.0,
        api_writes: int = 0,
    ) -> None:
        """Tell what was changed; policy sees the sums of the run."""
        told = {
            "records_modified": records_modified,
            "records_deleted": records_deleted,
            "files_changed": files_changed,
            "transaction_total": transaction_total,
            "api_writes": api_writes,
        }
        for name, amount in told.items():
            self._impact[name] = self._impact.get(name, 0) + amount
        self.note("scope_impact", **self._impact)

    def record_grounding(
        self,
        *,
        grounding_scores: Sequence[float] = (),
        citations: Sequence[Any] = (),
        unsupported_claims: Sequence[str] = (),
        output_confidence: float | None = None,
    ) -> None:
        """Tell what an answer rests on."""
        self.note(
            "grounding",
            grounding_scores=list(grounding_scores),
            citations=list(citations),
            unsupported_claims=list(unsupported_claims),
            output_confidence=output_confidence,
        )

    def record_retrieval_result(
        self,
        *,
        relevance_score: float = 0.0,
        source: str = "",
        collection: str = "",
        age_days: float = 0,
    ) -> None:
        """Tell how good something found is."""
        self.note(
            "retrieval_result",
            relevance_score=relevance_score,
            source=source,
            collection=collection,
            age_days=age_days,
        )

    def record_bias_flag(self, *, flag: str) -> None:
        """Tell of a sign of bias."""
        self.note("bias_flag", flag=flag)

    def record_delegation(
        self,
        *,
        delegate: str,
        depth: int = 1,
        approved: bool = True,
        policies_inherited: bool = True,
    ) -> None:
        """Tell that another agent was given something to do."""
        self.note(
            "delegation",
            delegate=delegate,
            depth=depth,
            approved=approved,
            policies_inherited=policies_inherited,
        )

    def record_code_execution(
        self,
        *,
        language: str,
        code: str,
        execution_time: float = 0,
        output_size_kb: float = 0,
        output: str = "",
        error: str = "",
        paths: Sequence[str] | None = None,
        packages: Sequence[str] | None = None,
    ) -> None:
        """Tell that code was run."""
        self.note(
            "code_execution",
            language=language,
            code=code,
            execution_time=execution_time,
            output_size_kb=output_size_kb,
            output=output,
            error=error,
            paths=list(paths or ()),
            packages=list(packages or ()),
        )

    def record_communication(
        self,
        *,
        channel: str,
        recipient: str = "",
        body: str = "",
        subject: str = "",
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Tell that something was sent to somebody."""
        self.note(
            "communication",
            channel=channel,
            recipient=recipient,
            body=body,
            subject=subject,
            metadata=dict(metadata or {}),
        )

    def set_privacy_context(
        self, *, consent_token: str = "", execution_region: str = "", data_purpose: str = ""
    ) -> None:
        """Tell where this runs, with whose consent, and what for."""
        self.note(
            "privacy_context",
            consent_token=consent_token,
            execution_region=execution_region,
            data_purpose=data_purpose,
        )

    def record_emitted_signal(self, *, signal_name: str) -> None:
        """Tell that a signal was given."""
        self.note("signal", signal_name=signal_name)

    def record_domain_intent(self, *, domain_name: str, action_name: str) -> None:
        """Tell what is about to be done in a domain."""
        self.note("domain_intent", domain_name=domain_name, action_name=action_name)

    def record_breach_signal(self, *, signal: str, event_at: str = "") -> None:
        """Tell of a sign that data got out."""
        self.note("breach_signal", signal=signal, event_at=event_at)

    def record_erasure_request(self, *, subject_id: str, requested_at: str = "") -> None:
        """Tell that somebody wants their data erased; `remit log erase` does it."""
        self.note("erasure_request", subject_id=subject_id, requested_at=requested_at)

    def record_pending_action(
        self, *, kind: str, tool: str = "", args: Mapping[str, Any] | None = None
    ) -> None:
        """Tell what waits to be done."""
        self.note("pending_action", pending=kind, tool=tool, given=dict(args or {}))

    def record_memory_write(
        self,
        *,
        memory_type: str,
        content: str = "",
        slot_name: str = "",
        scope_key: str = "",
        data: Any = None,
    ) -> None:
        """Tell that something was remembered. Nothing is stored by that."""
        self.note(
            "memory_write",
            memory_type=memory_type,
            content=content,
            slot_name=slot_name,
            scope_key=scope_key,
            data=data,
        )

    def record_memory_recall(
        self,
        *,
        query: str = "",
        tier: str = "episodic",
        store: str = "",
        results_count: int = 0,
        top_score: float | None = None,
        slot_name: str = "",
        results: Sequence[Any] | None = None,
    ) -> None:
        """Tell that something was recalled."""
        self.note(
            "memory_recall",
            query=query,
            tier=tier,
            store=store,
            results_count=results_count,
            top_score=top_score,
            slot_name=slot_name,
            results=list(results or ()),
        )

    def record_prompt_use(
        self, name: str, version: int = 0, label: str = "", content_hash: str = ""
    ) -> None:
        """Tell which prompt of a library was used."""
        self.note("prompt", name=name, version=version, label=label, content_hash=content_hash)
