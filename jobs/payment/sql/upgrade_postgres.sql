ALTER TABLE navvy_orders
    DROP CONSTRAINT IF EXISTS navvy_orders_state_check,
    ADD COLUMN IF NOT EXISTS currency TEXT NOT NULL DEFAULT '',
    ADD COLUMN IF NOT EXISTS charge_attempt BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS payment_method TEXT NOT NULL DEFAULT '',
    ADD COLUMN IF NOT EXISTS capture TEXT NOT NULL DEFAULT '',
    ADD COLUMN IF NOT EXISTS refund_parts TEXT NOT NULL DEFAULT '',
    ADD CONSTRAINT navvy_orders_state_check CHECK (state IN
        ('pending', 'processing', 'authorized', 'paid', 'failed', 'refunded', 'cancelled'))
