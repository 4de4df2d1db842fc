-- The tutorial's tables.
CREATE TABLE IF NOT EXISTS purchases (
    id SERIAL PRIMARY KEY,
    category VARCHAR(120),
    amount MONEY,
    credit_card VARCHAR(20),
    distance_from_billing_zip FLOAT,
    timestamp TIMESTAMPTZ DEFAULT now()
);
CREATE TABLE IF NOT EXISTS travel_flags (
    id SERIAL PRIMARY KEY,
    enabled BOOLEAN,
    credit_card VARCHAR(20),
    created_at TIMESTAMPTZ DEFAULT now()
);

-- 7001 has said that she is travelling.
INSERT INTO travel_flags (enabled, credit_card) VALUES (true, '7001-2210-3398-1234');
