"""`remit init`: a policy, a test of it, and a program that is governed by it."""

from __future__ import annotations

from pathlib import Path

from remit.cli import screen
from remit.cli.exits import Exit, Stop
from remit.cli.given import Force

POLICY = """\
# What agents may do here. What no rule allows is denied.
#
# The order of the rules does not matter: deny beats ask, and ask beats allow.
# Check it with `remit check`, test it with `remit test`, and see why it decides
# as it does with `remit explain refund --args '{"amount": 400}'`.

remit: 1
name: example
default: deny

# What a rule names and no tool has is a mistake: nothing misspelt loads.
tools:
  refund:
    properties: {order_id: {type: string}, amount: {type: number}}
    required: [order_id, amount]

rules:
  # Conditions are CEL; `args` are the arguments the function gets.
  - id: small-refund
    action: refund
    when: args.amount > 0 && args.amount <= 100
    effect: allow
    risk: low

  # An ask is a denial that somebody may lift: here, whoever sits at the terminal.
  # `approvers: [role:manager]` would ask for more.
  - id: large-refund
    action: refund
    when: args.amount > 100 && args.amount <= 1000
    effect: ask
    risk: high
    reason: Refunds over $100 need a person

  # `default: deny` refuses the rest. This rule is here for its reason and its advice,
  # which the agent is told.
  - id: huge-refund
    action: refund
    when: args.amount > 1000
    effect: deny
    reason: Nobody here refunds more than $1000
    advice: Refund at most $1000
"""

TEST = """\
# What the policy is expected to decide. Run it with `remit test`.

remit-test: 1
policy: [remit.yaml]

cases:
  - name: a small refund needs nobody
    request: {subject: agent:support, action: refund, args: {order_id: o-1, amount: 80}}
    expect: {effect: allow, rules: [small-refund]}

  - name: a large refund needs a person
    request: {subject: agent:support, action: refund, args: {order_id: o-1, amount: 400}}
    expect: {effect: ask, rules: [large-refund]}

  - name: a huge refund is refused, and the agent is told what would do
    request: {subject: agent:support, action: refund, args: {order_id: o-1, amount: 4000}}
    expect: {effect: deny, rules: [huge-refund], advice: Refund at most $1000}

  - name: a refund of less than nothing is none
    request: {subject: agent:support, action: refund, args: {order_id: o-1, amount: -5}}
    expect: {effect: deny, rules: []}

  - name: what nobody thought of is denied
    request: {subject: agent:support, action: delete_customer}
    expect: {effect: deny, rules: []}
"""

EXAMPLE = '''\
"""What `refund` may do stands in remit.yaml; what it did, in .remit/ledger.db."""

import remit


@remit.protect
def refund(order_id: str, amount: float) -> str:
    return f"{amount} paid back for {order_id}"


with remit.acting_as("agent:support"):
    for amount in (80, 400, 4000):
        try:
            print(refund("o-1", amount))
        except remit.Denied as refusal:
            print(refusal)
'''

FILES = {"remit.yaml": POLICY, "remit-test.yaml": TEST, "example.py": EXAMPLE}


def init(folder: Path = Path(), /, *, force: Force = False) -> None:
    """Begin: write a policy, a test of it and a program that is governed by it.

        remit init
        remit init refunds

    Then, in that folder: remit check, remit test, python example.py, remit log list.

    Args:
        folder: where to; it is made if it is not there.
        force: overwrite what is there.
    """
    targets = {folder / name: text for name, text in FILES.items()}
    there = [str(path) for path in targets if path.exists()]
    if there and not force:
        message = f"{', '.join(there)}: already there, and nothing was written; --force overwrites"
        raise Stop(Exit.FAILED, message)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in targets.items():
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Stop(Exit.FAILED, f"{error.filename}: {error.strerror}") from error
    for path in targets:
        screen.say("wrote ", (str(path), "bold"))
    enter = "" if folder == Path() else f"cd {folder} && "
    screen.say()
    screen.say(f"next: {enter}remit check && remit test && python example.py")
