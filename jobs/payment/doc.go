// Package payment charges orders once, gives their money back, and settles what was left half done: the kinds
// payment.charge, payment.capture, payment.cancel, payment.refund, payment.reconcile and payment.webhook, and the
// library below them.
//
// An order is a record in a [Store]: the hash order:<id> in Redis, or a row in PostgreSQL or SQLite. It goes
//
//	pending ──▶ processing ──▶ paid ──▶ refunded
//	              │    ▲   ├─▶ authorized ──▶ paid, failed or cancelled
//	              │    │   └─▶ failed ──▶ processing, for another attempt
//	              └────┘ taken over by a later holder
//
// by compare-and-set on its state and on the fencing token of the lock payment:<id>. An order that is not there yet is
// made pending by the job; an application may as well have written it before.
//
// What stands between an order and a second charge, each where the one before it ends:
//
//   - the lock keeps a second job away while the first is at it;
//   - the state stops a job that comes when it is over;
//   - the token stops a holder that was paused past its lock: a later one's step is in the store, and the late one's is
//     refused with [ErrFenced];
//   - the gateway is always asked with the same key for an order, and answers with the first charge instead of a second
//     one. A charge is in the world before it is in any record, so a process that dies in between leaves the key as the
//     only means: a [Gateway] must honour it.
package payment
