CREATE INDEX IF NOT EXISTS navvy_orders_state ON navvy_orders (state, updated_at, id)
