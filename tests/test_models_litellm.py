from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import model_answers as answers
import pytest

COSTS = {
    "openai/gpt-4o": answers.CHAT_COST,
    "anthropic/claude-sonnet-5": answers.MESSAGES_COST,
    "gemini/gemini-2.5-flash": answers.GEMINI_COST,
}
CLEAN = "The card is [CARD_1], and that is all there is to say about it."


@pytest.fixture(scope="module")
def cases():
    """What came of asking three providers, in a stream and not, synchronously and not."""
    here = Path(__file__).parent
    offline = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    command = [sys.executable, str(here / "litellm_calls.py")]
    done = subprocess.run(
        command, env=offline, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found) == 12
    return found


def test_every_call_is_recorded_once_with_its_tokens_and_its_cost(cases):
    for case in cases:
        assert case["recorded"]["heard"] == answers.SAID, case
        (call,) = case["recorded"]["told"]
        assert call["cost"] == COSTS[case["model"]], case
        assert call["provider"] == case["model"].partition("/")[0]
        assert "error" not in call, case


def test_a_card_number_never_reaches_the_caller_however_it_is_cut(cases):
    assert {case["redacted"]["heard"] for case in cases} == {CLEAN}


def test_a_denied_prompt_is_not_sent_and_the_caller_is_told_so(cases):
    assert {case["prompt"]["sent"] for case in cases} == {0}
    assert {case["prompt"]["heard"] for case in cases} == {"remit.errors.Denied"}


def test_a_denied_answer_reaches_nobody_and_the_caller_is_told_so(cases):
    assert {case["answer"]["sent"] for case in cases} == {1}
    assert {case["answer"]["heard"] for case in cases} == {"remit.errors.Denied"}
