// Package payment charges orders: the kind payment.charge, and the library below it.
//
// An order is the hash order:<id> with the fields state, cents, charge, failure and updated_at. It goes
//
//	pending ──▶ processing ──▶ paid
//	                       └─▶ failed
//
// by compare-and-set, and an order that is not there is pending. An application may therefore write the order first
// (state pending, cents) or leave that to the job.
//
// An order is charged once, by three means: the lock payment:<id> keeps a second job away while the first is at it; the
// state stops a job that comes when it is over; and where neither holds (the process died between the charge and its
// record, or was paused past its lock) the gateway is asked with the same idempotency key as before, and answers with
// the first charge in place of a second one. The last means is the one that counts, so a [Gateway] must honour it.
package payment
