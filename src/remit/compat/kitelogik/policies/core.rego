# core.yaml, in Rego, for projects that decide in OPA.

package kitelogik.core

_critical(rule, reason) := {"rule": rule, "tier": "SECURITY_CRITICAL", "reason": reason}

_denial(rule, reason) := {"rule": rule, "tier": "OPERATIONAL", "reason": reason}

_grant(rule, tier) := {"rule": rule, "tier": tier}

_is_call if input.event_type == "tool_call"

_action := lower(input.action)

# Files

_secret := {
	`\.(env|pem|key|secret|crt|p12|pfx|passwd|shadow)(\.|/|$)`,
	`(^|/)(\.ssh|\.aws|\.gnupg|\.kube|\.netrc|id_(rsa|dsa|ecdsa|ed25519))(/|$)`,
}

_system := {`^/(etc|proc|sys|root|var/run)(/|$)`, `^[a-z]:/(windows|users)(/|$)`}

denying contains _critical("core.secret_file", "No tool reads or writes files with secrets in them") if {
	some path in input.paths
	some pattern in _secret
	regex.match(pattern, path)
}

denying contains _critical("core.system_file", "No tool touches the files of the system") if {
	some path in input.paths
	some pattern in _system
	regex.match(pattern, path)
}

denying contains _critical("core.path_traversal", "No path leads upwards") if {
	some path in input.paths
	regex.match(`(^|/)\.\.(/|$)`, path)
}

# Code, and other people's sessions

_sandboxed if input.context.sandbox_verified == true

denying contains _critical("core.outside_the_sandbox", "Code runs only in a sandbox that was verified") if {
	_action in {"execute_shell", "run_command", "eval_code", "execute_code"}
	not _sandboxed
}

denying contains _critical("core.foreign_session", "A session has its own data only") if {
	input.args.session_id != input.context.session_id
}

# Delegation

_depth := input.context.delegation_depth

_small if {
	is_number(input.args.amount)
	input.args.amount >= 0
	input.args.amount <= 50
}

denying contains _critical(
	"core.delegated_too_often",
	"At most two delegations lie between a person and an agent",
) if {
	_depth > 2
}

denying contains _critical(
	"core.delegated_refund",
	"An agent that was delegated to refunds at most $50",
) if {
	_action == "approve_refund"
	_is_call
	_depth == 1
	not _small
}

denying contains _critical(
	"core.twice_delegated_refund",
	"An agent that was delegated to twice refunds nothing",
) if {
	_action == "approve_refund"
	_is_call
	_depth >= 2
}

_held if {
	every capability in input.requested_capabilities {
		capability in input.context.session_scopes
	}
}

_may_spawn if {
	_depth <= 2
	_held
}

_may_delegate if {
	_depth <= 1
	_held
}

denying contains _denial(
	"core.forbidden_spawn",
	"An agent is started with what its parent has, and not below the second delegation",
) if {
	input.event_type == "agent.spawn"
	not _may_spawn
}

denying contains _denial(
	"core.forbidden_delegation",
	"An agent hands on what it has, and not below the first delegation",
) if {
	input.event_type == "agent.delegate"
	not _may_delegate
}

# Plans

_some_steps if {
	count(input.steps) >= 1
	count(input.steps) <= 50
}

_forbidden_step if {
	some step in input.steps
	some key in ["tool_name", "tool", "name", "action"]
	step[key] in {"execute_shell", "run_command", "drop_database", "delete_all"}
}

_may_plan if {
	_some_steps
	not _forbidden_step
}

denying contains _denial(
	"core.forbidden_plan",
	"A plan has 1 to 50 steps, and none that nobody may take",
) if {
	input.event_type == "agent.plan"
	not _may_plan
}

# Budgets

_left(total, used) if {
	is_number(used)
	used < total
}

_tokens_left if _left(input.context.budget_total_tokens, input.context.budget_used_tokens)

_calls_left if _left(input.context.budget_total_api_calls, input.context.budget_used_api_calls)

_money_left if _left(input.context.budget_total_cost_cents, input.context.budget_used_cost_cents)

denying contains _denial("core.tokens_used_up", "The budget of tokens is used up") if {
	is_number(input.context.budget_total_tokens)
	not _tokens_left
}

denying contains _denial("core.calls_used_up", "The budget of calls is used up") if {
	is_number(input.context.budget_total_api_calls)
	not _calls_left
}

denying contains _denial("core.money_used_up", "The budget of money is used up") if {
	is_number(input.context.budget_total_cost_cents)
	not _money_left
}

# Classification

_class := input.data_classification

_may_see if _class in {"public", "internal"}

_may_see if {
	_class == "confidential"
	_depth == 0
}

_may_see if {
	_class == "restricted"
	"restricted_data" in input.context.session_scopes
}

denying contains _denial("core.classified", "Data of this classification does not go there") if {
	_class != null
	not _may_see
}

# What is allowed

_at_most(limit) if {
	is_number(input.args.amount)
	input.args.amount >= 0
	input.args.amount <= limit
}

_up_to_100 if {
	is_number(input.args.amount)
	input.args.amount <= 100
}

allowing contains _grant("core.read_customers", "INFORMATIONAL") if {
	_action in {"read_customer_record", "list_transactions"}
	_is_call
	"read_customer" in input.context.session_scopes
}

allowing contains _grant("core.refund_under_100", "TRANSACTIONAL_LOW") if {
	_action == "approve_refund"
	_is_call
	input.context.user_role in {"support_agent", "manager", "worker_agent"}
	"approve_refund_under_100" in input.context.session_scopes
	_at_most(100)
}

allowing contains _grant("core.refund_under_1000", "TRANSACTIONAL_HIGH") if {
	_action == "approve_refund"
	_is_call
	input.context.user_role == "manager"
	"approve_refund_under_1000" in input.context.session_scopes
	_at_most(1000)
}

asking contains {
	"rule": "core.large_refund",
	"tier": "TRANSACTIONAL_HIGH",
	"reason": "Refunds over $100 need a person",
} if {
	_action == "approve_refund"
	_is_call
	not _up_to_100
}

allowing contains _grant("core.notify", "OPERATIONAL") if {
	_action == "send_notification"
	_is_call
	"send_notifications" in input.context.session_scopes
}

allowing contains _grant("core.read_memory", "INFORMATIONAL") if {
	_action == "query_memory"
	_is_call
	input.context.session_id != ""
}

allowing contains _grant("core.write_memory", "OPERATIONAL") if {
	_action == "write_memory"
	_is_call
	"memory_write" in input.context.session_scopes
}

allowing contains _grant("core.run_in_the_sandbox", "OPERATIONAL") if {
	_action == "execute_code"
	_is_call
	_sandboxed
}

allowing contains _grant("core.events", "OPERATIONAL") if {
	input.event_type in {"agent.spawn", "agent.delegate", "agent.plan", "agent.budget"}
}
