package payment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/navvy-go/navvy/lockmgr"
	"github.com/navvy-go/navvy/queue"
)

// busyPause is how long a job waits whose order is being charged elsewhere.
const busyPause = time.Second

// Charge is the job payment.charge: it charges one order.
type Charge struct {
	OrderID string `json:"order_id"`
	Cents   int64  `json:"cents"` // above 0
}

// Kind returns "payment.charge".
func (Charge) Kind() string { return "payment.charge" }

// UnmarshalJSON takes cents as a number or as a string of digits: in an entry that another program wrote to a raw
// stream every field is a string.
func (c *Charge) UnmarshalJSON(data []byte) error {
	var wire struct {
		OrderID string      `json:"order_id"`
		Cents   json.Number `json:"cents"`
	}
	if err := json.Unmarshal(data, &wire); err != nil {
		return err
	}
	*c = Charge{OrderID: wire.OrderID}
	if wire.Cents == "" {
		return nil
	}
	cents, err := wire.Cents.Int64()
	if err != nil {
		return fmt.Errorf("cents: %w", err)
	}
	c.Cents = cents
	return nil
}

// Register gives the mux the handler of payment.charge. Its result is the [Receipt], kept for a day.
func (s *Service) Register(mux *queue.Mux) {
	queue.Handle(mux, s.handle,
		queue.MaxAttempts(10), queue.Timeout(30*time.Second), queue.Retain(24*time.Hour))
}

func (s *Service) handle(ctx context.Context, job *queue.Job[Charge]) error {
	receipt, err := s.Charge(ctx, job.Args)
	switch {
	case err == nil:
		return job.SetResult(receipt)
	case errors.Is(err, lockmgr.ErrNotAcquired):
		return queue.Snooze(busyPause)
	case errors.Is(err, ErrInvalid), errors.Is(err, ErrConflict), errors.Is(err, ErrDeclined):
		return queue.Cancel(err)
	}
	return err
}

func (c Charge) validate() error {
	switch {
	case c.OrderID == "":
		return fmt.Errorf("payment: %w: order_id is empty", ErrInvalid)
	case c.Cents <= 0:
		return fmt.Errorf("payment: %w: order %s: %d cents must be above 0", ErrInvalid, c.OrderID, c.Cents)
	}
	return nil
}
