"""The shop: a SQLite database, and what can be done with it. Nothing here knows of Remit."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

SEED = Path(__file__).with_name("shop.sql")


class Shop:
    """The shop in the database file at *path*."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, path: Path) -> Shop:
        """A shop as it is on a Monday morning; one that is there already is replaced."""
        path.unlink(missing_ok=True)
        shop = cls(path)
        with shop.database() as database:
            database.executescript(SEED.read_text("utf-8"))
        return shop

    def find_orders(self, email: str) -> list[dict[str, Any]]:
        """Find the orders of a customer.

        Args:
            email: The customer's e-mail address.
        """
        return self.query(
            """
            SELECT orders.id AS "order", item, paid, customers.id AS customer, name
            FROM orders JOIN customers ON customers.id = orders.customer
            WHERE email = ? ORDER BY orders.id
            """,
            email,
        )

    def refund(self, order: int, amount: int) -> str:
        """Refund an order, in part or in full.

        Args:
            order: The number of the order.
            amount: Whole dollars.
        """
        with self.database() as database:
            done = database.execute(
                "INSERT INTO refunds (order_id, amount) SELECT id, ? FROM orders "
                "WHERE id = ? AND ? <= paid - "
                "(SELECT coalesce(sum(amount), 0) FROM refunds WHERE order_id = orders.id)",
                (amount, order, amount),
            )
            if done.rowcount != 1:
                raise ValueError(f"order {order} has not been paid that much")
        return f"refunded ${amount} on order {order}"

    def send_email(self, to: str, body: str) -> str:
        """Send an e-mail.

        Args:
            to: The recipient's address.
            body: The text.
        """
        with self.database() as database:
            database.execute("INSERT INTO outbox (recipient, body) VALUES (?, ?)", (to, body))
        return f"sent to {to}"

    def delete_customer(self, customer: int) -> str:
        """Delete a customer and everything about them.

        Args:
            customer: The customer's number.
        """
        with self.database() as database:
            database.execute("DELETE FROM customers WHERE id = ?", (customer,))
        return f"deleted customer {customer}"

    def query(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """The rows that *sql* selects."""
        with self.database() as database:
            return [dict(row) for row in database.execute(sql, values)]

    @contextmanager
    def database(self) -> Iterator[sqlite3.Connection]:
        """A connection whose changes are kept if the block ends well."""
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA foreign_keys = ON")
            yield connection
