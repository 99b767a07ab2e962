package payment

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// noParts is what a [Move] writes to remove an order's refunded parts.
const noParts = "{}"

// Bounds of the parts of one order.
const (
	maxParts  = 100
	maxPartID = 40 // bytes; a gateway's key is made of it and the order's ID
)

// wholeRefund is the ID of a refund of all that is left.
const wholeRefund = ""

// parts are the refunds of an order by their IDs. One is written before the gateway is asked for it, so that the sum
// stays within the charge whoever dies in between.
type parts map[string]part

type part struct {
	Cents  int64  `json:"cents"`
	Refund string `json:"refund,omitempty"` // the gateway's ID; "" until it is recorded
}

func (o Order) parts() (parts, error) {
	p := parts{}
	if o.RefundParts == "" {
		return p, nil
	}
	if err := json.Unmarshal([]byte(o.RefundParts), &p); err != nil {
		return nil, fmt.Errorf("payment: refunds of order %s: %w: %w", o.ID, ErrConflict, err)
	}
	return p, nil
}

// text is the parts in a record. A map's keys are written in their order, so equal parts are equal texts.
func (p parts) text() string {
	data, _ := json.Marshal(p) // strings and numbers alone
	return string(data)
}

// with returns the parts with one changed.
func (p parts) with(id string, changed part) parts {
	p = maps.Clone(p)
	p[id] = changed
	return p
}

// sum adds up the parts, or those alone that the gateway is known to have given.
func (p parts) sum(given bool) (cents int64) {
	for _, part := range p {
		if !given || part.Refund != "" {
			cents += part.Cents
		}
	}
	return cents
}

// Refunds lists what was given back of an order, in the order of the parts' IDs, and what is about to be: that has no
// Refund yet.
func (o Order) Refunds() []RefundReceipt {
	p, err := o.parts()
	if err != nil || len(p) == 0 {
		if o.Refund == "" {
			return nil
		}
		return []RefundReceipt{{Refund: o.Refund, Charge: o.Charge, OrderID: o.ID, Cents: o.Cents}}
	}
	refunds := make([]RefundReceipt, 0, len(p))
	for _, id := range slices.Sorted(maps.Keys(p)) {
		refunds = append(refunds, o.refundReceipt(id, p[id]))
	}
	return refunds
}

func (o Order) refundReceipt(id string, p part) RefundReceipt {
	return RefundReceipt{Refund: p.Refund, Charge: o.Charge, OrderID: o.ID, Cents: p.Cents, Part: id}
}

func checkPart(id string) error {
	odd := func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", r)
	}
	if len(id) > maxPartID || strings.ContainsFunc(id, odd) {
		return fmt.Errorf("%w: part %.50q: want up to %d letters, digits, dots, dashes and underscores", ErrInvalid, id,
			maxPartID)
	}
	return nil
}

// shortName makes of somebody else's ID one that a part may have.
func shortName(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:12])
}
