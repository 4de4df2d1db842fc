-- The tutorial's tables in SQLite. Times are milliseconds since 1970 UTC.
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

-- 7001 has said that she is travelling.
INSERT INTO travel_flags (enabled, credit_card, created_at) VALUES (1, '7001-2210-3398-1234', 1657404000000);
