"""What policies mean, case by case; `test_policy_reference` says the same in general."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.canonical import freeze
from remit.model import (
    Action,
    Approval,
    Decision,
    Effect,
    Obligation,
    Request,
    Resource,
    Risk,
    Session,
    Subject,
)
from remit.policy import Policy

AGENT = Subject("agent", "support-7")


def policy(*rules: str, head: str = "", name: str = "test") -> Policy:
    lines = "".join(f"  - {rule}\n" for rule in rules)
    return Policy.parse(f"remit: 1\nname: {name}\n{head}\nrules:\n{lines or '  []'}\n")


def request(name: str = "x", /, **args) -> Request:
    return Request(AGENT, Action(name, args), at=1_780_000_000 * 10**9)


def test_nothing_is_allowed_unless_a_rule_allows_it():
    decision = policy().decide(request())
    assert (decision.effect, decision.reason, decision.rules) == (
        Effect.DENY,
        "no rule allows it",
        (),
    )
    assert Policy().decide(request()).reason == "no rule allows it"


def test_severity_outweighs_the_order_of_rules():
    rules = [
        "{id: yes, action: x, effect: allow}",
        "{id: ask, action: x, effect: ask}",
        "{id: no, action: x, effect: deny}",
    ]
    for order in (rules, rules[::-1]):
        assert policy(*order).decide(request()).rules == ("no",)
        assert policy(*[r for r in order if "deny" not in r]).decide(request()).rules == ("ask",)


def test_all_rules_of_the_winning_severity_are_named():
    two = policy("{id: a, action: x, effect: deny}", "{id: b, action: '*', effect: deny}")
    assert two.decide(request()).rules == ("a", "b")


def test_the_first_match_decides_where_a_document_says_so():
    rules = (
        "{id: small, action: x, when: args.n < 5, effect: allow}",
        "{id: rest, action: '*', effect: deny}",
        "{id: late, action: x, effect: allow}",
    )
    firewall = policy(*rules, head="order: first-match")
    assert firewall.decide(request(n=1)).rules == ("small",)
    assert firewall.decide(request(n=9)).rules == ("rest",)


def test_a_rule_that_errs_denies_if_it_denies_and_does_not_allow_if_it_allows():
    strict = policy("{id: no, action: x, when: args.n > 5, effect: deny}", head="default: allow")
    decision = strict.decide(request())
    assert (decision.effect, decision.rules) == (Effect.DENY, ("no",))
    assert decision.reason == "rule 'no' denies it, because its condition cannot be evaluated"
    assert decision.errors[0].startswith("no: ")
    loose = policy("{id: yes, action: x, when: args.n > 5, effect: allow}")
    decision = loose.decide(request(n="6"))
    assert (decision.effect, decision.rules) == (Effect.DENY, ())
    assert decision.errors[0].startswith("yes: ")


@pytest.mark.parametrize("value", [True, "42", None, [42], {"n": 42}])
def test_only_numbers_are_numbers(value):
    allow = policy("{id: yes, action: x, when: args.n > 0, effect: allow}")
    assert allow.decide(request(n=42)).allowed
    assert not allow.decide(request(n=value)).allowed


def test_monitored_rules_report_and_never_decide():
    rules = policy(
        "{id: yes, action: x, effect: allow}",
        "{id: try, action: x, effect: deny, mode: monitor}",
        "{id: err, action: x, when: args.n > 5, effect: ask, mode: monitor}",
        "{id: other, action: y, effect: deny, mode: monitor}",
    )
    decision = rules.decide(request())
    assert (decision.effect, decision.rules) == (Effect.ALLOW, ("yes",))
    assert decision.monitored == ("try: deny", "err: ask")
    assert decision.errors[0].startswith("err: ")


def test_a_monitored_document_reports_under_its_name():
    live = policy("{id: yes, action: x, effect: allow}", name="live")
    trial = policy("{id: no, action: x, effect: deny}", name="trial", head="mode: monitor")
    decision = live.stack(trial).decide(request())
    assert (decision.effect, decision.monitored) == (Effect.ALLOW, ("trial/no: deny",))


def test_the_strictest_layer_wins_and_rules_carry_the_names_of_their_documents():
    organisation = policy("{id: no, action: y, effect: deny}", head="default: abstain", name="org")
    team = policy("{id: all, action: '*', effect: allow}", name="team")
    stacked = organisation.stack(team)
    assert stacked.decide(request("x")).rules == ("team/all",)
    assert stacked.decide(request("y")).rules == ("org/no",)
    assert team.stack(organisation).decide(request("y")).rules == ("org/no",)
    closed = policy(name="closed")
    assert stacked.stack(closed).decide(request("x")).reason == "no rule allows it"


def test_layers_that_all_abstain_deny():
    abstaining = policy(head="default: abstain")
    assert abstaining.decide(request()).reason == "no rule allows it"


def test_a_denial_by_default_is_not_put_to_people():
    asks = policy("{id: ask, action: x, effect: ask}", name="asks", head="default: abstain")
    closed = policy(name="closed")
    assert asks.decide(request()).approval is not None
    assert asks.stack(closed).decide(request()).approval is None


def test_a_decision_carries_what_its_rules_say():
    rules = policy(
        "{id: a, action: x, effect: allow, risk: low, obligations: [{type: redact, fields: [n]}]}",
        "{id: b, action: x, effect: allow, risk: high, reason: why not, advice: be quick,"
        " obligations: [{type: redact, fields: [n]}, {type: notify}]}",
    )
    decision = rules.decide(request())
    assert decision.reason == "rule 'a' allows it"
    assert decision.risk is Risk.HIGH
    assert decision.advice == "be quick"
    assert decision.obligations == (Obligation("redact", {"fields": ["n"]}), Obligation("notify"))
    assert decision.policy == rules.digest


def test_subjects_and_resources_are_matched_with_their_types():
    rules = policy(
        "{id: who, action: '*', subject: ['agent:support-*', 'user:*'], effect: allow}",
        "{id: what, action: '*', resource: 'file:/etc/*', effect: deny}",
    )
    assert rules.decide(request()).rules == ("who",)
    assert not rules.decide(Request(Subject("agent", "billing"), Action("x"))).allowed
    etc = Request(AGENT, Action("x"), Resource("file", "/etc/passwd"))
    assert rules.decide(etc).rules == ("what",)


CONDITIONS = {
    "subject.type == 'agent' && subject.id.startsWith('support-')": True,
    "subject.properties.team == 'a'": True,
    "action.name == 'x' && action.properties.n == 1": True,
    "args.n == 1 && args.who.name == 'bob'": True,
    "resource.type == 'file' && resource.properties.size > 5": True,
    "session.role == 'staff' && 'refunds' in session.scopes && session.depth == 2": True,
    "session.user == 'ursula' && session.tenant == 't' && session.id == 's'": True,
    "session.region == 'eu'": True,
    "session.region == 'us'": False,
    "context.ip.startsWith('10.')": True,
    "now > timestamp('2026-01-01T00:00:00Z')": True,
    "has(args.absent)": False,
    "!has(args.absent) || args.absent > 1": True,
}


@pytest.mark.parametrize("condition", CONDITIONS)
def test_conditions_see_the_whole_request(condition):
    asked = Request(
        Subject("agent", "support-7", {"team": "a"}),
        Action("x", {"n": 1, "who": {"name": "bob"}}),
        Resource("file", "/tmp/x", {"size": 9}),
        Session("s", "staff", ("refunds",), "ursula", "t", 2, {"region": "eu"}),
        {"ip": "10.0.0.1"},
        at=1_780_000_000 * 10**9,
    )
    decision = policy(f'{{id: a, action: x, when: "{condition}", effect: allow}}').decide(asked)
    assert decision.errors == ()
    assert decision.allowed is CONDITIONS[condition]


def test_the_digest_names_the_bytes_of_the_documents_and_their_order():
    one, other = policy(name="one"), policy(name="other")
    assert one.digest == policy(name="one").digest
    digests = {one.digest, other.digest, one.stack(other).digest, other.stack(one).digest}
    assert len(digests) == 4
    assert one.decide(request()).policy == one.digest


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=5),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(st.text(max_size=3) | st.sampled_from(["n", "s"]), children, max_size=3)
    ),
    max_leaves=6,
)
TEXT = st.text(max_size=12) | st.sampled_from(["x", "support-7", "\ud800", "x" * 5000])
ANYTHING = st.builds(
    Request,
    subject=st.builds(Subject, TEXT, TEXT),
    action=st.builds(
        Action,
        TEXT,
        st.dictionaries(st.sampled_from(["n", "s", "m"]), JSON, max_size=3).map(freeze),
    ),
    resource=st.builds(Resource, TEXT, TEXT),
    session=st.builds(Session, id=TEXT, user=TEXT, scopes=st.lists(TEXT, max_size=2).map(tuple)),
    at=st.integers(),
    approvals=st.lists(
        st.builds(Approval, st.booleans(), st.builds(Subject, TEXT, TEXT), TEXT, st.integers()),
        max_size=2,
    ).map(tuple),
)
BUSY = policy(
    "{id: a, action: '*', when: args.n > 5, effect: deny, approvers: ['user:x']}",
    "{id: b, action: 'x*', subject: 'agent:s*', when: args.s.startsWith('a'), effect: ask}",
    "{id: c, action: ['*y', x], resource: 'file:*', when: 'args.m[0].k in args.n', effect: allow}",
    "{id: d, action: '?', when: now > timestamp('2026-01-01T00:00:00Z'), effect: allow}",
    head="default: ask",
)


@given(ANYTHING)
def test_no_request_makes_a_policy_raise(asked):
    decision = BUSY.decide(asked)
    assert isinstance(decision, Decision)
    assert BUSY.decide(asked) == decision


def test_what_is_remembered_is_bounded_and_changes_no_decision(monkeypatch):
    monkeypatch.setattr("remit.policy.policy.REMEMBERED", 10)
    names = [f"r{n}" for n in range(8)]
    rules = policy(
        *(f"{{id: {name}, action: x, when: args.n % {n + 2} == 0, effect: allow}}"
          for n, name in enumerate(names))
    )  # fmt: skip
    for n in range(300):
        expected = tuple(name for k, name in enumerate(names) if n % (k + 2) == 0)
        assert rules.decide(request(n=n)).rules == expected
    shapes = rules._dispatch._by_candidates.values()
    assert sum(len(shape.decisions) for shape in shapes) <= 11


def test_a_rule_that_cannot_be_ruled_out_is_asked_however_many_there_are():
    many = policy(*(f"{{id: r{n}, action: x, when: args.n > {n}, effect: deny}}" for n in range(9)))
    assert many.decide(request(n=2)).rules == ("r0", "r1")
    assert len(many.decide(request()).errors) == 9
    assert len(many.decide(request(n="2")).errors) == 9


def test_threads_may_share_a_policy():
    rules = policy(
        *(f"{{id: r{n}, action: 'x{n}*', when: args.n > 1, effect: allow}}" for n in range(50))
    )
    asked = [request(f"x{n % 50}{n}", n=n % 3) for n in range(2000)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(rules.decide, asked))
    assert all(
        a.allowed == (r.action.properties["n"] == 2) for a, r in zip(answers, asked, strict=True)
    )
    assert not any("could not decide" in answer.reason for answer in answers)


def test_what_is_no_request_is_denied():
    decision = BUSY.decide(None)
    assert (decision.effect, decision.reason) == (Effect.DENY, "the policy could not decide it")
    assert BUSY.decide(Request(AGENT, Action(7))).effect is Effect.DENY


def test_an_explanation_says_what_did_not_fit_and_what_was_seen():
    rules = policy(
        "{id: other, action: y, effect: deny}",
        "{id: who, action: x, subject: 'user:*', effect: deny}",
        "{id: what, action: x, resource: 'file:*', effect: deny}",
        "{id: big, action: x, when: args.n > 5, effect: deny}",
        "{id: erring, action: x, when: args.m > 5, effect: allow}",
        "{id: fits, action: 'x*', when: args.n < 5, effect: allow}",
    )
    explanation = rules.explain(request(n=3))
    assert [(e.label, e.match.value, e.why) for e in explanation.rules[:4]] == [
        ("other", "not matched", "action"),
        ("who", "not matched", "subject"),
        ("what", "not matched", "resource"),
        ("big", "not matched", "when"),
    ]
    big, erring, fits = explanation.rules[3:]
    assert (big.condition, big.saw) == ("args.n > 5", (("args.n", "3"),))
    assert (erring.match.value, erring.saw) == ("erred", (("args.m", "(absent)"),))
    assert fits.match.value == "matched"
    assert "other" not in [rule.label for rule in explanation.candidates]
    assert str(explanation).startswith("allow: rule 'fits' allows it\n")
    assert "(1 rules are about other actions)" in str(explanation)


def test_an_explanation_says_who_lifted_a_rule():
    rules = policy("{id: big, action: x, effect: ask, approvers: ['user:maria']}")
    asked = request()
    answer = Approval(True, Subject("user", "maria"), asked.digest, asked.at)
    lifted = Request(asked.subject, asked.action, at=asked.at, approvals=(answer,))
    (big,) = rules.explain(lifted).rules
    assert (big.match.value, big.why) == ("lifted", "by user:maria")
