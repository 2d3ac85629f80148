"""The person, in another process: `python answer.py FOLDER` answers what waits in its ledger."""

from __future__ import annotations

import sys
from pathlib import Path

from story import RUNS

import remit

MARIA = remit.Subject("user", "maria", {"roles": ["manager"]})


def main(folder: Path) -> None:
    ledger = remit.SqliteLedger(folder / "audit.db")
    desk = remit.Desk(ledger)
    for case in desk.cases():
        request = case.question.request
        run = RUNS[request.session.id.partition(": ")[2]]
        match run.orders[request.action.properties["order"]]:
            case "approve":
                desk.approve(case.id, MARIA)
            case "refuse":
                desk.refuse(case.id, MARIA, reason="no")
    ledger.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
