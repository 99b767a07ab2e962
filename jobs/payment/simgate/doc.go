// Package simgate is a payment provider for demonstrations and tests: a small HTTP server with a ledger of its own that
// fails in the ways a real provider does, and the [payment.Gateway] that speaks to it. No money moves.
//
// It keeps its promises as Stripe does. The first answer to an idempotency key, a decline included, is given again to
// whoever repeats the key; the key with other parameters is refused (422), and so is a key whose first call is under
// way (409). A call that failed before it was carried out leaves the key unused.
//
//	POST /v1/charges            {"order_id":"o-1","cents":1999}, with the header Idempotency-Key
//	GET  /v1/charges?key=KEY    what became of it
//	POST /v1/captures           {"charge":"ch_…","order_id":"o-1","cents":1999}, of a charge with "capture":"later"
//	POST /v1/voids              the same, to let go of the money
//	POST /v1/refunds            {"charge":"ch_…","order_id":"o-1","cents":1999}, with the header Idempotency-Key
//	GET  /ledger                every charge and refund, and how many calls there were
//
// The server has no authentication: let it listen on the loopback only.
package simgate
