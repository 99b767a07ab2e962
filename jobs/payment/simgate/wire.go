package simgate

import "github.com/navvy-go/navvy/jobs/payment"

// What a request and an answer may hold.
const (
	maxKey    = 255 // characters of an idempotency key, as at Stripe
	maxBody   = 16 << 10
	maxLedger = 256 << 20 // of the ledger as JSON
)

const keyHeader = "Idempotency-Key"

// Paths of the server.
const (
	chargesPath  = "/v1/charges"
	capturesPath = "/v1/captures"
	voidsPath    = "/v1/voids"
	refundsPath  = "/v1/refunds"
	ledgerPath   = "/ledger"
)

// chargeOrder is the body of a charge; it is what must be the same under the same key.
type chargeOrder struct {
	OrderID       string `json:"order_id"`
	Cents         int64  `json:"cents"`
	Currency      string `json:"currency,omitempty"`
	PaymentMethod string `json:"payment_method,omitempty"`
	Capture       string `json:"capture,omitempty"`
}

// captureOrder is the body of a capture, and of a void.
type captureOrder struct {
	Charge  string `json:"charge"`
	OrderID string `json:"order_id"`
	Cents   int64  `json:"cents"`
	Void    bool   `json:"void,omitempty"` // set by the path
}

// refundOrder is the body of a refund.
type refundOrder struct {
	Charge  string `json:"charge"`
	OrderID string `json:"order_id"`
	Cents   int64  `json:"cents"`
	Part    string `json:"part,omitempty"`
}

// The codes of a refusal.
const (
	codeInvalid     = "invalid_request"
	codeDeclined    = "card_declined"
	codeNoCharge    = "no_such_charge"
	codeRefused     = "refund_refused"
	codeKeyInUse    = "idempotency_key_in_use"
	codeKeyReused   = "idempotency_key_reused"
	codeUnavailable = "unavailable"
)

// refusal is the body of an answer that is not a receipt.
type refusal struct {
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// Ledger is the server's account of what it did, the latest 250,000 charges and refunds, oldest first.
type Ledger struct {
	Charges []payment.Receipt       `json:"charges"`
	Refunds []payment.RefundReceipt `json:"refunds"`
	Counts
}

// Counts says how often the server was called and what it did.
type Counts struct {
	Calls      int64 `json:"calls"`      // charges and refunds asked for, each time they were
	Replayed   int64 `json:"replayed"`   // with a key that had its answer
	InUse      int64 `json:"in_use"`     // refused: the first call with the key was under way
	Reused     int64 `json:"reused"`     // refused: the key had come with other parameters
	Declined   int64 `json:"declined"`   // charges, each once
	Failed     int64 `json:"failed"`     // of Calls, by [Simulation.Failures]
	Unanswered int64 `json:"unanswered"` // of Calls, by [Simulation.Timeouts]
	Lookups    int64 `json:"lookups"`
	Found      int64 `json:"found"` // lookups that found a charge
}
