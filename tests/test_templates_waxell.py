"""The templates for what Waxell has categories for: without findings, and shown by their cases."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from remit import Guard, MemoryLedger, MemoryMeter, load
from remit.compat import waxell
from remit.compat.waxell import PolicyViolationError, WaxellContext
from remit.policy import cases
from remit.policy.coverage import cover

FOLDER = Path(str(files("remit"))) / "templates" / "waxell"
TEMPLATES = sorted(path.parent for path in FOLDER.glob("*/remit.yaml"))
CATEGORIES = {
    "approval", "budget", "chargeback-attribution", "code-execution", "content", "data-residency",
    "delegation", "end-user-suspension", "kill", "llm", "network", "privacy",
    "provenance-required", "quality", "rate-limit", "retrieval", "safety", "scheduling", "scope",
    "starting-point", "tool-allowlist",
}  # fmt: skip
PAGE = Path(__file__).parents[1] / "docs" / "coming-from" / "waxell.md"


def suite(template):
    file = template / "remit-test.yaml"
    return cases.load(file.read_bytes(), str(file)).cases


@pytest.fixture(params=TEMPLATES, ids=lambda template: template.name)
def template(request):
    return request.param


def test_there_is_one_for_each_category_and_the_page_names_it():
    assert {template.name for template in TEMPLATES} == CATEGORIES
    page = PAGE.read_text(encoding="utf-8")
    assert [name for name in sorted(CATEGORIES) if f"`{name}`" not in page] == []


def test_a_template_has_no_findings_and_says_what_it_is_for(template):
    assert [str(found) for found in load(template / "remit.yaml").check(strict=True)] == []
    assert (template / "remit.yaml").read_text("utf-8").startswith("# ")


def test_the_rules_of_a_template_are_named_after_its_category(template):
    if template.name == "starting-point":
        return
    rules = load(template / "remit.yaml").rules
    assert [rule for rule in rules if not rule.startswith(f"{template.name}.")] == []


def test_the_cases_of_a_template_hold_and_show_all_of_it(template):
    policy = load(template / "remit.yaml")
    outcomes = [cases.run(policy, case) for case in suite(template)]
    assert [str(outcome) for outcome in outcomes if not outcome.passed] == []
    assert [
        str(gap) for gap in cover(policy, [case.request for case in suite(template)]).gaps
    ] == []


@pytest.fixture
def stacked(guarding):
    """The guard of a program that loads some of them over the starting point."""

    return lambda *names, **options: guarding("starting-point", *names, **options)


@pytest.fixture
def guarding(monkeypatch):
    """The guard of a program that loads these."""

    def make(*names, **options):
        policy = load(*(FOLDER / name / "remit.yaml" for name in names))
        guard = Guard(policy, ledger=MemoryLedger(), **options)
        monkeypatch.setattr("remit.default._guard", guard)
        return guard

    return make


def refusal(error):
    result = error.value.policy_result
    return result.action, [each["category"] for each in result.evaluations]


@waxell.tool
def search(query: str) -> str:
    return query


def test_a_spent_budget_stops_the_run_before_its_next_tool(stacked):
    stacked("budget", meter=MemoryMeter())
    with WaxellContext("a") as context:
        assert search("x") == "x"
        with pytest.raises(PolicyViolationError) as stopped:
            context.record_llm_call(model="gpt-4o", tokens_in=1, tokens_out=1)
        assert refusal(stopped) == ("block", ["budget"])
        with pytest.raises(PolicyViolationError, match="spent"):
            search("x")


def test_an_agent_that_runs_too_often_is_throttled(stacked):
    stacked("rate-limit", meter=MemoryMeter())
    for _ in range(100):
        with WaxellContext("a", mid_execution_governance=False):
            pass
    with pytest.raises(PolicyViolationError, match="100 times an hour") as stopped:
        WaxellContext("a").__enter__()
    assert refusal(stopped) == ("throttle", ["rate-limit"])
    with WaxellContext("b"):
        pass


def test_personal_data_is_taken_out_on_the_way_in_and_on_the_way_back(guarding):
    guarding("privacy")

    @waxell.tool
    def save_note(text: str) -> str:
        return f"saved: {text}"

    @waxell.tool
    def read_customer() -> dict[str, str]:
        return {"mail": "ann@example.com"}

    with WaxellContext("a", inputs={"ssn": "x", "card": "4111 1111 1111 1111"}) as context:
        assert context.inputs == {"ssn": "[REDACTED]", "card": "[CARD_1]"}
        assert save_note("to ann@example.com") == "saved: to [EMAIL_1]"
        assert read_customer() == {"mail": "[EMAIL_1]"}


def test_a_kill_switch_is_above_everything(stacked):
    stacked("kill", "approval")
    with pytest.raises(PolicyViolationError) as stopped:
        WaxellContext("rogue-1", "delete", on_policy_block=waxell.auto_approve).__enter__()
    assert refusal(stopped) == ("block", ["kill"])


def test_whom_the_approval_names_can_lift_it_and_nobody_else(stacked):
    stacked("approval")

    def ops(error):
        assert waxell.extract_block_metadata(error) == {
            "reason": "Deletion requires approval",
            "action_type": "delete",
            "approvers": ["user:ops@example.com", "role:operator"],
            "timeout_minutes": 5,
        }
        return waxell.ApprovalDecision(approved=True, approver="ops@example.com")

    with WaxellContext("a", "delete", on_policy_block=ops):
        pass
    with pytest.raises(PolicyViolationError) as stopped:
        WaxellContext("a", "delete", on_policy_block=waxell.auto_approve).__enter__()
    assert stopped.value.policy_result.blocked


def test_quality_has_the_answer_written_again(stacked):
    stacked("quality")

    @waxell.observe(agent_name="a", retries=2)
    def answer(feedback=""):
        return "Your parcel arrives on Monday." if "full sentence" in feedback else "Monday."

    assert answer() == "Your parcel arrives on Monday."


def test_what_a_run_says_of_itself_is_held_against_the_templates(stacked):
    stacked("scope", "network", "delegation", "retrieval", "data-residency", "provenance-required")
    told = {
        "scope": lambda context: context.record_scope_impact(records_modified=101),
        "network": lambda context: context.record_network_request(url="https://evil.example/"),
        "delegation": lambda context: context.record_delegation(delegate="stranger"),
        "retrieval": lambda context: context.record_retrieval_result(relevance_score=0.1),
        "data-residency": lambda context: context.set_privacy_context(execution_region="us"),
        "provenance-required": lambda context: context.record_grounding(
            citations=["p"], unsupported_claims=["free"]
        ),
    }
    for category, tell in told.items():
        with WaxellContext("a") as context, pytest.raises(PolicyViolationError) as stopped:
            tell(context)
        assert refusal(stopped) == ("block", [category])
    with WaxellContext("a") as context:
        context.record_scope_impact(records_modified=100)
        context.record_network_request(url="https://en.wikipedia.org/")
        context.record_delegation(delegate="search")
        context.record_retrieval_result(relevance_score=0.9, age_days=3)
        context.set_privacy_context(execution_region="eu")
        context.record_grounding(citations=["p"])
