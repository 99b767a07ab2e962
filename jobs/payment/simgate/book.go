package simgate

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"sync"

	"github.com/navvy-go/navvy/jobs/payment"
)

// bookSize is how many keys a server remembers, the latest ones.
const bookSize = 250_000

// book remembers what was asked for under each idempotency key, and what became of it.
type book struct {
	size int // how many keys it remembers

	mu      sync.Mutex
	counts  Counts
	entries map[string]*entry // by idempotency key
	order   []string          // of the keys, oldest first
	charges map[string]*entry // by the charge's ID
}

// entry is one idempotency key. The book's mutex guards it.
type entry struct {
	uses     uint64
	running  bool
	asked    any // a chargeOrder, captureOrder or refundOrder; nil if no call was carried out
	answer   answer
	refunded int64 // cents, of a charge
	held     bool  // of a charge: not captured yet
	voided   bool  // of a charge
}

// answer is what a call is answered with: a receipt or a refusal.
type answer struct {
	status int
	body   any
}

func newBook(size int) *book {
	return &book{size: size, entries: map[string]*entry{}, charges: map[string]*entry{}}
}

// enter begins a call: uses says how often its key was used before, and refused is its answer if it must not go on. A
// call that goes on ends with abandon or with finish.
func (b *book) enter(key string, asked any) (e *entry, uses uint64, refused *answer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts.Calls++
	e = b.entries[key]
	if e == nil {
		e = &entry{}
		b.remember(key, e)
	}
	uses = e.uses
	e.uses++
	switch {
	case e.asked != nil && e.asked != asked:
		b.counts.Reused++
		refused = refuse(http.StatusUnprocessableEntity, codeKeyReused, "this idempotency key came with other parameters")
	case e.running:
		b.counts.InUse++
		refused = refuse(http.StatusConflict, codeKeyInUse, "the first call with this idempotency key is under way")
	default:
		e.running, e.asked = e.answer.status == 0, asked
	}
	return e, uses, refused
}

func (b *book) remember(key string, e *entry) {
	if len(b.order) == b.size {
		oldest := b.entries[b.order[0]]
		if receipt, ok := oldest.answer.body.(payment.Receipt); ok && b.charges[receipt.Charge] == oldest {
			delete(b.charges, receipt.Charge)
		}
		delete(b.entries, b.order[0])
		b.order = b.order[1:]
	}
	b.entries[key] = e
	b.order = append(b.order, key)
}

// abandon ends a call that was not carried out. The first one leaves its key unused.
func (b *book) abandon(e *entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts.Failed++
	e.running = false
	if e.answer.status == 0 {
		e.asked = nil
	}
}

// finish ends a call: it carries it out, unless an earlier one did, and returns the answer.
func (b *book) finish(e *entry, carryOut func() answer) answer {
	b.mu.Lock()
	defer b.mu.Unlock()
	e.running = false
	if e.answer.status != 0 {
		b.counts.Replayed++
		return e.answer
	}
	e.answer = carryOut()
	return e.answer
}

// charge carries a charge out. The caller holds the mutex.
func (b *book) charge(key string, e *entry, order chargeOrder, declined bool) answer {
	if declined {
		b.counts.Declined++
		return *refuse(http.StatusPaymentRequired, codeDeclined, "the card was declined")
	}
	receipt := payment.Receipt{
		Charge: identify("ch_", key), OrderID: order.OrderID, Cents: order.Cents, Currency: order.Currency,
		Authorized: order.Capture == payment.CaptureLater,
	}
	b.charges[receipt.Charge], e.held = e, receipt.Authorized
	return answer{http.StatusOK, receipt}
}

// capture takes what a charge holds, or lets go of it. The caller holds the mutex.
func (b *book) capture(order captureOrder) answer {
	charge := b.charges[order.Charge]
	if charge == nil {
		return *refuse(http.StatusBadRequest, codeInvalid, "no such charge")
	}
	receipt, _ := charge.answer.body.(payment.Receipt)
	switch {
	case receipt.OrderID != order.OrderID || receipt.Cents != order.Cents:
		return *refuse(http.StatusBadRequest, codeInvalid, "the charge is for another order or amount")
	case charge.voided && !order.Void:
		return *refuse(http.StatusPaymentRequired, codeDeclined, "the charge holds nothing any more")
	case !charge.held && order.Void && !charge.voided:
		return *refuse(http.StatusUnprocessableEntity, codeKeyReused, "the money has been taken")
	}
	charge.held, charge.voided = false, order.Void
	receipt.Authorized = false
	if !order.Void {
		charge.answer.body = receipt
	}
	return answer{http.StatusOK, receipt}
}

// refund carries a refund out. The caller holds the mutex.
func (b *book) refund(key string, order refundOrder) answer {
	charge := b.charges[order.Charge]
	if charge == nil {
		return *refuse(http.StatusBadRequest, codeRefused, "no such charge")
	}
	receipt, _ := charge.answer.body.(payment.Receipt)
	switch {
	case receipt.OrderID != order.OrderID || order.Cents <= 0 || receipt.Cents < order.Cents:
		return *refuse(http.StatusBadRequest, codeRefused, "the charge is for another order or amount")
	case charge.held || charge.voided:
		return *refuse(http.StatusBadRequest, codeRefused, "the charge has taken no money")
	case charge.refunded+order.Cents > receipt.Cents:
		return *refuse(http.StatusBadRequest, codeRefused, "the charge has been refunded already")
	}
	charge.refunded += order.Cents
	return answer{http.StatusOK, payment.RefundReceipt{
		Refund: identify("re_", key), Charge: order.Charge, OrderID: order.OrderID, Cents: order.Cents, Part: order.Part,
	}}
}

// lookup returns what became of a key.
func (b *book) lookup(key string) answer {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts.Lookups++
	e := b.entries[key]
	if e != nil && e.running {
		return *refuse(http.StatusConflict, codeKeyInUse, "the first call with this idempotency key is under way")
	}
	if e != nil {
		if _, isCharge := e.asked.(chargeOrder); isCharge {
			b.counts.Found++
			return e.answer
		}
	}
	return *refuse(http.StatusNotFound, codeNoCharge, "nothing was charged under this idempotency key")
}

func (b *book) unanswered() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts.Unanswered++
}

func (b *book) ledger() Ledger {
	b.mu.Lock()
	defer b.mu.Unlock()
	ledger := Ledger{Charges: []payment.Receipt{}, Refunds: []payment.RefundReceipt{}, Counts: b.counts}
	for _, key := range b.order {
		switch receipt := b.entries[key].answer.body.(type) {
		case payment.Receipt:
			if _, isCharge := b.entries[key].asked.(chargeOrder); isCharge {
				ledger.Charges = append(ledger.Charges, receipt)
			}
		case payment.RefundReceipt:
			ledger.Refunds = append(ledger.Refunds, receipt)
		}
	}
	return ledger
}

// identify makes an ID that follows from the key: servers with ledgers of their own agree on it.
func identify(prefix, key string) string {
	sum := sha256.Sum256([]byte(key))
	return prefix + hex.EncodeToString(sum[:12])
}

func refuse(status int, code, message string) *answer {
	var body refusal
	body.Error.Code, body.Error.Message = code, message
	return &answer{status, body}
}
