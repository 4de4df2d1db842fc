-- 4023: three within a minute. 5512: far from home, and nobody said so. 7001: far, but travelling.
INSERT INTO purchases (category, amount, credit_card, distance_from_billing_zip, timestamp) VALUES
    ('groceries',   18.40, '4023-8871-0094-5521',    3.2, '2022-07-09 22:10:05+00'),
    ('electronics', 72.20, '4023-8871-0094-5521',    3.4, '2022-07-09 22:10:21+00'),
    ('electronics', 99.99, '4023-8871-0094-5521',    3.4, '2022-07-09 22:10:48+00'),
    ('fuel',        41.00, '5512-0937-6620-8873', 2450.0, '2022-07-09 22:11:30+00'),
    ('hotel',      210.00, '7001-2210-3398-1234', 3100.5, '2022-07-09 22:12:02+00');
