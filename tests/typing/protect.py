"""What a type checker must see; mypy reads this file, nothing runs it."""

from __future__ import annotations

from typing import assert_type

import remit


def functions(guard: remit.Guard) -> None:
    @guard.protect
    def refund(amount: int) -> str:
        return str(amount)

    @guard.protect(action="fetch", resource="url")
    async def fetch(url: str) -> bytes:
        return url.encode()

    assert_type(refund(5), str)
    refund("5")  # type: ignore[arg-type]
    fetch(5)  # type: ignore[arg-type]


async def awaited(guard: remit.Guard, request: remit.Request) -> None:
    assert_type(guard.call(request, lambda: 5), int)
    assert_type(await guard.acall(request, lambda: "x"), str)


@remit.protect
def plainly(amount: int) -> str:
    return str(amount)


assert_type(plainly(5), str)


class Silent:
    """Ports are structural: anything with the right method is one."""

    def ask(self, question: remit.ApprovalRequest, /) -> tuple[remit.Approval, ...]:
        return ()


approver: remit.Approver = Silent()
