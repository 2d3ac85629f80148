"""No framework: the loop is a function, and makes its calls again."""

from __future__ import annotations

import contextlib

from story import AMOUNT, Process

import remit


def ask(process: Process, orders: list[str]) -> None:
    refund = process.guard.protect(process.refund)
    for order in orders:
        with contextlib.suppress(remit.Blocked):
            refund(order, AMOUNT)


def resume(process: Process, orders: list[str]) -> None:
    for _ in range(process.times):
        ask(process, orders)
