"""The inbox where the ledger lies in a database: the same, by the clock of the database."""

# ruff: noqa: F811 - the fixtures that tests name are imported

from __future__ import annotations

import pytest
from batch_contract import *  # noqa: F403 - likewise
from inbox_contract import *  # noqa: F403 - the tests of the contract run as tests of this module
from inbox_contract import MARIA, Desk, clock  # noqa: F401 - fixtures
from postgres_server import KEY, PostgresLedger, server, url  # noqa: F401 - fixtures

import remit


@pytest.fixture
def make(url, clock):
    opened = []

    def open_again():
        opened.append(PostgresLedger(url, signer=KEY, clock=clock))
        return opened[-1]

    yield open_again
    for one in opened:
        one.close()


def test_the_clock_is_that_of_the_database_unless_another_is_given(url, clock):
    with PostgresLedger(url, signer=KEY) as ledger:
        desk = Desk(ledger, clock)
        with pytest.raises(remit.Conflict, match="is not that of the ledger"):
            desk.inbox.approve(desk.pending(), MARIA)
