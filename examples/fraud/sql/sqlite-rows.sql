-- 4023: three within a minute. 5512: far from home, and nobody said so. 7001: far, but travelling.
INSERT INTO purchases (category, amount, credit_card, distance_from_billing_zip, timestamp) VALUES
    ('groceries',   18.40, '4023-8871-0094-5521',    3.2, 1657404605000),
    ('electronics', 72.20, '4023-8871-0094-5521',    3.4, 1657404621000),
    ('electronics', 99.99, '4023-8871-0094-5521',    3.4, 1657404648000),
    ('fuel',        41.00, '5512-0937-6620-8873', 2450.0, 1657404690000),
    ('hotel',      210.00, '7001-2210-3398-1234', 3100.5, 1657404722000);
