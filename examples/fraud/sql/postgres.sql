-- The tutorial's tables, and rows that raise both alerts.
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

-- 4023: three within a minute. 5512: far from home, and nobody said so. 7001: far, but travelling.
INSERT INTO travel_flags (enabled, credit_card) VALUES (true, '7001-2210-3398-1234');
INSERT INTO purchases (category, amount, credit_card, distance_from_billing_zip, timestamp) VALUES
    ('groceries',   18.40, '4023-8871-0094-5521',    3.2, '2022-07-09 22:10:05+00'),
    ('electronics', 72.20, '4023-8871-0094-5521',    3.4, '2022-07-09 22:10:21+00'),
    ('electronics', 99.99, '4023-8871-0094-5521',    3.4, '2022-07-09 22:10:48+00'),
    ('fuel',        41.00, '5512-0937-6620-8873', 2450.0, '2022-07-09 22:11:30+00'),
    ('hotel',      210.00, '7001-2210-3398-1234', 3100.5, '2022-07-09 22:12:02+00');
