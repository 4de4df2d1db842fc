-- The tutorial's tables in SQLite, and rows that raise both alerts. Times are milliseconds since 1970 UTC.
CREATE TABLE IF NOT EXISTS purchases (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    category VARCHAR(120),
    amount DOUBLE,
    credit_card VARCHAR(20),
    distance_from_billing_zip DOUBLE,
    timestamp TIMESTAMP
);
CREATE TABLE IF NOT EXISTS travel_flags (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    enabled BOOLEAN,
    credit_card VARCHAR(20),
    created_at TIMESTAMP
);

-- 4023: three within a minute. 5512: far from home, and nobody said so. 7001: far, but travelling.
INSERT INTO travel_flags (enabled, credit_card, created_at) VALUES (1, '7001-2210-3398-1234', 1657404000000);
INSERT INTO purchases (category, amount, credit_card, distance_from_billing_zip, timestamp) VALUES
    ('groceries',   18.40, '4023-8871-0094-5521',    3.2, 1657404605000),
    ('electronics', 72.20, '4023-8871-0094-5521',    3.4, 1657404621000),
    ('electronics', 99.99, '4023-8871-0094-5521',    3.4, 1657404648000),
    ('fuel',        41.00, '5512-0937-6620-8873', 2450.0, 1657404690000),
    ('hotel',      210.00, '7001-2210-3398-1234', 3100.5, 1657404722000);
