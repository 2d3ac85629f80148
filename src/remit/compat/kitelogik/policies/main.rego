# What `data.kitelogik.main` answers: deny before ask, ask before allow, and a gap goes to a person.
# Names that begin with an underscore are this package's own.

package kitelogik.main

import data.kitelogik.core
import data.kitelogik.userpolicy

default allow := false

default deny := false

default requires_hitl := false

default risk_tier := "OPERATIONAL"

deny if count(_denying) > 0

requires_hitl if {
	count(_denying) == 0
	count(_asking) > 0
}

requires_hitl if {
	count(_denying) == 0
	count(_asking) == 0
	count(_allowing) == 0
}

allow if {
	count(_denying) == 0
	count(_asking) == 0
	count(_allowing) > 0
}

deny_reason contains found.reason if some found in _denying

hitl_reason contains found.reason if some found in _asking

hitl_reason contains "no rule allows it without an approval" if {
	requires_hitl
	count(_asking) == 0
}

rules contains found.rule if some found in _deciding

rules contains "default" if {
	requires_hitl
	count(_asking) == 0
}

risk_tier := _tiers[max([i | some found in _deciding; some i, tier in _tiers; tier == found.tier])]

_denying := {found | some found in core.denying} | {found | some found in userpolicy.denying}

_asking := {found | some found in core.asking} | {found | some found in userpolicy.asking}

_allowing := {found | some found in core.allowing} | {found | some found in userpolicy.allowing}

_deciding := _denying if count(_denying) > 0

_deciding := _asking if {
	count(_denying) == 0
	count(_asking) > 0
}

_deciding := _allowing if allow

_tiers := [
	"INFORMATIONAL", "OPERATIONAL", "TRANSACTIONAL_LOW", "TRANSACTIONAL_HIGH", "DESTRUCTIVE",
	"SECURITY_CRITICAL",
]
