-- The shop before the agent comes. Amounts are whole dollars.

CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL UNIQUE);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    customer INTEGER NOT NULL REFERENCES customers ON DELETE CASCADE,
    item TEXT NOT NULL,
    paid INTEGER NOT NULL
);
CREATE TABLE refunds (
    id INTEGER PRIMARY KEY,
    order_id INTEGER NOT NULL REFERENCES orders ON DELETE CASCADE,
    amount INTEGER NOT NULL CHECK (amount > 0)
);
CREATE TABLE outbox (id INTEGER PRIMARY KEY, recipient TEXT NOT NULL, body TEXT NOT NULL);

INSERT INTO customers VALUES (1, 'Ada Moreno', 'ada@example.com'), (2, 'Ben Ito', 'ben@example.com');
INSERT INTO orders VALUES (1001, 1, 'desk lamp', 80), (1002, 1, 'standing desk', 640), (1003, 2, 'chair', 210);
