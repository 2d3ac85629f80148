"""The manager, at another terminal: what waits, and her answer to it."""

import argparse

from day import at

import remit

MARIA = remit.Subject("user", "maria", {"roles": ["manager"]})

parser = argparse.ArgumentParser()
parser.add_argument("answer", choices=["look", "approve", "refuse"])
parser.add_argument("--at", required=True, help="what time it is, such as 10:00")
given = parser.parse_args()

ledger = remit.SqliteLedger("audit.db", clock=at(given.at))
desk = remit.Desk(ledger, people={str(MARIA): MARIA}, clock=at(given.at))

for case in desk.cases():
    request = case.question.request
    arguments = ", ".join(f"{name}={value!r}" for name, value in request.action.properties.items())
    print(f"{request.subject} asks to {request.action.name}: {arguments}")
    print(f"  {case.question.decision.reason}")
    if given.answer == "approve":
        desk.approve(case.id, MARIA, reason="the parcel was lost")
    elif given.answer == "refuse":
        desk.refuse(case.id, MARIA)
    print(f"  {desk.status(desk.case(case.id))}")

ledger.close()
