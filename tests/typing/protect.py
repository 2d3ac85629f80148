"""What a type checker must see; mypy reads this file, nothing runs it."""

from __future__ import annotations

from typing import assert_type

import remit


def functions(guard: remit.Guard) -> None:
    @guard.protect
    def refund(amount: int) -> str:
        return str(amount)

    @guard.protect(action="pay", resource="order:{order}", opaque=["book"])
    def pay(order: str, book: object) -> bytes:
        return order.encode()

    assert_type(pay("o-1", object()), bytes)
    assert_type(refund(5), str)
    refund("5")  # type: ignore[arg-type]
    assert_type(refund(amount=5), str)


async def awaited(guard: remit.Guard, request: remit.Request) -> None:
    assert_type(guard.call(request, lambda: 5), int)
    assert_type(await guard.acall(request, lambda: "x"), str)

    @guard.protect
    async def fetch(url: str) -> bytes:
        return url.encode()

    assert_type(await fetch("x"), bytes)
    await fetch(5)  # type: ignore[arg-type]


@remit.protect
def plainly(amount: int) -> str:
    return str(amount)


assert_type(plainly(5), str)


class Silent:
    """Ports are structural: anything with the right method is one."""

    def ask(self, question: remit.ApprovalRequest, /) -> tuple[remit.Approval, ...]:
        return ()


approver: remit.Approver = Silent()
