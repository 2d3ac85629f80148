"""A policy of ours is a decider like any other."""

import pytest
from decider_contract import *  # noqa: F403 - the tests of the contract run as tests of this module
from decider_contract import YAML

from remit.policy import Policy


@pytest.fixture(scope="module")
def decider():
    return Policy.parse(YAML)
