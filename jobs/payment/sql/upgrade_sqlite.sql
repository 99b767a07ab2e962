CREATE TABLE navvy_orders_next (
    id              TEXT PRIMARY KEY,
    idempotency_key TEXT NOT NULL UNIQUE, -- that the gateway is asked with: no two orders share one
    state           TEXT NOT NULL CHECK (state IN ('pending', 'processing', 'authorized', 'paid', 'failed', 'refunded', 'cancelled')),
    cents           BIGINT NOT NULL CHECK (cents > 0),
    token           BIGINT NOT NULL, -- the fencing token of the last who moved it; 0 if nobody did
    charge          TEXT NOT NULL DEFAULT '',
    refund          TEXT NOT NULL DEFAULT '',
    failure         TEXT NOT NULL DEFAULT '',
    reason          TEXT NOT NULL DEFAULT '',
    updated_at      BIGINT NOT NULL, -- Unix milliseconds
    currency        TEXT NOT NULL DEFAULT '',
    charge_attempt  BIGINT NOT NULL DEFAULT 0,
    payment_method  TEXT NOT NULL DEFAULT '',
    capture         TEXT NOT NULL DEFAULT '',
    refund_parts    TEXT NOT NULL DEFAULT '' -- JSON
);
INSERT INTO navvy_orders_next (id, idempotency_key, state, cents, token, charge, refund, failure, reason, updated_at)
SELECT id, idempotency_key, state, cents, token, charge, refund, failure, reason, updated_at FROM navvy_orders;
DROP TABLE navvy_orders;
ALTER TABLE navvy_orders_next RENAME TO navvy_orders
